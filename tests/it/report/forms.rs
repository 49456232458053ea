//! The forms of a report: what people read, what programs read, and the files that they are kept in.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;
use tallyd::ledger::AsOf;
use tallyd::model::{Amount, Orchestration, ReportForm, Status, Timestamp};
use tallyd::report::folder::{self, Existing, FolderProblem, Written};
use tallyd::report::{self, Report, ReportFile};
use tallyd::schedule::{Period, WhichPeriod, Zone};

use super::{World, row, time};

fn at(text: &str) -> Timestamp {
    time(&format!("2026-10-{text}:00Z"))
}

fn ended(row: &Orchestration, status: Status, ended_at: Timestamp) -> Orchestration {
    Orchestration { status, updated_at: Some(ended_at), ..row.clone() }
}

fn of_amount(row: Orchestration, amount: &str) -> Orchestration {
    Orchestration { source_amount: Some(Amount::parse(amount).unwrap()), ..row }
}

/// Three days in which one of everything happens; the period is the second.
async fn story() -> World {
    let before = row(1, at("03T09:00"));
    let mut world = World::begin(at("03T12:00"), tallyd::sync::rules(), vec![before.clone()]).await;
    let open = of_amount(row(2, at("04T08:00")), "1234567.890123456789012345");
    let vanishing = row(3, at("04T08:30"));
    let done = row(4, at("04T09:00"));
    world.now = at("04T09:30");
    world
        .see(0, vec![open.clone(), vanishing.clone(), ended(&done, Status::Completed, at("04T09:20"))])
        .await;
    world.now = at("05T02:00");
    // Late, and about the day before.
    world
        .see(1, vec![ended(&of_amount(row(5, at("04T23:00")), "-5"), Status::Rejected, at("04T23:10"))])
        .await;
    world.see(1, vec![row(6, at("04T23:30"))]).await;
    world.lose(0, &vanishing.id).await;
    world.see_unreadable("odd").await;
    world.now = at("05T10:00");
    let reason = "=HYPERLINK(\"http://x\") <script>alert(1)</script> | **bold**";
    let failed = Orchestration { fail_reason: Some(reason.into()), ..row(7, at("05T09:00")) };
    world.see(0, vec![ended(&failed, Status::Failed, at("05T09:05"))]).await;
    world.see(0, vec![ended(&before, Status::Completed, at("05T09:30"))]).await;
    world.see(0, vec![Orchestration { destination_amount: Amount::parse("17").ok(), ..open.clone() }]).await;
    // What had completed is another amount now.
    world.see(0, vec![ended(&of_amount(done, "260.00"), Status::Completed, at("05T09:40"))]).await;
    world.now = at("06T00:30");
    world.poll().await;
    world.now = at("06T01:10");
    world.poll().await;
    world
}

fn period() -> Period {
    WhichPeriod::parse("2026-10-05").unwrap().of(Zone::UTC, at("09T00:00")).unwrap()
}

async fn told() -> Report {
    story().await.report(&period(), AsOf::Settled).unwrap()
}

#[tokio::test]
async fn what_people_read() {
    let report = told().await;
    insta::assert_snapshot!("text", report::text::of(&report));
    insta::assert_snapshot!("markdown", report::markdown::of(&report));
    let html = report::html::of(&report).unwrap();
    let (_, body) = html.split_once("</style>").unwrap();
    insta::assert_snapshot!("html", body);
    assert!(!html.contains("<script"), "what comes from outside is text");
    for loading in ["src=", "href=", "url(", "@import"] {
        assert!(!html.contains(loading), "nothing is loaded from anywhere: {loading}");
    }
}

/// Catches: many accounts in which nobody finds his way, and a summary of a few that only repeats them.
#[tokio::test]
async fn many_accounts_are_told_in_a_line_each_before() {
    let mut world = story().await;
    world.now = at("05T11:00");
    let few = text(&world);
    assert!(!few.contains("at a glance"), "{few}");
    let assets = ["USDG", "PAXG", "PYUSD", "EUR", "BTC", "ETH", "SOL", "USDP"];
    let rows = assets.iter().zip(100..).map(|(asset, number)| Orchestration {
        source_asset: Some((*asset).into()),
        ..of_amount(row(number, at("05T10:30")), "1234.5")
    });
    world.see(1, rows.collect()).await;
    world.now = at("06T02:00");
    world.poll().await;
    let report = world.report(&period(), AsOf::Now).unwrap();
    let until_accounts = |text: String, heading: &str| {
        let (_, from) = text.split_once("at a glance").unwrap();
        from.split_once(heading).unwrap().0.to_owned()
    };
    insta::assert_snapshot!("summary_text", until_accounts(report::text::of(&report), "\nAccounts\n"));
    insta::assert_snapshot!(
        "summary_markdown",
        until_accounts(report::markdown::of(&report), "## Accounts\n")
    );
    let html = report::html::of(&report).unwrap();
    insta::assert_snapshot!("summary_html", until_accounts(html, "<h2>Accounts</h2>"));
    // Programs read what they read before.
    assert_eq!(report.tables().len(), 8);
}

fn text(world: &World) -> String {
    report::text::of(&world.report(&period(), AsOf::Now).unwrap())
}

#[tokio::test]
async fn what_programs_read() {
    let report = told().await;
    insta::assert_snapshot!("json", report.in_form(ReportForm::Json).unwrap());
    let files = report.files(&ReportForm::ALL, "settle 3600").unwrap();
    let manifest = &files.last().unwrap().content;
    insta::assert_snapshot!("manifest", manifest);
    let schema: Value = serde_json::from_str(include_str!("../../../docs/report-v1.schema.json")).unwrap();
    let document: Value = serde_json::from_str(&report.in_form(ReportForm::Json).unwrap()).unwrap();
    assert_eq!(crate::harness::faults_by_schema(&document, &schema), [""; 0]);
}

