//! Orchestrations of profiles that the account does not list.
//!
//! Where every profile is polled, a list without a profile shows those that no profile's own list does. They
//! are taken in under the profile that they name, which is polled from then on.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;

use super::compare::{compare, created_at, guess_span};
use super::{ListedPages, judged};
use crate::ledger::{Moment, PageCommit, Progress, SweptRow};
use crate::model::{Identifier, Lane, PollFailure, Profile, ProfilePoll, Shortfall, SweepWindow, Timestamp};
use crate::paxos::{CreatedRange, ListQuery, PageGuard, Row, UnreadPage};
use crate::sync::Poller;
use crate::sync::failure::{of_ledger, of_walk};
use crate::sync::listing::SortedRows;
use crate::sync::progress::Event;
use crate::sync::tally::Tally;

/// Lists a window of the whole account and takes in what the ledger does not hold; `swept` are the profiles
/// whose own lists were looked at just before, and `listed` the pages of these, which need no second look.
/// Returns how many rows name no profile, under which they could be kept.
pub(in crate::sync) async fn find(
    poller: &Poller,
    window: SweepWindow,
    swept: &[ProfilePoll],
    listed: &ListedPages,
) -> Result<u64, PollFailure> {
    (poller.watch)(Event::LookingForStrays);
    let now = poller.server_now();
    let floor = poller.ledger.floor().await.map_err(|error| of_ledger(&error))?;
    let begins_at = window.begins_at(now).max(floor.unwrap_or(Timestamp::EPOCH));
    let from = if begins_at == Timestamp::EPOCH { Bound::Unbounded } else { Bound::Included(begins_at) };
    let query =
        ListQuery { created: CreatedRange { from, to: Bound::Included(now) }, ..ListQuery::default() };
    let mut guard = PageGuard::new(query.order);
    let mut cursor = None;
    let mut without_profile = 0;
    let mut from = begins_at;
    loop {
        let asked_at = poller.ledger.moment();
        let page = poller.client.list_unread(Lane::Sweep, &query, cursor.as_ref());
        let mut page = poller.stopping.or_answer(page).await?;
        let next = page.next.clone();
        if listed.has(page.mark()) {
            let span = guess_span(&page);
            guard.check_unread(&page, span).map_err(|error| of_walk(&error))?;
            from = span.map_or(from, |(_, last)| last);
        } else {
            let mut compared = compare(&page, &known(poller, from, &page).await?);
            if !compared.differing.is_empty() && !page.is_judged() {
                page = judged(page)?;
                compared = compare(&page, &known(poller, from, &page).await?);
            }
            guard.check_unread(&page, compared.span).map_err(|error| of_walk(&error))?;
            from = compared.span.map_or(from, |(_, last)| last);
            let strays = Strays { poller, swept, page: &page, asked_at, without_profile: 0 };
            without_profile += strays.take_in(compared.differing).await?;
        }
        match next {
            Some(next) => cursor = Some(next),
            None => return Ok(without_profile),
        }
    }
}

/// What the ledger holds of a page's span, whoever lists it.
async fn known(poller: &Poller, from: Timestamp, page: &UnreadPage) -> Result<Vec<SweptRow>, PollFailure> {
    let to = guess_span(page).map_or(from, |(_, last)| last);
    poller.ledger.swept_rows(None, from, to).await.map_err(|error| of_ledger(&error))
}

struct Strays<'a> {
    poller: &'a Poller,
    swept: &'a [ProfilePoll],
    page: &'a UnreadPage,
    asked_at: Moment,
    without_profile: u64,
}

impl Strays<'_> {
    async fn take_in(mut self, differing: Vec<Row>) -> Result<u64, PollFailure> {
        let marks = differing.iter().filter_map(|row| Some((row.id()?.clone(), created_at(row)?))).collect();
        let unknown = self.poller.ledger.unknown(marks).await.map_err(|error| of_ledger(&error))?;
        for (profile, rows) in self.by_profile(differing, &unknown) {
            let swept = self.swept.iter().find(|poll| poll.profile.id == profile);
            if swept.is_none() {
                tracing::warn!(
                    profile = %profile,
                    rows = rows.len(),
                    "orchestrations of a profile that the account does not list; it is polled from now on"
                );
            }
            self.commit(profile, rows, swept).await?;
        }
        Ok(self.without_profile)
    }

    fn by_profile(
        &mut self,
        rows: Vec<Row>,
        unknown: &HashSet<Identifier>,
    ) -> BTreeMap<Identifier, Vec<Row>> {
        let mut by_profile: BTreeMap<Identifier, Vec<Row>> = BTreeMap::new();
        for row in rows {
            let Row::Readable(readable) = &row else { continue };
            if !unknown.contains(&readable.orchestration.id) {
                continue;
            }
            match readable.orchestration.profile_id.clone() {
                Some(profile) => by_profile.entry(profile).or_default().push(row),
                None => self.without_profile += 1,
            }
        }
        by_profile
    }

    /// Takes rows in under a profile. What its own list lacked is lacking still.
    async fn commit(
        &self,
        profile: Identifier,
        rows: Vec<Row>,
        swept: Option<&ProfilePoll>,
    ) -> Result<(), PollFailure> {
        let Poller { ledger, .. } = self.poller;
        let now = self.poller.server_now();
        let noted = async {
            let key = ledger.open_profile(Profile { id: profile, name: None }, now).await?.key;
            // A ceiling makes it a profile that was listed under, so that polls know of it.
            let poll = ledger.begin_poll(key, Lane::Sweep, now, Some(now)).await?;
            let SortedRows { rows, unreadable, without_id } = SortedRows::of(rows);
            let seen_at = self.page.server_date.unwrap_or(now);
            let page = PageCommit {
                poll,
                profile: key,
                seen_at,
                asked_at: self.asked_at,
                rows,
                unreadable,
                without_id,
                begins_at: seen_at,
                progress: Progress::None,
            };
            let mut tally = Tally::default();
            tally.counts.add(&ledger.commit_page(page).await?.counts);
            if swept.is_none() {
                tally.doubts.push(Shortfall::OwnListUnread);
            }
            let result = swept.map_or_else(|| tally.result(), |swept| swept.result.clone());
            ledger.end_poll(poll, now, result).await
        };
        noted.await.map_err(|error| of_ledger(&error))
    }
}
