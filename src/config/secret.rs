//! Secrets: from a file, an environment variable or a systemd credential.
//!
//! A value under these keys may be the secret itself, put there by mistake. So it is told back only
//! where it has the shape of what belongs there.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use toml::de::DeValue;

use super::alerts::SecretUrl;
use super::complaint::Complaint;
use super::file::{self, Unreadable};
use super::findings::{Findings, Reported};
use super::settings::SecretSource;
use super::table::{Placed, Table};
use super::value;
use super::{Environment, Secrets};

/// The keys that name where a secret is.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) file: &'static str,
    pub(super) variable: &'static str,
    pub(super) credential: &'static str,
    /// What the secret is, in words.
    pub(super) noun: &'static str,
}

/// The keys of a URL that may stand in the file itself, and may be a secret.
#[derive(Debug)]
pub(super) struct UrlKeys {
    pub(super) plain: &'static str,
    pub(super) secret: Keys,
}

/// The keys of the OAuth client's secret.
pub(super) const CLIENT_SECRET: Keys = Keys {
    file: "client_secret_file",
    variable: "client_secret_env",
    credential: "client_secret_credential",
    noun: "client secret",
};

/// The keys of a bearer token, whoever sends or asks for it.
pub(super) const TOKEN: Keys =
    Keys { file: "token_file", variable: "token_env", credential: "token_credential", noun: "token" };

impl Keys {
    fn all(&self) -> [&'static str; 3] {
        [self.file, self.variable, self.credential]
    }
}

