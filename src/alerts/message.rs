//! What a sink is handed: one break, many of a kind, what did not arrive elsewhere, or a test.

use sha2::{Digest as _, Sha256};

use super::plan::Tone;
use super::text::{Links, Story, Telling};
use crate::model::{
    BreakKind, BreakNumber, BreakRecord, Notice, Profile, Queued, Severity, SinkName, Subject, Timestamp,
    Waiting, cut, plain,
};

/// How many of a batch are named.
pub const NAMED: usize = 10;

/// Something to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// One break.
    Break(Box<OneBreak>),
    /// Many breaks of one kind and profile.
    Summary(Summary),
    /// That another sink could not be told something.
    DeadLetters(DeadLetters),
    /// That this sink works.
    Test(Test),
}

/// One break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneBreak {
    /// What is told.
    pub notice: Notice,
    /// The break as it stands.
    pub record: BreakRecord,
    /// In words.
    pub story: Story,
}

/// Many breaks of one kind and profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Names the batch: the same members give the same key.
    pub key: String,
    /// Their kind.
    pub kind: BreakKind,
    /// Whether they stand or are over.
    pub tone: Tone,
    /// How bad the worst of them is.
    pub severity: Severity,
    /// Their profile; `None` for what is about several.
    pub profile: Option<Profile>,
    /// How many.
    pub count: usize,
    /// All of them, by number and key.
    pub members: Vec<(BreakNumber, String)>,
    /// The first of them, each in a line.
    pub first: Vec<SummaryLine>,
    /// When the last of them came about.
    pub at: Timestamp,
    /// The runbook's entry.
    pub runbook: String,
}

/// One break of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryLine {
    /// Its number.
    pub number: BreakNumber,
    /// What it is about.
    pub subject: Subject,
    /// In one line.
    pub title: String,
}

/// That another sink could not be told something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetters {
    /// Which sink.
    pub sink: SinkName,
    /// How many notices were given up.
    pub count: u64,
    /// When the last of them was.
    pub at: Timestamp,
    /// What went wrong last.
    pub error: String,
}

/// That a sink works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// The sink.
    pub sink: SinkName,
    /// When.
    pub at: Timestamp,
}

impl Message {
    /// One break, told.
    pub fn of_break(waiting: Waiting, links: &Links, now: Timestamp) -> Self {
        let Waiting { queued: Queued { notice, .. }, record } = waiting;
        let telling = Telling {
            occasion: notice.occasion,
            severity: notice.severity,
            record: &record,
            transfers: &record.transfers,
            now,
        };
        let story = Story::of(&telling, links);
        Self::Break(Box::new(OneBreak { notice, record, story }))
    }

    /// Many of a kind, told as one. `named` are the first of them; `None` where there is nothing to tell.
    pub fn of_many(members: &[Queued], named: Vec<Waiting>, links: &Links, now: Timestamp) -> Option<Self> {
        let first = members.first()?;
        let profile = named.iter().find_map(|waiting| waiting.record.profile.clone());
        let first_lines = named.into_iter().take(NAMED).map(|waiting| {
            let (number, subject) = (waiting.queued.notice.number, waiting.queued.notice.subject.clone());
            match Self::of_break(waiting, links, now) {
                Self::Break(one) => SummaryLine { number, subject, title: one.story.title },
                _ => SummaryLine { number, subject, title: String::new() },
            }
        });
        Some(Self::Summary(Summary {
            key: batch_key(members),
            kind: first.notice.kind,
            tone: Tone::of(first.notice.occasion),
            severity: members.iter().map(|queued| queued.notice.severity).max()?,
            profile,
            count: members.len(),
            members: members.iter().map(|queued| (queued.notice.number, queued.notice.key())).collect(),
            first: first_lines.collect(),
            at: members.iter().map(|queued| queued.notice.at).max()?,
            runbook: links.runbook(first.notice.kind),
        }))
    }

    /// Names what it is about, over all that is ever told of it.
    pub fn key(&self) -> String {
        match self {
            Self::Break(one) => one.notice.key(),
            Self::Summary(summary) => summary.key.clone(),
            Self::DeadLetters(dead) => format!("tallyd/dead_letters/{}", dead.sink),
            Self::Test(test) => format!("tallyd/test/{}", test.sink),
        }
    }

