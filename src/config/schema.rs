//! The names of tables and keys that exist, and what was probably meant by one that does not.

use super::complaint::Complaint;
use crate::model::nearest;

/// Every table with its keys. A table within a table has the other's name in front, and is a key of it.
const TABLES: &[(&str, &[&str])] = &[
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
            "look_up_transfers",
            "ca_file",
        ],
    ),
    (
        "profiles",
        &[
            "id",
            "name",
            "heartbeat_url",
            "heartbeat_url_file",
            "heartbeat_url_env",
            "heartbeat_url_credential",
        ],
    ),
    ("ledger", &["path"]),
    ("poll", &["every", "overlap", "backfill_after"]),
    ("sweeps", &["schedule", "window", "time_zone", "name"]),
    (
        "reports",
        &[
            "name",
            "schedule",
            "period",
            "time_zone",
            "settle",
            "forms",
            "profiles",
            "directory",
            "keep",
            "sinks",
        ],
    ),
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
    ("alerts", &["runbook_url", "history", "heartbeat", "sinks"]),
    ("alerts.heartbeat", &["url", "url_file", "url_env", "url_credential"]),
    (
        "alerts.sinks",
        &[
            "name",
            "type",
            "min_severity",
            "kinds",
            "profiles",
            "resolved",
            "repeat",
            "burst",
            "give_up_after",
            "timeout",
            "ca_file",
            "url",
            "url_file",
            "url_env",
            "url_credential",
            "secret_file",
            "secret_env",
            "secret_credential",
            "urls",
            "token_file",
            "token_env",
            "token_credential",
            "user",
            "password_file",
            "password_env",
            "password_credential",
            "routing_key_file",
            "routing_key_env",
            "routing_key_credential",
            "host",
            "port",
            "tls",
            "from",
            "to",
        ],
    ),
    (
        "server",
        &[
            "listen",
            "token_file",
            "token_env",
            "token_credential",
            "metrics_token_file",
            "metrics_token_env",
            "metrics_token_credential",
        ],
    ),
    ("log", &["format", "level"]),
];

/// Whether a table of this name exists at the top of the file.
pub(super) fn is_table(name: &str) -> bool {
    top_tables().any(|table| table == name)
}

/// Whether what stands behind a key may be a secret, put there by mistake or because it belongs there.
pub(super) fn may_hold_a_secret(key: &str) -> bool {
    let names_a_source = ["_file", "_env", "_credential"].iter().any(|end| key.ends_with(end));
    (names_a_source && key != "ca_file")
        || matches!(key, "url" | "heartbeat_url")
        || key.starts_with("client_secret")
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
    let in_a_file = known.iter().find(|known| known.strip_suffix("_file") == Some(key));
    let (meant, help) = if let Some(in_a_file) = in_a_file {
        let help = format!(
            "the secret itself does not belong in this file: put it into a file of its own and name that with \
             `{in_a_file}`"
        );
        (Some(*in_a_file), help)
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
        "profiles" | "sweeps" | "reports" | "limits.rules" | "limits.calendars" | "alerts.sinks" => {
            format!("[[{table}]]")
        }
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
