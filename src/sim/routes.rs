//! One request from its arrival to its answer: limits, latency, faults, then the honest service.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode, Uri, header};
use chrono::{DateTime, Utc};

use super::config::GetShape;
use super::create;
use super::cursor::Cursor;
use super::endpoint::{Endpoint, item_id, transfer_id};
use super::faults::{ErrorBody, Fault, Scripted};
use super::page::{Next, Turn, write_page};
use super::problem::{Problem, TokenProblem};
use super::profiles;
use super::query::{Filter, ListQuery};
use super::reply::{Reply, Sending};
use super::shared::Shared;
use super::throttle::Refusal;
use super::token::{READ, READ_PROFILE, READ_TRANSFER, WRITE};
use super::transfers;
use super::world::{Eyes, View};

/// No request body of this API comes near it.
const MOST_BODY_BYTES: usize = 1 << 20;

/// All requests go one way, so that limits and faults see each of them.
pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(answer).with_state(shared)
}

/// A request in hand.
struct Asked {
    endpoint: Endpoint,
    parts: Parts,
    body: Bytes,
    /// When it is answered, by the simulator's clock.
    now: i64,
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let endpoint = Endpoint::of(&parts.method, parts.uri.path());
    let arrived = shared.clock.now();
    let path_and_query = parts.uri.path_and_query().map_or("", |path| path.as_str());
    let flight = shared.log.arrive(endpoint, path_and_query, arrived);
    let passed = shared.throttle().pass(endpoint, arrived.as_micros());
    let latency = shared.dials().draw_latency();
    let body = to_bytes(body, MOST_BODY_BYTES).await.unwrap_or_default();
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    if endpoint == Endpoint::List {
        shared.let_go(parts.uri.query().unwrap_or_default()).await;
    }
    let asked = Asked { endpoint, parts, body, now: shared.now() };
    let fate = match passed {
        Ok(()) => shared.dials().draw_fate(endpoint),
        Err(refusal) => {
            let reply = refused(&shared, &asked, refusal);
            flight.answered(reply.status.as_u16());
            return dated(reply, asked.now).send(Sending::Whole);
        }
    };
    if fate == Scripted::Fault(Fault::Hang) {
        shared.closed().await;
        return problem(&shared, &asked, &Problem::server_error(StatusCode::SERVICE_UNAVAILABLE))
            .send(Sending::Whole);
    }
    let (reply, sending) = match &fate {
        Scripted::Answer(answer) => (Reply::canned(answer.clone()), Sending::Whole),
        Scripted::Honest => (honest(&shared, &asked, None), Sending::Whole),
        Scripted::Fault(fault) => faulty(&shared, &asked, *fault),
    };
    flight.answered(reply.status.as_u16());
    match fate {
        Scripted::Fault(Fault::MissingDate) => reply.send(sending),
        _ => dated(reply, asked.now).send(sending),
    }
}

/// Adds `Date` as RFC 9110 wants it.
fn dated(mut reply: Reply, now: i64) -> Reply {
    let date = DateTime::<Utc>::from_timestamp_micros(now).unwrap_or_default();
    let text = date.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if let Ok(value) = HeaderValue::from_str(&text) {
        // A scripted answer may bring its own.
        reply.headers.entry(header::DATE).or_insert(value);
    }
    reply
}

fn problem(shared: &Shared, asked: &Asked, problem: &Problem) -> Reply {
    problem.reply(asked.parts.uri.path(), &shared.request_id())
}

fn refused(shared: &Shared, asked: &Asked, refusal: Refusal) -> Reply {
    let reply = problem(shared, asked, &Problem::too_many_requests());
    match refusal.retry_after {
        Some(seconds) => reply.with(header::RETRY_AFTER, &seconds.to_string()),
        None => reply,
    }
}

