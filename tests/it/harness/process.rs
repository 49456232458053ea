//! The binary as a child process, with a configuration of its own and a simulator in this process.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::Arc;
use std::time::Instant;

use tallyd::clock::{SharedClock, SystemClock};
use tallyd::sim::{Control, RunningSimulator, SimConfig, Simulator};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{DEADLINE, in_time};

/// A folder with a configuration in it, and a simulator that it points to.
pub(crate) struct Shell {
    pub(crate) control: Control,
    pub(crate) runtime: Runtime,
    pub(crate) api_url: String,
    pub(crate) token_url: String,
    sim: Option<RunningSimulator>,
    pub(crate) folder: TempDir,
}

/// A process that ran to its end.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Shell {
    pub(crate) fn new(config: SimConfig) -> Self {
        Self::by_clock(config, Arc::new(SystemClock))
    }

    /// The same with a clock for the simulator. The binary goes by the system's.
    pub(crate) fn by_clock(config: SimConfig, clock: SharedClock) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let any: SocketAddr = ([127, 0, 0, 1], 0).into();
        let sim = runtime.block_on(Simulator::bind(config, clock, any)).unwrap();
        let shell = Self {
            control: sim.control(),
            api_url: sim.api_url(),
            token_url: sim.token_url(),
            runtime,
            sim: Some(sim),
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(shell.file("secret"), "sim-secret\n").unwrap();
        std::fs::set_permissions(shell.file("secret"), Permissions::from_mode(0o600)).unwrap();
        shell.configure(&[]);
        shell
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.file("ledger.db")
    }

    /// Writes the configuration: the one that works, with other values for some keys of `[paxos]`, and
    /// whatever a key `+` holds at its end.
    pub(crate) fn configure(&self, other: &[(&str, &str)]) {
        let value = |key: &str, usual: &str| {
            other.iter().find(|(name, _)| *name == key).map_or(usual, |(_, value)| value).to_owned()
        };
        let mut text = "[paxos]\n".to_owned();
        for (key, usual) in [
            ("api_url", self.api_url.as_str()),
            ("token_url", &self.token_url),
            ("client_id", "sim-client"),
            ("client_secret_file", self.file("secret").to_str().unwrap()),
        ] {
            writeln!(text, "{key} = {:?}", value(key, usual)).unwrap();
        }
        let rate = value("rate", "50");
        writeln!(text, "requests_per_second = {rate}\nbackfill_requests_per_second = {rate}").unwrap();
        writeln!(text, "request_timeout = {:?}", value("request_timeout", "30s")).unwrap();
        writeln!(text, "look_up_transfers = {}", value("look_up_transfers", "false")).unwrap();
        writeln!(text, "[ledger]\npath = {:?}", value("ledger", self.ledger().to_str().unwrap())).unwrap();
        text.push_str(&value("+", ""));
        std::fs::write(self.file("config.toml"), text).unwrap();
    }

    /// The binary with these arguments and this configuration, and nothing of this process's environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tallyd"));
        command.env_clear().current_dir(self.folder.path()).args(arguments);
        command.arg("--config").arg(self.file("config.toml"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs the binary and expects it to say that all is well.
    pub(crate) fn run_well(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        ran
    }

    /// Waits for something of the simulator's.
    pub(crate) fn wait<T>(&self, what: &str, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(in_time(what, future))
    }

    /// Stops the simulator; a panic in it fails the test.
    pub(crate) fn end(mut self) {
        if let Some(sim) = self.sim.take() {
            self.runtime.block_on(sim.shutdown());
        }
    }
}

/// Waits for a child's end, but not for ever.
pub(crate) fn wait_for_exit(child: &mut Child) -> ExitStatus {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(began.elapsed() < DEADLINE, "a child process does not end");
        super::breathe();
    }
}
