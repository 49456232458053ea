//! Exact sums of amounts.

use std::fmt;

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::BigInt;

use super::Amount;

/// How many decimals go into whole numbers; whatever has more is added as a decimal.
const DECIMALS: usize = 18;

/// How many digits before the point go into whole numbers.
const WHOLE_DIGITS: usize = 15;

/// The least decimals that are shown: money has cents.
const SHOWN_DECIMALS: i64 = 2;

/// An exact sum. Nearly every amount is added as a whole number, which costs a tenth of adding decimals.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    /// In units of 10^-18.
    units: i128,
    /// What does not go into them.
    rest: Option<Box<BigDecimal>>,
}

impl Sum {
    /// Adds an amount.
    pub fn add(&mut self, amount: &Amount) {
        self.add_signed(amount, 1);
    }

    /// Takes an amount away.
    pub fn subtract(&mut self, amount: &Amount) {
        self.add_signed(amount, -1);
    }

    /// Adds another sum so many times.
    pub fn add_sum(&mut self, other: &Self, times: i8) {
        let units = other.units.checked_mul(times.into()).and_then(|units| self.units.checked_add(units));
        match units {
            Some(units) => self.units = units,
            None => self.add_rest(decimal_of(other.units) * BigDecimal::from(times)),
        }
        if let Some(rest) = &other.rest {
            self.add_rest((**rest).clone() * BigDecimal::from(times));
        }
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.total() == 0
    }

    fn add_signed(&mut self, amount: &Amount, sign: i8) {
        let units = units_of(amount.as_str()).map(|units| units * i128::from(sign));
        match units.and_then(|units| self.units.checked_add(units)) {
            Some(units) => self.units = units,
            None => self.add_rest(amount.decimal() * BigDecimal::from(sign)),
        }
    }

    fn add_rest(&mut self, more: BigDecimal) {
        let rest = self.rest.take().map_or_else(BigDecimal::default, |rest| *rest);
        self.rest = Some(Box::new(rest + more));
    }

    fn total(&self) -> BigDecimal {
        let units = decimal_of(self.units);
        self.rest.as_ref().map_or_else(|| units.clone(), |rest| &units + &**rest)
    }
}

/// Sums are equal that come to the same.
impl PartialEq for Sum {
    fn eq(&self, other: &Self) -> bool {
        self.total() == other.total()
    }
}

impl Eq for Sum {}

/// All the digits, without an exponent, and at least two decimals.
impl fmt::Display for Sum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total().normalized();
        let decimals = total.fractional_digit_count().max(SHOWN_DECIMALS);
        formatter.pad(&total.with_scale(decimals).to_plain_string())
    }
}

fn decimal_of(units: i128) -> BigDecimal {
    // Fewer than a hundred: it is eighteen.
    BigDecimal::new(BigInt::from(units), i64::try_from(DECIMALS).unwrap_or_default())
}

/// A plain decimal in units of 10^-18; `None` where it has too many digits.
fn units_of(text: &str) -> Option<i128> {
    let (digits, sign) = text.strip_prefix('-').map_or((text, 1), |digits| (digits, -1));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.len() > WHOLE_DIGITS || fraction.len() > DECIMALS {
        return None;
    }
    let number = |digits: &str| digits.bytes().fold(0_i128, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    let missing = u32::try_from(DECIMALS - fraction.len()).ok()?;
    let whole_units = number(whole) * 10_i128.pow(u32::try_from(DECIMALS).ok()?);
    Some(sign * (whole_units + number(fraction) * 10_i128.pow(missing)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sum_is_what_decimals_come_to(
            amounts in proptest::collection::vec(("-?[0-9]{1,25}(\\.[0-9]{1,25})?", any::<bool>()), 0..20),
        ) {
            let (mut sum, mut expected) = (Sum::default(), BigDecimal::default());
            for (text, adds) in &amounts {
                let amount = Amount::parse(text).unwrap();
                if *adds {
                    sum.add(&amount);
                    expected += amount.decimal();
                } else {
                    sum.subtract(&amount);
                    expected -= amount.decimal();
                }
            }
            prop_assert_eq!(sum.total(), expected.clone());
            prop_assert_eq!(Amount::parse(&sum.to_string()).unwrap().decimal(), expected);
            let mut none = sum.clone();
            none.add_sum(&sum, -1);
            prop_assert!(none.is_zero());
        }
    }

    #[test]
    fn what_goes_beyond_whole_numbers_is_kept_exactly() {
        let mut sum = Sum::default();
        for _ in 0..200_000 {
            sum.add(&Amount::parse("999999999999999.999999999999999999").unwrap());
        }
        assert_eq!(sum.to_string(), "199999999999999999999.9999999999998");
        assert_eq!(Sum::default().to_string(), "0.00");
    }
}
