//! An identifier that somebody else gave.

use std::fmt;

use uuid::Uuid;

/// An opaque identifier, equal only to the same text.
///
/// Most are UUIDs; the API documents them as strings, and some samples show other shapes. One that
/// is a UUID in its usual spelling (lower case, hyphens) is held as its 16 bytes, anything else as
/// it came, so that no text is ever altered.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identifier {
    /// A UUID in its usual spelling.
    Uuid(Uuid),
    /// Any other text.
    Text(Box<str>),
}

impl Identifier {
    /// The identifier with this text.
    pub fn new(text: &str) -> Self {
        let canonical = text.len() == 36 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match canonical.then(|| Uuid::try_parse(text)) {
            Some(Ok(uuid)) => Self::Uuid(uuid),
            _ => Self::Text(text.into()),
        }
    }
}

impl From<&str> for Identifier {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(uuid) => fmt::Display::fmt(uuid, formatter),
            Self::Text(text) => formatter.pad(text),
        }
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_comes_back(text in ".*") {
            prop_assert_eq!(Identifier::new(&text).to_string(), text);
        }

        #[test]
        fn every_uuid_is_held_as_bytes(bytes: [u8; 16]) {
            let text = Uuid::from_bytes(bytes).to_string();
            prop_assert_eq!(Identifier::new(&text), Identifier::Uuid(Uuid::from_bytes(bytes)));
        }
    }

    #[test]
    fn another_spelling_is_another_identifier() {
        let lower = "7c4e8f2a-1d3b-4a5e-9f6c-8b2d7e0a4f1c";
        for text in
            [lower.to_uppercase(), lower.replace('-', ""), format!("{{{lower}}}"), "orch_123abc".to_owned()]
        {
            let identifier = Identifier::new(&text);
            assert!(matches!(identifier, Identifier::Text(_)), "{text}");
            assert_eq!(identifier.to_string(), text);
        }
    }
}
