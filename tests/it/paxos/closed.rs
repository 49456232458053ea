//! Rule 13: what stays inside, and what is not let in.

use std::io::Write as _;
use std::sync::Arc;

use tallyd::clock::SystemClock;
use tallyd::model::{FailureKind, Lane};
use tallyd::paxos::{ApiUrl, Client, FetchError, InvalidUrl, ListQuery, RootCertificate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::server::{EMPTY, Server, answer, answer_with, client, page, raw_server, settings};

async fn list(client: &Client) -> Result<usize, FetchError> {
    client.list(Lane::Discover, &ListQuery::default(), None).await.map(|page| page.rows.len())
}

#[test]
fn rule_13_plain_http_goes_to_this_machine_only() {
    for fine in [
        "https://api.paxos.com/v2",
        "http://127.0.0.1:8080/v2",
        "http://127.9.9.9/",
        "http://[::1]:80/v2",
        "http://localhost:3000",
        "http://LOCALHOST/",
        "https://10.0.0.1",
    ] {
        ApiUrl::parse(fine).unwrap_or_else(|error| panic!("{fine}: {error}"));
    }
    for open in [
        "http://api.paxos.com/v2",
        "http://10.0.0.1",
        "http://localhost.evil.com",
        "http://[::2]/",
        "http://0.0.0.0/",
    ] {
        assert!(matches!(ApiUrl::parse(open), Err(InvalidUrl::Plain { .. })), "{open}");
    }
    for other in ["ftp://127.0.0.1/", "file:///etc/passwd", "unix:/run/x"] {
        assert!(matches!(ApiUrl::parse(other), Err(InvalidUrl::Scheme { .. })), "{other}");
    }
    for more in ["https://me:pw@api.paxos.com/", "https://a.com/?x=1", "https://a.com/#x"] {
        assert!(matches!(ApiUrl::parse(more), Err(InvalidUrl::Extras)), "{more}");
    }
    assert!(matches!(ApiUrl::parse("api.paxos.com"), Err(InvalidUrl::Malformed { .. })));
}

#[tokio::test]
async fn rule_13_redirects_are_not_followed() {
    let elsewhere = Server::start(|_| answer(200, page(&["a"], None))).await;
    let target = format!("http://{}/v2/orchestration/orchestrations?token=hush", elsewhere.address);
    for status in [301, 302, 303, 307, 308] {
        let target = target.clone();
        let server = Server::start(move |_| answer_with(status, ("location", &target), "")).await;
        let error = list(&server.client()).await.unwrap_err();
        assert!(matches!(error, FetchError::Redirected { .. }), "{error:?}");
        assert!(!error.to_string().contains("hush"));
        assert_eq!((error.kind(), server.asked().len()), (FailureKind::Protocol, 1));
    }
    assert_eq!(elsewhere.seen().len(), 0);
}

#[tokio::test]
async fn rule_13_a_body_has_a_size_limit() {
    // A token of more than a mebibyte.
    let server = Server::start_bare(Arc::new(SystemClock), |_| answer(200, vec![b' '; (1 << 20) + 1])).await;
    let error = list(&server.client()).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit: 0x10_0000, .. }), "{error:?}");
    assert_eq!((error.kind(), server.seen().len()), (FailureKind::Protocol, 1));

    // One that claims to be longer than any page; it need not even be sent.
    let address = raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999\r\n\r\n".to_vec()).await;
    let error =
        list(&client(settings(&format!("http://{address}")), Arc::new(SystemClock))).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { .. }), "{error:?}");
}

