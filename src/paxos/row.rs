//! One row of an answer, taken as an orchestration.
//!
//! Owns the JSON names of its fields and which spellings count as missing. Takes every row: one that
//! cannot be understood is kept raw under its id, so that it neither sinks its page nor disappears.
//! What follows from an odd row is for others to judge.

mod endpoint;
mod fields;

use self::endpoint::{destination, source};
use self::fields::Problem;
use super::json::{Json, Member};
use super::remainder::Remainder;
use crate::model::{
    Fingerprint, Identifier, Leg, LegStatus, Orchestration, Received, Status, Timestamp, UnreadableRow,
};

/// Room for the fields that are documented today, and a few more.
const USUAL_MEMBERS: usize = 28;
/// Enough to name a field and what is wrong with it, whatever the row holds.
const MAX_PROBLEM_CHARS: usize = 300;

/// One row of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "nearly every row is the large one; a box each costs more")]
pub enum Row {
    /// An orchestration.
    Readable(Received),
    /// A row with an id that cannot be taken as an orchestration.
    Unreadable(UnreadableRow),
    /// A row that cannot even be kept under an id.
    WithoutId {
        /// The JSON text as it came.
        raw: Box<str>,
        /// Why it cannot be kept, for people.
        problem: String,
    },
}

impl Row {
    /// Takes the JSON text of one row. Never fails.
    pub fn parse(text: &str) -> Self {
        match Json::parse(text) {
            Ok(json) => Self::take(json),
            Err(error) => Self::WithoutId { raw: text.into(), problem: format!("not JSON: {error}") },
        }
    }

    /// Takes one row. Never fails.
    pub(super) fn take(json: Json<'_>) -> Self {
        let raw = json.as_str();
        let without_id = |problem: String| Self::WithoutId { raw: raw.into(), problem };
        if !raw.starts_with('{') {
            return without_id(format!("{} where an orchestration belongs", json.kind()));
        }
        let members = json.members(USUAL_MEMBERS);
        let id = match members.iter().find(|member| member.key == "id").map(|member| member.value.text()) {
            Some(Ok(Some(text))) => Identifier::new(&text),
            Some(Err(kind)) => return without_id(format!("id: {kind} where a text belongs")),
            Some(Ok(None)) | None => return without_id("id: missing".to_owned()),
        };
        match orchestration(id.clone(), &members) {
            Ok(orchestration) => {
                Self::Readable(Received { orchestration, fingerprint: Fingerprint::of(raw) })
            }
            Err(problem) => {
                let problem = cut(problem.to_string());
                Self::Unreadable(UnreadableRow { id, raw: raw.into(), problem })
            }
        }
    }

    /// Its id, where it has one.
    pub fn id(&self) -> Option<&Identifier> {
        match self {
            Self::Readable(row) => Some(&row.orchestration.id),
            Self::Unreadable(row) => Some(&row.id),
            Self::WithoutId { .. } => None,
        }
    }
}

fn orchestration(id: Identifier, members: &[Member<'_>]) -> Result<Orchestration, Problem> {
    let mut row = Orchestration {
        id,
        profile_id: None,
        identity_id: None,
        account_id: None,
        customer_id: None,
        ref_id: None,
        source_asset: None,
        destination_asset: None,
        source_amount: None,
        destination_amount: None,
        source_transfer: Leg::default(),
        destination_transfer: Leg::default(),
        status: Status::Pending,
        fail_reason: None,
        source: None,
        destination: None,
        orchestration_rule_id: None,
        created_at: Timestamp::EPOCH,
        updated_at: None,
        completed_at: None,
        metadata: None,
        remainder: None,
    };
    let (mut status, mut created_at) = (None, None);
    let mut rest = Remainder::default();
    for member in members {
        match member.key.as_ref() {
            "id" => {}
            "profile_id" => row.profile_id = fields::identifier(member)?,
            "identity_id" => row.identity_id = fields::identifier(member)?,
            "account_id" => row.account_id = fields::identifier(member)?,
            "customer_id" => row.customer_id = fields::identifier(member)?,
            "ref_id" => row.ref_id = fields::identifier(member)?,
            "source_asset" => row.source_asset = fields::boxed(member)?,
            "destination_asset" => row.destination_asset = fields::boxed(member)?,
            "source_amount" => row.source_amount = fields::amount(member)?,
            "destination_amount" => row.destination_amount = fields::amount(member)?,
            "source_transfer" => row.source_transfer = fields::nested(member, &mut rest, leg)?,
            "destination_transfer" => row.destination_transfer = fields::nested(member, &mut rest, leg)?,
            "status" => status = fields::text(member)?.map(|word| Status::new(&word)),
            "fail_reason" => row.fail_reason = fields::nested(member, &mut rest, fail_reason)?,
            "source" => row.source = fields::nested(member, &mut rest, source)?,
            "destination" => row.destination = fields::nested(member, &mut rest, destination)?,
            "orchestration_rule_id" => row.orchestration_rule_id = fields::identifier(member)?,
            "created_at" => created_at = fields::time(member, &mut rest)?,
            "updated_at" => row.updated_at = fields::time(member, &mut rest)?,
            "completed_at" => row.completed_at = fields::time(member, &mut rest)?,
            "metadata" => row.metadata = fields::object(member)?.map(|object| object.as_str().into()),
            _ => rest.add(member),
        }
    }
    row.status = status.ok_or_else(|| Problem::missing("status"))?;
    row.created_at = created_at.ok_or_else(|| Problem::missing("created_at"))?;
    row.remainder = rest.into_text();
    Ok(row)
}

fn leg(members: &[Member<'_>], rest: &mut Remainder) -> Result<Leg, Problem> {
    let mut leg = Leg::default();
    for member in members {
        match member.key.as_ref() {
            "transfer_id" => leg.transfer_id = fields::identifier(member)?,
            "status" => leg.status = fields::text(member)?.map(|word| LegStatus::new(&word)),
            _ => rest.add(member),
        }
    }
    Ok(leg)
}

fn fail_reason(members: &[Member<'_>], rest: &mut Remainder) -> Result<Option<Box<str>>, Problem> {
    let mut detail = None;
    for member in members {
        match member.key.as_ref() {
            "detail" => detail = fields::boxed(member)?,
            _ => rest.add(member),
        }
    }
    Ok(detail)
}

fn cut(problem: String) -> String {
    match problem.char_indices().nth(MAX_PROBLEM_CHARS) {
        Some((end, _)) => format!("{}…", &problem[..end]),
        None => problem,
    }
}
