//! The limits: their defaults, rules and calendars.

mod calendars;
mod rules;

use std::sync::Arc;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::complaint::Complaint;
use super::findings::{Findings, Reported};
use super::settings::{BUSINESS_DAYS_RANGE, LIMIT_RANGE, MAX_LIMIT_RULES};
use super::table::Table;
use super::value;
use crate::breaks::limits::{
    Allowance, CriticalAmount, DuplicateWindow, Limits, Money, Multiple, Setting, Settings, defaults,
};
use crate::model::ProfileSelection;
use crate::schedule::{Calendar, business_days};

/// The limits of the table, if there is one. Polls begin once in `every`.
pub(super) fn read(
    table: Option<&Spanned<DeValue<'_>>>,
    profiles: Result<&ProfileSelection, Reported>,
    every: Duration,
    findings: &mut Findings<'_>,
) -> Result<Limits, Reported> {
    // Of a longer interval three polls may be missed too.
    let profile_unpolled = defaults::PROFILE_UNPOLLED.max(every.saturating_mul(3));
    let Some(table) = table else {
        return Ok(Limits { profile_unpolled, ..Limits::default() });
    };
    let table = Table::open("limits", "limits".to_owned(), table, findings)?;
    let calendars = calendars::read(&table, findings);
    let own_calendar = calendars.in_force(&table, findings);
    let calendar = own_calendar.as_ref().map_err(|reported| *reported);
    let defaults = settings(&table, calendar, findings);
    let profile_unpolled = unpolled(&table, profile_unpolled, every, findings);
    let rules = rules::read(&table, profiles, &calendars, calendar, findings);
    let limits = Limits {
        rules: rules?,
        defaults: defaults?,
        calendars: calendars.all()?,
        calendar: own_calendar?,
        profile_unpolled: profile_unpolled?,
    };
    calendars.warn_of_unused(&limits, findings);
    Ok(limits)
}

/// For how long a profile may go unpolled.
fn unpolled(
    table: &Table<'_>,
    default: Duration,
    every: Duration,
    findings: &mut Findings<'_>,
) -> Result<Duration, Reported> {
    let set = table.optional("profile_unpolled", findings, |value| {
        let limit = value::duration(value, &LIMIT_RANGE)?;
        if limit > every {
            return Ok(limit);
        }
        let every = value::in_words(every);
        Err(value::mismatch(&format!("more than `[poll] every`, which is {every}"), value)
            .help("a profile that is polled as planned would be called unpolled"))
    })?;
    let Some(set) = set else { return Ok(default) };
    if *set.get_ref() < every.saturating_mul(2) {
        let complaint = Complaint::new("one poll that fails is enough to call a profile unpolled")
            .help(format!("make it {} or more", value::in_words(every.saturating_mul(3))));
        findings.warn(set.span(), &table.label("profile_unpolled"), complaint);
    }
    Ok(set.into_inner())
}

/// What a table sets. Business days are counted in `calendar`.
fn settings(
    table: &Table<'_>,
    calendar: Result<&Arc<Calendar>, Reported>,
    findings: &mut Findings<'_>,
) -> Result<Settings, Reported> {
    let mut allowance = |setting: Setting| -> Result<Option<Allowance>, Reported> {
        let time = table.optional(setting.as_str(), findings, time)?.map(Spanned::into_inner);
        time.map(|time| time.counted_in(calendar)).transpose()
    };
    let processing = allowance(Setting::Processing);
    let between_legs = allowance(Setting::BetweenLegs);
    let pending = allowance(Setting::Pending);
    let inconsistent_legs = allowance(Setting::InconsistentLegs);
    let critical_after = table.optional(Setting::CriticalAfter.as_str(), findings, multiple);
    let critical_amount = critical_amount(table, findings);
    let possible_duplicate = table.optional(Setting::PossibleDuplicate.as_str(), findings, window);
    Ok(Settings {
        processing: processing?,
        between_legs: between_legs?,
        pending: pending?,
        inconsistent_legs: inconsistent_legs?,
        critical_after: critical_after?.map(Spanned::into_inner),
        critical_amount: critical_amount?,
        possible_duplicate: possible_duplicate?.map(Spanned::into_inner),
    })
}

/// A limit as it is written, before it is known which days are business days.
enum Time {
    Elapsed(Duration),
    BusinessDays(u32),
}

impl Time {
    fn counted_in(self, calendar: Result<&Arc<Calendar>, Reported>) -> Result<Allowance, Reported> {
        match self {
            Self::Elapsed(duration) => Ok(Allowance::Elapsed(duration)),
            Self::BusinessDays(days) => {
                calendar.map(|calendar| Allowance::Business { days, calendar: Arc::clone(calendar) })
            }
        }
    }
}

