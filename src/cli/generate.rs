//! What is generated from the command line's own definition: completions and the manual page.

use std::io;

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

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

/// Writes the manual: one page, with a part for each command.
pub(super) fn man(terminal: Terminal) -> Result<Exit, Failure> {
    let mut command = Arguments::command();
    command.build();
    terminal.print(&page(&command).map_err(Failure::Output)?)?;
    Ok(Exit::Fine)
}

fn page(command: &Command) -> io::Result<String> {
    let man = Man::new(command.clone()).manual("tallyd");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    page.extend_from_slice(Roff::new().control("SH", ["COMMANDS"]).to_roff().as_bytes());
    for (name, command) in leaves(command, "tallyd") {
        write_command(&name, command, &mut page)?;
    }
    page.extend_from_slice(closing_sections().to_roff().as_bytes());
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// The commands that do something, by their full names; groups of them only lead there.
fn leaves<'a>(command: &'a Command, name: &str) -> Vec<(String, &'a Command)> {
    command
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
        .flat_map(|command| {
            let name = format!("{name} {}", command.get_name());
            if command.has_subcommands() { leaves(command, &name) } else { vec![(name, command)] }
        })
        .collect()
}

/// A command's synopsis, description and own options; those that every command takes are told once.
fn write_command(name: &str, command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let told_before =
        |arg: &clap::Arg| arg.is_global_set() || arg.get_id() == "help" || arg.get_id() == "version";
    let own =
        command.clone().bin_name(name).mut_args(|arg| if told_before(&arg) { arg.hide(true) } else { arg });
    let has_options = own.get_arguments().any(|arg| !arg.is_hide_set());
    let man = Man::new(own);
    page.extend_from_slice(Roff::new().control("SS", [name]).to_roff().as_bytes());
    let mut sections = vec![Man::render_synopsis_section, Man::render_description_section];
    if has_options {
        sections.push(Man::render_options_section);
    }
    for section in sections {
        let mut text = Vec::new();
        section(&man, &mut text)?;
        // Under the command's own heading theirs would end its part of the page.
        let text = String::from_utf8_lossy(&text);
        let is_body = |line: &&str| [".SH ", ".ie ", ".el "].iter().all(|start| !line.starts_with(start));
        let body = text.lines().filter(is_body);
        page.extend_from_slice(b".PP\n");
        page.extend(body.flat_map(|line| [line, "\n"]).flat_map(str::bytes));
    }
    if let Some(more) = command.get_after_help() {
        let mut example = Roff::new();
        example.control("PP", []).control("nf", []);
        more.to_string().lines().for_each(|line| {
            example.text([roman(line)]);
        });
        page.extend_from_slice(example.control("fi", []).to_roff().as_bytes());
    }
    Ok(())
}

fn closing_sections() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    for (code, meaning) in super::EXIT_CODES {
        roff.control("TP", []).text([bold(*code)]).text([roman(*meaning)]);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, meaning) in super::ENVIRONMENT {
        roff.control("TP", []).text([bold(*name)]).text([roman(*meaning)]);
    }
    roff.control("SH", ["FILES"]);
    roff.control("TP", []).text([bold(crate::config::DEFAULT_PATH)]).text([roman("The configuration.")]);
    roff
}
