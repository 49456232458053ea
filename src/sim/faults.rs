//! The ways in which the service can go wrong, as names that flags, scripts and tests share.
//!
//! What a fault does to an answer is `routes`, `page` and `plan`; this only says which there are.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::dice::Rate;
use super::endpoint::Endpoint;

/// One way in which one request goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 401, although the token is good (`invalid_client` on the token endpoint).
    Unauthorized,
    /// All tokens are forgotten; then 401.
    ForgetTokens,
    /// 403.
    Forbidden,
    /// 429 for this request alone, without the penalty.
    TooManyRequests {
        /// What `Retry-After` says, in whole seconds; `None` leaves the header out.
        retry_after: Option<Duration>,
    },
    /// A 5xx.
    ServerError(ServerError, ErrorBody),
    /// The request is taken and never answered, until the simulator shuts down.
    Hang,
    /// The honest answer, cut in the middle; the connection is closed.
    CutBody,
    /// 200 with half of a JSON document.
    NotJson,
    /// 200 with an HTML page.
    HtmlPage,
    /// 200 with a JSON object that has none of the fields it should have.
    NoLists,
    /// 200 with `{}`.
    EmptyObject,
    /// 200 with an object of that many bytes, nearly all of them spaces.
    Oversized {
        /// How many.
        bytes: u64,
    },
    /// 302 to the same path and query with `redirected=1` added.
    Redirect,
    /// The honest answer without its `Date`.
    MissingDate,
    /// The world as it was so long ago.
    Stale {
        /// How long ago.
        lag: Duration,
    },
    /// List: the rows of the page before again, with a fresh cursor that leads on to this page.
    RepeatPage,
    /// List: this page's rows and those of the next one change places.
    SwapPages,
    /// List: no rows, and a cursor that leads on to this page.
    EmptyPage,
    /// List: 400 for the cursor that was sent.
    ExpiredCursor,
    /// List: this page's rows, and the cursor that was sent as the next one.
    RepeatCursor,
    /// List: the last page has a cursor too, which leads to an empty page.
    EndlessPages,
    /// List with `orchestration_id`: some of the ids that were asked for are left out, at least one.
    OmitIds,
}

/// Which 5xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerError {
    /// 500.
    Internal,
    /// 502.
    BadGateway,
    /// 503.
    Unavailable,
}

/// What a 5xx has for a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorBody {
    /// A problem document, as the service itself sends.
    Problem,
    /// An HTML page, as something in front of it sends.
    Html,
}

/// The names that flags take. Those with a number in them have it as shown here.
const NAMED: [(&str, Fault); 28] = [
    ("401", Fault::Unauthorized),
    ("forget-tokens", Fault::ForgetTokens),
    ("403", Fault::Forbidden),
    ("429", Fault::TooManyRequests { retry_after: None }),
    ("429-retry-after", Fault::TooManyRequests { retry_after: Some(Duration::from_secs(2)) }),
    ("500", Fault::ServerError(ServerError::Internal, ErrorBody::Problem)),
    ("502", Fault::ServerError(ServerError::BadGateway, ErrorBody::Problem)),
    ("503", Fault::ServerError(ServerError::Unavailable, ErrorBody::Problem)),
    ("500-html", Fault::ServerError(ServerError::Internal, ErrorBody::Html)),
    ("502-html", Fault::ServerError(ServerError::BadGateway, ErrorBody::Html)),
    ("503-html", Fault::ServerError(ServerError::Unavailable, ErrorBody::Html)),
    ("hang", Fault::Hang),
    ("cut-body", Fault::CutBody),
    ("not-json", Fault::NotJson),
    ("html-page", Fault::HtmlPage),
    ("no-lists", Fault::NoLists),
    ("empty-object", Fault::EmptyObject),
    ("oversized", Fault::Oversized { bytes: 128 << 20 }),
    ("redirect", Fault::Redirect),
    ("missing-date", Fault::MissingDate),
    ("stale", Fault::Stale { lag: Duration::from_secs(60) }),
    ("repeat-page", Fault::RepeatPage),
    ("swap-pages", Fault::SwapPages),
    ("empty-page", Fault::EmptyPage),
    ("expired-cursor", Fault::ExpiredCursor),
    ("repeat-cursor", Fault::RepeatCursor),
    ("endless-pages", Fault::EndlessPages),
    ("omit-ids", Fault::OmitIds),
];

