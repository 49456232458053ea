//! `demo`: the simulator and the real poll together, over real HTTP and OAuth, in quick time.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::failure::Failure;
use super::poll::runtime;
use super::terminal::{Paint, Terminal, thousands};
use super::{Common, Exit, progress, status};
use crate::clock::{Clock as _, FastClock, SharedClock, SystemClock};
use crate::config::{self, Config, DEFAULT_SETTLE};
use crate::daemon::{self, Observers, Patience, Session};
use crate::ledger::{AsOf, EventKind, Reader, Role};
use crate::model::{Field, Identifier, PollOutcome, ReportForm, Route, Timestamp};
use crate::report::folder::{self, Existing};
use crate::report::{self, Plan};
use crate::schedule::{Period, Zone};
use crate::server::{Access, Listener, Unobserved};
use crate::sim::{ApiConfig, FaultRate, Latency, RunningSimulator, SimConfig, Simulator, WorldConfig};
use crate::sync::Pace;
use crate::web::{self, Site};

/// How much faster than real time the demo runs: 20 s show more than an hour and a half.
const SPEED: u32 = 300;
/// Rows a page: few, so that the backfill takes long enough to be watched.
const PAGE_ROWS: usize = 250;
/// Polls after the backfill.
const POLLS: u32 = 7;
/// Real time between them: ten simulated minutes.
const POLL_EVERY: Duration = Duration::from_secs(2);
/// The most single changes that are shown of a poll.
const SHOWN: usize = 6;
/// How much of the past the report at its end is about.
const REPORTED: Duration = Duration::from_secs(30 * 86_400);
/// A day.
const DAY_MICROS: i64 = 86_400_000_000;

/// What `demo` takes.
#[derive(Debug, clap::Args)]
pub(super) struct DemoArguments {
    /// The folder to leave the ledger in; it must not exist yet [default: a new one for temporary files]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Decides the simulated orchestrations and faults
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How many orchestrations the account has at the start
    #[arg(long, default_value_t = 50_000, value_name = "COUNT")]
    size: u64,
    /// Where the pages are while it runs
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS:PORT", value_parser = loopback)]
    listen: SocketAddr,
    /// Go on serving the pages at the end, until Ctrl-C
    #[arg(long)]
    stay: bool,
}

fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr = text.parse().map_err(|_| "expected an address such as 127.0.0.1:9464")?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("the demo serves this machine alone".to_owned())
    }
}

/// Runs the demo.
pub(super) fn run(common: &Common, wanted: &DemoArguments, terminal: Terminal) -> Result<Exit, Failure> {
    super::logging_of(common, None, terminal)?;
    let folder = make_folder(wanted)?;
    let clock: SharedClock = Arc::new(FastClock::starting_at(SystemClock.now(), SPEED));
    runtime()?.block_on(async {
        let simulator = Simulator::bind(world(wanted)?, Arc::clone(&clock), ([127, 0, 0, 1], 0).into())
            .await
            .map_err(anyhow::Error::from)?;
        let config_path = write_config(&folder, &simulator)?;
        let config =
            Config::load(&config_path, &config::process_environment).map_err(Failure::Config)?.config;
        let listener = Listener::bind(wanted.listen).await.map_err(anyhow::Error::from)?;
        let pages = listener.address();
        let site = Site::new(config.ledger.path.clone(), Arc::clone(&clock), Arc::new(config.clone()));
        let demo = Demo { terminal, clock, config, config_path, pages };
        let router = web::router(Arc::new(site));
        let (stop, stopped) = oneshot::channel::<()>();
        let serving =
            tokio::spawn(listener.serve(router, Arc::new(Access::default()), Arc::new(Unobserved), async {
                stopped.await.unwrap_or_default();
            }));
        let exit = demo.play(&simulator).await?;
        if wanted.stay {
            demo.say(&format!("\nhttp://{pages} shows it until Ctrl-C.\n"))?;
            tokio::signal::ctrl_c().await.map_err(anyhow::Error::from)?;
        }
        drop(stop);
        serving.await.map_err(anyhow::Error::from)?;
        simulator.shutdown().await;
        Ok(exit)
    })
}

fn world(wanted: &DemoArguments) -> Result<SimConfig, Failure> {
    let fault = |text: &str| text.parse::<FaultRate>().map_err(anyhow::Error::from);
    Ok(SimConfig {
        world: WorldConfig {
            seed: wanted.seed,
            size: wanted.size,
            arrivals_per_hour: 90,
            ..WorldConfig::default()
        },
        api: ApiConfig { max_page_rows: PAGE_ROWS, ..ApiConfig::default() },
        latency: Latency { fixed: Duration::from_millis(30), jitter: Duration::from_millis(20) },
        faults: vec![fault("empty-page=2%")?, fault("swap-pages=0.5%")?],
        ..SimConfig::default()
    })
}

