//! What a command asks a running daemon to do, as it is kept in the ledger.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ledger::Request;
use crate::model::{Identifier, Profile, ProfileSelection, SweepWindow, Timestamp};

/// What a command asks a running daemon to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A poll of these profiles.
    Poll(Whom),
    /// A backfill of these profiles.
    Backfill(Whom),
    /// A sweep of these profiles over a window.
    Sweep(Whom, SweepWindow, Since),
}

/// Since when all of a sweep's window is to be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// Since somebody asked, by the local clock: who asks has a reason to have it looked at now.
    Asked(Timestamp),
    /// Since one that was cut short began, where that is not long ago: nothing is to be done twice.
    CutShort,
}

/// Which profiles are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Those that the daemon polls anyway.
    All,
    /// These of them.
    Only(Vec<Profile>),
}

/// A request that cannot be served. The text reads after "failed to".
#[derive(Debug, thiserror::Error)]
pub enum Unservable {
    /// Another version of tallyd asked.
    #[error("understand the request {kind:?}; run the same version of tallyd as the daemon")]
    Unknown {
        /// What was asked for.
        kind: String,
    },
    /// The daemon does not poll the profile.
    #[error(
        "find the profile {profile} among those that the daemon polls; if it was added to the configuration, \
         reload the daemon (SIGHUP)"
    )]
    OtherProfile {
        /// The profile's id.
        profile: String,
    },
}

const POLL: &str = "poll";
const BACKFILL: &str = "backfill";
const SWEEP: &str = "sweep";

#[derive(Serialize, Deserialize)]
struct Arguments {
    /// None: all.
    profiles: Vec<Named>,
    window: Option<Window>,
    #[serde(default)]
    resume: Resume,
}

#[derive(Serialize, Deserialize)]
struct Named {
    id: String,
    name: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Window {
    LastSeconds(u64),
    Everything,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Resume {
    #[default]
    No,
    Yes,
}

impl Wanted {
    /// What is to be done, in one word.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Poll(_) => POLL,
            Self::Backfill(_) => BACKFILL,
            Self::Sweep(..) => SWEEP,
        }
    }

    /// What was done when it is done, in one word.
    pub const fn done(&self) -> &'static str {
        match self {
            Self::Poll(_) | Self::Backfill(_) => "polled",
            Self::Sweep(..) => "swept",
        }
    }

    /// The rest of it, as JSON.
    pub fn arguments(&self) -> String {
        let (whom, window) = match self {
            Self::Poll(whom) | Self::Backfill(whom) => (whom, None),
            Self::Sweep(whom, SweepWindow::Everything, _) => (whom, Some(Window::Everything)),
            Self::Sweep(whom, SweepWindow::Last(last), _) => {
                (whom, Some(Window::LastSeconds(last.as_secs())))
            }
        };
        let resume = match self {
            Self::Sweep(_, _, Since::CutShort) => Resume::Yes,
            Self::Sweep(_, _, Since::Asked(_)) | Self::Poll(_) | Self::Backfill(_) => Resume::No,
        };
        let named = |profile: &Profile| Named { id: profile.id.to_string(), name: profile.name.clone() };
        let profiles = match whom {
            Whom::All => Vec::new(),
            Whom::Only(profiles) => profiles.iter().map(named).collect(),
        };
        let arguments = Arguments { profiles, window, resume };
        // Texts and numbers can always be written.
        serde_json::to_string(&arguments).unwrap_or_default()
    }

    /// Reads a request back.
    pub fn parse(request: &Request) -> Result<Self, Unservable> {
        let unknown = || Unservable::Unknown { kind: request.kind.clone() };
        let arguments: Arguments = serde_json::from_str(&request.arguments).map_err(|_| unknown())?;
        let profile = |named: &Named| Profile { id: Identifier::new(&named.id), name: named.name.clone() };
        let whom = match arguments.profiles.as_slice() {
            [] => Whom::All,
            profiles => Whom::Only(profiles.iter().map(profile).collect()),
        };
        let since = match arguments.resume {
            Resume::No => Since::Asked(request.asked_at),
            Resume::Yes => Since::CutShort,
        };
        match (request.kind.as_str(), arguments.window) {
            (POLL, None) => Ok(Self::Poll(whom)),
            (BACKFILL, None) => Ok(Self::Backfill(whom)),
            (SWEEP, Some(Window::Everything)) => Ok(Self::Sweep(whom, SweepWindow::Everything, since)),
            (SWEEP, Some(Window::LastSeconds(seconds))) => {
                Ok(Self::Sweep(whom, SweepWindow::Last(Duration::from_secs(seconds)), since))
            }
            _ => Err(unknown()),
        }
    }

    /// Which profiles are meant.
    pub fn whom(&self) -> &Whom {
        match self {
            Self::Poll(whom) | Self::Backfill(whom) | Self::Sweep(whom, ..) => whom,
        }
    }
}

impl Whom {
    /// The profiles of a daemon that polls `configured`.
    pub fn among(&self, configured: &ProfileSelection) -> Result<ProfileSelection, Unservable> {
        let (wanted, configured) = match (self, configured) {
            (Self::All, configured) => return Ok(configured.clone()),
            (Self::Only(wanted), ProfileSelection::All) => {
                return Ok(ProfileSelection::Listed(wanted.clone()));
            }
            (Self::Only(wanted), ProfileSelection::Listed(configured)) => (wanted, configured),
        };
        match wanted.iter().find(|wanted| configured.iter().all(|profile| profile.id != wanted.id)) {
            Some(other) => Err(Unservable::OtherProfile { profile: other.id.to_string() }),
            None => Ok(ProfileSelection::Listed(wanted.clone())),
        }
    }
}
