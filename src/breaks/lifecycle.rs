//! What becomes of the breaks of one subject, and whether people are told.
//!
//! The contract's rules 8 and 9: one unresolved break for each kind and subject; of the kinds that say "it is held
//! up" only the worst one is told; an acknowledgement mutes until its end or a rise in severity; history is told to
//! nobody.

use crate::model::{
    Audience, BreakKind, BreakNumber, Closing, Evidence, Finding, Mute, Resolution, Severity, Standing, Step,
    Subject, Tell, Told,
};

use super::facts::{Judgement, of_kind};

/// Whether people are told of what was over before the first poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    /// They are not: it is recorded, and no news.
    Recorded,
    /// They are.
    Told,
}

/// The breaks of one subject under judgement.
pub(super) struct Life<'a> {
    subject: Subject,
    standing: &'a [Standing],
    history: History,
    turns: Vec<(BreakKind, Turn)>,
}

/// What a judgement makes of a break.
enum Turn {
    Opens { severity: Severity, evidence: Evidence, audience: Audience },
    Stands { number: BreakNumber, severity: Severity, evidence: Evidence, is_other: Otherness },
    Resolves { number: BreakNumber, why: Resolution },
}

/// Whether a break that stands is as it was.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Otherness {
    Same,
    Other,
}

impl<'a> Life<'a> {
    pub(super) fn of(subject: Subject, standing: &'a [Standing], history: History) -> Self {
        Self { subject, standing, history, turns: Vec::new() }
    }

    /// Takes what a rule says. Of several of one kind only the first counts.
    pub(super) fn take(&mut self, kind: BreakKind, judgement: Judgement) {
        let standing = of_kind(self.standing, kind);
        let turn = match (judgement, standing) {
            (Judgement::Silent | Judgement::Fine(_), None) => return,
            (Judgement::Silent, Some(standing)) => Turn::Stands {
                number: standing.number,
                severity: standing.severity,
                evidence: standing.evidence.clone(),
                is_other: Otherness::Same,
            },
            (Judgement::Fine(why), Some(standing)) => match kind.closing() {
                Closing::ByItself => Turn::Resolves { number: standing.number, why },
                Closing::ByPerson => return,
            },
            (Judgement::Wrong { severity, evidence, audience }, None) => {
                Turn::Opens { severity, evidence, audience }
            }
            (Judgement::Wrong { severity, evidence, .. }, Some(standing)) => {
                // It may rest on another leg or limit by now; that does not make it less bad than it was.
                let severity = severity.max(standing.severity);
                let is_same = severity == standing.severity && evidence == standing.evidence;
                let is_other = if is_same { Otherness::Same } else { Otherness::Other };
                Turn::Stands { number: standing.number, severity, evidence, is_other }
            }
        };
        self.turns.push((kind, turn));
    }

    /// The steps, in the order of the kinds.
    pub(super) fn steps(self) -> Vec<Step> {
        let worst = self.turns.iter().filter_map(|(kind, turn)| match turn {
            Turn::Opens { .. } | Turn::Stands { .. } => kind.held_up_rank(),
            Turn::Resolves { .. } => None,
        });
        let worst = worst.max();
        let may_tell = |kind: BreakKind| {
            let is_worst = kind.held_up_rank().is_none_or(|rank| Some(rank) == worst);
            if is_worst { Tell::People } else { Tell::Nobody }
        };
        let mut steps = Vec::new();
        for (kind, turn) in self.turns {
            let standing = of_kind(self.standing, kind);
            match turn {
                Turn::Opens { severity, evidence, audience } => {
                    let is_news = audience == Audience::Everybody || self.history == History::Told;
                    let audience = if is_news { Audience::Everybody } else { Audience::Nobody };
                    let tell = if is_news { may_tell(kind) } else { Tell::Nobody };
                    let finding =
                        Finding { kind, subject: self.subject.clone(), severity, evidence, audience };
                    steps.push(Step::Open { finding, tell });
                }
                Turn::Stands { number, severity, evidence, is_other } => {
                    let Some(standing) = standing else { continue };
                    if is_unmuted_by(standing, severity) {
                        steps.push(Step::Unmute { number, tell: Tell::Nobody });
                    }
                    let tell = tell_standing(standing, severity, may_tell(kind));
                    if is_other == Otherness::Other || tell == Tell::People {
                        steps.push(Step::Revise { number, severity, evidence, tell });
                    }
                }
                Turn::Resolves { number, why } => {
                    let tell = standing.map_or(Tell::Nobody, tell_end);
                    steps.push(Step::Resolve { number, why, tell });
                }
            }
        }
        steps
    }
}

/// Whether a rise in severity ends an acknowledgement.
fn is_unmuted_by(standing: &Standing, severity: Severity) -> bool {
    matches!(&standing.mute, Mute::On(acknowledged) if severity > acknowledged.severity)
}

/// Whether a break that stands is told: for the first time, where something worse held it back, or as worse
/// than it was.
fn tell_standing(standing: &Standing, severity: Severity, may: Tell) -> Tell {
    let is_muted = matches!(standing.mute, Mute::On(_)) && !is_unmuted_by(standing, severity);
    let is_news = Told::As(severity) > standing.told;
    if standing.audience == Audience::Everybody && is_news && !is_muted { may } else { Tell::Nobody }
}

/// The end is told to those who were told of the beginning.
pub(super) fn tell_end(standing: &Standing) -> Tell {
    match standing.told {
        Told::Nothing => Tell::Nobody,
        Told::As(_) => Tell::People,
    }
}
