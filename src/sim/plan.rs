//! What the seed decides about one orchestration: its course, assets, profiles, life and troubles.
//!
//! A pure function of the world's settings, a number and `created_at`. The texts that only show when
//! the row is written are `details`.

use super::config::WorldConfig;
use super::dice::{dice_for, mix};
use super::faults::RowFault;
use super::life::{Course, HOUR, Life, MINUTE, Turns};
use super::row::RowId;

/// The assets there are. Stable coins and their dollar: one is worth one of the others.
pub(super) const ASSETS: [&str; 5] = ["USD", "USDG", "USDC", "PYUSD", "USDP"];
const USD: u8 = 0;

/// The chains there are.
pub(super) const NETWORKS: [&str; 6] =
    ["ETHEREUM", "SOLANA", "BASE", "POLYGON_POS", "ARBITRUM_ONE", "STELLAR"];

/// How many deposit rules a profile has for each rail.
pub(super) const RULES_PER_RAIL: u8 = 3;

/// Numbers from here on belong to orchestrations that came through Create.
pub(super) const FIRST_CREATED: u64 = 1 << 40;

/// One in so many ids is not a UUID.
const ODD_IDS: u64 = 200;

/// What the seed decides about one orchestration.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) number: u64,
    pub(super) course: Course,
    pub(super) life: Life,
    /// When the amount silently becomes another one.
    pub(super) amount_changes_at: Option<i64>,
    pub(super) quirk: Quirk,
    /// The profile that it belongs to.
    pub(super) owner: u16,
    /// The profile at the other end, where there is one.
    pub(super) other: Option<u16>,
    pub(super) source_asset: u8,
    pub(super) destination_asset: u8,
    pub(super) network: u8,
    /// The deposit rule that caused it.
    pub(super) rule: Option<u8>,
}

/// What is odd about the way a row is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quirk {
    None,
    ExtraFields,
    StatusNumber,
    CreatedAtGarbage,
    WithoutId,
}

/// From when to when a row can be seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visibility {
    pub(super) from: i64,
    pub(super) until: i64,
}

impl Plan {
    /// Decides one of the world's own orchestrations.
    pub(super) fn seeded(
        world: &WorldConfig,
        profiles: u16,
        number: u64,
        created: i64,
    ) -> (Self, Visibility) {
        let mut dice = dice_for(world.seed, number);
        let course = match dice.u8(..100) {
            0..25 => Course::ProfileToProfile,
            25..55 => Course::ProfileToCrypto,
            55..75 => Course::CryptoToProfile,
            75..88 => Course::FiatToProfile,
            _ => Course::ProfileToFiat,
        };
        // The lower of two draws: the first profiles are the busy ones.
        let owner = dice.u16(..profiles).min(dice.u16(..profiles));
        let step = dice.u16(1..profiles.max(2));
        let other = (profiles > 1).then(|| (owner + step) % profiles);
        let (source_asset, destination_asset) = assets(course, &mut dice);
        let network = dice.u8(..6);
        let by_rule = dice.u8(..RULES_PER_RAIL);
        let life = Life::plan(created, course, turns(world), &mut dice);
        let plan = Self {
            number,
            course,
            life,
            amount_changes_at: None,
            quirk: Quirk::None,
            owner,
            other: other.filter(|_| course == Course::ProfileToProfile),
            source_asset,
            destination_asset,
            network,
            rule: match course {
                Course::CryptoToProfile => Some(by_rule),
                Course::FiatToProfile => Some(RULES_PER_RAIL + by_rule),
                Course::ProfileToProfile | Course::ProfileToCrypto | Course::ProfileToFiat => None,
            },
        };
        plan.with_troubles(world, created)
    }

    /// Decides the life of one that came through Create; its other facts are the request's.
    pub(super) fn created(world: &WorldConfig, course: Course, number: u64, created: i64) -> Self {
        let life = Life::plan(created, course, turns(world), &mut dice_for(world.seed, number));
        Self {
            number,
            course,
            life,
            amount_changes_at: None,
            quirk: Quirk::None,
            owner: 0,
            other: None,
            source_asset: USD,
            destination_asset: USD,
            network: 0,
            rule: None,
        }
    }

    /// Its id, the same for the same seed and number.
    pub(super) fn id(&self, seed: u64) -> RowId {
        let draw = mix(seed ^ 0x1D, self.number);
        if draw.is_multiple_of(ODD_IDS) {
            // An odd factor permutes the 24-bit numbers, so no two of the first 16 million meet.
            let tail = (self.number.wrapping_mul(0x9E_3779) ^ seed) & 0xFF_FFFF;
            return RowId::Text(format!("orch_{tail:06x}").into());
        }
        let bits = (u128::from(draw) << 64) | u128::from(mix(seed ^ 0x2D, self.number));
        RowId::Uuid(uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid().as_u128())
    }

    fn with_troubles(mut self, world: &WorldConfig, created: i64) -> (Self, Visibility) {
        let mut seen = Visibility { from: created, until: i64::MAX };
        for (salt, trouble) in (0x7A00_u64..).zip(&world.row_faults) {
            let mut dice = dice_for(world.seed ^ mix(salt, 1), self.number);
            if !trouble.rate.rolls(&mut dice) {
                continue;
            }
            let later = dice.i64(MINUTE..24 * HOUR);
            let after_end = self.life.last().at + later;
            match trouble.fault {
                RowFault::Late => {
                    let most = i64::try_from(world.late_by.as_micros()).unwrap_or(i64::MAX).max(1);
                    seen.from = created.saturating_add(dice.i64(1..=most));
                }
                RowFault::Vanishes => seen.until = after_end,
                RowFault::AmountChanges if self.life.ends() => self.amount_changes_at = Some(after_end),
                RowFault::AmountChanges => {}
                RowFault::StatusChanges => self.life.change_after_end(later),
                RowFault::UnknownStatus => self.life.make_unheard(),
                RowFault::ExtraFields => self.quirk = Quirk::ExtraFields,
                RowFault::StatusNumber => self.quirk = Quirk::StatusNumber,
                RowFault::CreatedAtGarbage => self.quirk = Quirk::CreatedAtGarbage,
                RowFault::WithoutId => self.quirk = Quirk::WithoutId,
            }
        }
        (self, seen)
    }
}

fn turns(world: &WorldConfig) -> Turns {
    Turns {
        approvals: world.approvals,
        refusals: world.refusals,
        failures: world.failures,
        stuck: world.stuck,
    }
}

/// Bank rails carry dollars, chains carry coins, profiles hold either.
fn assets(course: Course, dice: &mut fastrand::Rng) -> (u8, u8) {
    let (left, right) = (dice.u8(..5), dice.u8(..5));
    let (left_coin, right_coin) = (left.max(1), right.max(1));
    match course {
        Course::ProfileToProfile => (left, right),
        Course::ProfileToCrypto => (left, right_coin),
        Course::CryptoToProfile => (left_coin, right),
        Course::FiatToProfile => (USD, right_coin),
        Course::ProfileToFiat => (left_coin, USD),
    }
}
