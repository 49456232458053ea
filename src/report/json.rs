//! A report as JSON, version 1. The format is published: `docs/report-v1.schema.json`.

use serde::Serialize;

use crate::ledger::Standing;
use crate::model::Timestamp;

use super::account::{Account, AccountKey, Measure};
use super::{OpenRow, Report};

/// The version of the format.
pub const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document {
    version: u32,
    title: String,
    name: Option<String>,
    period: PeriodDocument,
    as_of: AsOfDocument,
    completeness: CompletenessDocument,
    accounts: Vec<AccountDocument>,
    open_by_age: Vec<OpenDocument>,
    oldest_open: Vec<OpenRowDocument>,
    completion_times: Vec<TimesDocument>,
    failures: Vec<FailuresDocument>,
    breaks: Vec<BreaksDocument>,
    restatements: RestatementsDocument,
}

#[derive(Serialize)]
struct PeriodDocument {
    name: String,
    kind: Option<&'static str>,
    from: String,
    to: String,
    time_zone: &'static str,
}

#[derive(Serialize)]
struct AsOfDocument {
    note: String,
    until: String,
    standing: &'static str,
    settle_seconds: u64,
    journal: JournalDocument,
}

#[derive(Serialize)]
struct JournalDocument {
    opening: String,
    settled: String,
    closing: String,
}

#[derive(Serialize)]
struct CompletenessDocument {
    ties_out: bool,
    covered: bool,
    unreadable: u64,
    lost: u64,
    ledger_began: String,
    notes: Vec<NoteDocument>,
    profiles: Vec<ProfileDocument>,
}

#[derive(Serialize)]
struct NoteDocument {
    weight: &'static str,
    text: String,
}

#[derive(Serialize)]
struct ProfileDocument {
    id: String,
    name: Option<String>,
    first_poll_at: String,
    covered_to: Option<String>,
    verified_at: Option<String>,
    swept_at: Option<String>,
    complete_polls: u64,
    polls: u64,
}

#[derive(Serialize)]
struct MeasureDocument {
    count: i64,
    source_amount: String,
    destination_amount: String,
    without_source_amount: i64,
    without_destination_amount: i64,
}

#[derive(Serialize)]
struct AccountDocument {
    profile_id: String,
    profile_name: String,
    source_asset: Option<String>,
    destination_asset: Option<String>,
    opening: MeasureDocument,
    created: MeasureDocument,
    adjustments: Vec<AdjustmentDocument>,
    completed: MeasureDocument,
    failed: MeasureDocument,
    rejected: MeasureDocument,
    closing: MeasureDocument,
    residual: MeasureDocument,
}

#[derive(Serialize)]
struct AdjustmentDocument {
    reason: &'static str,
    #[serde(flatten)]
    measure: MeasureDocument,
}

#[derive(Serialize)]
struct OpenDocument {
    age: &'static str,
    asset_pair: String,
    #[serde(flatten)]
    measure: MeasureDocument,
}

#[derive(Serialize)]
struct OpenRowDocument {
    id: String,
    created_at: String,
    profile_id: String,
    status: String,
    route: String,
    source_amount: Option<String>,
}

#[derive(Serialize)]
struct TimesDocument {
    route: String,
    count: u64,
    median_micros: i64,
    p95_micros: i64,
    p99_micros: i64,
    worst_micros: i64,
    limits: Vec<String>,
    over_limit: u64,
}

#[derive(Serialize)]
struct FailuresDocument {
    reason: Option<String>,
    asset_pair: String,
    #[serde(flatten)]
    measure: MeasureDocument,
}

#[derive(Serialize)]
struct BreaksDocument {
    kind: &'static str,
    opening: u64,
    opened: u64,
    resolved: u64,
    closing: u64,
    oldest_opened_at: Option<String>,
}

#[derive(Serialize)]
struct RestatementsDocument {
    periods: Vec<RestatedPeriodDocument>,
    first: Vec<RestatementDocument>,
}

#[derive(Serialize)]
struct RestatedPeriodDocument {
    period: String,
    count: u64,
}

#[derive(Serialize)]
struct RestatementDocument {
    observed_at: String,
    period: String,
    id: String,
    what: &'static str,
    old: String,
    new: String,
}

/// The report as JSON, with a line's end.
///
/// # Errors
///
/// Never: everything in it has a text.
pub fn of(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(&document(report))?;
    text.push('\n');
    Ok(text)
}

