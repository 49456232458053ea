//! JSON text that is known to be well-formed, taken apart member by member without copying.
//!
//! Values stay text until somebody knows what they should be: so nothing that came is lost, and one
//! bad value spoils only itself. `serde_json` judges what is well-formed; once it has, cutting an
//! object into its members takes no more than finding where strings and brackets end, which is several
//! times as fast as having every value judged again.

use std::borrow::Cow;
use std::collections::HashSet;

use memchr::memchr2;
use serde_json::value::RawValue;

/// Up to this many members, looking for a repeated key is faster without hashing them.
const FEW_MEMBERS: usize = 32;

/// A well-formed JSON value, without space around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<'a> {
    text: &'a str,
    escapes: Escapes,
}

/// Whether a value may be a string with escapes. Finding its end tells, so it need not be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escapes {
    None,
    Maybe,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(super) struct Member<'a> {
    /// The key, its escapes resolved.
    pub(super) key: Cow<'a, str>,
    /// The key as it came, with its quotes.
    pub(super) raw_key: &'a str,
    /// The value.
    pub(super) value: Json<'a>,
}

impl<'a> From<&'a RawValue> for Json<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self { text: raw.get(), escapes: Escapes::Maybe }
    }
}

impl<'a> Json<'a> {
    /// Has `text` judged.
    pub(super) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<&RawValue>(text).map(Self::from)
    }

    /// Text that was judged, as a part of something larger.
    pub(super) fn judged(text: &'a str) -> Self {
        Self { text, escapes: Escapes::Maybe }
    }

    /// The text as it came.
    pub(super) fn as_str(self) -> &'a str {
        self.text
    }

    /// The text that this holds: `None` where it is missing, that is `null` or `""`. An `Err` says what
    /// it is instead.
    pub(super) fn text(self) -> Result<Option<Cow<'a, str>>, &'static str> {
        let Some(inner) = self.text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
            return if self.text == "null" { Ok(None) } else { Err(self.kind()) };
        };
        if inner.is_empty() {
            return Ok(None);
        }
        match self.escapes {
            Escapes::None => Ok(Some(Cow::Borrowed(inner))),
            Escapes::Maybe => {
                let unescaped = serde_json::from_str(self.text).map_err(|_| "a text with a broken escape")?;
                Ok(Some(Cow::Owned(unescaped)))
            }
        }
    }

    /// This, if it is an object: `None` where it is missing, that is `null`, `""` or `{}`. An `Err` says
    /// what it is instead.
    pub(super) fn object(self) -> Result<Option<Self>, &'static str> {
        match self.text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(inner) if inner.trim_ascii().is_empty() => Ok(None),
            Some(_) => Ok(Some(self)),
            None if matches!(self.text, "null" | "\"\"") => Ok(None),
            None => Err(self.kind()),
        }
    }

    /// The members of an object in the order in which they came; of a key that occurs more than once
    /// the last. Anything but an object has none.
    pub(super) fn members(self, capacity: usize) -> Vec<Member<'a>> {
        let mut members = Vec::with_capacity(capacity);
        let mut scanner = Scanner { text: self.text, at: 0 };
        if scanner.take(b'{') {
            while let Some(member) = scanner.member() {
                members.push(member);
                if !scanner.take(b',') {
                    break;
                }
            }
        }
        keep_last(&mut members);
        members
    }

    /// What kind of value it is, in words.
    pub(super) fn kind(self) -> &'static str {
        match self.text.as_bytes().first() {
            Some(b'"') => "a text",
            Some(b'{') => "an object",
            Some(b'[') => "a list",
            Some(b't' | b'f') => "true or false",
            Some(b'n') => "null",
            _ => "a number",
        }
    }
}

/// Finds where the parts of well-formed JSON end. Of anything else it makes nonsense, but no panic.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn member(&mut self) -> Option<Member<'a>> {
        let quoted = self.value()?;
        // One that cannot be unescaped is no key that anybody knows, but still differs from others.
        let key = quoted.text().unwrap_or(Some(Cow::Borrowed(quoted.text))).unwrap_or_default();
        if !self.take(b':') {
            return None;
        }
        Some(Member { key, raw_key: quoted.text, value: self.value()? })
    }

    fn value(&mut self) -> Option<Json<'a>> {
        self.skip_space();
        let start = self.at;
        let mut escapes = Escapes::None;
        match self.byte()? {
            b'"' => escapes = self.skip_string(),
            b'{' | b'[' => self.skip_nested(),
            _ => {
                while !matches!(self.byte(), None | Some(b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r')) {
                    self.at += 1;
                }
            }
        }
        Some(Json { text: self.text.get(start..self.at)?, escapes })
    }

    /// Steps over space and then over `wanted`, if that is what comes.
    fn take(&mut self, wanted: u8) -> bool {
        self.skip_space();
        let found = self.byte() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn skip_space(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn skip_string(&mut self) -> Escapes {
        let mut escapes = Escapes::None;
        self.at += 1;
        while let Some(rest) = self.text.as_bytes().get(self.at..) {
            let Some(found) = memchr2(b'"', b'\\', rest) else {
                self.at = self.text.len();
                break;
            };
            self.at += found + 1;
            if rest[found] == b'"' {
                break;
            }
            escapes = Escapes::Maybe;
            // Whatever is escaped, it does not end the string.
            self.at += 1;
        }
        escapes
    }

    fn skip_nested(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.byte() {
            match byte {
                b'"' => {
                    self.skip_string();
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
}

fn keep_last(members: &mut Vec<Member<'_>>) {
    if members.len() <= FEW_MEMBERS && !repeats(members) {
        return;
    }
    let mut seen = HashSet::new();
    let mut last: Vec<bool> = members.iter().rev().map(|member| seen.insert(member.key.as_ref())).collect();
    members.retain(|_| last.pop().unwrap_or(true));
}

/// Whether a key occurs more than once. Keys are compared only where their marks agree: rows have some
/// twenty keys, and hardly ever a repeated one.
fn repeats(members: &[Member<'_>]) -> bool {
    let mut marks = [0_u64; 4];
    members.iter().enumerate().any(|(at, member)| {
        let key = member.key.as_bytes();
        let ends = [key.first(), key.last()].map(|byte| byte.map_or(0, |byte| usize::from(*byte)));
        let mark = (key.len() * 7 + ends[0] * 31 + ends[1] * 3) % 256;
        let (word, bit) = (mark / 64, 1 << (mark % 64));
        let marked = marks[word] & bit != 0;
        marks[word] |= bit;
        marked && members[..at].iter().any(|other| other.key == member.key)
    })
}