fn make_folder(wanted: &DemoArguments) -> Result<PathBuf, Failure> {
    let folder = wanted.folder.clone().unwrap_or_else(|| {
        std::env::temp_dir().join(format!(
            "tallyd-demo-{}-{}",
            SystemClock.now().as_micros() / 1_000_000,
            std::process::id()
        ))
    });
    fs::create_dir(&folder).map_err(|error| {
        anyhow::Error::from(error)
            .context(format!("the folder {} cannot be made; name a new one with --folder", folder.display()))
    })?;
    // The configuration in it must hold from any directory.
    Ok(folder.canonicalize().map_err(anyhow::Error::from)?)
}

/// Writes the configuration that the demo uses, for looking around afterwards.
fn write_config(folder: &Path, simulator: &RunningSimulator) -> Result<PathBuf, Failure> {
    let secret = folder.join("secret");
    let path = folder.join("config.toml");
    let text = format!(
        "# Written by `tallyd demo`. The simulator that it points to ended with the demo.\n\
         [paxos]\napi_url = {:?}\ntoken_url = {:?}\nclient_id = \"sim-client\"\nclient_secret_file = {:?}\n\
         backfill_requests_per_second = 50\n\n[ledger]\npath = {:?}\n\n[poll]\noverlap = \"2h\"\n",
        simulator.api_url(),
        simulator.token_url(),
        secret.to_string_lossy(),
        folder.join("ledger.db").to_string_lossy(),
    );
    let write = |path: &Path, text: &str| -> std::io::Result<()> {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        std::io::Write::write_all(&mut file, text.as_bytes())
    };
    write(&secret, "sim-secret\n").and_then(|()| write(&path, &text)).map_err(anyhow::Error::from)?;
    Ok(path)
}

/// An orchestration whose history is worth a look: one of the last that changed.
fn example(reader: &Reader, seq: i64) -> Result<String, Failure> {
    let mut last = None;
    for id in reader.observed_since(seq - 100)? {
        let changes = reader.history(&id)?.map_or(0, |history| history.events.len());
        if changes > 1 || last.is_none() {
            last = Some(id);
        }
    }
    Ok(last.map(|id| id.to_string()).unwrap_or_default())
}

/// What the journal has of an orchestration after `seen`, a line each.
fn news_of(reader: &Reader, id: &Identifier, seen: i64) -> Result<Vec<String>, Failure> {
    let Some(history) = reader.history(id)? else { return Ok(Vec::new()) };
    let route = history.now.as_ref().map(|now| Route::of(now).to_string()).unwrap_or_default();
    let amount = history.now.as_ref().and_then(|now| now.source_amount.clone());
    let amount = amount.map(|amount| amount.to_string()).unwrap_or_default();
    let line = |what: &str| format!("    {id}  {what:<24} {amount} {route}\n");
    Ok(history
        .events
        .iter()
        .filter(|event| event.seq > seen)
        .map(|event| match &event.kind {
            EventKind::Appeared(values) => {
                line(&format!("new, {}", values.get(&Field::Status).map_or("?", String::as_str)))
            }
            EventKind::Changed(changes) => match changes.iter().find(|was| was.field == Field::Status) {
                Some(was) => {
                    let shown = |value: &Option<String>| value.clone().unwrap_or_default();
                    line(&format!("{} → {}", shown(&was.old), shown(&was.new)))
                }
                None => line("a leg moved"),
            },
            _ => line("noted"),
        })
        .collect())
}

struct Demo {
    terminal: Terminal,
    clock: SharedClock,
    config: Config,
    config_path: PathBuf,
    /// Where the pages are.
    pages: SocketAddr,
}

impl Demo {
    async fn play(&self, simulator: &RunningSimulator) -> Result<Exit, Failure> {
        self.say(&format!(
            "A simulated Paxos serves {} orchestrations at {}.\nOne second here is {} minutes there. \
             It sends an empty page now and then, or two pages in the wrong \
             order, as a bad day would.\n\nWatch it in a browser while it runs: http://{}\n\nFirst comes the backfill: everything the account ever did.\n",
            thousands(simulator.control().truth_len() as u64),
            simulator.api_url(),
            SPEED / 60,
            self.pages
        ))?;
        let watch = progress::watch(self.terminal);
        let clock = Arc::clone(&self.clock);
        let session = Session::open(
            self.config.clone(),
            clock,
            Role::Command,
            daemon::rules(&self.config),
            Observers::watching(watch),
        )
        .await?;
        let poller = session.poller(Patience::Usual);
        let first = poller.poll(&self.config.profiles, Pace::ByGap).await;
        self.say(&super::outcome::text(&(&first).into(), self.terminal))?;
        self.say("\nThe ledger is up to date. Now life goes on, and tallyd polls every ten minutes:\n")?;
        let reader = Reader::open(&self.config.ledger.path)?;
        let mut complete = first.is_complete();
        let mut seen = reader.overview(self.clock.now())?.journal.seq;
        for _ in 0..POLLS {
            tokio::time::sleep(POLL_EVERY).await;
            let outcome = poller.poll(&self.config.profiles, Pace::ByGap).await;
            complete &= outcome.is_complete();
            seen = self.show_news(&reader, &outcome, seen)?;
        }
        drop(poller);
        session.close().await;
        self.finish(simulator, &reader, complete)
    }

