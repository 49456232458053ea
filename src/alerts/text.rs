//! What people read of a break: one line, the story behind it, the facts, what to do, and where to read on.
//!
//! Pure. Text from outside is made harmless and cut here; each sink escapes what its own form needs beyond that.

mod facts;
mod happened;
mod next;

use url::Url;

use crate::model::{BreakKind, BreakRecord, Occasion, Severity, Timestamp, TransferFacts, cut, plain};

/// The longest text from outside that is told, in characters. Whoever wants more looks into the ledger.
const MAX_VALUE: usize = 300;

/// The longest title, in characters: it is a subject of mail and a line on a phone.
const MAX_TITLE: usize = 200;

/// What is to be told.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// Why.
    pub occasion: Occasion,
    /// How bad it was when that came about.
    pub severity: Severity,
    /// The break.
    pub record: &'a BreakRecord,
    /// What Paxos says of its transfers, where that was asked for.
    pub transfers: &'a [TransferFacts],
    /// The time by Paxos's clock.
    pub now: Timestamp,
}

/// Where more can be read.
#[derive(Clone, Debug, Default)]
pub struct Links {
    /// Where the runbook is; `None` names its file.
    pub runbook: Option<Url>,
}

impl Links {
    /// The runbook's entry for a kind.
    pub fn runbook(&self, kind: BreakKind) -> String {
        match &self.runbook {
            Some(url) => {
                let mut url = url.clone();
                url.set_fragment(Some(kind.as_str()));
                url.into()
            }
            None => format!("docs/runbook.md#{kind}"),
        }
    }
}

/// What people read of a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// All of it in one line.
    pub title: String,
    /// What happened, in sentences.
    pub happened: Vec<String>,
    /// The facts, those that matter most first.
    pub facts: Vec<Fact>,
    /// What to do next.
    pub next: String,
    /// The runbook's entry.
    pub runbook: String,
}

/// One fact, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What it tells.
    pub name: &'static str,
    /// What it is; one line.
    pub value: String,
}

impl Story {
    /// The story of a break.
    pub fn of(telling: &Telling<'_>, links: &Links) -> Self {
        Self {
            title: cut(&happened::title(telling), MAX_TITLE),
            happened: happened::sentences(telling),
            facts: facts::of(telling),
            next: next::step(telling),
            runbook: links.runbook(telling.record.standing.kind),
        }
    }

    /// Everything but the title, as plain text.
    pub fn body(&self) -> String {
        let mut text = self.happened.join("\n");
        text.push_str("\n\n");
        let width = self.facts.iter().map(|fact| fact.name.chars().count()).max().unwrap_or(0);
        for Fact { name, value } in &self.facts {
            text.push_str(&format!("{name:<width$}  {value}\n"));
        }
        text.push_str(&format!("\nNext: {}\nRunbook: {}\n", self.next, self.runbook));
        text
    }
}

/// A text from outside, on one line, harmless and of bounded length.
fn told(text: &str) -> String {
    // What is cut off need not be looked through: a hostile text may be very long.
    cut(&plain(&cut(text, MAX_VALUE + 1)), MAX_VALUE)
}

/// The same of whatever has a text.
fn told_of(value: &impl ToString) -> String {
    told(&value.to_string())
}
