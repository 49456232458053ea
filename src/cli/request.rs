//! Having a running daemon do what it alone may do, and waiting for what comes of it.

use std::time::{Duration, Instant};

use super::failure::Failure;
use super::interrupt::Signals;
use super::terminal::{Terminal, thousands};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::daemon::Wanted;
use crate::daemon::outcome::Outcome;
use crate::ledger::{Beside, Holder, Reader, RequestNumber, RequestState};

/// How often the ledger is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// How often a line says how far it is.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Leaves a request for the daemon `pid` and waits for its outcome.
pub(super) async fn ask(
    config: &Config,
    wanted: &Wanted,
    pid: u32,
    terminal: Terminal,
) -> Result<Outcome, Failure> {
    let mut signals = Signals::catch().map_err(anyhow::Error::from)?;
    let ledger = Beside::at(&config.ledger.path);
    let now = SystemClock.now();
    let number = ledger.ask(&config.paxos.api_url, wanted.kind(), &wanted.arguments(), now)?;
    terminal
        .tell(&format!("tallyd run (pid {pid}) does it; waiting for its outcome (request {})", number.get()));
    let reader = Reader::open(&config.ledger.path)?;
    let mut last_line = Instant::now();
    loop {
        // Looked at first: what a daemon finished before it ended counts.
        let holder = ledger.holder()?;
        if let Some(outcome) = outcome(&reader, number)? {
            return Ok(outcome);
        }
        if !matches!(holder, Holder::Daemon { .. } | Holder::Hidden) {
            return Err(gone(pid).into());
        }
        if last_line.elapsed() >= LINE_EVERY {
            last_line = Instant::now();
            tell_progress(&reader, terminal)?;
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = signals.next() => return Err(left(number, pid).into()),
        }
    }
}

fn outcome(reader: &Reader, number: RequestNumber) -> Result<Option<Outcome>, Failure> {
    let request = reader
        .request(number)?
        .ok_or_else(|| anyhow::anyhow!("request {} is no longer in the ledger", number.get()))?;
    match request.state {
        RequestState::Open | RequestState::Taken => Ok(None),
        RequestState::Done(outcome) => {
            let outcome = serde_json::from_str(&outcome).map_err(|error| {
                anyhow::Error::from(error).context(
                    "failed to understand the daemon's outcome; run the same version of tallyd as the daemon",
                )
            })?;
            Ok(Some(outcome))
        }
        RequestState::Failed(why) => Err(anyhow::anyhow!("the daemon did not do it: {why}").into()),
    }
}

fn tell_progress(reader: &Reader, terminal: Terminal) -> Result<(), Failure> {
    let running = reader.running_polls()?;
    if running.is_empty() {
        terminal.tell("still waiting; the daemon's log says what holds it up");
    }
    for poll in running {
        let (label, lane, rows) = (poll.profile.label(), &poll.lane, thousands(poll.rows));
        terminal.tell(&format!("{label}: {lane}, {rows} rows so far"));
    }
    Ok(())
}

fn gone(pid: u32) -> anyhow::Error {
    anyhow::anyhow!(
        "tallyd run (pid {pid}) ended before it was done; what it committed is kept. Start it again, and it \
         serves the request if that is less than an hour old; or run this command again without it"
    )
}

fn left(number: RequestNumber, pid: u32) -> anyhow::Error {
    anyhow::anyhow!(
        "not waiting any longer; request {} is left with tallyd run (pid {pid}), which does it all the same",
        number.get()
    )
}
