//! What is asked of List Orchestrations.
//!
//! Owns the spelling of its parameters and the documented limits on them. Which queries make a poll
//! is for `sync` to plan.

use std::ops::Bound;

use reqwest::Url;

use super::{Cursor, FetchError};
use crate::model::{Identifier, Status, Timestamp};

/// What is asked of List Orchestrations. The default asks for everything, oldest first, 1000 a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Only these profiles; empty for all. At most [`MAX_VALUES`](Self::MAX_VALUES).
    pub profile_ids: Vec<Identifier>,
    /// Only these statuses; empty for all. At most [`MAX_VALUES`](Self::MAX_VALUES).
    pub statuses: Vec<Status>,
    /// Only these orchestrations; empty for all. At most [`MAX_VALUES`](Self::MAX_VALUES).
    pub orchestration_ids: Vec<Identifier>,
    /// Only those with these `ref_id`s; empty for all. At most [`MAX_VALUES`](Self::MAX_VALUES).
    pub ref_ids: Vec<Identifier>,
    /// Only those created in this span.
    pub created: CreatedRange,
    /// In which order of `created_at`.
    pub order: Order,
    /// Rows a page, 1 to [`MAX_LIMIT`](Self::MAX_LIMIT). A page may hold fewer and still not be the last.
    pub limit: u16,
}

/// A span of `created_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreatedRange {
    /// Its beginning: `created_at.gte`, `created_at.gt`, or none.
    pub from: Bound<Timestamp>,
    /// Its end: `created_at.lte`, `created_at.lt`, or none.
    pub to: Bound<Timestamp>,
}

impl CreatedRange {
    /// Any time.
    pub const ANY: Self = Self { from: Bound::Unbounded, to: Bound::Unbounded };

    /// From one instant to another, both included.
    pub const fn between(from: Timestamp, to: Timestamp) -> Self {
        Self { from: Bound::Included(from), to: Bound::Included(to) }
    }
}

impl Default for CreatedRange {
    fn default() -> Self {
        Self::ANY
    }
}

/// An order of `created_at`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    #[default]
    Ascending,
    /// Newest first, the API's own default.
    Descending,
}

impl Default for ListQuery {
    fn default() -> Self {
        Self {
            profile_ids: Vec::new(),
            statuses: Vec::new(),
            orchestration_ids: Vec::new(),
            ref_ids: Vec::new(),
            created: CreatedRange::ANY,
            order: Order::Ascending,
            limit: Self::MAX_LIMIT,
        }
    }
}

impl ListQuery {
    /// The most rows that the API puts on a page.
    pub const MAX_LIMIT: u16 = 1000;
    /// The most values that the API takes of one filter.
    pub const MAX_VALUES: usize = 100;

    /// Refuses what the API does not take, rather than relying on it to say so.
    pub(super) fn check(&self) -> Result<(), FetchError> {
        let lengths = [
            ("profile_id", self.profile_ids.len()),
            ("status", self.statuses.len()),
            ("orchestration_id", self.orchestration_ids.len()),
            ("ref_id", self.ref_ids.len()),
        ];
        let most = Self::MAX_VALUES;
        if let Some((name, length)) = lengths.iter().find(|(_, length)| *length > most) {
            return Err(FetchError::InvalidQuery {
                what: format!("{length} values of {name}, where the API takes at most {most}"),
            });
        }
        if !(1..=Self::MAX_LIMIT).contains(&self.limit) {
            return Err(FetchError::InvalidQuery {
                what: format!("limit={}, where the API takes 1 to {}", self.limit, Self::MAX_LIMIT),
            });
        }
        Ok(())
    }

    /// Writes the parameters onto the endpoint's URL.
    pub(super) fn write_to(&self, url: &mut Url, cursor: Option<&Cursor>) {
        let mut pairs = url.query_pairs_mut();
        for id in &self.profile_ids {
            pairs.append_pair("profile_id", &id.to_string());
        }
        for status in &self.statuses {
            pairs.append_pair("status", status.as_str());
        }
        for id in &self.orchestration_ids {
            pairs.append_pair("orchestration_id", &id.to_string());
        }
        for id in &self.ref_ids {
            pairs.append_pair("ref_id", &id.to_string());
        }
        let bounds = [
            (self.created.from, "created_at.gte", "created_at.gt"),
            (self.created.to, "created_at.lte", "created_at.lt"),
        ];
        for (bound, included, excluded) in bounds {
            match bound {
                Bound::Included(time) => pairs.append_pair(included, &time.to_rfc3339()),
                Bound::Excluded(time) => pairs.append_pair(excluded, &time.to_rfc3339()),
                Bound::Unbounded => &mut pairs,
            };
        }
        let order = match self.order {
            Order::Ascending => "ASC",
            Order::Descending => "DESC",
        };
        pairs.append_pair("order", order).append_pair("limit", &self.limit.to_string());
        if let Some(cursor) = cursor {
            pairs.append_pair("page_cursor", cursor.as_str());
        }
    }
}
