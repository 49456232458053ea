//! What the rows of a simulated world look like: as they are created, moved on, and spelled otherwise.

use chrono::{DateTime, FixedOffset};
use serde_json::{Map, Value, json};
use tallyd::model::Timestamp;
use uuid::Uuid;

use super::op::{Spelling, State, UpdatedAt};

/// A row that was created at that time.
pub(super) fn row(
    number: u8,
    profile: &str,
    customer: &str,
    created_at: Timestamp,
    state: State,
    updated_at: UpdatedAt,
) -> Value {
    // Both kinds of ids, and among rows of one instant not in the order of their creation.
    let id = match number % 3 {
        0 => format!("orch_{number}"),
        _ => Uuid::from_u128(u128::from(number.reverse_bits()) << 120 | u128::from(number)).to_string(),
    };
    let mut row = json!({
        "id": id,
        "profile_id": profile,
        "customer_id": customer,
        "ref_id": format!("invoice {number}"),
        "source_asset": "USD",
        "destination_asset": "USDG",
        "source_amount": format!("{number}.50"),
        "source": { "profile": { "profile_id": profile } },
        "destination": { "crypto": { "address": "9xQe", "network": "SOLANA", "address_id": "a-1" } },
        "created_at": created_at.to_rfc3339(),
        "metadata": { "batch": "7" },
    });
    if let Value::Object(fields) = &mut row {
        enter(fields, state);
        if updated_at == UpdatedAt::Given {
            fields.insert("updated_at".to_owned(), created_at.to_rfc3339().into());
        }
    }
    row
}

/// Moves a row on to a state, at that time where it says when it was updated.
pub(super) fn move_on(fields: &mut Map<String, Value>, to: State, now: Timestamp) {
    enter(fields, to);
    if fields.get("updated_at").is_some_and(Value::is_string) {
        fields.insert("updated_at".to_owned(), now.to_rfc3339().into());
    }
}

/// Gives a row another amount, and nothing else.
pub(super) fn edit(fields: &mut Map<String, Value>, amount: u16) {
    fields.insert("source_amount".to_owned(), format!("{amount}.25").into());
}

/// Gives a row another `ref_id`.
pub(super) fn rename(fields: &mut Map<String, Value>, ref_id: Value) {
    fields.insert("ref_id".to_owned(), ref_id);
}

/// Lets a row go to a profile.
pub(super) fn share(fields: &mut Map<String, Value>, with: &str) {
    fields.insert("destination".to_owned(), json!({ "profile": { "profile_id": with } }));
}

fn enter(fields: &mut Map<String, Value>, state: State) {
    let (status, source, destination) = match state {
        State::Pending => ("PENDING", "PENDING", "PENDING"),
        State::Processing => ("PROCESSING", "PROCESSING", "PENDING"),
        State::BetweenLegs => ("PROCESSING", "COMPLETED", "PROCESSING"),
        State::Completed => ("COMPLETED", "COMPLETED", "COMPLETED"),
        State::Failed => ("FAILED", "COMPLETED", "FAILED"),
        State::Rejected => ("REJECTED", "PENDING", "PENDING"),
        State::HalfDone => ("COMPLETED", "COMPLETED", "PROCESSING"),
        State::LegFailed => ("PROCESSING", "FAILED", "PENDING"),
        State::Unheard => ("SETTLING", "COMPLETED", "PROCESSING"),
    };
    fields.insert("status".to_owned(), status.into());
    fields.insert("source_transfer".to_owned(), json!({ "transfer_id": "t-1", "status": source }));
    fields.insert("destination_transfer".to_owned(), json!({ "status": destination }));
}

/// Spells a row otherwise.
pub(super) fn respell(fields: &mut Map<String, Value>, how: Spelling) {
    match how {
        Spelling::LongerAmount => {
            if let Some(amount) = fields.get("source_amount").and_then(Value::as_str) {
                let longer = if amount.contains('.') { format!("{amount}0") } else { format!("{amount}.0") };
                fields.insert("source_amount".to_owned(), longer.into());
            }
        }
        Spelling::OtherZone => {
            for name in ["created_at", "updated_at"] {
                let time = fields.get(name).and_then(Value::as_str).and_then(in_other_zone);
                if let Some(time) = time {
                    fields.insert(name.to_owned(), time.into());
                }
            }
        }
        Spelling::Alias => {
            let crypto = fields.get_mut("destination").and_then(|end| end.get_mut("crypto"));
            if let Some(Value::Object(crypto)) = crypto {
                let (old, new) = if crypto.contains_key("address_id") {
                    ("address_id", "crypto_address_id")
                } else {
                    ("crypto_address_id", "address_id")
                };
                if let Some(value) = crypto.remove(old) {
                    crypto.insert(new.to_owned(), value);
                }
            }
        }
        Spelling::Nulls => {
            for (name, nothing) in [("identity_id", Value::Null), ("orchestration_rule_id", Value::from(""))]
            {
                if fields.get(name).is_none_or(Value::is_null) {
                    fields.insert(name.to_owned(), nothing);
                }
            }
        }
    }
}

fn in_other_zone(text: &str) -> Option<String> {
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.with_timezone(&FixedOffset::east_opt(19_800)?).to_rfc3339())
}
