//! One transfer, as Get Transfer answers: the leg of an orchestration.
//!
//! Owns its wire shape, as far as it tells why a leg waits or failed. What is missing or of another shape than documented
//! is left out: nothing is decided by it.

use super::BodyError;
use super::json::{Json, Member};
use super::page::utf8;

/// What Paxos says of a transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transfer {
    /// The name and the detail of its secondary status.
    pub secondary_status: Option<String>,
    /// The blockchain that it is on.
    pub network: Option<String>,
    /// Its transaction there.
    pub transaction_hash: Option<String>,
}

/// Takes the body of an answer: `{"id", "secondary_status": {"name", "detail"}, "crypto_network", "crypto_tx_hash"}`.
pub(super) fn parse(body: &[u8]) -> Result<Transfer, BodyError> {
    let json = Json::parse(utf8(body)?).map_err(|error| BodyError::NotJson { detail: error.to_string() })?;
    let members = json.members(0);
    if text(&members, "id").is_none() {
        return Err(BodyError::UnexpectedShape { what: "a transfer without an id" });
    }
    let secondary = members.iter().find(|member| member.key == "secondary_status");
    let secondary = secondary.map(|member| member.value.members(0)).unwrap_or_default();
    let parts = [text(&secondary, "name"), text(&secondary, "detail")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    Ok(Transfer {
        secondary_status: (!parts.is_empty()).then(|| parts.join(": ")),
        network: text(&members, "crypto_network"),
        transaction_hash: text(&members, "crypto_tx_hash"),
    })
}

fn text(members: &[Member<'_>], name: &str) -> Option<String> {
    let member = members.iter().find(|member| member.key == name)?;
    member.value.text().ok()?.map(Into::into)
}
