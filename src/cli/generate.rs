//! What is generated from the command line's own definition: completions and the manual page.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::failure::Failure;
use super::terminal::Terminal;
use super::{Arguments, Exit};

/// What `completions` takes.
#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

/// Writes completions for a shell.
pub(super) fn completions(wanted: &CompletionsArguments, terminal: Terminal) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(wanted.shell, &mut Arguments::command(), "tallyd", &mut script);
    terminal.print(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Fine)
}

/// Writes the manual: one page, with a section for each subcommand.
pub(super) fn man(terminal: Terminal) -> Result<Exit, Failure> {
    let mut page = Vec::new();
    let mut command = Arguments::command();
    command.build();
    let man = clap_mangen::Man::new(command.clone());
    man.render(&mut page).map_err(Failure::Output)?;
    for subcommand in command.get_subcommands() {
        let name = format!("tallyd {}", subcommand.get_name());
        let man = clap_mangen::Man::new(subcommand.clone().display_name(&name).bin_name(&name));
        page.extend_from_slice(format!(".SH \"{}\"\n", name.to_uppercase()).as_bytes());
        man.render_description_section(&mut page).map_err(Failure::Output)?;
        man.render_options_section(&mut page).map_err(Failure::Output)?;
    }
    terminal.print(&String::from_utf8_lossy(&page))?;
    Ok(Exit::Fine)
}
