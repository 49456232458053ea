//! The limits where the configuration says nothing: by the route, since a bank takes days for what takes
//! seconds within Paxos.

use std::sync::Arc;
use std::time::Duration;

use super::allowance::{Allowance, Multiple};
use super::condition::RailKind;
use super::settings::{Applied, CriticalAmount, DuplicateWindow, Setting, Settings, Value};
use crate::model::{Endpoint, Orchestration, in_words};
use crate::schedule::{Calendar, Weekend, Zone};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// From profile to profile. It takes seconds; a quarter of an hour outlasts a short pause for maintenance.
pub const WITHIN_PAXOS: Duration = Duration::from_secs(15 * MINUTE);
/// Where one end is on a blockchain. It takes seconds to hours; what is still under way after four has missed
/// every chain's usual confirmation.
pub const ON_A_CHAIN: Duration = Duration::from_secs(4 * HOUR);
/// Where one end is a bank, in business days. A wire takes hours to two; the third is for a bank holiday, which
/// the calendar that is built in does not know.
pub const THROUGH_A_BANK_DAYS: u32 = 3;
/// Where an end is not given or of an unknown kind. Only a bank is slower than a day, and to wait for days where
/// nothing is known would be a silence.
pub const UNKNOWN_RAIL: Duration = Duration::from_secs(24 * HOUR);

/// An approval. People approve within a working day; over a weekend this is a warning and no more.
pub const PENDING: Duration = Duration::from_secs(24 * HOUR);
/// Legs and status are written one after the other: minutes of contradiction mean nothing.
pub const INCONSISTENT_LEGS: Duration = Duration::from_secs(15 * MINUTE);
/// Three times the limit: a delay is a warning, what is that late will hardly arrive by itself.
pub const CRITICAL_AFTER: Multiple = Multiple::whole(3);
/// A profile without a complete poll. Some polls in a row may fail in an outage that passes by itself.
pub const PROFILE_UNPOLLED: Duration = Duration::from_secs(15 * MINUTE);

/// The calendar that is built in: the banks behind US dollars keep New York's time. It has no days off, since
/// a list of them would run out in a program that nobody updates.
pub fn calendar() -> Calendar {
    let zone = Zone::parse("America/New_York").unwrap_or(Zone::UTC);
    Calendar::new("built-in", zone, Weekend::SATURDAY_AND_SUNDAY, Vec::new())
}

/// The slowest part of a way, which its time goes by; the slower, the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    WithinPaxos,
    OnAChain,
    Unknown,
    ThroughABank,
}

impl Way {
    const ALL: [Self; 4] = [Self::WithinPaxos, Self::OnAChain, Self::ThroughABank, Self::Unknown];

    fn of(end: Option<&Endpoint>) -> Self {
        match RailKind::of(end) {
            Some(RailKind::Profile) => Self::WithinPaxos,
            Some(RailKind::Crypto) => Self::OnAChain,
            Some(RailKind::Fiat) => Self::ThroughABank,
            None => Self::Unknown,
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::WithinPaxos => "within Paxos",
            Self::OnAChain => "on a chain",
            Self::ThroughABank => "through a bank",
            Self::Unknown => "where a rail is not known",
        }
    }
}

/// How long a way may take; business days are counted in `calendar`.
fn time(way: Way, calendar: &Arc<Calendar>) -> Allowance {
    match way {
        Way::WithinPaxos => Allowance::Elapsed(WITHIN_PAXOS),
        Way::OnAChain => Allowance::Elapsed(ON_A_CHAIN),
        Way::ThroughABank => {
            Allowance::Business { days: THROUGH_A_BANK_DAYS, calendar: Arc::clone(calendar) }
        }
        Way::Unknown => Allowance::Elapsed(UNKNOWN_RAIL),
    }
}

/// Both ends count until all is done.
fn whole_way(orchestration: &Orchestration) -> Way {
    Way::of(orchestration.source.as_ref()).max(last_way(orchestration))
}

/// Once the source leg is done, the destination alone counts.
fn last_way(orchestration: &Orchestration) -> Way {
    Way::of(orchestration.destination.as_ref())
}

/// What is set, and the defaults for the rest.
pub(super) fn complete(set: Settings, orchestration: &Orchestration, calendar: &Arc<Calendar>) -> Applied {
    Applied {
        processing: set.processing.unwrap_or_else(|| time(whole_way(orchestration), calendar)),
        between_legs: set.between_legs.unwrap_or_else(|| time(last_way(orchestration), calendar)),
        pending: set.pending.unwrap_or(Allowance::Elapsed(PENDING)),
        inconsistent_legs: set.inconsistent_legs.unwrap_or(Allowance::Elapsed(INCONSISTENT_LEGS)),
        critical_after: set.critical_after.unwrap_or(CRITICAL_AFTER),
        critical_amount: set.critical_amount.unwrap_or(CriticalAmount::Never),
        possible_duplicate: set.possible_duplicate.unwrap_or(DuplicateWindow::Off),
    }
}

/// The default of one setting for an orchestration, and for what it is meant.
pub(super) fn value(
    setting: Setting,
    orchestration: &Orchestration,
    calendar: &Arc<Calendar>,
) -> (Value, &'static str) {
    let by = |way: Way| (Value::Allowance(time(way, calendar)), way.in_words());
    let anywhere = |value| (value, "for every route");
    match setting {
        Setting::Processing => by(whole_way(orchestration)),
        Setting::BetweenLegs => by(last_way(orchestration)),
        Setting::Pending => anywhere(Value::Allowance(Allowance::Elapsed(PENDING))),
        Setting::InconsistentLegs => anywhere(Value::Allowance(Allowance::Elapsed(INCONSISTENT_LEGS))),
        Setting::CriticalAfter => anywhere(Value::Multiple(CRITICAL_AFTER)),
        Setting::CriticalAmount => anywhere(Value::CriticalAmount(CriticalAmount::Never)),
        Setting::PossibleDuplicate => anywhere(Value::DuplicateWindow(DuplicateWindow::Off)),
    }
}

/// The default of one setting wherever it may apply, as in `15m within Paxos, 4h on a chain`.
pub(super) fn told(setting: Setting, calendar: &Arc<Calendar>) -> String {
    match setting {
        Setting::Processing | Setting::BetweenLegs => {
            Way::ALL.map(|way| format!("{} {}", time(way, calendar), way.in_words())).join(", ")
        }
        Setting::Pending => in_words(PENDING),
        Setting::InconsistentLegs => in_words(INCONSISTENT_LEGS),
        Setting::CriticalAfter => CRITICAL_AFTER.to_string(),
        Setting::CriticalAmount | Setting::PossibleDuplicate => "off".to_owned(),
    }
}
