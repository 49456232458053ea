//! `/metrics` of real runs: what it says is what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tallyd::clock::{Clock as _, ManualClock, SystemClock};
use tallyd::sim::{Endpoint, ErrorBody, Fault, Scripted, ServerError};

use crate::harness::{Setup, Shell, id_of, installed, samples_in};

/// A world of two profiles whose clock stands still: nothing completes but what a test makes so.
fn standing_world() -> Shell {
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    Shell::by_clock(Setup::of(60).profiles(2).sim, clock)
}

/// A quiet world of two profiles with a listener, polled this often.
fn shell(every: &str) -> Shell {
    let shell = Shell::new(Setup::of(60).profiles(2).sim);
    configure(&shell, every, "");
    shell
}

fn configure(shell: &Shell, every: &str, more: &str) {
    let tables = format!("[poll]\nevery = {every:?}\n[server]\nlisten = \"127.0.0.1:0\"\n{more}");
    shell.configure(&[("+", &tables)]);
}

fn polls(profile: &str, lane: &str, result: &str) -> String {
    format!("tallyd_polls_total{{lane=\"{lane}\",profile=\"{profile}\",result=\"{result}\"}}")
}

fn changes(profile: &str, change: &str) -> String {
    format!("tallyd_changes_total{{change=\"{change}\",profile=\"{profile}\"}}")
}

fn sum(samples: &BTreeMap<String, f64>, name: &str, label: &str) -> f64 {
    let of = samples
        .iter()
        .filter(|(sample, _)| sample.starts_with(&format!("{name}{{")) && sample.contains(label));
    of.map(|(_, value)| value).sum()
}

/// A sample without its fraction.
#[expect(clippy::cast_possible_truncation, reason = "no sample is that large")]
fn whole(sample: f64) -> i64 {
    sample as i64
}

/// Makes an open orchestration of the simulator's complete; returns its id.
fn complete_one(shell: &Shell) -> String {
    let row = shell.control.truth().into_iter().find(|row| row["status"] == "PROCESSING").unwrap();
    let id = id_of(&row);
    let now = shell.control.now().to_rfc3339();
    shell
        .control
        .alter(&id, |fields| {
            for leg in ["source_transfer", "destination_transfer"] {
                fields[leg]["status"] = "COMPLETED".into();
            }
            fields.insert("status".to_owned(), "COMPLETED".into());
            fields.insert("updated_at".to_owned(), now.into());
        })
        .unwrap();
    id
}

/// Catches: counts that are not those of the ledger, a completion that is not counted, or is for history.
#[test]
fn counts_are_those_of_the_truth() {
    let shell = standing_world();
    configure(&shell, "1s", "");
    let daemon = shell.start_daemon();
    let all = |name: &str, label: &str, wanted: f64| {
        daemon.until_samples(&format!("{name} {label} = {wanted}"), |samples| {
            sum(samples, name, label).total_cmp(&wanted).is_eq()
        })
    };
    let samples = all("tallyd_orchestrations", "", 60.0);
    let completions = "tallyd_completion_seconds_count";
    assert!(
        samples.keys().any(|sample| sample.starts_with(completions)),
        "some are open, and their routes known"
    );
    assert_eq!(sum(&samples, completions, "").to_string(), "0", "history is no completion");
    complete_one(&shell);
    all(completions, "route=", 1.0);
    let truth = shell.control.truth();
    let profiles = shell.control.profiles();
    let own = |row: &Value, id: &str| row["profile_id"] == id;
    let completed = truth.iter().filter(|row| row["status"] == "COMPLETED").count();
    let completed = f64::from(u32::try_from(completed).unwrap());
    let samples = all("tallyd_orchestrations", "status=\"COMPLETED\"", completed);
    for profile in &profiles {
        for status in ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "REJECTED"] {
            let is_counted = |row: &&Value| own(row, &profile.id) && row["status"] == status;
            let count = truth.iter().filter(is_counted).count();
            let label = &profile.nickname;
            let shown = samples[&format!("tallyd_orchestrations{{profile=\"{label}\",status=\"{status}\"}}")];
            assert_eq!(shown.to_string(), count.to_string(), "{label} {status}");
        }
        let rows = truth.iter().filter(|row| own(row, &profile.id)).count();
        assert_eq!(samples[&changes(&profile.nickname, "appeared")].to_string(), rows.to_string());
    }
    assert_eq!(sum(&samples, "tallyd_changes_total", "change=\"changed\"").to_string(), "1");
    let rows = |table: &str| samples[&format!("tallyd_ledger_rows{{table=\"{table}\"}}")].to_string();
    let counted =
        |table: &str| crate::harness::texts_of(&shell.ledger(), &format!("SELECT count(*) FROM {table}"));
    assert_eq!([rows("orchestrations")], *counted("orchestrations"));
    assert_eq!([rows("journal")], *counted("journal"));
    assert_eq!([rows("breaks")], *counted("breaks"));
    let open_breaks = counted("breaks WHERE resolved_at IS NULL AND history = 0");
    assert_eq!([sum(&samples, "tallyd_breaks", "").to_string()], *open_breaks);
    // The head that was scraped is one that the ledger is held against.
    daemon.stop();
    let (batch, prefix) = (samples["tallyd_journal_head_batch"], samples["tallyd_journal_head_prefix"]);
    let prefix = whole(prefix);
    shell.run_well(&["ledger", "verify", "--head", &format!("{batch}:{prefix:012x}")]);
    let other = shell.run(&["ledger", "verify", "--head", &format!("{batch}:{:012x}", prefix ^ 1)]);
    assert!(other.code == Some(1) && other.stdout.contains("was noted for journal batch"), "{other:?}");
    let short = shell.run(&["ledger", "verify", "--head", &format!("{batch}:{:011x}", prefix >> 4)]);
    assert!(short.code == Some(2) && short.stderr.contains("at least 12 digits"), "{short:?}");
    shell.end();
}