fn faulty(shared: &Shared, asked: &Asked, fault: Fault) -> (Reply, Sending) {
    let say = |what: &Problem| problem(shared, asked, what);
    let reply = match fault {
        Fault::ForgetTokens | Fault::Unauthorized => {
            if fault == Fault::ForgetTokens {
                shared.tokens().forget();
            }
            match asked.endpoint {
                Endpoint::Token => TokenProblem::InvalidClient.reply(),
                _ => say(&Problem::unauthenticated()),
            }
        }
        Fault::Forbidden => say(&Problem::forbidden("The credentials may not do this.")),
        Fault::TooManyRequests { retry_after } => {
            refused(shared, asked, Refusal { retry_after: retry_after.map(|wait| wait.as_secs()) })
        }
        Fault::ServerError(error, body) => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            match body {
                ErrorBody::Problem => say(&Problem::server_error(status)),
                ErrorBody::Html => Reply::html(status),
            }
        }
        Fault::NotJson => Reply::json("{\"items\":[{\"id\":"),
        Fault::HtmlPage => Reply::html(StatusCode::OK),
        Fault::NoLists => Reply::json("{\"result\":\"ok\"}"),
        Fault::EmptyObject => Reply::json("{}"),
        Fault::Oversized { bytes } => return (Reply::json("{}"), Sending::Padded(bytes)),
        Fault::Redirect => redirect(shared, &asked.parts.uri),
        Fault::CutBody => return (honest(shared, asked, None), Sending::Cut),
        Fault::Hang
        | Fault::MissingDate
        | Fault::Stale { .. }
        | Fault::RepeatPage
        | Fault::SwapPages
        | Fault::EmptyPage
        | Fault::ExpiredCursor
        | Fault::RepeatCursor
        | Fault::EndlessPages
        | Fault::OmitIds => honest(shared, asked, Some(fault)),
    };
    (reply, Sending::Whole)
}

/// A place on the same host that would answer: whoever follows is seen in the log.
fn redirect(shared: &Shared, uri: &Uri) -> Reply {
    let separator = if uri.query().is_some() { '&' } else { '?' };
    let path_and_query = uri.path_and_query().map_or("/", |path| path.as_str());
    let location = format!("http://{}{path_and_query}{separator}redirected=1", shared.address);
    Reply::html(StatusCode::FOUND).with(header::LOCATION, &location)
}

/// What a service without faults answers; a twist bends time or pages.
fn honest(shared: &Shared, asked: &Asked, twist: Option<Fault>) -> Reply {
    let answered = match asked.endpoint {
        Endpoint::Token => return token(shared, asked),
        Endpoint::List => list(shared, asked, twist),
        Endpoint::Get => get(shared, asked, twist),
        Endpoint::Create => create_one(shared, asked),
        Endpoint::Profiles => list_profiles(shared, asked),
        Endpoint::Transfer => get_transfer(shared, asked),
        Endpoint::Other if Endpoint::path_exists(asked.parts.uri.path()) => {
            Err(Problem::method_not_allowed())
        }
        Endpoint::Other => Err(Problem::not_found("such path")),
    };
    answered.unwrap_or_else(|what| problem(shared, asked, &what))
}

fn token(shared: &Shared, asked: &Asked) -> Reply {
    let kind = asked.parts.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let is_form = kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let form = std::str::from_utf8(&asked.body).ok().and_then(read_pairs);
    let (true, Some(form)) = (is_form, form) else { return TokenProblem::InvalidRequest.reply() };
    match shared.tokens().issue(&form, &shared.credentials, asked.now) {
        Ok(body) => Reply::json(body).with(header::CACHE_CONTROL, "no-store"),
        Err(what) => what.reply(),
    }
}

fn list(shared: &Shared, asked: &Asked, twist: Option<Fault>) -> Result<Reply, Problem> {
    authorize(shared, asked, READ)?;
    let mut query = ListQuery::read(query_pairs(asked)?).map_err(Problem::bad_request)?;
    let api = shared.dials().api.clone();
    let cursor = read_cursor(shared, asked, &query, twist)?;
    let mut omitted = match (twist, &query.ids) {
        (Some(Fault::OmitIds), Filter::OneOf(ids)) => shared.dials().draw_omitted(ids),
        _ => HashSet::new(),
    };
    let world = shared.world(asked.now);
    if let Filter::OneOf(profiles) = &query.profiles
        && let Some(foreign) = profiles.iter().find(|id| world.profile_number(id).is_none())
    {
        return Err(Problem::foreign_profile(foreign));
    }
    if let Filter::OneOf(ids) = &mut query.ids {
        omitted.extend(world.unanswered.iter().cloned());
        ids.retain(|id| !omitted.contains(id));
    }
    let time = seen_at(asked.now, twist);
    let most = query.limit.min(api.max_page_rows.max(1));
    let page = Turn { world: &world, query: &query, cursor, cursors: api.cursors, most, time, twist }.page();
    let next = match &page.next {
        Next::Nothing => None,
        Next::Cursor(cursor) => Some(shared.encode_cursor(cursor, asked.now)),
        Next::Same(text) => Some(text.clone()),
    };
    let body = write_page(&world, &page.rows, next.as_deref(), time, api.list_field);
    shared.log.pages.fetch_add(1, Ordering::Relaxed);
    shared.log.rows.fetch_add(u64::try_from(page.rows.len()).unwrap_or(0), Ordering::Relaxed);
    Ok(Reply::json(body))
}

