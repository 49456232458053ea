//! The listener and its connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinError, JoinSet};

use super::access::Doorkeeper;
use super::connection::{self, Open};
use super::guard::Shared;
use super::{Observer, routes};

/// Connections at once. Some 20 KiB each, and whoever comes then waits in the system's queue: more clients than this
/// neither take memory from the polls nor their file handles.
const MAX_CONNECTIONS: usize = 256;

/// How long connections may take to end; the whole daemon has five seconds.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// How long to wait after a connection could not be accepted, for want of file handles for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A port that is listened to, before anybody is answered.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

/// Why a port cannot be listened to.
#[derive(Debug, thiserror::Error)]
#[error("failed to listen on {address} (`[server] listen`): {}", reason(source))]
pub struct ListenError {
    address: SocketAddr,
    #[source]
    source: io::Error,
}

fn reason(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another process listens there; stop that one or choose another port",
        io::ErrorKind::PermissionDenied => "not permitted; choose a port from 1024 on",
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address; name one that it has",
        _ => "the system refused it",
    }
}

impl Listener {
    /// Takes the port.
    ///
    /// # Errors
    ///
    /// It cannot be had.
    pub async fn bind(address: SocketAddr) -> Result<Self, ListenError> {
        let explain = |source| ListenError { address, source };
        let listener = TcpListener::bind(address).await.map_err(explain)?;
        let address = listener.local_addr().map_err(explain)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers what `router` has until `stopped`, and ends when what was asked for then is answered.
    pub async fn serve(
        self,
        router: Router,
        doorkeeper: Arc<dyn Doorkeeper>,
        observer: Arc<dyn Observer>,
        stopped: impl Future<Output = ()>,
    ) {
        let router = routes::guarded(router, Arc::new(Shared::new(doorkeeper, Arc::clone(&observer))));
        let (room, open) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), Arc::new(AtomicUsize::new(0)));
        let (close, closing) = watch::channel(());
        let mut connections = JoinSet::new();
        let mut stopped = std::pin::pin!(stopped);
        loop {
            let accepted = async {
                // Nobody closes it.
                let place = Arc::clone(&room).acquire_owned().await.ok();
                (place, self.listener.accept().await)
            };
            tokio::select! {
                () = &mut stopped => break,
                Some(ended) = connections.join_next() => tell_panic(ended),
                (place, accepted) = accepted => match accepted {
                    Ok((stream, _)) => {
                        let counted = Open::new(Arc::clone(&open), Arc::clone(&observer));
                        let serving = connection::serve(stream, router.clone(), closing.clone());
                        connections.spawn(async move {
                            serving.await;
                            drop((place, counted));
                        });
                    }
                    Err(error) => {
                        tracing::debug!(error = %error, "a connection could not be accepted");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop((self.listener, close));
        let all = async {
            while let Some(ended) = connections.join_next().await {
                tell_panic(ended);
            }
        };
        // What is not done by then is cut off when the set is dropped.
        tokio::time::timeout(STOP_WITHIN, all).await.unwrap_or_default();
    }
}

/// A page that panics is a fault of tallyd, and no reason to watch nothing any more.
fn tell_panic(ended: Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(error = %error, "a page could not be made; this is a fault of tallyd, please report it");
    }
}