/// Catches: a failure that is counted as anything else, and a last complete poll that a failed one moves.
#[test]
fn a_failing_profile_shows() {
    let shell = shell("1s");
    let daemon = shell.start_daemon();
    let last =
        |what: &str| format!("tallyd_poll_last{what}_timestamp_seconds{{lane=\"poll\",profile=\"payouts\"}}");
    daemon.until_samples("a complete poll", |samples| {
        samples.get(&last("_complete")).is_some_and(|at| *at > 0.0)
    });
    shell.control.script(Endpoint::List, vec![Scripted::Fault(Fault::Forbidden); 40]);
    let failed = polls("payouts", "discover", "failed");
    let samples = daemon.until_samples("two failed polls", |samples| samples[&failed] >= 2.0);
    assert!(samples[&last("")] > samples[&last("_complete")], "{samples:#?}");
    assert!(samples["tallyd_requests_total{code=\"403\",endpoint=\"list\"}"] >= 2.0);
    // A restart keeps when the last complete one ended, and what it counted is another process's.
    let complete_at = daemon.samples()[&last("_complete")];
    shell.control.script(Endpoint::List, vec![Scripted::Fault(Fault::Forbidden); 400]);
    daemon.stop();
    let daemon = shell.start_daemon();
    let samples = daemon.samples();
    // The ledger noted it a moment before the outcome was told.
    let kept = samples[&last("_complete")];
    assert!(complete_at >= kept && whole(complete_at) - whole(kept) <= 1, "{complete_at} {kept}");
    assert_eq!(samples[&polls("payouts", "discover", "complete")].to_string(), "0");
    daemon.stop();
    shell.end();
}

/// Catches: a pause that nobody sees, a retry that is not counted.
#[test]
fn a_pause_and_repeated_requests_show() {
    let shell = shell("1s");
    shell.control.script(
        Endpoint::Profiles,
        [Scripted::Fault(Fault::ServerError(ServerError::Internal, ErrorBody::Problem))],
    );
    let pause = Fault::TooManyRequests { retry_after: Some(Duration::from_secs(900)) };
    shell.control.script(Endpoint::List, [pause]);
    let daemon = shell.start_daemon();
    let samples = daemon.until_sample("tallyd_stops_total", 1.0);
    let (until, began) =
        (samples["tallyd_stop_until_timestamp_seconds"], samples["process_start_time_seconds"]);
    let left = whole(until) - whole(began);
    assert!((880..920).contains(&left), "{left}");
    assert_eq!(samples["tallyd_requests_total{code=\"429\",endpoint=\"list\"}"].to_string(), "1");
    assert_eq!(samples["tallyd_requests_total{code=\"500\",endpoint=\"profiles\"}"].to_string(), "1");
    assert_eq!(samples["tallyd_request_retries_total{endpoint=\"profiles\"}"].to_string(), "1");
    assert_eq!(samples["tallyd_token_refreshes_total{outcome=\"ok\"}"].to_string(), "1");
    daemon.stop();
    // The next process keeps to it, and was not asked for another.
    let daemon = shell.start_daemon();
    let samples = daemon.samples();
    assert!(samples["tallyd_stop_until_timestamp_seconds"] > 0.0);
    assert_eq!(samples["tallyd_stops_total"].to_string(), "0");
    daemon.stop();
    shell.end();
}

