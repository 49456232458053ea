//! Cases that failed once, made small.
//!
//! Those of a break in `tests/breaks` say which one; the others were faults of tallyd.

use super::holds;
use super::op::{Case, Moment, Op, Place, Scope, State, Trouble, Under, UpdatedAt, Window};

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
                under: Under::First,
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
            Op::Create {
                row: 1,
                under: Under::First,
                age: 0,
                state: State::Rejected,
                updated_at: UpdatedAt::Given,
            },
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

/// A row of two profiles was asked for again, and taken for one that the second does not list.
#[test]
fn a_row_that_a_second_profile_lists_stays_with_both_on_the_next_page() {
    let window = Window::Everything;
    holds(&Case { seed: 214, profiles: 2, size: 6, page_rows: 1, ops: vec![Op::Sweep { window }] });
}

/// A row that only the account's list showed was noted as a complete sweep of its profile.
#[test]
fn a_partial_sweep_stays_partial_whatever_the_list_of_the_account_shows() {
    let (under, state, updated_at) = (Under::First, State::Completed, UpdatedAt::Given);
    let what = Trouble::StaleBriefly;
    holds(&Case {
        seed: 620,
        profiles: 1,
        size: 0,
        page_rows: 4,
        ops: vec![
            Op::Create { row: 9, under, age: 1, state, updated_at },
            Op::Poll,
            Op::Lag { row: 9, seconds: 20, scope: Scope::Everywhere },
            Op::Trouble { at: Place::List, after: 1, what },
            Op::Poll,
            Op::Create { row: 11, under, age: 1, state, updated_at },
            Op::Sweep { window: Window::Hour },
        ],
    });
}

/// The leg was taken to have stood where it is for as long as the status.
#[test]
fn a_leg_that_moved_on_just_now_is_young_though_the_row_tells_no_time_of_change() {
    holds(&Case {
        seed: 0,
        profiles: 1,
        size: 0,
        page_rows: 1,
        ops: vec![
            Op::Create {
                row: 0,
                under: Under::First,
                age: 0,
                state: State::Processing,
                updated_at: UpdatedAt::Missing,
            },
            Op::Poll,
            Op::Advance { seconds: 400 },
            Op::Move { row: 0, to: State::BetweenLegs },
            Op::Poll,
        ],
    });
}

/// Of what waits the worst was told first, so that it was told that a break got worse before it was told of it.
#[test]
fn a_break_that_got_worse_while_nobody_was_told_is_told_from_its_beginning() {
    holds(&Case {
        seed: 52,
        profiles: 1,
        size: 0,
        page_rows: 4,
        ops: vec![
            Op::Create {
                row: 3,
                under: Under::First,
                age: 60,
                state: State::LegFailed,
                updated_at: UpdatedAt::Given,
            },
            Op::Advance { seconds: 3050 },
            Op::Deliver,
        ],
    });
}
