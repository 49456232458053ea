//! How the ledger and the daemon stand.

use std::sync::Arc;

use axum::extract::State;
use axum::http::request::Parts;

use super::{Answer, Query};
use crate::display::status::{Check, Owed, Service, Status};
use crate::web::Site;
use crate::web::reply::Reply;

/// The document of `tallyd status --json --exit-code`.
pub(super) async fn status(State(site): State<Arc<Site>>, asked: Parts) -> Answer {
    Query::parse(asked.uri.query(), &[])?;
    let (config, now) = (site.config(), site.now());
    site.answer(&asked, move |reader| {
        let overview = reader.overview(now)?;
        let check = Check::of(&overview, &reader.last_ends()?, &config, now);
        let service = Service::of(&config, &overview, now)?;
        let owed = Owed::all(&overview, &config.profiles);
        let path = config.ledger.path.display().to_string();
        let status = Status::of(&overview, &path, &service, &owed, &config.profiles);
        Reply::json(&status.with_check(Some(&check)))
    })
    .await
}
