//! One table of the file: takes values out of it, each checked, each fault recorded with its place.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::complaint::Complaint;
use super::findings::{Findings, Reported};
use super::schema;
use super::value;

/// A value that was read, with its place.
pub(super) type Placed<T> = Spanned<T>;

/// One table of the file.
#[derive(Debug)]
pub(super) struct Table<'t> {
    /// Its name in the schema.
    kind: &'static str,
    /// Its name as it is told, as in `profiles[0]`.
    label: String,
    span: Range<usize>,
    entries: &'t DeTable<'t>,
    /// The keys that were probably meant by unknown ones, which were reported.
    meant: Vec<(&'static str, Reported)>,
}

impl<'t> Table<'t> {
    /// The table that a value is; its unknown keys are recorded. `None` where the value is no table.
    pub(super) fn open(
        kind: &'static str,
        label: String,
        value: &'t Spanned<DeValue<'t>>,
        findings: &mut Findings<'_>,
    ) -> Result<Self, Reported> {
        let Some(entries) = value.get_ref().as_table() else {
            let header = schema::header(kind);
            let complaint =
                Complaint::new(format!("expected a table, found {}", value::kind(value.get_ref())))
                    .help(format!("write {header} on a line of its own, and its keys below it"))
                    .masked();
            return Err(findings.fault(value.span(), &label, complaint));
        };
        let mut meant = Vec::new();
        for (key, value) in entries.iter().filter(|(key, _)| !schema::is_key(kind, key.get_ref())) {
            let name = key.get_ref();
            let unknown = schema::unknown_key(kind, name);
            let reported = findings.fault(key.span(), &format!("{label}.{name}"), unknown.complaint);
            meant.extend(unknown.meant.map(|meant| (meant, reported)));
            mask_text(value, findings);
        }
        Ok(Self { kind, label, span: value.span(), entries, meant })
    }

    /// The key with its table, as it is told.
    pub(super) fn label(&self, key: &str) -> String {
        format!("{}.{key}", self.label)
    }

    /// Where the table begins.
    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// That a key is there in a wrong spelling, and that this was reported: to call it missing too would
    /// be a second fault for one mistake.
    pub(super) fn misspelt(&self, key: &str) -> Option<Reported> {
        self.meant.iter().find(|(meant, _)| *meant == key).map(|(_, reported)| *reported)
    }

    /// Whether the file has this key here.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// What stands under a key that is no single value: a table, or a list of them.
    pub(super) fn nested(&self, key: &str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.entries.get(key)
    }

