//! Real servers of others, run where they are installed.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tallyd::config::process_environment;
use tempfile::TempDir;

use super::{DEADLINE, wait_for_exit};

/// The program by the first of its names that is found. Where there is none its test holds nothing, except where it
/// has to be installed.
pub(crate) fn installed(names: &[&str]) -> Option<PathBuf> {
    let path = process_environment("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|program| program.is_file());
    if found.is_none() {
        assert!(process_environment("CI").is_none(), "CI installs {names:?}");
    }
    found
}

/// A command that runs `program` where a folder is a disk of so many KiB, and `then` in that folder after it. The disk goes
/// with the command. `None`, which is told, where this user may mount nothing in a namespace of its own.
pub(crate) fn small_disk(folder: &Path, kib: u32, program: &Command, then: &str) -> Option<Command> {
    let mount = format!("mount -t tmpfs -o size={kib}k tmpfs \"$0\"");
    let with = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script]).arg(folder);
        command
    };
    if !with(&mount).output().is_ok_and(|ran| ran.status.success()) {
        let told = writeln!(std::io::stderr(), "SKIPPED: this user may not mount a disk of its own");
        told.unwrap();
        return None;
    }
    let script = format!("{mount} && {{ \"$@\"; code=$?; cd \"$0\" && {then}; exit $code; }}");
    let mut command = with(&script);
    command.arg(program.get_program()).args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(place) = program.get_current_dir() {
        command.current_dir(place);
    }
    Some(command)
}

/// A port that nobody listens on just now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A server of somebody else's, in a folder of its own, on a port of its own.
pub(crate) struct Foreign {
    child: Child,
    program: PathBuf,
    arguments: Vec<String>,
    pub(crate) url: String,
    folder: TempDir,
}

impl Foreign {
    /// Starts it with a configuration of the Prometheus kind, and waits until it is ready.
    pub(crate) async fn start(program: PathBuf, config: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let config_file = folder.path().join("config.yml");
        std::fs::write(&config_file, config).unwrap();
        let mut arguments = vec![
            format!("--config.file={}", config_file.display()),
            format!("--web.listen-address={address}"),
        ];
        arguments.extend(more.iter().map(|&argument| argument.to_owned()));
        let child = spawn(&program, &arguments, &folder);
        let server = Self { child, program, arguments, url: format!("http://{address}"), folder };
        server.ready().await;
        server
    }

    async fn ready(&self) {
        self.until("it is ready", "/-/ready", |_| true).await;
    }

    /// Kills it and starts it again.
    pub(crate) async fn restart(&mut self) {
        self.child.kill().unwrap();
        wait_for_exit(&mut self.child);
        self.child = spawn(&self.program, &self.arguments, &self.folder);
        self.ready().await;
    }

    /// Asks until the answer is as wanted.
    pub(crate) async fn until(&self, what: &str, path: &str, wanted: impl Fn(&str) -> bool) -> String {
        let began = Instant::now();
        let mut last = String::new();
        while began.elapsed() < DEADLINE {
            if let Ok(answer) = reqwest::get(format!("{}{path}", self.url)).await
                && answer.status().is_success()
            {
                last = answer.text().await.unwrap();
                if wanted(&last) {
                    return last;
                }
            }
            super::breathe();
        }
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        panic!("never: {what}\n{last}\n{log}");
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
        self.child.wait().unwrap();
    }
}

fn spawn(program: &PathBuf, arguments: &[String], folder: &TempDir) -> Child {
    let log = std::fs::File::options().create(true).append(true).open(folder.path().join("log")).unwrap();
    Command::new(program)
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}
