//! `breaks list`, `show`, `ack`, `unack` and `resolve` as people run them, on a ledger with breaks in it.

use std::fmt::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use tallyd::ledger::{Ledger, PageCommit, Progress, Rules};
use tallyd::model::{
    Amount, Audience, BreakKind, Certainty, Endpoint, Evidence, Finding, Fingerprint, Identifier, Lane, Leg,
    LegSide, LegStatus, Observation, Orchestration, PageFacts, Profile, Received, Severity, Since, SinkName,
    Status, Step, Subject, Tell, Timestamp,
};

use crate::harness::{Setup, Shell};

/// The instant so many minutes after the tests' time began.
fn minute(minute: i64) -> Timestamp {
    Timestamp::from_micros(1_780_000_000_000_000 + minute * 60_000_000)
}

fn row(number: u32, status: Status, ref_id: &str) -> Orchestration {
    Orchestration {
        id: Identifier::new(&format!("00000000-0000-4000-8000-{number:012x}")),
        profile_id: Some(Identifier::new("treasury")),
        identity_id: None,
        account_id: None,
        customer_id: None,
        ref_id: Some(Identifier::new(ref_id)),
        source_asset: Some("USD".into()),
        destination_asset: Some("USDG".into()),
        source_amount: Some(Amount::parse("250.00").unwrap()),
        destination_amount: None,
        source_transfer: Leg {
            transfer_id: Some(Identifier::new("tr_in")),
            status: Some(LegStatus::Completed),
        },
        destination_transfer: Leg {
            transfer_id: Some(Identifier::new("tr_out")),
            status: Some(LegStatus::Processing),
        },
        status,
        fail_reason: None,
        source: Some(Endpoint::Profile { profile_id: Identifier::new("treasury") }),
        destination: Some(Endpoint::Crypto {
            address: Some("9vE1".into()),
            network: Some("SOLANA".into()),
            address_id: None,
        }),
        orchestration_rule_id: None,
        created_at: minute(i64::from(number)),
        updated_at: Some(minute(i64::from(number))),
        completed_at: None,
        metadata: None,
        remainder: None,
    }
}

/// A break for each row, by its status.
fn judge(facts: &PageFacts<'_>) -> Vec<Step> {
    let open = |now: &Orchestration| {
        let (kind, severity, evidence) = match now.status {
            Status::Processing => {
                let since = Since { at: minute(2), certainty: Certainty::AtLatest };
                let leg = Some(LegSide::Destination);
                let evidence =
                    Evidence::HeldUp { leg, since, limit: "2h".to_owned(), passed_at: minute(122) };
                (BreakKind::StuckProcessing, Severity::Warning, evidence)
            }
            _ => {
                let reason = Some("returned by the bank\u{1b}[2J".to_owned());
                (BreakKind::Failed, Severity::Critical, Evidence::Ended { at: minute(3), reason })
            }
        };
        let subject = Subject::Orchestration(now.id.clone());
        let audience = if now.status == Status::Rejected { Audience::Nobody } else { Audience::Everybody };
        Step::Open { finding: Finding { kind, subject, severity, evidence, audience }, tell: Tell::People }
    };
    let rows = facts.observations.iter().filter_map(|observation| match observation {
        Observation::Row { now, .. } => Some(open(now)),
        Observation::Unreadable { .. } => None,
    });
    rows.collect()
}

