//! What a judge of a test was shown, kept with the page: as breaks that nobody is told of.

use tallyd::model::{Audience, BreakKind, Evidence, Finding, Identifier, Severity, Step, Subject, Tell};

/// A step that keeps a note under a key; a second one under the same key changes nothing if it is the same.
pub(crate) fn note(key: &str, text: &str) -> Step {
    let finding = Finding {
        kind: BreakKind::UnknownStatus,
        subject: Subject::Profile(Identifier::new(key)),
        severity: Severity::Warning,
        evidence: Evidence::UnknownStatus { status: text.to_owned() },
        audience: Audience::Everybody,
    };
    Step::Open { finding, tell: Tell::Nobody }
}

/// The query for the notes, in their order; the key is `subject`.
pub(crate) const NOTES: &str = "SELECT evidence ->> 'status' FROM breaks";
