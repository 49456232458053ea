//! The account's profiles, and List Profiles.

use std::collections::HashSet;

use super::config::{ProfilesCursor, WorldConfig};
use super::cursor::{from_hex, to_hex};
use super::details::uuid;
use super::dice::dice_for;
use super::query::{
    Filter, MOST_ROWS, Order, QueryFault, Window, fingerprint, is_created_at, read_limit, read_order,
};

/// One profile of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimProfile {
    /// Its id.
    pub id: String,
    /// Its display name.
    pub nickname: String,
    /// `DEFAULT` for the first, `NORMAL` for the others.
    pub kind: &'static str,
}

const NICKNAMES: [&str; 6] = ["treasury", "payouts", "collections", "payroll", "reserve", "market-desk"];

impl SimProfile {
    /// One that came with a row that was put in by hand.
    pub(super) fn inserted(id: &str) -> Self {
        Self { id: id.to_owned(), nickname: format!("inserted {id}"), kind: "NORMAL" }
    }

    /// Its id as it stands between quotes in JSON.
    pub(super) fn escaped_id(&self) -> String {
        let quoted = serde_json::Value::from(self.id.as_str()).to_string();
        quoted.trim_matches('"').to_owned()
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::json!({ "id": self.id, "nickname": self.nickname, "type": self.kind })
    }
}

/// The profiles that the settings and the seed give.
pub(super) fn draw_profiles(world: &WorldConfig) -> Vec<SimProfile> {
    let count = usize::from(world.profiles).max(world.profile_ids.len());
    let mut dice = dice_for(world.seed, 0x0009_20F1_1E50);
    (0..count)
        .map(|number| {
            let drawn = uuid::Uuid::from_u128(uuid(&mut dice)).to_string();
            let nickname = NICKNAMES[number % NICKNAMES.len()];
            SimProfile {
                id: world.profile_ids.get(number).cloned().unwrap_or(drawn),
                nickname: match number / NICKNAMES.len() {
                    0 => nickname.to_owned(),
                    round => format!("{nickname}-{}", round + 1),
                },
                kind: if number == 0 { "DEFAULT" } else { "NORMAL" },
            }
        })
        .collect()
}

/// When all profiles were created, for the `created_at` filters (no profile shows it): 2020-01-01.
const CREATED: i64 = 1_577_836_800_000_000;

/// What List Profiles is asked for.
struct ProfilesQuery {
    ids: Vec<String>,
    nickname: String,
    limit: usize,
    order: Order,
    window: Window,
    offset: usize,
}

/// The body of List Profiles.
pub(super) fn list(
    profiles: &[SimProfile],
    unlisted: &HashSet<String>,
    pairs: &[(String, String)],
    cursor_name: ProfilesCursor,
) -> Result<serde_json::Value, QueryFault> {
    let query = read(pairs)?;
    let ids = if query.ids.is_empty() { Filter::Any } else { Filter::OneOf(query.ids) };
    let mut found: Vec<_> = profiles
        .iter()
        .filter(|profile| query.window.holds(CREATED) && ids.passes(&profile.id))
        .filter(|profile| !unlisted.contains(&profile.id))
        .filter(|profile| profile.nickname.to_lowercase().starts_with(&query.nickname))
        .collect();
    if query.order == Order::Descending {
        found.reverse();
    }
    let page: Vec<_> =
        found.iter().skip(query.offset).take(query.limit).map(|profile| profile.to_json()).collect();
    let next = query.offset + page.len();
    let mut body = serde_json::json!({ "items": page });
    if next < found.len() {
        let name = match cursor_name {
            ProfilesCursor::NextPageCursor => "next_page_cursor",
            ProfilesCursor::NextPage => "next_page",
        };
        body[name] = to_hex(format!("{:x}.{next}", fingerprint(pairs)).as_bytes()).into();
    }
    Ok(body)
}

fn read(pairs: &[(String, String)]) -> Result<ProfilesQuery, QueryFault> {
    let mut query = ProfilesQuery {
        ids: Vec::new(),
        nickname: String::new(),
        limit: MOST_ROWS,
        order: Order::Ascending,
        window: Window::ALL,
        offset: 0,
    };
    for (name, value) in pairs {
        match name.as_str() {
            "ids" => query.ids.push(value.clone()),
            "nickname" => query.nickname = value.to_lowercase(),
            "limit" => query.limit = read_limit(value)?,
            "order" => query.order = read_order(value)?,
            "order_by" if value == "CREATED_AT" => {}
            "page_cursor" if value.is_empty() => {}
            "page_cursor" => query.offset = read_cursor(value, fingerprint(pairs))?,
            name if is_created_at(name) => query.window.narrow(name, value)?,
            _ => return Err(format!("{name}: there is no such parameter, or not with this value")),
        }
    }
    Ok(query)
}

fn read_cursor(text: &str, fingerprint: u64) -> Result<usize, QueryFault> {
    let invalid = || "page_cursor: is not one that this list gave out for these filters".to_owned();
    let plain = from_hex(text).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(invalid)?;
    let (owner, offset) = plain.split_once('.').ok_or_else(invalid)?;
    if owner != format!("{fingerprint:x}") {
        return Err(invalid());
    }
    offset.parse().map_err(|_| invalid())
}
