//! Order statistics.

/// Of ascending values, the least one that so many of a hundred do not exceed (the nearest rank); 0 of none.
pub fn nearest_rank(ascending: &[i64], percent: usize) -> i64 {
    let rank = (ascending.len() * percent).div_ceil(100).max(1);
    ascending.get(rank - 1).copied().unwrap_or_default()
}
