//! How it is written which breaks are meant, in flags and in the queries of addresses.

use crate::ledger::{BreakState, WhichHistory};
use crate::model::{BreakKind, Identifier, Profile, ProfileSelection, Rail, Severity, nearest};

/// Reads the name of a kind.
pub fn kind(text: &str) -> Result<BreakKind, String> {
    let names = BreakKind::ALL.map(BreakKind::as_str);
    BreakKind::from_name(text).ok_or_else(|| match nearest(text, names) {
        Some(meant) => format!("there is no such kind; did you mean {meant}?"),
        None => format!("there is no such kind; the kinds are {}", names.join(", ")),
    })
}

/// Reads a severity.
pub fn severity(text: &str) -> Result<Severity, String> {
    Severity::from_name(text).ok_or_else(|| "expected warning or critical".to_owned())
}

/// Reads a state.
pub fn state(text: &str) -> Result<BreakState, String> {
    let found = BreakState::ALL.into_iter().find(|state| state.as_str() == text);
    found.ok_or_else(|| "expected open, acknowledged or resolved".to_owned())
}

/// Reads whether history is meant.
pub fn history(text: &str) -> Result<WhichHistory, String> {
    match text {
        "with" => Ok(WhichHistory::With),
        "without" => Ok(WhichHistory::Without),
        "only" => Ok(WhichHistory::Only),
        _ => Err("expected with, without or only".to_owned()),
    }
}

/// Reads a rail: `crypto:SOLANA`.
pub fn rail(text: &str) -> Result<Rail, String> {
    match text.split_once(':') {
        None if text == "profile" => Ok(Rail::Profile),
        None if text == "crypto" => Ok(Rail::Crypto(None)),
        None if text == "fiat" => Ok(Rail::Fiat),
        None if text == "unknown" => Ok(Rail::Unknown),
        Some(("crypto", network)) if !network.is_empty() => Ok(Rail::Crypto(Some(network.into()))),
        _ => {
            Err("expected profile, crypto, crypto:NETWORK such as crypto:SOLANA, fiat or unknown".to_owned())
        }
    }
}

/// The ids of profiles that are named by id or name, of those that are polled and those that the ledger knows.
pub fn profiles(
    wanted: &[String],
    polled: &ProfileSelection,
    mut known: Vec<Profile>,
) -> Result<Vec<Identifier>, String> {
    if let ProfileSelection::Listed(listed) = polled {
        known.extend(listed.iter().cloned());
    }
    let find = |text: &String| {
        let id = Identifier::new(text);
        let found = known.iter().find(|profile| profile.id == id || profile.name.as_deref() == Some(text));
        found.map(|profile| profile.id.clone()).ok_or_else(|| {
            let mut labels: Vec<_> = known.iter().map(Profile::label).collect();
            labels.sort();
            labels.dedup();
            format!("no profile {text:?} is in the ledger; those that are: {}", labels.join(", "))
        })
    };
    wanted.iter().map(find).collect()
}
