//! Short writes to a ledger that another process holds: in beside it, through SQLite's own locking.

use std::path::{Path, PathBuf};

use rusqlite::TransactionBehavior;

use crate::model::Timestamp;

use super::lock::{self, Holder};
use super::requests::{self, RequestNumber};
use super::{LedgerError, Problem, identity, open};

/// A ledger that somebody else may be writing to. Holds nothing of it open.
#[derive(Clone, Debug)]
pub struct Beside {
    pub(super) path: PathBuf,
}

impl Beside {
    /// The ledger at `path`.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Who may write to it now.
    pub fn holder(&self) -> Result<Holder, LedgerError> {
        let looked = open::resolve(&self.path).and_then(|path| lock::holder(&path));
        looked.map_err(|problem| problem.of(&self.path))
    }

    /// Leaves a request for the daemon. A ledger of another environment than the one at `api_url` is refused.
    pub fn ask(
        &self,
        api_url: &str,
        kind: &str,
        arguments: &str,
        now: Timestamp,
    ) -> Result<RequestNumber, LedgerError> {
        let write = || -> Result<RequestNumber, Problem> {
            let mut connection = open::for_writing_beside(&self.path)?;
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            identity::bind_environment(&transaction, api_url, now)?;
            let number = requests::add(&transaction, kind, arguments, now)?;
            transaction.commit()?;
            Ok(number)
        };
        write().map_err(|problem| problem.of(&self.path))
    }
}
