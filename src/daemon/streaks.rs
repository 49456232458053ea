//! Which of the same troubles, poll after poll, are worth a line in the log.
//!
//! The first one, every tenth, and the end. Pure: what to say is decided here, the lines are `report`'s.

use std::collections::HashMap;

/// After how many polls the same trouble is told again.
const TOLD_EVERY: u32 = 10;

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

/// What trouble each subject is in, and for how many polls.
#[derive(Debug)]
pub(super) struct Streaks<Trouble>(HashMap<String, (Trouble, u32)>);

impl<Trouble> Default for Streaks<Trouble> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<Trouble: PartialEq> Streaks<Trouble> {
    /// Notes what trouble a subject is in after a poll, and says what is to be told.
    pub(super) fn note(&mut self, subject: &str, trouble: Option<Trouble>) -> Word {
        let Some(trouble) = trouble else {
            return self.0.remove(subject).map_or(Word::Well, |(_, polls)| Word::Recovered(polls));
        };
        match self.0.get_mut(subject) {
            Some((same, polls)) if *same == trouble => {
                *polls += 1;
                if polls.is_multiple_of(TOLD_EVERY) { Word::GoesOn(*polls) } else { Word::Known }
            }
            _ => {
                self.0.insert(subject.to_owned(), (trouble, 1));
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
        assert_eq!(streaks.note("treasury", None), Word::Well);
        let words: Vec<Word> = (0..21).map(|_| streaks.note("treasury", Some("429"))).collect();
        let told: Vec<_> = words.iter().enumerate().filter(|(_, word)| **word != Word::Known).collect();
        assert_eq!(told, [(0, &Word::New), (9, &Word::GoesOn(10)), (19, &Word::GoesOn(20))]);
        assert_eq!(streaks.note("treasury", Some("403")), Word::New);
        assert_eq!(streaks.note("payouts", Some("403")), Word::New);
        assert_eq!(streaks.note("treasury", None), Word::Recovered(1));
        assert_eq!(streaks.note("treasury", None), Word::Well);
    }
}
