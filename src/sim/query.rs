//! The query of List Orchestrations, read strictly.
//!
//! Stricter than the documents in one thing: a parameter that is not documented is an error, so that
//! a client's typing mistake does not pass for "no filter".

use chrono::{DateTime, Timelike};
use sha2::{Digest, Sha256};

use super::life::Status;

/// At most this many values of one parameter, as documented.
pub(super) const MOST_VALUES: usize = 100;
const DEFAULT_LIMIT: usize = 100;
/// The largest page there is, as documented.
pub(super) const MOST_ROWS: usize = 1000;

/// One repeatable filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Filter {
    /// Not given: everything passes.
    #[default]
    Any,
    /// Given: one of these, perhaps of none.
    OneOf(Vec<String>),
}

/// The order of a list, by `created_at` and then by id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
}

/// A span of `created_at` in microseconds, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: i64,
    pub(super) to: i64,
}

/// What a list is asked for.
#[derive(Clone, Debug)]
pub(super) struct ListQuery {
    pub(super) profiles: Filter,
    pub(super) statuses: Filter,
    pub(super) ids: Filter,
    pub(super) refs: Filter,
    pub(super) rules: Filter,
    pub(super) source_assets: Filter,
    pub(super) destination_assets: Filter,
    pub(super) window: Window,
    pub(super) order: Order,
    pub(super) limit: usize,
    pub(super) cursor: Option<String>,
    /// Stands for everything but `limit` and the cursor: a cursor belongs to one such query.
    pub(super) fingerprint: u64,
}

/// Why a query cannot be read: the text for the caller.
pub(super) type QueryFault = String;

impl Filter {
    pub(super) fn passes(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(values) => values.iter().any(|wanted| wanted == value),
        }
    }

    fn add(&mut self, name: &str, value: String) -> Result<(), QueryFault> {
        let mut values = match std::mem::take(self) {
            Self::Any => Vec::new(),
            Self::OneOf(values) => values,
        };
        if values.len() == MOST_VALUES {
            return Err(format!("{name}: at most {MOST_VALUES} values can be given"));
        }
        values.push(value);
        *self = Self::OneOf(values);
        Ok(())
    }
}

impl Window {
    pub(super) const ALL: Self = Self { from: i64::MIN, to: i64::MAX };

    pub(super) fn holds(self, created: i64) -> bool {
        (self.from..=self.to).contains(&created)
    }

    /// Narrows it by one `created_at.*` parameter. Rows have whole microseconds; a bound may lie
    /// between two of them.
    pub(super) fn narrow(&mut self, name: &str, text: &str) -> Result<(), QueryFault> {
        let time = DateTime::parse_from_rfc3339(text)
            .map_err(|_| format!("{name}: {text:?} is not an RFC 3339 time"))?;
        let floor = time.timestamp_micros();
        let exact = time.nanosecond() % 1000 == 0;
        let ceiling = if exact { floor } else { floor + 1 };
        match name.rsplit('.').next() {
            Some("lt") => self.to = self.to.min(ceiling - 1),
            Some("lte") => self.to = self.to.min(floor),
            Some("gt") => self.from = self.from.max(floor + 1),
            Some("gte") => self.from = self.from.max(ceiling),
            _ => {
                self.from = self.from.max(ceiling);
                self.to = self.to.min(floor);
            }
        }
        Ok(())
    }
}

impl ListQuery {
    /// Reads the pairs of the query string.
    pub(super) fn read(pairs: Vec<(String, String)>) -> Result<Self, QueryFault> {
        let fingerprint = fingerprint(&pairs);
        let mut query = Self {
            profiles: Filter::Any,
            statuses: Filter::Any,
            ids: Filter::Any,
            refs: Filter::Any,
            rules: Filter::Any,
            source_assets: Filter::Any,
            destination_assets: Filter::Any,
            window: Window::ALL,
            order: Order::Descending,
            limit: DEFAULT_LIMIT,
            cursor: None,
            fingerprint,
        };
        let mut once = Vec::new();
        for (name, value) in pairs {
            if is_single(&name) {
                if once.contains(&name) {
                    return Err(format!("{name}: can be given once only"));
                }
                once.push(name.clone());
            }
            query.take(&name, value)?;
        }
        Ok(query)
    }

