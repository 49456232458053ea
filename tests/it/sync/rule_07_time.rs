//! Rule 7, time: what a poll says of it is the server's, whatever happens to the local clock.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tallyd::clock::{Clock as _, ManualClock};
use tallyd::sync::Event;

use crate::harness::{Rig, Setup, start_time};

/// Catches: server time that is reckoned from a local clock which somebody set in the middle of a poll.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_07_a_local_clock_that_is_set_during_a_poll_moves_no_time_of_it() {
    let local: Arc<OnceLock<Arc<ManualClock>>> = Arc::default();
    let mut setup = Setup::of(20).profiles(1);
    let handle = Arc::clone(&local);
    setup.watch = Arc::new(move |event| {
        if let (Event::PageCommitted { .. }, Some(local)) = (event, handle.get()) {
            local.set(local.now().plus(Duration::from_secs(86_400)));
        }
    });
    let rig = Rig::start(setup).await;
    local.set(Arc::clone(&rig.local)).unwrap();
    let outcome = rig.poll_completely().await;
    let poll = &outcome.profiles[0];
    assert!(rig.local.now() > start_time().plus(Duration::from_secs(80_000)), "the clock was set");
    assert!(poll.ended_at <= start_time(), "{}", poll.ended_at);
    assert_eq!(poll.ended_at, poll.began_at);
    rig.end().await;
}
