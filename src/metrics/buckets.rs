//! The buckets of the histograms, in seconds: where a difference matters to whoever reads them.

/// From a quick poll to a backfill of hours.
pub(super) const POLL: &[f64] =
    &[0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0];

/// From seconds between profiles to the business days of a bank.
pub(super) const COMPLETION: &[f64] = &[
    1.0, 10.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 14_400.0, 43_200.0, 86_400.0, 172_800.0, 259_200.0,
    432_000.0, 604_800.0,
];

/// Up to the longest that a request may take by default.
pub(super) const REQUEST: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// From nothing to what delays a poll by its interval.
pub(super) const LIMITER_WAIT: &[f64] = &[0.001, 0.01, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// From a look-up to building an index.
pub(super) const TRANSACTION: &[f64] = &[0.0001, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];
