//! `breaks show`: the whole story of a break, or of every break of an orchestration.

use std::fmt::Write as _;

use serde_json::json;

use crate::cli::failure::Failure;
use crate::cli::poll::to_json;
use crate::cli::terminal::{Paint, Terminal, plain};
use crate::cli::{Exit, session, show};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::display::history::{break_details, break_headline};
use crate::display::{breaks, facts, words};
use crate::ledger::{BreakStory, Reader};
use crate::model::{BreakNumber, Severity, Timestamp};

/// What `breaks show` takes.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct ShowArguments {
    /// The number of a break, or the id or `ref_id` of an orchestration
    #[arg(value_name = "NUMBER|ID")]
    of: String,
    /// Show it as JSON
    #[arg(long)]
    json: bool,
}

/// Shows breaks.
pub(super) fn run(config: &Config, wanted: &ShowArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let reader = Reader::open(&session::ledger_path(config))?;
    let stories = find(&reader, &wanted.of)?;
    let now = session::by_paxos(&reader, SystemClock.now())?;
    terminal.print(&if wanted.json {
        to_json(&json!({ "breaks": stories.iter().map(breaks::story).collect::<Vec<_>>() }))?
    } else {
        stories.iter().map(|story| text(story, now, terminal)).collect::<Vec<_>>().join("\n")
    })?;
    Ok(Exit::Fine)
}

fn find(reader: &Reader, text: &str) -> Result<Vec<BreakStory>, Failure> {
    if let Ok(number) = text.parse()
        && let Some(story) = reader.break_story(BreakNumber(number))?
    {
        return Ok(vec![story]);
    }
    let id = show::resolve(reader, text)?;
    let stories: Vec<_> = reader
        .breaks_about(&id)?
        .into_iter()
        .map(|number| reader.break_story(number))
        .collect::<Result<_, _>>()?;
    let stories: Vec<_> = stories.into_iter().flatten().collect();
    if stories.is_empty() {
        let problem = anyhow::anyhow!(
            "no break has the number {text}, and none is about an orchestration with that id or ref_id; \
             `tallyd breaks list` shows what there is"
        );
        return Err(problem.into());
    }
    Ok(stories)
}

fn text(story: &BreakStory, now: Timestamp, terminal: Terminal) -> String {
    let record = &story.record;
    let standing = &record.standing;
    let paint = match (&record.resolved, standing.severity) {
        (Some(_), _) => Paint::Faint,
        (None, Severity::Critical) => Paint::Bad,
        (None, Severity::Warning) => Paint::Warning,
    };
    let heading = format!("break {}: {}", standing.number, standing.kind);
    let severity = terminal.paint(standing.severity.as_str(), paint);
    let mut text =
        format!("{}, {severity}, {}\n", terminal.paint(&heading, Paint::Heading), words::state(record));
    for (name, value) in facts::of_break(record, now) {
        writeln!(text, "{} {value}", terminal.paint(&format!("{name:<16}"), Paint::Faint))
            .unwrap_or_default();
    }
    for episode in &story.episodes {
        let (number, opened) = (episode.standing.number, episode.standing.opened_at.to_rfc3339_seconds());
        let end = match &episode.resolved {
            Some(resolved) => {
                format!("resolved {}: {}", resolved.at.to_rfc3339_seconds(), plain(&resolved.why.to_string()))
            }
            None => "unresolved".to_owned(),
        };
        let name =
            terminal.paint(&format!("{:<16}", format!("episode {}", episode.standing.episode)), Paint::Faint);
        writeln!(text, "{name} break {number}, opened {opened}, {end}").unwrap_or_default();
    }
    text.push('\n');
    if let Some(at) = story.pruned_at {
        writeln!(text, "earlier history was pruned on {}", at.to_rfc3339_seconds()).unwrap_or_default();
    }
    for step in &story.steps {
        let time = terminal.paint(&step.at.to_rfc3339_seconds(), Paint::Heading);
        writeln!(text, "{time}  {}", plain(&break_headline(&step.event))).unwrap_or_default();
        for line in break_details(&step.event.step) {
            writeln!(text, "  {}", plain(&line)).unwrap_or_default();
        }
    }
    for notice in &story.notices {
        let time = terminal.paint(&notice.at.to_rfc3339_seconds(), Paint::Heading);
        let sinks: Vec<_> = notice.deliveries.iter().map(facts::delivery).collect();
        writeln!(text, "{time}  told as {}, {}: {}", notice.occasion, notice.severity, sinks.join("; "))
            .unwrap_or_default();
    }
    text
}