/// Catches: a scrape that waits for whoever writes the ledger.
#[test]
fn a_scrape_answers_while_the_ledger_is_locked() {
    let shell = shell("1s");
    let daemon = shell.start_daemon();
    daemon.until_samples("rows", |samples| sum(samples, "tallyd_orchestrations", "") >= 60.0);
    let mut writer = rusqlite::Connection::open(shell.ledger()).unwrap();
    let transaction = writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    transaction.execute("UPDATE ledger SET epoch = epoch", []).unwrap();
    let listed = shell.control.count(Endpoint::Profiles);
    shell.wait("a round", shell.control.reached(Endpoint::Profiles, listed + 1));
    for _ in 0..50 {
        assert_eq!(daemon.get("/metrics").status, 200);
        assert_eq!(daemon.get("/healthz").status, 200);
    }
    // Nothing was committed meanwhile: it was still locked.
    transaction.commit().unwrap();
    daemon.stop();
    shell.end();
}

/// Catches: a reload that loses or doubles counts, series of who is gone, a broken file that nobody sees.
#[test]
fn a_reload_keeps_counts_and_takes_away_who_is_gone() {
    let shell = shell("1h");
    let ids: Vec<String> = shell.control.profiles().into_iter().map(|profile| profile.id).collect();
    let table = |id: &str, name: &str| format!("[[profiles]]\nid = {id:?}\nname = {name:?}\n");
    configure(&shell, "1h", &(table(&ids[0], "one") + &table(&ids[1], "two")));
    let daemon = shell.start_daemon();
    let complete = |name: &str| polls(name, "backfill", "complete");
    daemon.until_sample(&complete("one"), 1.0);
    let before = daemon.until_sample(&complete("two"), 1.0);
    configure(&shell, "30m", &(table(&ids[0], "one") + &table(&ids[1], "other")));
    daemon.signal("-HUP");
    daemon.wait_for("the configuration was read again", 1);
    let samples = daemon.samples();
    for sample in
        [complete("one"), changes("one", "appeared"), "tallyd_token_refreshes_total{outcome=\"ok\"}".into()]
    {
        assert_eq!(samples[&sample].to_string(), before[&sample].to_string(), "{sample}");
    }
    shell.run_well(&["poll"]);
    // Another name is another series; what was found before is told under it where it is told of the ledger.
    let samples = daemon.until_sample(&polls("other", "discover", "complete"), 1.0);
    assert!(!samples.keys().any(|sample| sample.contains("profile=\"two\"")), "{samples:#?}");
    let covered = "tallyd_coverage_to_timestamp_seconds{profile=\"other\"}";
    daemon.until_samples("its coverage", |samples| samples[covered] > 0.0);
    configure(&shell, "1h", &table(&ids[0], "one"));
    daemon.signal("-HUP");
    daemon.wait_for("the configuration was read again", 2);
    shell.run_well(&["poll"]);
    let of_other = |sample: &String| sample.contains("profile=\"other\"");
    let samples = daemon.until_samples("it goes", |samples| !samples.keys().any(of_other));
    assert_eq!(samples[&complete("one")].to_string(), "1");
    configure(&shell, "1h", "[nonsense]\n");
    daemon.signal("-HUP");
    daemon.wait_for("going on with the former one", 1);
    daemon.until_sample("tallyd_config_last_reload_successful", 0.0);
    daemon.stop();
    shell.end();
}

