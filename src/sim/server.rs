//! The listener and its connections.
//!
//! hyper serves each connection, because `axum::serve` always adds a `Date` and some answers must go
//! without one.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinHandle, JoinSet};

use super::routes;
use super::shared::{Closing, Shared};

/// How long connections may take to end once the simulator is being shut down.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long to wait after a connection could not be accepted, for instance for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The task that accepts connections; it owns theirs.
#[derive(Debug)]
pub(super) struct Server {
    accepting: JoinHandle<()>,
}

impl Server {
    pub(super) fn start(listener: TcpListener, shared: Arc<Shared>) -> Self {
        Self { accepting: tokio::spawn(serve(listener, shared)) }
    }

    /// Waits for everything to end, and panics with whatever panicked in it.
    pub(super) async fn join(mut self) {
        let ended = (&mut self.accepting).await;
        pass_on_panic(ended);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = routes::router(Arc::clone(&shared));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, router.clone(), Arc::clone(&shared)));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(ended) = connections.join_next() => pass_on_panic(ended),
            () = shared.closed() => break,
        }
    }
    drop(listener);
    let all = async {
        while let Some(ended) = connections.join_next().await {
            pass_on_panic(ended);
        }
    };
    // What is not done by then is cut off when the set is dropped.
    let _ = tokio::time::timeout(PATIENCE, all).await;
}

async fn connection(stream: TcpStream, router: Router, shared: Arc<Shared>) {
    // Answers are written in one go; waiting for more only costs time.
    let _ = stream.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    let connection =
        http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let mut closing = shared.closing();
    loop {
        tokio::select! {
            // An error is the client's going away, or a body that was to be cut.
            _ = connection.as_mut() => return,
            changed = closing.changed() => {
                if changed.is_err() || *closing.borrow_and_update() == Closing::Yes {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.as_mut().await;
                    return;
                }
            }
        }
    }
}

fn pass_on_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}
