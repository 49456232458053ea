//! `status`: what the ledger covers, and what runs.

mod owed;
mod service;

use std::fmt::Write as _;
use std::time::Duration;

use super::failure::Failure;
use super::poll::to_json;
use super::terminal::{Paint, Terminal, age, render, skew_worth_telling, table, thousands};
use super::{Common, Exit, session};
use crate::clock::{Clock as _, SystemClock};
use crate::display::status::{Check, Owed, Service, State, Status, is_polled};
use crate::ledger::{BreakCounts, Indexes, LastPoll, Overview, ProfileOverview, Reader};
use crate::model::{ProfileSelection, Timestamp};

/// What `status` takes.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArguments {
    /// Show it as JSON
    #[arg(long)]
    json: bool,
    /// Begin with a line that says whether all is well, and exit 0 if it is, 3 if breaks are open, 1 if a profile was
    /// not completely polled lately
    #[arg(long)]
    exit_code: bool,
}

/// Shows the ledger at a glance.
pub(super) fn run(common: &Common, wanted: &StatusArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let config = session::load_for_reading(common, terminal)?;
    let path = session::ledger_path(&config);
    let now = SystemClock.now();
    let reader = Reader::open(&path)?;
    let overview = reader.overview(now)?;
    let check =
        if wanted.exit_code { Some(Check::of(&overview, &reader.last_ends()?, &config, now)) } else { None };
    let service = Service::of(&config, &overview, now)?;
    let owed = Owed::all(&overview, &config.profiles);
    let path = path.display().to_string();
    let text = if wanted.json {
        let status = Status::of(&overview, &path, &service, &owed, &config.profiles);
        to_json(&status.with_check(check.as_ref()))?
    } else {
        let mut lines: Vec<_> = owed.iter().map(|owed| owed::line(owed, terminal)).collect();
        lines.extend(service::lines(&service, &overview, now, terminal));
        let check = check.as_ref().map_or(String::new(), |check| format!("{}\n", check.summary));
        check + &text(&overview, &path, &lines, now, terminal) + &unpolled(&overview, &config.profiles)
    };
    terminal.print(&text)?;
    Ok(check.map_or(Exit::Fine, |check| match check.state() {
        State::Fine => Exit::Fine,
        State::BreaksOpen => Exit::BreaksOpen,
        State::NotPolled => Exit::Failed,
    }))
}

/// `Date`, by which times of tallyd's own are told, has whole seconds: what is ahead by less is now.
const DATE_GRAIN: Duration = Duration::from_secs(1);

/// The overview for people, with lines of what is owed and what runs, when the local clock shows `now`.
pub(super) fn text(
    overview: &Overview,
    path: &str,
    lines: &[(&'static str, String)],
    now: Timestamp,
    terminal: Terminal,
) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let name = terminal.paint(&format!("{name:<15}"), Paint::Faint);
        writeln!(text, "{name} {value}").unwrap_or_default();
    };
    line("ledger", &format!("{path} ({} MiB)", overview.bytes.div_ceil(1024 * 1024)));
    line("environment", &overview.api_url);
    line(
        "customer",
        &overview.customer.as_ref().map_or_else(|| "not seen yet".to_owned(), ToString::to_string),
    );
    line("orchestrations", &orchestrations(overview));
    if let Some((breaks, paint)) = breaks(overview.breaks) {
        line("breaks", &terminal.paint(&breaks, paint));
    }
    if overview.unreadable > 0 {
        let unreadable =
            format!("{} rows could not be read and are kept raw", thousands(overview.unreadable));
        line("unreadable", &terminal.paint(&unreadable, Paint::Warning));
    }
    line("journal head", &overview.journal.note());
    if overview.indexes == Indexes::AfterBackfill {
        line(
            "indexes",
            "on id and ref_id not built yet: they are when the first backfill ends; until then look-ups read everything",
        );
    }
    if let Some(checkpoint) = &overview.checkpoint {
        let (floor, at) = (checkpoint.floor.to_rfc3339_seconds(), checkpoint.pruned_at.to_rfc3339_seconds());
        line("pruned", &format!("what was created before {floor}, on {at}; it is not listed again"));
    }
    if overview.epoch > 0 {
        line("epoch", &format!("{} (how often it was restored from a backup)", overview.epoch));
    }
    for (name, value) in lines {
        line(name, value);
    }
    for stop in &overview.stops {
        let pause = format!("{} until {} ({})", stop.host, stop.until.to_rfc3339_seconds(), stop.reason);
        line("429 stop", &terminal.paint(&pause, Paint::Warning));
    }
    let skew = overview.clock_skew.and_then(|skew| Some((skew_worth_telling(skew.micros)?, skew.seen_at)));
    if let Some((skew, seen_at)) = skew {
        let seen_at = seen_at.to_rfc3339_seconds();
        let warning = format!("was {skew} at {seen_at}; check its time synchronisation");
        line("local clock", &terminal.paint(&warning, Paint::Warning));
    }
    text.push('\n');
    // Everything in the ledger is by Paxos's clock.
    let now = overview.by_paxos(now);
    text.push_str(&profiles(overview, now, terminal));
    text
}

