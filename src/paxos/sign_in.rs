//! Getting a token from the token endpoint.
//!
//! Owns which scopes are asked for and what the endpoint's refusals mean. The `oauth2` crate owns the
//! protocol, but it loses the status of a refusal and keeps the raw body of an answer that it cannot
//! read: so refusals are told apart before it sees them, and such a body is dropped unread.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use oauth2::basic::{BasicClient, BasicErrorResponseType, BasicTokenResponse};
use oauth2::http::StatusCode;
use oauth2::{
    AsyncHttpClient, AuthType, ClientId, ClientSecret, EndpointNotSet, EndpointSet, HttpRequest,
    HttpResponse, RequestTokenError, TokenResponse, TokenUrl,
};
use reqwest::header::HeaderValue;
use secrecy::ExposeSecret;

use super::json::Json;
use super::outbound::{Manner, Outbound};
use super::problem::plain;
use super::retry::{AttemptError, Retries};
use super::token::{READ_ORCHESTRATION, READ_PROFILE, READ_TRANSFER, Scope, Token};
use super::transport::MAX_SMALL_BYTES;
use super::{BodyError, Call, Endpoint, FetchError, Problem, RetryPolicy, Settings, Subject};
use crate::clock::SharedClock;
use crate::model::{Lane, TransferLookUps};

/// What is asked for where transfers are looked up, then with less and less, down to what it cannot do without. Never
/// a scope that writes.
const WITH_TRANSFERS: &[&[Scope]] = &[
    &[READ_ORCHESTRATION, READ_PROFILE, READ_TRANSFER],
    &[READ_ORCHESTRATION, READ_PROFILE],
    &[READ_ORCHESTRATION],
];
/// The same where they are not.
const WITHOUT_TRANSFERS: &[&[Scope]] = &[&[READ_ORCHESTRATION, READ_PROFILE], &[READ_ORCHESTRATION]];

type OAuthClient = BasicClient<EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// Gets tokens from the token endpoint.
pub(super) struct SignIn {
    oauth: OAuthClient,
    call: Call,
    outbound: Arc<Outbound>,
    retry: RetryPolicy,
    clock: SharedClock,
    /// The scopes to ask for, those that are wanted most first.
    wanted: &'static [&'static [Scope]],
}

/// Why the endpoint gave no token.
enum Refusal {
    /// It does not know, or does not grant, a scope that was asked for.
    Scope,
    /// Anything else.
    Other(AttemptError),
}

impl SignIn {
    pub(super) fn new(settings: &Settings, outbound: Arc<Outbound>, clock: SharedClock) -> Self {
        let url = settings.token_url.url();
        let oauth = BasicClient::new(ClientId::new(settings.client_id.clone()))
            .set_client_secret(ClientSecret::new(settings.client_secret.expose_secret().to_owned()))
            // Paxos documents the credentials in the form, not in a header.
            .set_auth_type(AuthType::RequestBody)
            .set_token_uri(TokenUrl::from_url(url.clone()));
        let wanted = match settings.look_up_transfers {
            TransferLookUps::Off => WITHOUT_TRANSFERS,
            TransferLookUps::On => WITH_TRANSFERS,
        };
        Self { oauth, call: Call::post(url.path()), outbound, retry: settings.retry, clock, wanted }
    }

    /// Gets a new token. Where one of the wanted scopes is not granted, one with fewer.
    pub(super) async fn token(&self, seed: u64, manner: Manner<'_>) -> Result<Token, FetchError> {
        // Everybody waits for the token, so it goes before them all.
        let manner = Manner { lane: Lane::Refresh, endpoint: Endpoint::Token, ..manner };
        let mut retries = Retries::new(&self.retry, seed, &self.call, Endpoint::Token, &self.outbound);
        loop {
            let mut granted = Err(Refusal::Scope);
            for scopes in self.wanted {
                granted = self.ask(manner, scopes).await;
                if !matches!(granted, Err(Refusal::Scope)) {
                    break;
                }
            }
            let failure = match granted {
                Ok(token) => return Ok(token),
                Err(Refusal::Scope) => AttemptError::Lasting(FetchError::MissingScope {
                    scope: READ_ORCHESTRATION.name,
                    purpose: READ_ORCHESTRATION.purpose,
                }),
                Err(Refusal::Other(failure)) => failure,
            };
            retries.pause(failure).await?;
        }
    }

