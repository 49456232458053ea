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
    for &(ref key, raw) in members {
        let kind = key.as_ref();
        let endpoint = match kind {
            "profile" => fields::nested(kind, raw, rest, profile)?,
            "crypto" => fields::nested(kind, raw, rest, crypto)?,
            "fiat" => fields::nested(kind, raw, rest, |members, rest| fiat(members, account_key, rest))?,
            _ => {
                rest.add(kind, raw);
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
    for &(ref key, raw) in members {
        match key.as_ref() {
            "profile_id" => profile_id = fields::identifier(key, raw)?,
            _ => rest.add(key, raw),
        }
    }
    Ok(profile_id.map(|profile_id| Endpoint::Profile { profile_id }))
}

fn crypto(members: &[Member<'_>], rest: &mut Remainder) -> Result<Option<Endpoint>, Problem> {
    let (mut address, mut network, mut address_id) = (None, None, None);
    let mut alias: Option<(Identifier, &str)> = None;
    for &(ref key, raw) in members {
        match key.as_ref() {
            "address" => address = fields::boxed(key, raw)?,
            "network" => network = fields::boxed(key, raw)?,
            "address_id" => address_id = fields::identifier(key, raw)?,
            "crypto_address_id" => alias = fields::identifier(key, raw)?.map(|id| (id, raw)),
            _ => rest.add(key, raw),
        }
    }
    // The older name of the same thing. Where both are given and differ, nobody says which is right.
    match (alias, &address_id) {
        (Some((id, _)), None) => address_id = Some(id),
        (Some((id, raw)), Some(own)) if id != *own => rest.add("crypto_address_id", raw),
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
    for &(ref key, raw) in members {
        match key.as_ref() {
            "memo" => memo = fields::boxed(key, raw)?,
            name if name == account_key => account_id = fields::identifier(key, raw)?,
            _ => rest.add(key, raw),
        }
    }
    let says_something = account_id.is_some() || memo.is_some();
    Ok(says_something.then_some(Endpoint::Fiat { account_id, memo }))
}
