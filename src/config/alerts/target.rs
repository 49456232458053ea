//! Where a sink tells: what each type of sink needs.

use toml::Spanned;
use toml::de::DeValue;

use super::settings::{EmailConfig, Login, PAGERDUTY_URL, SinkTarget, SmtpTls};
use crate::config::Environment;
use crate::config::complaint::Complaint;
use crate::config::findings::{Findings, Reported};
use crate::config::secret::{self, Keys, TOKEN, UrlKeys};
use crate::config::table::Table;
use crate::config::value;

const SIGNING: Keys = Keys {
    file: "secret_file",
    variable: "secret_env",
    credential: "secret_credential",
    noun: "signing secret",
};
const ROUTING_KEY: Keys = Keys {
    file: "routing_key_file",
    variable: "routing_key_env",
    credential: "routing_key_credential",
    noun: "routing key",
};
const PASSWORD: Keys = Keys {
    file: "password_file",
    variable: "password_env",
    credential: "password_credential",
    noun: "password",
};
const URL: UrlKeys = UrlKeys {
    plain: "url",
    secret: Keys { file: "url_file", variable: "url_env", credential: "url_credential", noun: "URL" },
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Log,
    Webhook,
    Alertmanager,
    Slack,
    PagerDuty,
    Email,
}

impl Type {
    const ALL: [(&'static str, Self); 6] = [
        ("log", Self::Log),
        ("webhook", Self::Webhook),
        ("alertmanager", Self::Alertmanager),
        ("slack", Self::Slack),
        ("pagerduty", Self::PagerDuty),
        ("email", Self::Email),
    ];

    /// The keys that it has beside the common ones.
    fn keys(self) -> Vec<&'static str> {
        let of = |keys: &Keys| [keys.file, keys.variable, keys.credential];
        let mut list: Vec<&'static str> = match self {
            Self::Log | Self::Slack => vec![],
            Self::Webhook | Self::PagerDuty => vec!["url"],
            Self::Alertmanager => vec!["urls", "user"],
            Self::Email => vec!["host", "port", "tls", "user", "from", "to"],
        };
        list.extend(match self {
            Self::Log => vec![],
            Self::Webhook => [of(&URL.secret), of(&SIGNING)].concat(),
            Self::Alertmanager => [of(&TOKEN), of(&PASSWORD)].concat(),
            Self::Slack => of(&URL.secret).to_vec(),
            Self::PagerDuty => of(&ROUTING_KEY).to_vec(),
            Self::Email => of(&PASSWORD).to_vec(),
        });
        list
    }
}

/// What a sink's table says of where it tells.
pub(super) fn read(
    table: &Table<'_>,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<SinkTarget, Reported> {
    let kind = table.required("type", "\"slack\"", findings, |value| value::suggested(value, &Type::ALL))?;
    let kind = kind.into_inner();
    let strangers = strangers(table, kind, findings);
    if kind == Type::Slack && table.has(URL.plain) {
        // The URL is there, in the wrong place: that no other is there needs no second fault.
        strangers?;
    }
    let target = match kind {
        Type::Log => Ok(SinkTarget::Log),
        Type::Webhook => webhook(table, environment, findings),
        Type::Alertmanager => alertmanager(table, environment, findings),
        Type::Slack => slack(table, environment, findings),
        Type::PagerDuty => pagerduty(table, environment, findings),
        Type::Email => email(table, environment, findings),
    };
    strangers.and(target)
}

/// Keys that another type of sink has.
fn strangers(table: &Table<'_>, kind: Type, findings: &mut Findings<'_>) -> Result<(), Reported> {
    let own = kind.keys();
    let name = Type::ALL.iter().find(|(_, other)| *other == kind).map_or("", |(name, _)| name);
    let mut result = Ok(());
    let is_of_some_type = |key: &str| Type::ALL.iter().any(|(_, other)| other.keys().contains(&key));
    for key in table.known_keys().filter(|key| !own.contains(key) && is_of_some_type(key)) {
        let complaint = Complaint::new(format!("a sink of type \"{name}\" has no such key"));
        let complaint = if kind == Type::Slack && key == "url" {
            table.mask(key, findings);
            complaint.help(
                "whoever knows the URL can write there: put it into a file of its own and name that with \
                 `url_file`",
            )
        } else if own.is_empty() {
            complaint.help("remove it")
        } else {
            complaint.help(format!("beside what every sink has, it has: {}", own.join(", ")))
        };
        result = Err(findings.fault(table.key_span(key), &table.label(key), complaint));
    }
    result
}

