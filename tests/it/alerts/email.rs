//! Mail to a real SMTP server on loopback.

use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::{Arc, Mutex};

use mailin_embedded::{AuthMechanism, Handler, Response, Server, SslConfig, response};
use secrecy::SecretString;
use tallyd::alerts::{Message, SendError, Sink};
use tallyd::config::{CertificateFile, EmailConfig, Login, SinkConfig, SinkTarget, SmtpTls};
use tallyd::model::{BreakKind, Occasion};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::{message, now, record, resolved, sink_config, summary};

/// What the server took, and under which name somebody signed in.
#[derive(Clone, Default)]
struct Mailbox {
    taken: Arc<Mutex<Vec<String>>>,
    signed_in: Arc<Mutex<Vec<String>>>,
    current: Vec<u8>,
    /// What recipients are answered; 0 is fine.
    refuse: Arc<Mutex<u16>>,
}

impl Handler for Mailbox {
    fn helo(&mut self, _: IpAddr, _: &str) -> Response {
        response::OK
    }

    fn rcpt(&mut self, _: &str) -> Response {
        match *self.refuse.lock().unwrap() {
            0 => response::OK,
            code => Response::custom(code, "not here".to_owned()),
        }
    }

    fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.current.extend_from_slice(bytes);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        let mail = String::from_utf8(std::mem::take(&mut self.current)).unwrap();
        self.taken.lock().unwrap().push(mail);
        response::OK
    }

    fn auth_plain(&mut self, _: &str, user: &str, password: &str) -> Response {
        self.signed_in.lock().unwrap().push(user.to_owned());
        if password == "hunter2" { response::AUTH_OK } else { response::INVALID_CREDENTIALS }
    }
}

pub(super) struct Smtp {
    port: u16,
    mailbox: Mailbox,
    /// The certificate, to be trusted.
    pem: String,
    key: Vec<u8>,
    certificate: Vec<u8>,
    _folder: TempDir,
}

impl Smtp {
    /// Serves until the process ends: the library has no other way.
    pub(super) fn start(signing_in: bool) -> Self {
        // Several libraries bring a provider, and the server's asks for the process's own.
        aws_lc_rs::default_provider().install_default().unwrap_or_default();
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let mailbox = Mailbox::default();
        let mut server = Server::new(mailbox.clone());
        let tls = SslConfig::SelfSigned { cert_path: path("cert.pem"), key_path: path("key.pem") };
        server.with_name("localhost").with_ssl(tls).unwrap().with_tcp_listener(listener);
        if signing_in {
            server.with_auth(AuthMechanism::Plain);
        }
        std::thread::spawn(move || server.serve().unwrap());
        Self {
            port,
            mailbox,
            pem: made.cert.pem(),
            key: made.signing_key.serialize_der(),
            certificate: made.cert.der().to_vec(),
            _folder: folder,
        }
    }

    pub(super) fn config(&self, tls: SmtpTls, login: Login) -> SinkConfig {
        let target = SinkTarget::Email(EmailConfig {
            host: "localhost".to_owned(),
            port: self.port,
            tls,
            login,
            from: "tallyd@example.com".to_owned(),
            to: vec!["treasury@example.com".to_owned(), "oncall@example.com".to_owned()],
        });
        let extra_roots = CertificateFile { path: "ca.pem".into(), pem: self.pem.clone() };
        SinkConfig { extra_roots: Some(extra_roots), ..sink_config("mail", target) }
    }

    pub(super) fn taken(&self) -> Vec<String> {
        self.mailbox.taken.lock().unwrap().clone()
    }
}

fn with_password(password: &str) -> Login {
    Login::Basic { user: "tallyd".to_owned(), password: SecretString::from(password.to_owned()) }
}

async fn send(config: &SinkConfig, message: &Message) -> Result<(), SendError> {
    Sink::new(config).unwrap().send(message, now()).await
}

/// The value of a header, with its further lines.
pub(super) fn header<'m>(mail: &'m str, name: &str) -> &'m str {
    let line = mail.lines().find(|line| line.starts_with(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name} in\n{mail}")).split_once(": ").unwrap().1
}

