//! What can happen in a simulated world, and what a world begins with.
//!
//! Values only, printed as the Rust code that makes them, so that a failing case can be kept as a test. How a
//! seed draws them is `draw`, what they do is `stage`.

use std::fmt;
use std::time::Duration;

use tallyd::model::SweepWindow;
use tallyd::sim::{Endpoint, ErrorBody, Fault, PinScope, ServerError};

/// A world and what happens in it. The same case always runs the same way.
#[derive(Clone)]
pub(super) struct Case {
    /// Decides the rows that are there at the start.
    pub(super) seed: u64,
    pub(super) profiles: u16,
    /// How many rows are there at the start, all of them final.
    pub(super) size: u8,
    /// The most rows on a page.
    pub(super) page_rows: usize,
    pub(super) ops: Vec<Op>,
}

/// One thing that happens. Rows are named by number: those of the start from 0 on, then the created ones.
/// What concerns a row that is not there does nothing, so that any operation can be left out of a case.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// Time goes by, here and there.
    Advance { seconds: u64 },
    /// The local clock is set forward or back; the server's is not.
    StepLocal { seconds: i64 },
    /// A row becomes visible that was created `age` seconds ago.
    Create { row: u8, under: Under, age: u64, state: State, updated_at: UpdatedAt },
    /// A row goes on to another state, with a new `updated_at`.
    Move { row: u8, to: State },
    /// A row's amount becomes another one in silence: `updated_at` stays.
    Edit { row: u8, amount: u16 },
    /// A row is sent in another spelling that means the same.
    Respell { row: u8, how: Spelling },
    /// A row has the `ref_id` of another one from now on.
    Rename { row: u8, like: u8 },
    /// A row goes to a profile of the account, which from now on lists it too.
    Share { row: u8, with: Under },
    /// A row is neither listed nor found any more, until `Return`.
    Remove { row: u8 },
    /// A row that was removed is there again as it was.
    Return { row: u8 },
    /// A replica shows a row as it was that many seconds ago, until `CatchUp`.
    Lag { row: u8, seconds: u64, scope: Scope },
    /// The replica has caught up with that row.
    CatchUp { row: u8 },
    /// Lists that are asked for a row by its id leave it out, until `Answer`.
    LeaveOut { row: u8 },
    /// Lists that are asked for a row by its id answer it again.
    Answer { row: u8 },
    /// Of the next requests to an endpoint, `after` are answered honestly; then one goes wrong.
    Trouble { at: Place, after: u8, what: Trouble },
    /// Every list request goes wrong, until `Heal`.
    Outage { what: Trouble },
    /// The end of all troubles of requests.
    Heal,
    /// Every profile is polled.
    Poll,
    /// A poll is begun and the process is killed in it, then started again.
    Kill { moment: Moment },
    /// Every profile is swept, and the account.
    Sweep { window: Window },
    /// A sweep is begun and the process is killed in it, then started again.
    KillInSweep { window: Window, moment: Moment },
    /// Of the next messages to a sink, `after` are taken and then `times` are not.
    Refuse { at: Sink, after: u8, times: u8, how: Refusal },
    /// What waits is told, as far as the sinks take it.
    Deliver,
    /// The same, and the process is killed in it, then started again.
    KillInDelivery { moment: Parting },
}

/// When in a poll the process is killed: at the nth of its kind. A poll that ends before is killed after.
#[derive(Clone, Copy)]
pub(super) enum Moment {
    /// When the nth request to an endpoint arrives.
    Request(Place, u8),
    /// When the nth page was committed.
    Committed(u8),
    /// While the nth page is judged, in the middle of its transaction.
    Judging(u8),
    /// While the nth notice is written, in the middle of its transaction.
    Telling(u8),
}

/// When in a delivery the process is killed: at the nth message to any sink. A delivery of fewer is killed after it.
#[derive(Clone, Copy)]
pub(super) enum Parting {
    /// It was sent and nobody has read it.
    Unread(u8),
    /// The sink has it and has not answered.
    Unanswered(u8),
    /// The sink has taken it, and that is not noted.
    Unnoted(u8),
}

