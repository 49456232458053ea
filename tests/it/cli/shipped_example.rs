//! `tallyd sim` in one terminal, `tallyd poll` with the shipped example in another.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Ran, documented, id_of, in_time, meaning, rows_of_view};

/// A `tallyd sim` with faults, and what it said of itself.
struct Sim {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    api_url: String,
    token_url: String,
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tallyd"));
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn start_sim() -> Sim {
    let mut command = binary();
    command.args([
        "sim",
        "--listen",
        "127.0.0.1:0",
        "--size",
        "900",
        "--page-size-cap",
        "60",
        "--seed",
        "11",
    ]);
    command.args(["--arrivals-per-hour", "0", "--listed-under", "both", "--row-faults", "extra-fields=10%"]);
    let faults =
        ["swap-pages", "repeat-page", "empty-page", "expired-cursor", "cut-body", "503", "missing-date"];
    for fault in faults {
        command.args(["--faults", &format!("list:{fault}=3%")]);
    }
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut value = |key: &str| {
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let value = line.trim().strip_prefix(key).unwrap_or_else(|| panic!("{line:?} is not {key}"));
        value.trim_start_matches(" = ").trim_matches('"').to_owned()
    };
    let (api_url, token_url) = (value("api_url"), value("token_url"));
    assert_eq!(
        (value("client_id").as_str(), value("client secret: ").as_str()),
        ("sim-client", "sim-secret")
    );
    Sim { child, _stdout: stdout, api_url, token_url }
}

/// The shipped example, changed as its own comments say.
fn example(sim: &Sim, folder: &Path) -> String {
    let shipped = include_str!("../../../config.example.toml");
    let (before, profiles) = shipped.split_once("\n[[profiles]]\n").unwrap();
    let (_, after) = profiles.split_once("\n[ledger]\n").unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let mut text = format!("{before}\n[ledger]\n{after}");
    for (shipped, ours) in [
        ("# api_url = \"http://127.0.0.1:8080/v2\"", format!("api_url = \"{}\"", sim.api_url)),
        (
            "# token_url = \"http://127.0.0.1:8080/oauth2/token\"",
            format!("token_url = \"{}\"", sim.token_url),
        ),
        ("client_id = \"my-client-id\"", "client_id = \"sim-client\"".to_owned()),
        (
            "client_secret_file = \"/etc/tallyd/secret\"",
            format!("client_secret_file = \"{}\"", path("secret")),
        ),
        ("path = \"/var/lib/tallyd/ledger.db\"", format!("path = \"{}\"", path("ledger.db"))),
    ] {
        assert_eq!(text.matches(shipped).count(), 1, "{shipped}");
        text = text.replace(shipped, &ours);
    }
    text
}

/// The whole list as a plain client reads it that asks again where an answer is none.
async fn walk(sim: &Sim) -> BTreeMap<String, Value> {
    let http = reqwest::Client::new();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "sim-client"),
        ("client_secret", "sim-secret"),
        ("scope", "orchestration:read_orchestration"),
    ];
    let token = http.post(&sim.token_url).form(&form).send().await.unwrap().text().await.unwrap();
    let token: Value = serde_json::from_str(&token).unwrap();
    let url = format!("{}/orchestration/orchestrations", sim.api_url);
    let mut rows = BTreeMap::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut request = http.get(&url).bearer_auth(token["access_token"].as_str().unwrap());
        request = request.query(&[("order", "ASC"), ("limit", "1000")]);
        if let Some(cursor) = &cursor {
            request = request.query(&[("page_cursor", cursor)]);
        }
        let response = request.send().await.unwrap();
        let is_page = response.status() == 200;
        let Ok(body) = response.text().await else { continue };
        let Ok(page) = serde_json::from_str::<Value>(&body) else { continue };
        if !is_page {
            continue;
        }
        rows.extend(
            page["items"].as_array().unwrap().iter().map(|row| (id_of(row), documented(&meaning(row)))),
        );
        match page.get("next_page_cursor").and_then(Value::as_str) {
            Some(next) => cursor = Some(next.to_owned()),
            None => return rows,
        }
    }
}

fn poll(config: &Path) -> Ran {
    binary().args(["poll", "--config"]).arg(config).output().unwrap().into()
}

#[test]
fn the_view_equals_the_simulators_list_exactly_with_faults_on() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let sim = start_sim();
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("config.toml");
    std::fs::write(folder.path().join("secret"), "sim-secret\n").unwrap();
    std::fs::write(&config, example(&sim, folder.path())).unwrap();
    let before = runtime.block_on(in_time("a walk", walk(&sim)));
    // Bad luck may end a poll early; it says so, and the next one goes on.
    let complete = (0..5).any(|_| poll(&config).code == Some(0));
    assert!(complete, "{}", poll(&config).stderr);
    let after = runtime.block_on(in_time("a walk", walk(&sim)));
    assert_eq!(before.len(), 900);
    let view = rows_of_view(&folder.path().join("ledger.db"));
    assert_eq!(view.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    for (id, row) in &view {
        // The simulated lives go on in real time: a row may have moved while it was polled.
        assert!(*row == before[id] || *row == after[id], "{id}:\n{row}\n{}\n{}", before[id], after[id]);
    }
}
