//! What a rule matches, how specific that is, and whether two rules can match the same.

use std::cell::OnceCell;
use std::fmt;

use bigdecimal::BigDecimal;

use crate::model::{Amount, Endpoint, Identifier, Orchestration};

/// What a rule matches: every condition that is given must hold.
///
/// Networks and assets are the same in upper and lower case: a rule that never matches because of a `solana`
/// would be a silence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// The profile.
    pub profile: Option<Identifier>,
    /// Where the money comes from.
    pub source: Side,
    /// Where it goes.
    pub destination: Side,
    /// The network of either side.
    pub network: Option<Box<str>>,
    /// What is taken.
    pub source_asset: Option<Box<str>>,
    /// What is delivered.
    pub destination_asset: Option<Box<str>>,
    /// The least amount that is taken.
    pub min_source_amount: Option<Amount>,
}

/// What is asked of one end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Its rail.
    pub rail: Option<RailKind>,
    /// Its network; only a blockchain has one.
    pub network: Option<Box<str>>,
}

/// A rail that can be named in a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RailKind {
    /// Within Paxos.
    Profile,
    /// On a blockchain.
    Crypto,
    /// Through a bank.
    Fiat,
}

impl RailKind {
    /// Every rail.
    pub const ALL: [Self; 3] = [Self::Profile, Self::Crypto, Self::Fiat];

    /// The rail as the configuration spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Crypto => "crypto",
            Self::Fiat => "fiat",
        }
    }

    /// The rail of an end; `None` of one that is missing.
    pub(super) fn of(end: Option<&Endpoint>) -> Option<Self> {
        end.map(|end| match end {
            Endpoint::Profile { .. } => Self::Profile,
            Endpoint::Crypto { .. } => Self::Crypto,
            Endpoint::Fiat { .. } => Self::Fiat,
        })
    }
}

/// A condition by the key that sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionKey {
    /// `profile`
    Profile,
    /// `source_rail`
    SourceRail,
    /// `destination_rail`
    DestinationRail,
    /// `network`
    Network,
    /// `source_network`
    SourceNetwork,
    /// `destination_network`
    DestinationNetwork,
    /// `source_asset`
    SourceAsset,
    /// `destination_asset`
    DestinationAsset,
    /// `min_source_amount`
    MinSourceAmount,
}

impl ConditionKey {
    /// Every key, in the order in which conditions are looked at.
    pub const ALL: [Self; 9] = [
        Self::Profile,
        Self::SourceRail,
        Self::DestinationRail,
        Self::Network,
        Self::SourceNetwork,
        Self::DestinationNetwork,
        Self::SourceAsset,
        Self::DestinationAsset,
        Self::MinSourceAmount,
    ];

    /// The key as the configuration spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::SourceRail => "source_rail",
            Self::DestinationRail => "destination_rail",
            Self::Network => "network",
            Self::SourceNetwork => "source_network",
            Self::DestinationNetwork => "destination_network",
            Self::SourceAsset => "source_asset",
            Self::DestinationAsset => "destination_asset",
            Self::MinSourceAmount => "min_source_amount",
        }
    }
}

/// How specific a rule is: first by its route, then by its amount, then by its profile.
///
/// Of the route each rail and each asset counts one, and each network two, since it says the rail too. A
/// higher amount is the more specific one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// How much it says about the route.
    pub route: u8,
    /// From which amount on.
    pub amount: Option<BigDecimal>,
    /// How many profiles it names: one or none.
    pub profiles: u8,
}

/// What conditions are held against.
pub(super) struct Facts<'a> {
    pub(super) orchestration: &'a Orchestration,
    pub(super) profile: &'a Identifier,
    source_amount: OnceCell<Option<BigDecimal>>,
}

impl<'a> Facts<'a> {
    pub(super) fn of(orchestration: &'a Orchestration, profile: &'a Identifier) -> Self {
        Self { orchestration, profile, source_amount: OnceCell::new() }
    }

    /// The amount, read when it is first asked for: most limits do not ask.
    fn source_amount(&self) -> Option<&BigDecimal> {
        let read = || self.orchestration.source_amount.as_ref().map(Amount::decimal);
        self.source_amount.get_or_init(read).as_ref()
    }

