//! The diff through its public edge: what counts as a change, and as which.

#![expect(clippy::panic, reason = "a test whose stage cannot be set has failed")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use tallyd::model::{
    Change, Endpoint, Field, Identifier, Leg, LegSide, LegStatus, Orchestration, Status, Timestamp, Tracked,
    Trust, Verdict,
};
use tallyd::sync::diff::compare;

use crate::strategies::{orchestration, respelled, two_answers, value_for, values, with_field};

/// When an answer is seen in these tests, unless it matters.
const SEEN_AT: Timestamp = Timestamp::from_micros(1_790_000_000_000_000);

fn minute(minute: i64) -> Timestamp {
    Timestamp::from_micros(1_780_000_000_000_000 + minute * 60_000_000)
}

fn tracked(orchestration: Orchestration) -> Tracked {
    Tracked { status_since: orchestration.updated_at.unwrap_or(SEEN_AT), orchestration }
}

/// An orchestration with a value in every field that its ends can hold.
fn full(source: Endpoint, destination: Endpoint) -> Orchestration {
    let bare = Orchestration {
        id: Identifier::new("0b7d2f0e-6a53-4c58-9d3f-2d1c50f6b001"),
        profile_id: None,
        identity_id: None,
        account_id: None,
        customer_id: None,
        ref_id: None,
        source_asset: None,
        destination_asset: None,
        source_amount: None,
        destination_amount: None,
        source_transfer: Leg::default(),
        destination_transfer: Leg::default(),
        status: Status::Processing,
        fail_reason: None,
        source: Some(source),
        destination: Some(destination),
        orchestration_rule_id: None,
        created_at: minute(0),
        updated_at: None,
        completed_at: None,
        metadata: None,
        remainder: None,
    };
    Field::ALL
        .into_iter()
        .fold(bare, |row, field| with_field(&row, field, Some(&value_for(field, 1))).unwrap_or(row))
}

/// One orchestration for each kind of end, so that together they have every field.
fn samples() -> [Orchestration; 3] {
    let profile = |text| Endpoint::Profile { profile_id: Identifier::new(text) };
    let crypto =
        |text| Endpoint::Crypto { address: None, network: None, address_id: Some(Identifier::new(text)) };
    let fiat = |text| Endpoint::Fiat { account_id: Some(Identifier::new(text)), memo: None };
    [full(profile("from"), crypto("to")), full(crypto("from"), fiat("to")), full(fiat("from"), profile("to"))]
}

