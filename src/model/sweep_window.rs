//! How far back a sweep lists again.

use std::fmt;
use std::time::Duration;

use super::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The part of `created_at` that a sweep lists again.
///
/// Shown as in `48h`, `35d`, `1h30m` or `all`, the same for equal windows however they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SweepWindow {
    /// What was created in this time before the sweep; shown to the second.
    Last(Duration),
    /// All that was ever created.
    Everything,
}

impl SweepWindow {
    /// Where the window of a sweep begins that begins at `now`.
    pub fn begins_at(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Last(duration) => now.minus(duration).max(Timestamp::EPOCH),
            Self::Everything => Timestamp::EPOCH,
        }
    }
}

impl fmt::Display for SweepWindow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Last(duration) => formatter.pad(&spelled(duration.as_secs())),
            Self::Everything => formatter.pad("all"),
        }
    }
}

fn spelled(seconds: u64) -> String {
    // People say 24 and 48 hours, and count longer times in days.
    let days = if seconds > 2 * DAY { seconds / DAY } else { 0 };
    let rest = seconds - days * DAY;
    let parts = [(days, "d"), (rest / HOUR, "h"), (rest % HOUR / MINUTE, "m"), (rest % MINUTE, "s")];
    let text: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_spelled_as_people_say_them() {
        let shown = [0, 90, HOUR, 90 * MINUTE, DAY, 2 * DAY, 2 * DAY + HOUR, 3 * DAY, 35 * DAY, 365 * DAY]
            .map(|seconds| SweepWindow::Last(Duration::from_secs(seconds)).to_string());
        assert_eq!(shown, ["0s", "1m30s", "1h", "1h30m", "24h", "48h", "2d1h", "3d", "35d", "365d"]);
        assert_eq!(SweepWindow::Everything.to_string(), "all");
    }
}
