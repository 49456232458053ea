//! What `monitoring/` ships: a real Prometheus scrapes a real run, and everything that the dashboard and the rules ask
//! has an answer. Whether each alert fires when it should is for `promtool` and the cases beside the rules.

use std::collections::BTreeSet;
use std::fs;
use std::time::Instant;

use serde_json::{Map, Value};
use tallyd::sim::{Endpoint, ErrorBody, Fault, ServerError};

use crate::harness::{DEADLINE, Foreign, Setup, Shell, breathe, free_port, installed};

fn shipped(name: &str) -> String {
    fs::read_to_string(format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(&shipped("monitoring/dashboard.json")).unwrap();
    dashboard["panels"].as_array().unwrap().clone()
}

/// Every query of the dashboard, by the panel's title, as Grafana sends it with everything chosen.
fn dashboard_queries() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for panel in panels() {
        for target in panel["targets"].as_array().unwrap_or(&Vec::new()) {
            let query = target["expr"].as_str().unwrap();
            let query =
                query.replace("$instance", ".*").replace("$profile", ".*").replace("$__rate_interval", "30s");
            assert!(!query.contains('$'), "a variable that this test does not know: {query}");
            queries.push((panel["title"].as_str().unwrap().to_owned(), query));
        }
    }
    queries
}

/// The series that a query selects: an alert's own expression has an answer only while it fires.
fn selectors(query: &str) -> BTreeSet<String> {
    let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_' || char == ':';
    let mut found = BTreeSet::new();
    let mut rest = query;
    while let Some(start) = rest.find(is_name) {
        rest = &rest[start..];
        let end = rest.find(|char| !is_name(char)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        rest = after;
        let labels = match after.strip_prefix('{') {
            Some(labels) => &after[..labels.find('}').unwrap() + 2],
            None => "",
        };
        rest = &rest[labels.len()..];
        if ["tallyd_", "tallyd:", "process_", "up"].iter().any(|start| name.starts_with(start))
            && (name != "up" || !labels.is_empty())
        {
            found.insert(format!("{name}{labels}"));
        }
    }
    found
}

/// A world in which something of everything happens, and a daemon that watches it.
fn eventful(port: u16) -> Shell {
    let shell = Shell::new(Setup::of(400).profiles(2).sim);
    let (listen, dead) = (format!("127.0.0.1:{port}"), format!("http://127.0.0.1:{}", free_port()));
    let more = format!(
        "[poll]\nevery = \"1s\"\n[server]\nlisten = {listen:?}\n[[reports]]\nname = \"daily\"\n\
         schedule = \"@daily\"\nperiod = \"day\"\ndirectory = \"reports\"\n[alerts.heartbeat]\nurl = \"{dead}/beat\"\n\
         [[alerts.sinks]]\ntype = \"webhook\"\nname = \"backoffice\"\nurl = \"{dead}/hook\"\nsecret_file = \"secret\"\n"
    );
    shell.configure(&[("+", &more)]);
    shell
}

/// Moves money: in each round one orchestration more, all of one route, and the one of ten rounds ago completes, but
/// for the first, which fails.
fn happen(shell: &Shell, round: usize) {
    let id = |round: usize| format!("00000000-0000-4000-8000-{round:012}");
    let now = shell.control.now().to_rfc3339();
    let mut row = shell.control.truth().swap_remove(0);
    for (name, value) in [("status", "PROCESSING"), ("created_at", &now), ("updated_at", &now)] {
        row[name] = value.into();
    }
    for (name, value) in [("id", id(round)), ("ref_id", format!("payment-{round}"))] {
        row[name] = value.into();
    }
    row.as_object_mut().unwrap().remove("completed_at");
    shell.control.insert(row);
    let Some(ending) = round.checked_sub(10) else { return };
    let is_first = ending == 0;
    let end = |row: &mut Map<String, Value>| {
        row.insert("status".to_owned(), if is_first { "FAILED" } else { "COMPLETED" }.into());
        row.insert("updated_at".to_owned(), now.clone().into());
        if !is_first {
            row.insert("completed_at".to_owned(), now.clone().into());
        }
    };
    shell.control.alter(&id(ending), end).unwrap();
}

fn answer(text: &str) -> Vec<f64> {
    let answer: Value = serde_json::from_str(text).unwrap();
    let samples = answer["data"]["result"].as_array().unwrap();
    samples.iter().map(|sample| sample["value"][1].as_str().unwrap().parse().unwrap()).collect()
}

/// Catches: a query of a metric that is called otherwise, has other labels, or is not there until something happens.
#[test]
fn every_query_of_the_dashboard_and_of_the_rules_has_an_answer() {
    let Some(program) = installed(&["prometheus"]) else { return };
    let port = free_port();
    let shell = eventful(port);
    let daemon = shell.start_daemon();
    daemon.wait_for("poll complete", 2);
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/monitoring/tallyd.rules.yml");
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{rules:?}]\n\
         scrape_configs:\n- job_name: tallyd\n  static_configs:\n  - targets: [\"127.0.0.1:{port}\"]\n"
    );
    let prometheus = shell.runtime.block_on(Foreign::start(
        program,
        &config,
        &["--storage.tsdb.path=data", "--log.level=warn"],
    ));
    shell.run_well(&["sweep", "--full"]);
    shell.control.script(Endpoint::List, [Fault::ServerError(ServerError::Internal, ErrorBody::Problem)]);

    let mut wanted: Vec<(String, String)> = dashboard_queries();
    let told = shell.wait(
        "the rules",
        prometheus.until("the rules are loaded", "/api/v1/rules", |text| text.contains("TallydDown")),
    );
    let told: Value = serde_json::from_str(&told).unwrap();
    let groups = told["data"]["groups"].as_array().unwrap();
    for rule in groups.iter().flat_map(|group| group["rules"].as_array().unwrap()) {
        let (name, query) = (rule["name"].as_str().unwrap(), rule["query"].as_str().unwrap());
        if rule["type"] == "recording" {
            wanted.push((name.to_owned(), name.to_owned()));
        }
        wanted.extend(selectors(query).into_iter().map(|selector| (name.to_owned(), selector)));
    }
    assert!(wanted.len() >= 60, "{}", wanted.len());

    let began = Instant::now();
    for round in 0.. {
        happen(&shell, round);
        wanted.retain(|(_, query)| {
            let request = reqwest::Client::new()
                .get(format!("{}/api/v1/query", prometheus.url))
                .query(&[("query", query)])
                .send();
            let text = shell.wait("an answer", async { request.await.unwrap().text().await.unwrap() });
            answer(&text).iter().all(|value| value.is_nan())
        });
        if wanted.is_empty() {
            break;
        }
        assert!(began.elapsed() < DEADLINE, "these have no answer: {wanted:#?}");
        breathe();
    }
    daemon.stop();
    shell.end();
}

