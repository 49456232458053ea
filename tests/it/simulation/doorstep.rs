//! Where what is told arrives: a webhook on loopback that takes it, refuses it or hangs up, as a case decides, and
//! remembers everything.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use super::delivered::Said;
use super::killer::Killer;
use super::op::Refusal;

/// How much a message may have, in bytes.
const MOST: usize = 1 << 22;

/// A message that was read.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    /// Its `Idempotency-Key`.
    pub(super) key: String,
    pub(super) said: Said,
    pub(super) end: End,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It was taken, and the answer said so.
    Taken,
    /// It was taken, and there was no answer.
    Unanswered,
    /// It was not taken.
    Refused,
}

/// One sink.
pub(super) struct Doorstep {
    pub(super) url: String,
    killer: Arc<Killer>,
    /// Or what cannot be made out.
    arrived: Mutex<Vec<Result<Arrived, String>>>,
    /// What it does next; it takes whatever comes where nothing is left.
    script: Mutex<VecDeque<Option<Refusal>>>,
}

impl Doorstep {
    pub(super) async fn open(killer: &Arc<Killer>) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let doorstep = Arc::new(Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            killer: Arc::clone(killer),
            arrived: Mutex::default(),
            script: Mutex::default(),
        });
        tokio::spawn(serve(listener, Arc::clone(&doorstep)));
        doorstep
    }

    /// Everything that arrived, in order.
    pub(super) fn arrived(&self) -> Result<Vec<Arrived>, String> {
        self.arrived.lock().unwrap().iter().cloned().collect()
    }

    pub(super) fn then(&self, steps: impl IntoIterator<Item = Option<Refusal>>) {
        self.script.lock().unwrap().extend(steps);
    }

    /// From now on it takes whatever comes.
    pub(super) fn heal(&self) {
        self.script.lock().unwrap().clear();
    }

    /// An error is that it hangs up.
    async fn take(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let hangs_up = || io::Error::from(io::ErrorKind::ConnectionReset);
        if self.killer.ends_unread() {
            std::future::pending::<()>().await;
        }
        let refusal = self.script.lock().unwrap().pop_front().flatten();
        if refusal == Some(Refusal::Unread) {
            return Err(hangs_up());
        }
        let (head, body) = request.into_parts();
        let body = to_bytes(Body::new(body), MOST).await.map_err(|_| hangs_up())?;
        let killed = self.killer.ends_unanswered();
        let (end, answer) = match refusal {
            _ if killed => (End::Unanswered, None),
            Some(Refusal::Unread | Refusal::Unanswered) => (End::Unanswered, None),
            Some(Refusal::Broken) => (End::Refused, Some(500)),
            Some(Refusal::Busy) => (End::Refused, Some(429)),
            Some(Refusal::Stranger) => (End::Refused, Some(401)),
            None => (End::Taken, Some(200)),
        };
        let key = head.headers["idempotency-key"].to_str().unwrap().to_owned();
        let said = Said::by(&serde_json::from_slice(&body).unwrap());
        let arrived = said.map(|said| Arrived { key, said, end });
        self.arrived.lock().unwrap().push(arrived);
        if killed {
            std::future::pending::<()>().await;
        }
        let answer = answer.ok_or_else(hangs_up)?;
        Ok(Response::builder().status(answer).header("retry-after", "600").body(Body::empty()).unwrap())
    }
}

async fn serve(listener: TcpListener, doorstep: Arc<Doorstep>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let doorstep = Arc::clone(&doorstep);
        tokio::spawn(async move {
            let service = service_fn(|request| doorstep.take(request));
            // A connection that is used again and hangs up may be asked once more without a word.
            let connection =
                http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), service);
            // An error is that somebody hung up.
            connection.await.unwrap_or_default();
        });
    }
}
