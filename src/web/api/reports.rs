//! The reports that were written by schedule, as their manifests list them.

use std::sync::Arc;

use axum::extract::State;
use axum::http::request::Parts;
use serde_json::{Value, json};

use super::{Answer, Query};
use crate::config::ReportConfig;
use crate::model::{Timestamp, with_causes};
use crate::report::kept::{self, KeptReport};
use crate::web::Site;
use crate::web::refusal::Refusal;
use crate::web::reply::Reply;

/// How many of each report are listed, the latest period first.
const MOST: usize = 100;

/// Every report of the configuration with what it left in its folder.
pub(super) async fn list(State(site): State<Arc<Site>>, asked: Parts) -> Answer {
    let query = Query::parse(asked.uri.query(), &["name"])?;
    let name = query.one("name", |text| Ok(text.to_owned()))?;
    let config = site.config();
    site.answer(&asked, move |_| {
        let is_meant = |report: &&ReportConfig| name.as_ref().is_none_or(|name| report.name == *name);
        let found: Vec<Value> = config.reports.iter().filter(is_meant).map(of).collect();
        match name {
            Some(name) if found.is_empty() => {
                Err(Refusal::Bad(format!("name={name:?}: [[reports]] has none of this name")))
            }
            _ => Reply::json(&json!({ "reports": found })),
        }
    })
    .await
}

fn of(report: &ReportConfig) -> Value {
    let written = kept::list(&report.directory, &report.name, MOST);
    if let Err(error) = &written {
        tracing::warn!(error = %with_causes(error), "a folder of reports cannot be read");
    }
    json!({
        "name": report.name,
        "schedule": report.schedule.to_string(),
        "period": report.period.as_str(),
        "is_readable": written.is_ok(),
        "written": written.unwrap_or_default().iter().map(|kept| entry(report, kept)).collect::<Vec<_>>(),
    })
}

fn entry(report: &ReportConfig, kept: &KeptReport) -> Value {
    let files = kept.files.iter().map(|file| {
        json!({
            "name": file.name,
            "bytes": file.bytes,
            "path": format!("/reports/{}/{}", report.name, file.name),
        })
    });
    json!({
        "title": kept.title,
        "period_from": kept.period_from.to_rfc3339(),
        "period_to": kept.period_to.to_rfc3339(),
        "time_zone": kept.time_zone,
        "as_of": kept.as_of,
        "standing": kept.standing,
        "covered": kept.is_covered,
        "ties_out": kept.ties_out,
        "written_at": Timestamp::to_rfc3339(kept.made_at),
        "files": files.collect::<Vec<_>>(),
    })
}
