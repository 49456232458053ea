//! How profiles fare.

use tallyd::breaks::judge_polls;
use tallyd::model::{
    Acknowledgement, BreakKind, Cause, Evidence, Identifier, ManyGone, Mute, PollFacts, Profile,
    ProfileFacts, Severity, Subject, Trouble,
};

use super::{Book, in_status, minute, row};

const NOTHING: [&str; 0] = [];

/// A profile whose last complete poll began at that minute, and what keeps it from another one.
fn profile(id: &str, polled: i64, trouble: Option<Cause>) -> ProfileFacts {
    ProfileFacts {
        profile: Profile { id: Identifier::new(id), name: None },
        polled_at: minute(polled),
        trouble: trouble.map(|cause| Trouble { cause, reason: format!("because of {cause}") }),
        many_gone: None,
    }
}

impl Book {
    fn fares(&mut self, at: i64, profiles: &[ProfileFacts]) -> Vec<String> {
        let standing = self.standing.clone();
        let facts =
            PollFacts { now: minute(at), profiles, standing: &standing, removed: &[], mute_ended: &[] };
        let steps = judge_polls(&self.limits, &facts);
        self.take(at, steps)
    }

    fn named(&mut self, cause: Cause) -> Vec<String> {
        let standing =
            self.standing.iter().find(|standing| standing.subject == Subject::Cause(cause)).unwrap();
        let Evidence::Unpolled { profiles, .. } = &standing.evidence else { panic!() };
        profiles.iter().map(|(profile, _)| profile.id.to_string()).collect()
    }
}

/// Catches: a storm of breaks where one cause keeps every profile from being polled.
#[test]
fn rule_07_an_outage_opens_one_break_that_names_every_profile() {
    let mut book = Book::new();
    let both =
        |polled| [profile("a", polled, Some(Cause::Outage)), profile("b", polled, Some(Cause::Outage))];
    assert_eq!(book.fares(15, &both(0)), NOTHING);
    assert_eq!(book.fares(16, &both(0)), ["profile_unpolled opens, critical, told"]);
    assert_eq!(book.named(Cause::Outage), ["a", "b"]);
    assert_eq!(book.fares(120, &both(0)), NOTHING);
    assert_eq!(
        book.fares(121, &[profile("a", 121, None), profile("b", 121, None)]),
        ["profile_unpolled resolves: every profile was completely polled again, told"]
    );
}

#[test]
fn an_outage_that_changes_its_face_stays_one_break() {
    let mut book = Book::new();
    book.fares(16, &[profile("a", 0, Some(Cause::Outage))]);
    assert_eq!(
        book.fares(17, &[profile("a", 0, Some(Cause::Throttled))]),
        ["profile_unpolled stands, critical"]
    );
    assert_eq!(
        book.fares(18, &[profile("a", 0, Some(Cause::Incomplete))]),
        ["profile_unpolled stands, critical"]
    );
    // What only a person can end is told for itself.
    assert_eq!(
        book.fares(19, &[profile("a", 0, Some(Cause::Credentials))]),
        [
            "profile_unpolled opens, critical, told",
            "profile_unpolled resolves: something else keeps them from being polled: credentials, told"
        ]
    );
}

#[test]
fn two_causes_are_two_breaks_and_a_profile_that_joins_is_told() {
    let mut book = Book::new();
    let forbidden = |id| profile(id, 0, Some(Cause::Forbidden));
    assert_eq!(
        book.fares(16, &[forbidden("a"), profile("b", 15, None)]),
        ["profile_unpolled opens, critical, told"]
    );
    assert_eq!(
        book.fares(40, &[forbidden("a"), profile("b", 15, Some(Cause::Outage))]),
        ["profile_unpolled opens, critical, told"]
    );
    assert_eq!(
        book.fares(41, &[forbidden("a"), forbidden("b")]).first().unwrap(),
        "profile_unpolled stands, critical, told"
    );
    assert_eq!(book.named(Cause::Forbidden), ["a", "b"]);
}

#[test]
fn a_poll_that_does_not_end_is_noticed_too() {
    let mut book = Book::new();
    assert_eq!(book.fares(16, &[profile("a", 0, None)]), ["profile_unpolled opens, critical, told"]);
    let Evidence::Unpolled { reason, .. } = &book.of(BreakKind::ProfileUnpolled).evidence else { panic!() };
    assert_eq!(reason, "no poll of it has ended since");
}

#[test]
fn rule_06_many_gone_at_once_are_one_break_of_the_profile() {
    let mut book = Book::new();
    let doubted =
        ProfileFacts { many_gone: Some(ManyGone { missing: 40, of: 40 }), ..profile("a", 10, None) };
    assert_eq!(book.fares(10, std::slice::from_ref(&doubted)), ["missing_upstream opens, critical, told"]);
    assert_eq!(book.fares(11, std::slice::from_ref(&doubted)), NOTHING);
    assert_eq!(
        book.fares(12, &[profile("a", 12, None)]),
        ["missing_upstream resolves: a later look found no more of them gone than usual, told"]
    );
}

#[test]
fn rule_09_the_end_of_an_acknowledgement_is_told() {
    let mut book = Book::new();
    book.sees(6, &in_status("FAILED", 5));
    book.of(BreakKind::Failed).mute = Mute::On(Acknowledgement {
        by: "ops".to_owned(),
        why: "asked Paxos".to_owned(),
        at: minute(7),
        until: Some(minute(60)),
        severity: Severity::Critical,
    });
    let over = book.standing.clone();
    let facts = PollFacts { now: minute(60), profiles: &[], standing: &[], removed: &[], mute_ended: &over };
    let steps = judge_polls(&book.limits, &facts);
    assert_eq!(book.take(60, steps), ["failed is no longer muted, told"]);
}

#[test]
fn what_was_held_up_under_a_profile_that_is_no_longer_polled_resolves() {
    let mut book = Book::new();
    book.sees(100, &row());
    let removed = book.standing.clone();
    let facts =
        PollFacts { now: minute(101), profiles: &[], standing: &[], removed: &removed, mute_ended: &[] };
    let steps = judge_polls(&book.limits, &facts);
    assert_eq!(book.take(101, steps), ["stuck_processing resolves: the profile is no longer polled, told"]);
}