/// Catches: a name, label, type or help that is not the public one; a sample that comes twice; a metric that the
/// page does not tell of, or tells of wrongly; a text that Prometheus complains of.
#[test]
fn the_whole_text_is_as_documented() {
    let shell = standing_world();
    let more = format!(
        "[[reports]]\nname = \"daily\"\nschedule = \"@daily\"\nperiod = \"day\"\ndirectory = \"reports\"\n\
         [alerts.heartbeat]\nurl = \"{}/heartbeat\"\n",
        shell.api_url
    );
    configure(&shell, "1h", &more);
    let daemon = shell.start_daemon();
    daemon.wait_for("poll complete", 2);
    complete_one(&shell);
    shell.run_well(&["poll"]);
    daemon.until_samples("a settled run", |samples| {
        sum(samples, "tallyd_completion_seconds_count", "") > 0.0
            && sum(samples, "tallyd_heartbeats_total", "") > 0.0
            && samples["tallyd_ledger_rows{table=\"orchestrations\"}"] > 0.0
    });
    let text = daemon.get("/metrics").body;
    daemon.stop();
    shell.end();
    samples_in(&text);
    for start in ["# HELP ", "# TYPE "] {
        let mut seen = BTreeSet::new();
        for line in text.lines().filter(|line| line.starts_with(start)) {
            assert!(seen.insert(line.split(' ').nth(2).unwrap()), "comes twice: {line}");
        }
    }
    assert_eq!(documented(), families(&text), "docs/metrics.md (left) and the registry (right) differ");
    insta::assert_snapshot!(masked(&text));
    if let Some(promtool) = installed(&["promtool"]) {
        let mut child = Command::new(promtool)
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && said.is_empty(), "{said}");
    }
}

/// Each metric's type and labels.
type Families = BTreeMap<String, (String, BTreeSet<String>)>;

/// As the tables of the page have them.
fn documented() -> Families {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `tallyd_") || line.starts_with("| `process_"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let labels = cells[3].split(',').map(|label| label.trim().trim_matches('`').to_owned());
        let labels = labels.filter(|label| !label.is_empty()).collect();
        (cells[1].trim_matches('`').to_owned(), (cells[2].to_owned(), labels))
    })
    .collect()
}

/// As the text has them.
fn families(text: &str) -> Families {
    let mut families = Families::new();
    let mut name = String::new();
    for line in text.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (family, kind) = family.split_once(' ').unwrap();
            family.clone_into(&mut name);
            families.insert(name.clone(), (kind.to_owned(), BTreeSet::new()));
        } else if let Some((_, labels)) = line.split_once('{').filter(|_| !line.starts_with('#')) {
            let labels = labels.rsplit_once('}').unwrap().0.split("\",");
            let names = labels.map(|label| label.split('=').next().unwrap().to_owned());
            families.get_mut(&name).unwrap().1.extend(names.filter(|label| label != "le"));
        }
    }
    families
}

/// The metrics whose values are the same in every run.
const SETTLED: [&str; 5] = [
    "tallyd_polls_total",
    "tallyd_orchestrations_missing",
    "tallyd_stops_total",
    "tallyd_owed_sweeps",
    "tallyd_config_last_reload_successful",
];

/// The text with what differs from run to run masked, and the buckets of a histogram in one line.
fn masked(text: &str) -> String {
    let (mut masked, mut last) = (String::new(), String::new());
    for line in text.lines() {
        if line.starts_with('#') {
            writeln!(masked, "{line}").unwrap();
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let is_settled =
            SETTLED.iter().any(|name| sample == *name || sample.starts_with(&format!("{name}{{")));
        let value = if is_settled { value } else { "#" };
        let sample = sample.replace(env!("CARGO_PKG_VERSION"), "#");
        // Which route the first one takes is the world's to say.
        let sample = match sample.split_once("{route=\"") {
            Some((name, rest)) => format!("{name}{{route=\"#{}", &rest[rest.find('"').unwrap()..]),
            None => sample,
        };
        let bucket = sample.find(",le=\"").map(|at| sample[..at].to_owned());
        if bucket.is_none() || bucket.as_ref() != Some(&last) {
            let shown = bucket.as_ref().map_or(sample.clone(), |bucket| format!("{bucket},le=..}}"));
            writeln!(masked, "{shown} {value}").unwrap();
        }
        last = bucket.unwrap_or_default();
    }
    masked
}
