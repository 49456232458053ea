//! Finding an orchestration by its id or `ref_id`, and a break by its number.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::request::Parts;

use crate::ledger::Reader;
use crate::model::{BreakNumber, Identifier, Orchestration, Route, Timestamp};
use crate::web::query::Query;
use crate::web::refusal::Refusal;
use crate::web::reply::Reply;
use crate::web::{Site, by_paxos, found};

use super::frame::{Frame, Place};
use super::shown::{Badge, When, amount_of, orchestration_href, short};
use super::{Answer, rendered};

/// So many orchestrations of one `ref_id` are shown. More than one is a break already.
const ROWS: usize = 100;

#[derive(Template)]
#[template(path = "pages/search.html")]
struct Page {
    frame: Frame,
    said: String,
    advice: Vec<&'static str>,
    rows: Vec<FoundRow>,
}

struct FoundRow {
    href: String,
    id: String,
    status: Badge,
    amount: String,
    route: String,
    created: When,
}

/// What a text stands for.
enum Found {
    /// A single thing, which has this page.
    One(String),
    /// Several orchestrations.
    Several(Vec<Identifier>),
    /// Nothing.
    Nothing,
}

pub(super) async fn page(State(site): State<Arc<Site>>, asked: Parts) -> Answer {
    let query = Query::of_form(asked.uri.query(), &["q"])?;
    let sought = query.one("q", |text| Ok(text.to_owned()))?.unwrap_or_default();
    let (config, local) = (site.config(), site.now());
    let answer = site.answer(&asked, move |reader| {
        let found = if sought.trim().is_empty() { Found::Nothing } else { find(reader, &sought)? };
        let ids = match found {
            Found::One(href) => return Reply::see_other(&href),
            Found::Several(ids) => ids,
            Found::Nothing => Vec::new(),
        };
        let frame = Frame::of(reader, &config, local, Place::Elsewhere, "Search")?;
        rendered(&made(reader, &sought, &ids, frame, by_paxos(reader, local)?)?)
    });
    Ok(answer.await?)
}

fn find(reader: &Reader, asked: &str) -> Result<Found, Refusal> {
    // As it is first: any text may be an id. What was copied may have blanks around it.
    for text in [asked, asked.trim()] {
        let id = Identifier::new(text);
        if found::one(reader, &id)?.is_some() {
            return Ok(Found::One(orchestration_href(&id)));
        }
        let ids = reader.ids_by_ref_id(&id)?;
        match ids.as_slice() {
            [] => {}
            [id] => return Ok(Found::One(orchestration_href(id))),
            _ => return Ok(Found::Several(ids)),
        }
    }
    let number = asked.trim().trim_start_matches('#').parse().ok().map(BreakNumber);
    if let Some(number) = number
        && reader.break_record(number)?.is_some()
    {
        return Ok(Found::One(format!("/breaks/{number}")));
    }
    Ok(Found::Nothing)
}

fn made(
    reader: &Reader,
    asked: &str,
    ids: &[Identifier],
    frame: Frame,
    now: Timestamp,
) -> Result<Page, Refusal> {
    let mut rows = Vec::new();
    for id in ids.iter().take(ROWS) {
        rows.extend(reader.orchestration(id)?.map(|tracked| FoundRow::of(&tracked.orchestration, now)));
    }
    let shown = short(asked, 200);
    let (said, advice) = match (ids.len(), asked.trim().is_empty()) {
        (0, true) => (
            "What are you looking for?".to_owned(),
            vec!["The field above takes the id or the ref_id of an orchestration, or the number of a break."],
        ),
        (0, false) => (
            format!("Nothing was found for “{shown}”"),
            vec![
                "It is neither the id nor the ref_id of an orchestration in the ledger, nor the number of a break. \
                 Both must be given whole; capitals count.",
                "One that was created a moment ago is there after the next poll.",
            ],
        ),
        (many, _) => (format!("{many} orchestrations have the ref_id “{shown}”"), Vec::new()),
    };
    Ok(Page { frame: Frame { asked: asked.to_owned(), ..frame }, said, advice, rows })
}

impl FoundRow {
    fn of(row: &Orchestration, now: Timestamp) -> Self {
        Self {
            href: orchestration_href(&row.id),
            id: short(&row.id.to_string(), 120),
            status: Badge::of_status(&row.status),
            amount: amount_of(row),
            route: short(&Route::of(row).to_string(), 160),
            created: When::at(row.created_at, now),
        }
    }
}
