//! A service manager's end of `sd_notify(3)`: a socket that notes what a daemon tells.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::DEADLINE;

/// Listens until it is dropped.
pub(crate) struct Manager {
    folder: TempDir,
    told: Arc<Told>,
}

#[derive(Default)]
struct Told {
    lines: Mutex<Vec<String>>,
    grew: Condvar,
}

impl Manager {
    pub(crate) fn listen() -> Self {
        let manager = Self { folder: tempfile::tempdir().unwrap(), told: Arc::default() };
        let socket = UnixDatagram::bind(manager.socket()).unwrap();
        let told = Arc::clone(&manager.told);
        // It ends with the process: nobody tells it that there is nothing more to come.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length) = socket.recv(&mut buffer) {
                let text = std::str::from_utf8(&buffer[..length]).unwrap();
                told.lines.lock().unwrap().extend(text.lines().map(str::to_owned));
                told.grew.notify_all();
            }
        });
        manager
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("notify")
    }

    /// Tells a process of the manager, and of its watchdog where there is one, as systemd does.
    pub(crate) fn introduce(&self, command: &mut Command, watchdog: Option<Duration>) {
        command.env("NOTIFY_SOCKET", self.socket());
        if let Some(watchdog) = watchdog {
            command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        }
    }

    /// Every line that was told so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.told.lines.lock().unwrap().clone()
    }

    /// How many lines begin with this.
    pub(crate) fn count(&self, start: &str) -> usize {
        self.lines().iter().filter(|line| line.starts_with(start)).count()
    }

    /// Waits until that many lines begin with this.
    pub(crate) fn wait_for(&self, start: &str, times: usize) {
        let began = Instant::now();
        let mut lines = self.told.lines.lock().unwrap();
        while lines.iter().filter(|line| line.starts_with(start)).count() < times {
            let left = DEADLINE.saturating_sub(began.elapsed());
            assert!(!left.is_zero(), "never told {times} times: {start}\n{}", lines.join("\n"));
            lines = self.told.grew.wait_timeout(lines, left).unwrap().0;
        }
    }
}