    async fn ask(&self, manner: Manner<'_>, scopes: &[Scope]) -> Result<Token, Refusal> {
        let transport = Via { sign_in: self, manner };
        let asked = scopes.iter().map(|scope| oauth2::Scope::new(scope.name.to_owned()));
        let now = self.clock.monotonic();
        let answer =
            self.oauth.exchange_client_credentials().add_scopes(asked).request_async(&transport).await;
        let granted = answer.map_err(|error| match error {
            RequestTokenError::Request(error) => Refusal::Other(error),
            RequestTokenError::ServerResponse(response) => match response.error() {
                BasicErrorResponseType::InvalidScope => Refusal::Scope,
                error => {
                    let title = Some(plain(error.as_ref()));
                    let detail = response.error_description().map(|text| plain(text));
                    let problem = Problem { title, detail, request_id: None };
                    Refusal::Other(self.refused(Some(Box::new(problem))))
                }
            },
            // Both may repeat the body, and with it the token.
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => self.unusable(),
        })?;
        // A token's life begins no later than when it was asked for.
        self.take(&granted, scopes)
            .map(|(authorization, scopes)| Token::new(authorization, scopes, now, granted.expires_in()))
    }

    fn take(
        &self,
        granted: &BasicTokenResponse,
        asked: &[Scope],
    ) -> Result<(HeaderValue, Vec<String>), Refusal> {
        let bearer = format!("Bearer {}", granted.access_token().secret());
        let mut authorization = HeaderValue::try_from(bearer).map_err(|_| self.unusable())?;
        authorization.set_sensitive(true);
        let scopes = match granted.scopes() {
            Some(scopes) => scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            // RFC 6749, 5.1: left out where it is what was asked for.
            None => asked.iter().map(|scope| scope.name.to_owned()).collect(),
        };
        Ok((authorization, scopes))
    }

    /// Lets through tokens, and refusals in the words of OAuth.
    async fn send(&self, manner: Manner<'_>, request: HttpRequest) -> Result<HttpResponse, AttemptError> {
        let request = request.try_into().map_err(|_| FetchError::InvalidQuery {
            what: "token_url cannot be made into a request".to_owned(),
        })?;
        let answer = self.outbound.send(manner, &self.call, request, MAX_SMALL_BYTES).await?;
        match answer.status {
            200 => Ok(HttpResponse::new(answer.body.into_bytes())),
            400..500 if answer.status != 408 && speaks_oauth(&answer.body) => {
                let mut response = HttpResponse::new(answer.body.into_bytes());
                *response.status_mut() = StatusCode::BAD_REQUEST;
                Ok(response)
            }
            400 | 401 | 403 => Err(self.refused(Problem::parse(&answer.body))),
            _ => Err(answer.unexpected(&self.call, Subject::Token).into()),
        }
    }

    fn refused(&self, problem: Option<Box<Problem>>) -> AttemptError {
        AttemptError::Lasting(FetchError::Credentials { call: self.call.clone(), problem })
    }

    fn unusable(&self) -> Refusal {
        let problem = BodyError::UnexpectedShape { what: "no token (access_token, token_type, expires_in)" };
        Refusal::Other(FetchError::Unintelligible { call: self.call.clone(), problem }.into())
    }
}

/// The HTTP client that the `oauth2` crate is given.
struct Via<'a> {
    sign_in: &'a SignIn,
    manner: Manner<'a>,
}

impl<'c> AsyncHttpClient<'c> for Via<'_> {
    type Error = AttemptError;
    type Future = BoxFuture<'c, Result<HttpResponse, AttemptError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.sign_in.send(self.manner, request))
    }
}

fn speaks_oauth(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return false };
    let members = Json::parse(text).map(|json| json.members(0)).unwrap_or_default();
    members.iter().any(|member| member.key == "error" && matches!(member.value.text(), Ok(Some(_))))
}
