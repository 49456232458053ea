//! A daemon: `tallyd run` as a child process with its log, or the same within this process with a clock that
//! a test holds.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use tallyd::clock::{ManualClock, SharedClock};
use tallyd::config::Config;
use tallyd::daemon::{Order, RunError, Setup};
use tallyd::ledger::Rules;
use tokio::sync::mpsc;

use super::{DEADLINE, Shell, in_time, start_time, wait_for_exit};

/// `tallyd run` as a child process.
pub(crate) struct Running {
    child: Child,
    log: Arc<Log>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    grew: Condvar,
}

impl Shell {
    /// Starts `tallyd run` and waits until it says that it watches.
    pub(crate) fn start_daemon(&self) -> Running {
        let daemon = self.begin_daemon();
        daemon.wait_for("watching", 1);
        daemon
    }

    /// Starts `tallyd run`.
    pub(crate) fn begin_daemon(&self) -> Running {
        self.begin_daemon_as(|_| {})
    }

    /// The same with a command that is changed first.
    pub(crate) fn begin_daemon_as(&self, change: impl FnOnce(&mut Command)) -> Running {
        let mut command = self.command(&["run"]);
        change(command.stdout(Stdio::null()));
        let mut child = command.spawn().unwrap();
        let log = Arc::new(Log::default());
        let (lines, stderr) = (Arc::clone(&log), child.stderr.take().unwrap());
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                lines.lines.lock().unwrap().push(line.unwrap());
                lines.grew.notify_all();
            }
        });
        Running { child, log, reader: Some(reader) }
    }
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Every line that was logged so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.log.lines.lock().unwrap().clone()
    }

    /// Waits until that many lines hold this text, and returns the last of them.
    pub(crate) fn wait_for(&self, text: &str, times: usize) -> String {
        let began = Instant::now();
        let mut lines = self.log.lines.lock().unwrap();
        loop {
            if let Some(line) = lines.iter().filter(|line| line.contains(text)).nth(times - 1) {
                return line.clone();
            }
            let left = DEADLINE.saturating_sub(began.elapsed());
            assert!(!left.is_zero(), "never logged {times} times: {text}\n{}", lines.join("\n"));
            lines = self.log.grew.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Sends a signal, for example `-TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Waits for the end of the process: its exit code and its whole log.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        let code = wait_for_exit(&mut self.child).code();
        self.reader.take().unwrap().join().unwrap();
        (code, self.lines().join("\n"))
    }

    /// Stops it as systemd does, and expects it to end well.
    pub(crate) fn stop(self) -> String {
        self.signal("-TERM");
        let (code, log) = self.ended();
        assert_eq!(code, Some(0), "{log}");
        log
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It ended already where the test went well.
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}

/// A daemon within this process.
pub(crate) struct InProcess {
    pub(crate) orders: mpsc::Sender<Order>,
    ended: tokio::task::JoinHandle<Result<(), RunError>>,
}

impl InProcess {
    /// Starts one by the configuration of `shell`, on its runtime.
    pub(crate) fn start(shell: &Shell, clock: SharedClock, rules: Rules) -> Self {
        let path = shell.file("config.toml");
        let load = move || Config::load(&path, &|_| None);
        let setup = Setup {
            config: load().unwrap().config,
            clock,
            seed: 7,
            rules: Arc::new(move |_| rules.clone()),
            reread: Box::new(load),
            set_level: Box::new(|_| {}),
        };
        let (orders, receiver) = mpsc::channel(4);
        Self { orders, ended: shell.runtime.spawn(tallyd::daemon::run(setup, receiver)) }
    }

    pub(crate) async fn order(&self, order: Order) {
        self.orders.send(order).await.unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ended(self) -> Result<(), RunError> {
        in_time("the end of the daemon", self.ended).await.unwrap()
    }

    /// Stops it, and expects it to end well.
    pub(crate) async fn stop(self) {
        self.order(Order::Stop).await;
        self.ended().await.unwrap();
    }
}

/// A clock for daemons within this process.
pub(crate) fn held_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(start_time()))
}
