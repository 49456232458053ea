//! Create Orchestration: what a request must look like, and what speaks against it.

use std::collections::HashMap;

use bigdecimal::{BigDecimal, Zero};
use serde_json::{Map, Value};

use super::life::{Course, Status};
use super::problem::Problem;
use super::row::Content;
use super::world::{Eyes, View, World};

/// The most decimals an amount may have.
const MOST_PLACES: i64 = 18;

/// What each profile can spend of each asset where it is not the opening balance.
pub(super) type Balances = HashMap<(String, String), BigDecimal>;

/// A request that can be read.
struct Wanted {
    fields: Map<String, Value>,
    ref_id: String,
    profile: String,
    asset: String,
    amount: BigDecimal,
    course: Course,
}

/// Creates an orchestration and returns its row.
pub(super) fn create(
    world: &mut World,
    balances: &Balances,
    body: &[u8],
    now: i64,
) -> Result<usize, Problem> {
    let wanted = read(world, body)?;
    let view = View { time: now, eyes: Eyes::Truth };
    let existing = world.maybe_with_ref(&wanted.ref_id).into_iter().find_map(|number| {
        let value = world.value(number, view);
        (value.get("ref_id").and_then(Value::as_str) == Some(&wanted.ref_id)).then_some(value)
    });
    if let Some(existing) = existing {
        return Err(Problem::already_exists(&wanted.ref_id, &existing));
    }
    let opening = balances
        .get(&(wanted.profile.clone(), wanted.asset.clone()))
        .cloned()
        .unwrap_or_else(|| BigDecimal::from(world.config.opening_balance));
    let available = opening - spent(world, &wanted, now);
    if wanted.amount > available {
        let Wanted { amount, asset, profile, .. } = &wanted;
        return Err(Problem::insufficient_funds(format!(
            "Profile {profile} has {} {asset} available, {} are needed.",
            available.normalized().to_plain_string(),
            amount.normalized().to_plain_string(),
        )));
    }
    Ok(world.create(wanted.fields, wanted.course, now))
}

/// What the profile's created orchestrations hold or have moved; what failed or was refused came back.
fn spent(world: &World, wanted: &Wanted, now: i64) -> BigDecimal {
    let mut sum = BigDecimal::zero();
    for number in &world.created {
        let Content::Created(fields, plan) = &world.rows[*number].content else { continue };
        let is = |name: &str, value: &str| fields.get(name).and_then(Value::as_str) == Some(value);
        let returned = matches!(plan.life.at(now).status, Status::Failed | Status::Rejected);
        if is("profile_id", &wanted.profile) && is("source_asset", &wanted.asset) && !returned {
            let amount = fields.get("source_amount").and_then(Value::as_str);
            sum += amount.and_then(|amount| amount.parse().ok()).unwrap_or_else(BigDecimal::zero);
        }
    }
    sum
}

fn read(world: &World, body: &[u8]) -> Result<Wanted, Problem> {
    let request: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| Problem::bad_request("The body is not a JSON object."))?;
    let ref_id = required(&request, "ref_id")?;
    let asset = required(&request, "source_asset")?;
    let destination_asset = required(&request, "destination_asset")?;
    let amount_text = required(&request, "source_amount")?;
    let amount = read_amount(&amount_text)?;
    let source = request.get("source").cloned().unwrap_or_default();
    let profile = text_at(&source, "/profile/profile_id")
        .ok_or_else(|| Problem::bad_request("source.profile.profile_id: is required"))?;
    own_profile(world, &profile)?;
    let destination = request.get("destination").cloned().unwrap_or_default();
    let course = read_destination(world, &destination)?;
    let mut fields = Map::new();
    for name in ["identity_id", "account_id"] {
        match request.get(name) {
            None | Some(Value::Null) => {}
            Some(value @ Value::String(_)) => {
                fields.insert(name.to_owned(), value.clone());
            }
            Some(_) => return Err(Problem::bad_request(format!("{name}: is not a string"))),
        }
    }
    fields.insert("metadata".to_owned(), read_metadata(&request)?);
    for (name, value) in [
        ("profile_id", &profile),
        ("ref_id", &ref_id),
        ("source_asset", &asset),
        ("destination_asset", &destination_asset),
        ("source_amount", &amount_text),
    ] {
        fields.insert(name.to_owned(), value.as_str().into());
    }
    fields.insert("source".to_owned(), source);
    fields.insert("destination".to_owned(), destination);
    Ok(Wanted { fields, ref_id, profile, asset, amount, course })
}

fn required(request: &Map<String, Value>, name: &str) -> Result<String, Problem> {
    match request.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(Value::String(_) | Value::Null) | None => {
            Err(Problem::bad_request(format!("{name}: is required")))
        }
        Some(_) => Err(Problem::bad_request(format!("{name}: is not a string"))),
    }
}

fn text_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn own_profile(world: &World, id: &str) -> Result<(), Problem> {
    world.profile_number(id).map(|_| ()).ok_or_else(|| Problem::foreign_profile(id))
}

fn read_amount(text: &str) -> Result<BigDecimal, Problem> {
    let invalid = || Problem::bad_request(format!("source_amount: {text:?} is not a positive decimal"));
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let amount: BigDecimal = text.parse().map_err(|_| invalid())?;
    if !plain || amount <= BigDecimal::zero() {
        return Err(invalid());
    }
    if amount.fractional_digit_count() > MOST_PLACES {
        return Err(Problem::bad_request(format!("source_amount: more than {MOST_PLACES} decimals")));
    }
    Ok(amount)
}

fn read_destination(world: &World, destination: &Value) -> Result<Course, Problem> {
    let kinds = ["profile", "crypto", "fiat"].map(|kind| destination.get(kind).filter(|end| !end.is_null()));
    match kinds {
        [Some(_), None, None] => {
            let id = text_at(destination, "/profile/profile_id")
                .ok_or_else(|| Problem::bad_request("destination.profile.profile_id: is required"))?;
            own_profile(world, &id)?;
            Ok(Course::ProfileToProfile)
        }
        [None, Some(_), None] => {
            let by_address = text_at(destination, "/crypto/address").is_some()
                && text_at(destination, "/crypto/network").is_some();
            if by_address || text_at(destination, "/crypto/address_id").is_some() {
                Ok(Course::ProfileToCrypto)
            } else {
                Err(Problem::bad_request(
                    "destination.crypto: address and network, or address_id, are required",
                ))
            }
        }
        [None, None, Some(_)] => match text_at(destination, "/fiat/bank_account_id") {
            Some(_) => Ok(Course::ProfileToFiat),
            None => Err(Problem::bad_request("destination.fiat.bank_account_id: is required")),
        },
        _ => Err(Problem::bad_request("destination: exactly one of profile, crypto and fiat is required")),
    }
}

fn read_metadata(request: &Map<String, Value>) -> Result<Value, Problem> {
    match request.get("metadata") {
        None | Some(Value::Null) => Ok(Value::Object(Map::new())),
        Some(Value::Object(pairs)) if pairs.values().all(Value::is_string) => {
            Ok(Value::Object(pairs.clone()))
        }
        Some(_) => Err(Problem::bad_request("metadata: is not an object of strings")),
    }
}
