//! Real servers of others, run where they are installed.

use std::net::TcpListener;
use std::path::PathBuf;
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
