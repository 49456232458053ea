//! What every page has around it: where one is, when it was made, and how old the data is.

use crate::config::Config;
use crate::ledger::Reader;
use crate::model::{ProfileSelection, Timestamp};
use crate::web::by_paxos;
use crate::web::refusal::Refusal;

use super::shown::When;

/// A place in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// How tallyd stands.
    Status,
    /// The breaks.
    Breaks,
    /// The reports.
    Reports,
    /// None of them.
    Elsewhere,
}

/// The navigation: addresses, names and places.
const NAVIGATION: [(&str, &str, Place); 3] = [
    ("/", "Status", Place::Status),
    ("/breaks", "Breaks", Place::Breaks),
    ("/reports", "Reports", Place::Reports),
];

/// What is around a page.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) place: Place,
    /// What was searched for.
    pub(super) asked: String,
    /// `None` where no data is shown.
    pub(super) data: Option<Data>,
}

/// How old what is shown is.
#[derive(Clone, Debug)]
pub(super) struct Data {
    /// When the page was made, by Paxos's clock.
    pub(super) made: When,
    /// The last time by which every profile was completely polled; `None` where one never was.
    pub(super) complete_since: Option<When>,
}

impl Frame {
    /// The frame of a page that shows data of the ledger, when the local clock shows `now`.
    pub(super) fn of(
        reader: &Reader,
        config: &Config,
        now: Timestamp,
        place: Place,
        title: impl Into<String>,
    ) -> Result<Self, Refusal> {
        let now = by_paxos(reader, now)?;
        let complete_since = complete_since(reader, config)?.map(|at| When::at(at, now));
        let data = Data { made: When::at(now, now), complete_since };
        Ok(Self { data: Some(data), ..Self::without_data(place, title) })
    }

    /// The navigation: addresses, names, and whether one is there.
    pub(super) fn navigation(&self) -> impl Iterator<Item = (&'static str, &'static str, bool)> {
        NAVIGATION.into_iter().map(|(href, name, place)| (href, name, place == self.place))
    }

    /// The frame of a page that shows none.
    pub(super) fn without_data(place: Place, title: impl Into<String>) -> Self {
        Self { title: title.into(), place, asked: String::new(), data: None }
    }
}

/// When that profile was completely polled of which it is longest ago.
fn complete_since(reader: &Reader, config: &Config) -> Result<Option<Timestamp>, Refusal> {
    let ends = reader.last_ends()?;
    let complete: Option<Vec<Timestamp>> = match &config.profiles {
        ProfileSelection::All => ends
            .iter()
            // One that never ended a poll is known only by name.
            .filter(|ends| ends.polls.any.is_some())
            .map(|ends| ends.polls.complete)
            .collect(),
        ProfileSelection::Listed(listed) => listed
            .iter()
            .map(|profile| ends.iter().find(|ends| ends.profile.id == profile.id)?.polls.complete)
            .collect(),
    };
    Ok(complete.and_then(|complete| complete.into_iter().min()))
}
