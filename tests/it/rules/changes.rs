//! Changes that should not be.

use tallyd::model::{Amount, BreakKind, Endpoint, Evidence, Field, Identifier, Orchestration};

use super::{Book, in_status, minute, row, with_legs};

const NOTHING: [&str; 0] = [];

/// The fields that a break rests on, with their values.
fn fields(book: &mut Book, kind: BreakKind) -> Vec<String> {
    let Evidence::Differs { fields } = &book.of(kind).evidence else { panic!() };
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    fields.iter().map(|one| format!("{}: {} → {}", one.field, text(&one.old), text(&one.new))).collect()
}

#[test]
fn a_final_row_that_takes_another_value_is_told_with_both() {
    let completed = in_status("COMPLETED", 5);
    let amount = |text| Some(Amount::parse(text).unwrap());
    let cases = [
        (Orchestration { source_amount: amount("251"), ..completed.clone() }, "source_amount: 250.00 → 251"),
        (Orchestration { source_asset: Some("EUR".into()), ..completed.clone() }, "source_asset: USD → EUR"),
        (in_status("FAILED", 5), "status: COMPLETED → FAILED"),
        (in_status("PROCESSING", 5), "status: COMPLETED → PROCESSING"),
        (
            Orchestration {
                destination: Some(Endpoint::Profile { profile_id: Identifier::new("elsewhere") }),
                ..completed.clone()
            },
            "destination.profile.profile_id: payouts → elsewhere",
        ),
        (Orchestration { source_amount: None, ..completed.clone() }, "source_amount: 250.00 → nothing"),
    ];
    for (changed, expected) in cases {
        let mut book = Book::new();
        book.sees(6, &completed);
        let steps = book.sees(7, &changed);
        assert!(
            steps.contains(&"changed_after_final opens, critical, told".to_owned()),
            "{expected}: {steps:?}"
        );
        assert!(!steps.iter().any(|step| step.contains("illegal")), "told twice: {steps:?}");
        assert_eq!(fields(&mut book, BreakKind::ChangedAfterFinal), [expected]);
    }
}

#[test]
fn what_means_the_same_was_only_filled_in_or_is_the_callers_own_is_no_break() {
    let completed = in_status("COMPLETED", 5);
    let cases = [
        Orchestration { source_amount: Some(Amount::parse("250").unwrap()), ..completed.clone() },
        Orchestration { destination_amount: Some(Amount::parse("249").unwrap()), ..completed.clone() },
        Orchestration { completed_at: Some(minute(5)), ..completed.clone() },
        Orchestration { metadata: Some(r#"{"note":"x"}"#.into()), ..completed.clone() },
        Orchestration { remainder: Some(r#"{"new_field":1}"#.into()), ..completed.clone() },
        Orchestration { updated_at: Some(minute(9)), ..completed.clone() },
        with_legs("COMPLETED", ["COMPLETED", "COMPLETED"], 6),
    ];
    for changed in cases {
        let mut book = Book::new();
        book.sees(6, &completed);
        assert_eq!(book.sees(10, &changed), NOTHING, "{changed:?}");
    }
}

/// Catches: a row that gains an `address` where only `address_id` was, told as another destination.
#[test]
fn an_address_beside_its_id_is_no_other_destination() {
    let crypto = |address: Option<&str>| Orchestration {
        destination: Some(Endpoint::Crypto {
            address: address.map(Into::into),
            network: Some("SOLANA".into()),
            address_id: Some(Identifier::new("wallet-7")),
        }),
        ..in_status("COMPLETED", 5)
    };
    let mut book = Book::new();
    book.sees(6, &crypto(None));
    assert_eq!(book.sees(7, &crypto(Some("9vE1"))), NOTHING);
    let steps = book.sees(8, &crypto(Some("8uD0")));
    assert_eq!(steps, ["changed_after_final opens, critical, told"]);
}

#[test]
fn a_second_change_is_added_to_the_first() {
    let completed = in_status("COMPLETED", 5);
    let amount =
        |text| Orchestration { source_amount: Some(Amount::parse(text).unwrap()), ..completed.clone() };
    let mut book = Book::new();
    book.sees(6, &completed);
    book.sees(7, &amount("251"));
    let both = Orchestration { source_asset: Some("EUR".into()), ..amount("252") };
    assert_eq!(book.sees(8, &both), ["changed_after_final stands, critical"]);
    assert_eq!(
        fields(&mut book, BreakKind::ChangedAfterFinal),
        ["source_asset: USD → EUR", "source_amount: 250.00 → 252"]
    );
}

#[test]
fn polls_skip_steps_but_do_not_go_back() {
    let statuses = ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "REJECTED", "ON_HOLD"];
    let illegal = [("PROCESSING", "PENDING"), ("PROCESSING", "REJECTED")];
    for from in statuses {
        for to in statuses.into_iter().filter(|to| *to != from) {
            let mut book = Book::new();
            book.sees(1, &in_status(from, 0));
            let steps = book.sees(3, &in_status(to, 2));
            let is = |name: &str| steps.iter().any(|step| step.starts_with(name));
            let was_final = ["COMPLETED", "FAILED", "REJECTED"].contains(&from);
            assert_eq!(
                is("illegal_transition opens"),
                illegal.contains(&(from, to)),
                "{from} → {to}: {steps:?}"
            );
            assert_eq!(is("changed_after_final opens"), was_final, "{from} → {to}: {steps:?}");
        }
    }
}

#[test]
fn a_leg_that_is_over_does_not_begin_again() {
    let legs = ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "ON_HOLD"];
    for from in legs {
        for to in legs.into_iter().filter(|to| *to != from) {
            let mut book = Book::new();
            book.sees(1, &with_legs("PROCESSING", [from, ""], 0));
            let steps = book.sees(3, &with_legs("PROCESSING", [to, ""], 2));
            let is_illegal = to != "ON_HOLD"
                && match from {
                    "PENDING" | "ON_HOLD" => false,
                    "PROCESSING" => to == "PENDING",
                    _ => true,
                };
            let opened = steps.iter().any(|step| step.starts_with("illegal_transition opens"));
            assert_eq!(opened, is_illegal, "{from} → {to}: {steps:?}");
        }
    }
}

#[test]
fn what_was_set_at_the_creation_has_one_value_for_ever() {
    let cases = [
        (
            Orchestration { source_amount: Some(Amount::parse("1").unwrap()), ..row() },
            Some(Field::SourceAmount),
        ),
        (Orchestration { ref_id: Some(Identifier::new("other")), ..row() }, Some(Field::RefId)),
        (Orchestration { profile_id: Some(Identifier::new("other")), ..row() }, Some(Field::ProfileId)),
        (Orchestration { source_asset: Some("EUR".into()), ..row() }, Some(Field::SourceAsset)),
        (Orchestration { created_at: minute(-1), ..row() }, Some(Field::CreatedAt)),
        // Left out is no other value, and what is planned may change.
        (Orchestration { ref_id: None, ..row() }, None),
        (Orchestration { identity_id: Some(Identifier::new("x")), ..row() }, None),
    ];
    for (changed, expected) in cases {
        let mut book = Book::new();
        book.sees(1, &row());
        let steps = book.sees(2, &changed);
        match expected {
            None => assert_eq!(steps, NOTHING, "{changed:?}"),
            Some(field) => {
                assert_eq!(steps, ["illegal_transition opens, critical, told"], "{field}");
                let Evidence::Differs { fields } = &book.of(BreakKind::IllegalTransition).evidence else {
                    panic!()
                };
                assert_eq!(fields.iter().map(|one| one.field).collect::<Vec<_>>(), [field]);
            }
        }
    }
}
