//! What must have arrived at the sinks, held against the outbox: everything that it says was sent, in order and under one
//! key, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tallyd::model::Timestamp;

use super::contract::{Checked, ensure};
use super::doorstep::{Arrived, End};
use super::picture::Picture;

/// What the outbox says of one notice for one sink.
#[derive(Clone, Debug)]
pub(super) struct Slip {
    pub(super) sink: String,
    /// The break's number.
    pub(super) number: i64,
    /// What the break is named by.
    pub(super) key: String,
    pub(super) occasion: String,
    pub(super) at: Timestamp,
    pub(super) state: String,
    /// What it is told together with.
    pub(super) batch: Option<i64>,
}

/// One sink: what it was to be told, and what it was told.
pub(super) struct Post {
    /// In the order in which they came about.
    pub(super) slips: Vec<Slip>,
    /// In the order in which they arrived.
    pub(super) arrived: Vec<Arrived>,
    /// How often the process was killed while things were told.
    pub(super) kills: usize,
}

/// What a message says, whatever its key: by this the outbox and the sink mean the same one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    state: String,
    /// One break's occasion and its time; nothing of a summary.
    why: Option<(String, Timestamp)>,
    breaks: Vec<(i64, String)>,
}

impl Post {
    /// Rule 10, while things are told.
    pub(super) fn check(&self) -> Checked {
        let wanted = self.wanted();
        self.check_keys()?;
        for Arrived { key, said, .. } in &self.arrived {
            ensure!(wanted.contains_key(said), "rule 10: the outbox knows nothing of {key}: {said:?}");
        }
        for (said, slips) in &wanted {
            let states: BTreeSet<&str> = slips.iter().map(|slip| slip.state.as_str()).collect();
            let is_taken = |arrived: &&Arrived| arrived.said == *said && arrived.end == End::Taken;
            let taken = self.arrived.iter().filter(is_taken).count();
            match Vec::from_iter(states)[..] {
                ["sent"] => ensure!(taken > 0, "rule 10: sent, and it never arrived: {slips:?}"),
                // Taken, and killed before that was noted.
                ["waiting"] => ensure!(taken <= self.kills, "rule 10: it was taken, and it waits: {slips:?}"),
                _ => return Err(format!("rule 10: neither sent nor waiting: {slips:?}")),
            }
            ensure!(taken <= 1 + self.kills, "rule 10: taken {taken} times: {slips:?}");
        }
        self.check_order()
    }

    /// Rule 10, when every sink takes what comes: nothing waits, and who keeps to what arrived knows what stands.
    pub(super) fn check_end(&self, picture: &Picture) -> Checked {
        self.check()?;
        let waits = self.slips.iter().find(|slip| slip.state != "sent");
        ensure!(waits.is_none(), "rule 10: the sink takes everything, and this waits: {waits:?}");
        let mut open = BTreeSet::new();
        for Arrived { said, .. } in self.arrived.iter().filter(|arrived| arrived.end != End::Refused) {
            for (number, _) in &said.breaks {
                if said.state == "resolved" {
                    open.remove(number)
                } else {
                    open.insert(*number)
                };
            }
        }
        let told = picture.standing().filter(|broken| broken.told > 0).map(|broken| broken.number);
        let told: BTreeSet<i64> = told.collect();
        ensure!(open == told, "rule 10: by what arrived {open:?} stand, and it is {told:?}");
        Ok(())
    }

    /// One message has one key, and one key one message, however often it arrives.
    fn check_keys(&self) -> Checked {
        let (mut by_key, mut by_said) = (BTreeMap::new(), BTreeMap::new());
        for Arrived { key, said, .. } in &self.arrived {
            let former = by_key.insert(key, said).filter(|former| *former != said);
            ensure!(former.is_none(), "rule 10: {key} said {former:?} before, and now {said:?}");
            let former = by_said.insert(said, key).filter(|former| *former != key);
            ensure!(former.is_none(), "rule 10: told under {former:?} before {key}");
        }
        Ok(())
    }

    /// What belongs to one break arrives in the order in which it came about.
    fn check_order(&self) -> Checked {
        let mut last: BTreeMap<i64, (&Slip, Option<usize>)> = BTreeMap::new();
        let mut place_of = BTreeMap::new();
        for (place, arrived) in self.arrived.iter().enumerate().filter(|(_, one)| one.end != End::Refused) {
            place_of.entry(&arrived.said).or_insert(place);
        }
        for (said, slip) in self.slips.iter().map(|slip| (self.said_of(slip), slip)) {
            let place = place_of.get(&said).copied();
            if let Some((former, before)) = last.insert(slip.number, (slip, place)) {
                let in_order = place.is_none() || before.is_some_and(|before| Some(before) <= place);
                ensure!(in_order, "rule 10: {slip:?} was told before {former:?}");
            }
        }
        Ok(())
    }

    /// The messages that the outbox is told by, each with what is in it.
    fn wanted(&self) -> BTreeMap<Said, Vec<&Slip>> {
        let mut wanted: BTreeMap<Said, Vec<&Slip>> = BTreeMap::new();
        for slip in &self.slips {
            wanted.entry(self.said_of(slip)).or_default().push(slip);
        }
        wanted
    }

    /// The message in which a notice is told.
    fn said_of(&self, slip: &Slip) -> Said {
        let is_with = |other: &&Slip| slip.batch.is_some() && other.batch == slip.batch;
        let with = self.slips.iter().filter(is_with);
        let mut breaks: Vec<_> = with.map(|slip| (slip.number, slip.key.clone())).collect();
        breaks.sort();
        let mut why = None;
        if breaks.len() <= 1 {
            why = Some((slip.occasion.clone(), slip.at));
            breaks = vec![(slip.number, slip.key.clone())];
        }
        let state = if slip.occasion == "resolved" { "resolved" } else { "open" };
        Said { state: state.to_owned(), why, breaks }
    }
}

impl Said {
    /// What a body says.
    pub(super) fn by(body: &Value) -> Result<Self, String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let of = |one: &Value, key: &Value| Some((one["number"].as_i64()?, text(key)?));
        let (one, at) = (&body["break"], text(&body["at"]));
        let read = || -> Option<Self> {
            let (why, breaks) = match body["type"].as_str()? {
                "break" => {
                    let at = Timestamp::parse_rfc3339(&at?).ok()?;
                    (Some((text(&one["occasion"])?, at)), vec![of(one, &body["key"])?])
                }
                "summary" => {
                    let members = body["summary"]["members"].as_array()?;
                    (None, members.iter().map(|member| of(member, &member["key"])).collect::<Option<_>>()?)
                }
                _ => return None,
            };
            let mut said = Self { state: text(&body["state"])?, why, breaks };
            said.breaks.sort();
            Some(said)
        };
        read().ok_or_else(|| format!("rule 10: neither of one break nor of many: {body}"))
    }
}
