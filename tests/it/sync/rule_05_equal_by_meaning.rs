//! Rule 5, equal by meaning: every documented shape of a row lands in the ledger and comes back whole, and
//! another spelling of the same thing is no change.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tallyd::clock::Clock as _;
use tallyd::ledger::Reader;
use tallyd::model::{Identifier, Lane};
use tallyd::paxos::{Got, Row};
use tallyd::sim::{Endpoint, GetShape, ListField};

use crate::harness::{Rig, Setup, id_of, ledger_rows, meaning, texts_of};

const CUSTOMER: &str = "0b7e5c31-46d8-4f0a-93c2-7a1f0d5e8b64";

/// Another spelling of a row that means the same.
type Respell<'a> = &'a dyn Fn(&mut Map<String, Value>);

/// The least that a row of the rig's profile has, with more fields over it.
#[expect(clippy::needless_pass_by_value, reason = "callers write the fields where they call")]
fn row(rig: &Rig, id: &str, more: Value) -> Value {
    let created_at = rig.clock.now().minus(Duration::from_secs(30)).to_rfc3339();
    let mut row = json!({
        "id": id,
        "profile_id": rig.profile(0).id.to_string(),
        "customer_id": CUSTOMER,
        "status": "PROCESSING",
        "created_at": created_at,
    });
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}

/// Rows in the shape of every sample that the documents show, written afresh.
fn samples(rig: &Rig) -> Vec<Value> {
    let profile = rig.profile(0).id.to_string();
    let mut samples = vec![
        // Create and Get in the older documents: every field, both legs, all three ends spelt out.
        row(
            rig,
            "4f6d2f0e-0a55-4b7e-8c1d-92e3b6a7c810",
            json!({
                "identity_id": "c2a4b8de-1f37-4e0b-b6a9-5d8e7f6c0a12",
                "account_id": "9d3f5b70-6c1e-4a82-8f4b-0e2d7c9a1b35",
                "ref_id": "payout/2026-03/000417",
                "source_asset": "USDP", "destination_asset": "USD", "source_amount": "2500.75",
                "source_transfer": { "transfer_id": "6e8a1c3b-5d7f-4921-a0b4-c6d8e2f01357", "status": "COMPLETED" },
                "destination_transfer": { "transfer_id": "", "status": "PENDING" },
                "fail_reason": { "detail": "" },
                "source": { "profile": { "profile_id": profile } },
                "destination": { "fiat": { "bank_account_id": "b5d7f913-2468-4ace-8135-79bdf0246813", "memo": "Invoice 8841" } },
                "orchestration_rule_id": "",
                "updated_at": "2026-03-02T09:29:41.000200Z",
                "metadata": {},
            }),
        ),
        // Get in the newer document: no legs, a sparse crypto end, metadata.
        row(
            rig,
            "a90c41d7-72be-4d35-9e68-1b04f5c2837d",
            json!({
                "ref_id": "mint-0093", "source_asset": "USDC", "destination_asset": "USDG", "source_amount": "100",
                "source": { "profile": { "profile_id": profile } },
                "destination": { "crypto": { "address_id": "17c9e5a3-b0d2-4f68-8a4c-6e135b79d0f2" } },
                "updated_at": "2026-03-02T09:29:30.250001Z",
                "metadata": { "order": "A-77", "note": "" },
            }),
        ),
        // List in the overview: no `updated_at`, but a destination amount and when it completed.
        row(
            rig,
            "bd0f35792-68ac-4e02-8b1d-f357c9e0a246",
            json!({
                "source_asset": "USDG", "source_amount": "40", "destination_asset": "USD", "destination_amount": "39.99",
                "status": "COMPLETED", "ref_id": "redeem_usdg_usd_68ac", "completed_at": "2026-03-02T09:29:58.076853Z",
            }),
        ),
        // Triggered by a rule, out of a deposit.
        row(
            rig,
            "orch_7f3kq9",
            json!({
                "orchestration_rule_id": "e1c3a597-0b2d-4f86-9a4e-c8d0f2b46135",
                "ref_id": "rule_generated_55", "source_asset": "USD", "source_amount": "0.01", "destination_asset": "PYUSD",
                "source": { "fiat": { "deposit_instructions_id": "3a5c7e90-1b2d-4f68-a9ce-02468bdf1357", "memo": "" } },
                "destination": { "crypto": { "address": "0x52908400098527886E0F7030069857D2E4169EE7", "network": "ETHEREUM",
                    "crypto_address_id": "crypto_addr_kq71" } },
            }),
        ),
        row(
            rig,
            "0",
            json!({
                "source": { "crypto": { "address_id": "ca-5", "address": "7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV",
                    "network": "SOLANA" } },
                "source_amount": "1.000000000000000001",
            }),
        ),
        // Fields that no document knows, at every level.
        row(
            rig,
            "Ünïcode id / with ? & %",
            json!({
                "fee": { "amount": "0.5", "asset": "USD" }, "flags": [1, null, { "deep": [] }], "version": 3,
                "source_transfer": { "transfer_id": "t-1", "status": "PROCESSING", "network_fee": "0.0021" },
                "destination": { "crypto": { "address": "x", "network": "BASE", "tag": 7 } },
            }),
        ),
    ];
    for (number, status) in ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "REJECTED"].iter().enumerate() {
        let reason =
            if *status == "FAILED" { json!({ "detail": "the bank sent it back" }) } else { Value::Null };
        samples.push(row(
            rig,
            &format!("orch_status_{number}"),
            json!({ "status": status, "fail_reason": reason }),
        ));
    }
    samples
}

