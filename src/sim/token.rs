//! OAuth 2 client credentials: which tokens are out, for what, and until when.

use std::collections::HashMap;

use fastrand::Rng;
use serde_json::json;

use super::config::{Credentials, ScopePolicy};
use super::dice::dice_for;
use super::problem::{Problem, TokenProblem};

pub(super) const READ: &str = "orchestration:read_orchestration";
pub(super) const WRITE: &str = "orchestration:write_orchestration";
pub(super) const READ_PROFILE: &str = "funding:read_profile";
pub(super) const READ_TRANSFER: &str = "transfer:read_transfer";

/// The tokens that are out.
#[derive(Debug)]
pub(super) struct Tokens {
    dice: Rng,
    good: HashMap<String, Grant>,
}

#[derive(Debug)]
struct Grant {
    /// In microseconds.
    until: i64,
    scopes: Vec<String>,
}

impl Tokens {
    pub(super) fn new(seed: u64) -> Self {
        Self { dice: dice_for(seed, 0x70CE_2000), good: HashMap::new() }
    }

    /// Answers a token request with the body of a token answer.
    pub(super) fn issue(
        &mut self,
        form: &[(String, String)],
        credentials: &Credentials,
        now: i64,
    ) -> Result<String, TokenProblem> {
        let one = |name: &str| {
            let mut values = form.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str());
            match (values.next(), values.next()) {
                (Some(value), None) => Ok(value),
                _ => Err(TokenProblem::InvalidRequest),
            }
        };
        if one("grant_type")? != "client_credentials" {
            return Err(TokenProblem::UnsupportedGrantType);
        }
        let known = one("client_id").ok() == Some(credentials.client_id.as_str())
            && one("client_secret").ok() == Some(credentials.client_secret.as_str());
        if !known {
            return Err(TokenProblem::InvalidClient);
        }
        let scopes = granted(form, credentials)?;
        // Nobody asks with an expired token for long.
        self.good.retain(|_, grant| grant.until > now);
        let token = format!("sim-{:032x}", self.dice.u128(..));
        let life = i64::try_from(credentials.token_life.as_micros()).unwrap_or(i64::MAX);
        let body = json!({
            "access_token": token,
            "expires_in": credentials.token_life.as_secs(),
            "scope": scopes.join(" "),
            "token_type": "bearer",
        });
        self.good.insert(token, Grant { until: now.saturating_add(life), scopes });
        Ok(body.to_string())
    }

    /// Whether an `Authorization` header opens that scope.
    pub(super) fn check(&self, header: Option<&str>, scope: &str, now: i64) -> Result<(), Problem> {
        let token = header.and_then(|header| header.split_once(' '));
        let grant = token
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .and_then(|(_, token)| self.good.get(token))
            .filter(|grant| grant.until > now)
            .ok_or_else(Problem::unauthenticated)?;
        if grant.scopes.iter().any(|held| held == scope) {
            Ok(())
        } else {
            Err(Problem::forbidden(format!("The token lacks the scope {scope}.")))
        }
    }

    pub(super) fn forget(&mut self) {
        self.good.clear();
    }
}

/// The scopes a token gets; all that are held where none are asked for.
fn granted(form: &[(String, String)], credentials: &Credentials) -> Result<Vec<String>, TokenProblem> {
    let asked: Vec<_> = form
        .iter()
        .filter(|(name, _)| name == "scope")
        .flat_map(|(_, scopes)| scopes.split_ascii_whitespace())
        .collect();
    if asked.is_empty() {
        return Ok(credentials.scopes.clone());
    }
    let held: Vec<String> = asked
        .iter()
        .filter(|scope| credentials.scopes.iter().any(|held| held == *scope))
        .map(|scope| (*scope).to_owned())
        .collect();
    let refused = credentials.scope_policy == ScopePolicy::Refuse && held.len() < asked.len();
    if refused || held.is_empty() { Err(TokenProblem::InvalidScope) } else { Ok(held) }
}
