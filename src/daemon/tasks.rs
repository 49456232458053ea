//! The tasks, by name: none of them ends unnoticed.

use std::collections::HashMap;

use tokio::task::{Id, JoinError, JoinSet};

use super::{Ended, RunError};

/// Tasks that run until tallyd stops.
#[derive(Debug, Default)]
pub(super) struct Tasks {
    running: JoinSet<Ended>,
    names: HashMap<Id, &'static str>,
}

impl Tasks {
    pub(super) fn spawn(&mut self, name: &'static str, task: impl Future<Output = Ended> + Send + 'static) {
        let id = self.running.spawn(task).id();
        self.names.insert(id, name);
    }

    /// Waits for a task that ends unasked, with an error, a panic or without any reason.
    pub(super) async fn failed(&mut self) -> RunError {
        match self.running.join_next_with_id().await {
            Some(ended) => {
                let (task, ended) = self.named(ended);
                let cause = ended.err().unwrap_or_else(|| anyhow::anyhow!("it gave no reason"));
                RunError::Task { task, cause }
            }
            None => std::future::pending().await,
        }
    }

    /// Waits for the end of all tasks, which were told to stop, and says which failed in that.
    pub(super) async fn join(&mut self) -> Result<(), RunError> {
        let mut result = Ok(());
        while let Some(ended) = self.running.join_next_with_id().await {
            let (task, ended) = self.named(ended);
            if let Err(cause) = ended {
                result = result.and(Err(RunError::Task { task, cause }));
            }
        }
        result
    }

    fn named(&self, ended: Result<(Id, Ended), JoinError>) -> (&'static str, Ended) {
        let (id, ended) = match ended {
            Ok((id, ended)) => (id, ended),
            // The panic's own text was written to standard error when it happened.
            Err(error) => (error.id(), Err(anyhow::anyhow!("it panicked"))),
        };
        (self.names.get(&id).copied().unwrap_or("unknown"), ended)
    }
}
