//! E-mail by SMTP: plain text and HTML, threaded by break.

pub(super) mod attachments;
mod report;

use std::time::Duration;

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, MultiPart};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message as Mail, Tokio1Executor};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use crate::alerts::failure::{SendError, SinkError};
use crate::alerts::message::{Message, hex};
use crate::config::{EmailConfig, Login, SinkConfig, SmtpTls};
use crate::model::{Severity, cut, plain, with_causes};

/// How much of an answer is told, in characters.
const MAX_TOLD: usize = 200;

/// E-mail.
#[derive(Debug)]
pub struct Email {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    /// The server, for messages.
    host: String,
    from: Mailbox,
    to: Vec<Mailbox>,
    /// What message ids end in: the domain of the sender.
    domain: String,
    /// How long one mail may take.
    timeout: Duration,
}

impl Email {
    pub(super) fn new(email: &EmailConfig, config: &SinkConfig) -> Result<Self, SinkError> {
        let failed = |reason: String| SinkError::Mail { sink: config.name.0.clone(), reason };
        let mailbox = |address: &String| -> Result<Mailbox, SinkError> {
            let address = address.parse().map_err(|error| failed(format!("{address}: {error}")))?;
            Ok(Mailbox::new(None, address))
        };
        let tls = match email.tls {
            SmtpTls::Off => Tls::None,
            SmtpTls::StartTls => {
                Tls::Required(parameters(email, config).map_err(|error| failed(with_causes(&error)))?)
            }
            SmtpTls::Implicit => {
                Tls::Wrapper(parameters(email, config).map_err(|error| failed(with_causes(&error)))?)
            }
        };
        let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&email.host)
            .port(email.port)
            .timeout(Some(config.timeout))
            .tls(tls);
        if let Login::Basic { user, password } = &email.login {
            let password = password.expose_secret().to_owned();
            transport = transport.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Self {
            transport: transport.build(),
            host: format!("{}:{}", email.host, email.port),
            from: mailbox(&email.from)?,
            to: email.to.iter().map(mailbox).collect::<Result<_, _>>()?,
            domain: email.from.rsplit('@').next().unwrap_or("localhost").to_owned(),
            timeout: config.timeout,
        })
    }

    pub(super) async fn send(&self, message: &Message) -> Result<(), SendError> {
        let mail = self
            .mail(message)
            .map_err(|error| SendError::MessageRefused { what: format!("no mail can be made: {error}") })?;
        self.hand_over(mail, self.timeout).await
    }

    /// Hands a mail to the server. The library bounds connecting alone: a server that falls silent later would be
    /// waited for without end.
    async fn hand_over(&self, mail: Mail, within: Duration) -> Result<(), SendError> {
        match tokio::time::timeout(within, self.transport.send(mail)).await {
            Ok(sent) => sent.map(|_| ()).map_err(|error| self.explain(&error)),
            Err(_) => {
                let seconds = within.as_secs();
                Err(SendError::passing(format!("{} did not take the mail within {seconds} s", self.host)))
            }
        }
    }

    fn mail(&self, message: &Message) -> Result<Mail, lettre::error::Error> {
        self.addressed(subject(message), &message.key(), &message.delivery_key())
            .multipart(MultiPart::alternative_plain_html(message_text(message), html(message)))
    }

    /// A mail without its content: `key` names what it is about, `delivery_key` this telling of it.
    fn addressed(&self, subject: String, key: &str, delivery_key: &str) -> MessageBuilder {
        let thread = self.id(key);
        let mut mail = Mail::builder()
            .from(self.from.clone())
            .subject(subject)
            .message_id(Some(self.id(delivery_key)))
            .in_reply_to(thread.clone())
            .references(thread)
            .header(AutoSubmitted)
            .header(Key(plain(key).chars().filter(char::is_ascii).take(500).collect()));
        for to in &self.to {
            mail = mail.to(to.clone());
        }
        mail
    }

    /// An id of a mail that is made of a key, so that a repeat has the same one, and mails about one break refer
    /// to one.
    fn id(&self, key: &str) -> String {
        format!("<{}@{}>", hex(&Sha256::digest(key)[..16]), self.domain)
    }

    fn explain(&self, error: &SmtpError) -> SendError {
        let said = cut(&plain(&with_causes(error)), MAX_TOLD);
        let what = format!("{}: {said}", self.host);
        let code = error.status().map(u16::from);
        match code {
            // Too large, or refused for what is in it.
            Some(552 | 554) if error.is_permanent() => SendError::MessageRefused { what },
            _ if error.is_permanent() => SendError::SinkRefuses { what },
            _ => SendError::passing(what),
        }
    }
}

