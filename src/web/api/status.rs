//! How the ledger and the daemon stand.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::http::header::HeaderMap;

use super::{Answer, Query};
use crate::display::status::{Check, Owed, Service, Status};
use crate::web::{Site, reply};

/// The document of `tallyd status --json --exit-code`.
pub(super) async fn status(State(site): State<Arc<Site>>, uri: Uri, asked: HeaderMap) -> Answer {
    Query::parse(uri.query(), &[])?;
    let (config, now) = (site.config(), site.now());
    let document = site.read(move |reader| {
        let overview = reader.overview(now)?;
        let check = Check::of(&overview, &reader.last_ends()?, &config, now);
        let service = Service::of(&config, &overview, now)?;
        let owed = Owed::all(&overview, &config.profiles);
        let path = config.ledger.path.display().to_string();
        let status = Status::of(&overview, &path, &service, &owed, &config.profiles);
        Ok(serde_json::to_value(status.with_check(Some(&check))).unwrap_or_default())
    });
    reply::json(&asked, &document.await?)
}
