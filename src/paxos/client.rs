//! The client: what can be asked of Paxos.
//!
//! Owns the endpoints and what their answers mean. The way out belongs to `outbound`, tokens to
//! `sign_in`, shapes to `page`, `row` and `profiles`; following a listing page by page is for `sync`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, Request, Url};

use super::body::Text;
use super::json::Json;
use super::limiter::Limiter;
use super::outbound::{Manner, Outbound};
use super::page::utf8;
use super::retry::{AttemptError, Retries, Told};
use super::sign_in::SignIn;
use super::stop::{Begun, Stops};
use super::token::{READ_ORCHESTRATION, READ_PROFILE, READ_TRANSFER, Scope, Token, Tokens};
use super::transport::{Answer, MAX_LIST_BYTES, MAX_SMALL_BYTES, Transport};
use super::{
    BodyError, Call, Cursor, Endpoint, FetchError, Limits, ListQuery, Page, Row, ServerClock, Settings, Stop,
    StopKeeper, Subject, Transfer, UnreadPage, profiles, transfers,
};
use crate::clock::SharedClock;
use crate::model::{Identifier, Lane, Profile, Timestamp, TransferLookUps};

/// An account with more profiles than this many pages of 1000 does not exist; a listing that goes on
/// beyond it goes in a circle.
const MAX_PROFILE_PAGES: usize = 100;
/// How much the newest answer counts in the moving average of latency: one part in this many.
const LATENCY_WEIGHT: u32 = 8;

/// A client of the Paxos API. Clones share everything: connections, token, limiter, pauses.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    stop_patience: Duration,
    sent: Arc<AtomicU64>,
}

struct Inner {
    settings: Settings,
    outbound: Arc<Outbound>,
    sign_in: SignIn,
    tokens: Tokens,
    server_clock: Mutex<ServerClock>,
    latency: Mutex<Option<Duration>>,
    /// Numbers the requests, so that no two draw the same jitter.
    asked: AtomicU64,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The HTTP library could not be set up; usually the system's certificates cannot be read.
    #[error("set up HTTPS; are the system's CA certificates installed?")]
    Http(#[source] reqwest::Error),
    /// The limiter needs a runtime to live on.
    #[error("start the request limiter outside of an asynchronous runtime")]
    NoRuntime(#[source] tokio::runtime::TryCurrentError),
}

/// What Get Orchestration answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// It is there. Never a [`Row::WithoutId`].
    Found(Box<Row>),
    /// There is none with this id (404).
    NotFound,
}

impl Client {
    /// A client whose limiter runs on the present tokio runtime. `kept` are the stops that `keeper` was
    /// given before the last restart; those that are over do no harm.
    pub fn new(
        settings: Settings,
        clock: SharedClock,
        keeper: Arc<dyn StopKeeper>,
        kept: Vec<Stop>,
    ) -> Result<Self, ClientError> {
        let runtime = tokio::runtime::Handle::try_current().map_err(ClientError::NoRuntime)?;
        let transport = Transport::new(&settings, Arc::clone(&clock)).map_err(ClientError::Http)?;
        let Limits { requests_per_second, backfill_requests_per_second, .. } = settings.limits;
        let seen = ServerClock { date: None, received_at: clock.now(), received: clock.monotonic() };
        let outbound = Outbound {
            transport,
            limiter: Limiter::start(&runtime, requests_per_second, backfill_requests_per_second),
            stops: Arc::new(Stops::new(Arc::clone(&clock), kept)),
            keeper,
            told: Arc::new(Told::never(Arc::clone(&clock))),
            clock,
            observer: Arc::clone(&settings.observer),
        };
        if let Some(stop) = outbound.stops.longest() {
            outbound.observer.stop_goes_on(&stop);
        }
        Ok(Self::over(outbound, settings, seen, None))
    }

    /// A client with other settings for what is asked from now on. It shares the limiter, which goes on at
    /// the new rates, and the pauses in force; the token is fetched anew.
    pub fn with_settings(&self, settings: Settings) -> Result<Self, ClientError> {
        let former = &self.inner.outbound;
        let transport = Transport::new(&settings, Arc::clone(&former.clock)).map_err(ClientError::Http)?;
        let Limits { requests_per_second, backfill_requests_per_second, .. } = settings.limits;
        former.limiter.set_rates(requests_per_second, backfill_requests_per_second);
        let outbound = Outbound {
            transport,
            limiter: former.limiter.clone(),
            stops: Arc::clone(&former.stops),
            keeper: Arc::clone(&former.keeper),
            told: Arc::clone(&former.told),
            clock: Arc::clone(&former.clock),
            observer: Arc::clone(&settings.observer),
        };
        Ok(Self::over(outbound, settings, self.server_clock(), self.mean_latency()))
    }