/// Text without the line ends and codes of quoted-printable.
pub(super) fn decoded(mail: &str) -> String {
    let joined = mail.replace("=\r\n", "").replace("=\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        let code = (first == b'=').then(|| more.get(..2)).flatten();
        match code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &more[2..];
            }
            None => {
                bytes.push(first);
                rest = more;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn mail_arrives_encrypted_signed_in_and_threaded() {
    let smtp = Smtp::start(true);
    let config = smtp.config(SmtpTls::StartTls, with_password("hunter2"));
    send(&config, &message(record(BreakKind::StuckBetweenLegs), Occasion::Opened)).await.unwrap();
    send(&config, &message(record(BreakKind::StuckBetweenLegs), Occasion::Opened)).await.unwrap();
    send(&config, &message(resolved(BreakKind::StuckBetweenLegs), Occasion::Resolved)).await.unwrap();
    let taken = smtp.taken();
    assert_eq!(taken.len(), 3, "one mail to both receivers");
    assert_eq!(smtp.mailbox.signed_in.lock().unwrap()[0], "tallyd");
    assert_eq!(header(&taken[0], "From"), "tallyd@example.com");
    assert_eq!(header(&taken[0], "To"), "treasury@example.com, oncall@example.com");
    assert_eq!(header(&taken[0], "Auto-Submitted"), "auto-generated");
    assert!(header(&taken[0], "Subject").starts_with("[tallyd critical] treasury, 12500.00 USD: left"));
    assert_eq!(header(&taken[0], "Message-ID"), header(&taken[1], "Message-ID"), "a repeat is the same mail");
    assert_ne!(header(&taken[0], "Message-ID"), header(&taken[2], "Message-ID"));
    assert_eq!(header(&taken[0], "References"), header(&taken[2], "References"), "one thread");
    assert!(header(&taken[2], "Message-ID").ends_with("@example.com>"));
    let text = decoded(&taken[0]);
    assert!(text.contains("Content-Type: text/plain") && text.contains("Content-Type: text/html"), "{text}");
    assert!(
        text.contains("<td style=\"font-family:monospace;word-break:break-word\">payout-4711</td>"),
        "{text}"
    );
    assert!(text.contains("https://runbook.example.com/tallyd#stuck_between_legs"), "{text}");
}

#[tokio::test]
async fn five_hundred_are_one_mail() {
    let smtp = Smtp::start(false);
    send(&smtp.config(SmtpTls::StartTls, Login::None), &summary(500)).await.unwrap();
    let text = decoded(&smtp.taken()[0]);
    assert!(text.contains("Subject: [tallyd critical] treasury: 500 breaks of kind failed"), "{text}");
    assert!(text.contains("<li>and 490 more</li>"), "{text}");
}

#[tokio::test]
async fn hostile_text_adds_no_header_and_no_markup() {
    let smtp = Smtp::start(false);
    let mut record = record(BreakKind::Failed);
    let evil = "x\r\nBcc: everybody@example.com\r\n\r\n<script>alert(1)</script>";
    record.profile.as_mut().unwrap().name = Some(evil.to_owned());
    record.orchestration.as_mut().unwrap().ref_id = Some(evil.into());
    send(&smtp.config(SmtpTls::StartTls, Login::None), &message(record, Occasion::Opened)).await.unwrap();
    let taken = smtp.taken();
    assert!(!taken[0].lines().any(|line| line.starts_with("Bcc")), "{}", taken[0]);
    let text = decoded(&taken[0]);
    let (_, html) = text.split_once("Content-Type: text/html").unwrap();
    assert!(!html.contains("<script>") && html.contains("&lt;script&gt;"), "{html}");
}

#[tokio::test]
async fn implicit_tls_is_encrypted_from_the_first_byte() {
    let smtp = Smtp::start(false);
    let key = PrivateKeyDer::try_from(smtp.key.clone()).unwrap();
    let tls = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![smtp.certificate.clone().into()], key)
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, behind) = (listener.local_addr().unwrap().port(), smtp.port);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = TlsAcceptor::from(Arc::new(tls)).accept(stream).await.unwrap();
        let mut server = tokio::net::TcpStream::connect(("127.0.0.1", behind)).await.unwrap();
        copy_bidirectional(&mut stream, &mut server).await.unwrap_or_default();
    });
    let mut config = smtp.config(SmtpTls::Implicit, Login::None);
    if let SinkTarget::Email(email) = &mut config.target {
        email.port = port;
    }
    send(&config, &summary(11)).await.unwrap();
    assert_eq!(smtp.taken().len(), 1);
}

#[tokio::test]
async fn what_goes_wrong_is_told_apart() {
    let smtp = Smtp::start(true);
    let well = smtp.config(SmtpTls::StartTls, with_password("hunter2"));
    // A certificate that nobody vouches for.
    let untrusted = SinkConfig { extra_roots: None, ..well.clone() };
    let error = send(&untrusted, &summary(11)).await.unwrap_err();
    assert!(matches!(&error, SendError::Passing { .. }), "{error}");
    let error =
        send(&smtp.config(SmtpTls::StartTls, with_password("wrong")), &summary(11)).await.unwrap_err();
    assert!(matches!(&error, SendError::SinkRefuses { what } if what.contains("535")), "{error}");
    assert!(!error.to_string().contains("wrong"), "{error}");
    for (code, expected) in [(451, "passing"), (550, "sink"), (552, "message")] {
        *smtp.mailbox.refuse.lock().unwrap() = code;
        let told = match send(&well, &summary(11)).await.unwrap_err() {
            SendError::Passing { .. } => "passing",
            SendError::SinkRefuses { .. } => "sink",
            SendError::MessageRefused { .. } => "message",
        };
        assert_eq!(told, expected, "{code}");
    }
    assert_eq!(smtp.taken().len(), 0);
}
