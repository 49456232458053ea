//! `breaks replay`: what a configuration would have raised over the ledger's past.

mod found;
mod text;

use serde_json::{Value, json};

use self::found::{Found, Line};
use super::filters;
use crate::breaks::History;
use crate::breaks::replay::Replay;
use crate::cli::failure::Failure;
use crate::cli::poll::to_json;
use crate::cli::terminal::Terminal;
use crate::cli::{Exit, session};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::daemon;
use crate::display::asked;
use crate::display::when::{self, When};
use crate::ledger::{Namesakes, PastKnown, Reader, Tellable};
use crate::model::{BreakKind, Identifier, Timestamp};

/// How many breaks a table shows, where no limit is given.
const PAGE: usize = 50;

/// What `breaks replay` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ReplayArguments {
    /// Those that opened at this day or time or later, or no longer ago (36h)
    #[arg(long, value_name = "TIME|AGE", value_parser = when::past)]
    since: Option<When>,
    /// Those that opened before this day, time, or so long ago
    #[arg(long, value_name = "TIME|AGE", value_parser = when::past)]
    until: Option<When>,
    /// Of this kind, such as `stuck_processing`; may be given several times
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    kind: Vec<BreakKind>,
    /// Of orchestrations that this profile listed first, by id or name; may be given several times
    #[arg(long, value_name = "PROFILE")]
    profile: Vec<String>,
    /// Show at most so many, those that differ in front [default: 50, and all with --json]
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    /// Show them as JSON
    #[arg(long)]
    json: bool,
}

/// Which breaks are told.
struct Wanted {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    kinds: Vec<BreakKind>,
    profiles: Vec<Identifier>,
}

impl Wanted {
    fn has(&self, line: &Line) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&line.kind))
            && (self.profiles.is_empty() || self.profiles.contains(&line.profile.id))
            && line.opened_at().any(|at| {
                self.since.is_none_or(|since| since <= at) && self.until.is_none_or(|until| at < until)
            })
    }
}

/// Replays the past.
pub(super) fn run(config: &Config, wanted: &ReplayArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let reader = Reader::open(&session::ledger_path(config))?;
    let now = session::by_paxos(&reader, SystemClock.now())?;
    let past = |when: Option<When>| when.map(|when| when.before(now));
    let filter = Wanted {
        since: past(wanted.since),
        until: past(wanted.until),
        kinds: wanted.kind.clone(),
        profiles: filters::profiles(&wanted.profile, config, &reader)?,
    };
    if let (Some(since), Some(until)) = (filter.since, filter.until)
        && until <= since
    {
        let problem = anyhow::anyhow!(
            "--until {} is not after --since {}; give a later --until",
            until.to_rfc3339_seconds(),
            since.to_rfc3339_seconds()
        );
        return Err(problem.into());
    }
    let everything = if wanted.json { usize::MAX } else { PAGE };
    let mut found = Found::up_to(wanted.limit.unwrap_or(everything));
    let limits = &config.limits;
    let tellable = if limits.ask_for_possible_duplicates() { Tellable::Every } else { Tellable::Noteworthy };
    let known = reader.past(&daemon::rules(config), tellable, |profiles, timeline| {
        let replay = Replay { limits, history: History::Recorded, profiles };
        for compared in replay.compare(&timeline) {
            if let Some(line) = Line::of(compared, &timeline, profiles)
                && filter.has(&line)
            {
                found.add(line);
            }
        }
    })?;
    let left_out = left_out(&known);
    terminal.print(&if wanted.json {
        to_json(&document(&found, &known, &left_out))?
    } else {
        text::of(&found, &known, &left_out, terminal)
    })?;
    Ok(Exit::Fine)
}

fn parse_kind(text: &str) -> Result<BreakKind, String> {
    match asked::kind(text)? {
        BreakKind::ProfileUnpolled => {
            Err("a replay leaves it out: it rests on how polls went and on no orchestration".to_owned())
        }
        BreakKind::ReportFailed => {
            Err("a replay leaves it out: it is about a report and no orchestration".to_owned())
        }
        kind => Ok(kind),
    }
}

/// What the replay says nothing about, and why.
fn left_out(known: &PastKnown) -> Vec<String> {
    let mut left_out = vec![
        "profile_unpolled, report_failed and whatever else is about a profile: only orchestrations are judged again"
            .to_owned(),
    ];
    if let Some(floor) = known.pruned_up_to {
        left_out.push(format!(
            "what was before {}: it was pruned; of what is left only what went on after that is judged",
            floor.to_rfc3339_seconds()
        ));
    }
    if known.namesakes == Namesakes::NotYet {
        left_out.push("duplicate_ref_id: the first backfill has not ended".to_owned());
    }
    if known.lost > 0 {
        left_out.push(format!(
            "{} orchestrations of which the journal does not tell as it should; `tallyd ledger verify` says more",
            known.lost
        ));
    }
    left_out
}

fn document(found: &Found, known: &PastKnown, left_out: &[String]) -> Value {
    let counts = found.counts().map(|((kind, severity), count)| {
        json!({
            "kind": kind.as_str(),
            "severity": severity.as_str(),
            "replay": count.replay,
            "ledger": count.ledger,
            "same": count.same,
        })
    });
    json!({
        "orchestrations": known.orchestrations,
        "known_from": known.pruned_up_to.map(Timestamp::to_rfc3339),
        "left_out": left_out,
        "counts": counts.collect::<Vec<_>>(),
        "total": found.total(),
        "breaks": found.lines().map(Line::document).collect::<Vec<_>>(),
    })
}
