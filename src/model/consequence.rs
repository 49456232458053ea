//! What follows from what was observed.

/// Something that must be passed on because of a page; kept in the same transaction as the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consequence {
    /// Names the occasion: a second consequence with the same key is the same one and is dropped.
    pub key: String,
    /// What to pass on. Opaque to the ledger.
    pub payload: String,
}