/// A ledger with four breaks: 1 is stuck, 2 and 3 failed, 4 is history.
pub(super) fn shell() -> Shell {
    let shell = Shell::new(Setup::of(0).sim);
    let rules = Rules {
        judge: Arc::new(judge),
        route: Arc::new(|_| vec![SinkName("slack".to_owned())]),
        ..tallyd::sync::rules()
    };
    let (path, api) = (shell.ledger(), shell.api_url.clone());
    shell.runtime.block_on(async move {
        let ledger = Ledger::open(&path, &api, rules, minute(0)).unwrap();
        let profile = Profile { id: Identifier::new("treasury"), name: Some("Treasury".to_owned()) };
        let profile = ledger.open_profile(profile, minute(0)).await.unwrap().key;
        let poll = ledger.begin_poll(profile, Lane::Discover, minute(0), Some(minute(0))).await.unwrap();
        let rows = [
            row(1, Status::Processing, "payout-1"),
            row(2, Status::Failed, "=HYPERLINK(\"x\")"),
            row(3, Status::Failed, "two, three"),
            row(4, Status::Rejected, "payout-4"),
        ];
        let page = PageCommit {
            poll,
            profile,
            seen_at: minute(200),
            asked_at: ledger.moment(),
            rows: rows
                .map(|orchestration| Received {
                    fingerprint: Fingerprint::of(&format!("{orchestration:?}")),
                    orchestration,
                })
                .into(),
            unreadable: Vec::new(),
            without_id: 0,
            begins_at: minute(0),
            progress: Progress::None,
        };
        ledger.commit_page(page).await.unwrap();
        let polled = vec![Identifier::new("treasury")];
        ledger.build_indexes(polled, minute(200)).await.unwrap();
        ledger.close().await;
    });
    shell
}

fn json_of(shell: &Shell, arguments: &[&str]) -> Value {
    serde_json::from_str(&shell.run_well(arguments).stdout).unwrap()
}

fn numbers(shell: &Shell, arguments: &[&str]) -> Vec<i64> {
    let list = json_of(shell, &[&["breaks", "list", "--json"], arguments].concat());
    list["breaks"].as_array().unwrap().iter().map(|one| one["number"].as_i64().unwrap()).collect()
}

#[test]
fn breaks_are_listed_and_filtered() {
    let shell = shell();
    assert_eq!(numbers(&shell, &[]), [2, 3, 4, 1]);
    assert_eq!(numbers(&shell, &["--kind", "failed", "--history", "without"]), [2, 3]);
    assert_eq!(numbers(&shell, &["--severity", "warning", "--profile", "Treasury"]), [1]);
    assert_eq!(numbers(&shell, &["--to", "crypto:SOLANA", "--asset", "usdg", "--limit", "1"]), [2]);
    assert_eq!(numbers(&shell, &["--from", "fiat"]), [0; 0]);
    assert_eq!(numbers(&shell, &["--route", "profile ->", "--opened-before", "2026-05-28"]), [0; 0]);
    assert_eq!(numbers(&shell, &["--in-trouble-since", "2026-05-28T20:29:00Z"]), [1]);
    let list = json_of(&shell, &["breaks", "list", "--json", "--limit", "1"]);
    assert_eq!((&list["total"], &list["open"]), (&json!(4), &json!(4)));
    let status = json_of(&shell, &["status", "--json"]);
    let expected = json!({ "open_critical": 2, "open_warning": 1, "acknowledged": 0, "history": 1 });
    assert_eq!(status["breaks"], expected);
    assert!(
        shell.run_well(&["status"]).stdout.contains("2 open and critical, 1 open and warning, 1 of history")
    );
    shell.end();
}

#[test]
fn the_exit_code_tells_of_open_breaks_only_where_it_is_asked_to() {
    let shell = shell();
    assert_eq!(shell.run(&["breaks", "list"]).code, Some(0));
    assert_eq!(shell.run(&["breaks", "list", "--exit-code"]).code, Some(3));
    assert_eq!(shell.run(&["breaks", "list", "--exit-code", "--kind", "rejected"]).code, Some(0));
    shell.run_well(&["breaks", "ack", "1", "--why", "known", "--by", "ada"]);
    assert_eq!(shell.run(&["breaks", "list", "--exit-code", "--severity", "warning"]).code, Some(0));
    assert!(shell.run_well(&["--help"]).stdout.contains("3   breaks are open"));
    shell.end();
}

