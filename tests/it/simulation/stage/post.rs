//! What is told: the real deliveries to webhooks on loopback, and what becomes of them.

use std::sync::Arc;
use std::time::Duration;

use tallyd::alerts::{DeliverError, Delivery};
use tallyd::config::AlertsConfig;
use tallyd::model::Audience;

use super::Stage;
use crate::alerts::{sink_config, webhook_at};
use crate::harness::{DEADLINE, in_time};
use crate::simulation::contract::Checked;
use crate::simulation::delivered::Post;
use crate::simulation::doorstep::Doorstep;
use crate::simulation::killer::{Killed, Killer, SINKS};
use crate::simulation::op::{Parting, Refusal, Sink};

/// More of a kind than this is told as one: of one sink nearly everything, of the other one nothing.
const BURSTS: [u32; 2] = [2, 1000];

/// Beyond what a world has of time: a sink that comes back is told everything.
const NEVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// What the clock was ever set forward by, and the longest pause of a sink.
const LONG_ENOUGH: Duration = Duration::from_secs(60 * 86_400);

/// Where things are told in a world.
pub(super) struct Doors {
    doors: [Arc<Doorstep>; SINKS.len()],
    kills: usize,
}

impl Doors {
    pub(super) async fn open(killer: &Arc<Killer>) -> Self {
        Self { doors: [Doorstep::open(killer).await, Doorstep::open(killer).await], kills: 0 }
    }
}

impl Stage {
    /// Scripts what a sink does.
    pub(super) fn refuse(&self, at: Sink, after: u8, times: u8, how: Refusal) {
        let Some(doors) = &self.doors else { return };
        let place = usize::from(at == Sink::Archive);
        let taken = std::iter::repeat_n(None, after.into());
        doors.doors[place].then(taken.chain(std::iter::repeat_n(Some(how), times.into())));
    }

    /// Tells what waits, as far as the sinks take it.
    pub(super) async fn deliver(&mut self) -> Checked {
        let Some(doors) = &self.doors else { return Ok(()) };
        in_time("the end of a delivery", self.delivery(doors).flush(DEADLINE)).await.unwrap();
        self.check_post(Post::check)
    }

    pub(super) async fn kill_in_delivery(&mut self, moment: Parting) -> Checked {
        let Some(doors) = &self.doors else { return Ok(()) };
        let delivery = self.delivery(doors);
        let telling = tokio::spawn(async move { delivery.flush(DEADLINE).await });
        self.killer.kill_in_delivery(moment, telling.abort_handle());
        match in_time("the end of a killed delivery", telling).await {
            Ok(Ok(())) => {}
            Ok(Err(DeliverError::Panicked(error))) => assert!(error.into_panic().is::<Killed>()),
            Ok(Err(error)) => panic!("{error}"),
            Err(error) => assert!(error.is_cancelled()),
        }
        self.killer.disarm();
        self.rig.restart().await;
        if let Some(doors) = &mut self.doors {
            doors.kills += 1;
        }
        self.check_post(Post::check)
    }

    /// Lets the sinks take everything, and expects that nothing is left to be told.
    pub(super) async fn deliver_all(&mut self) -> Checked {
        let Some(doors) = &self.doors else { return Ok(()) };
        doors.doors.iter().for_each(|door| door.heal());
        self.rig.advance(LONG_ENOUGH);
        self.deliver().await?;
        self.check_post(|post| post.check_end(&self.picture))
    }

    fn delivery(&self, doors: &Doors) -> Delivery {
        let sinks = SINKS.iter().zip(&doors.doors).zip(BURSTS).map(|((name, door), burst)| {
            let mut sink = sink_config(name, webhook_at(&door.url));
            (sink.burst, sink.give_up_after) = (burst.try_into().unwrap(), NEVER);
            // However busy the machine is: a message that takes longer would be told again.
            sink.timeout = DEADLINE;
            sink
        });
        Delivery {
            ledger: self.rig.ledger.clone(),
            clock: self.rig.local.clone(),
            alerts: AlertsConfig {
                runbook_url: None,
                history: Audience::Nobody,
                heartbeat: None,
                profile_heartbeats: Vec::new(),
                sinks: sinks.collect(),
            },
            seed: 7,
            observer: self.killer.clone(),
        }
    }

    fn check_post(&self, check: impl Fn(&Post) -> Checked) -> Checked {
        let Some(doors) = &self.doors else { return Ok(()) };
        let slips = self.viewer.slips();
        for (name, door) in SINKS.iter().zip(&doors.doors) {
            let slips = slips.iter().filter(|slip| slip.sink == *name).cloned().collect();
            let post = Post { slips, arrived: door.arrived()?, kills: doors.kills };
            check(&post).map_err(|reason| format!("{reason} (the sink {name})"))?;
        }
        Ok(())
    }
}