fn time(value: &DeValue<'_>) -> Result<Time, Complaint> {
    let (least, most) = (BUSINESS_DAYS_RANGE.start(), BUSINESS_DAYS_RANGE.end());
    match value.as_str().filter(|text| text.contains("business")) {
        Some(text) => business_days(text)
            .filter(|days| BUSINESS_DAYS_RANGE.contains(days))
            .map(Time::BusinessDays)
            .ok_or_else(|| {
                value::mismatch(
                    &format!("{least} to {most} business days such as \"2 business days\""),
                    value,
                )
            }),
        None => value::duration(value, &LIMIT_RANGE).map(Time::Elapsed).map_err(|complaint| {
            let units = complaint.help.as_ref().map(|help| format!("{help}; ")).unwrap_or_default();
            complaint.help(format!("{units}business time is written \"2 business days\""))
        }),
    }
}

fn multiple(value: &DeValue<'_>) -> Result<Multiple, Complaint> {
    let decimal = value::decimal(value, "3 or \"1.5\"")?;
    Multiple::new(&decimal).map_err(|error| {
        value::mismatch("a multiple from 1 to 100 with at most three decimals", value).help(error.to_string())
    })
}

fn critical_amount(
    table: &Table<'_>,
    findings: &mut Findings<'_>,
) -> Result<Option<CriticalAmount>, Reported> {
    let key = Setting::CriticalAmount.as_str();
    if !table.is_list(key) {
        let one = table.optional(key, findings, |value| match value.as_str() {
            Some("off") => Ok(CriticalAmount::Never),
            _ => money(value).map(|money| CriticalAmount::From([money].into())),
        })?;
        return Ok(one.map(Spanned::into_inner));
    }
    let mut assets: Vec<String> = Vec::new();
    let list = table.list(key, findings, |value| {
        let money = money(value)?;
        let asset = money.asset.to_ascii_uppercase();
        if assets.contains(&asset) {
            return Err(Complaint::new(format!("there is an amount of {asset} already"))
                .help("give one amount for each asset"));
        }
        assets.push(asset);
        Ok(money)
    })?;
    match list {
        Some(list) if list.is_empty() => {
            let complaint = Complaint::new("expected at least one amount, found an empty list")
                .help("write \"off\" where the amount decides nothing");
            Err(findings.fault(table.key_span(key), &table.label(key), complaint))
        }
        list => Ok(list.map(|list| CriticalAmount::From(list.into()))),
    }
}

fn money(value: &DeValue<'_>) -> Result<Money, Complaint> {
    Money::parse(value.as_str().unwrap_or_default()).map_err(|_| {
        value::mismatch("an amount above zero and its asset such as \"250000 USD\"", value)
            .help("`[\"250000 USD\", \"250000 USDC\"]` is for several assets, \"off\" for none")
    })
}

fn window(value: &DeValue<'_>) -> Result<DuplicateWindow, Complaint> {
    if value.as_str() == Some("off") {
        return Ok(DuplicateWindow::Off);
    }
    value::duration(value, &LIMIT_RANGE)
        .map(DuplicateWindow::Within)
        .map_err(|complaint| complaint.help("write \"off\" to look for no duplicates"))
}

/// The limits as they are shown, key by key.
pub(super) fn summary(limits: &Limits) -> Vec<(&'static str, String)> {
    let key = |setting| match setting {
        Setting::Processing => "limits.processing",
        Setting::BetweenLegs => "limits.between_legs",
        Setting::Pending => "limits.pending",
        Setting::InconsistentLegs => "limits.inconsistent_legs",
        Setting::CriticalAfter => "limits.critical_after",
        Setting::CriticalAmount => "limits.critical_amount",
        Setting::PossibleDuplicate => "limits.possible_duplicate",
    };
    let mut lines: Vec<_> =
        Setting::ALL.map(|setting| (key(setting), limits.default_in_words(setting))).into();
    lines.extend([
        ("limits.profile_unpolled", value::in_words(limits.profile_unpolled)),
        ("limits.calendar", limits.calendar.name().to_owned()),
    ]);
    lines.extend(limits.rules.in_order().into_iter().map(|rule| {
        let sets: Vec<String> =
            rule.sets.given().map(|(setting, value)| format!("{setting} {value}")).collect();
        let name = rule.place.name.as_ref().map(|name| format!("{name}: ")).unwrap_or_default();
        ("limits.rules", format!("{name}{} → {}", rule.when, sets.join(", ")))
    }));
    lines.extend(limits.calendars.iter().map(|calendar| ("limits.calendars", calendar.to_string())));
    lines
}