#[tokio::test]
async fn rule_13_the_size_limit_holds_after_decompression() {
    let zeros = vec![b' '; 1 << 20];
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..65 {
        packed.write_all(&zeros).unwrap();
    }
    let packed = packed.finish().unwrap();
    assert!(packed.len() < 1 << 20);
    let server = Server::start(move |_| answer_with(200, ("content-encoding", "gzip"), packed.clone())).await;
    let error = list(&server.client()).await.unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit: 0x400_0000, .. }), "{error:?}");
    assert!(error.to_string().contains("64 MiB"), "{error}");
    assert_eq!(server.asked().len(), 1);
    assert!(server.asked()[0].header("accept-encoding").contains("gzip"));
    assert_eq!(server.asked()[0].header("user-agent"), concat!("tallyd/", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn rule_13_secrets_are_never_shown() {
    let server = Server::start_bare(Arc::new(SystemClock), |seen| {
        if seen.is_for_token() {
            // Not quite a token, but with one inside.
            answer(200, r#"{"access_token":"tok-sesame","token_type":"bearer","expires_in":"tok-sesame"}"#)
        } else {
            answer(200, EMPTY)
        }
    })
    .await;
    let mut settings = server.settings();
    settings.retry.attempts = 1.try_into().unwrap();
    assert!(!format!("{settings:?}").contains("hush"));
    let error = list(&client(settings, Arc::new(SystemClock))).await.unwrap_err();
    let mut shown = format!("{error:?}");
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(error) = cause {
        shown.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(!shown.contains("sesame") && !shown.contains("hush"), "{shown}");
}

#[tokio::test]
async fn rule_13_errors_carry_no_query() {
    let tokens = Server::start(|_| answer(200, EMPTY)).await;
    let cut = raw_server(Vec::new()).await;
    let mut settings = tokens.settings();
    settings.api_url = ApiUrl::parse(&format!("http://{cut}/v2")).unwrap();
    let client = client(settings, Arc::new(SystemClock));
    let query = ListQuery { ref_ids: vec!["private-ref".into()], ..ListQuery::default() };
    let error = client.list(Lane::Discover, &query, None).await.unwrap_err();
    assert!(matches!(error, FetchError::Interrupted { .. }), "{error:?}");
    assert!(!format!("{error:?} {error}").contains("private-ref"), "{error:?}");
}

/// Serves a token over TLS and answers `{}` to everything else; returns its port and certificate.
async fn tls_server() -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut request = [0; 4096];
                let length = stream.read(&mut request).await.unwrap_or(0);
                let body = if request[..length].starts_with(b"POST") {
                    r#"{"access_token":"t","token_type":"bearer","expires_in":3599}"#
                } else {
                    "{}"
                };
                let head =
                    format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(body.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    (port, made.cert.pem())
}

#[tokio::test]
async fn rule_13_a_certificate_that_is_not_trusted_is_refused_once_and_for_all() {
    let (port, pem) = tls_server().await;
    let mut settings = settings(&format!("https://localhost:{port}"));
    settings.extra_root_certificates = RootCertificate::from_pem(pem.as_bytes()).unwrap();
    let trusting = client(settings.clone(), Arc::new(SystemClock));
    assert_eq!(list(&trusting).await.unwrap(), 0);

    // Another certificate is trusted, so that this does not depend on the system having any.
    let (_, other) = tls_server().await;
    settings.extra_root_certificates = RootCertificate::from_pem(other.as_bytes()).unwrap();
    let wary = client(settings, Arc::new(SystemClock));
    let error = list(&wary).await.unwrap_err();
    assert!(matches!(error, FetchError::Tls { .. }), "{error:?}");
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!((error.kind(), wary.requests_sent()), (FailureKind::Unreachable, 1));
}

#[tokio::test]
async fn rule_13_a_server_without_tls_is_told() {
    let server = Server::start(|_| answer(200, EMPTY)).await;
    let (_, pem) = tls_server().await;
    let mut settings = settings(&format!("https://{}", server.address));
    settings.extra_root_certificates = RootCertificate::from_pem(pem.as_bytes()).unwrap();
    let error = list(&client(settings, Arc::new(SystemClock))).await.unwrap_err();
    assert!(matches!(error, FetchError::Tls { .. }), "{error:?}");
}

#[test]
fn a_file_without_a_certificate_is_an_error() {
    assert!(RootCertificate::from_pem(b"nothing here").is_err());
    assert!(RootCertificate::from_pem(b"").is_err());
}
