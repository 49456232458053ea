//! `ledger prune`: old final orchestrations, their history and old polls, removed.

use serde_json::json;

use crate::cli::Exit;
use crate::cli::failure::Failure;
use crate::cli::poll::to_json;
use crate::cli::session;
use crate::cli::terminal::{Terminal, thousands};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::display::when::{self, When};
use crate::ledger::{self, Intent, NothingToPrune, Pruned, Pruning};

/// What `ledger prune` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct PruneArguments {
    /// Remove what is older: a day (2026-01-31, in UTC), a time (2026-01-31T12:00:00Z), or an age (400d)
    #[arg(long, value_name = "DATE|AGE", value_parser = when::distant_past)]
    before: When,
    /// Say what would be removed, and leave everything as it is
    #[arg(long)]
    dry_run: bool,
    /// Show the result as JSON
    #[arg(long)]
    json: bool,
}

/// Prunes the ledger and shows what that came to.
pub(super) fn run(config: &Config, wanted: &PruneArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let now = SystemClock.now();
    let before = wanted.before.before(now);
    let intent = if wanted.dry_run { Intent::DryRun } else { Intent::Prune };
    let path = session::ledger_path(config);
    let pruning = ledger::prune(&path, &config.paxos.api_url, before, now, intent)?;
    let text = match (&pruning, wanted.json) {
        (Pruning::Done(pruned), false) => text(pruned, intent),
        (Pruning::Done(pruned), true) => json_text(pruned, intent)?,
        (Pruning::Nothing(why), false) => format!("nothing to prune: {}\n", reason(*why)),
        (Pruning::Nothing(why), true) => {
            to_json(&json!({ "pruned": false, "reason": reason(*why), "rows": 0, "entries": 0, "polls": 0 }))?
        }
    };
    terminal.print(&text)?;
    Ok(Exit::Fine)
}

fn reason(why: NothingToPrune) -> String {
    match why {
        NothingToPrune::JournalBegins(at) => format!(
            "the journal begins on {}, and an orchestration is as old as the last thing that was observed of it",
            at.to_rfc3339_seconds()
        ),
        NothingToPrune::AlreadyUpTo(floor) => {
            format!(
                "it was pruned up to {} before, and nothing since is old enough",
                floor.to_rfc3339_seconds()
            )
        }
    }
}

fn text(pruned: &Pruned, intent: Intent) -> String {
    let floor = pruned.checkpoint.floor.to_rfc3339_seconds();
    let what = format!(
        "{} orchestrations, {} journal entries and {} polls",
        thousands(pruned.counts.rows),
        thousands(pruned.counts.entries),
        thousands(pruned.counts.polls)
    );
    match intent {
        Intent::DryRun => format!("would remove {what} from before {floor}; nothing was changed\n"),
        Intent::Prune => format!(
            "removed {what} from before {floor}\n{} orchestrations stay, and only the beginning of their history is gone\n\
             checkpoint   {}\njournal head {}\n`tallyd ledger vacuum` gives the space back to the disk\n",
            thousands(pruned.carried),
            pruned.checkpoint.head.note(),
            pruned.head.note()
        ),
    }
}

fn json_text(pruned: &Pruned, intent: Intent) -> Result<String, Failure> {
    to_json(&json!({
        "pruned": intent == Intent::Prune,
        "before": pruned.checkpoint.floor.to_rfc3339(),
        "rows": pruned.counts.rows,
        "entries": pruned.counts.entries,
        "polls": pruned.counts.polls,
        "carried": pruned.carried,
        "checkpoint": pruned.checkpoint.head.note(),
        "head": (intent == Intent::Prune).then(|| pruned.head.note()),
    }))
}
