//! The Paxos API, as a client of it.
//!
//! Owns OAuth, HTTP, the shapes of the JSON that goes over the wire, and manners: one limiter for all
//! requests, retries, the pause after a 429. Yields domain types, parsed once. Knows nothing of the
//! ledger, and leaves what to list, and what to do with it, to `sync`.

mod address;
mod body;
mod client;
mod error;
mod json;
mod limiter;
mod observer;
mod outbound;
mod page;
mod problem;
mod profiles;
mod query;
mod remainder;
mod retry;
mod row;
mod server_clock;
mod settings;
mod sign_in;
mod stop;
mod token;
mod transfers;
mod transport;
mod unread;
mod walk;

pub use address::{ApiUrl, InvalidUrl};
pub use client::{Client, ClientError, Got};
pub use error::{Call, ConnectFailure, FetchError, Subject};
pub use observer::{Endpoint, Observer, TokenFetch, Unobserved};
pub use page::{BodyError, Cursor, Page};
pub use problem::Problem;
pub use query::{CreatedRange, ListQuery, Order};
pub use row::Row;
pub use server_clock::ServerClock;
pub use settings::{InvalidCertificate, Limits, RetryPolicy, RootCertificate, Settings};
pub use stop::{ForgetStops, Stop, StopKeeper};
pub use token::PROFILE_SCOPE;
pub use transfers::Transfer;
pub use unread::UnreadPage;
pub use walk::{PageGuard, WalkError};