fn parameters(email: &EmailConfig, config: &SinkConfig) -> Result<TlsParameters, SmtpError> {
    let mut parameters = TlsParameters::builder(email.host.clone());
    if let Some(roots) = &config.extra_roots {
        parameters = parameters.add_root_certificate(Certificate::from_pem(roots.pem.as_bytes())?);
    }
    parameters.build_rustls()
}

fn subject(message: &Message) -> String {
    let severity = match (message, message.severity()) {
        (Message::Test(_), _) => "test",
        (_, Severity::Critical) => "critical",
        (_, Severity::Warning) => "warning",
    };
    cut(&format!("[tallyd {severity}] {}", message.title()), 200)
}

fn message_text(message: &Message) -> String {
    format!("{}\n\n{}", message.title(), message.body())
}

/// The HTML part: the same, with a table of the facts.
fn html(message: &Message) -> String {
    let colour = match message.severity() {
        Severity::Critical => "#b00020",
        Severity::Warning => "#8a6d00",
    };
    let mut body = format!("<h2 style=\"color:{colour};margin:0 0 12px\">{}</h2>", escaped(&message.title()));
    match message {
        Message::Break(one) => {
            for sentence in &one.story.happened {
                body.push_str(&format!("<p>{}</p>", escaped(sentence)));
            }
            body.push_str("<table cellpadding=\"4\" style=\"border-collapse:collapse\">");
            for fact in &one.story.facts {
                body.push_str(&format!(
                    "<tr><th align=\"left\" valign=\"top\" style=\"color:#555;font-weight:normal;white-space:nowrap\">{}</th>\
                     <td style=\"font-family:monospace;word-break:break-word\">{}</td></tr>",
                    escaped(fact.name),
                    escaped(&fact.value)
                ));
            }
            body.push_str(&format!("</table><p><b>Next:</b> {}</p>", escaped(&one.story.next)));
            body.push_str(&link(&one.story.runbook));
        }
        Message::Summary(summary) => {
            body.push_str("<p>Too many for a message each; the first are:</p><ul>");
            for line in &summary.first {
                let subject = summary.subject_of(line);
                body.push_str(&format!("<li>{} ({})</li>", escaped(&line.title), escaped(&subject)));
            }
            let more = summary.count.saturating_sub(summary.first.len());
            if more > 0 {
                body.push_str(&format!("<li>and {more} more</li>"));
            }
            let list = format!("tallyd breaks list --kind {}", summary.kind);
            body.push_str(&format!("</ul><p><b>Next:</b> <code>{}</code></p>", escaped(&list)));
            body.push_str(&link(&summary.runbook));
        }
        Message::DeadLetters(_) | Message::Test(_) => {
            body.push_str(&format!("<p>{}</p>", escaped(&message.body()).replace('\n', "<br>")));
        }
    }
    page(&body)
}

/// A body of HTML as a whole document.
fn page(body: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>tallyd</title></head>\
         <body style=\"font-family:sans-serif;font-size:14px;color:#222;max-width:720px\">{body}</body></html>"
    )
}

fn link(runbook: &str) -> String {
    let shown = escaped(runbook);
    if runbook.starts_with("http") {
        format!("<p><a href=\"{shown}\">Runbook</a></p>")
    } else {
        format!("<p>Runbook: <code>{shown}</code></p>")
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// Says that no person wrote it, so that no holiday notice answers it (RFC 3834).
#[derive(Clone, Debug)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// The break's key, for filters.
#[derive(Clone, Debug)]
struct Key(String);

impl Header for Key {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("X-Tallyd-Key")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}