impl Fault {
    /// Every name that [`FromStr`] takes.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name)
    }

    /// Whether it can befall that endpoint where none was named. The token endpoint must be named:
    /// a refused client is final for most clients.
    fn befalls(self, endpoint: Endpoint) -> bool {
        match (self, endpoint) {
            (_, Endpoint::Token | Endpoint::Other) => false,
            (fault, Endpoint::List) if fault.is_about_pages() => true,
            (fault, _) if fault.is_about_pages() => false,
            (Self::Stale { .. }, Endpoint::Create | Endpoint::Profiles | Endpoint::Transfer) => false,
            _ => true,
        }
    }

    fn is_about_pages(self) -> bool {
        matches!(
            self,
            Self::RepeatPage
                | Self::SwapPages
                | Self::EmptyPage
                | Self::ExpiredCursor
                | Self::RepeatCursor
                | Self::EndlessPages
                | Self::OmitIds
        )
    }
}

impl ServerError {
    /// Its HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::Internal => 500,
            Self::BadGateway => 502,
            Self::Unavailable => 503,
        }
    }
}

/// How often a fault befalls a request.
///
/// Written `[ENDPOINT:]FAULT=RATE`, such as `500=1%` or `token:hang=0.1%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultRate {
    /// Which fault.
    pub fault: Fault,
    /// How often.
    pub rate: Rate,
    /// Where; `None` is every API endpoint on which it makes sense, the token endpoint left out.
    pub endpoint: Option<Endpoint>,
}

impl FaultRate {
    /// A fault wherever it makes sense.
    pub const fn everywhere(fault: Fault, rate: Rate) -> Self {
        Self { fault, rate, endpoint: None }
    }

    /// A fault of one endpoint.
    pub const fn on(endpoint: Endpoint, fault: Fault, rate: Rate) -> Self {
        Self { fault, rate, endpoint: Some(endpoint) }
    }

    pub(super) fn befalls(&self, endpoint: Endpoint) -> bool {
        self.endpoint.map_or_else(|| self.fault.befalls(endpoint), |only| only == endpoint)
    }
}

/// One trouble with a row itself: it lasts, and is decided by the seed for each row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowFault {
    /// Listed and found only some time after its `created_at`.
    Late,
    /// Gone some time after it ended: neither listed nor found.
    Vanishes,
    /// After its end its amount becomes another one, with the same `updated_at`.
    AmountChanges,
    /// After its end it takes the other of COMPLETED and FAILED, with a new `updated_at`.
    StatusChanges,
    /// While under way its status is a word that no document knows.
    UnknownStatus,
    /// It carries fields that no document knows.
    ExtraFields,
    /// Its status is sent as a number. (What it is in truth stays readable through the control.)
    StatusNumber,
    /// Its `created_at` is sent as something that is no time.
    CreatedAtGarbage,
    /// It is sent without its id.
    WithoutId,
}

impl RowFault {
    /// Every one there is, with the name that flags take.
    pub const ALL: [(&'static str, Self); 9] = [
        ("late", Self::Late),
        ("vanishes", Self::Vanishes),
        ("amount-changes", Self::AmountChanges),
        ("status-changes", Self::StatusChanges),
        ("unknown-status", Self::UnknownStatus),
        ("extra-fields", Self::ExtraFields),
        ("status-number", Self::StatusNumber),
        ("created-at-garbage", Self::CreatedAtGarbage),
        ("without-id", Self::WithoutId),
    ];
}

/// How many rows have a trouble. Written `TROUBLE=RATE`, such as `late=0.5%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowFaultRate {
    /// Which.
    pub fault: RowFault,
    /// How many.
    pub rate: Rate,
}