fn webhook(
    table: &Table<'_>,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<SinkTarget, Reported> {
    let url = secret::required_url(table, &URL, environment, findings);
    let secret = secret::required(table, &SIGNING, environment, findings);
    Ok(SinkTarget::Webhook { url: url?, secret: secret?.0 })
}

fn slack(
    table: &Table<'_>,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<SinkTarget, Reported> {
    Ok(SinkTarget::Slack { url: secret::required_secret_url(table, &URL.secret, environment, findings)? })
}

fn pagerduty(
    table: &Table<'_>,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<SinkTarget, Reported> {
    let url = table.optional("url", findings, value::url);
    let routing_key = secret::required(table, &ROUTING_KEY, environment, findings);
    let url = url?.map_or(PAGERDUTY_URL.to_owned(), |url| url.into_inner().into());
    Ok(SinkTarget::PagerDuty { url, routing_key: routing_key?.0 })
}

fn alertmanager(
    table: &Table<'_>,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<SinkTarget, Reported> {
    let urls = table
        .required("urls", "[\"http://127.0.0.1:9093\"]", findings, |value| value::list(value, value::url));
    let token = secret::optional(table, &TOKEN, environment, findings);
    let login = login(table, environment, findings);
    let login = match (token?, login?) {
        (Some((token, _)), Login::None) => Login::Bearer(token),
        (None, login) => login,
        (Some(_), _) => {
            let complaint = Complaint::new("there is a token too").help("keep either a token or a user");
            return Err(findings.fault(table.key_span("user"), &table.label("user"), complaint));
        }
    };
    Ok(SinkTarget::Alertmanager { urls: urls?.into_inner(), login })
}

/// A user with a password; one is nothing without the other.
fn login(
    table: &Table<'_>,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<Login, Reported> {
    let user = table.optional("user", findings, value::text)?;
    match user {
        Some(user) => {
            let (password, _) = secret::required(table, &PASSWORD, environment, findings)?;
            Ok(Login::Basic { user: user.into_inner(), password })
        }
        None if secret::optional(table, &PASSWORD, environment, findings)?.is_some() => {
            let complaint = Complaint::new("missing, and there is a password").help("add `user = \"...\"`");
            Err(findings.missing(Some(table.span()), &table.label("user"), complaint))
        }
        None => Ok(Login::None),
    }
}

fn email(
    table: &Table<'_>,
    environment: Environment<'_>,
    findings: &mut Findings<'_>,
) -> Result<SinkTarget, Reported> {
    let modes = [SmtpTls::StartTls, SmtpTls::Implicit, SmtpTls::Off].map(|tls| (tls.as_str(), tls));
    let host = table.required("host", "\"smtp.example.com\"", findings, value::word);
    let tls = table.optional("tls", findings, |value| value::choice(value, &modes));
    let port = table.optional("port", findings, value::port);
    let login = login(table, environment, findings);
    let from = table.required("from", "\"tallyd@example.com\"", findings, address);
    let to =
        table.required("to", "[\"treasury@example.com\"]", findings, |value| value::list(value, address));
    let (host, tls) = (host?, tls?);
    let mode = tls.as_ref().map_or(SmtpTls::StartTls, |tls| *tls.get_ref());
    if let Some(tls) = tls.filter(|_| mode == SmtpTls::Off && !value::is_this_machine(host.get_ref())) {
        let complaint = Complaint::new("mail without encryption goes to this machine alone")
            .help("write \"starttls\" or \"implicit\", or name localhost as `host`");
        return Err(findings.fault(tls.span(), &table.label("tls"), complaint));
    }
    Ok(SinkTarget::Email(EmailConfig {
        host: host.into_inner(),
        port: port?.map_or(mode.default_port(), Spanned::into_inner),
        tls: mode,
        login: login?,
        from: from?.into_inner(),
        to: to?.into_inner(),
    }))
}

/// An address of e-mail, without a name.
fn address(value: &DeValue<'_>) -> Result<String, Complaint> {
    let text = value::text(value)?;
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|char| !char.is_whitespace() && !char.is_control() && !"<>()[],;:\\\"@".contains(char))
    };
    match text.rsplit_once('@') {
        Some((local, domain)) if is_part(local) && is_part(domain) && text.len() <= 254 => Ok(text),
        _ => Err(value::mismatch("an address such as \"treasury@example.com\"", value)),
    }
}