    fn over(
        outbound: Outbound,
        settings: Settings,
        server_clock: ServerClock,
        latency: Option<Duration>,
    ) -> Self {
        let (outbound, stop_patience) = (Arc::new(outbound), settings.stop_patience);
        let clock = Arc::clone(&outbound.clock);
        let inner = Inner {
            sign_in: SignIn::new(&settings, Arc::clone(&outbound), Arc::clone(&clock)),
            tokens: Tokens::new(clock, Arc::clone(&settings.observer)),
            settings,
            outbound,
            server_clock: Mutex::new(server_clock),
            latency: Mutex::new(latency),
            asked: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner), stop_patience, sent: Arc::default() }
    }

    /// The same client for work that waits out pauses up to this long.
    #[must_use]
    pub fn with_stop_patience(&self, stop_patience: Duration) -> Self {
        Self { stop_patience, ..self.clone() }
    }

    /// The same client, whose requests are counted from none, apart from what others send.
    #[must_use]
    pub fn counted_apart(&self) -> Self {
        Self { sent: Arc::default(), ..self.clone() }
    }

    /// One page of List Orchestrations: the first, or the one at `cursor`.
    pub async fn list(
        &self,
        lane: Lane,
        query: &ListQuery,
        cursor: Option<&Cursor>,
    ) -> Result<Page, FetchError> {
        Ok(self.list_as(lane, query, cursor, UnreadPage::parse).await?.read())
    }

    /// The same, leaving it to the caller which rows to judge and to read.
    pub async fn list_unread(
        &self,
        lane: Lane,
        query: &ListQuery,
        cursor: Option<&Cursor>,
    ) -> Result<UnreadPage, FetchError> {
        self.list_as(lane, query, cursor, UnreadPage::glance).await
    }

    async fn list_as(
        &self,
        lane: Lane,
        query: &ListQuery,
        cursor: Option<&Cursor>,
        take: fn(Text, Option<Timestamp>) -> Result<UnreadPage, BodyError>,
    ) -> Result<UnreadPage, FetchError> {
        query.check()?;
        let mut url = self.url(&["orchestration", "orchestrations"])?;
        query.write_to(&mut url, cursor);
        let subject = if query.profile_ids.is_empty() { Subject::Account } else { Subject::Profiles };
        let ask = Ask::new(lane, Endpoint::List, url, READ_ORCHESTRATION, MAX_LIST_BYTES);
        let mut silence = Silence::default();
        self.fetch(&ask, |answer| {
            let (took, date) = (answer.took, answer.date);
            let body = answer.expect_ok(&ask.call, subject)?;
            self.inner.note_latency(took);
            let page = body.into_text().and_then(|text| take(text, date));
            let page = silence.or_empty(page, || UnreadPage::empty(date));
            page.map_err(|problem| ask.unintelligible(problem))
        })
        .await
    }

    /// Get Orchestration.
    pub async fn get(&self, lane: Lane, id: &Identifier) -> Result<Got, FetchError> {
        let url = self.url(&["orchestration", "orchestrations", &id.to_string()])?;
        let ask = Ask::new(lane, Endpoint::Get, url, READ_ORCHESTRATION, MAX_SMALL_BYTES);
        self.fetch(&ask, |answer| {
            if answer.status == 404 {
                return Ok(Got::NotFound);
            }
            let body = answer.expect_ok(&ask.call, Subject::Account)?;
            let row = single_row(&body, id).map_err(|problem| ask.unintelligible(problem))?;
            Ok(Got::Found(Box::new(row)))
        })
        .await
    }

    /// Whether transfers are looked up.
    pub fn transfer_look_ups(&self) -> TransferLookUps {
        self.inner.settings.look_up_transfers
    }

