//! What can be limited, and the values that it can have.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::allowance::{Allowance, Multiple};
use crate::model::{Amount, Orchestration, in_words};

/// One thing that a rule can set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// How long an orchestration may be PROCESSING.
    Processing,
    /// How long the destination leg may take after the source leg.
    BetweenLegs,
    /// How long an approval may take.
    Pending,
    /// How long legs and status may contradict each other.
    InconsistentLegs,
    /// How many times the limit of PROCESSING is critical.
    CriticalAfter,
    /// From which amount on what is stuck or rejected is critical.
    CriticalAmount,
    /// Within which time an equal movement may be one that was made twice.
    PossibleDuplicate,
}

impl Setting {
    /// Every setting, in the order in which they are told.
    pub const ALL: [Self; 7] = [
        Self::Processing,
        Self::BetweenLegs,
        Self::Pending,
        Self::InconsistentLegs,
        Self::CriticalAfter,
        Self::CriticalAmount,
        Self::PossibleDuplicate,
    ];

    /// Its key in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "processing",
            Self::BetweenLegs => "between_legs",
            Self::Pending => "pending",
            Self::InconsistentLegs => "inconsistent_legs",
            Self::CriticalAfter => "critical_after",
            Self::CriticalAmount => "critical_amount",
            Self::PossibleDuplicate => "possible_duplicate",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// What a rule sets, or the defaults of the file. `None` is what it leaves to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// See [`Setting::Processing`].
    pub processing: Option<Allowance>,
    /// See [`Setting::BetweenLegs`].
    pub between_legs: Option<Allowance>,
    /// See [`Setting::Pending`].
    pub pending: Option<Allowance>,
    /// See [`Setting::InconsistentLegs`].
    pub inconsistent_legs: Option<Allowance>,
    /// See [`Setting::CriticalAfter`].
    pub critical_after: Option<Multiple>,
    /// See [`Setting::CriticalAmount`].
    pub critical_amount: Option<CriticalAmount>,
    /// See [`Setting::PossibleDuplicate`].
    pub possible_duplicate: Option<DuplicateWindow>,
}

impl Settings {
    /// Takes over what is not set yet.
    pub(super) fn fill_from(&mut self, other: &Self) {
        fill(&mut self.processing, &other.processing);
        fill(&mut self.between_legs, &other.between_legs);
        fill(&mut self.pending, &other.pending);
        fill(&mut self.inconsistent_legs, &other.inconsistent_legs);
        fill(&mut self.critical_after, &other.critical_after);
        fill(&mut self.critical_amount, &other.critical_amount);
        fill(&mut self.possible_duplicate, &other.possible_duplicate);
    }

    /// The value of one setting, if it is set.
    pub fn value(&self, setting: Setting) -> Option<Value> {
        let allowance = |allowance: &Option<Allowance>| allowance.clone().map(Value::Allowance);
        match setting {
            Setting::Processing => allowance(&self.processing),
            Setting::BetweenLegs => allowance(&self.between_legs),
            Setting::Pending => allowance(&self.pending),
            Setting::InconsistentLegs => allowance(&self.inconsistent_legs),
            Setting::CriticalAfter => self.critical_after.map(Value::Multiple),
            Setting::CriticalAmount => self.critical_amount.clone().map(Value::CriticalAmount),
            Setting::PossibleDuplicate => self.possible_duplicate.map(Value::DuplicateWindow),
        }
    }

    /// Every setting that is set, with its value.
    pub fn given(&self) -> impl Iterator<Item = (Setting, Value)> {
        Setting::ALL.into_iter().filter_map(|setting| Some((setting, self.value(setting)?)))
    }
}

fn fill<T: Clone>(own: &mut Option<T>, other: &Option<T>) {
    if own.is_none() {
        own.clone_from(other);
    }
}

