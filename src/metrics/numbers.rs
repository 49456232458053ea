//! From the program's numbers to samples, which are floating point.

use std::time::Duration;

use crate::model::Timestamp;

/// A count. Exact up to 2^53, which nothing here reaches.
#[expect(clippy::cast_precision_loss, reason = "samples are floating point; counts stay far below 2^53")]
pub(super) fn count(number: u64) -> f64 {
    number as f64
}

/// A span in seconds.
pub(super) fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}

/// An instant as seconds since 1970.
pub(super) fn unix(at: Timestamp) -> f64 {
    signed_seconds(at.as_micros())
}

/// Microseconds as seconds.
pub(super) fn signed_seconds(micros: i64) -> f64 {
    let seconds = Duration::from_micros(micros.unsigned_abs()).as_secs_f64();
    if micros < 0 { seconds.copysign(-1.0) } else { seconds }
}

/// Percent as a share of 1.
#[expect(clippy::float_arithmetic, reason = "samples are floating point")]
pub(super) fn share(percent: u64) -> f64 {
    count(percent) / 100.0
}
