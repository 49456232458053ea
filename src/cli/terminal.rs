//! Where output goes: data to standard output, talk to standard error.

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};

use super::failure::Failure;
use crate::model::MAX_SKEW_MICROS;

pub(super) use crate::display::numbers::{age, thousands};
pub(super) use crate::model::{plain, span};

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum ColourChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The two streams and how they look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terminal {
    /// Whether standard output shows colours.
    colour: bool,
    /// Whether standard error shows colours.
    error_colour: bool,
    /// Whether somebody watches standard error.
    watched: bool,
}

impl Terminal {
    /// The streams of this process. `no_color` is whether `NO_COLOR` is set (<https://no-color.org>).
    pub(super) fn new(choice: ColourChoice, no_color: bool) -> Self {
        let colour = |is_terminal: bool| match choice {
            ColourChoice::Auto => is_terminal && !no_color,
            ColourChoice::Always => true,
            ColourChoice::Never => false,
        };
        let watched = io::stderr().is_terminal();
        Self { colour: colour(io::stdout().is_terminal()), error_colour: colour(watched), watched }
    }

    /// Whether standard error shows colours.
    pub(super) fn error_colour(self) -> bool {
        self.error_colour
    }

    /// Whether somebody watches standard error.
    pub(super) fn is_watched(self) -> bool {
        self.watched
    }

    /// Writes data to standard output. A reader that went away, such as `head`, is no error.
    #[expect(clippy::unused_self, reason = "only who was handed the terminal may write to it")]
    pub(super) fn print(self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Output(error)),
            _ => Ok(()),
        }
    }

    /// Writes a line of talk to standard error. Talk that cannot be heard stops nothing.
    #[expect(clippy::unused_self, reason = "only who was handed the terminal may write to it")]
    pub(super) fn tell(self, line: &str) {
        writeln!(io::stderr().lock(), "{line}").unwrap_or_default();
    }

    /// Asks somebody who sits at the terminal whether to go on.
    pub(super) fn ask(self, question: &str) -> Result<Answer, Failure> {
        if !self.watched || !io::stdin().is_terminal() {
            return Ok(Answer::Nobody);
        }
        write!(io::stderr().lock(), "{question} [y/N] ").unwrap_or_default();
        let mut line = String::new();
        io::stdin().read_line(&mut line).map_err(Failure::Output)?;
        let is_yes = matches!(line.trim().to_lowercase().as_str(), "y" | "yes");
        Ok(if is_yes { Answer::Yes } else { Answer::No })
    }

    /// Text in a colour, where standard output shows colours.
    pub(super) fn paint(self, text: &str, colour: Paint) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let style = match colour {
            Paint::Good => console::Style::new().green(),
            Paint::Warning => console::Style::new().yellow(),
            Paint::Bad => console::Style::new().red().bold(),
            Paint::Faint => console::Style::new().dim(),
            Paint::Heading => console::Style::new().bold(),
        };
        style.force_styling(true).apply_to(text).to_string()
    }
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Go on.
    Yes,
    /// Do not.
    No,
    /// Nobody is there who could answer.
    Nobody,
}

/// What a colour says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Wrong.
    Bad,
    /// Of little weight.
    Faint,
    /// A heading.
    Heading,
}

/// A table without lines that fits the terminal.
pub(super) fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(headings);
    table
}

/// A table as text, without blanks at the ends of its lines.
pub(super) fn render(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How far the local clock is off, `45 s ahead of Paxos's`, where that is worth telling.
pub(super) fn skew_worth_telling(micros: i64) -> Option<String> {
    let direction = if micros > 0 { "ahead of" } else { "behind" };
    (micros.abs() > MAX_SKEW_MICROS).then(|| format!("{} s {direction} Paxos's", micros.abs() / 1_000_000))
}
