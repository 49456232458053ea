//! The task that serves what other processes ask for in the ledger (the contract's rule 11), and heeds the pauses
//! that Paxos asked them for.

use std::collections::HashSet;
use std::time::Duration;

use tokio::task::JoinSet;

use super::outcome::Outcome;
use super::wanted::{Unservable, Wanted};
use super::{Daemon, Ended, LOOK_AGAIN, or_later, or_log};
use crate::ledger::{Place, Reader, Request, RequestEnd, RequestNumber, RequestState};
use crate::model::ProfileSelection;

/// How often the ledger is looked at. People wait for the answer; twice a second costs nothing to speak of.
const LOOK_EVERY: Duration = Duration::from_millis(450);

/// What was asked longer ago is no longer waited for.
const TOO_OLD: Duration = Duration::from_secs(3600);

/// Serves requests until tallyd stops, and ends with the last one that it began. It is the one who looks at the
/// ledger all the time: where another file is in its place it fails, for nobody would see what is written.
pub(super) async fn run(daemon: Daemon, reader: Reader, place: Place) -> Ended {
    let now = daemon.clock.now();
    let why = "no daemon was there to serve it within an hour";
    let failed = daemon.ledger.take_over_requests(now.minus(TOO_OLD), now, why).await?;
    if failed > 0 {
        tracing::warn!(requests = failed, "requests that nobody served in time have failed");
    }
    let mut seen = None;
    // The session took over what was there when it began.
    let mut heeded = reader.stops(now)?;
    let mut begun = HashSet::new();
    let mut serving: JoinSet<Ended> = JoinSet::new();
    while !daemon.stopping.is_given() {
        place.check()?;
        let version = Some(reader.data_version()?);
        if version != seen {
            seen = version;
            let stops = reader.stops(daemon.clock.now())?;
            for stop in stops.iter().filter(|stop| !heeded.contains(stop)) {
                daemon.session().heed(stop.clone());
            }
            heeded = stops;
            for request in open_requests(&reader)? {
                if begun.insert(request.number) {
                    serving.spawn(serve(daemon.clone(), request));
                }
            }
        }
        tokio::select! {
            () = daemon.stopping.given() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            Some(served) = serving.join_next() => ended(served)?,
        }
    }
    while let Some(served) = serving.join_next().await {
        ended(served)?;
    }
    Ok(())
}

fn open_requests(reader: &Reader) -> anyhow::Result<Vec<Request>> {
    let mut requests = reader.unended_requests()?;
    requests.retain(|request| request.state == RequestState::Open);
    Ok(requests)
}

fn ended(served: Result<Ended, tokio::task::JoinError>) -> Ended {
    match served.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(ended) => ended,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // Nothing cancels one but dropping them all.
        Err(Err(_)) => Ok(()),
    }
}

/// Serves a request. One that is not done when tallyd stops is left to the next daemon.
async fn serve(daemon: Daemon, request: Request) -> Ended {
    let number: RequestNumber = request.number;
    let kind = request.kind.as_str();
    or_log(daemon.ledger.take_request(number).await)?;
    let end = match understood(&daemon, &request) {
        Ok((wanted, selection)) => {
            let Some(turn) = daemon.turn(&wanted).await else { return Ok(()) };
            tracing::info!(request = number.get(), kind, "serving a request of another process");
            let outcome = daemon.carry_out(turn, &wanted, &selection).await;
            if outcome.was_stopped() {
                return Ok(());
            }
            let outcome = Outcome::from(&outcome);
            tracing::info!(request = number.get(), kind, complete = outcome.complete, "a request was served");
            RequestEnd::Done(serde_json::to_string(&outcome)?)
        }
        Err(error) => {
            tracing::warn!(request = number.get(), kind, error = %error, "a request cannot be served");
            RequestEnd::Failed(format!("failed to {error}"))
        }
    };
    // Somebody waits for it: an outcome that is not written is as good as none.
    loop {
        let written = daemon.ledger.end_request(number, daemon.clock.now(), end.clone()).await;
        if or_later(written)?.is_some() {
            return Ok(());
        }
        tokio::select! {
            () = daemon.stopping.given() => return Ok(()),
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

fn understood(daemon: &Daemon, request: &Request) -> Result<(Wanted, ProfileSelection), Unservable> {
    let wanted = Wanted::parse(request)?;
    let selection = wanted.whom().among(daemon.session().selection())?;
    Ok((wanted, selection))
}
