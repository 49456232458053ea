//! A client of a daemon's listener that sees every byte, and the samples of what it answers.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::{DEADLINE, Running, breathe};

/// An answer, whole.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    /// Everything in front of the body.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answered {
    /// The value of a header; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        });
        line.unwrap_or_default()
    }
}

impl Running {
    /// Where it listens, as its log says.
    pub(crate) fn address(&self) -> SocketAddr {
        let line = self.wait_for("listening: http://", 1);
        let (_, address) = line.split_once("listening: http://").unwrap();
        address.split('/').next().unwrap().parse().unwrap()
    }

    /// Asks for a page.
    pub(crate) fn get(&self, path: &str) -> Answered {
        self.get_with(path, "")
    }

    /// The same with more headers, each with its line end.
    pub(crate) fn get_with(&self, path: &str, headers: &str) -> Answered {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"))
    }

    /// Sends whatever it is, and reads until the end.
    pub(crate) fn send(&self, request: &str) -> Answered {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        match stream.read_to_end(&mut bytes) {
            Ok(_) => {}
            // What was not read of the request cuts the connection off behind the answer.
            Err(error) if error.kind() == ErrorKind::ConnectionReset && !bytes.is_empty() => {}
            Err(error) => panic!("no answer: {error}"),
        }
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answered { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// A connection over which nothing was sent.
    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    /// The samples of `/metrics`, each under its name with its labels, as they are written.
    pub(crate) fn samples(&self) -> BTreeMap<String, f64> {
        samples_in(&self.get("/metrics").body)
    }

    /// Waits until a sample has this value, and returns all of that scrape.
    pub(crate) fn until_sample(&self, sample: &str, wanted: f64) -> BTreeMap<String, f64> {
        self.until_samples(&format!("{sample} = {wanted}"), |samples| {
            samples.get(sample).is_some_and(|value| value.total_cmp(&wanted).is_eq())
        })
    }

    /// Waits until the samples are as wanted.
    pub(crate) fn until_samples(
        &self,
        what: &str,
        wanted: impl Fn(&BTreeMap<String, f64>) -> bool,
    ) -> BTreeMap<String, f64> {
        let began = Instant::now();
        loop {
            let samples = self.samples();
            if wanted(&samples) {
                return samples;
            }
            assert!(began.elapsed() < DEADLINE, "never: {what}\n{samples:#?}");
            breathe();
        }
    }
}

/// The samples of a text in Prometheus's format; one that comes twice fails.
pub(crate) fn samples_in(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let former = samples.insert(name.to_owned(), value.parse().unwrap());
        assert_eq!(former, None, "{name} comes twice");
    }
    samples
}
