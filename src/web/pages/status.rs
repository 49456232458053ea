//! The status page: what needs a person first, then how tallyd watches.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::request::Parts;

use crate::config::Config;
use crate::display::numbers::{age, thousands};
use crate::display::status::{Check, Owed, Service, State as Standing, is_polled};
use crate::ledger::{BreakCounts, GlanceWanted, Indexes, Overview, ProfileOverview, Reader};
use crate::model::{MAX_SKEW_MICROS, SinkBacklog, Timestamp};
use crate::web::Site;
use crate::web::query::Query;
use crate::web::refusal::Refusal;

use super::frame::{Frame, Place};
use super::open::Open;
use super::shown::{Badge, BreakRow, Fact, When, label, text};
use super::times::Times;
use super::{Answer, rendered};

/// So many breaks are shown; a link leads to the others.
const BREAKS: u32 = 12;

/// What completed for so long is what completed lately.
const LATELY: Duration = Duration::from_secs(7 * 86_400);

#[derive(Template)]
#[template(path = "pages/status.html")]
struct Page {
    frame: Frame,
    verdict: Verdict,
    tiles: Vec<Tile>,
    needing: Vec<BreakRow>,
    all_breaks: String,
    profiles: Vec<ProfileRow>,
    notes: Vec<String>,
    open: Open,
    times: Times,
    sinks: Vec<SinkRow>,
    polling: Vec<Fact>,
}

/// Whether all is well.
struct Verdict {
    class: &'static str,
    sign: &'static str,
    text: &'static str,
    more: String,
}

struct Tile {
    name: &'static str,
    value: String,
    note: String,
    /// How bad it is, where it is bad at all.
    class: &'static str,
}

struct ProfileRow {
    label: String,
    result: Badge,
    last: Option<When>,
    covered: Option<When>,
    verified: Option<When>,
    open: String,
    oldest: String,
}

struct SinkRow {
    name: String,
    waiting: String,
    is_idle: bool,
    oldest: String,
    dead: String,
    has_lost_none: bool,
    error: String,
}

pub(super) async fn page(State(site): State<Arc<Site>>, asked: Parts) -> Answer {
    Query::parse(asked.uri.query(), &[])?;
    let (config, now) = (site.config(), site.now());
    Ok(site.answer(&asked, move |reader| rendered(&made(reader, &config, now)?)).await?)
}

fn made(reader: &Reader, config: &Config, local: Timestamp) -> Result<Page, Refusal> {
    let overview = reader.overview(local)?;
    let now = overview.by_paxos(local);
    let wanted = GlanceWanted { now, completed_since: now.minus(LATELY), breaks: BREAKS };
    let glance = reader.glance(wanted)?;
    let check = Check::of(&overview, &reader.last_ends()?, config, local);
    let service = Service::of(config, &overview, local)?;
    Ok(Page {
        frame: Frame::of(reader, config, local, Place::Status, "Status")?,
        verdict: Verdict::of(&check, overview.breaks),
        tiles: tiles(&overview, now),
        needing: glance.needing.iter().map(|record| BreakRow::of(record, now)).collect(),
        all_breaks: all_breaks(overview.breaks),
        profiles: overview.profiles.iter().map(|profile| ProfileRow::of(profile, now)).collect(),
        notes: notes(&overview, config, now),
        open: Open::of(&glance.open),
        times: Times::of(&glance.completed, now),
        sinks: sinks(config, &glance.backlogs, now),
        polling: polling(&service, &overview, local, now),
    })
}

impl Verdict {
    fn of(check: &Check, breaks: BreakCounts) -> Self {
        let (class, sign, text) = match check.state() {
            Standing::Fine => ("good", "✓", "All is well"),
            Standing::BreaksOpen if breaks.critical > 0 => ("bad", "◆", "Critical breaks are open"),
            Standing::BreaksOpen => ("warn", "▲", "Breaks are open"),
            Standing::NotPolled => ("bad", "◆", "Not every profile was completely polled lately"),
        };
        let more = check.summary.split_once(": ").map_or(check.summary.as_str(), |(_, more)| more);
        Self { class, sign, text, more: super::shown::text(more) }
    }
}

