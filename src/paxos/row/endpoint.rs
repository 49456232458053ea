//! The source and the destination of a row.
//!
//! Owns which kinds there are and what each is made of. An end of a kind that this version does not
//! know, or of which nothing known is said, is a missing end; its text stays in the remainder.

use super::fields::{self, Problem};
use crate::model::{Endpoint, Identifier};
use crate::paxos::json::Member;
use crate::paxos::remainder::Remainder;

/// Reads the members of `source`.
pub(super) fn source(members: &[Member<'_>], rest: &mut Remainder) -> Result<Option<Endpoint>, Problem> {
    endpoint(members, "deposit_instructions_id", rest)
}

/// Reads the members of `destination`.
pub(super) fn destination(members: &[Member<'_>], rest: &mut Remainder) -> Result<Option<Endpoint>, Problem> {
    endpoint(members, "bank_account_id", rest)
}

fn endpoint(
    members: &[Member<'_>],
    account_key: &str,
    rest: &mut Remainder,
) -> Result<Option<Endpoint>, Problem> {
    let mut found: Option<(&str, Endpoint)> = None;
    for member in members {
        let kind = member.key.as_ref();
        let endpoint = match kind {
            "profile" => fields::nested(member, rest, profile)?,
            "crypto" => fields::nested(member, rest, crypto)?,
            "fiat" => fields::nested(member, rest, |members, rest| fiat(members, account_key, rest))?,
            _ => {
                rest.add(member);
                None
            }
        };
        match (endpoint, &found) {
            (Some(_), Some((first, _))) => {
                return Err(Problem::new(kind, format_args!("a second kind of endpoint beside {first}")));
            }
            (Some(endpoint), None) => found = Some((kind, endpoint)),
            (None, _) => {}
        }
    }
    Ok(found.map(|(_, endpoint)| endpoint))
}

fn profile(members: &[Member<'_>], rest: &mut Remainder) -> Result<Option<Endpoint>, Problem> {
    let mut profile_id = None;
    for member in members {
        match member.key.as_ref() {
            "profile_id" => profile_id = fields::identifier(member)?,
            _ => rest.add(member),
        }
    }
    Ok(profile_id.map(|profile_id| Endpoint::Profile { profile_id }))
}

fn crypto(members: &[Member<'_>], rest: &mut Remainder) -> Result<Option<Endpoint>, Problem> {
    let (mut address, mut network, mut address_id) = (None, None, None);
    let mut alias: Option<(Identifier, &Member<'_>)> = None;
    for member in members {
        match member.key.as_ref() {
            "address" => address = fields::boxed(member)?,
            "network" => network = fields::boxed(member)?,
            "address_id" => address_id = fields::identifier(member)?,
            "crypto_address_id" => alias = fields::identifier(member)?.map(|id| (id, member)),
            _ => rest.add(member),
        }
    }
    // The older name of the same thing. Where both are given and differ, nobody says which is right.
    match (alias, &address_id) {
        (Some((id, _)), None) => address_id = Some(id),
        (Some((id, member)), Some(own)) if id != *own => rest.add(member),
        _ => {}
    }
    let says_something = address.is_some() || network.is_some() || address_id.is_some();
    Ok(says_something.then_some(Endpoint::Crypto { address, network, address_id }))
}

fn fiat(
    members: &[Member<'_>],
    account_key: &str,
    rest: &mut Remainder,
) -> Result<Option<Endpoint>, Problem> {
    let (mut account_id, mut memo) = (None, None);
    for member in members {
        match member.key.as_ref() {
            "memo" => memo = fields::boxed(member)?,
            name if name == account_key => account_id = fields::identifier(member)?,
            _ => rest.add(member),
        }
    }
    let says_something = account_id.is_some() || memo.is_some();
    Ok(says_something.then_some(Endpoint::Fiat { account_id, memo }))
}
