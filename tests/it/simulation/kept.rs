//! Cases that failed once, made small.
//!
//! Those of a break in `tests/breaks` say which one; the others were faults of tallyd.

use super::holds;
use super::op::{Case, Moment, Op, Place, Scope, State, Trouble, UpdatedAt};

/// Catches: `overlap-dropped`.
#[test]
fn a_row_that_was_seen_a_minute_late_is_found_by_the_next_poll() {
    holds(&Case {
        seed: 1,
        profiles: 1,
        size: 0,
        page_rows: 1,
        ops: vec![
            Op::Poll,
            Op::Create {
                row: 16,
                profile: 0,
                age: 60,
                state: State::Completed,
                updated_at: UpdatedAt::Given,
            },
        ],
    });
}

/// Catches: `judged-after-the-page`.
#[test]
fn a_page_whose_judging_was_killed_left_nothing_behind() {
    let moment = Moment::Judging(3);
    holds(&Case { seed: 37, profiles: 1, size: 9, page_rows: 4, ops: vec![Op::Kill { moment }] });
}

/// Catches: `cut-short-is-complete`.
#[test]
fn a_pause_asked_for_before_the_last_page_leaves_the_poll_partial() {
    let what = Trouble::TooManyRequestsWithoutWord;
    holds(&Case {
        seed: 63,
        profiles: 1,
        size: 6,
        page_rows: 1,
        ops: vec![Op::Trouble { at: Place::List, after: 5, what }, Op::Poll],
    });
}

/// Catches: `look-ups-not-judged`.
#[test]
fn an_older_state_that_three_polls_confirmed_is_judged() {
    holds(&Case {
        seed: 433,
        profiles: 1,
        size: 0,
        page_rows: 1,
        ops: vec![
            Op::Create { row: 1, profile: 0, age: 0, state: State::Rejected, updated_at: UpdatedAt::Given },
            Op::Advance { seconds: 240 },
            Op::Move { row: 1, to: State::Pending },
            Op::Poll,
            Op::Lag { row: 1, seconds: 5, scope: Scope::Everywhere },
            Op::Poll,
            Op::Poll,
            Op::Poll,
        ],
    });
}
