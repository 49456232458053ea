//! The bodies of answers, and the memory that they are received into.
//!
//! A page takes a few MiB. Fresh memory of that size costs as much as receiving it, so what a body leaves
//! behind is used again.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use super::BodyError;

/// How many buffers are kept for the next bodies.
const MAX_SPARES: usize = 3;

/// A larger buffer is not kept: hardly any body needs it.
const MAX_SPARE_BYTES: usize = 4 * 1024 * 1024;

/// Buffers that former bodies left behind.
#[derive(Clone, Debug, Default)]
pub(super) struct Spares(Arc<Mutex<Vec<Vec<u8>>>>);

impl Spares {
    /// An empty body, with room for at least `capacity` bytes.
    pub(super) fn body(&self, capacity: usize) -> Body {
        let spare = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut bytes = spare.unwrap_or_default();
        bytes.reserve(capacity);
        Body { bytes, spares: self.clone() }
    }

    fn keep(&self, mut bytes: Vec<u8>) {
        if (1..=MAX_SPARE_BYTES).contains(&bytes.capacity()) {
            let mut spares = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if spares.len() < MAX_SPARES {
                bytes.clear();
                spares.push(bytes);
            }
        }
    }
}

/// The body of an answer.
pub(super) struct Body {
    bytes: Vec<u8>,
    spares: Spares,
}

impl Body {
    /// Adds what was received next.
    pub(super) fn extend(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
    }

    /// The body as bytes of its own.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }

    /// The body as text. JSON is UTF-8 (RFC 8259, 8.1).
    pub(super) fn into_text(mut self) -> Result<Text, BodyError> {
        let text = String::from_utf8(std::mem::take(&mut self.bytes)).map_err(|error| error.utf8_error())?;
        Ok(Text { text, spares: self.spares.clone() })
    }
}

impl Deref for Body {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        self.spares.keep(std::mem::take(&mut self.bytes));
    }
}

/// Hides the bytes: they may hold a token.
impl fmt::Debug for Body {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Body({} bytes)", self.bytes.len())
    }
}

/// A body that is text.
pub(super) struct Text {
    text: String,
    spares: Spares,
}

impl Text {
    /// A text that came from elsewhere.
    pub(super) fn new(text: String) -> Self {
        Self { text, spares: Spares::default() }
    }

    /// Takes a part out.
    pub(super) fn remove(&mut self, range: std::ops::Range<usize>) {
        self.text.drain(range);
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        self.spares.keep(std::mem::take(&mut self.text).into_bytes());
    }
}

/// Hides the text.
impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Text({} bytes)", self.text.len())
    }
}
