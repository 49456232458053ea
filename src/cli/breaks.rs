//! `breaks`: what is wrong, and what people do with it.

mod ack;
mod csv;
mod deeds;
mod filters;
mod list;
mod replay;
mod resolve;
mod show;
mod unack;

pub(super) use filters::profiles;

use super::failure::Failure;
use super::terminal::Terminal;
use super::{Common, Exit, session};

/// What can be done with breaks.
#[derive(Debug, clap::Subcommand)]
pub(super) enum BreaksCommand {
    /// List breaks, those that need a person first in front
    ///
    /// Not acknowledged before acknowledged, critical before warning, news before history, the oldest trouble
    /// first. Without --state the unresolved ones are meant.
    List(Box<list::ListArguments>),
    /// Show the whole story of a break, or of every break of an orchestration
    Show(show::ShowArguments),
    /// Show what this configuration would have raised over the ledger's past
    ///
    /// Judges every state that the journal tells of again, with the limits of the configuration, and puts what that
    /// raises beside what the ledger raised. Nothing is changed: it reads, beside a daemon too. Give a changed
    /// configuration with --config to see what a change of limits comes to before it is made.
    Replay(Box<replay::ReplayArguments>),
    /// Acknowledge breaks: nobody is told of them any more until then, or until they resolve or get worse
    #[command(
        override_usage = "tallyd breaks ack [OPTIONS] --why <TEXT> <NUMBER>...\n       tallyd breaks ack [OPTIONS] --why <TEXT> <FILTERS>"
    )]
    Ack(Box<ack::AckArguments>),
    /// Take acknowledgements back
    #[command(
        override_usage = "tallyd breaks unack [OPTIONS] <NUMBER>...\n       tallyd breaks unack [OPTIONS] <FILTERS>"
    )]
    Unack(Box<unack::UnackArguments>),
    /// Resolve breaks that only a person can resolve, such as failed ones
    #[command(
        override_usage = "tallyd breaks resolve [OPTIONS] --why <TEXT> <NUMBER>...\n       tallyd breaks resolve [OPTIONS] --why <TEXT> <FILTERS>"
    )]
    Resolve(Box<resolve::ResolveArguments>),
}

/// Runs a command about breaks.
pub(super) fn run(common: &Common, wanted: &BreaksCommand, terminal: Terminal) -> Result<Exit, Failure> {
    let config = session::load_for_reading(common, terminal)?;
    match wanted {
        BreaksCommand::List(wanted) => list::run(&config, wanted, terminal),
        BreaksCommand::Replay(wanted) => replay::run(&config, wanted, terminal),
        BreaksCommand::Show(wanted) => show::run(&config, wanted, terminal),
        BreaksCommand::Ack(wanted) => ack::run(&config, wanted, terminal),
        BreaksCommand::Unack(wanted) => unack::run(&config, wanted, terminal),
        BreaksCommand::Resolve(wanted) => resolve::run(&config, wanted, terminal),
    }
}
