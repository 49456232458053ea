//! `show`: one orchestration as the ledger has it, and beside Paxos's own answer if asked.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::failure::Failure;
use super::poll::runtime;
use super::terminal::{Paint, Terminal, age, plain};
use super::{Common, Exit, session};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::display::orchestration::{self, Known};
use crate::ledger::{Overview, Reader};
use crate::model::{
    Change, Field, Identifier, Lane, LegSide, Profile, Route, Timestamp, Tracked, Trust, Verdict,
};
use crate::paxos::{Got, ListQuery, Row};
use crate::sync::diff;

/// What `show` takes.
#[derive(Debug, clap::Args)]
pub(super) struct ShowArguments {
    /// The orchestration's id, or its `ref_id`
    #[arg(value_name = "ID")]
    id: String,
    /// Ask Paxos too and show what differs; the ledger is left as it is
    #[arg(long)]
    live: bool,
    /// Show it as JSON, in the API's own shape
    #[arg(long)]
    json: bool,
}

/// What Paxos answers about one id.
enum Live {
    NotAsked,
    Found(Box<Row>),
    NotFound,
}

/// Shows one orchestration.
pub(super) fn run(common: &Common, wanted: &ShowArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let load = if wanted.live { session::load } else { session::load_for_reading };
    let config = load(common, terminal)?;
    let reader = Reader::open(&session::ledger_path(&config))?;
    let id = resolve(&reader, &wanted.id)?;
    let known = Known::read(&reader, &id)?;
    let now = SystemClock.now();
    let live = if wanted.live { ask(&config, &reader.overview(now)?, &id)? } else { Live::NotAsked };
    if !known.is_anything() && !matches!(live, Live::Found(_)) {
        return Err(unknown(&id, &live));
    }
    let text = if wanted.json { json_text(&known, &live)? } else { text(&id, &known, &live, now, terminal) };
    terminal.print(&text)?;
    Ok(Exit::Fine)
}

/// The id that was meant: an id, or the `ref_id` of just one orchestration.
pub(super) fn resolve(reader: &Reader, text: &str) -> Result<Identifier, Failure> {
    let given = Identifier::new(text);
    if reader.orchestration(&given)?.is_some() || reader.unreadable(&given)?.is_some() {
        return Ok(given);
    }
    let ids = reader.ids_by_ref_id(&given)?;
    match ids.as_slice() {
        [] => Ok(given),
        [id] => Ok(id.clone()),
        several => {
            let list: Vec<_> = several.iter().map(ToString::to_string).collect();
            let problem = anyhow::anyhow!(
                "{} orchestrations have this ref_id; name one by its id:\n  {}",
                several.len(),
                list.join("\n  ")
            );
            Err(problem.into())
        }
    }
}

fn unknown(id: &Identifier, live: &Live) -> Failure {
    let advice = match live {
        Live::NotFound => "and Paxos answers that it knows none",
        _ => "`tallyd poll` brings the ledger up to date, and --live asks Paxos",
    };
    anyhow::anyhow!("no orchestration with the id or ref_id {id} is in the ledger; {advice}").into()
}

fn ask(config: &Config, overview: &Overview, id: &Identifier) -> Result<Live, Failure> {
    runtime()?.block_on(async {
        let client = crate::daemon::reading_client(config, overview.stops.clone())?;
        if let Got::Found(row) = client.get(Lane::Refresh, id).await? {
            return Ok(Live::Found(row));
        }
        // What was typed may be a `ref_id` that the ledger does not know yet.
        let query = ListQuery { ref_ids: vec![id.clone()], limit: 1, ..ListQuery::default() };
        let mut page = client.list(Lane::Refresh, &query, None).await?;
        Ok(page.rows.pop().map_or(Live::NotFound, |row| Live::Found(Box::new(row))))
    })
}

fn text(id: &Identifier, known: &Known, live: &Live, now: Timestamp, terminal: Terminal) -> String {
    let mut text = String::new();
    if let Some(tracked) = &known.tracked {
        text.push_str(&orchestration_text(tracked, &known.listed_under, now, terminal));
    } else {
        writeln!(text, "{}", terminal.paint(&id.to_string(), Paint::Heading)).unwrap_or_default();
        text.push_str("not in the ledger as an orchestration\n");
    }
    if let Some(since) = known.missing_since {
        let missing = format!(
            "missing for {}: Paxos answers that there is no such orchestration (404)",
            age(now, since)
        );
        writeln!(text, "\n{}", terminal.paint(&missing, Paint::Bad)).unwrap_or_default();
    }
    if let Some(row) = &known.unreadable {
        let problem = format!("its last row could not be read: {}", row.problem);
        writeln!(text, "\n{}\n{}", terminal.paint(&problem, Paint::Warning), plain(&row.raw))
            .unwrap_or_default();
    }
    text.push_str(&live_text(known, live, now, terminal));
    text
}

