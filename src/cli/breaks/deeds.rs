//! What `ack`, `unack` and `resolve` share: whom they mean, asking first, and saying what came of it.

use serde_json::json;

use super::filters::FilterArguments;
use crate::cli::failure::Failure;
use crate::cli::poll::to_json;
use crate::cli::terminal::{Answer, Terminal, thousands};
use crate::cli::{Exit, session};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{self, Config};
use crate::ledger::{Beside, BreakFilter, Deed, Deeds, Reader, Refused, Rest};
use crate::model::BreakNumber;

/// How many numbers are told one by one.
const MAX_TOLD: usize = 10;

/// Which breaks, in whose name.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("which").required(true).multiple(true).args([
    "numbers", "kind", "severity", "profile", "route", "from", "to", "asset", "opened_before", "opened_after",
    "in_trouble_since", "state", "history",
]))]
pub(super) struct DeedArguments {
    /// The numbers of the breaks
    #[arg(value_name = "NUMBER", conflicts_with_all = ["kind", "severity", "profile", "route", "from", "to",
        "asset", "opened_before", "opened_after", "in_trouble_since", "state", "history"])]
    numbers: Vec<i64>,
    #[command(flatten)]
    pub(super) filters: FilterArguments,
    /// In whose name [default: `SUDO_USER`, else USER]
    #[arg(long, value_name = "NAME", value_parser = not_empty)]
    by: Option<String>,
    /// Do it with all that the filters mean, without asking first
    #[arg(long)]
    yes: bool,
    /// Say how many that would be, and leave everything as it is
    #[arg(long)]
    dry_run: bool,
    /// Show the result as JSON
    #[arg(long)]
    json: bool,
}

/// Reads a text that says something.
pub(super) fn not_empty(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("say something".to_owned()) } else { Ok(text.to_owned()) }
}

/// A deed in words: `acknowledge`, `acknowledged`.
pub(super) struct Verb {
    pub(super) present: &'static str,
    pub(super) past: &'static str,
}

/// Does it, with the breaks that are named, or after asking with those that the filters mean. `narrow` leaves those
/// out with which it cannot be done anyway.
pub(super) fn run(
    config: &Config,
    wanted: &DeedArguments,
    deed: &Deed,
    verb: &Verb,
    narrow: impl FnOnce(&mut BreakFilter),
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let (numbers, rest) = if wanted.numbers.is_empty() {
        let reader = Reader::open(&session::ledger_path(config))?;
        let now = session::by_paxos(&reader, SystemClock.now())?;
        let mut filter = wanted.filters.filter(config, &reader, now)?;
        narrow(&mut filter);
        (reader.break_numbers(&filter)?, Rest::Done)
    } else {
        (wanted.numbers.iter().copied().map(BreakNumber).collect(), Rest::Left)
    };
    if wanted.dry_run {
        return would(&numbers, wanted, verb, terminal);
    }
    let by = by(wanted)?;
    if rest == Rest::Done && !numbers.is_empty() && !wanted.yes {
        let count = numbers.len();
        match terminal.ask(&format!("{} {}?", verb.present, breaks(count)))? {
            Answer::Yes => {}
            Answer::No => {
                terminal.tell("nothing was done");
                return Ok(Exit::Failed);
            }
            Answer::Nobody => {
                let problem = anyhow::anyhow!(
                    "this would {} {}; say --yes to do it, or --dry-run to see what it means",
                    verb.present,
                    breaks(count)
                );
                return Err(problem.into());
            }
        }
    }
    let route = session::route(config);
    let ledger = Beside::at(&session::ledger_path(config));
    let now = SystemClock.now();
    let done = ledger.do_with_breaks(&config.paxos.api_url, &numbers, (&by, deed), rest, &route, now)?;
    if rest == Rest::Left && !done.refused.is_empty() {
        let reasons: Vec<_> = done.refused.iter().map(ToString::to_string).collect();
        return Err(anyhow::anyhow!("nothing was done: {}", reasons.join("\n  ")).into());
    }
    tell(&done, wanted, verb, terminal)
}

fn by(wanted: &DeedArguments) -> Result<String, Failure> {
    let from_environment = ["SUDO_USER", "USER"].into_iter().find_map(|name| {
        let name = config::process_environment(name)?.into_string().ok()?;
        not_empty(&name).ok()
    });
    let by = wanted.by.clone().or(from_environment);
    Ok(by.ok_or_else(|| anyhow::anyhow!("nobody knows who you are: USER is not set; say --by NAME"))?)
}

fn would(
    numbers: &[BreakNumber],
    wanted: &DeedArguments,
    verb: &Verb,
    terminal: Terminal,
) -> Result<Exit, Failure> {
    let text = if wanted.json {
        to_json(&json!({ "dry_run": true, "breaks": numbers.iter().map(|one| one.0).collect::<Vec<_>>() }))?
    } else {
        format!("would {} {}{}; nothing was changed\n", verb.present, breaks(numbers.len()), list(numbers))
    };
    terminal.print(&text)?;
    Ok(Exit::Fine)
}

fn tell(done: &Deeds, wanted: &DeedArguments, verb: &Verb, terminal: Terminal) -> Result<Exit, Failure> {
    let text = if wanted.json {
        let refused = done.refused.iter().map(|one| json!({ "break": one.number.0, "why": one.to_string() }));
        to_json(&json!({
            "dry_run": false,
            "breaks": done.done.iter().map(|one| one.0).collect::<Vec<_>>(),
            "refused": refused.collect::<Vec<_>>(),
        }))?
    } else {
        format!("{} {}{}\n", verb.past, breaks(done.done.len()), list(&done.done))
    };
    terminal.print(&text)?;
    for refused in done.refused.iter().take(MAX_TOLD) {
        terminal.tell(&Refused::to_string(refused));
    }
    if done.refused.len() > MAX_TOLD {
        terminal.tell(&format!("and {} more", thousands((done.refused.len() - MAX_TOLD) as u64)));
    }
    Ok(Exit::Fine)
}

fn breaks(count: usize) -> String {
    match count {
        1 => "1 break".to_owned(),
        count => format!("{} breaks", thousands(count as u64)),
    }
}

fn list(numbers: &[BreakNumber]) -> String {
    let first: Vec<_> = numbers.iter().take(MAX_TOLD).map(ToString::to_string).collect();
    match (first.is_empty(), numbers.len() > MAX_TOLD) {
        (true, _) => String::new(),
        (false, false) => format!(": {}", first.join(", ")),
        (false, true) => format!(": {}, ...", first.join(", ")),
    }
}
