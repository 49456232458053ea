//! The time by which tasks wait, in the hands of a test: it stands still until the test lets it go by, however long
//! the machine takes for the real work in between.

use std::sync::mpsc;
use std::time::Duration;

use tokio::task::{spawn_blocking, yield_now};
use tokio::time::Instant;

use super::{DEADLINE, breathe};

/// How much goes by at once.
const STEP: Duration = Duration::from_millis(500);

/// Time that is held, in a test of `#[tokio::test(start_paused = true)]`, until this is dropped.
pub(crate) struct HeldTime {
    _let_go: mpsc::Sender<()>,
}

impl HeldTime {
    pub(crate) fn hold() -> Self {
        let (let_go, held) = mpsc::channel::<()>();
        // Paused time leaps whenever every task waits, for an answer over a socket too; not while something blocks.
        spawn_blocking(move || held.recv());
        Self { _let_go: let_go }
    }

    /// Lets that much go by, half a second at a time. What sleeps and then goes on without waiting for anybody has done so
    /// before the next step.
    pub(crate) async fn pass(&self, span: Duration) {
        let ends = Instant::now() + span;
        while Instant::now() < ends {
            tokio::time::advance(STEP.min(ends - Instant::now())).await;
            // The first one wakes those whose time has come, the second one is after them.
            yield_now().await;
            yield_now().await;
        }
    }

    /// Waits for something while no time goes by.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let began = std::time::Instant::now();
        while !is_so() {
            assert!(began.elapsed() < DEADLINE, "never: {what}");
            spawn_blocking(breathe).await.unwrap();
        }
    }

    /// Waits for something while time goes by.
    pub(crate) async fn pass_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let began = std::time::Instant::now();
        while !is_so() {
            assert!(began.elapsed() < DEADLINE, "never: {what}");
            self.pass(STEP).await;
            spawn_blocking(breathe).await.unwrap();
        }
    }
}