    /// Get Transfer, asked once: what does not come is not worth waiting for. `None` where there is none with this id.
    pub async fn transfer(&self, lane: Lane, id: &Identifier) -> Result<Option<Transfer>, FetchError> {
        let url = self.url(&["transfer", "transfers", &id.to_string()])?;
        let ask = Ask::new(lane, Endpoint::Transfer, url, READ_TRANSFER, MAX_SMALL_BYTES);
        let answer = self.answer(&ask).await.map_err(AttemptError::into_inner)?;
        if answer.status == 404 {
            return Ok(None);
        }
        let body = answer.expect_ok(&ask.call, Subject::Account)?;
        transfers::parse(&body).map(Some).map_err(|problem| ask.unintelligible(problem))
    }

    /// Every profile that the account lists.
    pub async fn profiles(&self, lane: Lane) -> Result<Vec<Profile>, FetchError> {
        let mut found = Vec::new();
        let mut cursors: Vec<Cursor> = Vec::new();
        loop {
            let mut url = self.url(&["profiles"])?;
            if let Some(cursor) = cursors.last() {
                url.query_pairs_mut().append_pair("page_cursor", cursor.as_str());
            }
            let ask = Ask::new(lane, Endpoint::Profiles, url, READ_PROFILE, MAX_LIST_BYTES);
            let mut silence = Silence::default();
            let (page, next) = self
                .fetch(&ask, |answer| {
                    let body = answer.expect_ok(&ask.call, Subject::Account)?;
                    let page = silence.or_empty(profiles::parse(&body), Default::default);
                    page.map_err(|problem| ask.unintelligible(problem))
                })
                .await?;
            found.extend(page);
            let Some(next) = next else { return Ok(found) };
            if cursors.contains(&next) || cursors.len() >= MAX_PROFILE_PAGES {
                let problem = BodyError::UnexpectedShape { what: "a listing of profiles that never ends" };
                return Err(ask.unintelligible(problem));
            }
            cursors.push(next);
        }
    }

