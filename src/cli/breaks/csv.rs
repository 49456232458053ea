//! A list of breaks as CSV (RFC 4180), for spreadsheets.

use csv::{Terminator, WriterBuilder};

use crate::cli::failure::Failure;
use crate::cli::terminal::plain;
use crate::display::words;
use crate::ledger::BreakState;
use crate::model::{Audience, BreakRecord, Certainty, Mute, Resolution, Route, Timestamp};

const HEADINGS: [&str; 27] = [
    "number",
    "kind",
    "severity",
    "state",
    "history",
    "subject",
    "profile_id",
    "profile_name",
    "episode",
    "opened_at",
    "since",
    "since_is_at_latest",
    "ref_id",
    "status",
    "route",
    "source_amount",
    "source_asset",
    "destination_amount",
    "destination_asset",
    "evidence",
    "acknowledged_at",
    "acknowledged_by",
    "acknowledged_why",
    "acknowledged_until",
    "resolved_at",
    "resolved_by",
    "resolved_why",
];

/// The breaks as CSV, with a line of headings.
pub(super) fn of(records: &[BreakRecord]) -> Result<String, Failure> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(HEADINGS).map_err(anyhow::Error::from)?;
    for record in records {
        writer.write_record(cells(record).iter().map(|cell| safe(cell))).map_err(anyhow::Error::from)?;
    }
    let bytes = writer.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(String::from_utf8(bytes).map_err(anyhow::Error::from)?)
}

/// A cell that no spreadsheet takes for a formula and no terminal obeys: whoever pays can write a `ref_id`.
fn safe(cell: &str) -> String {
    let quote = if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("{quote}{}", plain(cell))
}

fn cells(record: &BreakRecord) -> [String; 27] {
    let standing = &record.standing;
    let since = words::since(record);
    let row = record.orchestration.as_ref();
    let profile = record.profile.as_ref();
    let acknowledged = match &standing.mute {
        Mute::Off => None,
        Mute::On(by) => Some(by),
    };
    let (by, why) = match record.resolved.as_ref().map(|resolved| &resolved.why) {
        None => (String::new(), String::new()),
        Some(Resolution::Person { by, why }) => (by.clone(), why.clone()),
        Some(other) => (String::new(), other.to_string()),
    };
    let time = |time: Option<Timestamp>| time.map(Timestamp::to_rfc3339).unwrap_or_default();
    let evidence: Vec<_> =
        words::evidence(&standing.evidence).iter().map(|(name, value)| format!("{name}: {value}")).collect();
    [
        standing.number.to_string(),
        standing.kind.to_string(),
        standing.severity.to_string(),
        BreakState::of(record).as_str().to_owned(),
        (standing.audience == Audience::Nobody).to_string(),
        words::subject(record),
        profile.map(|profile| profile.id.to_string()).unwrap_or_default(),
        profile.and_then(|profile| profile.name.clone()).unwrap_or_default(),
        standing.episode.to_string(),
        standing.opened_at.to_rfc3339(),
        since.at.to_rfc3339(),
        (since.certainty == Certainty::AtLatest).to_string(),
        row.and_then(|row| row.ref_id.as_ref()).map(ToString::to_string).unwrap_or_default(),
        row.map(|row| row.status.to_string()).unwrap_or_default(),
        row.map(|row| Route::of(row).to_string()).unwrap_or_default(),
        row.and_then(|row| row.source_amount.as_ref()).map(ToString::to_string).unwrap_or_default(),
        row.and_then(|row| row.source_asset.as_deref()).unwrap_or_default().to_owned(),
        row.and_then(|row| row.destination_amount.as_ref()).map(ToString::to_string).unwrap_or_default(),
        row.and_then(|row| row.destination_asset.as_deref()).unwrap_or_default().to_owned(),
        evidence.join("; "),
        time(acknowledged.map(|by| by.at)),
        acknowledged.map(|by| by.by.clone()).unwrap_or_default(),
        acknowledged.map(|by| by.why.clone()).unwrap_or_default(),
        time(acknowledged.and_then(|by| by.until)),
        time(record.resolved.as_ref().map(|resolved| resolved.at)),
        by,
        why,
    ]
}
