//! Which limits hold for one orchestration of the ledger, for people and as JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::super::failure::Failure;
use super::super::show::resolve;
use super::super::terminal::{Paint, Terminal, plain};
use super::session;
use crate::breaks::limits::{Applied, Explained, Explanation, Setting, Source};
use crate::config::Config;
use crate::ledger::Reader;
use crate::model::{Identifier, Orchestration, Profile, Route};

/// An orchestration with its limits.
pub(super) struct Told {
    orchestration: Orchestration,
    /// The profile that the limits are for.
    profile: Profile,
    applied: Applied,
    explanation: Explanation,
}

/// The limits of an orchestration, by its id or `ref_id`.
pub(super) fn of(config: &Config, text: &str) -> Result<Told, Failure> {
    let reader = Reader::open(&session::ledger_path(config))?;
    let id = resolve(&reader, text)?;
    let Some(tracked) = reader.orchestration(&id)? else {
        return Err(unknown(&reader, &id)?);
    };
    let orchestration = tracked.orchestration;
    let profile = profile_of(&orchestration, reader.listed_under(&id)?);
    let applied = config.limits.of(&orchestration, &profile.id);
    let explanation = config.limits.explain(&orchestration, &profile.id);
    Ok(Told { orchestration, profile, applied, explanation })
}

fn unknown(reader: &Reader, id: &Identifier) -> Result<Failure, Failure> {
    let problem = if reader.unreadable(id)?.is_some() {
        anyhow::anyhow!(
            "no row of {id} could be read, so no limit holds for it; `tallyd show {id}` tells why"
        )
    } else {
        anyhow::anyhow!(
            "no orchestration with the id or ref_id {id} is in the ledger; `tallyd poll` brings the ledger up to \
             date"
        )
    };
    Ok(problem.into())
}

/// The profile that it belongs to, if it is listed under that one; else the first that lists it.
fn profile_of(orchestration: &Orchestration, listed_under: Vec<Profile>) -> Profile {
    let own = orchestration.profile_id.as_ref();
    let place = listed_under.iter().position(|profile| Some(&profile.id) == own).unwrap_or(0);
    let nowhere = || Profile { id: own.cloned().unwrap_or_else(|| Identifier::new("unknown")), name: None };
    listed_under.into_iter().nth(place).unwrap_or_else(nowhere)
}

impl Told {
    /// When PROCESSING is critical, beside the multiple that says so.
    fn note(&self, explained: &Explained) -> Option<String> {
        let is_reached = || self.applied.critical_amount.is_reached_by(&self.orchestration);
        match explained.setting {
            Setting::CriticalAfter => {
                Some(format!("PROCESSING is critical after {}", self.applied.critical_processing()))
            }
            Setting::CriticalAmount if is_reached() => {
                Some("reached: critical as soon as it is stuck or rejected".to_owned())
            }
            _ => None,
        }
    }

    /// For people.
    pub(super) fn text(&self, terminal: Terminal) -> String {
        let row = &self.orchestration;
        let mut text = terminal.paint(&row.id.to_string(), Paint::Heading);
        let amount = row.source_amount.as_ref().map(|amount| format!(", {amount}")).unwrap_or_default();
        let route = Route::of(row);
        writeln!(text, "\n{}", plain(&format!("{route}{amount}, profile {}", self.profile.label())))
            .unwrap_or_default();
        for explained in &self.explanation.settings {
            let Explained { setting, value, from, others } = explained;
            let value = terminal.paint(&value.to_string(), Paint::Heading);
            let note = self.note(explained).map(|note| format!(" ({note})")).unwrap_or_default();
            writeln!(text, "\n{setting} = {value}{note}\n  from {}", plain(&from.to_string()))
                .unwrap_or_default();
            for other in others {
                let line = format!("  not {} from {}: {}", other.value, other.from, other.why);
                writeln!(text, "{}", terminal.paint(&plain(&line), Paint::Faint)).unwrap_or_default();
            }
        }
        text
    }

    /// As JSON.
    pub(super) fn json(&self) -> String {
        let mut settings = Map::new();
        for explained in &self.explanation.settings {
            let others: Vec<Value> = explained
                .others
                .iter()
                .map(|other| {
                    json!({
                        "value": other.value.to_string(),
                        "from": source(&other.from),
                        "why_not": other.why.to_string(),
                    })
                })
                .collect();
            let told = json!({
                "value": explained.value.to_string(),
                "note": self.note(explained),
                "from": source(&explained.from),
                "others": others,
            });
            settings.insert(explained.setting.to_string(), told);
        }
        let document = json!({
            "id": self.orchestration.id.to_string(),
            "route": Route::of(&self.orchestration).to_string(),
            "source_amount": self.orchestration.source_amount.as_ref().map(ToString::to_string),
            "profile_id": self.profile.id.to_string(),
            "limits": settings,
        });
        format!("{document:#}\n")
    }
}

/// Where a value comes from.
fn source(source: &Source) -> Value {
    match source {
        Source::Rule(place) => {
            json!({ "kind": "rule", "key": place.key(), "line": place.line, "name": place.name })
        }
        Source::Default => json!({ "kind": "default", "key": "limits" }),
        Source::BuiltIn(meant) => json!({ "kind": "built_in", "for": meant }),
    }
}
