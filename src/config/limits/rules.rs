//! The rules of limits: what they match, what they set, and whether two of them contradict each other.

use std::sync::Arc;

use toml::Spanned;
use uuid::Uuid;

use super::super::complaint::Complaint;
use super::super::findings::{Findings, Reported};
use super::super::table::{Placed, Table};
use super::super::unique::Unique;
use super::super::value;
use super::calendars::Calendars;
use super::{MAX_LIMIT_RULES, settings};
use crate::breaks::limits::{
    Allowance, Condition, ConditionKey, Conflict, Conflicts, Place, RailKind, Rule, Rules, Setting, Settings,
    Side, Value,
};
use crate::model::{Identifier, ProfileSelection};
use crate::schedule::Calendar;

/// Reads `limits.rules`. A rule that names no calendar counts in `calendar`.
pub(super) fn read(
    limits: &Table<'_>,
    profiles: Result<&ProfileSelection, Reported>,
    calendars: &Calendars,
    calendar: Result<&Arc<Calendar>, Reported>,
    findings: &mut Findings<'_>,
) -> Result<Rules, Reported> {
    let tables = limits.tables("rules", "limits.rules", findings)?;
    if tables.len() > MAX_LIMIT_RULES {
        let complaint =
            Complaint::new(format!("expected at most {MAX_LIMIT_RULES} rules, found {}", tables.len()));
        return Err(findings.fault(limits.key_span("rules"), "limits.rules", complaint));
    }
    let mut names = Unique::new("name", "rule", "give each a `name` of its own, or none");
    let (mut rules, mut of_rules, mut fault) = (Vec::new(), Vec::new(), Ok(()));
    for (index, table) in tables.into_iter().enumerate() {
        let rule = table.and_then(|table| {
            let rule = rule(&table, index, profiles, calendars, calendar, &mut names, findings)?;
            Ok((rule, table))
        });
        match rule {
            Ok((rule, table)) => {
                of_rules.push((rule.place.clone(), table));
                rules.push(rule);
            }
            Err(reported) => fault = Err(reported),
        }
    }
    let rules = Rules::new(rules).map_err(|conflicts| complain(&conflicts, &of_rules, findings));
    fault.and(rules)
}

fn rule(
    table: &Table<'_>,
    index: usize,
    profiles: Result<&ProfileSelection, Reported>,
    calendars: &Calendars,
    calendar: Result<&Arc<Calendar>, Reported>,
    names: &mut Unique,
    findings: &mut Findings<'_>,
) -> Result<Rule, Reported> {
    let name = table.optional("name", findings, value::text);
    let name = name.and_then(|name| name.map(|name| names.first(name, table, findings)).transpose());
    let when = condition(table, profiles, findings);
    let own_calendar = calendars.named_in(table, findings);
    let calendar = match &own_calendar {
        Ok(Some(own)) => Ok(own),
        Ok(None) => calendar,
        Err(reported) => Err(*reported),
    };
    let sets = settings(table, calendar, findings);
    if let (Ok(Some(_)), Ok(sets)) = (&own_calendar, &sets) {
        warn_of_idle_calendar(table, sets, findings);
    }
    let when = when.and_then(|when| when_checked(when, table, findings));
    let sets = sets.and_then(|sets| sets_checked(sets, table, findings));
    own_calendar?;
    let place = Place { index, line: findings.line(&table.span()), name: name?.map(Spanned::into_inner) };
    Ok(Rule { place, when: when?, sets: sets? })
}

fn condition(
    table: &Table<'_>,
    profiles: Result<&ProfileSelection, Reported>,
    findings: &mut Findings<'_>,
) -> Result<Condition, Reported> {
    let profile = profile(table, profiles, findings);
    let rails = RailKind::ALL.map(|rail| (rail.as_str(), rail));
    let mut rail = |key: ConditionKey| -> Result<Option<RailKind>, Reported> {
        let rail = table.optional(key.as_str(), findings, |value| value::choice(value, &rails))?;
        Ok(rail.map(Spanned::into_inner))
    };
    let (source_rail, destination_rail) =
        (rail(ConditionKey::SourceRail), rail(ConditionKey::DestinationRail));
    let mut word = |key: ConditionKey| -> Result<Option<Box<str>>, Reported> {
        let word = table.optional(key.as_str(), findings, value::word)?;
        Ok(word.map(|word| word.into_inner().into_boxed_str()))
    };
    let network = word(ConditionKey::Network);
    let source_network = word(ConditionKey::SourceNetwork);
    let destination_network = word(ConditionKey::DestinationNetwork);
    let source_asset = word(ConditionKey::SourceAsset);
    let destination_asset = word(ConditionKey::DestinationAsset);
    let min_source_amount = table.optional(ConditionKey::MinSourceAmount.as_str(), findings, |value| {
        value::decimal(value, "\"250000\"")
    });
    Ok(Condition {
        profile: profile?,
        source: Side { rail: source_rail?, network: source_network? },
        destination: Side { rail: destination_rail?, network: destination_network? },
        network: network?,
        source_asset: source_asset?,
        destination_asset: destination_asset?,
        min_source_amount: min_source_amount?.map(Spanned::into_inner),
    })
}