    /// Names this telling: sent a second time it is the same.
    pub fn delivery_key(&self) -> String {
        match self {
            Self::Break(one) => {
                let Notice { occasion, at, .. } = &one.notice;
                format!("{}/{occasion}/{}", one.notice.key(), at.as_micros())
            }
            Self::Summary(summary) => summary.key.clone(),
            Self::DeadLetters(dead) => format!("{}/{}", self.key(), dead.at.as_micros()),
            Self::Test(test) => format!("{}/{}", self.key(), test.at.as_micros()),
        }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Break(one) => one.notice.severity,
            Self::Summary(summary) => summary.severity,
            Self::DeadLetters(_) => Severity::Critical,
            Self::Test(_) => Severity::Warning,
        }
    }

    /// What it does to what it is about.
    pub fn tone(&self) -> Tone {
        match self {
            Self::Break(one) => Tone::of(one.notice.occasion),
            Self::Summary(summary) => summary.tone,
            Self::DeadLetters(_) | Self::Test(_) => Tone::Stands,
        }
    }

    /// When it came about.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Break(one) => one.notice.at,
            Self::Summary(summary) => summary.at,
            Self::DeadLetters(dead) => dead.at,
            Self::Test(test) => test.at,
        }
    }

    /// All of it in one line.
    pub fn title(&self) -> String {
        match self {
            Self::Break(one) => one.story.title.clone(),
            Self::Summary(summary) => summary.title(),
            Self::DeadLetters(dead) => {
                let sink = plain(&dead.sink.0);
                format!(
                    "{} message(s) could not be delivered to the sink {sink} and were given up",
                    dead.count
                )
            }
            Self::Test(test) => format!("Test of the sink {}: nothing is wrong", plain(&test.sink.0)),
        }
    }

    /// Everything but the title, as plain text.
    pub fn body(&self) -> String {
        match self {
            Self::Break(one) => one.story.body(),
            Self::Summary(summary) => summary.body(),
            Self::DeadLetters(dead) => format!(
                "What went wrong: {}\n\nNext: see `tallyd alerts outbox`, and mend the sink. Breaks are in \
                 `tallyd breaks list`, reports in their folders.\n",
                cut(&plain(&dead.error), 300)
            ),
            Self::Test(test) => format!(
                "Somebody asked for this with `tallyd alerts test` at {}. No break is behind it.\n",
                test.at.to_rfc3339_seconds()
            ),
        }
    }
}

impl Summary {
    fn title(&self) -> String {
        let profile = self.profile.as_ref().map(|profile| format!("{}: ", cut(&plain(&profile.label()), 80)));
        let profile = profile.unwrap_or_default();
        match self.tone {
            Tone::Stands => format!("{profile}{} breaks of kind {}", self.count, self.kind),
            Tone::LookedAfter => {
                format!("Acknowledged: {profile}{} breaks of kind {}", self.count, self.kind)
            }
            Tone::Over => format!("Resolved: {profile}{} breaks of kind {}", self.count, self.kind),
        }
    }

    fn body(&self) -> String {
        let mut text = String::from("Too many for a message each; the first are:\n\n");
        for line in &self.first {
            text.push_str(&format!("- {} ({})\n", line.title, self.subject_of(line)));
        }
        let more = self.count.saturating_sub(self.first.len());
        if more > 0 {
            text.push_str(&format!("- and {more} more\n"));
        }
        text.push_str(&format!(
            "\nNext: tallyd breaks list --kind {}\nRunbook: {}\n",
            self.kind, self.runbook
        ));
        text
    }

    /// What one of many is about, fit to be shown.
    pub fn subject_of(&self, line: &SummaryLine) -> String {
        cut(&plain(&line.subject.to_string()), 80)
    }
}

/// A key that is made of the members alone.
fn batch_key(members: &[Queued]) -> String {
    let mut hash = Sha256::new();
    for queued in members {
        let Notice { occasion, at, .. } = &queued.notice;
        hash.update(format!("{}/{occasion}/{}\n", queued.notice.key(), at.as_micros()));
    }
    let kind = members.first().map_or("none", |queued| queued.notice.kind.as_str());
    format!("tallyd/summary/{kind}/{}-{}", members.len(), hex(&hash.finalize()[..12]))
}

/// A key of at most `most` bytes: a longer one ends in its digest. The text before is for people.
pub fn bounded(key: &str, most: usize) -> String {
    if key.len() <= most {
        return key.to_owned();
    }
    let digest = hex(&Sha256::digest(key)[..16]);
    let mut end = most.saturating_sub(digest.len() + 1);
    while !key.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}~{digest}", &key[..end])
}

/// Bytes as hexadecimal text.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