fn tiles(overview: &Overview, now: Timestamp) -> Vec<Tile> {
    let BreakCounts { critical, warning, acknowledged, history: _ } = overview.breaks;
    let open: u64 = overview.open.iter().map(|(_, count)| count).sum();
    let oldest = overview.profiles.iter().filter_map(|profile| profile.oldest_open).min();
    let if_any = |count: u64, class: &'static str| if count > 0 { class } else { "" };
    let tile = |name, value, note: String, class| Tile { name, value, note, class };
    vec![
        tile("Critical breaks", thousands(critical), "open".to_owned(), if_any(critical, "bad")),
        tile("Warnings", thousands(warning), "open".to_owned(), if_any(warning, "warn")),
        tile("Acknowledged", thousands(acknowledged), "somebody looks after them".to_owned(), ""),
        tile("Open orchestrations", thousands(open), of_all(overview), ""),
        tile(
            "Oldest open",
            oldest.map_or_else(|| "none".to_owned(), |oldest| age(now, oldest)),
            oldest.map(|oldest| format!("since {}", When::at(oldest, now).text)).unwrap_or_default(),
            "",
        ),
    ]
}

/// Of how many those are that are open, and where they stand.
fn of_all(overview: &Overview) -> String {
    let all = thousands(overview.orchestrations);
    let by_status = overview.open.iter();
    let by_status: Vec<_> =
        by_status.map(|(status, count)| format!("{} {}", thousands(*count), text(status.as_str()))).collect();
    if by_status.is_empty() { format!("of {all}") } else { format!("of {all}: {}", by_status.join(", ")) }
}

fn all_breaks(counts: BreakCounts) -> String {
    let BreakCounts { critical, warning, acknowledged, history } = counts;
    match critical + warning + acknowledged + history {
        0 => String::new(),
        1 => "See the one that is not resolved".to_owned(),
        all => {
            let of_history =
                if history > 0 { format!(", {} of history", thousands(history)) } else { String::new() };
            format!("All {} that are not resolved{of_history}", thousands(all))
        }
    }
}

impl ProfileRow {
    fn of(profile: &ProfileOverview, now: Timestamp) -> Self {
        let when = |at: Timestamp| When::at(at, now);
        let last = profile.last_poll.as_ref();
        Self {
            label: label(&profile.profile),
            result: last.map_or_else(|| Badge::bad("never polled"), |last| Badge::of_poll(&last.result)),
            last: last.map(|last| when(last.began_at)),
            covered: profile.coverage.map(|coverage| when(coverage.to)),
            verified: profile.coverage.map(|coverage| when(coverage.verified_at)),
            open: thousands(profile.open),
            oldest: profile.oldest_open.map_or_else(|| "–".to_owned(), |oldest| age(now, oldest)),
        }
    }
}

/// What is to be said of profiles and the ledger beside the table.
fn notes(overview: &Overview, config: &Config, now: Timestamp) -> Vec<String> {
    let mut notes = Vec::new();
    for profile in &overview.profiles {
        let label = label(&profile.profile);
        if !is_polled(profile, &config.profiles) {
            notes.push(format!("{label}: not polled any more; the configuration does not name it."));
        }
        if let Some(backlog) = &profile.backlog {
            notes.push(format!(
                "{label}: about {}% of the listing up to {} is left to do.",
                backlog.percent_left,
                When::at(backlog.ceiling, now).text
            ));
        }
        if profile.missing > 0 {
            notes.push(format!(
                "{label}: {} missing: Paxos answers 404 for them.",
                thousands(profile.missing)
            ));
        }
        for (what, poll) in [("last poll", &profile.last_poll), ("last sweep", &profile.last_sweep)] {
            if let Some(poll) = poll
                && let Some(reason) = &poll.reason
            {
                notes.push(format!("{label}: {what} {}: {}", poll.result, text(reason)));
            }
        }
    }
    for owed in Owed::all(overview, &config.profiles) {
        notes.push(format!("{}: a sweep of everything is owed: {}", text(&owed.label), text(&owed.reason)));
    }
    if overview.unreadable > 0 {
        notes.push(format!("{} rows could not be read and are kept raw.", thousands(overview.unreadable)));
    }
    if overview.indexes == Indexes::AfterBackfill {
        notes.push("Single orchestrations are found here once the first backfill has ended.".to_owned());
    }
    if let Some(skew) = overview.clock_skew.filter(|skew| skew.micros.abs() > MAX_SKEW_MICROS) {
        let direction = if skew.micros > 0 { "ahead of" } else { "behind" };
        notes.push(format!(
            "The clock of this machine was {} s {direction} Paxos's at the last poll.",
            skew.micros.abs() / 1_000_000
        ));
    }
    notes
}

