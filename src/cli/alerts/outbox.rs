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
use crate::model::{DeliveryState, SinkBacklog, Timestamp, Undelivered, UndeliveredItem, cut};

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
    /// What follows up to `subject` is of a notice about a break.
    #[serde(skip_serializing_if = "Option::is_none")]
    r#break: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    occasion: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// What is sent, where it is a report.
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<ReportWire>,
    at: String,
    attempts: u32,
    next_at: Option<String>,
    ended_at: Option<String>,
    error: Option<String>,
}

/// A report that is sent.
#[derive(Serialize)]
struct ReportWire {
    name: String,
    period: String,
    files: Vec<String>,
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
        let attempts = attempts(&one.item);
        let (state, next) = match one.state {
            DeliveryState::Waiting(at) => {
                ("waiting".to_owned(), next_try(Some(at).filter(|_| attempts > 0), now))
            }
            DeliveryState::Dead(_) => (terminal.paint("given up", Paint::Bad), "never".to_owned()),
        };
        let (number, kind, occasion, about, at) = match &one.item {
            UndeliveredItem::Break(queued) => {
                let notice = &queued.notice;
                let (number, kind) = (notice.number.to_string(), notice.kind.to_string());
                (number, kind, notice.occasion.to_string(), notice.subject.to_string(), notice.at)
            }
            UndeliveredItem::Report(queued) => {
                let about = format!("{}, {}", queued.report.name, queued.report.period);
                ("-".to_owned(), "report".to_owned(), "made".to_owned(), about, queued.at)
            }
        };
        shown.add_row([
            plain(&one.sink.0),
            state,
            number,
            kind,
            occasion,
            cut(&plain(&about), 60),
            age(now, at),
            attempts.to_string(),
            next,
        ]);
    }
    render(&shown)
}

fn attempts(item: &UndeliveredItem) -> u32 {
    match item {
        UndeliveredItem::Break(queued) => queued.attempts,
        UndeliveredItem::Report(queued) => queued.attempts,
    }
}

fn next_try(at: Option<Timestamp>, now: Timestamp) -> String {
    match at {
        Some(at) if at > now => format!("in {}", age(at, now)),
        Some(_) | None => "at once".to_owned(),
    }
}

fn to_wire(one: &Undelivered) -> NoticeWire {
    let attempts = attempts(&one.item);
    let (state, next_at, ended_at) = match one.state {
        DeliveryState::Waiting(at) => ("waiting", Some(at).filter(|_| attempts > 0), None),
        DeliveryState::Dead(at) => ("dead", None, Some(at)),
    };
    let wire = |notice: i64, at: Timestamp| NoticeWire {
        sink: one.sink.0.clone(),
        state,
        notice,
        r#break: None,
        kind: None,
        occasion: None,
        severity: None,
        subject: None,
        report: None,
        at: at.to_rfc3339(),
        attempts,
        next_at: next_at.map(Timestamp::to_rfc3339),
        ended_at: ended_at.map(Timestamp::to_rfc3339),
        error: one.error.clone(),
    };
    match &one.item {
        UndeliveredItem::Break(queued) => {
            let notice = &queued.notice;
            NoticeWire {
                r#break: Some(notice.number.0),
                kind: Some(notice.kind.as_str()),
                occasion: Some(notice.occasion.as_str()),
                severity: Some(notice.severity.as_str()),
                subject: Some(notice.subject.to_string()),
                ..wire(queued.number.0, notice.at)
            }
        }
        UndeliveredItem::Report(queued) => {
            let report = &queued.report;
            let files = report.files.iter().map(|file| report.path_of(file).display().to_string());
            let (name, period) = (report.name.clone(), report.period.clone());
            NoticeWire {
                report: Some(ReportWire { name, period, files: files.collect() }),
                ..wire(queued.number.0, queued.at)
            }
        }
    }
}
