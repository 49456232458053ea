//! A duration as people write it.

use std::time::Duration;

/// A duration as the configuration spells it, as in `90s` → `1m 30s`, `36h` → `1d 12h`.
pub fn in_words(duration: Duration) -> String {
    const DAY: u64 = 24 * 60 * 60;
    // The library would go on to months and years, which the file has not.
    let days = duration.as_secs() / DAY;
    let rest = Duration::new(duration.as_secs() % DAY, duration.subsec_nanos());
    match (days, rest) {
        (0, rest) => humantime::format_duration(rest).to_string(),
        (days, Duration::ZERO) => format!("{days}d"),
        (days, rest) => format!("{days}d {}", humantime::format_duration(rest)),
    }
}
