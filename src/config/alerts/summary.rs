//! The alerts' effective settings as text, for `check-config`: every secret left out.

use super::settings::{AlertsConfig, Login, ProfileFilter, Repeat, ResolvedNotices, SinkConfig, SinkTarget};
use crate::config::value::in_words;
use crate::model::{Audience, BreakKind};

impl AlertsConfig {
    /// Key and value, in the order of the file.
    pub(in crate::config) fn summary(&self) -> Vec<(&'static str, String)> {
        let mut lines = Vec::new();
        if let Some(url) = &self.runbook_url {
            lines.push(("alerts.runbook_url", url.to_string()));
        }
        lines.push(("alerts.history", (self.history == Audience::Everybody).to_string()));
        if let Some(url) = &self.heartbeat {
            lines.push(("alerts.heartbeat", format!("after a complete poll, to {url}")));
        }
        lines.extend(self.profile_heartbeats.iter().map(|(profile, url)| {
            ("alerts.heartbeat", format!("after a complete poll of {profile}, to {url}"))
        }));
        lines.extend(self.sinks.iter().map(|sink| ("alerts.sinks", sink.summary())));
        lines
    }
}

impl SinkConfig {
    fn summary(&self) -> String {
        let routing = &self.routing;
        let kinds: Vec<&str> = routing.kinds.iter().map(|kind| kind.as_str()).collect();
        let what =
            if kinds.len() == BreakKind::ALL.len() { "all kinds".to_owned() } else { kinds.join(", ") };
        let whose = match &routing.profiles {
            ProfileFilter::All => "all profiles".to_owned(),
            ProfileFilter::Only(ids) => {
                let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                format!("profiles {}", ids.join(", "))
            }
        };
        let resolved = match routing.resolved {
            ResolvedNotices::Told => "and what is resolved",
            ResolvedNotices::Untold => "but not what is resolved",
        };
        let repeat = match routing.repeat {
            Repeat::Never => "no reminders".to_owned(),
            Repeat::After(after) => format!("reminders after {}", in_words(after)),
        };
        format!(
            "{}: {}, {} and above, {what}, {whose}, {resolved}; {repeat}; summed up above {}, given up after {}",
            self.name,
            self.target.told(),
            routing.min_severity,
            self.burst,
            in_words(self.give_up_after),
        )
    }
}

impl SinkTarget {
    /// The type, and where it goes.
    fn told(&self) -> String {
        let kind = self.type_name();
        match self {
            Self::Log => kind.to_owned(),
            Self::Webhook { url, .. } | Self::Slack { url } => format!("{kind} at {url}"),
            Self::PagerDuty { url, .. } => format!("{kind} at {url}"),
            Self::Alertmanager { urls, login } => {
                let urls: Vec<&str> = urls.iter().map(url::Url::as_str).collect();
                let login = match login {
                    Login::None => "",
                    Login::Bearer(_) => " with a token",
                    Login::Basic { .. } => " with a password",
                };
                format!("{kind} at {}{login}", urls.join(", "))
            }
            Self::Email(email) => format!(
                "{kind} from {} to {} by {}:{} ({})",
                email.from,
                email.to.join(", "),
                email.host,
                email.port,
                email.tls.as_str()
            ),
        }
    }
}
