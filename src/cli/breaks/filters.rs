//! Which breaks are meant, as flags.

use crate::cli::failure::Failure;
use crate::config::Config;
use crate::display::asked;
use crate::display::when::{self, When};
use crate::ledger::{BreakFilter, BreakState, Reader, WhichHistory};
use crate::model::{BreakKind, Identifier, Rail, Severity, Timestamp};

/// Which breaks are meant: all that fulfil everything that is given.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct FilterArguments {
    /// Of this kind, such as failed or `stuck_processing`; may be given several times
    #[arg(long, value_name = "KIND", value_parser = asked::kind)]
    pub(super) kind: Vec<BreakKind>,
    /// Of this severity: warning or critical
    #[arg(long, value_parser = asked::severity)]
    severity: Option<Severity>,
    /// Found under this profile, by id or name; may be given several times
    #[arg(long, value_name = "PROFILE")]
    profile: Vec<String>,
    /// Of a route that has this in its text, such as "USD -> USDG" or crypto:SOLANA
    #[arg(long, value_name = "TEXT")]
    route: Option<String>,
    /// From this rail: profile, crypto, crypto:NETWORK, fiat or unknown
    #[arg(long, value_name = "RAIL", value_parser = asked::rail)]
    from: Option<Rail>,
    /// To this rail
    #[arg(long, value_name = "RAIL", value_parser = asked::rail)]
    to: Option<Rail>,
    /// That takes or delivers this asset; may be given several times
    #[arg(long, value_name = "ASSET")]
    asset: Vec<String>,
    /// Opened before this day, time, or so long ago (36h)
    #[arg(long, value_name = "TIME|AGE", value_parser = when::past)]
    opened_before: Option<When>,
    /// Opened at this day or time or later, or no longer ago (36h)
    #[arg(long, value_name = "TIME|AGE", value_parser = when::past)]
    opened_after: Option<When>,
    /// In trouble since this day or time or longer, or for so long (36h)
    #[arg(long, value_name = "TIME|AGE", value_parser = when::past)]
    in_trouble_since: Option<When>,
    /// In this state: open, acknowledged or resolved; may be given several times [default: unresolved]
    #[arg(long, value_parser = asked::state)]
    pub(super) state: Vec<BreakState>,
    /// With what was over before the first poll, without it, or nothing else [default: with]
    #[arg(long, value_name = "WHICH", value_parser = asked::history)]
    history: Option<WhichHistory>,
}

impl FilterArguments {
    /// The filter, when Paxos's clock shows `now`.
    pub(super) fn filter(
        &self,
        config: &Config,
        reader: &Reader,
        now: Timestamp,
    ) -> Result<BreakFilter, Failure> {
        let past = |when: Option<When>| when.map(|when| when.before(now));
        Ok(BreakFilter {
            kinds: self.kind.clone(),
            severity: self.severity,
            profiles: profiles(&self.profile, config, reader)?,
            route: self.route.clone(),
            source_rail: self.from.clone(),
            destination_rail: self.to.clone(),
            assets: self.asset.clone(),
            opened_before: past(self.opened_before),
            opened_after: past(self.opened_after),
            in_trouble_since: past(self.in_trouble_since),
            states: self.state.clone(),
            history: self.history.unwrap_or_default(),
        })
    }
}

/// The ids of the profiles that are named.
pub(in crate::cli) fn profiles(
    wanted: &[String],
    config: &Config,
    reader: &Reader,
) -> Result<Vec<Identifier>, Failure> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let found = asked::profiles(wanted, &config.profiles, reader.profiles()?);
    Ok(found.map_err(anyhow::Error::msg)?)
}
