//! The details of a seeded orchestration that only show when it is written: amounts, ids, addresses,
//! texts.
//!
//! Drawn again for every writing, always in the same order, from a generator of the row's own; that is
//! cheaper than keeping a million rows of text. Also the identities of the account itself.

use fastrand::Rng;

use super::dice::{dice_for, mix};
use super::life::Course;
use super::plan::Plan;

/// What never changes about one row.
#[derive(Debug)]
pub(super) struct Details {
    pub(super) identity: Option<u128>,
    pub(super) account: Option<u128>,
    pub(super) customer: bool,
    pub(super) source_transfer: u128,
    pub(super) destination_transfer: u128,
    /// The address, bank account or deposit instructions outside.
    pub(super) outside: u128,
    pub(super) outside_text: (u128, u128),
    pub(super) amount: AmountText,
    pub(super) style: Style,
    pub(super) metadata: Metadata,
    pub(super) fail_reason: &'static str,
    pub(super) memo: &'static str,
    pub(super) order_number: u32,
}

/// How fully and in which spelling a row is written: real answers differ from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As documented now.
    Usual,
    /// With `destination_amount`, and `completed_at` once it is.
    Samples,
    /// With the older `crypto_address_id`.
    OlderAddress,
    /// Without `updated_at`.
    WithoutUpdatedAt,
    /// Without the legs.
    WithoutLegs,
}

/// Which metadata a row carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metadata {
    Missing,
    Empty,
    One,
    Several,
}

/// A decimal in a spelling of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct AmountText {
    whole: u64,
    fraction: u64,
    places: usize,
}

/// Already escaped for JSON.
const FAIL_REASONS: [&str; 4] = [
    "The receiving bank returned the payment.",
    "Destination address did not pass screening.",
    "The transfer was refused by the network: fee too low.",
    "Account \\\"operating\\\" is closed \\u2014 returned.",
];

/// Already escaped for JSON.
const MEMOS: [&str; 4] = ["Payout run", "Z\u{fc}rich office rent", "Settlement \\/ desk 4", "tab\\there"];

impl Details {
    pub(super) fn of(seed: u64, plan: &Plan) -> Self {
        let mut dice = dice_for(seed ^ 0xDE7A_1115, plan.number);
        let identity = uuid(&mut dice);
        let account = uuid(&mut Rng::with_seed(mix(seed, 0xACC0 + u64::from(plan.owner))));
        let shape = dice.u32(..1000);
        Self {
            identity: shape.is_multiple_of(3).then_some(identity),
            account: (shape % 10 < 7).then_some(account),
            customer: shape % 20 != 1,
            source_transfer: uuid(&mut dice),
            destination_transfer: uuid(&mut dice),
            outside: uuid(&mut dice),
            outside_text: (dice.u128(..), dice.u128(..)),
            amount: AmountText::draw(&mut dice),
            style: style(dice.u32(..1000)),
            metadata: match dice.u8(..10) {
                0..2 => Metadata::Missing,
                2..4 => Metadata::Empty,
                4..8 => Metadata::One,
                _ => Metadata::Several,
            },
            fail_reason: FAIL_REASONS[usize::from(dice.u8(..4))],
            memo: MEMOS[usize::from(dice.u8(..4))],
            order_number: dice.u32(100_000..9_999_999),
        }
    }
}

fn style(draw: u32) -> Style {
    match draw {
        0..250 => Style::Samples,
        250..270 => Style::OlderAddress,
        270..272 => Style::WithoutUpdatedAt,
        272..290 => Style::WithoutLegs,
        _ => Style::Usual,
    }
}

impl AmountText {
    fn draw(dice: &mut Rng) -> Self {
        let digits = dice.u32(1..8);
        let whole = dice.u64(10_u64.pow(digits - 1)..10_u64.pow(digits));
        let (places, fraction) = match dice.u8(..20) {
            0..6 => (0, 0),
            6..8 => (1, 0),
            8..13 => (2, 0),
            13..17 => (2, dice.u64(..100)),
            17..19 => (6, dice.u64(..1_000_000)),
            _ => (18, dice.u64(..1_000_000_000_000_000_000)),
        };
        Self { whole, fraction, places }
    }

    /// Another amount, told from the first by everybody.
    pub(super) fn changed(self) -> Self {
        Self { whole: self.whole + 1 + self.whole / 10, ..self }
    }

    /// Its text.
    pub(super) fn text(self) -> String {
        let Self { whole, fraction, places } = self;
        if places == 0 { whole.to_string() } else { format!("{whole}.{fraction:0places$}") }
    }

    /// The same amount in another spelling.
    pub(super) fn other_text(self) -> String {
        let text = self.text();
        if self.places == 0 { format!("{text}.00") } else { format!("{text}0") }
    }
}

/// A version 4 UUID.
pub(super) fn uuid(dice: &mut Rng) -> u128 {
    uuid::Builder::from_random_bytes(dice.u128(..).to_be_bytes()).into_uuid().as_u128()
}

/// The customer that all rows belong to.
pub(super) fn customer(seed: u64) -> u128 {
    uuid(&mut dice_for(seed, 0xC057_03E6))
}

/// The id of a profile's deposit rule.
pub(super) fn rule_id(seed: u64, owner: u16, rule: u8) -> u128 {
    uuid(&mut dice_for(seed ^ 0x5E7_0F2E, (u64::from(owner) << 8) | u64::from(rule)))
}

/// Any odd number has an inverse modulo 2^64, so a reference can be turned back into its number.
const VEIL: u64 = 0xD129_0E5B_6F2C_4A35;
const UNVEIL: u64 = inverse(VEIL);

/// The caller's (or a rule's) reference of a seeded row.
pub(super) fn ref_id(seed: u64, plan: &Plan) -> String {
    let prefix = match plan.course {
        Course::CryptoToProfile | Course::FiatToProfile => "rule",
        Course::ProfileToProfile => "move",
        Course::ProfileToCrypto | Course::ProfileToFiat => "payout",
    };
    format!("{prefix}-{:016x}", (plan.number ^ seed).wrapping_mul(VEIL))
}

/// Which seeded row a reference may be of; to be checked against the row.
pub(super) fn number_of_ref(seed: u64, ref_id: &str) -> Option<u64> {
    let (_, digits) = ref_id.split_once('-')?;
    (digits.len() == 16).then_some(())?;
    Some(u64::from_str_radix(digits, 16).ok()?.wrapping_mul(UNVEIL) ^ seed)
}

/// Newton's iteration: each round doubles the correct bits, and an odd number starts with three.
const fn inverse(odd: u64) -> u64 {
    let mut inverse = odd;
    let mut round = 0;
    while round < 5 {
        inverse = inverse.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(inverse)));
        round += 1;
    }
    inverse
}
