//! Who is told what a session does.

use std::fmt;
use std::sync::Arc;

use crate::alerts;
use crate::ledger;
use crate::paxos;
use crate::sync::Watch;

/// Who is told what a session does. Cheap to clone; a reload hands on the same.
#[derive(Clone)]
pub struct Observers {
    /// Of polls.
    pub watch: Watch,
    /// Of requests to Paxos.
    pub paxos: Arc<dyn paxos::Observer>,
    /// Of the ledger's writer.
    pub ledger: Arc<dyn ledger::Observer>,
    /// Of deliveries.
    pub alerts: Arc<dyn alerts::Observer>,
}

impl Observers {
    /// Somebody watches polls, and nobody the rest.
    pub fn watching(watch: Watch) -> Self {
        Self {
            watch,
            paxos: Arc::new(paxos::Unobserved),
            ledger: Arc::new(ledger::Unobserved),
            alerts: Arc::new(alerts::Unobserved),
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Observers").finish_non_exhaustive()
    }
}
