//! One orchestration: where it stands, what was wrong with it, and what was seen of it, oldest first.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::request::Parts;

use crate::display::history;
use crate::display::numbers::age;
use crate::display::orchestration::Known;
use crate::ledger::{Beginning, Event, EventKind, History, Reader};
use crate::model::{Field, Identifier, Leg, Orchestration, Profile, Rail, Route, Timestamp, Tracked, span};
use crate::web::query::Query;
use crate::web::refusal::Refusal;
use crate::web::{Site, by_paxos, found};

use super::frame::{Frame, Place};
use super::shown::{Badge, BreakRow, Fact, When, amount_of, label, short, text};
use super::story::StoryEvent;
use super::{Answer, rendered};

/// So many breaks about one are shown, the latest.
const BREAKS: usize = 50;

/// So many events are shown, the latest: more than any movement has that is not stuck in a loop.
const EVENTS: usize = 500;

#[derive(Template)]
#[template(path = "pages/orchestration.html")]
struct Page {
    frame: Frame,
    id: String,
    now: Option<Now>,
    warnings: Vec<String>,
    breaks: Vec<BreakRow>,
    pruned: String,
    events: Vec<StoryEvent>,
    fields: Vec<Fact>,
    raw: String,
}

/// Where it stands.
struct Now {
    status: Badge,
    lasts: String,
    /// Why it failed, where Paxos says so.
    reason: String,
    amount: String,
    route: String,
    created: When,
    ref_id: String,
    legs: [LegRow; 2],
}

struct LegRow {
    name: &'static str,
    status: String,
    transfer: String,
    rail: String,
}

pub(super) async fn page(
    State(site): State<Arc<Site>>,
    id: Result<Path<String>, PathRejection>,
    asked: Parts,
) -> Answer {
    Query::parse(asked.uri.query(), &[])?;
    let id = id.map(|Path(id)| Identifier::new(&id)).map_err(|_| unknown())?;
    let (config, local) = (site.config(), site.now());
    let page = site.answer(&asked, move |reader| {
        let known = found::one(reader, &id)?.ok_or_else(unknown)?;
        let title = format!("Orchestration {}", short(&id.to_string(), 60));
        let frame = Frame::of(reader, &config, local, Place::Elsewhere, title)?;
        rendered(&made(reader, &id, &known, frame, local)?)
    });
    Ok(page.await?)
}

fn unknown() -> Refusal {
    Refusal::NotFound(
        "No orchestration with this id is in the ledger. Search finds one by its ref_id too; one that was created \
         a moment ago is there after the next poll."
            .to_owned(),
    )
}

fn made(
    reader: &Reader,
    id: &Identifier,
    known: &Known,
    frame: Frame,
    local: Timestamp,
) -> Result<Page, Refusal> {
    let now = by_paxos(reader, local)?;
    let story = reader.history(id)?;
    let mut breaks = Vec::new();
    for number in reader.breaks_about(id)?.into_iter().rev().take(BREAKS) {
        breaks.extend(reader.break_record(number)?.map(|record| BreakRow::of(&record, now)));
    }
    let mut warnings = Vec::new();
    if let Some(since) = known.missing_since {
        warnings.push(format!(
            "Missing for {}: Paxos answers that there is no such orchestration (404). What follows is how it was last seen.",
            age(now, since)
        ));
    }
    if let Some(row) = &known.unreadable {
        warnings.push(format!("Its last row could not be read: {}", text(&row.problem)));
    }
    Ok(Page {
        frame,
        id: text(&id.to_string()),
        now: known.tracked.as_ref().map(|tracked| Now::of(tracked, now)),
        warnings,
        breaks,
        pruned: story.as_ref().map(|story| pruned(story, now)).unwrap_or_default(),
        events: story.map(|story| events(&story, now)).unwrap_or_default(),
        fields: fields(known, now),
        raw: known.unreadable.as_ref().map(|row| text(&row.raw)).unwrap_or_default(),
    })
}

