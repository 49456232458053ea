//! The account of a profile and an asset pair: what was open, what came, what ended, and what is still open.

use std::collections::BTreeMap;

use crate::model::{Identifier, Orchestration, Sum};

/// Of whom and of what an account is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    /// The profile.
    pub profile: Identifier,
    /// What is taken.
    pub source_asset: Option<Box<str>>,
    /// What is delivered.
    pub destination_asset: Option<Box<str>>,
}

impl AccountKey {
    /// The account in which an orchestration counts: that of its own profile, or where it names none, of the one
    /// that listed it first.
    pub(super) fn of(row: &Orchestration, listed_by: &Identifier) -> Self {
        Self {
            profile: row.profile_id.as_ref().unwrap_or(listed_by).clone(),
            source_asset: row.source_asset.clone(),
            destination_asset: row.destination_asset.clone(),
        }
    }

    /// `USD → USDG`.
    pub fn pair(&self) -> String {
        let asset = |asset: &Option<Box<str>>| asset.as_deref().unwrap_or("?").to_owned();
        format!("{} → {}", asset(&self.source_asset), asset(&self.destination_asset))
    }
}

/// How many, and how much.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// How many orchestrations.
    pub count: i64,
    /// How much was taken, in the source asset.
    pub source: Sum,
    /// How much was delivered, in the destination asset, as far as Paxos says.
    pub destination: Sum,
    /// How many of them say nothing of what was taken.
    pub without_source: i64,
    /// How many of them say nothing of what was delivered.
    pub without_destination: i64,
}

/// Whether something is added or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Plus,
    Minus,
}

impl Measure {
    /// Adds an orchestration, or takes it away.
    pub(super) fn put(&mut self, row: &Orchestration, sign: Sign) {
        self.count += one(sign);
        self.put_amounts(row, sign);
    }

    /// The same of its amounts alone.
    pub(super) fn put_amounts(&mut self, row: &Orchestration, sign: Sign) {
        let amounts = [
            (&row.source_amount, &mut self.source, &mut self.without_source),
            (&row.destination_amount, &mut self.destination, &mut self.without_destination),
        ];
        for (amount, sum, without) in amounts {
            match (amount, sign) {
                (Some(amount), Sign::Plus) => sum.add(amount),
                (Some(amount), Sign::Minus) => sum.subtract(amount),
                (None, _) => *without += one(sign),
            }
        }
    }

    /// Adds another one so many times.
    pub(super) fn add(&mut self, other: &Self, times: i8) {
        self.count += other.count * i64::from(times);
        self.source.add_sum(&other.source, times);
        self.destination.add_sum(&other.destination, times);
        self.without_source += other.without_source * i64::from(times);
        self.without_destination += other.without_destination * i64::from(times);
    }

    /// Whether it is nothing at all.
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

fn one(sign: Sign) -> i64 {
    match sign {
        Sign::Plus => 1,
        Sign::Minus => -1,
    }
}

/// Why what was open and what was created do not come to what ended and what is open. In the order in which they are
/// told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Created before the period and open in it, first seen when its profile was listed for the first time.
    FirstListing,
    /// The same, seen later than it should have been.
    CameLate,
    /// Known as ended before the period, and open again.
    Reopened,
    /// Known as ended before the period, while it ended later.
    EndedLater,
    /// Known as open when the period began, while it had ended before.
    EndedBefore,
    /// Paxos no longer knew it.
    Vanished,
    /// Paxos knew it again.
    Reappeared,
    /// Its creation is another time than was known.
    CreationMoved,
    /// It came from another profile or asset pair.
    MovedIn,
    /// It went to another profile or asset pair.
    MovedOut,
    /// Its amount became known.
    AmountKnown,
    /// Its amount is another one.
    AmountChanged,
    /// It was there twice.
    Merged,
}

impl Reason {
    /// Its word in data.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FirstListing => "first_listing",
            Self::CameLate => "came_late",
            Self::Reopened => "reopened",
            Self::EndedLater => "ended_later",
            Self::EndedBefore => "ended_before",
            Self::Vanished => "vanished",
            Self::Reappeared => "reappeared",
            Self::CreationMoved => "creation_moved",
            Self::MovedIn => "moved_in",
            Self::MovedOut => "moved_out",
            Self::AmountKnown => "amount_known",
            Self::AmountChanged => "amount_changed",
            Self::Merged => "merged",
        }
    }

    /// The same for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::FirstListing => "open before, found by the first listing",
            Self::CameLate => "created before, came late",
            Self::Reopened => "had ended before, reopened",
            Self::EndedLater => "had ended before, ended later after all",
            Self::EndedBefore => "had been open, ended before after all",
            Self::Vanished => "vanished at Paxos",
            Self::Reappeared => "had vanished, came back",
            Self::CreationMoved => "time of creation changed",
            Self::MovedIn => "came from another profile or asset pair",
            Self::MovedOut => "went to another profile or asset pair",
            Self::AmountKnown => "amount became known",
            Self::AmountChanged => "amount changed",
            Self::Merged => "was there twice, merged",
        }
    }
}

/// One account. Every sum is kept by itself: what they come to together is the proof.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Open when the period began, as was known then.
    pub opening: Measure,
    /// Created in the period.
    pub created: Measure,
    /// What the journal learned since, by why.
    pub adjustments: BTreeMap<Reason, Measure>,
    /// Completed in the period.
    pub completed: Measure,
    /// Failed in the period.
    pub failed: Measure,
    /// Rejected in the period.
    pub rejected: Measure,
    /// Still open when the period ended.
    pub closing: Measure,
}

impl Account {
    /// What is left over: nothing, where all is accounted for.
    pub fn residual(&self) -> Measure {
        let mut residual = Measure::default();
        let plus = [&self.opening, &self.created].into_iter().chain(self.adjustments.values());
        for measure in plus {
            residual.add(measure, 1);
        }
        let minus = [&self.completed, &self.failed, &self.rejected, &self.closing];
        for measure in minus {
            residual.add(measure, -1);
        }
        residual
    }

    /// Whether nothing was in it.
    pub(super) fn is_empty(&self) -> bool {
        let sums =
            [&self.opening, &self.created, &self.completed, &self.failed, &self.rejected, &self.closing];
        sums.into_iter().chain(self.adjustments.values()).all(Measure::is_zero)
    }
}
