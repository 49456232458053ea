//! `sim`: serves the simulated API until it is stopped.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;

use super::failure::Failure;
use super::poll::runtime;
use super::terminal::Terminal;
use super::{Common, Exit, logging_of};
use crate::clock::{Clock as _, FastClock, SharedClock, SystemClock};
use crate::sim::{
    ApiConfig, Credentials, CursorLife, Fault, FaultRate, GetShape, Latency, ListField, ListedUnder, Rate,
    RateLimit, RetryAfter, RowFault, RowFaultRate, SimConfig, Simulator, WorldConfig,
};

/// What `sim` takes.
#[derive(Debug, clap::Args)]
#[command(after_help = after_help())]
pub(super) struct SimArguments {
    /// Where to listen; port 0 takes any free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Decides the whole world: the same seed and start give the same orchestrations
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many orchestrations there are at the start
    #[arg(long, default_value_t = 1000, value_name = "COUNT")]
    size: u64,
    /// The span before the start over which they were created
    #[arg(long, default_value = "30d", value_parser = duration, value_name = "DURATION")]
    history: Duration,
    /// How many are created in each simulated hour afterwards
    #[arg(long, default_value_t = 60, value_name = "COUNT")]
    arrivals_per_hour: u32,
    /// How many profiles the account has
    #[arg(long, default_value_t = 3, value_name = "COUNT")]
    profiles: u16,
    /// An id for a profile; may be given several times, the others are drawn from the seed
    #[arg(long, value_name = "ID")]
    profile_id: Vec<String>,
    /// Under which profile a movement between two profiles is listed
    #[arg(long, default_value = "own", value_name = "WHICH")]
    listed_under: ListedUnderArgument,
    /// How many orchestrations fail, for example 1.5%
    #[arg(long, default_value = "1.5%", value_name = "RATE")]
    failures: Rate,
    /// How many stop on their way for ever, for example 0.2%
    #[arg(long, default_value = "0.2%", value_name = "RATE")]
    stuck: Rate,
    /// How much faster than real time the simulated clock runs
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), value_name = "FACTOR")]
    speed: u32,
    /// Which lists a page carries
    #[arg(long, default_value = "both", value_name = "FIELD")]
    list_field: ListFieldArgument,
    /// The most rows on a page, whatever is asked for
    #[arg(long, default_value_t = 1000, value_name = "ROWS")]
    page_size_cap: usize,
    /// Answer Get Orchestration inside {"orchestration": ...}
    #[arg(long)]
    wrap_get: bool,
    /// How long a page cursor is good, by the simulated clock [default: for ever]
    #[arg(long, value_parser = duration, value_name = "DURATION")]
    cursor_life: Option<Duration>,
    /// How long every answer takes
    #[arg(long, default_value = "0s", value_parser = duration, value_name = "DURATION")]
    latency: Duration,
    /// How much longer an answer may take by chance
    #[arg(long, default_value = "0s", value_parser = duration, value_name = "DURATION")]
    latency_jitter: Duration,
    /// Requests a second for each endpoint, one for the token endpoint; beyond it everything is answered 429 for the penalty [default: no limit]
    #[arg(long, value_name = "COUNT")]
    rate_limit: Option<NonZeroU32>,
    /// The span over which the rate is averaged
    #[arg(long, default_value = "5m", value_parser = duration, value_name = "DURATION", requires = "rate_limit")]
    rate_window: Duration,
    /// How long the penalty lasts
    #[arg(long, default_value = "5m", value_parser = duration, value_name = "DURATION", requires = "rate_limit")]
    penalty: Duration,
    /// Leave Retry-After out of a 429
    #[arg(long, requires = "rate_limit")]
    no_retry_after: bool,
    /// How often requests go wrong and how: FAULT=RATE or ENDPOINT:FAULT=RATE, for example 503=1% or token:hang=0.1%; may be given several times
    #[arg(long, value_name = "FAULT=RATE")]
    faults: Vec<FaultRate>,
    /// How many rows are troublesome and how: TROUBLE=RATE, for example late=0.5% or vanishes=0.1%; may be given several times
    #[arg(long, value_name = "TROUBLE=RATE")]
    row_faults: Vec<RowFaultRate>,
    /// How late a late row becomes visible, at most
    #[arg(long, default_value = "5m", value_parser = duration, value_name = "DURATION")]
    late_by: Duration,
    /// The client id that is taken
    #[arg(long, default_value = "sim-client", value_name = "ID")]
    client_id: String,
    /// Its secret, which guards nothing
    #[arg(long, default_value = "sim-secret", value_name = "TEXT")]
    client_secret: String,
    /// A scope that the client holds; may be given several times [default: all that tallyd can use]
    #[arg(long, value_name = "SCOPE")]
    scope: Vec<String>,
}

