//! Who may use whom, read from the sources themselves.
//!
//! Data flows one way, so nothing below knows anything above. The tables here are that rule; a change
//! to them is a change of the design and belongs into `docs/architecture.md` too.

#![expect(clippy::unwrap_used, reason = "in a test's helpers too, a panic is how a test fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms, and what of the other rooms each may use: a whole room, or a single item of it. `None` is
/// everything.
const ROOMS: &[(&str, Option<&[&str]>)] = &[
    ("model", Some(&[])),
    ("clock", Some(&["model"])),
    ("schedule", Some(&["model"])),
    ("breaks", Some(&["model", "schedule"])),
    ("config", Some(&["model", "schedule", "breaks"])),
    ("logging", Some(&["config"])),
    ("paxos", Some(&["model", "clock"])),
    ("ledger", Some(&["model"])),
    ("sync", Some(&["paxos", "ledger", "model", "clock"])),
    // How a configuration comes to a report is for those above.
    ("report", Some(&["model", "schedule", "breaks", "ledger"])),
    ("display", Some(&["model", "schedule", "config", "ledger"])),
    ("alerts", Some(&["model", "clock", "config", "ledger"])),
    ("server", Some(&[])),
    ("web", Some(&["model", "clock", "config", "ledger", "display", "report", "server"])),
    ("metrics", Some(&["model", "clock", "paxos", "ledger", "alerts", "server"])),
    // Written from the facts of the API and not from the client: an instant is all that they share.
    ("sim", Some(&["clock", "model::Timestamp"])),
    (
        "daemon",
        Some(&[
            "model", "clock", "schedule", "breaks", "config", "logging", "paxos", "ledger", "sync", "report",
            "alerts", "server", "web", "metrics",
        ]),
    ),
    ("cli", None),
    ("lib", Some(&[])),
    ("main", Some(&["cli"])),
];

/// Libraries that belong to one room, or to a few.
const OWNED: &[(&str, &[&str])] = &[
    ("rusqlite", &["ledger"]),
    ("reqwest", &["paxos", "alerts"]),
    ("lettre", &["alerts"]),
    ("hmac", &["alerts"]),
    ("oauth2", &["paxos"]),
    ("governor", &["paxos"]),
    ("axum", &["sim", "server", "web"]),
    ("hyper", &["sim", "server"]),
    ("hyper_util", &["sim", "server"]),
    ("prometheus", &["metrics"]),
    ("cron", &["schedule"]),
    ("chrono_tz", &["schedule"]),
    ("toml", &["config"]),
    ("annotate_snippets", &["config"]),
    ("tracing_subscriber", &["logging"]),
    ("clap", &["cli"]),
    ("anyhow", &["cli", "daemon"]),
    ("indicatif", &["cli"]),
    ("comfy_table", &["cli"]),
    ("console", &["cli"]),
    ("csv", &["cli", "report"]),
    ("askama", &["report", "web"]),
    ("env::var", &["config"]),
    ("env::var_os", &["config"]),
];

/// A file longer than this holds more than one thing.
const MAX_LINES: usize = 500;

/// One file of `src`.
struct Source {
    /// Its path below `src`.
    path: PathBuf,
    /// The room that it belongs to.
    room: String,
    /// How many modules it is below the crate's root.
    depth: usize,
    /// Its whole text.
    text: String,
    /// The text without comment lines, which may speak of anything.
    code: String,
}

#[test]
fn every_room_is_in_the_table() {
    let mut faults = Faults::default();
    for source in sources() {
        if room_of(&source.room).is_none() {
            faults.add(&source, "is in no room: add its room to ROOMS, with what it may use");
        }
    }
    faults.check();
}

#[test]
fn rooms_use_only_what_lies_below_them() {
    let mut faults = Faults::default();
    for source in sources() {
        let Some((_, Some(allowed))) = room_of(&source.room) else { continue };
        for used in used_paths(&source) {
            let room = used.split("::").next().unwrap();
            let is_allowed = room == source.room || allowed.contains(&room) || allowed.contains(&&*used);
            if room_of(room).is_some() && !is_allowed {
                let what = format!(
                    "uses {used}, and {} may use {allowed:?} only: hand the value or the function in from \
                     above, or move what both need to model",
                    source.room
                );
                faults.add(&source, &what);
            }
        }
    }
    faults.check();
}