/// What a script says about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scripted {
    /// Answered honestly, whatever the fault rates say.
    Honest,
    /// Goes wrong like this.
    Fault(Fault),
    /// Answered with exactly this.
    Answer(Canned),
}

/// An answer that is sent as it stands, with a `Date`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canned {
    /// The HTTP status; one that HTTP does not know becomes 500.
    pub status: u16,
    /// Headers, `content-type` among them where one is wanted.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Canned {
    /// 200 with a JSON text.
    pub fn json(text: impl Into<String>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: text.into().into_bytes(),
        }
    }
}

impl From<Fault> for Scripted {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Canned> for Scripted {
    fn from(answer: Canned) -> Self {
        Self::Answer(answer)
    }
}

/// A text that does not name a fault with its rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct InvalidFault {
    /// What was given.
    pub text: String,
    /// What is wanted instead.
    pub expected: String,
}

impl FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        NAMED.iter().find(|(name, _)| *name == text).map(|(_, fault)| *fault).ok_or_else(|| InvalidFault {
            text: text.to_owned(),
            expected: format!("one of {}", Self::names().collect::<Vec<_>>().join(", ")),
        })
    }
}

impl FromStr for FaultRate {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let (what, rate) = split_rate(text, "[ENDPOINT:]FAULT=RATE, such as 500=1% or token:hang=0.1%")?;
        let Some((endpoint, fault)) = what.split_once(':') else {
            return Ok(Self::everywhere(what.parse()?, rate));
        };
        let endpoint = endpoint.parse().map_err(|()| InvalidFault {
            text: endpoint.to_owned(),
            expected: "one of token, list, get, create, profiles, transfer".to_owned(),
        })?;
        Ok(Self::on(endpoint, fault.parse()?, rate))
    }
}

impl FromStr for RowFaultRate {
    type Err = InvalidFault;

    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let (what, rate) = split_rate(text, "TROUBLE=RATE, such as late=0.5%")?;
        match RowFault::ALL.into_iter().find(|(name, _)| *name == what) {
            Some((_, fault)) => Ok(Self { fault, rate }),
            None => Err(InvalidFault {
                text: what.to_owned(),
                expected: format!("one of {}", RowFault::ALL.map(|(name, _)| name).join(", ")),
            }),
        }
    }
}

fn split_rate<'a>(text: &'a str, expected: &str) -> Result<(&'a str, Rate), InvalidFault> {
    let invalid = |expected: String| InvalidFault { text: text.to_owned(), expected };
    let (what, rate) = text.split_once('=').ok_or_else(|| invalid(expected.to_owned()))?;
    let rate =
        rate.parse().map_err(|_| invalid(format!("{expected}; RATE is 2%, 0.25%, never or always")))?;
    Ok((what, rate))
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMED.iter().find(|(_, fault)| fault == self) {
            Some((name, _)) => formatter.write_str(name),
            None => write!(formatter, "{self:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for name in Fault::names() {
            assert_eq!(name.parse::<Fault>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn a_rate_is_read_with_or_without_its_endpoint() {
        assert_eq!("500=1%".parse(), Ok(FaultRate::everywhere("500".parse().unwrap(), Rate::percent(1))));
        assert_eq!(
            "token:hang=always".parse(),
            Ok(FaultRate::on(Endpoint::Token, Fault::Hang, Rate::ALWAYS))
        );
        assert_eq!("late=2%".parse(), Ok(RowFaultRate { fault: RowFault::Late, rate: Rate::percent(2) }));
    }

    #[test]
    fn a_wrong_one_says_what_is_wanted() {
        for text in ["500", "500=often", "sometimes=1%", "nowhere:500=1%"] {
            assert!(text.parse::<FaultRate>().unwrap_err().to_string().contains(" is not "), "{text}");
        }
        assert!("early=1%".parse::<RowFaultRate>().unwrap_err().to_string().contains("vanishes"));
    }
}
