//! Which of the same troubles, poll after poll, are worth a line in the log.
//!
//! The first one, every tenth, one after an hour of silence, and the end. Pure: what to say is decided here, the lines are `report`'s.

use std::collections::HashMap;
use std::time::Duration;

/// After how many polls the same trouble is told again.
const TOLD_EVERY: u32 = 10;

/// After how long it is told again in any case: what sweeps by night meets the same trouble once a day.
const SILENT_FOR: Duration = Duration::from_secs(3600);

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// All is well, as it was.
    Well,
    /// All is well again, after so many polls that were not.
    Recovered(u32),
    /// This trouble is new.
    New,
    /// This trouble goes on, and was met in so many polls now.
    GoesOn(u32),
    /// This trouble goes on, and was told lately.
    Known,
}

/// What trouble each subject is in.
#[derive(Debug)]
pub(super) struct Streaks<Trouble>(HashMap<String, Streak<Trouble>>);

#[derive(Debug)]
struct Streak<Trouble> {
    trouble: Trouble,
    /// For how many polls.
    polls: u32,
    /// When it was told last.
    told: Duration,
}

impl<Trouble> Default for Streaks<Trouble> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<Trouble: PartialEq> Streaks<Trouble> {
    /// Notes what trouble a subject is in after a poll, and says what is to be told. `now` is the clock's
    /// monotonic reading.
    pub(super) fn note(&mut self, subject: &str, trouble: Option<Trouble>, now: Duration) -> Word {
        let Some(trouble) = trouble else {
            return self.0.remove(subject).map_or(Word::Well, |streak| Word::Recovered(streak.polls));
        };
        match self.0.get_mut(subject) {
            Some(streak) if streak.trouble == trouble => {
                streak.polls += 1;
                let silent = now.saturating_sub(streak.told);
                if !streak.polls.is_multiple_of(TOLD_EVERY) && silent < SILENT_FOR {
                    return Word::Known;
                }
                streak.told = now;
                Word::GoesOn(streak.polls)
            }
            _ => {
                self.0.insert(subject.to_owned(), Streak { trouble, polls: 1, told: now });
                Word::New
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_trouble_every_tenth_and_the_end_are_told() {
        let mut streaks = Streaks::default();
        let at = Duration::from_secs;
        assert_eq!(streaks.note("treasury", None, at(0)), Word::Well);
        let words: Vec<Word> =
            (0..21).map(|poll| streaks.note("treasury", Some("429"), at(poll * 60))).collect();
        let told: Vec<_> = words.iter().enumerate().filter(|(_, word)| **word != Word::Known).collect();
        assert_eq!(told, [(0, &Word::New), (9, &Word::GoesOn(10)), (19, &Word::GoesOn(20))]);
        assert_eq!(streaks.note("treasury", Some("403"), at(1300)), Word::New);
        assert_eq!(streaks.note("payouts", Some("403"), at(1300)), Word::New);
        assert_eq!(streaks.note("treasury", None, at(1400)), Word::Recovered(1));
        assert_eq!(streaks.note("treasury", None, at(1400)), Word::Well);
    }

    #[test]
    fn trouble_that_is_met_once_a_day_is_told_every_day() {
        let mut streaks = Streaks::default();
        let words =
            (0..3).map(|day| streaks.note("treasury", Some("403"), Duration::from_secs(day * 86_400)));
        assert_eq!(words.collect::<Vec<_>>(), [Word::New, Word::GoesOn(2), Word::GoesOn(3)]);
    }
}