/// The profile that a rule names, by its id or the name that the file gives it.
fn profile(
    table: &Table<'_>,
    profiles: Result<&ProfileSelection, Reported>,
    findings: &mut Findings<'_>,
) -> Result<Option<Identifier>, Reported> {
    let given = table.optional(ConditionKey::Profile.as_str(), findings, value::text)?;
    let Some(given) = given else { return Ok(None) };
    match profiles? {
        ProfileSelection::All => {
            warn_of_a_name(table, &given, findings);
            Ok(Some(Identifier::new(given.get_ref())))
        }
        ProfileSelection::Listed(profiles) => {
            let id = Identifier::new(given.get_ref());
            let found = profiles
                .iter()
                .find(|profile| profile.id == id || profile.name.as_ref() == Some(given.get_ref()));
            if let Some(profile) = found {
                return Ok(Some(profile.id.clone()));
            }
            let labels: Vec<_> = profiles.iter().map(|profile| format!("{:?}", profile.label())).collect();
            let complaint = Complaint::new(format!(
                "expected the id or the name of one of the [[profiles]], found {:?}",
                given.get_ref()
            ))
            .help(format!("there are: {}", labels.join(", ")));
            Err(findings.fault(given.span(), &table.label("profile"), complaint))
        }
    }
}

/// Without `[[profiles]]` names are known to Paxos alone, and a rule for one would never match.
fn warn_of_a_name(table: &Table<'_>, given: &Placed<String>, findings: &mut Findings<'_>) {
    if Uuid::try_parse(given.get_ref()).is_err() {
        let complaint = Complaint::new("this is taken for a profile's id: no [[profiles]] give a name")
            .help("write the profile's id, or list it in [[profiles]] with its `name`");
        findings.warn(given.span(), &table.label("profile"), complaint);
    }
}

/// A rule that has conditions, and conditions that can hold together.
fn when_checked(
    when: Condition,
    table: &Table<'_>,
    findings: &mut Findings<'_>,
) -> Result<Condition, Reported> {
    let given: Vec<&str> =
        ConditionKey::ALL.into_iter().map(ConditionKey::as_str).filter(|key| table.has(key)).collect();
    if given.is_empty() {
        let misspelt = ConditionKey::ALL.into_iter().find_map(|key| table.misspelt(key.as_str()));
        if let Some(reported) = misspelt {
            return Err(reported);
        }
        let complaint = Complaint::new("this rule has no condition: it would match everything").help(
            "say what it is for (rails, networks, assets, amount, profile), or set the defaults in [limits]",
        );
        return Err(findings.missing(Some(table.span()), &of_rule(table), complaint));
    }
    if when.can_match() {
        return Ok(when);
    }
    let key = given.into_iter().rfind(|key| key.contains("network")).unwrap_or("network");
    let complaint =
        Complaint::new("no orchestration can match this rule: its rails and networks contradict each other")
            .help("only the rail \"crypto\" has a network, and each side has one");
    Err(findings.fault(table.key_span(key), &table.label(key), complaint))
}

fn sets_checked(
    sets: Settings,
    table: &Table<'_>,
    findings: &mut Findings<'_>,
) -> Result<Settings, Reported> {
    if sets.given().next().is_some() {
        return Ok(sets);
    }
    if let Some(reported) = Setting::ALL.into_iter().find_map(|setting| table.misspelt(setting.as_str())) {
        return Err(reported);
    }
    let keys: Vec<_> = Setting::ALL.into_iter().map(Setting::as_str).collect();
    let complaint =
        Complaint::new("this rule sets no limit").help(format!("set one of: {}", keys.join(", ")));
    Err(findings.missing(Some(table.span()), &of_rule(table), complaint))
}

/// The rule itself as it is told, as in `limits.rules[2]`.
fn of_rule(table: &Table<'_>) -> String {
    table.label("").trim_end_matches('.').to_owned()
}

fn warn_of_idle_calendar(table: &Table<'_>, sets: &Settings, findings: &mut Findings<'_>) {
    let in_business_days =
        |(_, value): (Setting, Value)| matches!(value, Value::Allowance(Allowance::Business { .. }));
    if !sets.given().any(in_business_days) {
        let complaint = Complaint::new("no limit of this rule is counted in business days")
            .help("write one as in \"2 business days\", or remove the calendar");
        findings.warn(table.key_span("calendar"), &table.label("calendar"), complaint);
    }
}

/// Tells of rules between which nothing decides, each at the later of the two.
fn complain(conflicts: &Conflicts, rules: &[(Place, Table<'_>)], findings: &mut Findings<'_>) -> Reported {
    let mut tell = |conflict: &Conflict| {
        let key = conflict.setting.as_str();
        let other = rules.get(conflict.first).map(|(place, _)| place.to_string()).unwrap_or_default();
        let (span, label) = rules
            .get(conflict.second)
            .map_or_else(|| (0..0, key.to_owned()), |(_, table)| (table.key_span(key), table.label(key)));
        let complaint = Complaint::new(format!(
            "{other} sets it too, is as specific, and can match the same orchestrations"
        ))
        .help(
            "add a rail, a network, an asset, a higher min_source_amount or a profile to the one that shall \
                     win, or conditions that keep the two apart",
        );
        findings.fault(span, &label, complaint)
    };
    let reported = tell(&conflicts.first);
    for conflict in &conflicts.more {
        tell(conflict);
    }
    reported
}