impl Now {
    fn of(tracked: &Tracked, now: Timestamp) -> Self {
        let row = &tracked.orchestration;
        let at_least = if tracked.status_since == row.created_at { "" } else { "at least " };
        Self {
            status: Badge::of_status(&row.status),
            lasts: format!("for {at_least}{}", age(now, tracked.status_since)),
            reason: row.fail_reason.as_deref().map(text).unwrap_or_default(),
            amount: amount_of(row),
            route: short(&Route::of(row).to_string(), 200),
            created: When::at(row.created_at, now),
            ref_id: row.ref_id.as_ref().map_or_else(|| "none".to_owned(), |id| short(&id.to_string(), 300)),
            legs: [
                LegRow::of("source", &row.source_transfer, &Rail::of(row.source.as_ref())),
                LegRow::of("destination", &row.destination_transfer, &Rail::of(row.destination.as_ref())),
            ],
        }
    }
}

impl LegRow {
    fn of(name: &'static str, leg: &Leg, rail: &Rail) -> Self {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "not given".to_owned());
        Self {
            name,
            status: or_none(leg.status.as_ref().map(|status| short(&status.to_string(), 60))),
            transfer: or_none(leg.transfer_id.as_ref().map(|id| short(&id.to_string(), 200))),
            rail: short(&rail.to_string(), 100),
        }
    }
}

fn pruned(story: &History, now: Timestamp) -> String {
    let mut said = match &story.beginning {
        Beginning::Whole => String::new(),
        Beginning::Pruned { at, .. } => {
            format!("Earlier history was pruned on {}. ", When::at(*at, now).text)
        }
    };
    if story.events.len() > EVENTS {
        said.push_str(&format!("The latest {EVENTS} of {} observations are shown.", story.events.len()));
    }
    said.trim_end().to_owned()
}

fn events(story: &History, now: Timestamp) -> Vec<StoryEvent> {
    let mut before: Option<&Event> = None;
    let first = story.events.len().saturating_sub(EVENTS);
    let events = story.events.iter().skip(first).map(|event| {
        let later = before.map(|before| format!("+{}", span(event.at.since(before.at)))).unwrap_or_default();
        before = Some(event);
        StoryEvent {
            at: When::at(event.at, now),
            later,
            headline: text(&history::headline(event)),
            details: history::details(event).iter().map(|detail| text(detail)).collect(),
            is_alarm: is_alarm(&event.kind),
        }
    });
    events.collect()
}

fn is_alarm(kind: &EventKind) -> bool {
    match kind {
        EventKind::WentBackInTime(_)
        | EventKind::Unreadable(_)
        | EventKind::WentMissing
        | EventKind::Break(_) => true,
        EventKind::Appeared(_)
        | EventKind::Changed(_)
        | EventKind::ReadableAgain
        | EventKind::Merged
        | EventKind::Reappeared => false,
    }
}

/// Every field that has a value, by its name in the API.
fn fields(known: &Known, now: Timestamp) -> Vec<Fact> {
    let mut fields = vec![];
    if let Some(Tracked { orchestration, .. }) = &known.tracked {
        fields.push(Fact::new("id", text(&orchestration.id.to_string())));
        fields.extend(Field::ALL.into_iter().filter_map(|field| fact(orchestration, field, now)));
    }
    let profiles: Vec<_> = known.listed_under.iter().map(|profile: &Profile| label(profile)).collect();
    if !profiles.is_empty() {
        fields.push(Fact::new("listed under", profiles.join(", ")));
    }
    fields
}

fn fact(row: &Orchestration, field: Field, now: Timestamp) -> Option<Fact> {
    let value = row.value(field)?.to_string();
    let name = match field {
        Field::Remainder => "other fields",
        field => field.path(),
    };
    let time = match field {
        Field::CreatedAt => Some(row.created_at),
        Field::UpdatedAt => row.updated_at,
        Field::CompletedAt => row.completed_at,
        _ => None,
    };
    Some(Fact { age: time.map(|at| When::at(at, now).age), ..Fact::new(name, text(&value)) })
}
