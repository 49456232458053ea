//! `alerts outbox`: what waits for each sink, and what was given up.

use serde::Serialize;

use crate::cli::Exit;
use crate::cli::failure::Failure;
use crate::cli::poll::to_json;
use crate::cli::session;
use crate::cli::terminal::{Paint, Terminal, age, plain, render, table, thousands};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::ledger::Reader;
use crate::model::{DeliveryState, SinkBacklog, Timestamp, Undelivered, cut};

/// How many notices are shown one by one.
const MOST: usize = 100;
/// How many of the JSON.
const MOST_IN_JSON: usize = 10_000;

/// What `alerts outbox` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct OutboxArguments {
    /// Show it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Outbox {
    sinks: Vec<SinkWire>,
    notices: Vec<NoticeWire>,
}

#[derive(Serialize)]
struct SinkWire {
    sink: String,
    r#type: Option<&'static str>,
    waiting: u64,
    oldest_waiting_at: Option<String>,
    next_at: Option<String>,
    dead: u64,
    last_dead_at: Option<String>,
    error: Option<String>,
}

#[derive(Serialize)]
struct NoticeWire {
    sink: String,
    state: &'static str,
    notice: i64,
    r#break: i64,
    kind: &'static str,
    occasion: &'static str,
    severity: &'static str,
    subject: String,
    at: String,
    attempts: u32,
    next_at: Option<String>,
    ended_at: Option<String>,
    error: Option<String>,
}

/// Shows the outbox.
pub(super) fn run(config: &Config, wanted: &OutboxArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let reader = Reader::open(&session::ledger_path(config))?;
    let backlogs = reader.backlogs()?;
    if wanted.json {
        let notices = reader.undelivered(MOST_IN_JSON)?.iter().map(to_wire).collect();
        terminal.print(&to_json(&Outbox { sinks: sinks(config, backlogs), notices })?)?;
        return Ok(Exit::Fine);
    }
    let now = SystemClock.now();
    terminal.print(&of_sinks(&sinks(config, backlogs.clone()), &backlogs, now, terminal))?;
    let notices = reader.undelivered(MOST)?;
    if !notices.is_empty() {
        terminal.print(&format!("\n{}", of_notices(&notices, now, terminal)))?;
    }
    let all: u64 = backlogs.iter().map(|backlog| backlog.waiting + backlog.dead).sum();
    let shown = u64::try_from(notices.len()).unwrap_or(u64::MAX);
    if all > shown {
        terminal.tell(&format!("{} more are not shown; --json shows more", thousands(all - shown)));
    }
    Ok(Exit::Fine)
}

/// Every configured sink, and those that are no longer configured but still have something.
fn sinks(config: &Config, backlogs: Vec<SinkBacklog>) -> Vec<SinkWire> {
    let wire = |backlog: SinkBacklog, kind| SinkWire {
        sink: backlog.sink.0,
        r#type: kind,
        waiting: backlog.waiting,
        oldest_waiting_at: backlog.oldest_waiting_at.map(Timestamp::to_rfc3339),
        next_at: backlog.next_at.map(Timestamp::to_rfc3339),
        dead: backlog.dead,
        last_dead_at: backlog.last_dead_at.map(Timestamp::to_rfc3339),
        error: backlog.error,
    };
    let mut backlogs = backlogs;
    let mut sinks: Vec<SinkWire> = Vec::new();
    for sink in &config.alerts.sinks {
        let found = backlogs.iter().position(|backlog| backlog.sink == sink.name);
        let backlog = found.map_or_else(
            || SinkBacklog {
                sink: sink.name.clone(),
                waiting: 0,
                oldest_waiting_at: None,
                next_at: None,
                dead: 0,
                last_dead_at: None,
                error: None,
            },
            |at| backlogs.remove(at),
        );
        sinks.push(wire(backlog, Some(sink.target.type_name())));
    }
    sinks.extend(backlogs.into_iter().map(|backlog| wire(backlog, None)));
    sinks
}

fn of_sinks(sinks: &[SinkWire], backlogs: &[SinkBacklog], now: Timestamp, terminal: Terminal) -> String {
    let mut shown = table(&["SINK", "TYPE", "WAITING", "OLDEST", "NEXT TRY", "GIVEN UP", "LAST ERROR"]);
    for sink in sinks {
        let backlog = backlogs.iter().find(|backlog| backlog.sink.0 == sink.sink);
        let ago = |time: Option<Timestamp>| time.map_or("-".to_owned(), |time| age(now, time));
        let dead = thousands(sink.dead);
        shown.add_row([
            plain(&sink.sink),
            sink.r#type.unwrap_or("not configured").to_owned(),
            thousands(sink.waiting),
            ago(backlog.and_then(|backlog| backlog.oldest_waiting_at)),
            next_try(backlog.and_then(|backlog| backlog.next_at), now),
            if sink.dead > 0 { terminal.paint(&dead, Paint::Bad) } else { dead },
            sink.error.as_deref().map_or("-".to_owned(), |error| cut(&plain(error), 120)),
        ]);
    }
    render(&shown)
}

fn of_notices(notices: &[Undelivered], now: Timestamp, terminal: Terminal) -> String {
    let mut shown =
        table(&["SINK", "STATE", "BREAK", "KIND", "OCCASION", "ABOUT", "AGE", "TRIES", "NEXT TRY"]);
    for one in notices {
        let notice = &one.queued.notice;
        let (state, next) = match one.state {
            DeliveryState::Waiting(at) => {
                ("waiting".to_owned(), next_try(Some(at).filter(|_| one.queued.attempts > 0), now))
            }
            DeliveryState::Dead(_) => (terminal.paint("given up", Paint::Bad), "never".to_owned()),
        };
        shown.add_row([
            plain(&one.sink.0),
            state,
            notice.number.to_string(),
            notice.kind.to_string(),
            notice.occasion.to_string(),
            cut(&plain(&notice.subject.to_string()), 60),
            age(now, notice.at),
            one.queued.attempts.to_string(),
            next,
        ]);
    }
    render(&shown)
}

fn next_try(at: Option<Timestamp>, now: Timestamp) -> String {
    match at {
        Some(at) if at > now => format!("in {}", age(at, now)),
        Some(_) | None => "at once".to_owned(),
    }
}

fn to_wire(one: &Undelivered) -> NoticeWire {
    let notice = &one.queued.notice;
    let (state, next_at, ended_at) = match one.state {
        DeliveryState::Waiting(at) => ("waiting", Some(at).filter(|_| one.queued.attempts > 0), None),
        DeliveryState::Dead(at) => ("dead", None, Some(at)),
    };
    NoticeWire {
        sink: one.sink.0.clone(),
        state,
        notice: one.queued.number.0,
        r#break: notice.number.0,
        kind: notice.kind.as_str(),
        occasion: notice.occasion.as_str(),
        severity: notice.severity.as_str(),
        subject: notice.subject.to_string(),
        at: notice.at.to_rfc3339(),
        attempts: one.queued.attempts,
        next_at: next_at.map(Timestamp::to_rfc3339),
        ended_at: ended_at.map(Timestamp::to_rfc3339),
        error: one.error.clone(),
    }
}
