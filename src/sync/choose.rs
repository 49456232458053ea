//! Which profiles a poll or a sweep is about, and what the account says of them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Poller, discover, failure};
use crate::model::{FailureKind, Identifier, Lane, PollFailure, Profile, ProfilePoll, ProfileSelection};

/// A profile that is to be polled or swept.
#[derive(Clone, Debug)]
pub struct Chosen {
    pub(super) profile: Profile,
    pub(super) standing: Standing,
    /// Everyone who was chosen.
    pub(super) all: Arc<[Identifier]>,
    /// When that was, by the clock's monotonic reading.
    pub(super) began: Duration,
}

/// What the account says of a profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It lists it.
    Listed,
    /// It lists this many others. Asking for such a profile may be answered with an empty list, which
    /// would pass for "all is well".
    Unlisted {
        /// How many it lists.
        others: usize,
    },
    /// It could not be asked.
    NotAsked,
}

impl Chosen {
    /// The profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }
}

/// Asks the account. `began` is the clock's monotonic reading when all this began.
pub(super) async fn choose(
    poller: &Poller,
    selection: &ProfileSelection,
    began: Duration,
) -> Result<Vec<Chosen>, PollFailure> {
    let profiles = profiles(poller, selection).await?;
    let all: Arc<[_]> = profiles.iter().map(|(profile, _)| profile.id.clone()).collect();
    let chosen = |(profile, standing)| Chosen { profile, standing, all: Arc::clone(&all), began };
    Ok(profiles.into_iter().map(chosen).collect())
}

/// Notes in the ledger that no known profile could be polled. Those that are being polled all the same are
/// left out: who polls them knew of them before.
pub(super) async fn fail_known(poller: &Poller, failure: &PollFailure, began: Duration) -> Vec<ProfilePoll> {
    let mut failed = Vec::new();
    for profile in poller.ledger.profiles().await.unwrap_or_default() {
        if let Some(_turn) = poller.turns.try_take(&profile.id) {
            failed.push(discover::fail_profile(poller, profile, failure, began).await);
        }
    }
    failed
}

/// The profiles to poll, and what the account says of each. Those of the configuration take their
/// names from the account where they have none of their own.
async fn profiles(
    poller: &Poller,
    selection: &ProfileSelection,
) -> Result<Vec<(Profile, Standing)>, PollFailure> {
    let listed = poller.stopping.or_answer(poller.client.profiles(Lane::Discover)).await;
    match (selection, listed) {
        (ProfileSelection::All, Ok(listed)) => all_profiles(poller, listed).await,
        (ProfileSelection::All, Err(failure)) => Err(failure),
        (ProfileSelection::Listed(wanted), Ok(listed)) => {
            let find = |wanted: &Profile| match listed.iter().find(|listed| listed.id == wanted.id) {
                Some(same) => {
                    let name = wanted.name.clone().or_else(|| same.name.clone());
                    (Profile { id: wanted.id.clone(), name }, Standing::Listed)
                }
                None => (wanted.clone(), Standing::Unlisted { others: listed.len() }),
            };
            Ok(once_each(wanted.iter().map(find).collect()))
        }
        // Names are a convenience, for which the credentials need a scope of its own.
        (ProfileSelection::Listed(wanted), Err(failure)) => {
            tracing::debug!(error = %failure.message, "the account's profiles could not be listed; going on without their names");
            Ok(once_each(wanted.iter().map(|profile| (profile.clone(), Standing::NotAsked)).collect()))
        }
    }
}

/// What the account lists, and what it listed once: a profile that is no longer listed may have open
/// orchestrations still.
async fn all_profiles(
    poller: &Poller,
    listed: Vec<Profile>,
) -> Result<Vec<(Profile, Standing)>, PollFailure> {
    let known = poller.ledger.profiles().await.map_err(|error| failure::of_ledger(&error))?;
    if listed.is_empty() && known.is_empty() {
        return Err(PollFailure {
            kind: FailureKind::Profile,
            message: "the account lists no profile, so there is nothing to poll; check that these are \
                      the right credentials, or name profiles under [[profiles]]"
                .to_owned(),
        });
    }
    let all = listed.into_iter().chain(known);
    Ok(once_each(all.map(|profile| (profile, Standing::Listed)).collect()))
}

/// Why a profile that the account does not list is not asked for.
pub(super) fn unlisted(profile: &Profile, others: usize) -> PollFailure {
    let others = if others == 1 { "the one profile".to_owned() } else { format!("the {others} profiles") };
    PollFailure {
        kind: FailureKind::Profile,
        message: format!(
            "profile {} is not among {others} of this account; correct its id under [[profiles]], or leave \
             [[profiles]] out to poll every profile",
            profile.id
        ),
    }
}

/// Each profile once, as it came first.
fn once_each(profiles: Vec<(Profile, Standing)>) -> Vec<(Profile, Standing)> {
    let mut seen = HashSet::new();
    profiles.into_iter().filter(|(profile, _)| seen.insert(profile.id.clone())).collect()
}
