//! The configuration: from the user's TOML to one checked [`Config`].
//!
//! It alone reads the environment, the configuration file and the files that hold secrets. Every
//! mistake is found in one go and told with its place. What the settings are for is left to the rooms
//! that are given them.

mod alerts;
mod certificates;
mod complaint;
mod fault;
mod file;
mod findings;
mod limits;
mod profiles;
mod reader;
mod reports;
mod schema;
mod secret;
mod server;
mod settings;
mod summary;
mod sweeps;
mod syntax;
mod table;
mod unique;
mod value;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use self::fault::Source;
use self::findings::Findings;

pub use self::alerts::*;
pub use self::fault::{Colour, ConfigError, Fault, Position, Warning};
pub use self::settings::*;
pub use self::sweeps::parse_window;

/// Where the configuration is when neither `--config` nor `TALLYD_CONFIG` names another place.
pub const DEFAULT_PATH: &str = "/etc/tallyd/config.toml";

/// The longest configuration file that is read, in bytes. A real one has a few thousand: whatever is
/// longer was named by mistake.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The environment as it is handed in: the value of a variable, `None` where it is not set.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// The configuration's path: what the user gave (`--config`, or `TALLYD_CONFIG` through the command
/// line's parser), else [`DEFAULT_PATH`].
pub fn path_from(given: Option<PathBuf>) -> PathBuf {
    given.unwrap_or_else(|| PathBuf::from(DEFAULT_PATH))
}

/// The value of a variable in the environment of this process: what a program hands to
/// [`Config::load`].
#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
pub fn process_environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// A configuration that can be used, and what is doubtful about it.
#[derive(Debug)]
pub struct Loaded {
    /// The checked settings.
    pub config: Config,
    /// What works and should still be looked at, in the order of the file.
    pub warnings: Vec<Warning>,
    source: Source,
}

impl Loaded {
    /// The warnings in the style of a compiler, with the lines they are about; empty without any.
    pub fn render_warnings(&self, colour: Colour) -> String {
        self.source.render_warnings(&self.warnings, colour)
    }
}

/// Whether the secrets that a configuration names are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Secrets {
    /// They are.
    Read,
    /// They are not looked for.
    LeftOut,
}

impl Config {
    /// Reads and checks the configuration at `path`, and the secrets it names.
    ///
    /// # Errors
    ///
    /// Every fault there is, at once: an unreadable file, faults of syntax, unknown keys, values of
    /// the wrong type or out of range, missing keys, a secret that cannot be had.
    pub fn load(path: &Path, environment: Environment<'_>) -> Result<Loaded, ConfigError> {
        Self::load_with(path, environment, Secrets::Read)
    }

    /// The same for who asks and tells nobody anything: every secret is left out, and empty. So a ledger can be
    /// looked at by who may read it and not the secrets.
    ///
    /// # Errors
    ///
    /// Every fault but those of secrets that cannot be had.
    pub fn load_without_secrets(path: &Path, environment: Environment<'_>) -> Result<Loaded, ConfigError> {
        Self::load_with(path, environment, Secrets::LeftOut)
    }

    fn load_with(path: &Path, environment: Environment<'_>, secrets: Secrets) -> Result<Loaded, ConfigError> {
        let text = match file::read_text(path, MAX_FILE_BYTES) {
            Ok(text) => text,
            Err(unreadable) => return Err(ConfigError::of_the_file(path, unreadable.into_complaint())),
        };
        let mut findings = Findings::new(path, &text, secrets);
        let (repaired, trust) = syntax::repair(&text, &mut findings);
        let config = match trust {
            syntax::Trust::Tables => reader::read(&repaired, environment, &mut findings).ok(),
            syntax::Trust::Nothing => None,
        };
        let (faults, warnings, source) = findings.finish();
        match config {
            Some(config) if faults.is_empty() => Ok(Loaded { config, warnings, source }),
            _ => Err(ConfigError::new(faults, source)),
        }
    }
}