    /// The text under a key, where one stands there.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.entries.get(key).and_then(|value| value.get_ref().as_str())
    }

    /// The keys of the schema that the file has here, in its order.
    pub(super) fn known_keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(|key| &**key.get_ref()).filter(|key| schema::is_key(self.kind, key))
    }

    /// Hides the value of a key in whatever is shown.
    pub(super) fn mask(&self, key: &str, findings: &mut Findings<'_>) {
        if let Some(value) = self.entries.get(key) {
            mask_text(value, findings);
        }
    }

    /// Where a key stands.
    pub(super) fn key_span(&self, key: &str) -> Range<usize> {
        self.entries.get_key_value(key).map_or_else(|| self.span(), |(key, _)| key.span())
    }

    /// The value of a key; `Ok(None)` where the file does not have it.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        findings: &mut Findings<'_>,
        check: impl FnOnce(&DeValue<'_>) -> Result<T, Complaint>,
    ) -> Result<Option<Placed<T>>, Reported> {
        debug_assert!(schema::is_key(self.kind, key), "the schema lists every key that is read");
        let Some(value) = self.entries.get(key) else { return Ok(None) };
        match check(value.get_ref()) {
            Ok(checked) => Ok(Some(Spanned::new(value.span(), checked))),
            Err(complaint) => Err(findings.fault(value.span(), &self.label(key), complaint)),
        }
    }

    /// The value of a key that must be there. `example` is what might stand after the `=`.
    pub(super) fn required<T>(
        &self,
        key: &str,
        example: &str,
        findings: &mut Findings<'_>,
        check: impl FnOnce(&DeValue<'_>) -> Result<T, Complaint>,
    ) -> Result<Placed<T>, Reported> {
        if let Some(value) = self.optional(key, findings, check)? {
            return Ok(value);
        }
        if let Some(reported) = self.misspelt(key) {
            return Err(reported);
        }
        let complaint = Complaint::new("missing, and there is no default for it")
            .help(format!("add `{key} = {example}`"));
        Err(findings.missing(Some(self.span()), &self.label(key), complaint))
    }

    /// Whether a list stands under a key.
    pub(super) fn is_list(&self, key: &str) -> bool {
        self.entries.get(key).is_some_and(|value| value.get_ref().is_array())
    }

    /// The values of a list under a key, each checked in its place; `Ok(None)` where the file does not have it.
    pub(super) fn list<T>(
        &self,
        key: &str,
        findings: &mut Findings<'_>,
        mut check: impl FnMut(&DeValue<'_>) -> Result<T, Complaint>,
    ) -> Result<Option<Vec<T>>, Reported> {
        let is_list = |value: &DeValue<'_>| match value {
            DeValue::Array(_) => Ok(()),
            other => Err(value::mismatch("a list, in square brackets", other)),
        };
        self.optional(key, findings, is_list)?;
        let Some(list) = self.entries.get(key).and_then(|value| value.get_ref().as_array()) else {
            return Ok(None);
        };
        let values: Vec<Result<T, Reported>> = list
            .iter()
            .enumerate()
            .map(|(index, value)| {
                check(value.get_ref()).map_err(|complaint| {
                    findings.fault(value.span(), &format!("{}[{index}]", self.label(key)), complaint)
                })
            })
            .collect();
        values.into_iter().collect::<Result<Vec<T>, Reported>>().map(Some)
    }

    /// The tables of a list within this table; empty where the file does not have it.
    pub(super) fn tables(
        &self,
        key: &str,
        kind: &'static str,
        findings: &mut Findings<'_>,
    ) -> Result<Vec<Result<Table<'t>, Reported>>, Reported> {
        self.entries.get(key).map_or(Ok(Vec::new()), |list| list_of_tables(kind, list, findings))
    }

    /// The value of a key, else its default.
    pub(super) fn or_default<T>(
        &self,
        key: &str,
        default: T,
        findings: &mut Findings<'_>,
        check: impl FnOnce(&DeValue<'_>) -> Result<T, Complaint>,
    ) -> Result<T, Reported> {
        Ok(self.optional(key, findings, check)?.map_or(default, Spanned::into_inner))
    }
}

/// The tables of a list, each checked for unknown keys.
pub(super) fn list_of_tables<'t>(
    kind: &'static str,
    list: &'t Spanned<DeValue<'t>>,
    findings: &mut Findings<'_>,
) -> Result<Vec<Result<Table<'t>, Reported>>, Reported> {
    let Some(entries) = list.get_ref().as_array() else {
        mask_text(list, findings);
        let found = value::kind(list.get_ref());
        let complaint = Complaint::new(format!("expected a list of tables, found {found}"))
            .help(format!("write {} with two brackets, once for each", schema::header(kind)));
        return Err(findings.fault(list.span(), kind, complaint));
    };
    let tables = entries.iter().enumerate();
    Ok(tables.map(|(index, entry)| Table::open(kind, format!("{kind}[{index}]"), entry, findings)).collect())
}

/// Hides a text under a key that this version does not know: it may be a secret.
pub(super) fn mask_text(value: &Spanned<DeValue<'_>>, findings: &mut Findings<'_>) {
    match value.get_ref() {
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
        DeValue::String(_) | DeValue::Array(_) => findings.mask(value.span()),
        // A table under a header has the header's place, which is no secret; one in braces is all text.
        DeValue::Table(entries) => {
            for value in entries.values() {
                mask_text(value, findings);
            }
        }
    }
}
