//! Numbers and spans of time, as people read them.

use crate::model::{Timestamp, grouped, span};

/// How long ago `time` was, in at most two units: `3d 4h`, `12m 5s`.
pub fn age(now: Timestamp, time: Timestamp) -> String {
    span(now.since(time))
}

/// A whole number with its thousands set apart.
pub fn thousands(number: u64) -> String {
    grouped(&number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([7, 1_000, 123_456, 1_234_567].map(thousands), ["7", "1,000", "123,456", "1,234,567"]);
    }
}
