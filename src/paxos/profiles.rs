//! One page of List Profiles.
//!
//! Owns its wire shape. Profiles are few: they are listed whole, and one that cannot be read is an
//! error, since a profile that is overlooked would never be polled.

use super::json::Json;
use super::page::{Envelope, utf8};
use super::{BodyError, Cursor};
use crate::model::{Identifier, Profile};

/// Takes the body of an answer: `{"items": [{"id", "nickname"}], "next_page_cursor": "..."}`.
pub(super) fn parse(body: &[u8]) -> Result<(Vec<Profile>, Option<Cursor>), BodyError> {
    let envelope = Envelope::parse(utf8(body)?, "profiles")?;
    let next = envelope.cursor()?;
    let items = match (envelope.items, envelope.older_items) {
        (Some(items), _) | (None, Some(items)) => items,
        (None, None) if envelope.members == 0 => return Err(BodyError::SaysNothing),
        (None, None) => return Err(BodyError::UnexpectedShape { what: "without a list `items`" }),
    };
    let profiles = items.into_iter().map(|item| profile(item.into())).collect::<Result<_, _>>()?;
    Ok((profiles, next))
}

fn profile(json: Json<'_>) -> Result<Profile, BodyError> {
    let members = json.members(0);
    let find = |name: &str| members.iter().find(|member| member.key == name)?.value.text().ok()?;
    let id = find("id").ok_or(BodyError::UnexpectedShape { what: "a list with a profile without an id" })?;
    Ok(Profile { id: Identifier::new(&id), name: find("nickname").map(Into::into) })
}
