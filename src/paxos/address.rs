//! Addresses of the API and of its token endpoint.
//!
//! Owns the rule that nothing but TLS leaves the machine. Which addresses belong to which
//! environment is for `config` to say.

use std::fmt;

use reqwest::Url;

/// An address that requests may be sent to: `https`, or plain `http` to this machine only.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiUrl(Url);

/// A text that is not an address to which requests may be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// It is not a URL.
    #[error("{text:?} is not a URL such as https://api.example.com/v2: {why}")]
    Malformed {
        /// What was given.
        text: String,
        /// What the URL parser says.
        why: String,
    },
    /// It is not HTTP at all.
    #[error("{scheme}: is not a scheme to reach an API by; expected https://")]
    Scheme {
        /// The scheme that was given.
        scheme: String,
    },
    /// It would send secrets over the network in the clear.
    #[error("http://{host} would send credentials in the clear; only https:// may leave this machine")]
    Plain {
        /// The host that was given.
        host: String,
    },
    /// It carries more than an address.
    #[error("an API address has no user, password, query or fragment; expected https://host/path")]
    Extras,
}

impl ApiUrl {
    /// Reads an absolute `https` URL, or an `http` one to a loopback host (127.0.0.0/8, `::1`,
    /// `localhost`).
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        let url = Url::parse(text)
            .map_err(|error| InvalidUrl::Malformed { text: text.to_owned(), why: error.to_string() })?;
        let host = url.host_str().unwrap_or_default();
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => return Err(InvalidUrl::Plain { host: host.to_owned() }),
            other => return Err(InvalidUrl::Scheme { scheme: other.to_owned() }),
        }
        let has_user = !url.username().is_empty() || url.password().is_some();
        if has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(InvalidUrl::Extras);
        }
        Ok(Self(url))
    }

    /// Whether connections to it are encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// `host:port`, the key under which pauses are kept.
    pub fn host_and_port(&self) -> String {
        host_and_port(&self.0)
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// This address with `segments` added to its path; `None` where one of them cannot stand in a
    /// path, since URLs give `.` and `..` another meaning.
    pub(super) fn join(&self, segments: &[&str]) -> Option<Url> {
        if segments.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return None;
        }
        let mut url = self.0.clone();
        url.path_segments_mut().ok()?.pop_if_empty().extend(segments);
        Some(url)
    }
}

impl fmt::Display for ApiUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for ApiUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.as_str())
    }
}

/// `host:port` of any URL.
pub(super) fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}
