//! What must hold when the day is over, every fault has ended, and polls and sweeps were complete.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;
use tallyd::clock::Clock as _;
use tallyd::model::Timestamp;

use super::super::until;
use super::{DAEMON, Day};
use crate::harness::{Running, documented, id_of, ledger_rows, meaning, rows_of_view, texts_of, times_of};

/// A row that vanished is called missing only when it is older than the overlap.
const GROWN_UP: Duration = Duration::from_secs(660);

impl Day {
    /// Ends the day, and says what it was like.
    pub(super) fn end(mut self) -> String {
        self.shell.control.clear_faults();
        // From here on nothing may be given up because the machine is slow.
        self.shell.configure(&[("+", DAEMON)]);
        self.name_again();
        let daemon = self.shell.start_daemon();
        until(&self.shell, "SELECT count(*) FROM request WHERE ended_at IS NULL", &["0"]);
        Running::stop(daemon);
        self.assert_claims_hold();
        self.settle();
        self.assert_sound();
        self.shell.run_well(&["status"]);
        self.assert_equal_to_the_truth();
        self.assert_nothing_is_told_twice();
        self.assert_one_break_one_story();
        let told = self.assert_killed_everywhere();
        self.shell.end();
        told
    }

    pub(super) fn assert_sound(&self) {
        let verified = self.shell.run_well(&["ledger", "verify"]);
        assert!(verified.stdout.contains("sound"), "{}", verified.stdout);
    }

    /// Rule 1, at any time: what is claimed is held, or kept raw. A row that comes late may be passed over once,
    /// but not after the overlap.
    pub(super) fn assert_claims_hold(&self) {
        let claims = self.texts("SELECT profile_id, covered_to FROM coverage WHERE covered_to IS NOT NULL");
        let claims: BTreeMap<_, _> = claims.iter().filter_map(|claim| claim.split_once(' ')).collect();
        let (held, raw) = (ledger_rows(&self.shell.ledger()), self.raw());
        let truth = self.shell.control.truth();
        for (row, created_at) in truth.iter().zip(times_of(&truth)) {
            let covered_to = row["profile_id"].as_str().and_then(|profile| claims.get(profile));
            let covered_to = covered_to.map(|covered_to| Timestamp::parse_rfc3339(covered_to).unwrap());
            let is_claimed = covered_to.is_some_and(|covered_to| created_at <= covered_to.minus(GROWN_UP));
            // One that has lost its id for now is known by nothing else.
            let Some(id) = row["id"].as_str() else { continue };
            assert!(
                !is_claimed || held.contains_key(id) || raw.contains(id),
                "after {} kills {id} of {created_at} is not held, and {covered_to:?} is covered",
                self.kills
            );
        }
    }

    /// Polls and sweeps once, and expects both to be complete and to know everything as it is now.
    fn settle(&self) {
        self.clock.advance(GROWN_UP);
        // A `Date` has whole seconds.
        let now = self.clock.now().as_micros() / 1_000_000 * 1_000_000;
        self.shell.run_well(&["poll"]);
        self.shell.run_well(&["sweep", "--full"]);
        assert!(self.swept_from() >= now, "a part was compared by a sweep that was cut short");
    }

    /// From when on everything was compared.
    fn swept_from(&self) -> i64 {
        let ceilings = "SELECT max(ceiling) FROM poll WHERE lane = 'sweep' AND begins_at = 0 \
                        AND result = 'complete' GROUP BY profile";
        self.texts(ceilings).iter().map(|ceiling| ceiling.parse().unwrap()).min().unwrap()
    }

    fn texts(&self, query: &str) -> Vec<String> {
        texts_of(&self.shell.ledger(), query)
    }

    /// Every row that can be seen is held as it is, or kept raw; what is held and cannot be seen is missing.
    fn assert_equal_to_the_truth(&self) {
        let path = self.shell.ledger();
        let truth: BTreeMap<_, _> =
            self.shell.control.truth().iter().map(|row| (id_of(row), meaning(row))).collect();
        let (held, view) = (ledger_rows(&path), rows_of_view(&path));
        let raw = self.raw();
        for (id, row) in &truth {
            if raw.contains(id) {
                assert!(!held.contains_key(id), "{id} is held, and kept raw");
                continue;
            }
            assert_eq!(held.get(id), Some(row), "ledger and truth differ about {id}");
            assert_eq!(view.get(id), Some(&documented(row)), "view and truth differ about {id}");
        }
        let gone: BTreeSet<_> = held.keys().filter(|id| !truth.contains_key(*id)).cloned().collect();
        let missing = self.texts("SELECT id FROM orchestrations WHERE missing_since IS NOT NULL");
        assert_eq!(missing.into_iter().collect::<BTreeSet<_>>(), gone);
        assert!(!gone.is_empty() && !raw.is_empty(), "{} gone, {} raw", gone.len(), raw.len());
    }