fn after_help() -> String {
    let faults: Vec<_> = Fault::names().collect();
    let row_faults = RowFault::ALL.map(|(name, _)| name);
    format!(
        "Faults: {}\n\nRow faults: {}\n\nExample, with tallyd's configuration pointed at it:
  tallyd sim --size 100000 --faults 500=1% --faults swap-pages=0.5%
  api_url = \"http://127.0.0.1:8080/v2\"  token_url = \"http://127.0.0.1:8080/oauth2/token\"
  client_id = \"sim-client\"  and the secret  sim-secret",
        faults.join(", "),
        row_faults.join(", ")
    )
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ListFieldArgument {
    /// `items` and the deprecated `orchestrations`
    Both,
    /// `items` alone
    Items,
    /// `orchestrations` alone
    Orchestrations,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ListedUnderArgument {
    /// Under its own profile
    Own,
    /// Under both ends
    Both,
}

fn duration(text: &str) -> Result<Duration, humantime::DurationError> {
    humantime::parse_duration(text)
}

/// Serves until SIGINT or SIGTERM.
pub(super) fn run(common: &Common, wanted: &SimArguments, terminal: Terminal) -> Result<Exit, Failure> {
    logging_of(common, None, terminal)?;
    let clock: SharedClock = match wanted.speed {
        1 => Arc::new(SystemClock),
        factor => Arc::new(FastClock::starting_at(SystemClock.now(), factor)),
    };
    runtime()?.block_on(async {
        let running =
            Simulator::bind(config(wanted), clock, wanted.listen).await.map_err(anyhow::Error::from)?;
        terminal.print(&format!(
            "api_url = \"{}\"\ntoken_url = \"{}\"\nclient_id = \"{}\"\nclient secret: {}\n",
            running.api_url(),
            running.token_url(),
            wanted.client_id,
            wanted.client_secret
        ))?;
        for profile in running.control().profiles() {
            terminal.print(&format!("profile {} ({})\n", profile.id, profile.nickname))?;
        }
        terminal.tell("serving; stop with Ctrl-C");
        until_stopped().await.map_err(anyhow::Error::from)?;
        let control = running.control();
        terminal.tell(&format!(
            "{} pages with {} rows served",
            control.pages_served(),
            control.rows_served()
        ));
        running.shutdown().await;
        Ok(Exit::Fine)
    })
}

async fn until_stopped() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        stopped = tokio::signal::ctrl_c() => stopped,
        _ = terminate.recv() => Ok(()),
    }
}

fn config(wanted: &SimArguments) -> SimConfig {
    let credentials = Credentials::default();
    SimConfig {
        world: WorldConfig {
            seed: wanted.seed,
            size: wanted.size,
            history: wanted.history,
            arrivals_per_hour: wanted.arrivals_per_hour,
            profiles: wanted.profiles,
            profile_ids: wanted.profile_id.clone(),
            listed_under: match wanted.listed_under {
                ListedUnderArgument::Own => ListedUnder::Own,
                ListedUnderArgument::Both => ListedUnder::Both,
            },
            failures: wanted.failures,
            stuck: wanted.stuck,
            row_faults: wanted.row_faults.clone(),
            late_by: wanted.late_by,
            ..WorldConfig::default()
        },
        credentials: Credentials {
            client_id: wanted.client_id.clone(),
            client_secret: wanted.client_secret.clone(),
            scopes: if wanted.scope.is_empty() { credentials.scopes } else { wanted.scope.clone() },
            ..Credentials::default()
        },
        api: ApiConfig {
            list_field: match wanted.list_field {
                ListFieldArgument::Both => ListField::Both,
                ListFieldArgument::Items => ListField::Items,
                ListFieldArgument::Orchestrations => ListField::Orchestrations,
            },
            max_page_rows: wanted.page_size_cap,
            get_shape: if wanted.wrap_get { GetShape::Wrapped } else { GetShape::Bare },
            cursor_life: CursorLife { age: wanted.cursor_life, uses: None },
            ..ApiConfig::default()
        },
        latency: Latency { fixed: wanted.latency, jitter: wanted.latency_jitter },
        rate_limit: wanted.rate_limit.map(|per_second| RateLimit {
            per_second,
            window: wanted.rate_window,
            penalty: wanted.penalty,
            retry_after: if wanted.no_retry_after { RetryAfter::Omitted } else { RetryAfter::Sent },
            ..RateLimit::default()
        }),
        faults: wanted.faults.clone(),
    }
}
