//! The simulated Paxos API: a seeded world of orchestrations, served over real HTTP.
//!
//! Written from the documented facts of the API and from nothing of tallyd's client, model or
//! ledger, so that a mistake of the client is not mirrored here. It owns the token endpoint, List,
//! Get and Create Orchestration, List Profiles, their limits, and the faults that a poller must
//! live through. Command-line flags and the demo that joins it with the daemon are `cli`'s.
//!
//! Everything that the API shows (states, `Date`, token expiry, penalties) follows the clock that is
//! handed in; latency and hanging follow `tokio::time`.

mod config;
mod control;
mod create;
mod cursor;
mod details;
mod dice;
mod endpoint;
mod faults;
mod life;
mod listing;
mod log;
mod page;
mod plan;
mod problem;
mod profiles;
mod query;
mod render;
mod reply;
mod routes;
mod row;
mod server;
mod shared;
mod throttle;
mod token;
mod transfers;
mod world;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::clock::SharedClock;

pub use config::{
    ApiConfig, Credentials, CursorLife, Cursors, GetShape, Latency, ListField, ListedUnder, ProfilesCursor,
    RateLimit, RetryAfter, ScopePolicy, SimConfig, WorldConfig,
};
pub use control::{Control, NoSuchOrchestration};
pub use dice::{InvalidRate, Rate};
pub use endpoint::Endpoint;
pub use faults::{
    Canned, ErrorBody, Fault, FaultRate, InvalidFault, RowFault, RowFaultRate, Scripted, ServerError,
};
pub use log::RequestRecord;
pub use profiles::SimProfile;
pub use row::PinScope;

use server::Server;
use shared::Shared;

/// The simulator before it runs.
#[derive(Debug)]
pub struct Simulator;

/// Why a simulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("listen on {address}")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The listener does not know its own address.
    #[error("read the listener's address")]
    Address(#[source] io::Error),
    /// A world without profiles has nowhere to put its orchestrations.
    #[error("build a world without profiles: at least one is needed")]
    NoProfiles,
}

impl Simulator {
    /// Builds the world and serves it on `listener`, in tasks of the runtime that this is called in.
    pub fn start(
        config: SimConfig,
        clock: SharedClock,
        listener: TcpListener,
    ) -> Result<RunningSimulator, StartError> {
        let address = listener.local_addr().map_err(StartError::Address)?;
        if config.world.profiles == 0 && config.world.profile_ids.is_empty() {
            return Err(StartError::NoProfiles);
        }
        let shared = Arc::new(Shared::new(config, clock, address));
        let server = Server::start(listener, Arc::clone(&shared));
        Ok(RunningSimulator { address, shared, server })
    }

    /// As [`start`](Self::start), on an address; port 0 takes any free one.
    pub async fn bind(
        config: SimConfig,
        clock: SharedClock,
        address: SocketAddr,
    ) -> Result<RunningSimulator, StartError> {
        let listener =
            TcpListener::bind(address).await.map_err(|source| StartError::Bind { address, source })?;
        Self::start(config, clock, listener)
    }
}

/// A simulator that serves; dropping it stops the listener without waiting for anybody.
#[derive(Debug)]
pub struct RunningSimulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: Server,
}

impl RunningSimulator {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The API root, such as `http://127.0.0.1:8080/v2`.
    pub fn api_url(&self) -> String {
        format!("http://{}/v2", self.address)
    }

    /// The token endpoint, such as `http://127.0.0.1:8080/oauth2/token`.
    pub fn token_url(&self) -> String {
        format!("http://{}/oauth2/token", self.address)
    }

    /// The handle by which tests and the demo look at the world and bend it.
    pub fn control(&self) -> Control {
        Control::new(Arc::clone(&self.shared))
    }

    /// Stops listening, lets go of hanging requests and waits for the connections to end.
    ///
    /// # Panics
    /// Where one of the simulator's own tasks panicked: a crash in it must fail the test that runs it.
    pub async fn shutdown(self) {
        self.shared.close();
        self.server.join().await;
    }
}
