//! The reports that were written, and their files.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Response;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use axum::http::request::Parts;

use crate::config::{Config, ReportConfig};
use crate::ledger::Reader;
use crate::model::{Timestamp, with_causes};
use crate::report::kept::{self, KeptFile, KeptReport, Opened};
use crate::web::Site;
use crate::web::query::Query;
use crate::web::refusal::Refusal;
use crate::web::reply::Reply;

use super::frame::{Frame, Place};
use super::shown::{Badge, When, segment, short, text};
use super::{Answer, rendered};

/// So many of each report are shown, the latest.
const SHOWN: usize = 60;

/// What a browser may do with a report: show it as it is, on a ground of its own.
const REPORT_POLICY: HeaderValue = HeaderValue::from_static(
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

#[derive(Template)]
#[template(path = "pages/reports.html")]
struct Page {
    frame: Frame,
    reports: Vec<ReportPart>,
}

struct ReportPart {
    /// Its place in the configuration.
    place: usize,
    name: String,
    about: String,
    problem: String,
    caption: String,
    made: Vec<Made>,
}

struct Made {
    period: String,
    badges: Vec<Badge>,
    at: When,
    as_of: String,
    files: Vec<FileLink>,
}

struct FileLink {
    href: String,
    name: String,
    size: String,
}

pub(super) async fn page(State(site): State<Arc<Site>>, asked: Parts) -> Answer {
    Query::parse(asked.uri.query(), &[])?;
    let (config, now) = (site.config(), site.now());
    Ok(site.answer(&asked, move |reader| rendered(&made(reader, &config, now)?)).await?)
}

fn made(reader: &Reader, config: &Config, now: Timestamp) -> Result<Page, Refusal> {
    let reports = config.reports.iter().enumerate().map(|(place, report)| ReportPart::of(place, report, now));
    Ok(Page { frame: Frame::of(reader, config, now, Place::Reports, "Reports")?, reports: reports.collect() })
}

impl ReportPart {
    fn of(place: usize, report: &ReportConfig, now: Timestamp) -> Self {
        let (found, problem) = match kept::list(&report.directory, &report.name, SHOWN) {
            Ok(found) => (found, String::new()),
            Err(error) => {
                tracing::warn!(error = %with_causes(&error), "a folder of reports cannot be read");
                (Vec::new(), "Its folder cannot be read; tallyd's log says why.".to_owned())
            }
        };
        Self {
            place,
            name: text(&report.name),
            about: format!("Each {}, by the schedule {}", report.period.as_str(), report.schedule),
            problem,
            caption: format!("The latest first; at most {SHOWN} are shown"),
            made: found.iter().map(|kept| Made::of(report, kept, now)).collect(),
        }
    }
}

impl Made {
    fn of(report: &ReportConfig, kept: &KeptReport, now: Timestamp) -> Self {
        let standing = match kept.standing.as_str() {
            "settled" => Badge::good("settled"),
            other => Badge::quiet(&short(other, 40)),
        };
        let ties = if kept.ties_out { Badge::good("ties out") } else { Badge::bad("does not tie out") };
        let covered =
            if kept.is_covered { Badge::good("covered") } else { Badge::warning("not all covered") };
        let beginning = format!("{}-", report.name);
        let period = kept.stem.strip_prefix(&beginning).unwrap_or(&kept.stem);
        Self {
            period: short(period, 80),
            badges: vec![ties, covered, standing],
            at: When::at(kept.made_at, now),
            as_of: format!("as of {}", short(&kept.as_of, 200)),
            files: kept.files.iter().map(|file| FileLink::of(report, kept, file)).collect(),
        }
    }
}

impl FileLink {
    fn of(report: &ReportConfig, kept: &KeptReport, file: &KeptFile) -> Self {
        let name = file.name.strip_prefix(&kept.stem).unwrap_or(&file.name);
        Self {
            href: format!("/reports/{}/{}", segment(&report.name), segment(&file.name)),
            name: short(name.trim_start_matches('.'), 80),
            size: size(file.bytes),
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{} MiB", bytes.div_ceil(1024 * 1024)),
    }
}

/// A file of a report, as its manifest lists it.
pub(super) async fn file(
    State(site): State<Arc<Site>>,
    names: Result<Path<(String, String)>, PathRejection>,
    asked: Parts,
) -> Answer {
    Query::parse(asked.uri.query(), &[])?;
    let Path((report, name)) = names.map_err(|_| unknown())?;
    let config = site.config();
    let (wanted, media_type) = (name.clone(), media_type(&name));
    let answer = site.answer(&asked, move |_| {
        let report = config.reports.iter().find(|known| known.name == report).ok_or_else(unknown)?;
        match kept::open(&report.directory, &report.name, &wanted) {
            Ok(Opened::File(content)) => Reply::document(media_type, content),
            Ok(Opened::Unknown) => Err(unknown()),
            Ok(Opened::NotAsListed) => Err(Refusal::NotFound(
                "This file is not what its manifest lists: it is gone, was changed since, or is too large. \
                 Look at it on the machine itself."
                    .to_owned(),
            )),
            Err(error) => {
                tracing::warn!(error = %with_causes(&error), "the file of a report cannot be read");
                Err(Refusal::NotFound("This file cannot be read; tallyd's log says why.".to_owned()))
            }
        }
    });
    Ok(guarded(answer.await?, &name)?)
}

fn unknown() -> Refusal {
    Refusal::NotFound("No report has such a file. The list of reports shows what there is.".to_owned())
}

fn ending(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

fn media_type(name: &str) -> HeaderValue {
    HeaderValue::from_static(match ending(name) {
        "html" => "text/html; charset=utf-8",
        "json" => "application/json",
        // UTF-8 by itself (RFC 7111).
        "csv" => "text/csv",
        "md" => "text/markdown; charset=utf-8",
        _ => "text/plain; charset=utf-8",
    })
}

/// A file with what a browser may do with it.
fn guarded(mut response: Response<Body>, name: &str) -> Result<Response<Body>, Refusal> {
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, REPORT_POLICY);
    if ending(name) == "csv" && headers.contains_key(CONTENT_TYPE) {
        let disposition = format!("attachment; filename*=UTF-8''{}", segment(name));
        let disposition = HeaderValue::from_str(&disposition).map_err(|_| Refusal::Fault)?;
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}