/// The longest secret that is read, in bytes.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Where systemd puts a unit's credentials.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// A secret of a table that must be there, and where it came from.
pub(super) fn required(
    table: &Table<'_>,
    keys: &Keys,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<(SecretString, SecretSource), Reported> {
    optional(table, keys, environment, findings)?.ok_or_else(|| missing(table, keys, findings))
}

/// A secret of a table, and where it came from; `None` where the file names none.
pub(super) fn optional(
    table: &Table<'_>,
    keys: &Keys,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<Option<(SecretString, SecretSource)>, Reported> {
    let Some((secret, source, _)) = placed(table, keys, environment, findings)? else { return Ok(None) };
    Ok(Some((secret, source.into_inner())))
}

/// A URL of a table that must be there: in the file, or as a secret.
pub(super) fn required_url(
    table: &Table<'_>,
    keys: &UrlKeys,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<SecretUrl, Reported> {
    if let Some(url) = optional_url(table, keys, environment, findings)? {
        return Ok(url);
    }
    if let Some(reported) = table.misspelt(keys.plain) {
        return Err(reported);
    }
    let complaint = Complaint::new("missing, and there is no default for it").help(format!(
        "add `{} = \"https://...\"`, or where whoever knows it can use it, `{} = \"/etc/tallyd/...\"`",
        keys.plain, keys.secret.file
    ));
    Err(findings.missing(Some(table.span()), &table.label(keys.plain), complaint))
}

/// The same of one that need not be there.
pub(super) fn optional_url(
    table: &Table<'_>,
    keys: &UrlKeys,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<Option<SecretUrl>, Reported> {
    let plain =
        table.optional(keys.plain, findings, |value| value::secret_url(value.as_str().unwrap_or_default()));
    let hidden = secret_url(table, &keys.secret, environment, findings);
    if plain.is_ok() && table.has(keys.plain) && matches!(hidden, Ok(Some(_))) {
        let complaint = Complaint::new("the URL is given as a secret too").help("keep exactly one of them");
        return Err(findings.fault(table.key_span(keys.plain), &table.label(keys.plain), complaint));
    }
    Ok(plain?.map(|url| SecretUrl::new(url.get_ref())).or(hidden?))
}

/// A URL of a table that is a secret and must be there.
pub(super) fn required_secret_url(
    table: &Table<'_>,
    keys: &Keys,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<SecretUrl, Reported> {
    secret_url(table, keys, environment, findings)?.ok_or_else(|| missing(table, keys, findings))
}

fn secret_url(
    table: &Table<'_>,
    keys: &Keys,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<Option<SecretUrl>, Reported> {
    let Some((secret, source, key)) = placed(table, keys, environment, findings)? else { return Ok(None) };
    if findings.secrets == Secrets::LeftOut {
        return Ok(Some(SecretUrl::left_out()));
    }
    match value::secret_url(secret.expose_secret().trim()) {
        Ok(url) => Ok(Some(SecretUrl::new(&url))),
        Err(complaint) => Err(findings.fault(source.span(), &table.label(key), complaint)),
    }
}

/// A secret with its source, the place of that and its key.
type Found = (SecretString, Placed<SecretSource>, &'static str);

fn placed(
    table: &Table<'_>,
    keys: &Keys,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<Option<Found>, Reported> {
    let file = table.optional(keys.file, findings, |value| Ok(SecretSource::File(path(value)?)));
    let variable =
        table.optional(keys.variable, findings, |value| Ok(SecretSource::Variable(variable_name(value)?)));
    let credential = table
        .optional(keys.credential, findings, |value| Ok(SecretSource::Credential(credential_name(value)?)));
    let present: Vec<&'static str> = keys.all().into_iter().filter(|key| table.has(key)).collect();
    if let [first, others @ ..] = present.as_slice() {
        for other in others {
            let complaint = Complaint::new(format!("the {} is already given by `{first}`", given(keys)))
                .help("keep exactly one of them");
            findings.fault(table.key_span(other), &table.label(other), complaint);
        }
    }
    let Some(source) = file?.or(variable?).or(credential?) else { return Ok(None) };
    let key = present.first().copied().unwrap_or(keys.file);
    if findings.secrets == Secrets::LeftOut {
        return Ok(Some((SecretString::from(""), source, key)));
    }
    match fetch(source.get_ref(), keys, environment) {
        Ok(secret) => {
            warn_of_readers(table, keys, &source, findings);
            Ok(Some((secret, source, key)))
        }
        Err(complaint) => Err(findings.fault(source.span(), &table.label(key), complaint)),
    }
}

fn given(keys: &Keys) -> &'static str {
    if keys.file == CLIENT_SECRET.file { "secret" } else { keys.noun }
}

fn missing(table: &Table<'_>, keys: &Keys, findings: &mut Findings<'_>) -> Reported {
    if let Some(reported) = keys.all().iter().find_map(|key| table.misspelt(key)) {
        return reported;
    }
    let complaint = Complaint::new("missing: there is no stand-in for it").help(format!(
        "add `{} = \"/etc/tallyd/{}\"`, `{} = \"NAME\"` or `{} = \"name\"`",
        keys.file,
        keys.noun.rsplit(' ').next().unwrap_or("secret").to_lowercase(),
        keys.variable,
        keys.credential
    ));
    findings.missing(Some(table.span()), &table.label(keys.file), complaint)
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
fn fetch(
    source: &SecretSource,
    keys: &Keys,
    environment: Environment<'_>,
) -> Result<SecretString, Complaint> {
    match source {
        SecretSource::File(path) => {
            let text =
                file::read_text(path, MAX_SECRET_BYTES).map_err(|error| unreadable_file(path, &error))?;
            one_line(text, keys)
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
            one_line(text, keys)
        }
        SecretSource::Credential(name) => {
            let directory = environment(CREDENTIALS_DIRECTORY).filter(|directory| !directory.is_empty());
            let directory = directory.ok_or_else(|| {
                Complaint::new("there are no systemd credentials: CREDENTIALS_DIRECTORY is not set")
                    .help(format!("run tallyd from a unit with LoadCredential=, or use `{}`", keys.file))
                    .masked()
            })?;
            let path = Path::new(&directory).join(name);
            let text = file::read_text(&path, MAX_SECRET_BYTES).map_err(|error| {
                Complaint::new(format!("the credential cannot be read: {error}"))
                    .help("give the unit a LoadCredential= of this name")
                    .masked()
            })?;
            one_line(text, keys)
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
fn one_line(mut text: String, keys: &Keys) -> Result<SecretString, Complaint> {
    let length =
        text.strip_suffix('\n').map_or(text.len(), |line| line.strip_suffix('\r').unwrap_or(line).len());
    text.truncate(length);
    if text.trim().is_empty() {
        return Err(
            Complaint::new("the secret is empty").help(format!("put the {} there, on one line", keys.noun))
        );
    }
    if text.chars().any(char::is_control) {
        return Err(Complaint::new("the secret has more than one line, or control characters")
            .help(format!("leave the {} there alone, on one line", keys.noun)));
    }
    Ok(SecretString::from(text))
}

/// Warns of a secret that every user of the machine can read.
fn warn_of_readers(
    table: &Table<'_>,
    keys: &Keys,
    source: &Placed<SecretSource>,
    findings: &mut Findings<'_>,
) {
    if let SecretSource::File(path) = source.get_ref()
        && file::is_world_readable(path)
    {
        let complaint = Complaint::new("every user of this machine can read the secret")
            .help(format!("chmod 600 {}", path.display()));
        findings.warn(source.span(), &table.label(keys.file), complaint);
    }
}