/// An enum of plain names that prints each as it is written in code, and knows all of them.
macro_rules! names {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum $name { $($(#[$inner])* $variant),+ }

        impl $name {
            pub(super) const ALL: &[Self] = &[$(Self::$variant),+];
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(match self {
                    $(Self::$variant => concat!(stringify!($name), "::", stringify!($variant))),+
                })
            }
        }
    };
}

names! {
    /// Where an orchestration is on its way.
    State {
        Pending, Processing, BetweenLegs, Completed, Failed, Rejected, Unheard,
        /// COMPLETED, and the destination leg is not.
        HalfDone,
        /// PROCESSING, and the source leg FAILED.
        LegFailed,
    }
}

names! {
    /// Whether a row says when it was last updated.
    UpdatedAt { Given, Missing }
}

names! {
    /// Whose a row is. In a world of one profile the second one is the first.
    Under {
        First,
        Second,
        /// That of a profile that the account does not list.
        Unlisted,
    }
}

names! {
    /// How far back a sweep goes.
    Window { Hour, TwoDays, Everything }
}

names! {
    /// Another spelling of the same row.
    Spelling {
        /// One more zero behind the amount.
        LongerAmount,
        /// `created_at` and `updated_at` in another time zone.
        OtherZone,
        /// `crypto_address_id` for `address_id`, or the other way round.
        Alias,
        /// What is missing is sent as null or as an empty text.
        Nulls,
    }
}

names! {
    /// Which answers are behind.
    Scope { List, Everywhere }
}

names! {
    /// Where a request goes wrong.
    Place { Token, Profiles, List, Get }
}

names! {
    /// How a request goes wrong.
    Trouble {
        Unauthorized, ForgetTokens, Forbidden, TooManyRequests, TooManyRequestsWithoutWord, Unavailable,
        BadGateway, EmptyObject, CutBody, NotJson, HtmlPage, NoLists, Redirect, MissingDate, StaleBriefly, StaleLong,
        RepeatPage, SwapPages, EmptyPage, ExpiredCursor, RepeatCursor, EndlessPages, OmitIds,
    }
}

names! {
    /// Where things are told.
    Sink { Pager, Archive }
}

names! {
    /// How a sink does not take a message.
    Refusal {
        /// 500.
        Broken,
        /// 429, with `Retry-After`.
        Busy,
        /// 401.
        Stranger,
        /// It hangs up and has read nothing.
        Unread,
        /// It hangs up and has read everything.
        Unanswered,
    }
}

impl Trouble {
    /// Troubles after which there is no answer to use: while every list request has one, nothing is listed.
    pub(super) const SILENCING: &[Self] = &[
        Self::Unauthorized,
        Self::Forbidden,
        Self::TooManyRequests,
        Self::Unavailable,
        Self::CutBody,
        Self::NotJson,
        Self::NoLists,
    ];

    /// Whether the answer has the status 200 and nothing in it to use.
    pub(super) fn is_empty_word(self) -> bool {
        matches!(self, Self::EmptyObject | Self::CutBody | Self::NotJson | Self::HtmlPage | Self::NoLists)
    }

    pub(super) fn fault(self) -> Fault {
        match self {
            Self::Unauthorized => Fault::Unauthorized,
            Self::ForgetTokens => Fault::ForgetTokens,
            Self::Forbidden => Fault::Forbidden,
            Self::TooManyRequests => Fault::TooManyRequests { retry_after: Some(Duration::from_secs(30)) },
            Self::TooManyRequestsWithoutWord => Fault::TooManyRequests { retry_after: None },
            Self::Unavailable => Fault::ServerError(ServerError::Unavailable, ErrorBody::Problem),
            Self::BadGateway => Fault::ServerError(ServerError::BadGateway, ErrorBody::Html),
            Self::EmptyObject => Fault::EmptyObject,
            Self::CutBody => Fault::CutBody,
            Self::NotJson => Fault::NotJson,
            Self::HtmlPage => Fault::HtmlPage,
            Self::NoLists => Fault::NoLists,
            Self::Redirect => Fault::Redirect,
            Self::MissingDate => Fault::MissingDate,
            Self::StaleBriefly | Self::StaleLong => Fault::Stale { lag: self.lag() },
            Self::RepeatPage => Fault::RepeatPage,
            Self::SwapPages => Fault::SwapPages,
            Self::EmptyPage => Fault::EmptyPage,
            Self::ExpiredCursor => Fault::ExpiredCursor,
            Self::RepeatCursor => Fault::RepeatCursor,
            Self::EndlessPages => Fault::EndlessPages,
            Self::OmitIds => Fault::OmitIds,
        }
    }

    /// How far behind an answer is.
    pub(super) fn lag(self) -> Duration {
        match self {
            Self::StaleBriefly => Duration::from_secs(20),
            Self::StaleLong => Duration::from_secs(240),
            _ => Duration::ZERO,
        }
    }
}

impl Place {
    pub(super) fn endpoint(self) -> Endpoint {
        match self {
            Self::Token => Endpoint::Token,
            Self::Profiles => Endpoint::Profiles,
            Self::List => Endpoint::List,
            Self::Get => Endpoint::Get,
        }
    }
}

impl Window {
    pub(super) fn of_sweep(self) -> SweepWindow {
        match self {
            Self::Hour => SweepWindow::Last(Duration::from_secs(3600)),
            Self::TwoDays => SweepWindow::Last(Duration::from_secs(2 * 86_400)),
            Self::Everything => SweepWindow::Everything,
        }
    }
}

impl Scope {
    pub(super) fn pins(self) -> PinScope {
        match self {
            Self::List => PinScope::List,
            Self::Everywhere => PinScope::Everywhere,
        }
    }
}

impl Op {
    /// Whether it is about telling people.
    pub(super) fn is_about_sinks(&self) -> bool {
        matches!(self, Self::Refuse { .. } | Self::Deliver | Self::KillInDelivery { .. })
    }
}

impl fmt::Debug for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(place, nth) => write!(formatter, "Moment::Request({place:?}, {nth})"),
            Self::Committed(nth) => write!(formatter, "Moment::Committed({nth})"),
            Self::Judging(nth) => write!(formatter, "Moment::Judging({nth})"),
            Self::Telling(nth) => write!(formatter, "Moment::Telling({nth})"),
        }
    }
}

impl fmt::Debug for Parting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread(nth) => write!(formatter, "Parting::Unread({nth})"),
            Self::Unanswered(nth) => write!(formatter, "Parting::Unanswered({nth})"),
            Self::Unnoted(nth) => write!(formatter, "Parting::Unnoted({nth})"),
        }
    }
}

/// The case as a test to be kept.
impl fmt::Debug for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "#[test]")?;
        writeln!(formatter, "fn kept_of_seed_{}() {{", self.seed)?;
        writeln!(formatter, "    holds(&Case {{")?;
        writeln!(
            formatter,
            "        seed: {}, profiles: {}, size: {}, page_rows: {},",
            self.seed, self.profiles, self.size, self.page_rows
        )?;
        writeln!(formatter, "        ops: vec![")?;
        for op in &self.ops {
            writeln!(formatter, "            Op::{op:?},")?;
        }
        writeln!(formatter, "        ],\n    }});\n}}")
    }
}