/// Catches: rows of the wrong length, quotes that no other reader takes, and cells that a spreadsheet runs.
#[tokio::test]
async fn another_program_reads_the_csv() {
    let report = told().await;
    let folder = tempfile::tempdir().unwrap();
    let files = report.files(&[ReportForm::Csv], "").unwrap();
    folder::write(folder.path(), &files, Existing::Keep).unwrap();
    let script = "import csv, json, sys\nprint(json.dumps({p: list(csv.DictReader(open(p, newline='', encoding='utf-8'), strict=True)) for p in sys.argv[1:]}))";
    let paths = files
        .iter()
        .filter(|file| !file.name.contains(".manifest."))
        .map(|file| folder.path().join(&file.name));
    let Ok(ran) = Command::new("python3").args(["-c", script]).args(paths).output() else { return };
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let read: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let tables = read.as_object().unwrap();
    assert_eq!(tables.len(), 8);
    let table = |name: &str| {
        let found = tables.iter().find(|(path, _)| path.ends_with(&format!(".{name}.csv"))).unwrap();
        found.1.as_array().unwrap()
    };
    let amount = |row: &Value| row["source_amount"].as_str().unwrap().to_owned();
    let line = |line: &str| table("accounts").iter().find(|row| row["line"] == line).map(amount).unwrap();
    assert_eq!(line("opening"), "1235067.890123456789012345");
    let vanished = table("accounts").iter().find(|row| row["reason"] == "vanished").unwrap();
    assert_eq!((vanished["count"].as_str(), amount(vanished).as_str()), (Some("-1"), "-250.00"));
    let failure = table("failures")[0]["reason"].as_str().unwrap();
    assert!(failure.starts_with("'=HYPERLINK"), "{failure}");
    for row in tables.values().flat_map(|rows| rows.as_array().unwrap()) {
        for (column, cell) in row.as_object().unwrap() {
            let cell = cell.as_str().unwrap_or_else(|| panic!("{column} of {row}"));
            let is_number = cell.trim_start_matches('-').chars().all(|c| c.is_ascii_digit() || c == '.');
            assert!(is_number || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell}");
        }
    }
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn file(name: &str, content: &str) -> ReportFile {
    ReportFile { name: name.to_owned(), content: content.to_owned() }
}

/// Catches: a file that is replaced unasked, and one that is left where another could not be written.
#[test]
fn files_are_written_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let files = [file("r.txt", "one"), file("r.manifest.json", "{}")];
    assert_eq!(folder::write(path, &files, Existing::Keep).unwrap(), Written::Now);
    assert_eq!(folder::write(path, &files, Existing::Keep).unwrap(), Written::Before);
    let other = [file("r.json", "new"), file("r.txt", "two"), file("r.manifest.json", "{}")];
    let refused = folder::write(path, &other, Existing::Keep).unwrap_err();
    assert_eq!(
        refused.to_string().replace(&path.display().to_string(), "DIR"),
        "DIR/r.txt: it is there and says something else; move it away, or replace it with --force"
    );
    assert_eq!(names(path), ["r.manifest.json", "r.txt"]);
    assert_eq!(fs::read_to_string(path.join("r.txt")).unwrap(), "one");
    assert_eq!(folder::write(path, &other, Existing::Replace).unwrap(), Written::Now);
    assert_eq!(names(path), ["r.json", "r.manifest.json", "r.txt"]);
    // A name that cannot be made ends it all, and takes what was made with it.
    let long = "x".repeat(300);
    let impossible = [file("s.txt", "one"), file(&long, "two"), file("s.manifest.json", "{}")];
    assert!(folder::write(path, &impossible, Existing::Keep).is_err());
    assert_eq!(names(path), ["r.json", "r.manifest.json", "r.txt"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_told_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let problem = |path: &std::path::Path| folder::check(path).unwrap_err().problem;
    assert!(matches!(problem(&path.join("gone")), FolderProblem::Missing));
    fs::write(path.join("file"), "").unwrap();
    assert!(matches!(problem(&path.join("file")), FolderProblem::NoFolder));
    let closed = path.join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    // Root may write everywhere.
    if fs::write(closed.join("probe"), "").is_err() {
        assert!(matches!(problem(&closed), FolderProblem::NotWritable));
    }
}

/// Catches: files of somebody else, changed ones, ones of another report or of a later period, that are removed.
#[tokio::test]
async fn only_what_a_manifest_proves_is_removed() {
    let world = story().await;
    let mut plan = super::plan(&period(), AsOf::Settled);
    plan.name = Some("daily".to_owned());
    let report = report::make(&world.reader(), plan, &tallyd::breaks::Limits::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    folder::write(path, &report.files(&[ReportForm::Text, ReportForm::Json], "").unwrap(), Existing::Keep)
        .unwrap();
    fs::write(path.join("daily-notes.txt"), "mine").unwrap();
    fs::write(path.join("other.manifest.json"), "{\"report\":\"daily\"}").unwrap();
    let all = names(path);
    assert_eq!(folder::remove_old(path, "weekly", at("09T00:00")).unwrap(), 0);
    assert_eq!(folder::remove_old(path, "daily", at("06T00:00")).unwrap(), 0);
    assert_eq!(names(path), all);
    fs::write(path.join("daily-2026-10-05.txt"), "changed").unwrap();
    assert_eq!(folder::remove_old(path, "daily", at("06T00:01")).unwrap(), 2);
    assert_eq!(names(path), ["daily-2026-10-05.txt", "daily-notes.txt", "other.manifest.json"]);
}