/// A rig whose world holds nothing but what a test puts in.
async fn empty_rig() -> Rig {
    Rig::start(Setup::of(0).profiles(1)).await
}

/// The ledger's journal of changes, but for what appeared.
fn changes(rig: &Rig) -> Vec<String> {
    texts_of(
        &rig.path(),
        "SELECT kind, orchestration_id, old_values FROM journal WHERE kind <> 'appeared' ORDER BY seq",
    )
}

/// Catches: a field, a spelling or a name of the list that the client does not take or the ledger loses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_05_every_documented_shape_lands_in_the_ledger_and_comes_back_whole() {
    for (field, shape) in [
        (ListField::Both, GetShape::Bare),
        (ListField::Items, GetShape::Wrapped),
        (ListField::Orchestrations, GetShape::Wrapped),
    ] {
        let mut setup = Setup::of(0).profiles(1);
        setup.sim.api.list_field = field;
        setup.sim.api.get_shape = shape;
        let rig = Rig::start(setup).await;
        let samples = samples(&rig);
        for sample in &samples {
            rig.control.insert(sample.clone());
        }
        let outcome = rig.poll_completely().await;
        assert_eq!(outcome.profiles[0].counts.appeared, samples.len() as u64);
        assert_eq!(outcome.profiles[0].counts.unreadable, 0);
        rig.assert_ledger_equals_truth();
        for sample in &samples {
            let id = Identifier::new(&id_of(sample));
            let Got::Found(got) = rig.client.get(Lane::Refresh, &id).await.unwrap() else { panic!("{id}") };
            let Row::Readable(got) = *got else { panic!("{got:?}") };
            assert_eq!(
                ledger_rows(&rig.path())[&id.to_string()],
                meaning(&tallyd::display::orchestration::of(&got.orchestration))
            );
        }
        rig.poll_completely().await;
        assert_eq!(changes(&rig), Vec::<String>::new());
        rig.end().await;
    }
}

/// Catches: a comparison of texts where meaning counts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_05_another_spelling_is_no_change() {
    let rig = empty_rig().await;
    let first = row(
        &rig,
        "respelt",
        json!({
            "source_amount": "100", "destination_amount": "1.50", "updated_at": "2026-03-02T09:29:40.5Z",
            "destination": { "crypto": { "crypto_address_id": "ca-9", "network": "SOLANA" } },
            "metadata": { "b": "2", "a": "1" }, "extra": { "x": 1, "y": 2 },
        }),
    );
    rig.control.insert(first);
    rig.poll_completely().await;
    let respell =
        |change: &dyn Fn(&mut Map<String, Value>)| rig.control.alter("respelt", |row| change(row)).unwrap();
    let spellings: [Respell; 7] = [
        &|row| drop(row.insert("source_amount".to_owned(), json!("100.00"))),
        &|row| drop(row.insert("destination_amount".to_owned(), json!("001.5000"))),
        &|row| drop(row.insert("updated_at".to_owned(), json!("2026-03-02T10:29:40.500000+01:00"))),
        &|row| {
            let end = json!({ "crypto": { "network": "SOLANA", "address_id": "ca-9", "address": "" }, "fiat": null });
            row.insert("destination".to_owned(), end);
        },
        &|row| drop(row.insert("metadata".to_owned(), json!({ "a": "1", "b": "2" }))),
        &|row| drop(row.insert("extra".to_owned(), json!({ "y": 2, "x": 1 }))),
        &|row| {
            for (name, nothing) in
                [("ref_id", json!("")), ("fail_reason", json!({})), ("source", Value::Null)]
            {
                row.insert(name.to_owned(), nothing);
            }
        },
    ];
    for spelling in spellings {
        respell(spelling);
        let outcome = rig.poll_completely().await;
        assert_eq!(outcome.profiles[0].counts.changed, 0, "{:?}", changes(&rig));
    }
    assert_eq!(changes(&rig), Vec::<String>::new());
    rig.assert_ledger_equals_truth();
    rig.end().await;
}

