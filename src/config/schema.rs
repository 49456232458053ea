//! The names of tables and keys that exist, and what was probably meant by one that does not.

use super::complaint::Complaint;
use crate::model::nearest;

/// Every table with its keys. A table within a table has the other's name in front, and is a key of it.
const TABLES: [(&str, &[&str]); 9] = [
    (
        "paxos",
        &[
            "environment",
            "api_url",
            "token_url",
            "client_id",
            "client_secret_file",
            "client_secret_env",
            "client_secret_credential",
            "requests_per_second",
            "backfill_requests_per_second",
            "request_timeout",
            "ca_file",
        ],
    ),
    ("profiles", &["id", "name"]),
    ("ledger", &["path"]),
    ("poll", &["every", "overlap", "backfill_after"]),
    ("sweeps", &["schedule", "window", "time_zone", "name"]),
    (
        "limits",
        &[
            "processing",
            "between_legs",
            "pending",
            "inconsistent_legs",
            "critical_after",
            "critical_amount",
            "possible_duplicate",
            "profile_unpolled",
            "calendar",
            "rules",
            "calendars",
        ],
    ),
    (
        "limits.rules",
        &[
            "name",
            "profile",
            "source_rail",
            "destination_rail",
            "network",
            "source_network",
            "destination_network",
            "source_asset",
            "destination_asset",
            "min_source_amount",
            "processing",
            "between_legs",
            "pending",
            "inconsistent_legs",
            "critical_after",
            "critical_amount",
            "possible_duplicate",
            "calendar",
        ],
    ),
    ("limits.calendars", &["name", "time_zone", "weekend", "days_off"]),
    ("log", &["format", "level"]),
];

/// Whether a table of this name exists at the top of the file.
pub(super) fn is_table(name: &str) -> bool {
    top_tables().any(|table| table == name)
}

/// Whether a table has this key.
pub(super) fn is_key(table: &str, key: &str) -> bool {
    keys(table).is_some_and(|keys| keys.contains(&key))
}

/// Whether some table has a key of this name.
pub(super) fn is_any_key(key: &str) -> bool {
    TABLES.iter().any(|(_, keys)| keys.contains(&key))
}

/// Whether this is probably a key with a typing error in it.
pub(super) fn resembles_a_key(name: &str) -> bool {
    nearest(name, TABLES.iter().flat_map(|(_, keys)| keys.iter().copied())).is_some()
}

/// A name that does not exist: what to say of it, and what was probably meant.
#[derive(Debug)]
pub(super) struct Unknown {
    pub(super) complaint: Complaint,
    /// The key of the same table, or the table, that it is probably a wrong spelling of.
    pub(super) meant: Option<&'static str>,
}

/// Whether this is a table, or probably one with a typing error in it.
pub(super) fn resembles_a_table(name: &str) -> bool {
    nearest(name, TABLES.iter().map(|(table, _)| *table)).is_some()
}

/// What to say of a key that a table does not have.
pub(super) fn unknown_key(table: &str, key: &str) -> Unknown {
    let known = keys(table).unwrap_or_default();
    let (meant, help) = if key == "client_secret" && known.contains(&"client_secret_file") {
        let help = "the secret itself does not belong in this file: put it into a file of its own and name \
                    that with `client_secret_file`";
        (Some("client_secret_file"), help.to_owned())
    } else if let Some(home) = table_of(key) {
        (None, format!("`{key}` belongs in {}", header(home)))
    } else if is_table(key) {
        (None, format!("`{key}` belongs in front of the first table"))
    } else if let Some(meant) = nearest(key, known.iter().copied()) {
        (Some(meant), format!("did you mean `{meant}`?"))
    } else {
        (None, format!("{} has: {}", header(table), known.join(", ")))
    };
    Unknown { complaint: Complaint::new("unknown key").help(help), meant }
}

/// What to say of something at the top of the file that is no table of ours.
pub(super) fn unknown_table(name: &str) -> Unknown {
    let (meant, help) = if let Some(home) = table_of(name) {
        (None, format!("`{name}` belongs in {}", header(home)))
    } else if let Some(meant) = nearest(name, top_tables()) {
        (Some(meant), format!("did you mean {}?", header(meant)))
    } else {
        (None, format!("there are: {}", top_tables().map(header).collect::<Vec<_>>().join(", ")))
    };
    Unknown { complaint: Complaint::new("unknown table").help(help), meant }
}

/// How a table's header is written.
pub(super) fn header(table: &str) -> String {
    match table {
        "profiles" | "sweeps" | "limits.rules" | "limits.calendars" => format!("[[{table}]]"),
        _ => format!("[{table}]"),
    }
}

fn top_tables() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|(table, _)| *table).filter(|table| !table.contains('.'))
}

fn keys(table: &str) -> Option<&'static [&'static str]> {
    TABLES.iter().find(|(name, _)| *name == table).map(|(_, keys)| *keys)
}

fn table_of(key: &str) -> Option<&'static str> {
    TABLES.iter().find(|(_, keys)| keys.contains(&key)).map(|(name, _)| *name)
}
