//! What a reload does: the configuration is read again, and what can be is put into effect.

use std::sync::Arc;

use tokio::sync::watch;

use super::reload;
use super::{Daemon, Reread, RulesFor, Session, SetLevel, serving, warn_of_calendars};
use crate::metrics::Reloaded;
use crate::model::with_causes;

/// Reads the configuration again and puts into effect what can be. Polls and sweeps under way end as they
/// began; the next ones go by the new one.
pub(super) fn read_again(
    daemon: &Daemon,
    replace: &watch::Sender<Arc<Session>>,
    reread: &Reread,
    rules: &RulesFor,
    set_level: &SetLevel,
) {
    let loaded = match reread() {
        Ok(loaded) => loaded,
        Err(error) => {
            for fault in error.faults() {
                tracing::error!(fault = %fault, "the configuration has a fault");
            }
            tracing::error!(
                faults = error.faults().len(),
                "the configuration cannot be used; going on with the former one"
            );
            daemon.metrics.reloaded(Reloaded::Refused);
            return;
        }
    };
    for warning in &loaded.warnings {
        tracing::warn!(warning = %warning, "the configuration is doubtful");
    }
    let former = daemon.session();
    let weighed = reload::weigh(former.config(), loaded.config, daemon.clock.now());
    let level = weighed.config.log.level;
    let is_other_level = level != former.config().log.level;
    let session = match former.with_config(weighed.config) {
        Ok(session) => session,
        Err(error) => {
            tracing::error!(
                error = with_causes(&error),
                "the configuration cannot be used; going on with the former one"
            );
            daemon.metrics.reloaded(Reloaded::Refused);
            return;
        }
    };
    daemon.ledger.set_rules(rules(session.config()));
    daemon.shown.reloaded(session.config());
    serving::reconfigure(daemon, session.config());
    daemon.metrics.reloaded(Reloaded::Taken);
    replace.send_replace(Arc::new(session));
    for difference in &weighed.applied {
        let reload::Difference { key, old, new } = difference;
        tracing::info!(key, old, new, "a setting changed: {key}");
    }
    for difference in &weighed.kept {
        let reload::Difference { key, old, new } = difference;
        tracing::warn!(key, old, new, "a setting needs a restart; the old value stays: {key}");
    }
    warn_of_calendars(daemon.session().config(), daemon.clock.now());
    if is_other_level {
        set_level(level);
    }
    tracing::info!(
        changed = weighed.applied.len(),
        kept = weighed.kept.len(),
        "the configuration was read again"
    );
}
