//! A seeded orchestration written as JSON text.
//!
//! Straight into the answer's buffer, without a tree between: a page of a thousand rows must cost
//! little more than its bytes. Only texts that are known to need no escaping come here.

use chrono::{DateTime, Datelike, Timelike, Utc};
use uuid::Uuid;

use super::details::{self, Details, Metadata, Style};
use super::life::{Course, Leg, Status, Step};
use super::plan::{ASSETS, NETWORKS, Plan, Quirk};
use super::row::{EMPTY_BUFFER, Position};

/// Whether the trouble with the way a row is sent shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As the row is.
    Honest,
    /// As it goes over the wire.
    Wire,
}

/// What all rows share.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) seed: u64,
    pub(super) customer: u128,
    /// Profile ids, already escaped for JSON.
    pub(super) profile_ids: Vec<String>,
}

/// Writes a seeded row as it is at `time`.
pub(super) fn write_seeded(
    out: &mut Vec<u8>,
    scene: &Scene,
    plan: &Plan,
    place: &Position,
    time: i64,
    spelling: Spelling,
) {
    let details = Details::of(scene.seed, plan);
    let quirk = match (spelling, plan.quirk) {
        (_, Quirk::ExtraFields) => Quirk::ExtraFields,
        (Spelling::Honest, _) => Quirk::None,
        (Spelling::Wire, quirk) => quirk,
    };
    let step = plan.life.at(time);
    let amount = match plan.amount_changes_at {
        Some(at) if at <= time => details.amount.changed(),
        _ => details.amount,
    };
    out.push(b'{');
    if quirk != Quirk::WithoutId {
        text(out, "id", place.id.text(&mut { EMPTY_BUFFER }));
    }
    text(out, "profile_id", profile(scene, plan.owner));
    identities(out, scene, &details);
    text(out, "ref_id", &details::ref_id(scene.seed, plan));
    text(out, "source_asset", ASSETS[usize::from(plan.source_asset)]);
    text(out, "destination_asset", ASSETS[usize::from(plan.destination_asset)]);
    text(out, "source_amount", &amount.text());
    if details.style == Style::Samples {
        text(out, "destination_amount", &amount.other_text());
    }
    if details.style != Style::WithoutLegs {
        leg(out, "source_transfer", details.source_transfer, step.source);
        leg(out, "destination_transfer", details.destination_transfer, step.destination);
    }
    if quirk == Quirk::StatusNumber {
        raw(out, "status", "7");
    } else {
        text(out, "status", step.status.word());
    }
    if step.status == Status::Failed {
        name(out, "fail_reason");
        out.push(b'{');
        text(out, "detail", details.fail_reason);
        out.push(b'}');
    }
    source(out, scene, plan, &details);
    destination(out, scene, plan, &details);
    match plan.rule {
        Some(rule) => uuid(out, "orchestration_rule_id", details::rule_id(scene.seed, plan.owner, rule)),
        // Documented as "can be empty" for ad-hoc ones; some answers leave it out.
        None if details.order_number.is_multiple_of(2) => text(out, "orchestration_rule_id", ""),
        None => {}
    }
    times(out, place.created, step, &details, quirk);
    metadata(out, &details);
    if quirk == Quirk::ExtraFields {
        raw(out, "priority", "\"EXPEDITED\"");
        raw(out, "quote", "{\"spread\":\"0.0002\",\"locked\":true,\"steps\":[1,2.50,null]}");
    }
    out.push(b'}');
}

fn profile(scene: &Scene, number: u16) -> &str {
    scene.profile_ids.get(usize::from(number)).map_or("", String::as_str)
}

fn identities(out: &mut Vec<u8>, scene: &Scene, details: &Details) {
    if let Some(identity) = details.identity {
        uuid(out, "identity_id", identity);
    }
    if let Some(account) = details.account {
        uuid(out, "account_id", account);
    }
    if details.customer {
        uuid(out, "customer_id", scene.customer);
    }
}

fn times(out: &mut Vec<u8>, created: i64, step: Step, details: &Details, quirk: Quirk) {
    if quirk == Quirk::CreatedAtGarbage {
        text(out, "created_at", "0000-00-00");
    } else {
        time(out, "created_at", created);
    }
    if details.style != Style::WithoutUpdatedAt {
        time(out, "updated_at", step.at);
    }
    if details.style == Style::Samples && step.status == Status::Completed {
        time(out, "completed_at", step.at);
    }
}

fn leg(out: &mut Vec<u8>, field: &str, transfer: u128, status: Leg) {
    name(out, field);
    out.push(b'{');
    // "Planned, no id yet".
    if status != Leg::Pending {
        uuid(out, "transfer_id", transfer);
    }
    text(out, "status", status.word());
    out.push(b'}');
}

