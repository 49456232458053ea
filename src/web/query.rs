//! What an address asks for behind its `?`.

use std::borrow::Cow;

use twox_hash::XxHash3_64;
use url::form_urlencoded;

use super::refusal::Refusal;
use crate::model::{cut, nearest};

/// How much of a value that cannot be read is shown, in characters.
const SHOWN: usize = 60;

/// A query, all of whose keys are known.
#[derive(Debug)]
pub(super) struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Reads what a program asks.
    ///
    /// # Errors
    ///
    /// It has a key that is not in `known`, or one without a value.
    pub(super) fn parse(query: Option<&'a str>, known: &[&str]) -> Result<Self, Refusal> {
        let query = Self::read(query, known)?;
        match query.pairs.iter().find(|(_, value)| value.is_empty()) {
            Some((key, _)) => Err(Refusal::Bad(format!("{key} has no value; leave it out or give it one"))),
            None => Ok(query),
        }
    }

    /// Reads what a form sends: a field that was left empty is as good as none.
    ///
    /// # Errors
    ///
    /// It has a key that is not in `known`.
    pub(super) fn of_form(query: Option<&'a str>, known: &[&str]) -> Result<Self, Refusal> {
        let mut query = Self::read(query, known)?;
        query.pairs.retain(|(_, value)| !value.is_empty());
        Ok(query)
    }

    fn read(query: Option<&'a str>, known: &[&str]) -> Result<Self, Refusal> {
        let pairs: Vec<_> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).collect();
        if let Some((key, _)) = pairs.iter().find(|(key, _)| !known.contains(&&**key)) {
            let advice = match nearest(key, known.iter().copied()) {
                Some(meant) => format!("did you mean {meant}?"),
                None if known.is_empty() => "this address takes none".to_owned(),
                None => format!("there are {}", known.join(", ")),
            };
            return Err(Refusal::Bad(format!("there is no parameter {key:?} here; {advice}")));
        }
        Ok(Self { pairs })
    }

    /// All values of a key.
    ///
    /// # Errors
    ///
    /// One that cannot be read, with what was expected.
    pub(super) fn many<T>(
        &self,
        key: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, Refusal> {
        let values = self.pairs.iter().filter(|(given, _)| given == key);
        values
            .map(|(_, value)| {
                let refused = |problem| Refusal::Bad(format!("{key}={:?}: {problem}", cut(value, SHOWN)));
                read(value).map_err(refused)
            })
            .collect()
    }

    /// The value of a key that may be given once.
    ///
    /// # Errors
    ///
    /// It is given more than once or cannot be read.
    pub(super) fn one<T>(
        &self,
        key: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Refusal> {
        let mut values = self.many(key, read)?;
        if values.len() > 1 {
            return Err(Refusal::Bad(format!("{key} is given more than once")));
        }
        Ok(values.pop())
    }

    /// How many are wanted at most.
    ///
    /// # Errors
    ///
    /// It is no number from 1 to `most`.
    pub(super) fn limit(&self, usual: u64, most: u64) -> Result<u64, Refusal> {
        let read = |text: &str| {
            let number = text.parse().ok().filter(|number| (1..=most).contains(number));
            number.ok_or_else(|| format!("expected a number from 1 to {most}"))
        };
        Ok(self.one("limit", read)?.unwrap_or(usual))
    }

    /// A number that stands for everything that is asked for but the page, whatever the order.
    pub(super) fn mark(&self) -> u64 {
        let mut pairs: Vec<_> = self
            .pairs
            .iter()
            .filter(|(key, _)| !["page_cursor", "limit"].contains(&&**key))
            .map(|(key, value)| format!("{key}={value:?}"))
            .collect();
        pairs.sort();
        XxHash3_64::oneshot(pairs.join("&").as_bytes())
    }
}