fn changes_between(before: &Orchestration, now: &Orchestration) -> Vec<Change> {
    // Confirmed, so that an older `updated_at` does not end the comparison.
    match compare(Some(&tracked(before.clone())), now, SEEN_AT, Trust::Confirmed) {
        Verdict::Changed { changes, .. } => changes,
        Verdict::Unchanged => Vec::new(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_field_that_takes_another_value_is_told_alone_and_with_both_values() {
    let mut met: Vec<Field> = Vec::new();
    for row in samples() {
        for field in Field::ALL {
            let (old, new) = (value_for(field, 1), value_for(field, 2));
            let Some(other) = with_field(&row, field, Some(&new)) else { continue };
            met.push(field);
            let expected = match field {
                Field::Status => Change::StatusMoved { from: Status::new(&old), to: Status::new(&new) },
                Field::SourceTransferStatus => Change::LegMoved {
                    leg: LegSide::Source,
                    from: LegStatus::new(&old),
                    to: LegStatus::new(&new),
                },
                Field::DestinationTransferStatus => Change::LegMoved {
                    leg: LegSide::Destination,
                    from: LegStatus::new(&old),
                    to: LegStatus::new(&new),
                },
                _ => Change::FieldChanged { field, old, new: Some(new) },
            };
            assert_eq!(changes_between(&row, &other), [expected]);
        }
    }
    met.sort_unstable();
    met.dedup();
    assert_eq!(met, Field::ALL);
}

#[test]
fn missing_to_value_is_filled_in_and_value_to_missing_is_a_change() {
    for row in samples() {
        for field in Field::ALL {
            let Some(without) = with_field(&row, field, None) else { continue };
            let value = value_for(field, 1);
            let filled = Change::FilledIn { field, new: value.clone() };
            assert_eq!(changes_between(&without, &row), [filled]);
            let emptied = Change::FieldChanged { field, old: value, new: None };
            assert_eq!(changes_between(&row, &without), [emptied]);
        }
    }
}

#[test]
fn an_end_of_another_kind_changes_the_fields_of_both_kinds() {
    let [row, ..] = samples();
    let other = Orchestration {
        destination: Some(Endpoint::Fiat { account_id: None, memo: Some("rent".into()) }),
        ..row.clone()
    };
    let gone = [Field::DestinationAddress, Field::DestinationNetwork, Field::DestinationAddressId];
    let mut expected: Vec<Change> = gone
        .into_iter()
        .map(|field| Change::FieldChanged { field, old: value_for(field, 1), new: None })
        .collect();
    expected.push(Change::FilledIn { field: Field::DestinationMemo, new: "rent".to_owned() });
    assert_eq!(changes_between(&row, &other), expected);
}

#[test]
fn a_status_counts_as_entered_at_the_earliest_update_seen_in_it() {
    let [row, ..] = samples();
    let at =
        |status: Status, updated_at: Option<Timestamp>| Orchestration { status, updated_at, ..row.clone() };
    let since =
        |before: &Tracked, now: &Orchestration| match compare(Some(before), now, SEEN_AT, Trust::Confirmed) {
            Verdict::Changed { kept, .. } => kept.status_since,
            other => panic!("{other:?}"),
        };
    let before = tracked(at(Status::Pending, Some(minute(10))));
    let moved = |updated_at| since(&before, &at(Status::Processing, updated_at));
    let stayed = |updated_at| since(&before, &at(Status::Pending, updated_at));
    assert_eq!(moved(Some(minute(20))), minute(20));
    assert_eq!(moved(None), SEEN_AT);
    assert_eq!(stayed(Some(minute(20))), minute(10));
    assert_eq!(stayed(None), minute(10));
    assert_eq!(stayed(Some(minute(5))), minute(5));
    let appeared = |updated_at| compare(None, &at(Status::Pending, updated_at), SEEN_AT, Trust::Listed);
    assert_eq!(appeared(Some(minute(10))), Verdict::Appeared { status_since: minute(10) });
    assert_eq!(appeared(None), Verdict::Appeared { status_since: SEEN_AT });
}

#[test]
fn an_older_answer_is_stale_and_once_confirmed_it_went_back_in_time() {
    let [row, ..] = samples();
    let known = Orchestration { updated_at: Some(minute(20)), status: Status::Completed, ..row.clone() };
    let older = Orchestration { updated_at: Some(minute(10)), status: Status::Processing, ..row };
    let known = tracked(known);
    assert_eq!(compare(Some(&known), &older, SEEN_AT, Trust::Listed), Verdict::Stale);
    let Verdict::Changed { kept, changes } = compare(Some(&known), &older, SEEN_AT, Trust::Confirmed) else {
        panic!("a confirmed answer is taken");
    };
    assert_eq!(kept.orchestration, older);
    let went_back = Change::WentBackInTime { from: minute(20), to: minute(10) };
    let moved = Change::StatusMoved { from: Status::Completed, to: Status::Processing };
    assert!(changes.contains(&went_back) && changes.contains(&moved), "{changes:?}");
}

#[test]
fn a_row_of_which_only_the_update_is_older_is_stale_too() {
    let [row, ..] = samples();
    let known = tracked(Orchestration { updated_at: Some(minute(20)), ..row.clone() });
    let older = Orchestration { updated_at: Some(minute(10)), ..row };
    assert_eq!(compare(Some(&known), &older, SEEN_AT, Trust::Listed), Verdict::Stale);
}

/// The values before the changes, told by what is kept after them.
fn undone(kept: &Orchestration, changes: &[Change]) -> BTreeMap<Field, String> {
    let mut values = values(kept);
    for change in changes {
        let Some(field) = field_of(change) else { continue };
        let old = match change {
            Change::StatusMoved { from, .. } => Some(from.to_string()),
            Change::LegMoved { from, .. } => Some(from.to_string()),
            Change::FieldChanged { old, .. } => Some(old.clone()),
            Change::Appeared
            | Change::FilledIn { .. }
            | Change::WentBackInTime { .. }
            | Change::WentMissing
            | Change::Reappeared => None,
        };
        match old {
            Some(old) => values.insert(field, old),
            None => values.remove(&field),
        };
    }
    values
}

/// The field that a change is about.
fn field_of(change: &Change) -> Option<Field> {
    match change {
        Change::Appeared | Change::WentBackInTime { .. } | Change::WentMissing | Change::Reappeared => None,
        Change::StatusMoved { .. } => Some(Field::Status),
        Change::LegMoved { leg: LegSide::Source, .. } => Some(Field::SourceTransferStatus),
        Change::LegMoved { leg: LegSide::Destination, .. } => Some(Field::DestinationTransferStatus),
        Change::FieldChanged { field, .. } | Change::FilledIn { field, .. } => Some(*field),
    }
}

fn mean_the_same(one: &Orchestration, two: &Orchestration) -> bool {
    Field::ALL.into_iter().all(|field| match (one.value(field), two.value(field)) {
        (None, None) => true,
        (Some(one), Some(two)) => one.means_the_same(&two),
        _ => false,
    })
}

proptest! {
    #[test]
    fn what_is_received_again_is_unchanged(row in orchestration(), seen in 0_i64..100) {
        for trust in [Trust::Listed, Trust::Confirmed] {
            let verdict = compare(Some(&tracked(row.clone())), &row, minute(seen), trust);
            prop_assert_eq!(verdict, Verdict::Unchanged);
        }
    }

    #[test]
    fn another_spelling_is_unchanged(row in orchestration(), zeros in 0_usize..4) {
        let other = respelled(&row, zeros);
        prop_assert_eq!(compare(Some(&tracked(row.clone())), &other, SEEN_AT, Trust::Listed), Verdict::Unchanged);
        prop_assert_eq!(compare(Some(&tracked(other)), &row, SEEN_AT, Trust::Listed), Verdict::Unchanged);
    }

    #[test]
    fn one_field_that_differs_is_one_change(row in orchestration(), number in 0_u32..1000, zeros in 0_usize..4) {
        for field in Field::ALL {
            let Some(other) = with_field(&row, field, Some(&value_for(field, number))) else { continue };
            let other = respelled(&other, zeros);
            let changes = changes_between(&row, &other);
            let told: Vec<_> = changes.iter().filter_map(field_of).collect();
            if mean_the_same(&row, &other) {
                prop_assert_eq!(told, []);
            } else {
                prop_assert_eq!(told, [field]);
            }
        }
    }

    #[test]
    fn what_is_kept_means_what_was_received_and_leads_back_exactly((old, new) in two_answers()) {
        match compare(Some(&tracked(old.clone())), &new, SEEN_AT, Trust::Confirmed) {
            Verdict::Unchanged => prop_assert!(mean_the_same(&old, &new)),
            Verdict::Changed { kept, changes } => {
                prop_assert!(!changes.is_empty());
                prop_assert!(mean_the_same(&kept.orchestration, &new));
                prop_assert_eq!(undone(&kept.orchestration, &changes), values(&old));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn only_an_answer_with_an_older_update_is_stale((old, new) in two_answers()) {
        let is_older = matches!((old.updated_at, new.updated_at), (Some(old), Some(new)) if new < old);
        let known = tracked(old.clone());
        let listed = compare(Some(&known), &new, SEEN_AT, Trust::Listed);
        prop_assert_eq!(listed == Verdict::Stale, is_older);
        let confirmed = compare(Some(&known), &new, SEEN_AT, Trust::Confirmed);
        let went_back = matches!(&confirmed, Verdict::Changed { changes, .. } if changes.contains(
            &Change::WentBackInTime { from: old.updated_at.unwrap_or(SEEN_AT), to: new.updated_at.unwrap_or(SEEN_AT) }
        ));
        prop_assert_eq!(went_back, is_older);
    }
}
