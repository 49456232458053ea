//! One connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::Observer;
use super::stall::Stalling;

/// How long a client may take to send a request's head, and to send nothing between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What is read of a request before it is refused unseen; twice what is allowed, so that most who send too much
/// are told so.
const READ_BUFFER_BYTES: usize = 16 * 1024;

/// More headers than anybody sends.
const MAX_HEADERS: usize = 64;

/// Counts open connections.
#[derive(Debug)]
pub(super) struct Open {
    count: Arc<AtomicUsize>,
    observer: Arc<dyn Observer>,
}

impl Open {
    pub(super) fn new(count: Arc<AtomicUsize>, observer: Arc<dyn Observer>) -> Self {
        observer.connections(count.fetch_add(1, Ordering::Relaxed) + 1);
        Self { count, observer }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.observer.connections(self.count.fetch_sub(1, Ordering::Relaxed).saturating_sub(1));
    }
}

/// Serves a connection until its client has enough, or, once `closing` changes, what it asked for is answered.
pub(super) async fn serve(stream: TcpStream, router: Router, mut closing: watch::Receiver<()>) {
    // Answers are written in one go. Where this cannot be set they come a little later.
    stream.set_nodelay(true).unwrap_or_default();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(READ_BUFFER_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(Stalling::new(stream)), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // The sender goes when the listener stops.
        _ = closing.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // The client's doing: it went away, was too slow, or does not speak HTTP.
        tracing::trace!(error = %error, "a connection to the listener ended early");
    }
}
