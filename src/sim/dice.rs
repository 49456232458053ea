//! Seeded chance: rates in whole parts per million, and the hash that makes one draw per thing.
//!
//! No floating point, so that a seed means the same world everywhere.

use std::fmt;
use std::str::FromStr;

const MILLION: u32 = 1_000_000;

/// How often something happens, in parts per million.
///
/// Read from and shown as a percentage: `"2%"`, `"0.25%"`; also `never` and `always`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u32);

/// A text that is not a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a rate such as 2%, 0.25%, never or always")]
pub struct InvalidRate {
    /// What was given.
    pub text: String,
}

impl Rate {
    /// Not once.
    pub const NEVER: Self = Self(0);
    /// Every time.
    pub const ALWAYS: Self = Self(MILLION);

    /// That many in a million; more than a million is always.
    pub const fn per_million(count: u32) -> Self {
        Self(if count > MILLION { MILLION } else { count })
    }

    /// That many in a hundred; more than a hundred is always.
    pub const fn percent(count: u32) -> Self {
        Self::per_million(count.saturating_mul(10_000))
    }

    /// Whether a uniformly drawn number says yes.
    pub(super) fn hits(self, draw: u64) -> bool {
        draw % u64::from(MILLION) < u64::from(self.0)
    }

    /// Draws and says whether it is a yes.
    pub(super) fn rolls(self, dice: &mut fastrand::Rng) -> bool {
        self.hits(dice.u64(..))
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let invalid = || InvalidRate { text: text.to_owned() };
        match text {
            "never" | "0" => return Ok(Self::NEVER),
            "always" => return Ok(Self::ALWAYS),
            _ => {}
        }
        let number = text.strip_suffix('%').ok_or_else(invalid)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        // A percentage with four decimals is a whole number of parts per million.
        if whole.is_empty() || fraction.len() > 4 || !digits_only(whole) || !digits_only(fraction) {
            return Err(invalid());
        }
        let parts: u32 = format!("{whole}{fraction:0<4}").parse().map_err(|_| invalid())?;
        if parts > MILLION { Err(invalid()) } else { Ok(Self(parts)) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 10_000, self.0 % 10_000);
        if rest == 0 {
            write!(formatter, "{whole}%")
        } else {
            let fraction = format!("{rest:04}");
            write!(formatter, "{whole}.{}%", fraction.trim_end_matches('0'))
        }
    }
}

/// One well-mixed number out of a seed and the name of what is drawn (the finaliser of `SplitMix64`).
pub(super) const fn mix(seed: u64, salt: u64) -> u64 {
    let mut value = seed ^ salt.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// A generator of its own for one thing.
pub(super) fn dice_for(seed: u64, salt: u64) -> fastrand::Rng {
    fastrand::Rng::with_seed(mix(seed, salt))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_rate_reads_back(parts in 0_u32..=MILLION) {
            let rate = Rate::per_million(parts);
            prop_assert_eq!(rate.to_string().parse::<Rate>(), Ok(rate));
        }
    }

    #[test]
    fn nonsense_is_refused_and_named() {
        for text in ["", "%", "2", "101%", "0.00001%", "-1%", "1e2%", "2 %", ".5%"] {
            let error = text.parse::<Rate>().unwrap_err();
            assert!(error.to_string().contains(text), "{text}");
        }
    }

    #[test]
    fn always_and_never_mean_it() {
        let mut dice = dice_for(1, 2);
        assert!((0..1000).all(|_| Rate::ALWAYS.rolls(&mut dice)));
        assert!((0..1000).all(|_| !Rate::NEVER.rolls(&mut dice)));
    }
}
