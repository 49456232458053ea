//! The calendars that business days are counted in.

use std::sync::Arc;

use toml::Spanned;
use toml::de::DeValue;

use super::super::complaint::Complaint;
use super::super::findings::{Findings, Reported};
use super::super::table::{Placed, Table};
use super::super::unique::Unique;
use super::super::value;
use crate::breaks::limits::{Allowance, Limits, Settings, Value, defaults};
use crate::schedule::{Calendar, Day, Weekend};

/// The calendars of the file, and the one that is built in.
pub(super) struct Calendars {
    built_in: Arc<Calendar>,
    named: Vec<Named>,
    /// A calendar whose name could not be read, or the list itself: any name may be meant for it.
    nameless: Option<Reported>,
}

/// A calendar of the file.
struct Named {
    name: Placed<String>,
    label: String,
    calendar: Result<Arc<Calendar>, Reported>,
}

/// Reads `limits.calendars`.
pub(super) fn read(table: &Table<'_>, findings: &mut Findings<'_>) -> Calendars {
    let built_in = Arc::new(defaults::calendar());
    let mut calendars = Calendars { built_in, named: Vec::new(), nameless: None };
    let mut names = Unique::new("name", "calendar", "give each a `name` of its own");
    let tables = match table.tables("calendars", "limits.calendars", findings) {
        Ok(tables) => tables,
        Err(reported) => vec![Err(reported)],
    };
    for table in tables {
        match table.map(|table| calendar(&table, &mut names, findings)) {
            Ok((Ok((name, label)), calendar)) => calendars.named.push(Named { name, label, calendar }),
            Ok((Err(reported), _)) | Err(reported) => calendars.nameless = Some(reported),
        }
    }
    calendars
}

/// The name of a calendar with its label, and the calendar.
type Read = (Result<(Placed<String>, String), Reported>, Result<Arc<Calendar>, Reported>);

fn calendar(table: &Table<'_>, names: &mut Unique, findings: &mut Findings<'_>) -> Read {
    let name = table.required("name", "\"us-banks\"", findings, value::word);
    let name = name.and_then(|name| names.first(name, table, findings));
    let zone = table.required("time_zone", "\"America/New_York\"", findings, value::time_zone);
    let mut weekend = Weekend::NONE;
    let weekend_days = table.list("weekend", findings, |value| {
        weekend = weekend
            .with(&value::text(value)?)
            .ok_or_else(|| value::mismatch("a day of the week such as \"Saturday\"", value))?;
        Ok(())
    });
    let weekend = weekend_days.and_then(|given| match given {
        None => Ok(Weekend::SATURDAY_AND_SUNDAY),
        Some(_) if weekend.leaves_a_day() => Ok(weekend),
        Some(_) => {
            let complaint =
                Complaint::new("expected a weekend that leaves a business day, found all seven days");
            Err(findings.fault(table.key_span("weekend"), &table.label("weekend"), complaint))
        }
    });
    let days_off = table.list("days_off", findings, day);
    let label = table.label("name");
    let labelled = name.map(|name| (name, label));
    let build = || -> Result<Arc<Calendar>, Reported> {
        let name = labelled.as_ref().map(|(name, _)| name.get_ref().clone()).map_err(|reported| *reported)?;
        let days_off = days_off?.unwrap_or_default();
        Ok(Arc::new(Calendar::new(&name, zone?.into_inner(), weekend?, days_off)))
    };
    let calendar = build();
    (labelled, calendar)
}

/// A date, with or without quotation marks.
fn day(value: &DeValue<'_>) -> Result<Day, Complaint> {
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        _ => return Err(value::mismatch("a date such as \"2026-12-25\"", value)),
    };
    Day::parse(&text).map_err(|error| Complaint::new(error.to_string()))
}

impl Calendars {
    /// The calendar that holds in `[limits]`: the one that it names, else the first, else the built-in one.
    pub(super) fn in_force(
        &self,
        table: &Table<'_>,
        findings: &mut Findings<'_>,
    ) -> Result<Arc<Calendar>, Reported> {
        if let Some(calendar) = self.named_in(table, findings)? {
            return Ok(calendar);
        }
        match (self.named.first(), self.nameless) {
            (Some(first), _) => first.calendar.clone(),
            (None, Some(reported)) => Err(reported),
            (None, None) => Ok(Arc::clone(&self.built_in)),
        }
    }

    /// The calendar that a table names, if it names one.
    pub(super) fn named_in(
        &self,
        table: &Table<'_>,
        findings: &mut Findings<'_>,
    ) -> Result<Option<Arc<Calendar>>, Reported> {
        let found = table.optional("calendar", findings, |value| {
            if matches!(value, DeValue::Table(_)) {
                return Err(value::mismatch("the name of a calendar", value)
                    .help("write [[limits.calendars]], once for each calendar, and give it a `name`"));
            }
            let name = value::text(value)?;
            match (self.named.iter().find(|named| *named.name.get_ref() == name), self.nameless) {
                (Some(named), _) => Ok(named.calendar.clone()),
                (None, Some(reported)) => Ok(Err(reported)),
                (None, None) => Err(self.unknown(value)),
            }
        })?;
        found.map(Spanned::into_inner).transpose()
    }

    fn unknown(&self, value: &DeValue<'_>) -> Complaint {
        let complaint = value::mismatch("the name of a calendar", value);
        let names: Vec<_> = self.named.iter().map(|named| format!("{:?}", named.name.get_ref())).collect();
        match names.as_slice() {
            [] => complaint.help("there is none: write one as [[limits.calendars]]"),
            names => complaint.help(format!("there are: {}", names.join(", "))),
        }
    }

    /// Every calendar of the file; the built-in one where there is none.
    pub(super) fn all(&self) -> Result<Vec<Arc<Calendar>>, Reported> {
        match self.nameless {
            Some(reported) => Err(reported),
            None if self.named.is_empty() => Ok(vec![Arc::clone(&self.built_in)]),
            None => self.named.iter().map(|named| named.calendar.clone()).collect(),
        }
    }

    /// Warns of calendars in which nothing is counted.
    pub(super) fn warn_of_unused(&self, limits: &Limits, findings: &mut Findings<'_>) {
        let is_counted_in = |name: &str| {
            let rules = limits.rules.in_order();
            let settings = rules.iter().map(|rule| &rule.sets).chain([&limits.defaults]);
            let mut values = settings.flat_map(Settings::given);
            name == limits.calendar.name()
                || values.any(|(_, value)| match value {
                    Value::Allowance(Allowance::Business { calendar, .. }) => calendar.name() == name,
                    _ => false,
                })
        };
        for named in self.named.iter().filter(|named| !is_counted_in(named.name.get_ref())) {
            let complaint = Complaint::new("no limit counts business days in this calendar")
                .help("name it with `calendar` in [limits] or in a rule, or remove it");
            findings.warn(named.name.span(), &named.label, complaint);
        }
    }
}
