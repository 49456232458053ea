//! An orchestration as an answer brought it.

use std::fmt;

use twox_hash::XxHash3_64;

use super::Orchestration;

/// An orchestration with a mark of the text that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The orchestration.
    pub orchestration: Orchestration,
    /// The mark of the row's JSON text.
    pub fingerprint: Fingerprint,
}

/// A mark of a row's JSON text, byte for byte: the same text was read before, and need not be read again.
///
/// It is XXH3 with 64 bits. Nobody gains from two texts with one mark: whoever can choose what Paxos
/// answers needs no collision.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The mark of a text.
    pub fn of(text: &str) -> Self {
        Self(XxHash3_64::oneshot(text.as_bytes()))
    }

    /// A mark that was kept.
    pub const fn from_number(number: i64) -> Self {
        Self(number.cast_unsigned())
    }

    /// The number to keep.
    pub const fn number(self) -> i64 {
        self.0.cast_signed()
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Fingerprint({:016x})", self.0)
    }
}