fn orchestration_text(
    tracked: &Tracked,
    listed_under: &[Profile],
    now: Timestamp,
    terminal: Terminal,
) -> String {
    let row = &tracked.orchestration;
    let mut text = terminal.paint(&row.id.to_string(), Paint::Heading);
    writeln!(text, "\n{}", Route::of(row)).unwrap_or_default();
    let at_least = if tracked.status_since == row.created_at { "" } else { "at least " };
    writeln!(text, "{} for {at_least}{}\n", row.status, age(now, tracked.status_since)).unwrap_or_default();
    for field in Field::ALL {
        if let Some(value) = row.value(field) {
            let name = terminal.paint(&format!("{:<40}", field.path()), Paint::Faint);
            writeln!(text, "{name} {}", plain(&value.to_string())).unwrap_or_default();
        }
    }
    let profiles = listed_under.iter().map(Profile::label).collect::<Vec<_>>().join(", ");
    let name = terminal.paint(&format!("{:<40}", "(listed under)"), Paint::Faint);
    writeln!(text, "{name} {profiles}").unwrap_or_default();
    text
}

fn live_text(known: &Known, live: &Live, now: Timestamp, terminal: Terminal) -> String {
    let row = match live {
        Live::NotAsked => return String::new(),
        Live::NotFound => {
            return terminal.paint("\nPaxos answers that there is no such orchestration (404)\n", Paint::Bad);
        }
        Live::Found(row) => row,
    };
    let received = match &**row {
        Row::Readable(received) => &received.orchestration,
        Row::Unreadable(row) => {
            return format!(
                "\nPaxos answers with a row that cannot be read: {}\n{}\n",
                row.problem,
                plain(&row.raw)
            );
        }
        Row::WithoutId { problem, .. } => {
            return format!("\nPaxos answers with a row that cannot be read: {problem}\n");
        }
    };
    let changes = match diff::compare(known.tracked.as_ref(), received, now, Trust::Confirmed) {
        Verdict::Unchanged | Verdict::Stale => return "\nPaxos shows the same now\n".to_owned(),
        Verdict::Appeared { .. } => return format!("\nPaxos shows it:\n{:#}\n", orchestration::of(received)),
        Verdict::Changed { changes, .. } => changes,
    };
    let mut text = "\nPaxos shows now:\n".to_owned();
    for change in &changes {
        writeln!(text, "  {}", plain(&change_line(change))).unwrap_or_default();
    }
    text.push_str("the ledger takes it at the next poll that lists it\n");
    text
}

fn change_line(change: &Change) -> String {
    match change {
        Change::Appeared => "new".to_owned(),
        Change::StatusMoved { from, to } => format!("status: {from} → {to}"),
        Change::LegMoved { leg: LegSide::Source, from, to } => format!("source leg: {from} → {to}"),
        Change::LegMoved { leg: LegSide::Destination, from, to } => format!("destination leg: {from} → {to}"),
        Change::FieldChanged { field, old, new: Some(new) } => format!("{field}: {old} → {new}"),
        Change::FieldChanged { field, old, new: None } => format!("{field}: {old} → (missing)"),
        Change::FilledIn { field, new } => format!("{field}: (missing) → {new}"),
        Change::WentBackInTime { from, to } => format!("an older state: updated_at {from} → {to}"),
        Change::WentMissing => "missing".to_owned(),
        Change::Reappeared => "no longer missing".to_owned(),
    }
}

fn json_text(known: &Known, live: &Live) -> Result<String, Failure> {
    let mut value = known.document();
    let answer = match live {
        Live::NotAsked => None,
        Live::NotFound => Some(Value::Null),
        Live::Found(row) => Some(match &**row {
            Row::Readable(row) => orchestration::of(&row.orchestration),
            Row::Unreadable(row) => json!({ "raw": &*row.raw, "problem": row.problem }),
            Row::WithoutId { raw, problem } => json!({ "raw": raw, "problem": problem }),
        }),
    };
    if let (Some(answer), Some(map)) = (answer, value.as_object_mut()) {
        map.insert("live".to_owned(), answer);
    }
    super::poll::to_json(&value)
}
