//! Get Transfer: the legs of orchestrations, each as a transfer of its own.
//!
//! What it tells follows from the leg and its rail. A leg that somebody put in by hand may bring its own
//! `secondary_status`, `crypto_network` and `crypto_tx_hash`.

use serde_json::{Map, Value, json};

use super::world::{Eyes, View, World};

/// The transfer of this id as it is at a time; `None` where no leg that is shown has it.
pub(super) fn find(world: &World, id: &str, time: i64) -> Option<Value> {
    let view = View { time, eyes: Eyes::Get };
    // The newest first: those are asked for.
    (0..world.rows.len())
        .rev()
        .filter(|row| world.may_have_transfer(*row, id) && world.shows(*row, view))
        .find_map(|row| {
            let row = world.value(row, view);
            let sides = ["source", "destination"];
            sides.into_iter().find_map(|side| {
                let leg = row.get(format!("{side}_transfer"))?;
                (leg["transfer_id"].as_str() == Some(id)).then(|| transfer(&row, leg, side))
            })
        })
}

fn transfer(row: &Value, leg: &Value, side: &str) -> Value {
    let status = leg["status"].as_str().unwrap_or_default();
    let network = row[side]["crypto"].get("network").filter(|network| network.is_string());
    let mut fields = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    for name in ["customer_id", "profile_id", "created_at", "updated_at"] {
        put(name, row.get(name).cloned());
    }
    put("id", leg.get("transfer_id").cloned());
    put("amount", row.get("source_amount").cloned());
    put("asset", row.get(format!("{side}_asset")).cloned());
    put("direction", Some(json!(if side == "source" { "CREDIT" } else { "DEBIT" })));
    // Transfers know no PROCESSING.
    put("status", Some(json!(if status == "PROCESSING" { "PENDING" } else { status })));
    put("crypto_network", network.cloned());
    let own = ["secondary_status", "crypto_network", "crypto_tx_hash"];
    for name in own {
        put(name, leg.get(name).cloned());
    }
    Value::Object(fields)
}
