//! The profiles that are polled.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;
use uuid::Uuid;

use super::complaint::Complaint;
use super::findings::{Findings, Reported};
use super::table::{Placed, Table, mask_text};
use super::value;
use crate::model::{Identifier, Profile, ProfileSelection};

/// The profiles of a list of tables; an empty list means the same as none.
pub(super) fn read(
    list: &Spanned<DeValue<'_>>,
    findings: &mut Findings<'_>,
) -> Result<ProfileSelection, Reported> {
    let Some(entries) = list.get_ref().as_array() else {
        mask_text(list, findings);
        let found = value::kind(list.get_ref());
        let complaint = Complaint::new(format!("expected a list of tables, found {found}"))
            .help("write [[profiles]] with two brackets, once for each profile");
        return Err(findings.fault(list.span(), "profiles", complaint));
    };
    let mut ids = Seen::new("id");
    let mut names = Seen::new("name");
    let profiles: Vec<Result<Profile, Reported>> = entries
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            let table = Table::open("profiles", format!("profiles[{index}]"), entry, findings)?;
            profile(&table, &mut ids, &mut names, findings)
        })
        .collect();
    let profiles = profiles.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(if profiles.is_empty() { ProfileSelection::All } else { ProfileSelection::Listed(profiles) })
}

fn profile(
    table: &Table<'_>,
    ids: &mut Seen,
    names: &mut Seen,
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

/// The values of one key that were met, with the place of each.
struct Seen {
    key: &'static str,
    values: HashMap<String, Range<usize>>,
}

impl Seen {
    fn new(key: &'static str) -> Self {
        Self { key, values: HashMap::new() }
    }

    /// The value, if no table before this one has it.
    fn first(
        &mut self,
        value: Placed<String>,
        table: &Table<'_>,
        findings: &mut Findings<'_>,
    ) -> Result<Placed<String>, Reported> {
        if let Some(span) = self.values.get(value.get_ref()) {
            let (key, line) = (self.key, findings.line(span));
            let complaint = Complaint::new(format!(
                "expected a value of `{key}` that no other profile has, found {:?} again: it is on line {line} already",
                value.get_ref()
            ))
            .help("remove or change one of the two");
            return Err(findings.fault(value.span(), &table.label(key), complaint));
        }
        self.values.insert(value.get_ref().clone(), value.span());
        Ok(value)
    }
}