fn orchestrations(overview: &Overview) -> String {
    let open: Vec<_> =
        overview.open.iter().map(|(status, count)| format!("{} {status}", thousands(*count))).collect();
    let open = if open.is_empty() { "none open".to_owned() } else { format!("open: {}", open.join(", ")) };
    format!("{}, {open}", thousands(overview.orchestrations))
}

/// The unresolved breaks in a line; `None` where there is none.
fn breaks(counts: BreakCounts) -> Option<(String, Paint)> {
    let BreakCounts { critical, warning, acknowledged, history } = counts;
    let paint = match (critical, warning) {
        (0, 0) => Paint::Faint,
        (0, _) => Paint::Warning,
        _ => Paint::Bad,
    };
    let parts = [
        (critical, "open and critical"),
        (warning, "open and warning"),
        (acknowledged, "acknowledged"),
        (history, "of history"),
    ];
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", thousands(count)))
        .collect();
    (!parts.is_empty()).then(|| (parts.join(", "), paint))
}

fn profiles(overview: &Overview, now: Timestamp, terminal: Terminal) -> String {
    if overview.profiles.is_empty() {
        return "no profile was polled yet; run `tallyd poll`\n".to_owned();
    }
    let mut profiles =
        table(&["PROFILE", "LAST POLL", "RESULT", "COVERED TO", "VERIFIED", "OPEN", "OLDEST OPEN"]);
    let mut notes = String::new();
    for profile in &overview.profiles {
        let is_ahead = |time: Timestamp| time > now.plus(DATE_GRAIN);
        let old = |time| if is_ahead(time) { "in the future".to_owned() } else { age(now, time) };
        let ago = |time| if is_ahead(time) { old(time) } else { format!("{} ago", old(time)) };
        let last = profile.last_poll.as_ref();
        profiles.add_row([
            profile.profile.label(),
            last.map_or_else(|| "never".to_owned(), |poll| ago(poll.began_at)),
            last.map_or_else(|| "-".to_owned(), |poll| terminal.paint(&poll.result, paint_of(&poll.result))),
            profile
                .coverage
                .map_or_else(|| "nothing".to_owned(), |coverage| coverage.to.to_rfc3339_seconds()),
            profile.coverage.map_or_else(|| "-".to_owned(), |coverage| ago(coverage.verified_at)),
            thousands(profile.open),
            profile.oldest_open.map_or_else(|| "-".to_owned(), old),
        ]);
        notes.push_str(&note(profile));
    }
    render(&profiles) + &notes
}

/// A word about every profile that the ledger knows and the configuration leaves out.
fn unpolled(overview: &Overview, polled: &ProfileSelection) -> String {
    let left_out = overview.profiles.iter().filter(|profile| !is_polled(profile, polled));
    let why = match polled {
        ProfileSelection::All => "not polled: the account never listed it",
        ProfileSelection::Listed(_) => "not polled any more; [[profiles]] does not name it",
    };
    let note = |profile: &ProfileOverview| format!("{}: {why}\n", profile.profile.label());
    left_out.map(note).collect()
}

fn note(profile: &ProfileOverview) -> String {
    let mut note = String::new();
    let label = profile.profile.label();
    if let Some(backlog) = &profile.backlog {
        writeln!(
            note,
            "{label}: about {}% of the listing up to {} is left to do; the next poll goes on with it",
            backlog.percent_left,
            backlog.ceiling.to_rfc3339_seconds()
        )
        .unwrap_or_default();
    }
    if profile.missing > 0 {
        let missing = thousands(profile.missing);
        writeln!(note, "{label}: {missing} missing: Paxos no longer lists them and answers 404")
            .unwrap_or_default();
    }
    if let Some(reason) = profile.last_poll.as_ref().and_then(|poll| poll.reason.as_ref()) {
        writeln!(note, "{label}: {reason}").unwrap_or_default();
    }
    if let Some(LastPoll { began_at, result, reason: Some(reason), .. }) = &profile.last_sweep {
        let began_at = began_at.to_rfc3339_seconds();
        writeln!(note, "{label}: last sweep, {began_at}, {result}: {reason}").unwrap_or_default();
    }
    note
}

fn paint_of(result: &str) -> Paint {
    match result {
        "complete" => Paint::Good,
        "failed" => Paint::Bad,
        _ => Paint::Warning,
    }
}