/// Every sink that is configured, and every other for which something was left.
fn sinks(config: &Config, backlogs: &[SinkBacklog], now: Timestamp) -> Vec<SinkRow> {
    let configured = config.alerts.sinks.iter().map(|sink| &sink.name);
    let others = backlogs.iter().map(|backlog| &backlog.sink);
    let mut names: Vec<_> = configured.collect();
    names.extend(others.filter(|name| !config.alerts.sinks.iter().any(|sink| sink.name == **name)));
    let row = |name: &crate::model::SinkName| {
        let backlog = backlogs.iter().find(|backlog| backlog.sink == *name);
        let (waiting, dead) = backlog.map_or((0, 0), |backlog| (backlog.waiting, backlog.dead));
        let oldest = backlog.and_then(|backlog| backlog.oldest_waiting_at);
        let error = backlog.and_then(|backlog| backlog.error.as_deref());
        SinkRow {
            name: text(&name.0),
            waiting: thousands(waiting),
            is_idle: waiting == 0,
            oldest: oldest.map_or_else(|| "–".to_owned(), |at| When::at(at, now).age),
            dead: thousands(dead),
            has_lost_none: dead == 0,
            error: error.map(|error| format!("last error: {}", text(error))).unwrap_or_default(),
        }
    };
    names.into_iter().map(row).collect()
}

/// What runs, what is due and what is allowed. Schedules and pauses go by the clock of this machine.
fn polling(service: &Service, overview: &Overview, local: Timestamp, now: Timestamp) -> Vec<Fact> {
    let mut facts = Vec::new();
    let time = |name: &str, text: &str, now: Timestamp| {
        Timestamp::parse_rfc3339(text).map_or_else(|_| Fact::new(name, text), |at| Fact::time(name, at, now))
    };
    for stop in &overview.stops {
        let pause = Fact::time("paused by Paxos until", stop.until, local);
        facts.push(Fact { value: format!("{} ({})", pause.value, text(&stop.reason)), ..pause });
    }
    facts.extend(service.next_poll.as_ref().map(|next| time("next poll, about", next, local)));
    for poll in &service.in_progress {
        let name = text(poll.name.as_ref().unwrap_or(&poll.profile_id));
        let fact = time("under way", &poll.began_at, now);
        facts.push(Fact {
            value: format!("{name}: {}, {} rows so far", poll.lane, thousands(poll.rows)),
            ..fact
        });
    }
    facts.push(Fact::new(
        "requests",
        format!(
            "at most {} a second, {} in a backfill",
            service.requests_per_second, service.backfill_requests_per_second
        ),
    ));
    for sweep in &service.sweeps {
        let name = format!("next sweep of {}", text(&sweep.window));
        match &sweep.next {
            Some(next) => facts.push(time(&name, next, local)),
            None => facts.push(Fact::new(&name, "never")),
        }
    }
    for report in &service.reports {
        let name = format!("next report {}", text(&report.name));
        facts.extend(report.next.as_ref().map(|next| time(&name, next, local)));
    }
    for request in &service.requests {
        let doing = if request.taken { "being done" } else { "waits" };
        let fact = time("asked for", &request.asked_at, local);
        facts.push(Fact { value: format!("{}, {doing}", text(&request.kind)), ..fact });
    }
    facts.push(Fact::new("environment", text(&overview.api_url)));
    facts.push(Fact::new("journal head", overview.journal.note()));
    facts
}