#[test]
fn rooms_are_named_one_by_one() {
    let mut faults = Faults::default();
    for source in sources() {
        if source.code.contains("crate::{") || source.code.contains("crate::*") {
            faults.add(&source, "imports several rooms at once: write one `use crate::room::...` for each");
        }
    }
    faults.check();
}

#[test]
fn libraries_stay_in_the_rooms_that_own_them() {
    let mut faults = Faults::default();
    for source in sources() {
        for (library, owners) in OWNED {
            if !owners.contains(&source.room.as_str()) && mentions(&source.code, library) {
                faults.add(&source, &format!("uses {library}, which belongs to {owners:?}: ask that room"));
            }
        }
    }
    faults.check();
}

#[test]
fn every_file_says_what_it_is_and_is_short() {
    let mut faults = Faults::default();
    for source in sources() {
        if !source.text.starts_with("//! ") {
            faults.add(&source, "does not open with `//!`: say what it is, what it owns, what it leaves");
        }
        let lines = source.text.lines().count();
        if lines > MAX_LINES {
            faults
                .add(&source, &format!("has {lines} lines of {MAX_LINES}: move a part to a file of its own"));
        }
    }
    faults.check();
}

/// What is wrong, all of it in one message.
#[derive(Default)]
struct Faults(String);

impl Faults {
    fn add(&mut self, source: &Source, what: &str) {
        writeln!(self.0, "src/{} {what}", source.path.display()).unwrap();
    }

    #[track_caller]
    fn check(self) {
        assert!(self.0.is_empty(), "\n{}", self.0);
    }
}

fn room_of(name: &str) -> Option<&'static (&'static str, Option<&'static [&'static str]>)> {
    ROOMS.iter().find(|(room, _)| *room == name)
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(read(&root, &path));
            }
        }
    }
    found.sort_by(|one, two| one.path.cmp(&two.path));
    assert!(found.len() > ROOMS.len(), "the sources were not found in {}", root.display());
    found
}

fn read(src: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let path = path.strip_prefix(src).unwrap().to_owned();
    let module = path.with_extension("");
    let room = module.iter().next().unwrap().to_string_lossy().into_owned();
    let depth = if room == "lib" { 0 } else { module.iter().count() };
    let code =
        text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    Source { path, room, depth, text, code }
}

/// The paths into rooms, as `room` and as `room::Item`, whichever way they are written.
fn used_paths(source: &Source) -> Vec<String> {
    let climb = "super::".repeat(source.depth.max(1));
    // The program's own file is a crate of its own and names the library.
    let crate_root = if source.room == "main" { "tallyd::" } else { "crate::" };
    let mut used = Vec::new();
    for root in [crate_root, &climb] {
        for (at, _) in source.code.match_indices(root) {
            let before = source.code[..at].chars().next_back();
            let is_path_start = !before.is_some_and(|before| is_word(before) || before == ':');
            if is_path_start {
                used.push(first_two(&source.code[at + root.len()..]));
            }
        }
    }
    used
}

/// `room::Item` of what follows a path's root; `room` alone where a list or nothing follows.
fn first_two(path: &str) -> String {
    let word = |text: &str| text.chars().take_while(|&letter| is_word(letter)).collect::<String>();
    let room = word(path);
    let item = path[room.len()..].strip_prefix("::").map(word).unwrap_or_default();
    if item.is_empty() { room } else { format!("{room}::{item}") }
}

/// Whether code names a library or path, as in `name::` or `use name;`.
fn mentions(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + name.len()..];
        let is_whole = !before.is_some_and(is_word) && !after.starts_with(is_word);
        let is_root = name.contains("::") || !before.is_some_and(|before| before == ':' || before == '.');
        is_whole && is_root && (name.contains("::") || after.starts_with("::") || after.starts_with(';'))
    })
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}
