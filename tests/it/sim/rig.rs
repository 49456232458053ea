//! A running simulator, a clock that stands still, and a plain HTTP client with a token.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;
use tallyd::clock::ManualClock;
use tallyd::model::Timestamp;
use tallyd::sim::{Control, RunningSimulator, SimConfig, Simulator, WorldConfig};

pub(crate) const LIST: &str = "/orchestration/orchestrations";

/// Long enough for the slowest machine; nothing here waits that long unless it is broken.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Rig {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) control: Control,
    http: reqwest::Client,
    sim: RunningSimulator,
    token: String,
}

/// One answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

pub(crate) type Pairs<'a> = &'a [(&'a str, &'a str)];

pub(crate) fn start_time() -> Timestamp {
    Timestamp::parse_rfc3339("2026-03-02T09:30:00Z").unwrap()
}

/// A small honest world.
pub(crate) fn small(size: u64) -> SimConfig {
    SimConfig { world: WorldConfig { size, ..WorldConfig::default() }, ..SimConfig::default() }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn items(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()["items"].as_array().unwrap().clone()
    }

    pub(crate) fn cursor(&self) -> Option<String> {
        Some(self.json().get("next_page_cursor")?.as_str()?.to_owned())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Checks that it is a problem document with that status and returns its detail.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let problem = self.json();
        assert_eq!(problem["status"], status);
        for field in ["type", "title", "detail", "instance", "request_id"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {problem}");
        }
        problem["detail"].as_str().unwrap().to_owned()
    }
}

impl Rig {
    pub(crate) async fn start(config: SimConfig) -> Self {
        let clock = Arc::new(ManualClock::at(start_time()));
        let credentials = config.credentials.clone();
        let address = "127.0.0.1:0".parse().unwrap();
        let sim = Simulator::bind(config, clock.clone(), address).await.unwrap();
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(DEADLINE)
            .build()
            .unwrap();
        let control = sim.control();
        let mut rig = Self { clock, control, http, sim, token: String::new() };
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &credentials.client_id),
            ("client_secret", &credentials.client_secret),
        ];
        let answer = rig.ask_token(&form).await;
        answer.json()["access_token"].as_str().unwrap_or_default().clone_into(&mut rig.token);
        rig.control.forget_requests();
        rig
    }

    pub(crate) async fn stop(self) {
        drop(self.http);
        tokio::time::timeout(DEADLINE, self.sim.shutdown()).await.unwrap();
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sim.api_url())
    }

    pub(crate) async fn ask_token(&self, form: Pairs<'_>) -> Answer {
        read(self.http.post(self.sim.token_url()).form(form)).await.unwrap()
    }

    /// Takes another token for all later requests.
    pub(crate) async fn use_scopes(&mut self, scope: &str) {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", "sim-client"),
            ("client_secret", "sim-secret"),
            ("scope", scope),
        ];
        let answer = self.ask_token(&form).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["access_token"].as_str().unwrap().clone_into(&mut self.token);
    }

    pub(crate) async fn try_get(&self, path: &str, query: Pairs<'_>) -> reqwest::Result<Answer> {
        read(self.http.get(self.url(path)).query(query).bearer_auth(&self.token)).await
    }

    pub(crate) async fn get(&self, path: &str, query: Pairs<'_>) -> Answer {
        self.try_get(path, query).await.unwrap()
    }

    pub(crate) async fn list(&self, query: Pairs<'_>) -> Answer {
        self.get(LIST, query).await
    }

    pub(crate) async fn get_one(&self, id: &str) -> Answer {
        self.get(&format!("{LIST}/{id}"), &[]).await
    }

    pub(crate) async fn get_without_token(&self, path: &str) -> Answer {
        read(self.http.get(self.url(path))).await.unwrap()
    }

    pub(crate) async fn post(&self, body: &Value) -> Answer {
        self.try_post(body).await.unwrap()
    }

    pub(crate) async fn try_post(&self, body: &Value) -> reqwest::Result<Answer> {
        let request = self.http.post(self.url(LIST)).bearer_auth(&self.token);
        read(request.header("content-type", "application/json").body(body.to_string())).await
    }

    /// Follows the cursors to the end and returns all rows; gives up after far too many pages.
    pub(crate) async fn walk(&self, query: Pairs<'_>) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..10_000 {
            let mut query = query.to_vec();
            query.extend(cursor.as_deref().map(|cursor| ("page_cursor", cursor)));
            let page = self.list(&query).await;
            rows.extend(page.items());
            cursor = page.cursor();
            if cursor.is_none() {
                return rows;
            }
        }
        panic!("the list does not end");
    }
}

async fn read(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Ok(Answer { status, headers, text: response.text().await? })
}

pub(crate) fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["id"].as_str().unwrap()).collect()
}

pub(crate) fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}