/// Catches: a cell that a spreadsheet takes for a formula, and one that ends early.
#[test]
fn csv_is_safe_and_whole() {
    let shell = shell();
    let csv = shell.run_well(&["breaks", "list", "--csv"]).stdout;
    let lines: Vec<_> = csv.split("\r\n").collect();
    assert_eq!(lines.len(), 6, "{csv}");
    assert!(lines[0].starts_with("number,kind,severity,state,history,subject,"), "{csv}");
    assert!(lines[1].contains(r#""'=HYPERLINK(""x"")""#), "{csv}");
    assert!(lines[2].contains(r#","two, three","#), "{csv}");
    assert!(!csv.contains('\u{1b}'), "{csv}");
    shell.end();
}

#[test]
fn people_acknowledge_and_resolve_beside_a_daemon_and_without_one() {
    let shell = shell();
    shell.run_well(&["breaks", "ack", "2", "--why", "the bank knows", "--until", "36h", "--by", "ada"]);
    let daemon = shell.start_daemon();
    let said =
        shell.run_well(&["breaks", "ack", "--severity", "warning", "--why", "known", "--by", "ada", "--yes"]);
    assert_eq!(said.stdout, "acknowledged 1 break: 1\n");
    shell.run_well(&["breaks", "unack", "1", "--by", "ada"]);
    shell.run_well(&["breaks", "resolve", "3", "--why", "sent again", "--by", "ada"]);
    daemon.stop();
    // The daemon found out that Paxos knows none of them, which is a break of its own.
    assert_eq!(
        numbers(&shell, &["--state", "open", "--kind", "failed", "--kind", "stuck_processing"]),
        [4, 1]
    );
    assert_eq!(numbers(&shell, &["--state", "acknowledged"]), [2]);
    let resolved = json_of(&shell, &["breaks", "list", "--state", "resolved", "--json"]);
    let resolved = resolved["breaks"].as_array().unwrap();
    // The daemon may have resolved one of its own by then.
    let by_ada: Vec<_> = resolved.iter().filter(|found| !found["resolved"]["by"].is_null()).collect();
    assert_eq!(by_ada.iter().map(|found| found["number"].clone()).collect::<Vec<_>>(), [3]);
    assert_eq!(by_ada[0]["resolved"]["by"], "ada");
    let shown = json_of(&shell, &["breaks", "show", "payout-1", "--json"]);
    let steps: Vec<_> =
        shown["breaks"][0]["steps"].as_array().unwrap().iter().map(|step| step["kind"].clone()).collect();
    assert_eq!(steps, ["break_opened", "break_acknowledged", "break_unacknowledged"]);
    assert_eq!(shown["breaks"][0]["steps"][2]["detail"]["by"], "ada");
    shell.run_well(&["ledger", "verify"]);
    shell.end();
}

#[test]
fn many_are_asked_for_first_and_left_out_where_it_cannot_be_done() {
    let shell = shell();
    let would = shell.run_well(&["breaks", "resolve", "--severity", "critical", "--why", "x", "--dry-run"]);
    assert_eq!(would.stdout, "would resolve 3 breaks: 2, 3, 4; nothing was changed\n");
    let ran = shell.run(&["breaks", "resolve", "--severity", "critical", "--why", "x", "--by", "ada"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("this would resolve 3 breaks; say --yes"), "{}", ran.stderr);
    assert_eq!(numbers(&shell, &[]).len(), 4);
    let mut command = shell.command(&["breaks", "resolve", "--history", "with", "--why", "x", "--yes"]);
    let ran = crate::harness::Ran::from(command.env("USER", "bob").output().unwrap());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(0), "resolved 3 breaks: 2, 3, 4\n"), "{}", ran.stderr);
    assert_eq!(numbers(&shell, &[]), [1]);
    let shown = json_of(&shell, &["breaks", "show", "2", "--json"]);
    assert_eq!(shown["breaks"][0]["resolved"]["by"], "bob");
    shell.end();
}

/// The tables as people see them, and what is said of bad input. Read it as somebody who meets the program for the
/// first time.
#[test]
fn what_people_read() {
    let shell = shell();
    shell.run_well(&["breaks", "ack", "3", "--why", "the bank knows", "--by", "ada"]);
    let mut read = String::new();
    let mut say = |arguments: &[&str]| {
        let ran = shell.run(arguments);
        let [stdout, stderr] = [ran.stdout, ran.stderr].map(|text| without_what_differs(&text));
        let stderr = stderr.replace(shell.folder.path().to_str().unwrap(), "FOLDER");
        let shown = arguments
            .iter()
            .map(|word| if word.contains(' ') { format!("{word:?}") } else { (*word).to_owned() });
        let shown = shown.collect::<Vec<_>>().join(" ");
        writeln!(read, "$ tallyd {shown}\n{stdout}{stderr}exit {}\n", ran.code.unwrap()).unwrap();
    };
    say(&["breaks", "list"]);
    say(&["breaks", "list", "--limit", "2"]);
    say(&["breaks", "show", "1"]);
    say(&["breaks", "show", "two, three"]);
    say(&["breaks", "list", "--state", "resolved"]);
    say(&["breaks", "list", "--kind", "failled"]);
    say(&["breaks", "list", "--kind", "lost"]);
    say(&["breaks", "list", "--profile", "treasure"]);
    say(&["breaks", "list", "--to", "crypto:"]);
    say(&["breaks", "list", "--opened-before", "yesterday"]);
    say(&["breaks", "show", "77"]);
    say(&["breaks", "ack", "77", "--why", "x", "--by", "ada"]);
    say(&["breaks", "ack", "1"]);
    say(&["breaks", "ack", "--why", "x"]);
    say(&["breaks", "ack", "1", "--kind", "failed", "--why", "x"]);
    say(&["breaks", "ack", "1", "--why", " ", "--by", "ada"]);
    say(&["breaks", "ack", "1", "--why", "x"]);
    say(&["breaks", "ack", "1", "--why", "x", "--by", "ada", "--until", "2026-01-01"]);
    say(&["breaks", "ack", "1", "--why", "x", "--by", "ada", "--until", "soon"]);
    say(&["breaks", "resolve", "1", "2", "--why", "x", "--by", "ada"]);
    say(&["breaks", "resolve", "--kind", "stuck_processing", "--why", "x", "--by", "ada"]);
    say(&["breaks", "unack", "1", "--by", "ada"]);
    shell.run_well(&["breaks", "resolve", "2", "--why", "sent again", "--by", "ada"]);
    say(&["breaks", "resolve", "2", "--why", "x", "--by", "bob"]);
    shell.end();
    insta::assert_snapshot!(read);
}

/// A text without the ages and times of this run, and without the room that they take in a table.
fn without_what_differs(text: &str) -> String {
    let mut shown = String::new();
    for line in text.lines() {
        // A limit is as long in every run, whatever an age may happen to be.
        let is_limit = line.trim_start().starts_with("limit ");
        let words = line.split(' ').map(|word| {
            let bare = word.trim_end_matches([',', ':']);
            let is_span = !is_limit
                && bare
                    .strip_suffix(['d', 'h', 'm', 's'])
                    .is_some_and(|number| number.parse::<u32>().is_ok());
            let is_now = Timestamp::parse_rfc3339(bare).is_ok_and(|time| time > minute(200_000));
            let rest = &word[bare.len()..];
            match (is_span, is_now) {
                (true, _) => format!("N{rest}"),
                (_, true) => format!("TIME{rest}"),
                _ => word.to_owned(),
            }
        });
        let mut line = words.collect::<Vec<_>>().join(" ").replace("N N", "N");
        while line.contains("   ") {
            line = line.replace("   ", "  ");
        }
        writeln!(shown, "{}", line.trim_end()).unwrap();
    }
    shown
}

/// Two people at once, and a ledger that somebody keeps locked.
#[test]
fn two_at_once_both_hear_what_came_of_it() {
    let shell = shell();
    let one = shell.command(&["breaks", "resolve", "2", "--why", "x", "--by", "ada"]).spawn().unwrap();
    let two = shell.command(&["breaks", "resolve", "2", "--why", "y", "--by", "bob"]).spawn().unwrap();
    let ran = [one, two].map(|child| crate::harness::Ran::from(child.wait_with_output().unwrap()));
    let mut codes: Vec<_> = ran.iter().map(|ran| ran.code.unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 1], "{ran:?}");
    let refused = ran.iter().find(|ran| ran.code == Some(1)).unwrap();
    assert!(refused.stderr.contains("break 2 was resolved on"), "{}", refused.stderr);

    let locked = rusqlite::Connection::open(shell.ledger()).unwrap();
    locked.execute_batch("BEGIN IMMEDIATE").unwrap();
    let ran = shell.run(&["breaks", "ack", "1", "--why", "x", "--by", "ada"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("another program keeps it locked"), "{}", ran.stderr);
    assert_eq!(numbers(&shell, &["--state", "acknowledged"]), [0; 0]);
    drop(locked);
    shell.run_well(&["ledger", "verify"]);
    shell.end();
}
