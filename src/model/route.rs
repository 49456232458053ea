//! Where money comes from and where it goes.

use std::fmt;

use super::{Identifier, Orchestration};

/// One end of an orchestration. An end that says nothing is a missing end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Paxos profile.
    Profile {
        /// The profile.
        profile_id: Identifier,
    },
    /// A blockchain address.
    Crypto {
        /// The address itself.
        address: Option<Box<str>>,
        /// The blockchain, for example `SOLANA`.
        network: Option<Box<str>>,
        /// The registered address (`address_id`, in older samples `crypto_address_id`).
        address_id: Option<Identifier>,
    },
    /// A bank.
    Fiat {
        /// `deposit_instructions_id` of a source, `bank_account_id` of a destination.
        account_id: Option<Identifier>,
        /// The memo on the payment.
        memo: Option<Box<str>>,
    },
}

/// The kind of an endpoint, with the network of a blockchain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rail {
    /// Within Paxos.
    Profile,
    /// On a blockchain; the network where it was given.
    Crypto(Option<Box<str>>),
    /// Through a bank.
    Fiat,
    /// Not given, or of a kind that this version does not know.
    Unknown,
}

impl Rail {
    /// The rail of an endpoint that may be missing.
    pub fn of(endpoint: Option<&Endpoint>) -> Self {
        match endpoint {
            Some(Endpoint::Profile { .. }) => Self::Profile,
            Some(Endpoint::Crypto { network, .. }) => Self::Crypto(network.clone()),
            Some(Endpoint::Fiat { .. }) => Self::Fiat,
            None => Self::Unknown,
        }
    }
}

impl fmt::Display for Rail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile => formatter.write_str("profile"),
            Self::Crypto(Some(network)) => write!(formatter, "crypto:{network}"),
            Self::Crypto(None) => formatter.write_str("crypto"),
            Self::Fiat => formatter.write_str("fiat"),
            Self::Unknown => formatter.write_str("unknown"),
        }
    }
}

/// Source rail to destination rail, with the asset pair.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// Where the money comes from.
    pub source: Rail,
    /// Where it goes.
    pub destination: Rail,
    /// What is taken, for example `USD`.
    pub source_asset: Option<Box<str>>,
    /// What is delivered, for example `USDG`.
    pub destination_asset: Option<Box<str>>,
}

impl Route {
    /// The route that an orchestration takes.
    pub fn of(orchestration: &Orchestration) -> Self {
        Self {
            source: Rail::of(orchestration.source.as_ref()),
            destination: Rail::of(orchestration.destination.as_ref()),
            source_asset: orchestration.source_asset.clone(),
            destination_asset: orchestration.destination_asset.clone(),
        }
    }
}

/// Written as `profile → crypto:SOLANA, USD → USDG`.
impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asset = |asset: &Option<Box<str>>| asset.as_deref().unwrap_or("?").to_owned();
        write!(
            formatter,
            "{} → {}, {} → {}",
            self.source,
            self.destination,
            asset(&self.source_asset),
            asset(&self.destination_asset)
        )
    }
}
