//! What people and programs look at, over HTTP: that it is what the ledger holds, and that no request changes or breaks
//! anything.

mod api;
mod browser;
mod pages;
mod refusals;
mod stage;

use serde_json::Value;
use tallyd::sim::{Rate, SimConfig};

use crate::harness::{Running, Setup, Shell};

/// A world of two profiles in which much goes wrong, polled once.
fn troubled_world(size: u64) -> (Shell, Running) {
    let mut setup = Setup::of(size).profiles(2);
    setup.sim.world.failures = Rate::percent(6);
    setup.sim.world.refusals = Rate::percent(4);
    setup.sim.world.stuck = Rate::percent(6);
    watched(setup.sim, 2)
}

/// A world of so many profiles, polled once, and a daemon that has polled it once more.
fn watched(world: SimConfig, profiles: u8) -> (Shell, Running) {
    let shell = Shell::new(world);
    shell.configure(&[("+", "[poll]\nevery = \"1h\"\n[server]\nlisten = \"127.0.0.1:0\"\n")]);
    shell.run_well(&["poll"]);
    let daemon = shell.start_daemon();
    until_polled(&daemon, profiles);
    (shell, daemon)
}

/// Waits until a daemon has completely polled so many profiles.
fn until_polled(daemon: &Running, profiles: u8) {
    let polled = "tallyd_polls_total{lane=\"discover\",";
    daemon.until_samples("each profile is polled", |samples| {
        let complete =
            samples.iter().filter(|(name, _)| name.starts_with(polled) && name.contains("\"complete\""));
        complete.map(|(_, count)| count).sum::<f64>() >= f64::from(profiles)
    });
}

/// The JSON document at an address.
fn document(daemon: &Running, path: &str) -> Value {
    let answered = daemon.get(path);
    assert_eq!(answered.status, 200, "{path}: {}", answered.body);
    assert_eq!(answered.header("content-type"), "application/json", "{path}");
    serde_json::from_str(&answered.body).unwrap()
}

/// Every page of a list, from the first one on.
fn pages(daemon: &Running, path: &str) -> Vec<Value> {
    let mut pages = vec![document(daemon, path)];
    while let Some(cursor) = pages.last().unwrap()["next_page_cursor"].as_str() {
        let join = if path.contains('?') { '&' } else { '?' };
        pages.push(document(daemon, &format!("{path}{join}page_cursor={cursor}")));
        assert!(pages.len() < 1000, "{path} has no end");
    }
    pages
}
