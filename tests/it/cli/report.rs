//! `report` as people run it, on a ledger that a poll made.

use std::fmt::Write as _;

use serde_json::Value;

use crate::harness::{Setup, Shell, small_disk};

fn shell() -> Shell {
    let shell = Shell::new(Setup::of(30).profiles(1).sim);
    let directory = shell.file("reports").display().to_string();
    shell.configure(&[(
        "+",
        &format!(
            "[[reports]]\nname = \"monthly\"\nschedule = \"0 6 1 * *\"\nperiod = \"month\"\ndirectory = {directory:?}\n"
        ),
    )]);
    shell.run_well(&["poll"]);
    shell
}

#[test]
fn every_bad_input_is_told_before_any_work() {
    let shell = shell();
    let mut told = String::new();
    let cases: [&[&str]; 13] = [
        &["report", "weekly"],
        &["report", "month"],
        &["report", "monthly"],
        &["report", "--period", "fortnight"],
        &["report", "--period", "2090-01"],
        &["report", "--from", "2026-10-02", "--to", "2026-10-01"],
        &["report", "--from", "yesterday", "--to", "2026-10-01"],
        &["report", "--zone", "Europe/Berlinn"],
        &["report", "--period", "2020-01"],
        &["report", "--as-of", "then"],
        &["report", "--period", "2020-01", "--as-of", "99999"],
        &["report", "--format", "pdf"],
        &["report", "--format", "html", "--format", "csv"],
    ];
    for arguments in cases {
        let ran = shell.run(arguments);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        let said = ran.stderr.replace(&shell.folder.path().display().to_string(), "DIR");
        writeln!(told, "$ tallyd {}\n{}\nexit {:?}\n", arguments.join(" "), said.trim_end(), ran.code)
            .unwrap();
    }
    // The ledger was made just now.
    let times = without_times(&told);
    insta::assert_snapshot!(times);
    shell.end();
}

/// Without the times of today.
fn without_times(text: &str) -> String {
    let today = tallyd::clock::Clock::now(&tallyd::clock::SystemClock).to_rfc3339_seconds();
    let day = today.split('T').next().unwrap();
    let mut shown = String::new();
    for word in text.split_inclusive([' ', '\n']) {
        let is_time = word.starts_with(day)
            || (matches!(word.trim_end().len(), 5 | 8)
                && word.contains(':')
                && word.trim_end().chars().all(|c| c == ':' || c.is_ascii_digit()));
        shown.push_str(if is_time { "TODAY " } else { word });
    }
    shown
}

/// Catches: a report made by hand that is another one than the same made again, and one that replaces what is there.
#[test]
fn a_configured_report_is_kept_once() {
    let shell = shell();
    std::fs::create_dir(shell.file("reports")).unwrap();
    let arguments = ["report", "monthly", "--period", "2020-01", "--as-of", "now"];
    let first = shell.run_well(&arguments).stdout;
    assert!(first.contains("monthly-2020-01.as-of-") && first.contains(".manifest.json"), "{first}");
    let again = shell.run_well(&arguments).stdout;
    assert_eq!(again.matches("(was there, byte for byte)").count(), 3, "{again}");
    let path = first.lines().find(|line| line.contains(".json") && !line.contains(".manifest.")).unwrap();
    std::fs::write(path, "mine").unwrap();
    let refused = shell.run(&arguments);
    assert!(refused.stderr.contains("it is there and says something else"), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(path).unwrap(), "mine");
    let forced = [&arguments[..], &["--force", "--json"]].concat();
    let forced: Value = serde_json::from_str(&shell.run_well(&forced).stdout).unwrap();
    assert_eq!((&forced["was_there"], &forced["ties_out"]), (&false.into(), &true.into()));
    let shown = shell
        .run_well(&["report", "monthly", "--period", "2020-01", "--as-of", "now", "--output", "-"])
        .stdout;
    assert!(shown.starts_with("monthly, 2020-01\n"), "{shown}");
    let preview = shell.run_well(&["report", "--schedule-preview", "monthly"]).stdout;
    assert_eq!(preview.lines().count(), 12, "{preview}");
    assert!(shell.run_well(&["status"]).stdout.contains("next report"));
    shell.end();
}

/// Catches: half a file on a disk that fills up in between, one that is left in the way of the next try, and an error
/// that does not say what is wrong with what.
#[test]
fn a_full_disk_leaves_no_half_file_and_says_so() {
    let shell = shell();
    let config = std::fs::read_to_string(shell.file("config.toml")).unwrap();
    let forms = "period = \"month\"\nforms = [\"text\", \"html\", \"csv\", \"json\"]";
    std::fs::write(shell.file("config.toml"), config.replace("period = \"month\"", forms)).unwrap();
    let folder = shell.file("reports");
    std::fs::create_dir(&folder).unwrap();
    let on_disk_of = |kib: u32| -> Option<(Option<i32>, String, String)> {
        let arguments = ["report", "monthly", "--period", "2020-01", "--as-of", "now"];
        let ran = small_disk(&folder, kib, &shell.command(&arguments), "ls -A")?.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some((ran.status.code(), text(&ran.stdout), text(&ran.stderr)))
    };
    // One on which all of it has room, so that it is the room which is lacking below.
    let Some((code, left, said)) = on_disk_of(4096) else {
        return shell.end();
    };
    assert_eq!(code, Some(0), "{said}");
    let files = left.lines().filter(|line| line.starts_with("monthly-2020-01")).count();
    assert_eq!(files, 12, "{left}");
    for kib in [4, 12, 20, 40] {
        let (code, left, said) = on_disk_of(kib).unwrap();
        assert_eq!((code, left.as_str()), (Some(1), ""), "{kib} KiB: {said}");
        assert!(said.contains("the disk is full"), "{kib} KiB: {said}");
        assert!(said.contains(&folder.display().to_string()), "{kib} KiB: {said}");
    }
    shell.end();
}