fn document(report: &Report) -> Document {
    let period = &report.plan.period;
    Document {
        version: VERSION,
        title: report.title(),
        name: report.plan.name.clone(),
        period: PeriodDocument {
            name: period.name(),
            kind: period.kind.map(crate::schedule::PeriodKind::as_str),
            from: period.from.to_rfc3339(),
            to: period.to.to_rfc3339(),
            time_zone: period.zone.name(),
        },
        as_of: as_of(report),
        completeness: completeness(report),
        accounts: report.accounts.iter().map(|(key, account)| of_account(report, key, account)).collect(),
        open_by_age: report
            .open
            .iter()
            .map(|band| OpenDocument {
                age: band.age.as_str(),
                asset_pair: band.pair.clone(),
                measure: of_measure(&band.measure),
            })
            .collect(),
        oldest_open: report.oldest.iter().map(of_open).collect(),
        completion_times: report
            .times
            .iter()
            .map(|times| TimesDocument {
                route: times.route.clone(),
                count: times.count,
                median_micros: times.median,
                p95_micros: times.p95,
                p99_micros: times.p99,
                worst_micros: times.worst,
                limits: times.limits.clone(),
                over_limit: times.over,
            })
            .collect(),
        failures: report
            .failures
            .iter()
            .map(|failures| FailuresDocument {
                reason: failures.reason.clone(),
                asset_pair: failures.pair.clone(),
                measure: of_measure(&failures.measure),
            })
            .collect(),
        breaks: report
            .breaks
            .iter()
            .map(|line| BreaksDocument {
                kind: line.kind.as_str(),
                opening: line.opening,
                opened: line.opened,
                resolved: line.resolved,
                closing: line.closing,
                oldest_opened_at: line.oldest.map(Timestamp::to_rfc3339),
            })
            .collect(),
        restatements: restatements(report),
    }
}

fn as_of(report: &Report) -> AsOfDocument {
    let basis = &report.basis;
    AsOfDocument {
        note: report.as_of(),
        until: basis.until.to_rfc3339(),
        standing: match basis.standing {
            Standing::Settled => "settled",
            Standing::Provisional => "provisional",
            Standing::Later => "later",
        },
        settle_seconds: report.plan.settle.as_secs(),
        journal: JournalDocument {
            opening: basis.opening.note(),
            settled: basis.settled.note(),
            closing: basis.closing.note(),
        },
    }
}

fn completeness(report: &Report) -> CompletenessDocument {
    let note =
        |sentence: super::Sentence| NoteDocument { weight: sentence.weight.as_str(), text: sentence.text };
    CompletenessDocument {
        ties_out: report.ties_out(),
        covered: report.is_covered(),
        unreadable: report.basis.unreadable,
        lost: report.basis.lost,
        ledger_began: report.basis.ledger_began.to_rfc3339(),
        notes: report.sentences().into_iter().map(note).collect(),
        profiles: report
            .profiles()
            .map(|read| ProfileDocument {
                id: read.profile.id.to_string(),
                name: read.profile.name.clone(),
                first_poll_at: read.first_poll_at.to_rfc3339(),
                covered_to: read.covered_to.map(Timestamp::to_rfc3339),
                verified_at: read.verified_at.map(Timestamp::to_rfc3339),
                swept_at: read.swept.map(|swept| swept.began_at.to_rfc3339()),
                complete_polls: read.polls.complete,
                polls: read.polls.all,
            })
            .collect(),
    }
}

fn of_measure(measure: &Measure) -> MeasureDocument {
    MeasureDocument {
        count: measure.count,
        source_amount: measure.source.to_string(),
        destination_amount: measure.destination.to_string(),
        without_source_amount: measure.without_source,
        without_destination_amount: measure.without_destination,
    }
}

fn of_account(report: &Report, key: &AccountKey, account: &Account) -> AccountDocument {
    let adjustment = |(reason, measure): (&super::Reason, &Measure)| AdjustmentDocument {
        reason: reason.as_str(),
        measure: of_measure(measure),
    };
    AccountDocument {
        profile_id: key.profile.to_string(),
        profile_name: report.profile_name(key),
        source_asset: key.source_asset.as_deref().map(ToOwned::to_owned),
        destination_asset: key.destination_asset.as_deref().map(ToOwned::to_owned),
        opening: of_measure(&account.opening),
        created: of_measure(&account.created),
        adjustments: account.adjustments.iter().map(adjustment).collect(),
        completed: of_measure(&account.completed),
        failed: of_measure(&account.failed),
        rejected: of_measure(&account.rejected),
        closing: of_measure(&account.closing),
        residual: of_measure(&account.residual()),
    }
}

fn of_open(row: &OpenRow) -> OpenRowDocument {
    OpenRowDocument {
        id: row.id.to_string(),
        created_at: row.created_at.to_rfc3339(),
        profile_id: row.profile.to_string(),
        status: row.status.clone(),
        route: row.route.clone(),
        source_amount: row.source_amount.clone(),
    }
}

fn restatements(report: &Report) -> RestatementsDocument {
    let found = &report.restatements;
    RestatementsDocument {
        periods: found
            .counts
            .iter()
            .map(|(period, count)| RestatedPeriodDocument { period: period.clone(), count: *count })
            .collect(),
        first: found
            .first
            .iter()
            .map(|found| RestatementDocument {
                observed_at: found.observed_at.to_rfc3339(),
                period: found.period.clone(),
                id: found.id.to_string(),
                what: found.what.as_str(),
                old: found.old.clone(),
                new: found.new.clone(),
            })
            .collect(),
    }
}