    /// What the orchestration has where a condition looks, for people.
    pub(super) fn found(&self, key: ConditionKey) -> String {
        let row = self.orchestration;
        let (source, destination) = (row.source.as_ref(), row.destination.as_ref());
        let rail = |end| RailKind::of(end).map(|rail| rail.as_str().to_owned());
        let text = |text: Option<&str>| text.map(str::to_owned);
        let found = match key {
            ConditionKey::Profile => Some(self.profile.to_string()),
            ConditionKey::SourceRail => rail(source),
            ConditionKey::DestinationRail => rail(destination),
            ConditionKey::Network => {
                let networks: Vec<&str> =
                    [source, destination].into_iter().filter_map(|end| network(end)).collect();
                (!networks.is_empty()).then(|| networks.join(" and "))
            }
            ConditionKey::SourceNetwork => text(network(source)),
            ConditionKey::DestinationNetwork => text(network(destination)),
            ConditionKey::SourceAsset => text(row.source_asset.as_deref()),
            ConditionKey::DestinationAsset => text(row.destination_asset.as_deref()),
            ConditionKey::MinSourceAmount => row.source_amount.as_ref().map(ToString::to_string),
        };
        found.unwrap_or_else(|| "not known".to_owned())
    }
}

impl Condition {
    /// How specific it is.
    pub fn rank(&self) -> Rank {
        let networks = [&self.network, &self.source.network, &self.destination.network];
        let assets = [&self.source_asset, &self.destination_asset];
        // A rail beside its own network says nothing more.
        let rails = [&self.source, &self.destination]
            .into_iter()
            .filter(|side| side.rail.is_some() && side.network.is_none());
        let networks = networks.into_iter().flatten().count();
        let route = rails.count() + 2 * networks + assets.into_iter().flatten().count();
        Rank {
            route: u8::try_from(route).unwrap_or(u8::MAX),
            amount: self.min_source_amount.as_ref().map(Amount::decimal),
            profiles: u8::from(self.profile.is_some()),
        }
    }

    /// The first condition that does not hold; `None` where the rule matches. `rank` is the condition's own: it
    /// has the amount in a form that can be compared.
    pub(super) fn unmet(&self, rank: &Rank, facts: &Facts<'_>) -> Option<ConditionKey> {
        let row = facts.orchestration;
        let (source, destination) = (row.source.as_ref(), row.destination.as_ref());
        let holds = |key| match key {
            ConditionKey::Profile => self.profile.as_ref().is_none_or(|wanted| wanted == facts.profile),
            ConditionKey::SourceRail => self.source.is_rail_of(source),
            ConditionKey::DestinationRail => self.destination.is_rail_of(destination),
            ConditionKey::Network => {
                let wanted = &self.network;
                is_wanted(wanted, network(source)) || is_wanted(wanted, network(destination))
            }
            ConditionKey::SourceNetwork => is_wanted(&self.source.network, network(source)),
            ConditionKey::DestinationNetwork => is_wanted(&self.destination.network, network(destination)),
            ConditionKey::SourceAsset => is_wanted(&self.source_asset, row.source_asset.as_deref()),
            ConditionKey::DestinationAsset => {
                is_wanted(&self.destination_asset, row.destination_asset.as_deref())
            }
            ConditionKey::MinSourceAmount => rank
                .amount
                .as_ref()
                .is_none_or(|least| facts.source_amount().is_some_and(|amount| amount >= least)),
        };
        ConditionKey::ALL.into_iter().find(|key| !holds(*key))
    }

    /// Whether some orchestration can match both.
    pub fn meets(&self, other: &Self) -> bool {
        let profiles = agree(self.profile.as_ref(), other.profile.as_ref(), PartialEq::eq);
        let assets = agree_in_text(&self.source_asset, &other.source_asset)
            && agree_in_text(&self.destination_asset, &other.destination_asset);
        // Whoever has an amount of at least the higher one meets both amounts.
        profiles && assets && self.ways().any(|way| other.ways().any(|others| way.agrees_with(&others)))
    }

    /// Whether any orchestration can match it.
    pub fn can_match(&self) -> bool {
        self.ways().next().is_some()
    }