/// Catches: a value that is told as a change where it was filled in, or is not taken at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_05_what_was_missing_is_filled_in() {
    let rig = empty_rig().await;
    rig.control.insert(row(&rig, "sparse", json!({ "destination_amount": null })));
    rig.poll_completely().await;
    rig.control.set_field("sparse", "destination_amount", "99.5").unwrap();
    rig.control.set_field("sparse", "updated_at", rig.clock.now().to_rfc3339()).unwrap();
    assert_eq!(rig.poll_completely().await.profiles[0].counts.changed, 1);
    rig.assert_ledger_equals_truth();
    let history = Reader::open(&rig.path()).unwrap().history(&Identifier::new("sparse")).unwrap().unwrap();
    let shown = format!("{:?}", history.events[1].kind);
    assert!(shown.starts_with("Changed") && shown.contains("DestinationAmount, old: None"), "{shown}");
    rig.end().await;
}

/// Catches: an unknown status that is dropped, or taken as final.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_05_an_unknown_status_is_kept_and_open() {
    let rig = empty_rig().await;
    rig.control.insert(row(
        &rig,
        "odd",
        json!({ "status": "ON_HOLD", "source_transfer": { "status": "QUEUED" } }),
    ));
    rig.poll_completely().await;
    rig.assert_ledger_equals_truth();
    let overview = Reader::open(&rig.path()).unwrap().overview(rig.clock.now()).unwrap();
    assert_eq!(
        overview.open.iter().map(|(status, count)| (status.as_str(), *count)).collect::<Vec<_>>(),
        [("ON_HOLD", 1)]
    );
    assert_eq!(overview.profiles[0].open, 1);
    rig.end().await;
}

/// Catches: one bad row that sinks its page or disappears.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_05_an_unreadable_row_is_kept_raw_until_it_can_be_read() {
    let rig = empty_rig().await;
    rig.control.insert(row(&rig, "before", json!({})));
    rig.control.insert(row(&rig, "broken", json!({ "status": 7, "source_amount": "5" })));
    rig.control.insert(row(&rig, "lasting", json!({ "source_amount": "five" })));
    rig.control.insert(row(&rig, "zero", json!({})));
    let outcome = rig.poll_completely().await;
    assert_eq!((outcome.profiles[0].counts.unreadable, outcome.profiles[0].counts.appeared), (2, 2));
    let reader = Reader::open(&rig.path()).unwrap();
    let kept = reader.unreadable(&Identifier::new("broken")).unwrap().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&kept.raw).unwrap(), rig.control.truth_of("broken").unwrap());
    assert!(kept.problem.contains("status"), "{}", kept.problem);

    rig.control.set_field("broken", "status", "PROCESSING").unwrap();
    let outcome = rig.poll_completely().await;
    assert_eq!((outcome.profiles[0].counts.unreadable, outcome.profiles[0].counts.appeared), (1, 1));
    assert_eq!(reader.unreadable(&Identifier::new("broken")).unwrap(), None);
    assert_eq!(ledger_rows(&rig.path())["broken"], meaning(&rig.control.truth_of("broken").unwrap()));
    let kinds =
        texts_of(&rig.path(), "SELECT kind FROM journal WHERE orchestration_id = 'broken' ORDER BY seq");
    assert_eq!(kinds, ["unreadable", "readable_again", "appeared"]);
    assert_eq!(rig.control.count(Endpoint::Get), 0);
    rig.end().await;
}

/// Catches: a `created_at` that cannot be read and takes its page's order with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rule_05_a_row_without_a_usable_time_is_kept_raw() {
    let mut setup = Setup::of(120).profiles(1).pages_of(10);
    setup.sim.world.row_faults =
        ["created-at-garbage=10%", "status-number=10%"].map(|text| text.parse().unwrap()).to_vec();
    let rig = Rig::start(setup).await;
    let outcome = rig.poll_completely().await;
    let counts = outcome.profiles[0].counts;
    assert!(counts.unreadable > 5, "{counts:?}");
    assert_eq!(counts.unreadable + counts.appeared, 120);
    rig.end().await;
}
