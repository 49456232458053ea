//! The profiles that are polled.

use toml::Spanned;
use toml::de::DeValue;
use uuid::Uuid;

use super::alerts::SecretUrl;
use super::complaint::Complaint;
use super::findings::{Findings, Reported};
use super::secret::{self, UrlKeys};
use super::table::{Placed, Table, list_of_tables};
use super::unique::Unique;
use super::{Environment, value};
use crate::model::{Identifier, Profile, ProfileSelection};

/// The keys of the URL that is called after a complete poll of a profile.
const HEARTBEAT: UrlKeys = UrlKeys {
    plain: "heartbeat_url",
    secret: secret::Keys {
        file: "heartbeat_url_file",
        variable: "heartbeat_url_env",
        credential: "heartbeat_url_credential",
        noun: "URL",
    },
};

/// The profiles of a list of tables, and the heartbeats of those that have one; an empty list means the same
/// as none.
pub(super) fn read(
    list: &Spanned<DeValue<'_>>,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<(ProfileSelection, Vec<(Identifier, SecretUrl)>), Reported> {
    let unique = |key| Unique::new(key, "profile", "remove or change one of the two");
    let (mut ids, mut names) = (unique("id"), unique("name"));
    let mut heartbeats = Vec::new();
    let profiles: Vec<Result<Profile, Reported>> = list_of_tables("profiles", list, findings)?
        .into_iter()
        .map(|table| {
            let table = table?;
            let profile = profile(&table, &mut ids, &mut names, findings);
            let heartbeat = secret::optional_url(&table, &HEARTBEAT, environment, findings);
            let profile = profile?;
            heartbeats.extend(heartbeat?.map(|url| (profile.id.clone(), url)));
            Ok(profile)
        })
        .collect();
    let profiles = profiles.into_iter().collect::<Result<Vec<_>, _>>()?;
    let selection =
        if profiles.is_empty() { ProfileSelection::All } else { ProfileSelection::Listed(profiles) };
    Ok((selection, heartbeats))
}

fn profile(
    table: &Table<'_>,
    ids: &mut Unique,
    names: &mut Unique,
    findings: &mut Findings<'_>,
) -> Result<Profile, Reported> {
    let id = table.required("id", "\"...\"", findings, value::word);
    let name = table.optional("name", findings, value::text);
    let id = id.and_then(|id| ids.first(id, table, findings));
    let name = name.and_then(|name| name.map(|name| names.first(name, table, findings)).transpose());
    let id = id?;
    warn_of_spelling(table, &id, findings);
    Ok(Profile { id: Identifier::new(id.get_ref()), name: name?.map(Spanned::into_inner) })
}

/// Ids are compared as text: one UUID in two spellings would be two profiles, one of them unknown to
/// Paxos.
fn warn_of_spelling(table: &Table<'_>, id: &Placed<String>, findings: &mut Findings<'_>) {
    if let Ok(uuid) = Uuid::try_parse(id.get_ref())
        && uuid.to_string() != *id.get_ref()
    {
        let complaint = Complaint::new("Paxos spells such ids in another way, and compares them as text")
            .help(format!("write \"{uuid}\""));
        findings.warn(id.span(), &table.label("id"), complaint);
    }
}
