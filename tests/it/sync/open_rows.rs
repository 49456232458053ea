//! What the tests of the refresh share: a world of open orchestrations of any age, and what was asked.

use std::time::Duration;

use serde_json::{Value, json};
use tallyd::clock::Clock as _;
use tallyd::model::Timestamp;
use tallyd::sim::Endpoint;

use crate::harness::{Rig, Setup, start_time, texts_of};

/// Longer ago than any overlap.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// The id of the open orchestration with this number.
pub(crate) fn id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012x}")
}

/// An open orchestration of the first profile.
pub(crate) fn open_row(rig: &Rig, number: usize, created_at: Timestamp) -> Value {
    json!({
        "id": id(number),
        "profile_id": rig.profile(0).id.to_string(),
        "source_amount": "25.00",
        "source_asset": "USD",
        "destination_asset": "USDG",
        "source_transfer": { "transfer_id": format!("in-{number}"), "status": "PROCESSING" },
        "status": if number.is_multiple_of(7) { "PENDING" } else { "PROCESSING" },
        "created_at": created_at.to_rfc3339(),
        "updated_at": created_at.to_rfc3339(),
    })
}

/// A polled world of that many open orchestrations of one profile, one every ten minutes up to an hour ago.
pub(crate) async fn polled(setup: Setup, count: usize) -> Rig {
    let rig = Rig::start(setup.profiles(1)).await;
    for number in 0..count {
        let age = HOUR + Duration::from_secs(600) * u32::try_from(count - number).unwrap();
        rig.control.insert(open_row(&rig, number, start_time().minus(age)));
    }
    rig.poll_completely().await;
    rig.advance(HOUR);
    rig.control.forget_requests();
    rig
}

/// Gives an orchestration another status, now.
pub(crate) fn move_to(rig: &Rig, number: usize, status: &str) {
    let now = rig.clock.now().to_rfc3339();
    rig.control
        .alter(&id(number), |fields| {
            fields.insert("status".to_owned(), status.into());
            fields.insert("updated_at".to_owned(), now.into());
            if status == "COMPLETED" {
                // One whose legs lag behind would be looked at again.
                fields.insert("source_transfer".to_owned(), json!({ "transfer_id": "in", "status": status }));
            }
        })
        .unwrap();
}

/// Completes an orchestration's first leg, now; it stays open.
pub(crate) fn move_leg(rig: &Rig, number: usize) {
    let now = rig.clock.now().to_rfc3339();
    rig.control
        .alter(&id(number), |fields| {
            fields["source_transfer"]["status"] = "COMPLETED".into();
            fields.insert("updated_at".to_owned(), now.into());
        })
        .unwrap();
}

/// How many lists were asked for by id, and how many by status.
pub(crate) fn asked(rig: &Rig) -> (usize, usize) {
    let requests = rig.control.requests_to(Endpoint::List);
    let count = |name: &str| requests.iter().filter(|request| request.path_and_query.contains(name)).count();
    (count("orchestration_id="), count("status="))
}

/// The kinds of the journal's entries about an orchestration.
pub(crate) fn kinds(rig: &Rig, number: usize) -> Vec<String> {
    let id = id(number);
    texts_of(&rig.path(), &format!("SELECT kind FROM journal WHERE orchestration_id = '{id}' ORDER BY seq"))
}
