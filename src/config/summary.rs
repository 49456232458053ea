//! The effective settings as text, for `check-config`: defaults filled in, the secret named by where it
//! came from and never shown.

use std::fmt;

use super::limits;
use super::settings::{Config, ReportConfig, SecretSource, ServerConfig, SweepConfig};
use super::value::in_words;
use crate::model::{ProfileSelection, Timestamp, TransferLookUps};

impl Config {
    /// The effective settings in the order of the file, key and value; of a sweep also its next run after
    /// `now`.
    pub fn summary(&self, now: Timestamp) -> Vec<(String, String)> {
        let paxos = &self.paxos;
        let mut lines = vec![
            ("paxos.environment", paxos.environment.as_str().to_owned()),
            ("paxos.api_url", paxos.api_url.clone()),
            ("paxos.token_url", paxos.token_url.clone()),
            ("paxos.client_id", paxos.client_id.clone()),
            ("paxos.client_secret", paxos.client_secret_source.to_string()),
            ("paxos.requests_per_second", paxos.requests_per_second.to_string()),
            ("paxos.backfill_requests_per_second", paxos.backfill_requests_per_second.to_string()),
            ("paxos.request_timeout", in_words(paxos.request_timeout)),
        ];
        if paxos.look_up_transfers == TransferLookUps::On {
            lines.push(("paxos.look_up_transfers", "true".to_owned()));
        }
        if let Some(roots) = &paxos.extra_roots {
            lines.push(("paxos.ca_file", roots.path.display().to_string()));
        }
        match &self.profiles {
            ProfileSelection::All => lines.push(("profiles", "all that the account lists".to_owned())),
            ProfileSelection::Listed(profiles) => lines.extend(profiles.iter().map(|profile| {
                let id = &profile.id;
                let text = profile.name.as_ref().map_or(id.to_string(), |name| format!("{name} ({id})"));
                ("profiles", text)
            })),
        }
        lines.extend([
            ("ledger.path", self.ledger.path.display().to_string()),
            ("poll.every", in_words(self.poll.every)),
            ("poll.overlap", in_words(self.poll.overlap)),
            ("poll.backfill_after", in_words(self.poll.backfill_after)),
        ]);
        if self.sweeps.is_empty() {
            lines.push(("sweeps", "none".to_owned()));
        }
        lines.extend(self.sweeps.iter().map(|sweep| ("sweeps", summary_of(sweep, now))));
        lines.extend(self.reports.iter().map(|report| ("reports", summary_of_report(report, now))));
        lines.extend(limits::summary(&self.limits));
        lines.extend(self.alerts.summary());
        if let Some(ServerConfig { listen, token, metrics_token }) = &self.server {
            lines.push(("server.listen", listen.to_string()));
            let tokens = [("server.token", token), ("server.metrics_token", metrics_token)];
            lines.extend(
                tokens.into_iter().filter_map(|(key, token)| Some((key, token.as_ref()?.source.to_string()))),
            );
        }
        lines.extend([
            ("log.format", self.log.format.as_str().to_owned()),
            ("log.level", self.log.level.as_str().to_owned()),
        ]);
        lines.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

fn summary_of(sweep: &SweepConfig, now: Timestamp) -> String {
    let SweepConfig { name, schedule, window } = sweep;
    let next = schedule.next_after(now).map_or("never".to_owned(), Timestamp::to_rfc3339_seconds);
    format!("{name}: {schedule}, window {window}, next run {next}")
}

fn summary_of_report(report: &ReportConfig, now: Timestamp) -> String {
    let forms: Vec<_> = report.forms.iter().map(|form| form.as_str()).collect();
    let next = report.schedule.next_after(now).map_or("never".to_owned(), Timestamp::to_rfc3339_seconds);
    let keep = report.keep.map_or("for ever".to_owned(), |keep| format!("for {}", in_words(keep)));
    let sinks: Vec<_> = report.sinks.iter().map(|sink| sink.0.as_str()).collect();
    let sent = if sinks.is_empty() { String::new() } else { format!(", sent to {}", sinks.join(" and ")) };
    format!(
        "{}: {}, the last {}, settled after {}, {} to {}{sent}, kept {keep}, next run {next}",
        report.name,
        report.schedule,
        report.period.as_str(),
        in_words(report.settle),
        forms.join(" and "),
        report.directory.display()
    )
}

impl fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "from the file {}", path.display()),
            Self::Variable(name) => write!(formatter, "from the environment variable {name}"),
            Self::Credential(name) => write!(formatter, "from the systemd credential {name}"),
        }
    }
}