    /// The ends that it can have: a network of either side is that of the source or of the destination.
    fn ways(&self) -> impl Iterator<Item = Way> {
        let plain = Way { source: self.source.clone(), destination: self.destination.clone() };
        let networks = self.network.clone();
        let ways = match networks {
            None => vec![plain],
            Some(network) => {
                let of_one = Side { rail: None, network: Some(network) };
                let (source, destination) = (plain.source.and(&of_one), plain.destination.and(&of_one));
                let ways = [
                    source.map(|source| Way { source, destination: plain.destination.clone() }),
                    destination.map(|destination| Way { source: plain.source.clone(), destination }),
                ];
                ways.into_iter().flatten().collect()
            }
        };
        ways.into_iter().filter(|way| way.source.is_possible() && way.destination.is_possible())
    }
}

/// As in `destination_rail crypto, min_source_amount 1000`; `everything` without a condition.
impl fmt::Display for Condition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given: Vec<String> = ConditionKey::ALL
            .into_iter()
            .filter_map(|key| Some(format!("{} {}", key.as_str(), self.wanted(key)?)))
            .collect();
        if given.is_empty() { formatter.pad("everything") } else { formatter.pad(&given.join(", ")) }
    }
}

impl Condition {
    /// What is asked for under a key, for people.
    pub(super) fn wanted(&self, key: ConditionKey) -> Option<String> {
        let rail = |side: &Side| side.rail.map(|rail| rail.as_str().to_owned());
        let text = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
        match key {
            ConditionKey::Profile => self.profile.as_ref().map(ToString::to_string),
            ConditionKey::SourceRail => rail(&self.source),
            ConditionKey::DestinationRail => rail(&self.destination),
            ConditionKey::Network => text(&self.network),
            ConditionKey::SourceNetwork => text(&self.source.network),
            ConditionKey::DestinationNetwork => text(&self.destination.network),
            ConditionKey::SourceAsset => text(&self.source_asset),
            ConditionKey::DestinationAsset => text(&self.destination_asset),
            ConditionKey::MinSourceAmount => self.min_source_amount.as_ref().map(ToString::to_string),
        }
    }
}

/// Both ends that a condition allows.
struct Way {
    source: Side,
    destination: Side,
}

impl Way {
    fn agrees_with(&self, other: &Self) -> bool {
        self.source.and(&other.source).is_some() && self.destination.and(&other.destination).is_some()
    }
}

impl Side {
    fn is_rail_of(&self, end: Option<&Endpoint>) -> bool {
        self.rail.is_none() || self.rail == RailKind::of(end)
    }

    /// The rail: where there is a network it is a blockchain.
    fn rail(&self) -> Option<RailKind> {
        if self.network.is_some() { Some(RailKind::Crypto) } else { self.rail }
    }

    /// Whether an end can be so: a bank has no network.
    fn is_possible(&self) -> bool {
        self.rail.is_none() || self.rail == self.rail()
    }

    /// What both ask for; `None` where no end can be both.
    fn and(&self, other: &Self) -> Option<Self> {
        let is_both = self.is_possible()
            && other.is_possible()
            && agree(self.rail(), other.rail(), |one, other| one == other)
            && agree_in_text(&self.network, &other.network);
        is_both.then(|| Self {
            rail: self.rail().or(other.rail()),
            network: self.network.clone().or_else(|| other.network.clone()),
        })
    }
}

fn network(end: Option<&Endpoint>) -> Option<&str> {
    match end? {
        Endpoint::Crypto { network, .. } => network.as_deref(),
        Endpoint::Profile { .. } | Endpoint::Fiat { .. } => None,
    }
}

/// Whether a text is the one that is asked for, if any is.
fn is_wanted(wanted: &Option<Box<str>>, found: Option<&str>) -> bool {
    wanted.as_deref().is_none_or(|wanted| found.is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
}

fn agree_in_text(one: &Option<Box<str>>, other: &Option<Box<str>>) -> bool {
    agree(one.as_deref(), other.as_deref(), |one, other| one.eq_ignore_ascii_case(other))
}

/// Whether two conditions on the same allow the same; one that is not given allows everything.
fn agree<T>(one: Option<T>, other: Option<T>, is_same: impl Fn(&T, &T) -> bool) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => is_same(&one, &other),
        _ => true,
    }
}
