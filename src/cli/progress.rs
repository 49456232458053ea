//! Long work, shown while it runs: bars on a terminal, plain lines elsewhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::terminal::{Terminal, span, thousands};
use crate::model::{Counts, Identifier, Lane, Profile};
use crate::sync::{Event, Span, Watch};

/// How often a plain line is written for a profile.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows what a poll tells.
pub(super) fn watch(terminal: Terminal) -> Watch {
    if terminal.is_watched() {
        let bars = Bars { all: MultiProgress::new(), bars: Mutex::default() };
        Arc::new(move |event| bars.show(&event))
    } else {
        let lines = Lines { terminal, listings: Mutex::default() };
        Arc::new(move |event| lines.show(&event))
    }
}

const BUILDING_INDEXES: &str = "building the indexes that waited for the backfill";
const LOOKING_FOR_STRAYS: &str = "looking for orchestrations of profiles that the account does not list";

struct Bars {
    all: MultiProgress,
    bars: Mutex<HashMap<Identifier, (ProgressBar, Counts)>>,
}

impl Bars {
    fn show(&self, event: &Event) {
        let mut bars = self.bars.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::ListingBegan { profile, lane: Lane::Backfill | Lane::Sweep } => {
                let bar = self.all.add(ProgressBar::new(1)).with_style(style());
                bar.set_prefix(profile.label());
                bar.enable_steady_tick(Duration::from_millis(200));
                bars.insert(profile.id.clone(), (bar, Counts::default()));
            }
            Event::PageCommitted { profile, counts, span } => {
                if let Some((bar, all)) = bars.get_mut(&profile.id) {
                    all.add(counts);
                    bar.set_length(span.all.max(1));
                    bar.set_position(span.done);
                    bar.set_message(rows(all, bar.elapsed()));
                }
            }
            Event::ProfileEnded(poll) => {
                if let Some((bar, _)) = bars.remove(&poll.profile.id) {
                    bar.finish_and_clear();
                }
            }
            // A bar that cannot be drawn over is no reason to stop.
            Event::BuildingIndexes => self.all.println(BUILDING_INDEXES).unwrap_or_default(),
            Event::LookingForStrays => self.all.println(LOOKING_FOR_STRAYS).unwrap_or_default(),
            Event::ListingBegan { .. } => {}
        }
    }
}

fn style() -> ProgressStyle {
    let plain = ProgressStyle::default_bar();
    plain.clone().template("{prefix:20!} {wide_bar} {percent:>3}%  {msg}  {eta} left").unwrap_or(plain)
}

fn rows(counts: &Counts, elapsed: Duration) -> String {
    let per_second = u128::from(counts.rows) * 1_000 / elapsed.as_millis().max(1);
    let per_second = u64::try_from(per_second).unwrap_or(u64::MAX);
    format!("{} rows, {}/s", thousands(counts.rows), thousands(per_second))
}

struct Lines {
    terminal: Terminal,
    listings: Mutex<HashMap<Identifier, Listing>>,
}

struct Listing {
    lane: Lane,
    began: Instant,
    last_line: Instant,
    counts: Counts,
}

impl Lines {
    fn show(&self, event: &Event) {
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::ListingBegan { profile, lane: lane @ (Lane::Backfill | Lane::Sweep) } => {
                let now = Instant::now();
                let listing = Listing { lane: *lane, began: now, last_line: now, counts: Counts::default() };
                listings.insert(profile.id.clone(), listing);
                self.terminal.tell(&format!("{}: {lane} began", profile.label()));
            }
            Event::PageCommitted { profile, counts, span } => {
                if let Some(listing) = listings.get_mut(&profile.id) {
                    listing.counts.add(counts);
                    if listing.last_line.elapsed() >= LINE_EVERY {
                        listing.last_line = Instant::now();
                        self.terminal.tell(&line(profile, listing, *span));
                    }
                }
            }
            Event::ProfileEnded(poll) => {
                if let Some(listing) = listings.remove(&poll.profile.id) {
                    let told = rows(&listing.counts, listing.began.elapsed());
                    let (label, lane) = (poll.profile.label(), listing.lane);
                    self.terminal.tell(&format!("{label}: {lane} ended, {told}"));
                }
            }
            Event::BuildingIndexes => self.terminal.tell(BUILDING_INDEXES),
            Event::LookingForStrays => self.terminal.tell(LOOKING_FOR_STRAYS),
            Event::ListingBegan { .. } => {}
        }
    }
}

fn line(profile: &Profile, listing: &Listing, listed: Span) -> String {
    let elapsed = listing.began.elapsed();
    let percent = u128::from(listed.done) * 100 / u128::from(listed.all.max(1));
    let left = elapsed.as_millis() * u128::from(listed.all - listed.done) / u128::from(listed.done.max(1));
    let left = Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX));
    format!("{}: {percent}%, {}, about {} left", profile.label(), rows(&listing.counts, elapsed), span(left))
}