    /// The server's clock, by the last answer of the API that carried a usable `Date`.
    pub fn server_clock(&self) -> ServerClock {
        *self.inner.server_clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many requests were sent, those for tokens and repeated ones included.
    pub fn requests_sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// The moving average of how long a page takes from sending to the last byte; `None` before the
    /// first. With the rate it tells how many requests should be under way at once.
    pub fn mean_latency(&self) -> Option<Duration> {
        *self.inner.latency.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pause (429) now in force; where there are two, the one that ends last.
    pub fn stop(&self) -> Option<Stop> {
        self.inner.outbound.stops.longest()
    }

    /// Heeds a pause that somebody else was asked for, as this client heeds its own.
    pub fn heed(&self, stop: &Stop) {
        let outbound = &self.inner.outbound;
        let begun = outbound.stops.heed(stop);
        if begun != Begun::Known {
            outbound.observer.stop_began(stop);
        }
        if begun == Begun::New {
            tracing::warn!(
                host = stop.host,
                until = %stop.until,
                reason = stop.reason,
                "another tallyd was asked for a pause; nothing is sent to this host until then"
            );
        }
    }

    fn url(&self, segments: &[&str]) -> Result<Url, FetchError> {
        self.inner.settings.api_url.join(segments).ok_or_else(|| FetchError::InvalidQuery {
            what: format!("{:?} cannot stand in a URL", segments.last().unwrap_or(&"")),
        })
    }

    /// Asks until there is an answer that `read` takes, as often as the policy allows.
    async fn fetch<T>(
        &self,
        ask: &Ask,
        mut read: impl FnMut(Answer) -> Result<T, FetchError>,
    ) -> Result<T, FetchError> {
        let inner = &self.inner;
        let mut retries =
            Retries::new(&inner.settings.retry, inner.seed(), &ask.call, ask.endpoint, &inner.outbound);
        loop {
            let outcome = match self.answer(ask).await {
                Ok(answer) => read(answer).map_err(AttemptError::from),
                Err(failure) => Err(failure),
            };
            match outcome {
                Ok(value) => return Ok(value),
                Err(failure) => retries.pause(failure).await?,
            }
        }
    }

    /// One attempt; two where the token is refused, since it may have been revoked.
    async fn answer(&self, ask: &Ask) -> Result<Answer, AttemptError> {
        let Ask { lane, endpoint, .. } = *ask;
        let manner = Manner { lane, endpoint, stop_patience: self.stop_patience, sent: &self.sent };
        let token = self.token(manner, ask.scope).await?;
        let answer = self.inner.send(manner, ask, token.authorization.clone()).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        tracing::debug!(endpoint = %ask.call, "the token was refused; getting a new one");
        self.inner.tokens.discard(token).await;
        let token = self.token(manner, ask.scope).await?;
        let answer = self.inner.send(manner, ask, token.authorization.clone()).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let problem = super::Problem::parse(&answer.body);
        Err(AttemptError::Lasting(FetchError::Credentials { call: ask.call.clone(), problem }))
    }

    async fn token(&self, manner: Manner<'_>, scope: Scope) -> Result<Arc<Token>, AttemptError> {
        let inner = &self.inner;
        // Getting a token has retries of its own: what fails there has failed.
        let token = inner.tokens.get(inner.sign_in.token(inner.seed(), manner)).await;
        let token = token.map_err(AttemptError::Lasting)?;
        token.require(scope).map_err(AttemptError::Lasting)?;
        Ok(token)
    }
}

impl Inner {
    fn seed(&self) -> u64 {
        self.settings.jitter_seed.wrapping_add(self.asked.fetch_add(1, Ordering::Relaxed))
    }

    async fn send(
        &self,
        manner: Manner<'_>,
        ask: &Ask,
        authorization: HeaderValue,
    ) -> Result<Answer, AttemptError> {
        let mut request = Request::new(Method::GET, ask.url.clone());
        request.headers_mut().insert(AUTHORIZATION, authorization);
        let answer = self.outbound.send(manner, &ask.call, request, ask.limit).await?;
        if answer.date.is_some() {
            let Answer { date, received_at, received, .. } = answer;
            let seen = ServerClock { date, received_at, received };
            *self.server_clock.lock().unwrap_or_else(PoisonError::into_inner) = seen;
        }
        Ok(answer)
    }

    fn note_latency(&self, took: Duration) {
        let mut latency = self.latency.lock().unwrap_or_else(PoisonError::into_inner);
        let mean = latency.map_or(took, |mean| (mean * (LATENCY_WEIGHT - 1) + took) / LATENCY_WEIGHT);
        *latency = Some(mean);
    }
}

/// Whether `{}` came before in answer to the same question. It is how an empty page may look, but also what is
/// left of a page that lost its rows: so it is believed when asking again says the same.
#[derive(Default)]
struct Silence {
    came: bool,
}

impl Silence {
    fn or_empty<T>(&mut self, page: Result<T, BodyError>, empty: impl FnOnce() -> T) -> Result<T, BodyError> {
        match page {
            Err(BodyError::SaysNothing) if std::mem::replace(&mut self.came, true) => Ok(empty()),
            page => page,
        }
    }
}

/// One question, to be asked as often as it takes.
struct Ask {
    lane: Lane,
    endpoint: Endpoint,
    url: Url,
    call: Call,
    scope: Scope,
    /// The longest answer, in bytes.
    limit: usize,
}

impl Ask {
    fn new(lane: Lane, endpoint: Endpoint, url: Url, scope: Scope, limit: usize) -> Self {
        let call = Call::get(url.path());
        Self { lane, endpoint, url, call, scope, limit }
    }

    fn unintelligible(&self, problem: BodyError) -> FetchError {
        FetchError::Unintelligible { call: self.call.clone(), problem }
    }
}

/// The row in the answer of Get Orchestration; some integrations have seen it wrapped.
fn single_row(body: &[u8], asked: &Identifier) -> Result<Row, BodyError> {
    let json = Json::parse(utf8(body)?).map_err(|error| BodyError::NotJson { detail: error.to_string() })?;
    let members = json.members(0);
    let find = |name: &str| members.iter().find(|member| member.key == name);
    let row = match (find("id"), find("orchestration")) {
        (None, Some(wrapped)) => Row::take(wrapped.value),
        _ => Row::take(json),
    };
    match row.id() {
        None => Err(BodyError::UnexpectedShape { what: "an orchestration without an id" }),
        // People may have typed the id in capitals.
        Some(id) if !id.to_string().eq_ignore_ascii_case(&asked.to_string()) => {
            Err(BodyError::UnexpectedShape { what: "another orchestration than the one asked for" })
        }
        Some(_) => Ok(row),
    }
}
