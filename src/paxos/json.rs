//! JSON objects taken apart member by member, without copying.
//!
//! Values stay text until somebody knows what they should be: so nothing that came is lost, one bad
//! value spoils only itself, and reading a page costs about what scanning it costs.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Up to this many members, comparing every pair of keys is faster than hashing them.
const FEW_MEMBERS: usize = 32;

/// A key with the text of its value.
pub(super) type Member<'a> = (Cow<'a, str>, &'a str);

/// Appends the members of the object `text`, in the order in which they came. Of a key that occurs
/// more than once the last one stays. On an error the members before it have been appended.
pub(super) fn members<'a>(text: &'a str, into: &mut Vec<Member<'a>>) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = deserializer.deserialize_map(Members(into)).and_then(|()| deserializer.end());
    keep_last(into);
    read
}

/// The text that `raw` holds: `None` where it is missing, that is `null` or `""`. An `Err` names what
/// it is instead of a text.
pub(super) fn text(raw: &str) -> Result<Option<Cow<'_, str>>, &'static str> {
    if raw == "null" {
        return Ok(None);
    }
    let Some(inner) = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Err(kind_of(raw));
    };
    if inner.is_empty() {
        return Ok(None);
    }
    if !inner.as_bytes().contains(&b'\\') {
        return Ok(Some(Cow::Borrowed(inner)));
    }
    let unescaped: String = serde_json::from_str(raw).map_err(|_| "a text with a broken escape")?;
    Ok(Some(Cow::Owned(unescaped)))
}

/// The object that `raw` holds: `None` where it is missing, that is `null`, `""` or `{}`. An `Err`
/// names what it is instead of an object.
pub(super) fn object(raw: &str) -> Result<Option<&str>, &'static str> {
    match raw.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(inner) if inner.trim_ascii().is_empty() => Ok(None),
        Some(_) => Ok(Some(raw)),
        None if matches!(raw, "null" | "\"\"") => Ok(None),
        None => Err(kind_of(raw)),
    }
}

/// What a JSON value is, in words.
pub(super) fn kind_of(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'"') => "a text",
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

struct Members<'into, 'a>(&'into mut Vec<Member<'a>>);

impl<'a> Visitor<'a> for Members<'_, 'a> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key)? {
            let value: &'a RawValue = map.next_value()?;
            self.0.push((key, value.get()));
        }
        Ok(())
    }
}

/// Reads a key, borrowed where it holds no escape.
pub(super) struct Key;

impl<'a> DeserializeSeed<'a> for Key {
    type Value = Cow<'a, str>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for Key {
    type Value = Cow<'a, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'a str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

fn keep_last(members: &mut Vec<Member<'_>>) {
    let repeats = |members: &[Member<'_>]| {
        members.iter().enumerate().any(|(at, (key, _))| members[..at].iter().any(|(other, _)| other == key))
    };
    if members.len() <= FEW_MEMBERS && !repeats(members) {
        return;
    }
    let mut seen = HashSet::new();
    let mut last: Vec<bool> = members.iter().rev().map(|(key, _)| seen.insert(key.as_ref())).collect();
    members.retain(|_| last.pop().unwrap_or(true));
}