/// The limits that hold for one orchestration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// See [`Setting::Processing`].
    pub processing: Allowance,
    /// See [`Setting::BetweenLegs`].
    pub between_legs: Allowance,
    /// See [`Setting::Pending`].
    pub pending: Allowance,
    /// See [`Setting::InconsistentLegs`].
    pub inconsistent_legs: Allowance,
    /// See [`Setting::CriticalAfter`].
    pub critical_after: Multiple,
    /// See [`Setting::CriticalAmount`].
    pub critical_amount: CriticalAmount,
    /// See [`Setting::PossibleDuplicate`].
    pub possible_duplicate: DuplicateWindow,
}

impl Applied {
    /// How long it may be PROCESSING before that is critical.
    pub fn critical_processing(&self) -> Allowance {
        self.processing.times(self.critical_after)
    }
}

/// From which amount on what is stuck or rejected is critical, whatever its age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CriticalAmount {
    /// The amount decides nothing.
    Never,
    /// From any of these on; each counts for its own asset alone.
    From(Arc<[Money]>),
}

impl CriticalAmount {
    /// Whether the source amount of an orchestration is that large.
    pub fn is_reached_by(&self, orchestration: &Orchestration) -> bool {
        let (Self::From(least), Some(asset), Some(amount)) =
            (self, &orchestration.source_asset, &orchestration.source_amount)
        else {
            return false;
        };
        let of_asset = |money: &&Money| money.asset.eq_ignore_ascii_case(asset);
        least.iter().find(of_asset).is_some_and(|least| amount.decimal() >= least.amount.decimal())
    }
}

/// As in `100000 USD, 5 BTC`, or `off`.
impl fmt::Display for CriticalAmount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => formatter.pad("off"),
            Self::From(least) => {
                let texts: Vec<String> = least.iter().map(ToString::to_string).collect();
                formatter.pad(&texts.join(", "))
            }
        }
    }
}

/// An amount of an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Money {
    /// How much.
    pub amount: Amount,
    /// Of what.
    pub asset: Box<str>,
}

/// A text that is no amount of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an amount above zero and its asset such as \"250000 USD\"")]
pub struct InvalidMoney;

impl Money {
    /// Reads `250000 USD`.
    pub fn parse(text: &str) -> Result<Self, InvalidMoney> {
        let (amount, asset) = text.trim().split_once(char::is_whitespace).ok_or(InvalidMoney)?;
        let amount = Amount::parse(amount).map_err(|_| InvalidMoney)?;
        let asset = asset.trim();
        let is_asset = asset.bytes().all(|byte| byte.is_ascii_graphic()) && Amount::parse(asset).is_err();
        // A minus is the only sign that an amount has.
        let is_above_zero = !amount.as_str().starts_with('-')
            && amount.as_str().contains(|digit| ('1'..='9').contains(&digit));
        (is_asset && is_above_zero && !asset.is_empty())
            .then(|| Self { amount, asset: asset.into() })
            .ok_or(InvalidMoney)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.amount, self.asset)
    }
}

/// Within which time an equal movement may be one that was made twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DuplicateWindow {
    /// Equal movements are taken for what they are: standing orders are equal too.
    Off,
    /// Within this time.
    Within(Duration),
}

impl fmt::Display for DuplicateWindow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => formatter.pad("off"),
            Self::Within(window) => formatter.pad(&in_words(*window)),
        }
    }
}

/// The value of any setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// How long something may take.
    Allowance(Allowance),
    /// How many times a limit.
    Multiple(Multiple),
    /// From which amount on.
    CriticalAmount(CriticalAmount),
    /// Within which time.
    DuplicateWindow(DuplicateWindow),
}

impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allowance(allowance) => {
                allowance.fmt(formatter)?;
                // There may be several calendars.
                match allowance {
                    Allowance::Business { calendar, .. } => write!(formatter, " ({})", calendar.name()),
                    Allowance::Elapsed(_) => Ok(()),
                }
            }
            Self::Multiple(multiple) => multiple.fmt(formatter),
            Self::CriticalAmount(amount) => amount.fmt(formatter),
            Self::DuplicateWindow(window) => window.fmt(formatter),
        }
    }
}