/// Catches: an alert without a case that shows it firing and one that shows it silent, or without an entry that says
/// what to do.
#[test]
fn each_alert_has_its_cases_and_its_entry() {
    let (rules, cases, entries) = (
        shipped("monitoring/tallyd.rules.yml"),
        shipped("monitoring/tallyd.rules.test.yml"),
        shipped("docs/monitoring.md"),
    );
    let blocks: Vec<&str> = rules.split("      - alert: ").skip(1).collect();
    assert!(blocks.len() >= 20, "{}", blocks.len());
    for block in blocks {
        let name = block.lines().next().unwrap();
        assert!(
            cases.contains(&format!("alertname: {name}, exp_alerts: []")),
            "{name} is never shown silent"
        );
        assert!(
            cases.contains(&format!("alertname: {name}\n        exp_alerts:\n          - ")),
            "{name} is never shown firing"
        );
        assert!(
            entries.contains(&format!("### {name}\n")),
            "docs/monitoring.md does not say what to do about {name}"
        );
        let link = format!("/docs/monitoring.md#{}\n", name.to_lowercase());
        assert!(
            block.contains(&link) || block.contains("/docs/runbook.md#{{ $labels.kind }}"),
            "{name} links elsewhere"
        );
    }
}

/// Catches: a dashboard that Grafana shows with panels over each other, or one of two with the same id.
#[test]
fn the_panels_of_the_dashboard_have_places_of_their_own() {
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in panels() {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "the id of {title} is another's too");
        let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{title} is too wide");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{title} lies over another panel");
            }
        }
        assert!(
            panel["type"] == "row" || panel["description"].is_string(),
            "{title} does not say what it shows"
        );
    }
}
