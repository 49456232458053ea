//! The client secret: from a file, an environment variable or a systemd credential.
//!
//! A value under these keys may be the secret itself, put there by mistake. So it is told back only
//! where it has the shape of what belongs there.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use toml::de::DeValue;

use super::Environment;
use super::complaint::Complaint;
use super::file::{self, Unreadable};
use super::findings::{Findings, Reported};
use super::settings::SecretSource;
use super::table::{Placed, Table};
use super::value;

/// The keys that name a secret's source.
const KEYS: [&str; 3] = ["client_secret_file", "client_secret_env", "client_secret_credential"];

/// The longest secret that is read, in bytes.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Where systemd puts a unit's credentials.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// The client secret of a table, and where it came from.
pub(super) fn read(
    table: &Table<'_>,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<(SecretString, SecretSource), Reported> {
    let [file_key, env_key, credential_key] = KEYS;
    let file = table.optional(file_key, findings, |value| Ok(SecretSource::File(path(value)?)));
    let variable =
        table.optional(env_key, findings, |value| Ok(SecretSource::Variable(variable_name(value)?)));
    let credential = table
        .optional(credential_key, findings, |value| Ok(SecretSource::Credential(credential_name(value)?)));
    let present: Vec<&str> = KEYS.into_iter().filter(|key| table.has(key)).collect();
    if let [first, others @ ..] = present.as_slice() {
        for other in others {
            let complaint = Complaint::new(format!("the secret is already given by `{first}`"))
                .help("keep exactly one of them");
            findings.fault(table.key_span(other), &table.label(other), complaint);
        }
    }
    let Some(source) = file?.or(variable?).or(credential?) else { return Err(missing(table, findings)) };
    let key = present.first().copied().unwrap_or(file_key);
    let span = source.span();
    match fetch(source.get_ref(), environment) {
        Ok(secret) => {
            warn_of_readers(table, &source, findings);
            Ok((secret, source.into_inner()))
        }
        Err(complaint) => Err(findings.fault(span, &table.label(key), complaint)),
    }
}

fn missing(table: &Table<'_>, findings: &mut Findings<'_>) -> Reported {
    if let Some(reported) = KEYS.iter().find_map(|key| table.misspelt(key)) {
        return reported;
    }
    let complaint = Complaint::new("missing: there is no stand-in for it").help(
        "add `client_secret_file = \"/etc/tallyd/secret\"`, `client_secret_env = \"NAME\"` or \
         `client_secret_credential = \"name\"`",
    );
    findings.missing(Some(table.span()), &table.label("client_secret_file"), complaint)
}

fn path(value: &DeValue<'_>) -> Result<PathBuf, Complaint> {
    value::path(value).map_err(|_| Complaint::new("expected the path of a file").masked())
}

fn variable_name(value: &DeValue<'_>) -> Result<String, Complaint> {
    let is_name = |text: &&str| {
        !text.is_empty()
            && !text.starts_with(|first: char| first.is_ascii_digit())
            && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    value.as_str().filter(is_name).map(str::to_owned).ok_or_else(|| {
        Complaint::new("expected the name of an environment variable")
            .help("the name alone, in capital letters, digits and `_`, as in \"TALLYD_CLIENT_SECRET\"")
            .masked()
    })
}

fn credential_name(value: &DeValue<'_>) -> Result<String, Complaint> {
    let is_name =
        |text: &&str| !text.is_empty() && !text.contains(['/', '\0']) && *text != "." && *text != "..";
    value.as_str().filter(is_name).map(str::to_owned).ok_or_else(|| {
        Complaint::new("expected the name of a systemd credential")
            .help("the name that the unit gives it with LoadCredential= or SetCredential=, without a path")
            .masked()
    })
}

/// The secret that a source has.
fn fetch(source: &SecretSource, environment: Environment<'_>) -> Result<SecretString, Complaint> {
    match source {
        SecretSource::File(path) => {
            let text =
                file::read_text(path, MAX_SECRET_BYTES).map_err(|error| unreadable_file(path, &error))?;
            one_line(text)
        }
        SecretSource::Variable(name) => {
            let value = environment(name).ok_or_else(|| {
                Complaint::new("the environment variable is not set")
                    .help("set it where tallyd is started, for systemd with EnvironmentFile=")
                    .masked()
            })?;
            let text = value
                .into_string()
                .map_err(|_| Complaint::new("the environment variable's value is not UTF-8 text"))?;
            one_line(text)
        }
        SecretSource::Credential(name) => {
            let directory = environment(CREDENTIALS_DIRECTORY).filter(|directory| !directory.is_empty());
            let directory = directory.ok_or_else(|| {
                Complaint::new("there are no systemd credentials: CREDENTIALS_DIRECTORY is not set")
                    .help("run tallyd from a unit with LoadCredential=, or use `client_secret_file`")
                    .masked()
            })?;
            let path = Path::new(&directory).join(name);
            let text = file::read_text(&path, MAX_SECRET_BYTES).map_err(|error| {
                Complaint::new(format!("the credential cannot be read: {error}"))
                    .help("give the unit a LoadCredential= of this name")
                    .masked()
            })?;
            one_line(text)
        }
    }
}

fn unreadable_file(path: &Path, error: &Unreadable) -> Complaint {
    if !path.is_absolute() {
        // Not a path as one writes it here, and no file: perhaps it is the secret.
        return Complaint::new(format!("the secret cannot be read: {error}"))
            .help(
                "the value is not shown, as it may be the secret itself; write the absolute path of a file \
                 that holds it",
            )
            .masked();
    }
    let help = match error {
        Unreadable::Absent => "put the secret into this file, readable by tallyd's user alone",
        Unreadable::Denied => "let the user that tallyd runs as read it, and nobody else",
        _ => "it should hold the secret and nothing else, on one line",
    };
    Complaint::new(format!("the secret in {} cannot be read: {error}", path.display())).help(help)
}

/// The secret in a text: without the newline that editors leave at its end.
fn one_line(mut text: String) -> Result<SecretString, Complaint> {
    let length =
        text.strip_suffix('\n').map_or(text.len(), |line| line.strip_suffix('\r').unwrap_or(line).len());
    text.truncate(length);
    if text.trim().is_empty() {
        return Err(Complaint::new("the secret is empty").help("put the client secret there, on one line"));
    }
    if text.chars().any(char::is_control) {
        return Err(Complaint::new("the secret has more than one line, or control characters")
            .help("leave the client secret there alone, on one line"));
    }
    Ok(SecretString::from(text))
}

/// Warns of a secret that every user of the machine can read.
fn warn_of_readers(table: &Table<'_>, source: &Placed<SecretSource>, findings: &mut Findings<'_>) {
    if let SecretSource::File(path) = source.get_ref()
        && file::is_world_readable(path)
    {
        let complaint = Complaint::new("every user of this machine can read the secret")
            .help(format!("chmod 600 {}", path.display()));
        findings.warn(source.span(), &table.label("client_secret_file"), complaint);
    }
}