fn read_cursor(
    shared: &Shared,
    asked: &Asked,
    query: &ListQuery,
    twist: Option<Fault>,
) -> Result<Cursor, Problem> {
    let Some(text) = &query.cursor else { return Ok(Cursor::beginning(query.fingerprint, asked.now)) };
    let invalid = |why: &str| Problem::bad_request(format!("page_cursor: {why}"));
    let cursor = Cursor::decode(text).ok_or_else(|| invalid("is not one that this list gave out"))?;
    if cursor.fingerprint != query.fingerprint {
        return Err(invalid("belongs to a list with other filters or another order"));
    }
    let life = shared.dials().api.cursor_life;
    let old = life.age.is_some_and(|age| {
        let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        cursor.issued.saturating_add(age) < asked.now
    });
    let worn = life.uses.is_some_and(|uses| shared.use_cursor(text) > uses.get());
    if old || worn || twist == Some(Fault::ExpiredCursor) {
        return Err(invalid("has expired"));
    }
    Ok(cursor)
}

fn get(shared: &Shared, asked: &Asked, twist: Option<Fault>) -> Result<Reply, Problem> {
    authorize(shared, asked, READ)?;
    // Signs with a meaning in a query are themselves in a path.
    let raw = item_id(asked.parts.uri.path()).unwrap_or_default().replace('+', "%2B").replace('&', "%26");
    let id =
        read_pairs(&format!("id={raw}")).and_then(|pairs| pairs.into_iter().next()).unwrap_or_default().1;
    let shape = shared.dials().api.get_shape;
    let world = shared.world(asked.now);
    let view = View { time: seen_at(asked.now, twist), eyes: Eyes::Get };
    let row = world.find(&id).filter(|row| world.shows(*row, view));
    let row = row.ok_or_else(|| Problem::not_found(&format!("orchestration {id}")))?;
    let mut body = Vec::new();
    if shape == GetShape::Wrapped {
        body.extend_from_slice(b"{\"orchestration\":");
    }
    world.write(row, view, &mut body);
    if shape == GetShape::Wrapped {
        body.push(b'}');
    }
    Ok(Reply::json(body))
}

fn get_transfer(shared: &Shared, asked: &Asked) -> Result<Reply, Problem> {
    authorize(shared, asked, READ_TRANSFER)?;
    let id = transfer_id(asked.parts.uri.path()).unwrap_or_default();
    let world = shared.world(asked.now);
    let found = transfers::find(&world, id, asked.now);
    found
        .map(|transfer| Reply::json(transfer.to_string()))
        .ok_or_else(|| Problem::not_found(&format!("transfer {id}")))
}

fn create_one(shared: &Shared, asked: &Asked) -> Result<Reply, Problem> {
    authorize(shared, asked, WRITE)?;
    let balances = shared.dials().balances.clone();
    let mut world = shared.world_mut(asked.now);
    let row = create::create(&mut world, &balances, &asked.body, asked.now)?;
    let view = View { time: asked.now, eyes: Eyes::Get };
    Ok(Reply::json(world.value(row, view).to_string()))
}

fn list_profiles(shared: &Shared, asked: &Asked) -> Result<Reply, Problem> {
    authorize(shared, asked, READ_PROFILE)?;
    let pairs = query_pairs(asked)?;
    let cursor_name = shared.dials().api.profiles_cursor;
    let world = shared.world(asked.now);
    let body = profiles::list(&world.profiles, &world.unlisted, &pairs, cursor_name)
        .map_err(Problem::bad_request)?;
    Ok(Reply::json(body.to_string()))
}

fn authorize(shared: &Shared, asked: &Asked, scope: &str) -> Result<(), Problem> {
    let header = asked.parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    shared.tokens().check(header, scope, asked.now)
}

/// When the world is looked at: now, or as long ago as a stale replica is behind.
fn seen_at(now: i64, twist: Option<Fault>) -> i64 {
    match twist {
        Some(Fault::Stale { lag }) => now.saturating_sub(i64::try_from(lag.as_micros()).unwrap_or(i64::MAX)),
        _ => now,
    }
}

fn query_pairs(asked: &Asked) -> Result<Vec<(String, String)>, Problem> {
    let query = asked.parts.uri.query().unwrap_or_default();
    // What following a redirect adds is not the caller's doing.
    let pairs = read_pairs(query).ok_or_else(|| Problem::bad_request("The query cannot be read."))?;
    Ok(pairs.into_iter().filter(|(name, _)| name != "redirected").collect())
}

/// Form-encoded pairs: of a query string or of a form's body.
fn read_pairs(text: &str) -> Option<Vec<(String, String)>> {
    let uri: Uri = format!("/?{text}").parse().ok()?;
    Query::<Vec<(String, String)>>::try_from_uri(&uri).ok().map(|Query(pairs)| pairs)
}
