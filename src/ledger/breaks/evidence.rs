//! Evidence as JSON text, the form in which the ledger keeps it.
//!
//! The shape is public: the `breaks` view and the journal show it. Instants are RFC 3339 text.

use serde::{Deserialize, Serialize};

use crate::model::{
    Certainty, Difference, Evidence, Field, Identifier, LegSide, LegStatus, Profile, Since, Timestamp,
};

/// Text that is not evidence.
#[derive(Debug, thiserror::Error)]
#[error("the evidence of a break cannot be read: {0}")]
pub(crate) struct InvalidEvidence(String);

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Stored {
    HeldUp { leg: Option<StoredLeg>, since: String, at_least: bool, limit: String, passed_at: String },
    Ended { at: String, reason: Option<String> },
    Differs { fields: Vec<StoredDifference> },
    Legs { source: Option<String>, destination: Option<String>, since: String, at_least: bool },
    Gone { at: String, met_again_at: Option<String> },
    ManyGone { missing: u64, of: u64 },
    SameAs { others: Vec<String> },
    UnknownStatus { status: String },
    Unreadable { problem: String },
    Unpolled { profiles: Vec<StoredProfile>, reason: String },
    NotMade { period: String, due_at: String, reason: String },
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredLeg {
    Source,
    Destination,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredDifference {
    field: String,
    old: Option<String>,
    new: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredProfile {
    id: String,
    name: Option<String>,
    since: String,
}

/// Evidence as JSON, as the `breaks` view shows it.
pub fn to_text(evidence: &Evidence) -> String {
    // These shapes have no map with keys that are not text, which is all that could fail.
    serde_json::to_string(&stored(evidence)).unwrap_or_default()
}

fn stored(evidence: &Evidence) -> Stored {
    match evidence {
        Evidence::HeldUp { leg, since, limit, passed_at } => Stored::HeldUp {
            leg: leg.map(|leg| match leg {
                LegSide::Source => StoredLeg::Source,
                LegSide::Destination => StoredLeg::Destination,
            }),
            since: since.at.to_rfc3339(),
            at_least: since.certainty == Certainty::AtLatest,
            limit: limit.clone(),
            passed_at: passed_at.to_rfc3339(),
        },
        Evidence::Ended { at, reason } => Stored::Ended { at: at.to_rfc3339(), reason: reason.clone() },
        Evidence::Differs { fields } => Stored::Differs {
            fields: fields
                .iter()
                .map(|one| StoredDifference {
                    field: one.field.path().to_owned(),
                    old: one.old.clone(),
                    new: one.new.clone(),
                })
                .collect(),
        },
        Evidence::Legs { source, destination, since } => Stored::Legs {
            source: source.as_ref().map(ToString::to_string),
            destination: destination.as_ref().map(ToString::to_string),
            since: since.at.to_rfc3339(),
            at_least: since.certainty == Certainty::AtLatest,
        },
        Evidence::Gone { at, met_again_at } => {
            Stored::Gone { at: at.to_rfc3339(), met_again_at: met_again_at.map(Timestamp::to_rfc3339) }
        }
        Evidence::ManyGone { missing, of } => Stored::ManyGone { missing: *missing, of: *of },
        Evidence::SameAs { others } => {
            Stored::SameAs { others: others.iter().map(ToString::to_string).collect() }
        }
        Evidence::UnknownStatus { status } => Stored::UnknownStatus { status: status.clone() },
        Evidence::Unreadable { problem } => Stored::Unreadable { problem: problem.clone() },
        Evidence::Unpolled { profiles, reason } => Stored::Unpolled {
            profiles: profiles
                .iter()
                .map(|(profile, since)| StoredProfile {
                    id: profile.id.to_string(),
                    name: profile.name.as_deref().map(str::to_owned),
                    since: since.to_rfc3339(),
                })
                .collect(),
            reason: reason.clone(),
        },
        Evidence::NotMade { period, due_at, reason } => {
            Stored::NotMade { period: period.clone(), due_at: due_at.to_rfc3339(), reason: reason.clone() }
        }
    }
}

/// Reads evidence back.
pub(crate) fn from_text(text: &str) -> Result<Evidence, InvalidEvidence> {
    let stored: Stored = serde_json::from_str(text).map_err(|error| InvalidEvidence(error.to_string()))?;
    let at = |text: &str| Timestamp::parse_rfc3339(text).map_err(|error| InvalidEvidence(error.to_string()));
    let since = |text: &str, at_least: bool| -> Result<Since, InvalidEvidence> {
        let certainty = if at_least { Certainty::AtLatest } else { Certainty::Exactly };
        Ok(Since { at: at(text)?, certainty })
    };
    let leg_status = |text: Option<String>| text.map(|text| LegStatus::new(&text));
    Ok(match stored {
        Stored::HeldUp { leg, since: began, at_least, limit, passed_at } => Evidence::HeldUp {
            leg: leg.map(|leg| match leg {
                StoredLeg::Source => LegSide::Source,
                StoredLeg::Destination => LegSide::Destination,
            }),
            since: since(&began, at_least)?,
            limit,
            passed_at: at(&passed_at)?,
        },
        Stored::Ended { at: ended, reason } => Evidence::Ended { at: at(&ended)?, reason },
        Stored::Differs { fields } => Evidence::Differs {
            fields: fields
                .into_iter()
                .map(|one| {
                    let field = Field::from_path(&one.field)
                        .ok_or_else(|| InvalidEvidence(format!("no field is called {:?}", one.field)))?;
                    Ok(Difference { field, old: one.old, new: one.new })
                })
                .collect::<Result<_, InvalidEvidence>>()?,
        },
        Stored::Legs { source, destination, since: began, at_least } => Evidence::Legs {
            source: leg_status(source),
            destination: leg_status(destination),
            since: since(&began, at_least)?,
        },
        Stored::Gone { at: gone, met_again_at } => {
            Evidence::Gone { at: at(&gone)?, met_again_at: met_again_at.as_deref().map(at).transpose()? }
        }
        Stored::ManyGone { missing, of } => Evidence::ManyGone { missing, of },
        Stored::SameAs { others } => {
            Evidence::SameAs { others: others.iter().map(|id| Identifier::new(id)).collect() }
        }
        Stored::UnknownStatus { status } => Evidence::UnknownStatus { status },
        Stored::Unreadable { problem } => Evidence::Unreadable { problem },
        Stored::Unpolled { profiles, reason } => Evidence::Unpolled {
            profiles: profiles
                .into_iter()
                .map(|one| {
                    let name = one.name;
                    Ok((Profile { id: Identifier::new(&one.id), name }, at(&one.since)?))
                })
                .collect::<Result<_, InvalidEvidence>>()?,
            reason,
        },
        Stored::NotMade { period, due_at, reason } => {
            Evidence::NotMade { period, due_at: at(&due_at)?, reason }
        }
    })
}