fn source(out: &mut Vec<u8>, scene: &Scene, plan: &Plan, details: &Details) {
    name(out, "source");
    match plan.course {
        Course::ProfileToProfile | Course::ProfileToCrypto | Course::ProfileToFiat => {
            profile_end(out, profile(scene, plan.owner));
        }
        Course::CryptoToProfile => crypto_end(out, plan, details),
        Course::FiatToProfile => {
            out.extend_from_slice(b"{\"fiat\":{");
            uuid(out, "deposit_instructions_id", details.outside);
            text(out, "memo", details.memo);
            out.extend_from_slice(b"}}");
        }
    }
}

fn destination(out: &mut Vec<u8>, scene: &Scene, plan: &Plan, details: &Details) {
    name(out, "destination");
    match plan.course {
        Course::ProfileToProfile | Course::CryptoToProfile | Course::FiatToProfile => {
            profile_end(out, profile(scene, plan.other.unwrap_or(plan.owner)));
        }
        Course::ProfileToCrypto => crypto_end(out, plan, details),
        Course::ProfileToFiat => {
            out.extend_from_slice(b"{\"fiat\":{");
            uuid(out, "bank_account_id", details.outside);
            text(out, "memo", details.memo);
            out.extend_from_slice(b"}}");
        }
    }
}

fn profile_end(out: &mut Vec<u8>, id: &str) {
    out.extend_from_slice(b"{\"profile\":{");
    text(out, "profile_id", id);
    out.extend_from_slice(b"}}");
}

fn crypto_end(out: &mut Vec<u8>, plan: &Plan, details: &Details) {
    out.extend_from_slice(b"{\"crypto\":{");
    let field = if details.style == Style::OlderAddress { "crypto_address_id" } else { "address_id" };
    uuid(out, field, details.outside);
    if details.style != Style::OlderAddress {
        let (left, right) = details.outside_text;
        let network = NETWORKS[usize::from(plan.network)];
        // Not checked by anybody here: they only have to look like addresses.
        let address = match network {
            "SOLANA" => format!("S{left:x}{:012}", right % 1_000_000_000_000),
            "STELLAR" => format!("G{left:X}{:023X}", right >> 36),
            _ => format!("0x{left:032x}{:08x}", right >> 96),
        };
        text(out, "address", &address);
        text(out, "network", network);
    }
    out.extend_from_slice(b"}}");
}

fn metadata(out: &mut Vec<u8>, details: &Details) {
    if details.metadata == Metadata::Missing {
        return;
    }
    name(out, "metadata");
    out.push(b'{');
    if matches!(details.metadata, Metadata::One | Metadata::Several) {
        text(out, "order", &format!("SO-{}", details.order_number));
    }
    if details.metadata == Metadata::Several {
        text(out, "desk", "settlements \\u00b7 east");
        text(out, "requested_by", "batch \\\"evening\\\"");
    }
    out.push(b'}');
}

fn name(out: &mut Vec<u8>, field: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(field.as_bytes());
    out.extend_from_slice(b"\":");
}

fn raw(out: &mut Vec<u8>, field: &str, json: &str) {
    name(out, field);
    out.extend_from_slice(json.as_bytes());
}

fn text(out: &mut Vec<u8>, field: &str, value: &str) {
    name(out, field);
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

fn uuid(out: &mut Vec<u8>, field: &str, value: u128) {
    text(out, field, Uuid::from_u128(value).hyphenated().encode_lower(&mut { EMPTY_BUFFER }));
}

fn time(out: &mut Vec<u8>, field: &str, micros: i64) {
    name(out, field);
    out.push(b'"');
    push_time(out, micros);
    out.push(b'"');
}

/// RFC 3339 in UTC with six decimals, without the general formatter.
fn push_time(out: &mut Vec<u8>, micros: i64) {
    let Some(time) = DateTime::<Utc>::from_timestamp_micros(micros) else { return };
    let mut digits = *b"0000-00-00T00:00:00.000000Z";
    let year = u32::try_from(time.year()).unwrap_or(0);
    let parts = [
        (0, 4, year),
        (5, 2, time.month()),
        (8, 2, time.day()),
        (11, 2, time.hour()),
        (14, 2, time.minute()),
        (17, 2, time.second()),
        (20, 6, time.nanosecond() / 1000),
    ];
    for (from, count, number) in parts {
        let mut rest = number;
        for digit in digits[from..from + count].iter_mut().rev() {
            *digit = b"0123456789"[(rest % 10) as usize];
            rest /= 10;
        }
    }
    out.extend_from_slice(&digits);
}

/// As [`push_time`], for a tree.
pub(super) fn time_text(micros: i64) -> String {
    let mut out = Vec::new();
    push_time(&mut out, micros);
    String::from_utf8(out).unwrap_or_default()
}
