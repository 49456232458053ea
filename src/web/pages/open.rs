//! The part of the status page about what is open: by age, by asset, by route.

use std::collections::BTreeMap;

use crate::display::numbers::thousands;
use crate::ledger::OpenMoney;
use crate::model::{AgeBand, Sum, grouped};

use super::shown::{Bar, bars, short};

/// So many routes are shown one by one; the rest is counted together.
const ROUTES: usize = 12;

/// What is open.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) ages: Vec<Bar>,
    pub(super) assets: Vec<AssetRow>,
    pub(super) caption: String,
    pub(super) bands: [&'static str; AgeBand::ALL.len()],
    pub(super) routes: Vec<RouteRow>,
}

/// What is open of one asset.
#[derive(Debug)]
pub(super) struct AssetRow {
    pub(super) name: String,
    pub(super) count: String,
    pub(super) amount: String,
    pub(super) note: String,
}

/// What is open on one route, or on all others.
#[derive(Debug)]
pub(super) struct RouteRow {
    pub(super) route: String,
    pub(super) amount: String,
    pub(super) ages: Vec<BandCount>,
    pub(super) all: String,
    pub(super) is_rest: bool,
}

/// How many of an age there are.
#[derive(Debug)]
pub(super) struct BandCount {
    pub(super) name: &'static str,
    pub(super) count: String,
    pub(super) is_none: bool,
}

#[derive(Default)]
struct OfAsset {
    count: u64,
    source: Sum,
    without_amount: u64,
}

impl Open {
    pub(super) fn of(open: &[OpenMoney]) -> Self {
        let mut ages = [0; AgeBand::ALL.len()];
        let mut assets: BTreeMap<String, OfAsset> = BTreeMap::new();
        for money in open {
            add(&mut ages, &money.ages);
            let asset =
                assets.entry(money.route.source_asset.as_deref().unwrap_or("?").to_owned()).or_default();
            asset.count += money.count();
            asset.source.add_sum(&money.source, 1);
            asset.without_amount += money.without_amount;
        }
        let chart: Vec<_> = AgeBand::ALL
            .into_iter()
            .zip(ages)
            .map(|(band, count)| {
                let class = if matches!(band, AgeBand::Month | AgeBand::Older) { "old" } else { "" };
                (band.as_str().to_owned(), count, class)
            })
            .collect();
        let mut routes: Vec<_> = open.iter().take(ROUTES).map(RouteRow::of).collect();
        routes.extend(RouteRow::of_rest(open.get(ROUTES..).unwrap_or_default()));
        let caption = match open.len() {
            0..=ROUTES => "How many are open on each route, and how much is taken".to_owned(),
            many => format!("The {ROUTES} of {} routes on which most are open", thousands(many as u64)),
        };
        Self {
            ages: bars(&chart),
            assets: assets.iter().map(|(name, asset)| AssetRow::of(name, asset)).collect(),
            caption,
            bands: AgeBand::ALL.map(AgeBand::as_str),
            routes,
        }
    }
}

fn add(ages: &mut [u64; AgeBand::ALL.len()], more: &[u64; AgeBand::ALL.len()]) {
    for (count, more) in ages.iter_mut().zip(more) {
        *count += more;
    }
}

impl AssetRow {
    fn of(name: &str, asset: &OfAsset) -> Self {
        Self {
            name: short(name, 40),
            count: thousands(asset.count),
            amount: grouped(&asset.source.to_string()),
            note: match asset.without_amount {
                0 => String::new(),
                some => format!("and {} without an amount", thousands(some)),
            },
        }
    }
}

impl RouteRow {
    fn of(money: &OpenMoney) -> Self {
        Self {
            route: short(&money.route.to_string(), 160),
            amount: grouped(&money.source.to_string()),
            ages: band_counts(&money.ages),
            all: thousands(money.count()),
            is_rest: false,
        }
    }

    /// The routes that are not shown, together: their amounts are of several assets.
    fn of_rest(rest: &[OpenMoney]) -> Option<Self> {
        let mut ages = [0; AgeBand::ALL.len()];
        for money in rest {
            add(&mut ages, &money.ages);
        }
        (!rest.is_empty()).then(|| Self {
            route: format!("{} other routes", thousands(rest.len() as u64)),
            amount: String::new(),
            ages: band_counts(&ages),
            all: thousands(ages.iter().sum()),
            is_rest: true,
        })
    }
}

fn band_counts(ages: &[u64; AgeBand::ALL.len()]) -> Vec<BandCount> {
    let bands = AgeBand::ALL.into_iter().zip(ages);
    bands
        .map(|(band, count)| BandCount {
            name: band.as_str(),
            count: thousands(*count),
            is_none: *count == 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Amount, Rail, Route, Timestamp};

    fn money(asset: &str, amount: &str, ages: [u64; 6], without_amount: u64) -> OpenMoney {
        let route = Route {
            source: Rail::Fiat,
            destination: Rail::Profile,
            source_asset: Some(asset.into()),
            destination_asset: Some("USDG".into()),
        };
        let mut source = Sum::default();
        source.add(&Amount::parse(amount).unwrap());
        OpenMoney { route, ages, oldest: Timestamp::EPOCH, source, without_amount }
    }

    #[test]
    fn routes_that_are_not_shown_are_counted_and_summed_all_the_same() {
        let mut routes: Vec<_> =
            (0..ROUTES + 2).map(|_| money("USD", "1000.10", [1, 0, 0, 0, 0, 2], 0)).collect();
        routes.push(money("USDP", "7", [0, 0, 0, 0, 1, 0], 1));
        let open = Open::of(&routes);
        let rest = open.routes.last().unwrap();
        assert_eq!(
            (open.routes.len(), rest.route.as_str(), rest.all.as_str()),
            (ROUTES + 1, "3 other routes", "7")
        );
        let assets: Vec<_> = open
            .assets
            .iter()
            .map(|asset| [&asset.name, &asset.count, &asset.amount, &asset.note].map(String::as_str))
            .collect();
        assert_eq!(
            assets,
            [["USD", "42", "14,001.40", ""], ["USDP", "1", "7.00", "and 1 without an amount"]]
        );
        let ages: Vec<_> = open.ages.iter().map(|bar| bar.count.as_str()).collect();
        assert_eq!(ages, ["14", "0", "0", "0", "1", "28"]);
        assert_eq!(open.ages[4].width, 35, "the smallest is seen");
    }
}
