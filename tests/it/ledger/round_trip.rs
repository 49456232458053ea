//! What goes in comes out: as values, as history, and as text in the public views.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tallyd::ledger::{EventKind, History};
use tallyd::model::{Endpoint, Field, Identifier, Orchestration};
use tokio::runtime::{Builder, Runtime};

use super::{Bench, row};
use crate::strategies::{orchestration, respelled, values};

/// The column of the `orchestrations` view that shows a field.
fn column(field: Field) -> String {
    match field {
        Field::FailReason => "fail_reason".to_owned(),
        Field::Remainder => "other_fields".to_owned(),
        Field::SourceProfileId => "source_profile_id".to_owned(),
        Field::DestinationProfileId => "destination_profile_id".to_owned(),
        Field::SourceTransferId | Field::DestinationTransferId => field.path().replace("transfer.", ""),
        _ => field.path().replace('.', "_"),
    }
}

fn view_row(bench: &Bench, id: &Identifier) -> BTreeMap<Field, String> {
    let columns: Vec<_> = Field::ALL.into_iter().map(column).collect();
    let sql = format!("SELECT {} FROM orchestrations WHERE id = ?1", columns.join(", "));
    let read = |row: &rusqlite::Row<'_>| -> rusqlite::Result<BTreeMap<Field, String>> {
        let mut shown = BTreeMap::new();
        for (index, field) in Field::ALL.into_iter().enumerate() {
            if let Some(text) = row.get(index)? {
                shown.insert(field, text);
            }
        }
        Ok(shown)
    };
    bench.sql().query_row(&sql, [id.to_string()], read).unwrap()
}

/// The states through which a history leads, first to last.
fn states(history: &History) -> Vec<BTreeMap<Field, String>> {
    let mut states: Vec<BTreeMap<Field, String>> = Vec::new();
    for event in &history.events {
        let (EventKind::Changed(changes) | EventKind::WentBackInTime(changes)) = &event.kind else {
            if let EventKind::Appeared(values) = &event.kind {
                states.push(values.clone());
            }
            continue;
        };
        let mut next = states.last().cloned().unwrap_or_default();
        for change in changes {
            assert_eq!(next.get(&change.field), change.old.as_ref(), "{}", change.field);
            match &change.new {
                Some(new) => next.insert(change.field, new.clone()),
                None => next.remove(&change.field),
            };
        }
        states.push(next);
    }
    states
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_orchestration_comes_back_equal_and_the_views_show_its_text(
        rows in proptest::collection::vec(orchestration(), 1..12),
        built: bool,
    ) {
        let mut rows = rows;
        rows.sort_by(|one, other| one.id.cmp(&other.id));
        rows.dedup_by(|one, other| one.id == other.id);
        runtime().block_on(async {
            let bench = Bench::new().await;
            if built {
                bench.backfill(Vec::new()).await;
            }
            bench.commit(rows.clone()).await;
            let reader = bench.reader();
            let mut all = Vec::new();
            reader.for_each(|row| all.push(row.clone())).unwrap();
            prop_assert_eq!(all.len(), rows.len());
            for row in &rows {
                let one = reader.orchestration(&row.id).unwrap().unwrap().orchestration;
                prop_assert_eq!(values(&one), values(row));
                prop_assert_eq!(&one, row);
                prop_assert!(all.contains(row));
                prop_assert_eq!(view_row(&bench, &row.id), values(row));
            }
            prop_assert_eq!(bench.findings(), [""; 0]);
            Ok(())
        })?;
    }

    #[test]
    fn the_history_leads_through_every_state_that_was_committed(
        states_in in proptest::collection::vec(orchestration(), 1..12),
        zeros in 0_usize..3,
        built: bool,
    ) {
        runtime().block_on(async {
            let bench = Bench::new().await;
            if built {
                bench.backfill(Vec::new()).await;
            }
            let first = &states_in[0];
            let mut expected: Vec<BTreeMap<Field, String>> = Vec::new();
            for state in &states_in {
                // Without an index on ids, another `created_at` is another row until both are merged.
                let state = Orchestration {
                    id: first.id.clone(),
                    created_at: if built { state.created_at } else { first.created_at },
                    updated_at: None,
                    ..state.clone()
                };
                bench.commit(vec![state.clone()]).await;
                bench.commit(vec![respelled(&state, zeros)]).await;
                if expected.last() != Some(&values(&state)) {
                    expected.push(values(&state));
                }
            }
            let history = bench.reader().history(&first.id).unwrap().unwrap();
            let told = states(&history);
            prop_assert_eq!(told.len(), expected.len());
            for (told, expected) in told.iter().zip(&expected) {
                for field in Field::ALL {
                    let (told, expected) = (told.get(&field), expected.get(&field));
                    prop_assert!(same(field, told, expected), "{}: {:?} {:?}", field, told, expected);
                }
            }
            prop_assert_eq!(bench.findings(), [""; 0]);
            Ok(())
        })?;
    }
}

/// Whether both texts of a field mean the same: a state is kept in the spelling in which a value was
/// first seen.
fn same(field: Field, one: Option<&String>, other: Option<&String>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return one == other };
    let with = |text: &str| crate::strategies::with_field(&row(0), field, Some(text));
    match (with(one), with(other)) {
        (Some(one), Some(other)) => match (one.value(field), other.value(field)) {
            (Some(one), Some(other)) => one.means_the_same(&other),
            _ => false,
        },
        // A field of an end that `row` has none of: those are equal to the same text only.
        _ => one == other,
    }
}

#[tokio::test]
async fn ids_that_are_no_uuids_are_shown_as_they_came() {
    let bench = Bench::new().await;
    let ids =
        ["orch_123abc", "0B7D2F0E-6A53-4C58-9D3F-2D1C50F6B001", "42", "0b7d2f0e-6a53-4c58-9d3f-2d1c50f6b001"];
    let rows = ids.map(|id| Orchestration {
        id: Identifier::new(id),
        ref_id: Some(Identifier::new(id)),
        destination: Some(Endpoint::Crypto {
            address: None,
            network: None,
            address_id: Some(Identifier::new(id)),
        }),
        ..row(1)
    });
    bench.backfill(rows.to_vec()).await;
    for id in ids {
        assert_eq!(bench.reader().ids_by_ref_id(&Identifier::new(id)).unwrap(), [Identifier::new(id)]);
        let sql = format!(
            "SELECT count(*) FROM orchestrations WHERE id = '{id}' AND ref_id = '{id}'
             AND destination_crypto_address_id = '{id}'"
        );
        assert_eq!(bench.count(&sql), 1, "{id}");
    }
}

#[tokio::test]
async fn nothing_is_told_of_what_was_never_seen() {
    let bench = Bench::new().await;
    bench.commit(vec![row(1)]).await;
    let reader = bench.reader();
    assert!(reader.history(&row(2).id).unwrap().is_none());
    assert!(reader.orchestration(&row(2).id).unwrap().is_none());
    assert!(reader.unreadable(&row(2).id).unwrap().is_none());
    assert!(reader.listed_under(&row(2).id).unwrap().is_empty());
}
