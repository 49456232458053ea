//! An exact decimal amount.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use bigdecimal::BigDecimal;

/// The longest amount that is taken: far above any sum of money, far below what would hurt.
const MAX_LENGTH: usize = 100;

/// An exact decimal, kept in the digits in which it came.
///
/// `"100"`, `"100.0"` and `"100.00"` are equal; each keeps its own text. Arithmetic goes through
/// [`decimal`](Self::decimal), never through binary floating point.
#[derive(Clone, Debug)]
pub struct Amount(Box<str>);

/// A text that is not a plain decimal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a decimal amount such as 100.00")]
pub struct InvalidAmount {
    /// What was given, cut to a length fit for a message.
    pub text: String,
}

impl Amount {
    /// Reads `-?digits[.digits]`, at most 100 characters; no exponent, no sign but minus.
    pub fn parse(text: &str) -> Result<Self, InvalidAmount> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if text.len() <= MAX_LENGTH && is_number(whole) && fraction.is_none_or(is_number) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAmount { text: text.chars().take(MAX_LENGTH).collect() })
        }
    }

    /// The digits as they came.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The exact value.
    pub fn decimal(&self) -> BigDecimal {
        // `parse` admits plain decimals only, and those always convert.
        BigDecimal::from_str(&self.0).unwrap_or_default()
    }
}

impl PartialEq for Amount {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || self.decimal() == other.decimal()
    }
}

impl Eq for Amount {}

impl Hash for Amount {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.decimal().normalized().hash(state);
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn trailing_zeros_mean_nothing(whole in 0_u64.., fraction in "[0-9]{1,18}", zeros in 0_usize..9) {
            let short = Amount::parse(&format!("{whole}.{fraction}")).unwrap();
            let long = Amount::parse(&format!("{whole}.{fraction}{}", "0".repeat(zeros))).unwrap();
            prop_assert_eq!(short, long);
        }

        #[test]
        fn other_digits_are_another_amount(value in 0_u128.., places in 0_u32..18) {
            let text = |n: u128| {
                let unit = 10_u128.pow(places);
                format!("{}.{:0width$}", n / unit, n % unit, width = places.max(1) as usize)
            };
            prop_assume!(value < u128::MAX);
            prop_assert_ne!(Amount::parse(&text(value)).unwrap(), Amount::parse(&text(value + 1)).unwrap());
        }
    }

    #[test]
    fn eighteen_decimals_behind_a_large_sum_are_kept() {
        let one = Amount::parse("123456789012345678901.000000000000000001").unwrap();
        let other = Amount::parse("123456789012345678901.000000000000000002").unwrap();
        assert_ne!(one, other);
        assert_eq!(one.as_str(), "123456789012345678901.000000000000000001");
    }

    #[test]
    fn what_is_not_a_plain_decimal_is_refused() {
        for text in ["", "-", ".", "1.", ".5", "1e5", "+1", "1,000", "NaN", " 1", "0x10"] {
            assert!(Amount::parse(text).is_err(), "{text:?}");
        }
        assert!(Amount::parse(&"9".repeat(101)).is_err());
    }
}
