//! Rows: each shape that the API's pages show, and each way in which one can be odd.

use tallyd::model::{Amount, Endpoint, Identifier, LegStatus, Orchestration, Status, Timestamp};
use tallyd::paxos::Row;

fn readable(raw: &str) -> Orchestration {
    match Row::parse(raw) {
        Row::Readable(row) => row.orchestration,
        other => panic!("{raw}: {other:?}"),
    }
}

/// A row with the needed fields and `more`.
fn with(more: &str) -> String {
    format!(r#"{{"id":"a1","status":"PROCESSING","created_at":"2026-03-02T10:00:00Z",{more}}}"#)
}

fn problem(raw: &str) -> String {
    match Row::parse(raw) {
        Row::Unreadable(row) => {
            assert_eq!(row.raw.as_ref(), raw.trim());
            row.problem
        }
        other => panic!("{raw}: {other:?}"),
    }
}

#[test]
fn a_row_of_the_present_schema_is_taken_whole() {
    let row = readable(
        r#"{"id": "0b7cf2a4-5a1e-4d5c-9a53-2f0f4a4f9b11", "profile_id": "5d0a4f0e-43c8-4b1c-8d4f-0e6f3f7c2a90",
        "identity_id": "8a0c1a58-7a3e-4a4b-9a2d-6b1f5d8e4c33", "account_id": "f2b0a7d4-1d0b-4b8e-a2f5-3c9b7e6d5a44",
        "customer_id": "3e6d9c8b-2a1f-4e5d-8c7b-1a2b3c4d5e66", "ref_id": "payout-2026-118",
        "source_asset": "USD", "destination_asset": "USDG", "source_amount": "2500.50",
        "source_transfer": {"transfer_id": "9f8e7d6c-5b4a-4938-a716-0f1e2d3c4b77", "status": "COMPLETED"},
        "destination_transfer": {"status": "PENDING"}, "status": "PROCESSING",
        "source": {"profile": {"profile_id": "5d0a4f0e-43c8-4b1c-8d4f-0e6f3f7c2a90"}},
        "destination": {"crypto": {"address": "7Yk3wq", "network": "SOLANA", "address_id": "6c5b4a39-2817-4605-94f3-e2d1c0bfae88"}},
        "orchestration_rule_id": "", "created_at": "2026-03-02T10:00:00.123456Z",
        "updated_at": "2026-03-02T10:00:05Z", "metadata": {"batch": "118", "by": "treasury"}}"#,
    );
    assert_eq!(row.id.to_string(), "0b7cf2a4-5a1e-4d5c-9a53-2f0f4a4f9b11");
    assert_eq!(row.ref_id, Some(Identifier::new("payout-2026-118")));
    assert_eq!(row.source_amount, Some(Amount::parse("2500.5").unwrap()));
    assert_eq!(row.status, Status::Processing);
    assert_eq!(row.source_transfer.status, Some(LegStatus::Completed));
    assert_eq!(row.destination_transfer.transfer_id, None);
    assert_eq!(row.destination_transfer.status, Some(LegStatus::Pending));
    assert!(
        matches!(row.destination, Some(Endpoint::Crypto { network: Some(ref name), .. }) if &**name == "SOLANA")
    );
    assert_eq!(row.orchestration_rule_id, None);
    assert_eq!(row.created_at, Timestamp::parse_rfc3339("2026-03-02T10:00:00.123456Z").unwrap());
    assert_eq!(row.metadata.as_deref(), Some(r#"{"batch": "118", "by": "treasury"}"#));
    assert_eq!(row.remainder, None);
}

#[test]
fn a_row_of_the_three_status_pages_is_taken() {
    let row = readable(
        r#"{"id": "orch_77ab", "ref_id": "mint-9", "source_asset": "USDC", "destination_asset": "USDG",
        "source_amount": "80", "destination_amount": "80", "status": "COMPLETED",
        "source": {"profile": {"profile_id": "prof_1"}},
        "destination": {"crypto": {"crypto_address_id": "addr_5"}},
        "created_at": "2026-02-01T09:30:00Z", "completed_at": "2026-02-01T09:31:12Z"}"#,
    );
    assert_eq!(row.id, Identifier::new("orch_77ab"));
    assert_eq!(row.destination_amount, Some(Amount::parse("80.00").unwrap()));
    assert_eq!(row.completed_at, Some(Timestamp::parse_rfc3339("2026-02-01T09:31:12Z").unwrap()));
    let address_id = Some(Identifier::new("addr_5"));
    assert_eq!(row.destination, Some(Endpoint::Crypto { address: None, network: None, address_id }));
    assert_eq!(row.remainder, None);
}

#[test]
fn every_status_is_taken_the_unknown_too() {
    for word in ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "REJECTED", "PAUSED"] {
        let raw = format!(r#"{{"id":"a1","status":"{word}","created_at":"2026-03-02T10:00:00Z"}}"#);
        assert_eq!(readable(&raw).status.as_str(), word);
    }
}

#[test]
fn a_failed_bank_movement_is_taken() {
    let row = readable(&with(
        r#""fail_reason":{"detail":"account closed"},"source":{"fiat":{"deposit_instructions_id":"di-1","memo":"M"}},
        "destination":{"fiat":{"bank_account_id":"ba-1"}}"#,
    ));
    assert_eq!(row.fail_reason.as_deref(), Some("account closed"));
    let account = |id| Some(Identifier::new(id));
    assert_eq!(row.source, Some(Endpoint::Fiat { account_id: account("di-1"), memo: Some("M".into()) }));
    assert_eq!(row.destination, Some(Endpoint::Fiat { account_id: account("ba-1"), memo: None }));
}

#[test]
fn rule_5_unknown_fields_stay_readable_in_the_order_in_which_they_came() {
    let row = readable(&with(
        r#""zeta":[1, 2.50],"source_transfer":{"fee":"1","status":"PENDING","hops":{}},"alpha":null,
        "source":{"profile":{"profile_id":"p","tier":2},"label":"x"},"fail_reason":{"code":7},"quo\"te":"\u00e9""#,
    ));
    assert_eq!(
        row.remainder.as_deref(),
        Some(
            r#"{"zeta":[1, 2.50],"source_transfer":{"fee":"1","hops":{}},"alpha":null,"source":{"profile":{"tier":2},"label":"x"},"fail_reason":{"code":7},"quo\"te":"\u00e9"}"#
        )
    );
    assert_eq!(row.source_transfer.status, Some(LegStatus::Pending));
    assert_eq!(row.source, Some(Endpoint::Profile { profile_id: Identifier::new("p") }));
}

#[test]
fn rule_5_null_empty_and_absent_are_all_missing() {
    let bare = readable(r#"{"id":"a1","status":"PROCESSING","created_at":"2026-03-02T10:00:00Z"}"#);
    for nothing in ["null", r#""""#] {
        for field in [
            "profile_id",
            "identity_id",
            "account_id",
            "customer_id",
            "ref_id",
            "source_asset",
            "destination_asset",
            "source_amount",
            "destination_amount",
            "source_transfer",
            "destination_transfer",
            "fail_reason",
            "source",
            "destination",
            "orchestration_rule_id",
            "updated_at",
            "completed_at",
            "metadata",
        ] {
            assert_eq!(readable(&with(&format!(r#""{field}":{nothing}"#))), bare, "{field}: {nothing}");
        }
    }
    for field in [
        r#""metadata":{ }"#,
        r#""source_transfer":{}"#,
        r#""fail_reason":{"detail":""}"#,
        r#""source":{}"#,
        r#""destination":{"crypto":{"address":"","network":null}}"#,
        r#""source":{"profile":null,"fiat":{}}"#,
    ] {
        assert_eq!(readable(&with(field)), bare, "{field}");
    }
}

#[test]
fn rule_5_the_older_name_of_an_address_id_is_the_same_field() {
    let crypto = |inside: &str| readable(&with(&format!(r#""destination":{{"crypto":{{{inside}}}}}"#)));
    let expected = crypto(r#""address_id":"x""#);
    assert_eq!(crypto(r#""crypto_address_id":"x""#), expected);
    assert_eq!(crypto(r#""address_id":"x","crypto_address_id":"x""#), expected);
    let both = crypto(r#""crypto_address_id":"y","address_id":"x""#);
    assert_eq!(both.destination, expected.destination);
    assert_eq!(both.remainder.as_deref(), Some(r#"{"destination":{"crypto":{"crypto_address_id":"y"}}}"#));
}

#[test]
fn rule_5_an_endpoint_of_an_unknown_kind_is_missing_and_kept() {
    let row = readable(&with(r#""destination":{"lightning":{"invoice":"ln1"}}"#));
    assert_eq!(row.destination, None);
    assert_eq!(row.remainder.as_deref(), Some(r#"{"destination":{"lightning":{"invoice":"ln1"}}}"#));
}

#[test]
fn rule_5_a_row_that_cannot_be_taken_is_kept_raw_and_its_field_named() {
    let cases = [
        (r#""source_amount":"1e5""#, r#"source_amount: "1e5" is not a decimal amount such as 100.00"#),
        (r#""source_amount":100"#, "source_amount: a number where a text belongs"),
        (r#""ref_id":{"a":1}"#, "ref_id: an object where a text belongs"),
        (r#""ref_id":"\ud800""#, "ref_id: a text with a broken escape where a text belongs"),
        (r#""source":"here""#, "source: a text where an object belongs"),
        (r#""metadata":[]"#, "metadata: a list where an object belongs"),
        (
            r#""source_transfer":{"transfer_id":5}"#,
            "source_transfer.transfer_id: a number where a text belongs",
        ),
        (
            r#""source":{"crypto":{"address":true}}"#,
            "source.crypto.address: true or false where a text belongs",
        ),
        (
            r#""source":{"fiat":{"memo":"m"},"profile":{"profile_id":"p"}}"#,
            "source.profile: a second kind of endpoint beside fiat",
        ),
        (
            r#""updated_at":"noon""#,
            r#"updated_at: "noon" is not an RFC 3339 time such as 2026-04-20T12:30:01.397730Z"#,
        ),
        (r#""status":"""#, "status: missing"),
        (r#""created_at":null"#, "created_at: missing"),
    ];
    for (field, expected) in cases {
        assert_eq!(problem(&with(field)), expected);
    }
    assert_eq!(problem(r#"{"id":"a1","created_at":"2026-03-02T10:00:00Z"}"#), "status: missing");
    assert_eq!(problem(r#"{"id":"a1","status":"FAILED"}"#), "created_at: missing");
}

#[test]
fn a_problem_is_short_whatever_the_row_holds() {
    let long = problem(&with(&format!(r#""created_at":"{}""#, "é".repeat(5000))));
    assert!(long.chars().count() < 310, "{long}");
}

#[test]
fn rule_5_a_row_without_an_id_is_not_kept_under_a_made_up_one() {
    for raw in [
        r#"{"status":"PENDING"}"#,
        r#"{"id":null}"#,
        r#"{"id":""}"#,
        r#"{"id":17}"#,
        r#"{"id":{"a":"b"}}"#,
        "[]",
        "null",
        r#""text""#,
        "5",
    ] {
        let row = Row::parse(raw);
        assert!(matches!(&row, Row::WithoutId { raw: kept, .. } if &**kept == raw), "{raw}: {row:?}");
        assert_eq!(row.id(), None);
    }
}

#[test]
fn of_a_repeated_key_the_last_one_counts() {
    let row = readable(&with(
        r#""ref_id":"first","new":1,"source_transfer":{"fee":"1"},"ref_id":"last","new":2,"source_transfer":{"status":"PENDING"}"#,
    ));
    assert_eq!(row.ref_id, Some(Identifier::new("last")));
    assert_eq!(row.remainder.as_deref(), Some(r#"{"new":2}"#));
    // The same where an object is too large to compare its keys pair by pair.
    let many: Vec<String> = (0..200).map(|number| format!(r#","k{}":{number}"#, number % 100)).collect();
    let row = readable(&with(&format!(r#""ref_id":"r"{}"#, many.concat())));
    let rest: serde_json::Value = serde_json::from_str(row.remainder.as_deref().unwrap()).unwrap();
    assert_eq!(rest.as_object().unwrap().len(), 100);
    assert_eq!(rest["k7"], 107);
}

#[test]
fn digits_past_the_microsecond_are_kept_beside_the_instant() {
    let row = readable(&with(r#""updated_at":"2026-03-02T10:00:00.123456789Z""#));
    assert_eq!(row.updated_at, Some(Timestamp::parse_rfc3339("2026-03-02T10:00:00.123456Z").unwrap()));
    assert_eq!(row.remainder.as_deref(), Some(r#"{"updated_at":"2026-03-02T10:00:00.123456789Z"}"#));
}

#[test]
fn escapes_in_keys_and_values_are_read() {
    let row =
        readable(&with(r#""ref\u005fid":"a\/b \u20ac","source_transfer":{"st\u0061tus":"F\u0041ILED"}"#));
    assert_eq!(row.ref_id, Some(Identifier::new("a/b €")));
    assert_eq!(row.source_transfer.status, Some(LegStatus::Failed));
    assert_eq!(row.remainder, None);
}
