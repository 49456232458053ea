//! Comparing a ledger with the simulator's truth, by meaning.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use bigdecimal::BigDecimal;
use chrono::DateTime;
use rusqlite::Connection;
use serde_json::{Map, Value};
use tallyd::display::orchestration as document;
use tallyd::ledger::Reader;
use tallyd::model::{Field, Timestamp};

/// What a row means, whatever its spelling: nothing for null, `""` and `{}`, decimals for amounts, instants
/// for times, and one name for the address that has two.
pub(crate) fn meaning(row: &Value) -> Value {
    match row {
        Value::Object(fields) => {
            let mut kept = Map::new();
            for (key, value) in fields {
                let value = meaning_of_field(key, value);
                let says_nothing = value.is_null() || value == "" || value == Value::Object(Map::new());
                if !says_nothing {
                    let name = if key == "crypto_address_id" { "address_id" } else { key };
                    kept.insert(name.to_owned(), value);
                }
            }
            Value::Object(kept)
        }
        other => other.clone(),
    }
}

fn meaning_of_field(key: &str, value: &Value) -> Value {
    match (key, value) {
        // The caller's own data: an empty text in it is a value.
        ("metadata", value) => value.clone(),
        ("source_amount" | "destination_amount", Value::String(text)) => {
            Value::from(BigDecimal::from_str(text).unwrap().normalized().to_plain_string())
        }
        ("created_at" | "updated_at" | "completed_at", Value::String(text)) if !text.is_empty() => {
            Value::from(DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros())
        }
        (_, value) => meaning(value),
    }
}

/// Every orchestration of the ledger by id, in the API's shape.
pub(crate) fn ledger_rows(path: &Path) -> BTreeMap<String, Value> {
    rows_read_by(&Reader::open(path).unwrap())
}

/// The same through a reader that is open.
pub(crate) fn rows_read_by(reader: &Reader) -> BTreeMap<String, Value> {
    let mut rows = BTreeMap::new();
    reader
        .for_each(|row| {
            let before = rows.insert(row.id.to_string(), meaning(&document::of(row)));
            assert_eq!(before, None, "{} is in the ledger twice", row.id);
        })
        .unwrap();
    rows
}

/// Every orchestration of the public view `orchestrations` by id, nested again as the API has it. What has
/// no column of its own is left out.
pub(crate) fn rows_of_view(path: &Path) -> BTreeMap<String, Value> {
    let connection = Connection::open(path).unwrap();
    let mut statement = connection.prepare("SELECT * FROM orchestrations").unwrap();
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let rows = statement
        .query_map([], |row| {
            let mut document = Value::Object(Map::new());
            for (index, column) in columns.iter().enumerate() {
                if let (Some(pointer), Some(text)) =
                    (pointer_of(column), row.get::<_, Option<String>>(index)?)
                {
                    let value = match column.as_str() {
                        "metadata" => serde_json::from_str(&text).unwrap(),
                        _ => Value::from(text),
                    };
                    put(&mut document, &pointer, value);
                }
            }
            Ok((row.get::<_, String>("id")?, meaning(&document)))
        })
        .unwrap();
    let mut found = BTreeMap::new();
    for row in rows {
        let (id, document) = row.unwrap();
        assert_eq!(found.insert(id.clone(), document), None, "{id} is in the view twice");
    }
    found
}

/// What a row has of the documented fields: those that are columns of the view.
pub(crate) fn documented(row: &Value) -> Value {
    let mut kept = Value::Object(Map::new());
    put(&mut kept, "id", row["id"].clone());
    for field in Field::ALL {
        let pointer = field.path().replace('.', "/");
        if let Some(value) = row.pointer(&format!("/{pointer}")) {
            put(&mut kept, &pointer, value.clone());
        }
    }
    kept
}

/// Where in the API's JSON the value of a column stands.
fn pointer_of(column: &str) -> Option<String> {
    let own =
        ["source_rail", "destination_rail", "other_fields", "status_since", "listed_by", "missing_since"];
    if own.contains(&column) {
        return None;
    }
    for side in ["source", "destination"] {
        let Some(rest) = column.strip_prefix(side).and_then(|rest| rest.strip_prefix('_')) else { continue };
        match rest {
            "transfer_id" | "transfer_status" => {
                let field = if rest == "transfer_id" { "transfer_id" } else { "status" };
                return Some(format!("{side}_transfer/{field}"));
            }
            "profile_id" => return Some(format!("{side}/profile/profile_id")),
            _ => {}
        }
        for rail in ["crypto", "fiat"] {
            if let Some(field) = rest.strip_prefix(rail).and_then(|field| field.strip_prefix('_')) {
                return Some(format!("{side}/{rail}/{field}"));
            }
        }
    }
    Some(if column == "fail_reason" { "fail_reason/detail".to_owned() } else { column.to_owned() })
}

fn put(document: &mut Value, pointer: &str, value: Value) {
    let place = pointer.split('/').fold(document, |place, name| {
        if place.is_null() {
            *place = Value::Object(Map::new());
        }
        place.as_object_mut().unwrap().entry(name).or_insert(Value::Null)
    });
    *place = value;
}

/// The id of a row.
pub(crate) fn id_of(row: &Value) -> String {
    row["id"].as_str().unwrap().to_owned()
}

/// The ids of rows, in order.
pub(crate) fn ids_of<'a>(rows: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    let mut ids: Vec<_> = rows.into_iter().map(id_of).collect();
    ids.sort_unstable();
    ids
}

/// The `created_at` of rows, as they come.
pub(crate) fn times_of(rows: &[Value]) -> Vec<Timestamp> {
    rows.iter().map(|row| Timestamp::parse_rfc3339(row["created_at"].as_str().unwrap()).unwrap()).collect()
}
