//! What people do with breaks: they acknowledge them, take that back, and resolve them.
//!
//! It is done beside whoever writes to the ledger, a few at a time, so that nobody waits for long.

use std::fmt;

use rusqlite::{TransactionBehavior, params};
use serde_json::json;

use crate::ledger::journal::{self, Entry, EntryKind};
use crate::ledger::rules::Route;
use crate::ledger::{Beside, LedgerError, Problem, identity, open, skew};
use crate::model::{
    Audience, BreakKind, BreakNumber, BreakRecord, Closing, Mute, Occasion, Resolution, Resolved, Standing,
    Subject, Tell, Timestamp, Told,
};

use super::steps::{entry, told_as};
use super::{Scene, reading, require, standing};

/// How many breaks one transaction takes: it holds up whoever writes for some milliseconds.
const AT_ONCE: usize = 200;

/// What a person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Acknowledges: nobody is told any more until then, or until it resolves or gets worse.
    Acknowledge {
        /// Why.
        why: String,
        /// Until when, by Paxos's clock; `None` where it holds until the break resolves.
        until: Option<Timestamp>,
    },
    /// Takes an acknowledgement back.
    Unacknowledge,
    /// Resolves.
    Resolve {
        /// Why.
        why: String,
    },
}

/// What becomes of the rest where something cannot be done with some of the breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It is done.
    Done,
    /// It is left, and nothing is done.
    Left,
}

/// Why something cannot be done with a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is none of this number.
    Unknown,
    /// It is resolved.
    Resolved(Resolved),
    /// It resolves when what opened it is over, and only then.
    ByItself(BreakKind),
    /// There is no acknowledgement to take back.
    NotAcknowledged,
}

/// A break with which something cannot be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which.
    pub number: BreakNumber,
    /// Why.
    pub why: Refusal,
}

impl fmt::Display for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number;
        match &self.why {
            Refusal::Unknown => {
                write!(
                    formatter,
                    "break {number} is not in the ledger; `tallyd breaks list` shows the numbers"
                )
            }
            Refusal::Resolved(Resolved { at, why }) => {
                write!(formatter, "break {number} was resolved on {}: {why}", at.to_rfc3339_seconds())
            }
            Refusal::ByItself(kind) => write!(
                formatter,
                "break {number} ({kind}) resolves by itself when what opened it is over; acknowledge it instead, \
                 or change its limit in the configuration"
            ),
            Refusal::NotAcknowledged => write!(formatter, "break {number} is not acknowledged"),
        }
    }
}

/// What came of what a person wanted to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deeds {
    /// The breaks with which it was done.
    pub done: Vec<BreakNumber>,
    /// Those with which it cannot be done.
    pub refused: Vec<Refused>,
}

impl Beside {
    /// Does something with these breaks in the name of `by`. `now` is by the local clock.
    pub fn do_with_breaks(
        &self,
        api_url: &str,
        numbers: &[BreakNumber],
        (by, deed): (&str, &Deed),
        rest: Rest,
        route: &Route,
        now: Timestamp,
    ) -> Result<Deeds, LedgerError> {
        let work = || -> Result<Deeds, Problem> {
            let mut connection = open::for_writing_beside(&self.path)?;
            require(&connection)?;
            let mut all = Deeds::default();
            let at_once = match rest {
                Rest::Done => AT_ONCE,
                Rest::Left => usize::MAX,
            };
            for some in numbers.chunks(at_once) {
                let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                identity::bind_environment(&transaction, api_url, now)?;
                let at = skew::last(&transaction)?.map_or(now, |skew| skew.correct(now));
                let scene = Scene { connection: &transaction, route, at, profile: None };
                let deeds = scene.do_with(some, by, deed)?;
                if rest == Rest::Left && !deeds.refused.is_empty() {
                    return Ok(Deeds { done: Vec::new(), ..deeds });
                }
                transaction.commit()?;
                all.done.extend(deeds.done);
                all.refused.extend(deeds.refused);
            }
            Ok(all)
        };
        work().map_err(|problem| problem.of(&self.path))
    }
}

impl Scene<'_> {
    fn do_with(&self, numbers: &[BreakNumber], by: &str, deed: &Deed) -> Result<Deeds, Problem> {
        let (mut deeds, mut entries) = (Deeds::default(), Vec::new());
        for &number in numbers {
            let refusal = match reading::record(self.connection, number)? {
                None => Some(Refusal::Unknown),
                Some(record) => refusal(record, deed),
            };
            match refusal {
                Some(why) => deeds.refused.push(Refused { number, why }),
                None => {
                    self.do_with_one(number, by, deed, &mut entries)?;
                    deeds.done.push(number);
                }
            }
        }
        journal::append(self.connection, &entries, self.at, 0)?;
        Ok(deeds)
    }

    fn do_with_one(
        &self,
        number: BreakNumber,
        by: &str,
        deed: &Deed,
        entries: &mut Vec<Entry>,
    ) -> Result<(), Problem> {
        let case = self.case(number)?;
        let standing = &case.standing;
        let end = match standing.told {
            Told::Nothing => Tell::Nobody,
            Told::As(_) => Tell::People,
        };
        match deed {
            Deed::Acknowledge { why, until } => {
                self.connection
                    .prepare_cached(
                        "UPDATE break SET muted_at = ?2, muted_by = ?3, muted_why = ?4, muted_until = ?5,
                             muted_as = severity WHERE number = ?1",
                    )?
                    .execute(params![number, self.at, by, why, until])?;
                let details = json!({ "by": by, "why": why, "until": until.map(Timestamp::to_rfc3339) });
                entries.push(entry(EntryKind::BreakAcknowledged, &case, details));
                self.tell(&case, Occasion::Acknowledged, told_as(standing), end)
            }
            Deed::Unacknowledge => {
                let tell = match standing.audience {
                    Audience::Everybody if !self.is_outdone(standing)? => Tell::People,
                    _ => Tell::Nobody,
                };
                self.unmute(&case, Some(by), tell, entries)
            }
            Deed::Resolve { why } => {
                let why = Resolution::Person { by: by.to_owned(), why: why.clone() };
                self.resolve(&case, &why, end, entries)
            }
        }
    }

    /// Whether something worse says that the same is held up, which alone is told.
    fn is_outdone(&self, standing: &Standing) -> Result<bool, Problem> {
        let (Some(rank), Subject::Orchestration(id)) = (standing.kind.held_up_rank(), &standing.subject)
        else {
            return Ok(false);
        };
        let others = standing::of_id(self.connection, id)?;
        Ok(others.iter().any(|other| other.kind.held_up_rank() > Some(rank)))
    }
}

fn refusal(record: BreakRecord, deed: &Deed) -> Option<Refusal> {
    let BreakRecord { standing, resolved, .. } = record;
    if let Some(resolved) = resolved {
        return Some(Refusal::Resolved(resolved));
    }
    let is_of_orchestration = matches!(standing.subject, Subject::Orchestration(_));
    match deed {
        Deed::Resolve { .. } if !is_of_orchestration || standing.kind.closing() == Closing::ByItself => {
            Some(Refusal::ByItself(standing.kind))
        }
        Deed::Unacknowledge if standing.mute == Mute::Off => Some(Refusal::NotAcknowledged),
        Deed::Acknowledge { .. } | Deed::Unacknowledge | Deed::Resolve { .. } => None,
    }
}
