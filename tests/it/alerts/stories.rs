//! What people read: every kind, every occasion.

use std::fmt::Write as _;

use proptest::prelude::*;
use tallyd::alerts::{Links, Story, Telling};
use tallyd::model::{
    Acknowledgement, BreakKind, BreakNumber, BreakRecord, Certainty, Evidence, LegSide, Mute, Occasion,
    Severity, Since, TransferFacts,
};

use super::{at, links, now, record, resolved};

fn story(record: &BreakRecord, occasion: Occasion) -> Story {
    let severity = record.standing.severity;
    Story::of(&Telling { occasion, severity, record, transfers: &[], now: now() }, &links())
}

fn acknowledged(kind: BreakKind) -> BreakRecord {
    let mut record = record(kind);
    record.standing.mute = Mute::On(Acknowledgement {
        by: "ada".to_owned(),
        why: "ticket 1234 with Paxos".to_owned(),
        at: at("2026-11-21T16:00:00Z"),
        until: Some(at("2026-11-22T16:00:00Z")),
        severity: Severity::Critical,
    });
    record
}

#[test]
fn every_kind_is_told_so_that_one_knows_from_it_alone() {
    let mut told = String::new();
    for kind in BreakKind::ALL {
        let story = story(&record(kind), Occasion::Opened);
        writeln!(told, "=== {kind}\n{}\n\n{}", story.title, story.body()).unwrap();
    }
    insta::assert_snapshot!(told);
}

#[test]
fn every_occasion_has_its_words() {
    let mut told = String::new();
    for kind in BreakKind::ALL {
        writeln!(told, "=== {kind}").unwrap();
        for (occasion, record) in [
            (Occasion::Worsened, record(kind)),
            (Occasion::Reminded, record(kind)),
            (Occasion::Acknowledged, acknowledged(kind)),
            (Occasion::Resolved, resolved(kind)),
        ] {
            let story = story(&record, occasion);
            writeln!(told, "{}\n    {}\n    Next: {}", story.title, story.happened[0], story.next).unwrap();
        }
    }
    insta::assert_snapshot!(told);
}

#[test]
fn what_paxos_says_of_the_transfer_is_told() {
    let mut record = record(BreakKind::StuckProcessing);
    record.former = Some(BreakNumber(17));
    record.standing.episode = 2;
    let transfers = [TransferFacts {
        side: LegSide::Destination,
        id: "d2c8b1aa-6c1d-4a6e-8a55-6f8a37f0e2b9".into(),
        secondary_status: Some("AWAITING_TRAVEL_RULE_INFORMATION".to_owned()),
        network: Some("SOLANA".to_owned()),
        transaction_hash: Some("5VERv8NMvzbJMEkV".to_owned()),
        request_id: Some("req-77".to_owned()),
    }];
    let telling = Telling {
        occasion: Occasion::Opened,
        severity: Severity::Critical,
        record: &record,
        transfers: &transfers,
        now: now(),
    };
    insta::assert_snapshot!(Story::of(&telling, &Links::default()).body());
}

#[test]
fn at_least_is_said_where_it_was_not_seen_and_not_elsewhere() {
    for (certainty, says) in [(Certainty::AtLatest, true), (Certainty::Exactly, false)] {
        let mut record = record(BreakKind::StuckPending);
        if let Evidence::HeldUp { since, .. } = &mut record.standing.evidence {
            *since = Since { certainty, ..*since };
        }
        let story = story(&record, Occasion::Opened);
        assert_eq!(story.title.contains("at least"), says, "{}", story.title);
        assert_eq!(story.body().contains("or earlier (at least 4h 12m)"), says, "{}", story.body());
    }
}

/// Text as somebody writes it who means harm.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just("a\r\nBcc: everybody@example.com\n\n<script>alert(1)</script>".to_owned()),
        Just("<!channel> *bold* <https://evil.example|click> &amp;".to_owned()),
        Just("\u{1b}[2J\u{202e}abc\u{200b}".to_owned()),
        Just("x".repeat(10_000)),
        Just("\n".repeat(10_000)),
    ]
}

proptest! {
    #[test]
    fn hostile_text_stays_on_its_line_and_short(text in hostile()) {
        let mut record = record(BreakKind::Failed);
        let row = record.orchestration.as_mut().unwrap();
        row.ref_id = Some(text.as_str().into());
        row.source_asset = Some(text.as_str().into());
        record.standing.evidence = Evidence::Ended { at: now(), reason: Some(text.clone()) };
        record.profile.as_mut().unwrap().name = Some(text.clone());
        let story = story(&record, Occasion::Opened);
        let is_harmless = |text: &str| !text.chars().any(|char| char.is_control() || char == '\u{202e}');
        prop_assert!(is_harmless(&story.title) && story.title.chars().count() <= 200);
        for fact in &story.facts {
            prop_assert!(is_harmless(&fact.value), "{}", fact.value);
            prop_assert!(fact.value.chars().count() <= 1000);
        }
        prop_assert!(story.happened.iter().all(|line| is_harmless(line)));
        prop_assert!(story.body().len() < 16_000);
    }
}
