//! How to look again at open orchestrations with the fewest requests. Pure.

/// Ids of one request.
pub(super) const IDS_A_REQUEST: usize = 100;

/// Rows of one page.
const ROWS_A_PAGE: usize = 1000;

/// How the open orchestrations of a profile are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Each by its id.
    ById,
    /// All by their status, then by their ids those that did not come.
    ByStatus,
}

/// What there is to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Demand {
    /// Open orchestrations in a documented status: those come when the status is asked for, wanted or not.
    pub(super) listed: usize,
    /// How many of them are wanted: this poll has not met them yet.
    pub(super) wanted: usize,
    /// Wanted ones that only their id brings: in an unknown status, or missing.
    pub(super) only_by_id: usize,
    /// How many had left the statuses when they were last asked for: so many may have left again.
    pub(super) left_last_time: usize,
}

/// The plan with fewer requests. Where both need as many, ids are asked for: that needs no guess.
pub(super) fn choose(demand: Demand) -> Plan {
    let by_id = (demand.wanted + demand.only_by_id).div_ceil(IDS_A_REQUEST);
    let pages = demand.listed.div_ceil(ROWS_A_PAGE).max(1);
    let by_status = pages + (demand.only_by_id + demand.left_last_time).div_ceil(IDS_A_REQUEST);
    if by_status < by_id { Plan::ByStatus } else { Plan::ById }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(listed: usize, wanted: usize, only_by_id: usize, left_last_time: usize) -> Plan {
        choose(Demand { listed, wanted, only_by_id, left_last_time })
    }

    #[test]
    fn few_are_asked_for_by_id_and_many_by_status() {
        assert_eq!(plan(1, 1, 0, 0), Plan::ById);
        assert_eq!(plan(100, 100, 0, 0), Plan::ById);
        assert_eq!(plan(101, 101, 0, 0), Plan::ByStatus);
        assert_eq!(plan(10_000, 10_000, 0, 0), Plan::ByStatus);
    }

    #[test]
    fn what_was_met_already_is_listed_by_status_all_the_same() {
        assert_eq!(plan(10_000, 900, 0, 0), Plan::ById);
        assert_eq!(plan(10_000, 1_001, 0, 0), Plan::ByStatus);
    }

    #[test]
    fn what_only_an_id_brings_costs_as_much_in_either_plan() {
        assert_eq!(plan(0, 0, 5_000, 0), Plan::ById);
        assert_eq!(plan(10_000, 10_000, 5_000, 0), Plan::ByStatus);
        assert_eq!(plan(150, 150, 50, 0), Plan::ById);
    }

    #[test]
    fn those_that_leave_make_asking_by_status_dearer() {
        assert_eq!(plan(1_000, 1_000, 0, 800), Plan::ByStatus);
        assert_eq!(plan(1_000, 1_000, 0, 900), Plan::ById);
    }
}
