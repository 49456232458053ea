//! Whose poll is under way: a profile is never polled twice at the same time.
//!
//! Owns the turns and nothing of what is done in them. Whoever finds a profile busy waits for its turn, or
//! leaves the profile to the poll that is under way; that is for the caller.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OwnedMutexGuard;

use crate::model::Identifier;

/// The turns of all profiles. Cheap to clone; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Mutex<HashMap<Identifier, Arc<tokio::sync::Mutex<()>>>>>);

/// A profile's turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn(#[expect(dead_code, reason = "held, never read")] OwnedMutexGuard<()>);

impl Turns {
    /// The profile's turn, if nobody has it.
    pub(super) fn try_take(&self, profile: &Identifier) -> Option<Turn> {
        self.of(profile).try_lock_owned().ok().map(Turn)
    }

    /// Waits for the profile's turn. Who came first has it first.
    pub(super) async fn take(&self, profile: &Identifier) -> Turn {
        let lock = self.of(profile);
        Turn(lock.lock_owned().await)
    }

    /// The profiles that are being polled, or about to be.
    pub(super) fn busy(&self) -> Vec<Identifier> {
        self.lock().iter().filter(|(_, lock)| is_wanted(lock)).map(|(profile, _)| profile.clone()).collect()
    }

    fn of(&self, profile: &Identifier) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.lock();
        // Requests may name any profile: what nobody holds or waits for is not kept.
        locks.retain(|_, lock| is_wanted(lock));
        Arc::clone(locks.entry(profile.clone()).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Identifier, Arc<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether somebody has the turn or waits for it.
fn is_wanted(lock: &Arc<tokio::sync::Mutex<()>>) -> bool {
    Arc::strong_count(lock) > 1
}
