//! Judging how profiles fare: `profile_unpolled`, and the account that is in doubt.
//!
//! One break a cause, which names all the profiles that it keeps from being polled: an outage of Paxos is one
//! break, whatever was going on.

use std::collections::BTreeMap;

use crate::model::{
    Audience, BreakKind, Cause, Evidence, Finding, Mute, PollFacts, Profile, ProfileFacts, Resolution,
    Severity, Standing, Step, Subject, Tell, Timestamp, Told, Trouble,
};

use super::facts::{Judgement, of_kind};
use super::lifecycle::{History, Life, tell_end};
use super::limits::Limits;

/// The profiles that are late by cause, since when each, and what the first one's last poll says.
type Late = BTreeMap<Cause, (Vec<(Profile, Timestamp)>, String)>;

/// What becomes of breaks by how polls went, and by the time that went by.
pub fn judge_polls(limits: &Limits, facts: &PollFacts<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for standing in facts.removed {
        steps.push(Step::Resolve {
            number: standing.number,
            why: Resolution::ProfileRemoved,
            tell: tell_end(standing),
        });
    }
    steps.extend(unpolled(limits, facts));
    for profile in facts.profiles {
        steps.extend(doubted(profile, facts.standing));
    }
    for standing in facts.mute_ended {
        let tell = match (standing.audience, &standing.mute) {
            (Audience::Everybody, Mute::On(_)) => Tell::People,
            _ => Tell::Nobody,
        };
        steps.push(Step::Unmute { number: standing.number, tell });
    }
    steps
}

/// So many orchestrations of a profile are gone at once that its account is in doubt.
fn doubted(profile: &ProfileFacts, standing: &[Standing]) -> Vec<Step> {
    let subject = Subject::Profile(profile.profile.id.clone());
    let own: Vec<Standing> =
        standing.iter().filter(|standing| standing.subject == subject).cloned().collect();
    match (profile.many_gone, of_kind(&own, BreakKind::MissingUpstream)) {
        (Some(gone), _) => {
            let mut life = Life::of(subject, &own, History::Told);
            let wrong = Judgement::Wrong {
                severity: Severity::Critical,
                evidence: Evidence::ManyGone { missing: gone.missing, of: gone.of },
                audience: Audience::Everybody,
            };
            life.take(BreakKind::MissingUpstream, wrong);
            life.steps()
        }
        (None, Some(standing)) => vec![Step::Resolve {
            number: standing.number,
            why: Resolution::Over("a later look found no more of them gone than usual".to_owned()),
            tell: tell_end(standing),
        }],
        (None, None) => Vec::new(),
    }
}

/// The profiles that were not completely polled for longer than the limit, by cause.
fn unpolled(limits: &Limits, facts: &PollFacts<'_>) -> Vec<Step> {
    let mut late: Late = BTreeMap::new();
    for profile in facts.profiles {
        if facts.now <= profile.polled_at.plus(limits.profile_unpolled) {
            continue;
        }
        let trouble = profile.trouble.clone().unwrap_or_else(|| Trouble {
            cause: Cause::Incomplete,
            reason: "no poll of it has ended since".to_owned(),
        });
        // That so many are gone is why its polls are not complete, and a break of its own already.
        if profile.many_gone.is_some() && trouble.cause == Cause::Incomplete {
            continue;
        }
        let cause = told_before(&profile.profile, trouble.cause, facts.standing);
        let (profiles, reason) = late.entry(cause).or_default();
        profiles.push((profile.profile.clone(), profile.polled_at));
        if reason.is_empty() {
            *reason = trouble.reason;
        }
    }
    let mut steps = Vec::new();
    for (cause, (profiles, reason)) in &late {
        let evidence = Evidence::Unpolled { profiles: profiles.clone(), reason: reason.clone() };
        let standing = facts.standing.iter().find(|standing| standing.subject == Subject::Cause(*cause));
        match standing {
            None => steps.push(Step::Open {
                finding: Finding {
                    kind: BreakKind::ProfileUnpolled,
                    subject: Subject::Cause(*cause),
                    severity: Severity::Critical,
                    evidence,
                    audience: Audience::Everybody,
                },
                tell: Tell::People,
            }),
            Some(standing) if standing.evidence == evidence => {}
            Some(standing) => {
                let has_more = profiles.iter().any(|(profile, _)| !names(standing, profile));
                let is_muted = matches!(standing.mute, Mute::On(_));
                let tell = if has_more && !is_muted { Tell::People } else { Tell::Nobody };
                let (number, severity) = (standing.number, standing.severity);
                steps.push(Step::Revise { number, severity, evidence, tell });
            }
        }
    }
    for standing in facts.standing {
        if let Subject::Cause(cause) = standing.subject
            && !late.contains_key(&cause)
        {
            steps.push(Step::Resolve {
                number: standing.number,
                why: Resolution::Over(after(standing, &late)),
                tell: tell_end(standing),
            });
        }
    }
    steps
}

/// The cause under which the profile is told: an outage changes its face from one poll to the next, and stays one
/// break. What only a person ends is another one.
fn told_before(profile: &Profile, cause: Cause, standing: &[Standing]) -> Cause {
    if matches!(cause, Cause::Credentials | Cause::Forbidden) {
        return cause;
    }
    let before = standing.iter().find_map(|standing| match standing.subject {
        Subject::Cause(before) if names(standing, profile) && standing.told != Told::Nothing => Some(before),
        _ => None,
    });
    match before {
        Some(Cause::Credentials | Cause::Forbidden) | None => cause,
        Some(before) => before,
    }
}

fn names(standing: &Standing, profile: &Profile) -> bool {
    match &standing.evidence {
        Evidence::Unpolled { profiles, .. } => profiles.iter().any(|(named, _)| named.id == profile.id),
        _ => false,
    }
}

/// Why a cause is over: its profiles are polled again, or something else keeps them from it now.
fn after(standing: &Standing, late: &Late) -> String {
    let others =
        late.iter().filter(|(_, (profiles, _))| profiles.iter().any(|(profile, _)| names(standing, profile)));
    let others: Vec<&str> = others.map(|(cause, _)| cause.as_str()).collect();
    if others.is_empty() {
        "every profile was completely polled again".to_owned()
    } else {
        format!("something else keeps them from being polled: {}", others.join(", "))
    }
}
