//! Making a failing case small: leaving operations out while it still fails.

use super::op::{Case, Op};

/// The case without what it fails without, as `fails` tells.
pub(super) fn shrink(case: &Case, fails: impl Fn(&Case) -> bool) -> Case {
    let mut small = case.clone();
    for profiles in 1..small.profiles {
        small = better(&small, Case { profiles, ..small.clone() }, &fails);
    }
    let mut chunk = small.ops.len().div_ceil(2);
    loop {
        let before = small.ops.len();
        let mut at = 0;
        while at < small.ops.len() {
            let end = small.ops.len().min(at + chunk);
            let ops: Vec<Op> = small.ops[..at].iter().chain(&small.ops[end..]).cloned().collect();
            let less = Case { ops, ..small.clone() };
            if fails(&less) {
                small = less;
            } else {
                at = end;
            }
        }
        if chunk == 1 && small.ops.len() == before {
            break;
        }
        chunk = chunk.div_ceil(2).max(1);
    }
    for size in 0..small.size {
        small = better(&small, Case { size, ..small.clone() }, &fails);
    }
    small
}

fn better(case: &Case, other: Case, fails: &impl Fn(&Case) -> bool) -> Case {
    let is_smaller = other.size < case.size || other.profiles < case.profiles;
    if is_smaller && fails(&other) { other } else { case.clone() }
}