    /// Shows what a poll found; returns the journal's place.
    fn show_news(&self, reader: &Reader, outcome: &PollOutcome, seen: i64) -> Result<i64, Failure> {
        let (mut appeared, mut changed) = (0, 0);
        for poll in &outcome.profiles {
            appeared += poll.counts.appeared;
            changed += poll.counts.changed;
        }
        let result = if outcome.is_complete() { "complete" } else { "not complete" };
        self.say(&format!(
            "{}  poll {result}: {appeared} new, {changed} changed\n",
            self.terminal.paint(&self.clock.now().to_rfc3339_seconds(), Paint::Heading)
        ))?;
        let observed = reader.observed_since(seen)?;
        for id in observed.iter().rev().take(SHOWN).rev() {
            for line in news_of(reader, id, seen)? {
                self.say(&line)?;
            }
        }
        if observed.len() > SHOWN {
            self.say(
                &self.terminal.paint(&format!("    and {} more\n", observed.len() - SHOWN), Paint::Faint),
            )?;
        }
        Ok(reader.overview(self.clock.now())?.journal.seq)
    }

    /// Holds the ledger against the simulator's own truth and says where everything is.
    fn finish(&self, simulator: &RunningSimulator, reader: &Reader, complete: bool) -> Result<Exit, Failure> {
        let now = self.clock.now();
        let overview = reader.overview(now)?;
        let mut ledger = BTreeMap::new();
        reader.for_each(|row| {
            ledger.insert(row.id.to_string(), row.created_at);
        })?;
        let covered = overview.profiles.iter().filter_map(|profile| Some(profile.coverage?.to)).min();
        let covered = covered.unwrap_or(Timestamp::EPOCH);
        let truth: Vec<_> = simulator
            .control()
            .truth()
            .iter()
            .filter_map(|row| {
                let created_at = Timestamp::parse_rfc3339(row.get("created_at")?.as_str()?).ok()?;
                (created_at <= covered).then(|| row.get("id")?.as_str().map(str::to_owned))?
            })
            .collect();
        let held = truth.iter().filter(|id| ledger.contains_key(*id)).count();
        let verification = reader.verify(None)?;
        let is_right = complete && held == truth.len() && verification.findings.is_empty();

        let config = self.config_path.display();
        let path = self.config.ledger.path.display().to_string();
        self.say("\n")?;
        self.say(&status::text(&overview, &path, &[], now, self.terminal))?;
        let verdict = format!(
            "\nHeld against the simulator: {} of {} orchestrations up to {} are in the ledger; its journal of {} entries is {}.\n",
            thousands(held as u64),
            thousands(truth.len() as u64),
            covered.to_rfc3339_seconds(),
            thousands(verification.entries),
            if verification.findings.is_empty() { "sound" } else { "NOT sound" }
        );
        self.say(&self.terminal.paint(&verdict, if is_right { Paint::Good } else { Paint::Bad }))?;
        let (report, ties_out) = self.report(reader, now)?;
        let is_right = is_right && ties_out;
        let example = example(reader, overview.journal.seq)?;
        self.say(&format!(
            "\nA report of the last month, for a browser, is at {report}.\n\nThe ledger is left at {path}. Look around:\n  tallyd --config {config} status\n  \
             tallyd --config {config} history {example}\n  sqlite3 {path} 'SELECT status, count(*) FROM orchestrations GROUP BY status'\n"
        ))?;
        Ok(if is_right { Exit::Fine } else { Exit::Failed })
    }

    /// Leaves a report of the last thirty days beside the ledger; says where, and whether it ties out.
    fn report(&self, reader: &Reader, now: Timestamp) -> Result<(String, bool), Failure> {
        let zone = Zone::UTC;
        let from = now.minus(REPORTED).as_micros().div_euclid(DAY_MICROS) * DAY_MICROS;
        let to = now.as_micros().div_euclid(DAY_MICROS) * DAY_MICROS;
        let [from, to] = [from, to].map(Timestamp::from_micros);
        let plan = Plan {
            name: None,
            period: Period::between(from, to, zone).map_err(anyhow::Error::from)?,
            settle: DEFAULT_SETTLE,
            // All of it was found by the first listing, just now.
            as_of: AsOf::Now,
            profiles: Vec::new(),
        };
        let configuration = daemon::configuration_of(&self.config, &plan);
        let report = report::make(reader, plan, &self.config.limits)?;
        let forms = [ReportForm::Html, ReportForm::Json];
        let files = report.files(&forms, &configuration).map_err(anyhow::Error::from)?;
        let folder = self.config.ledger.path.with_file_name("");
        folder::write(&folder, &files, Existing::Keep).map_err(anyhow::Error::from)?;
        let page = files.first().map(|file| folder.join(&file.name).display().to_string());
        Ok((page.unwrap_or_default(), report.ties_out()))
    }

    fn say(&self, text: &str) -> Result<(), Failure> {
        self.terminal.print(text)
    }
}