    fn take(&mut self, name: &str, value: String) -> Result<(), QueryFault> {
        match name {
            "profile_id" => self.profiles.add(name, value),
            "status" if is_status(&value) => self.statuses.add(name, value),
            "status" => Err(format!("status: {value:?} is not a status")),
            "orchestration_id" => self.ids.add(name, value),
            "ref_id" => self.refs.add(name, value),
            "orchestration_rule_id" => self.rules.add(name, value),
            "source_asset" => self.source_assets.add(name, value),
            "destination_asset" => self.destination_assets.add(name, value),
            name if is_created_at(name) => self.window.narrow(name, &value),
            "limit" => {
                self.limit = read_limit(&value)?;
                Ok(())
            }
            "order" => {
                self.order = read_order(&value)?;
                Ok(())
            }
            "page_cursor" => {
                // An empty one is none, as in every protocol buffer.
                self.cursor = Some(value).filter(|cursor| !cursor.is_empty());
                Ok(())
            }
            _ => Err(format!("{name}: there is no such parameter")),
        }
    }
}

pub(super) fn is_created_at(name: &str) -> bool {
    matches!(name, "created_at.lt" | "created_at.lte" | "created_at.eq" | "created_at.gte" | "created_at.gt")
}

fn is_single(name: &str) -> bool {
    is_created_at(name) || matches!(name, "limit" | "order" | "page_cursor")
}

fn is_status(word: &str) -> bool {
    [Status::Pending, Status::Processing, Status::Completed, Status::Failed, Status::Rejected]
        .iter()
        .any(|status| status.word() == word)
}

pub(super) fn read_limit(text: &str) -> Result<usize, QueryFault> {
    match text.parse() {
        Ok(limit @ 1..=MOST_ROWS) => Ok(limit),
        _ => Err(format!("limit: {text:?} is not a number from 1 to {MOST_ROWS}")),
    }
}

pub(super) fn read_order(text: &str) -> Result<Order, QueryFault> {
    match text {
        "ASC" => Ok(Order::Ascending),
        "DESC" => Ok(Order::Descending),
        _ => Err(format!("order: {text:?} is neither ASC nor DESC")),
    }
}

/// The order in which filters stand in the query string means nothing.
pub(super) fn fingerprint(pairs: &[(String, String)]) -> u64 {
    let mut filters: Vec<_> =
        pairs.iter().filter(|(name, _)| name != "limit" && name != "page_cursor").collect();
    filters.sort();
    let mut hash = Sha256::new();
    for (name, value) in filters {
        hash.update(name);
        hash.update([0]);
        hash.update(value);
        hash.update([0]);
    }
    let bytes = hash.finalize();
    bytes.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(name: &str, text: &str) -> Window {
        let mut window = Window::ALL;
        window.narrow(name, text).unwrap();
        window
    }

    #[test]
    fn bounds_between_two_microseconds_lose_no_row_and_win_none() {
        let (exact, between) = ("1970-01-01T00:00:00.000010Z", "1970-01-01T00:00:00.000010500Z");
        assert_eq!(window("created_at.lt", exact).to, 9);
        assert_eq!(window("created_at.lt", between).to, 10);
        assert_eq!(window("created_at.lte", exact).to, 10);
        assert_eq!(window("created_at.lte", between).to, 10);
        assert_eq!(window("created_at.gt", exact).from, 11);
        assert_eq!(window("created_at.gt", between).from, 11);
        assert_eq!(window("created_at.gte", exact).from, 10);
        assert_eq!(window("created_at.gte", between).from, 11);
        assert!(window("created_at.eq", exact).holds(10));
        assert!(!window("created_at.eq", between).holds(10));
        assert!(!window("created_at.eq", between).holds(11));
    }

    #[test]
    fn the_fingerprint_minds_filters_alone() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let base = fingerprint(&[pair("status", "FAILED"), pair("ref_id", "a")]);
        let turned =
            [pair("ref_id", "a"), pair("limit", "5"), pair("status", "FAILED"), pair("page_cursor", "x")];
        assert_eq!(fingerprint(&turned), base);
        assert_ne!(fingerprint(&[pair("status", "FAILED")]), base);
    }
}