    /// The ids of the rows that cannot be read, which they cannot indeed.
    fn raw(&self) -> BTreeSet<String> {
        let rows = self.texts("SELECT raw FROM unreadable");
        let rows = rows.iter().map(|raw| serde_json::from_str::<Value>(raw).unwrap());
        rows.map(|row| {
            let created_at = row["created_at"].as_str().map(chrono::DateTime::parse_from_rfc3339);
            let is_read = row["status"].is_string() && created_at.is_some_and(|time| time.is_ok());
            assert!(!is_read, "{row} was kept raw");
            id_of(&row)
        })
        .collect()
    }

    /// Rule 3: one appearance each, and no change, no end and no return is told twice.
    fn assert_nothing_is_told_twice(&self) {
        let held = ledger_rows(&self.shell.ledger());
        let mut last: BTreeMap<String, (String, bool)> = BTreeMap::new();
        let mut raw = BTreeMap::new();
        let entries = self.texts(
            "SELECT kind, orchestration_id, coalesce(digest, old_values ->> 'raw_sha256') FROM journal
             WHERE details IS NULL ORDER BY seq",
        );
        for entry in &entries {
            let [kind, id, digest] = entry.split(' ').collect::<Vec<_>>()[..] else { panic!("{entry}") };
            let known = last.get_mut(id);
            match (kind, known) {
                ("appeared", None) => drop(last.insert(id.to_owned(), (digest.to_owned(), false))),
                ("changed" | "went_back_in_time", Some((before, _))) if before != digest => {
                    digest.clone_into(before);
                }
                ("went_missing", Some((_, is_missing))) if !*is_missing => *is_missing = true,
                ("reappeared", Some((_, is_missing))) if *is_missing => *is_missing = false,
                ("unreadable", None)
                    if raw.insert(id.to_owned(), digest).is_none_or(|before| before != digest) => {}
                _ => panic!("{entry}: after {:?}", last.get(id)),
            }
        }
        assert_eq!(last.keys().collect::<Vec<_>>(), held.keys().collect::<Vec<_>>());
    }

    /// Rule 9: no break opens twice without an end between, and what the journal leaves open is what stands.
    fn assert_one_break_one_story(&self) {
        let mut open = BTreeSet::new();
        let steps = self.texts(
            "SELECT kind, (details ->> 'kind') || '/' || (details ->> 'id') FROM journal
             WHERE kind IN ('break_opened', 'break_resolved') ORDER BY seq",
        );
        for step in &steps {
            let is_right = match step.split_once(' ') {
                Some(("break_opened", name)) => open.insert(name.to_owned()),
                Some(("break_resolved", name)) => open.remove(name),
                _ => false,
            };
            assert!(is_right, "{step}");
        }
        let standing = self.texts("SELECT kind || '/' || subject FROM breaks WHERE state <> 'resolved'");
        assert_eq!(standing.into_iter().collect::<BTreeSet<_>>(), open);
        // Which leg of those that are held up holds them up is left to the seed.
        for kind in ["failed/", "stuck_", "missing_upstream/", "changed_after_final/", "unreadable/"] {
            assert!(
                steps.iter().any(|step| step.contains(&format!(" {kind}"))),
                "no {kind} in the whole day"
            );
        }
    }

    /// The day was what it was to be: polls of each lane were cut off, and are called so.
    fn assert_killed_everywhere(&self) -> String {
        assert_eq!(self.texts("SELECT count(*) FROM polls WHERE result = 'running'"), ["0"]);
        let lanes = self.texts(
            "SELECT lane, count(*) FROM polls WHERE result = 'interrupted' GROUP BY lane ORDER BY lane",
        );
        let refresh = self.kills_in_refresh;
        let told = format!("{} kills, {refresh} in a refresh, interrupted: {}", self.kills, lanes.join(", "));
        let names: Vec<_> = lanes.iter().filter_map(|lane| lane.split(' ').next()).collect();
        assert_eq!(names, ["backfill", "discover", "sweep"], "{told}");
        let counts = lanes.iter().map(|lane| lane.split(' ').nth(1).unwrap().parse::<usize>().unwrap());
        assert!(counts.min() >= Some(5) && refresh >= 5, "{told}");
        let complete = self.texts("SELECT count(*) FROM polls WHERE result = 'complete'");
        format!("{told}, complete: {}", complete[0])
    }
}
