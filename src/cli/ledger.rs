//! `ledger`: looking after the ledger's file.

mod backup;
mod prune;
mod restore;
mod vacuum;
mod verify;

use super::failure::Failure;
use super::terminal::{Terminal, thousands};
use super::{Common, Exit, session};

/// What `ledger` can do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum LedgerCommand {
    /// Recompute the journal's hash chain and every row's digest; exit 1 if anything was edited
    Verify(verify::VerifyArguments),
    /// Copy the ledger into one file, also while a poll writes to it
    Backup(backup::BackupArguments),
    /// Put a backup in the ledger's place; the ledger that is there is kept aside
    Restore(restore::RestoreArguments),
    /// Remove old final orchestrations, their history and old polls
    Prune(prune::PruneArguments),
    /// Give the space of what was removed back to the disk
    Vacuum(vacuum::VacuumArguments),
}

/// Runs a command on the ledger.
pub(super) fn run(common: &Common, wanted: &LedgerCommand, terminal: Terminal) -> Result<Exit, Failure> {
    let config = session::load_for_reading(common, terminal)?;
    match wanted {
        LedgerCommand::Verify(wanted) => verify::run(&config, wanted, terminal),
        LedgerCommand::Backup(wanted) => backup::run(&config, wanted, terminal),
        LedgerCommand::Restore(wanted) => restore::run(&config, wanted, terminal),
        LedgerCommand::Prune(wanted) => prune::run(&config, wanted, terminal),
        LedgerCommand::Vacuum(wanted) => vacuum::run(&config, wanted, terminal),
    }
}

/// A size for people.
fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", thousands(bytes.div_ceil(1024 * 1024)))
}
