//! One break with its whole story.

use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::request::Parts;

use crate::config::Config;
use crate::display::{facts, history, words};
use crate::ledger::{BreakStory, Reader};
use crate::model::{BreakNumber, Resolved, Timestamp};
use crate::web::query::Query;
use crate::web::refusal::Refusal;
use crate::web::{Site, by_paxos};

use super::frame::{Frame, Place};
use super::shown::{Badge, Fact, When, about_href, text};
use super::{Answer, rendered};

#[derive(Template)]
#[template(path = "pages/break.html")]
struct Page {
    frame: Frame,
    number: i64,
    kind: &'static str,
    severity: Badge,
    state: String,
    lasts: String,
    facts: Vec<Fact>,
    /// Where the runbook tells of its kind, where that can be read in a browser.
    runbook: Option<String>,
    episodes: Vec<Episode>,
    pruned: String,
    events: Vec<StoryEvent>,
}

/// Something that happened, in a timeline.
pub(super) struct StoryEvent {
    pub(super) at: When,
    /// How long after the one before.
    pub(super) later: String,
    pub(super) headline: String,
    pub(super) details: Vec<String>,
    /// Whether something went wrong.
    pub(super) is_alarm: bool,
}

struct Episode {
    number: i64,
    place: u32,
    opened: When,
    end: String,
}

pub(super) async fn page(
    State(site): State<Arc<Site>>,
    number: Result<Path<String>, PathRejection>,
    asked: Parts,
) -> Answer {
    Query::parse(asked.uri.query(), &[])?;
    let not_one =
        || Refusal::NotFound("No break has this number. The list of breaks shows what there is.".to_owned());
    let number: i64 = number.ok().and_then(|Path(number)| number.parse().ok()).ok_or_else(not_one)?;
    let (config, local) = (site.config(), site.now());
    let page = site.answer(&asked, move |reader| {
        let story = reader.break_story(BreakNumber(number))?.ok_or_else(not_one)?;
        let title = format!("Break {number}: {}", story.record.standing.kind);
        let frame = Frame::of(reader, &config, local, Place::Breaks, title)?;
        rendered(&Page { runbook: runbook(&config, &story), ..made(reader, &story, frame, local)? })
    });
    Ok(page.await?)
}

fn made(reader: &Reader, story: &BreakStory, frame: Frame, local: Timestamp) -> Result<Page, Refusal> {
    let now = by_paxos(reader, local)?;
    let record = &story.record;
    let fact = |(name, value): (&'static str, String)| {
        let href = if name == "about" { about_href(record) } else { None };
        let value = if TIMED.contains(&name) { with_times(&value) } else { value };
        Fact { href, ..Fact::new(name, text(&value)) }
    };
    Ok(Page {
        frame,
        number: record.standing.number.0,
        kind: record.standing.kind.as_str(),
        severity: Badge::of_break(record),
        state: words::state(record),
        lasts: format!("lasts {}", words::lasting(record, now)),
        facts: facts::of_break(record, now).into_iter().map(fact).collect(),
        runbook: None,
        episodes: story.episodes.iter().map(|record| episode(record, now)).collect(),
        pruned: story
            .pruned_at
            .map(|at| format!("Earlier history was pruned on {}.", When::at(at, now).text))
            .unwrap_or_default(),
        events: events(story, now),
    })
}

/// The facts that are tallyd's own words, with times in them.
const TIMED: [&str; 6] = ["lasts", "opened", "limit", "ended", "gone", "met again"];

/// The same with times as pages tell them.
fn with_times(text: &str) -> String {
    let word = |word: &str| {
        let (time, comma) = word.strip_suffix(',').map_or((word, ""), |time| (time, ","));
        match Timestamp::parse_rfc3339(time) {
            Ok(at) => format!("{}{comma}", When::at(at, at).text),
            Err(_) => word.to_owned(),
        }
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

fn runbook(config: &Config, story: &BreakStory) -> Option<String> {
    let mut url =
        config.alerts.runbook_url.clone().filter(|url| ["https", "http"].contains(&url.scheme()))?;
    url.set_fragment(Some(story.record.standing.kind.as_str()));
    Some(url.into())
}

fn episode(record: &crate::model::BreakRecord, now: Timestamp) -> Episode {
    let end = match &record.resolved {
        Some(Resolved { at, why }) => {
            format!("resolved {}: {}", When::at(*at, now).text, text(&why.to_string()))
        }
        None => "not resolved".to_owned(),
    };
    Episode {
        number: record.standing.number.0,
        place: record.standing.episode,
        opened: When::at(record.standing.opened_at, now),
        end,
    }
}

/// What became of it and what people were told, in the order of time; what was told of a step stands behind it.
fn events(story: &BreakStory, now: Timestamp) -> Vec<StoryEvent> {
    let steps = story.steps.iter().map(|step| {
        let details = history::break_details(&step.event.step);
        let event = StoryEvent {
            at: When::at(step.at, now),
            later: String::new(),
            headline: text(&history::break_headline(&step.event)),
            details: details.iter().map(|detail| text(detail)).collect(),
            is_alarm: true,
        };
        (step.at, event)
    });
    let notices = story.notices.iter().map(|notice| {
        let event = StoryEvent {
            at: When::at(notice.at, now),
            later: String::new(),
            headline: format!("told as {}, {}", notice.occasion, notice.severity),
            details: notice.deliveries.iter().map(|delivery| text(&facts::delivery(delivery))).collect(),
            is_alarm: false,
        };
        (notice.at, event)
    });
    let mut events: Vec<_> = steps.chain(notices).collect();
    events.sort_by_key(|(at, _)| *at);
    events.into_iter().map(|(_, event)| event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_tallyds_own_words_are_told_as_elsewhere() {
        assert_eq!(
            with_times("at least 2h, since 2026-03-01T12:00:00Z, 2026-03-01 and 2026-03-01T12:00:00Zx"),
            "at least 2h, since 2026-03-01 12:00:00 UTC, 2026-03-01 and 2026-03-01T12:00:00Zx"
        );
    }
}
