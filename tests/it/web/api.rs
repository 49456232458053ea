//! The JSON API: each answer as it is described, and all of the ledger in its lists.

use std::collections::BTreeSet;

use serde_json::Value;
use tallyd::sim::Rate;
use tallyd::web::OPENAPI;

use super::stage::{ODD_ID, ODD_PATH, hostile_world};
use super::{document, pages, troubled_world, watched};
use crate::harness::{Running, Setup, faults_by_schema};

/// What of the answers at an address is not as the description of `template` says.
fn check(daemon: &Running, template: &str, path: &str) -> Value {
    let description: Value = serde_json::from_str(OPENAPI).unwrap();
    let answer = document(daemon, path);
    let schema =
        &description["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{template} is not described");
    // References begin at the root.
    let mut root = description.clone();
    root["$ref"] = Value::Null;
    for (name, value) in schema.as_object().unwrap() {
        root[name] = value.clone();
    }
    assert_eq!(faults_by_schema(&answer, &root), Vec::<String>::new(), "{path}");
    answer
}

fn ids(pages: &[Value]) -> Vec<String> {
    let items = pages.iter().flat_map(|page| page["items"].as_array().unwrap());
    items.map(|item| item["orchestration"]["id"].as_str().unwrap().to_owned()).collect()
}

fn numbers(pages: &[Value]) -> Vec<i64> {
    let breaks = pages.iter().flat_map(|page| page["breaks"].as_array().unwrap());
    breaks.map(|item| item["number"].as_i64().unwrap()).collect()
}

/// Catches: an answer that has what the description lacks, or lacks what it promises; an address that is not described.
#[test]
fn every_answer_is_as_the_description_says() {
    let (shell, daemon) = troubled_world(300);
    check(&daemon, "/api/v1/status", "/api/v1/status");
    check(&daemon, "/api/v1/openapi.json", "/api/v1/openapi.json");
    let breaks = check(&daemon, "/api/v1/breaks", "/api/v1/breaks?limit=200");
    let list = breaks["breaks"].as_array().unwrap();
    assert!(list.len() > 20, "{breaks}");
    assert_eq!(breaks["total"], list.len());
    let kinds: BTreeSet<_> = list.iter().map(|found| found["kind"].as_str().unwrap()).collect();
    assert!(kinds.len() > 2, "{kinds:?}");
    for kind in kinds {
        let found = list.iter().find(|found| found["kind"] == kind).unwrap();
        let story = check(&daemon, "/api/v1/breaks/{number}", &format!("/api/v1/breaks/{}", found["number"]));
        assert_eq!(story["number"], found["number"]);
        let id = found["subject"].as_str().unwrap();
        let one = check(&daemon, "/api/v1/orchestrations/{id}", &format!("/api/v1/orchestrations/{id}"));
        assert!(
            one["breaks"].as_array().unwrap().iter().any(|short| short["number"] == found["number"]),
            "{one}"
        );
        let path = format!("/api/v1/orchestrations/{id}/journal");
        let journal = check(&daemon, "/api/v1/orchestrations/{id}/journal", &path);
        assert_eq!(journal["events"][0]["kind"], "appeared");
    }
    let list = check(&daemon, "/api/v1/orchestrations", "/api/v1/orchestrations?limit=7");
    assert_eq!(list["items"].as_array().unwrap().len(), 7);
    daemon.stop();
    shell.end();
}

/// Catches: answers about rows full of hostile texts that are not as described, reports that are not listed, and files
/// that are listed and not there.
#[test]
fn whatever_a_row_holds_the_answer_is_as_described() {
    let (shell, daemon) = hostile_world(20);
    for (template, path) in [
        ("/api/v1/breaks", "/api/v1/breaks?limit=200".to_owned()),
        ("/api/v1/orchestrations", "/api/v1/orchestrations?limit=200".to_owned()),
        ("/api/v1/orchestrations/{id}", format!("/api/v1/orchestrations/{ODD_PATH}")),
        ("/api/v1/orchestrations/{id}/journal", format!("/api/v1/orchestrations/{ODD_PATH}/journal")),
    ] {
        check(&daemon, template, &path);
    }
    let one = document(&daemon, &format!("/api/v1/orchestrations/{ODD_PATH}"));
    assert_eq!(one["orchestration"]["id"], ODD_ID);
    let reports = check(&daemon, "/api/v1/reports", "/api/v1/reports?name=daily");
    let files = reports["reports"][0]["written"][0]["files"].as_array().unwrap();
    assert!(files.len() > 5, "{reports}");
    for file in files {
        let answered = daemon.get(file["path"].as_str().unwrap());
        assert_eq!(
            (answered.status, answered.body.len()),
            (200, usize::try_from(file["bytes"].as_u64().unwrap()).unwrap())
        );
    }
    std::fs::remove_dir_all(shell.file("reports")).unwrap();
    let without = check(&daemon, "/api/v1/reports", "/api/v1/reports");
    assert_eq!(without["reports"][0]["is_readable"], false);
    daemon.stop();
    shell.end();
}

/// Catches: documents that are not those of the commands.
#[test]
fn the_documents_are_those_of_the_commands() {
    let (shell, daemon) = troubled_world(60);
    let told =
        |arguments: &[&str]| -> Value { serde_json::from_str(&shell.run_well(arguments).stdout).unwrap() };
    let breaks = document(&daemon, "/api/v1/breaks?limit=200");
    assert_eq!(breaks["breaks"], told(&["breaks", "list", "--json"])["breaks"]);
    let number = breaks["breaks"][0]["number"].to_string();
    let story = document(&daemon, &format!("/api/v1/breaks/{number}"));
    assert_eq!(story, told(&["breaks", "show", &number, "--json"])["breaks"][0]);
    let id = breaks["breaks"][0]["subject"].as_str().unwrap();
    let mut one = document(&daemon, &format!("/api/v1/orchestrations/{id}"));
    one.as_object_mut().unwrap().remove("breaks").unwrap();
    assert_eq!(one, told(&["show", id, "--json"]));
    let journal = document(&daemon, &format!("/api/v1/orchestrations/{id}/journal"));
    assert_eq!(journal, told(&["history", id, "--json"]));
    daemon.stop();
    shell.end();
}

/// Catches: rows that a page's end hides or repeats, an order that is not kept, a filter that admits too much or too
/// little.
#[test]
fn the_pages_of_a_list_have_all_of_it_once_and_in_order() {
    let (shell, daemon) = troubled_world(300);
    let truth = shell.control.truth();
    let mut created: Vec<_> = truth
        .iter()
        .map(|row| (row["created_at"].as_str().unwrap().to_owned(), row["id"].as_str().unwrap().to_owned()))
        .collect();
    created.sort();
    let oldest_first: Vec<_> = created.iter().map(|(_, id)| id.clone()).collect();
    assert_eq!(ids(&pages(&daemon, "/api/v1/orchestrations?order=asc&limit=7")), oldest_first);
    let mut newest_first = oldest_first;
    newest_first.reverse();
    assert_eq!(ids(&pages(&daemon, "/api/v1/orchestrations?limit=100")), newest_first);
    assert_eq!(ids(&pages(&daemon, "/api/v1/orchestrations?limit=200")), newest_first);
    for (statuses, meant) in [
        ("status=FAILED", vec!["FAILED"]),
        ("status=PROCESSING&status=PENDING", vec!["PROCESSING", "PENDING"]),
        ("status=REJECTED&status=PROCESSING", vec!["REJECTED", "PROCESSING"]),
        ("status=SLEEPING", vec![]),
    ] {
        let is_meant = |id: &String| {
            let row = truth.iter().find(|row| row["id"] == **id).unwrap();
            meant.contains(&row["status"].as_str().unwrap())
        };
        let expected: Vec<_> = newest_first.iter().filter(|id| is_meant(id)).cloned().collect();
        assert!(expected.len() > 5 || meant.is_empty(), "{statuses}: {}", expected.len());
        assert_eq!(ids(&pages(&daemon, &format!("/api/v1/orchestrations?{statuses}&limit=4"))), expected);
    }
    let (from, to) = (&created[20].0, &created[60].0);
    let path = format!("/api/v1/orchestrations?created_at.gte={from}&created_at.lte={to}&order=asc&limit=9");
    let between: Vec<_> =
        created.iter().filter(|(at, _)| at >= from && at <= to).map(|(_, id)| id.clone()).collect();
    assert_eq!(ids(&pages(&daemon, &path)), between);
    let ref_id = truth.iter().find_map(|row| row["ref_id"].as_str()).unwrap();
    let found = document(&daemon, &format!("/api/v1/orchestrations?ref_id={ref_id}"));
    assert_eq!(found["items"][0]["orchestration"]["ref_id"], ref_id);
    assert_eq!(found["next_page_cursor"], Value::Null);
    daemon.stop();
    shell.end();
}

/// Catches: a rare status that has one request read the whole ledger, and a page without rows that ends the list.
#[test]
fn a_page_that_finds_nothing_says_where_to_go_on() {
    let mut world = Setup::of(12_000).profiles(1).sim;
    world.world.refusals = Rate::NEVER;
    world.world.failures = Rate::NEVER;
    let (shell, daemon) = watched(world, 1);
    let found = pages(&daemon, "/api/v1/orchestrations?status=REJECTED&status=FAILED&limit=2");
    assert_eq!(ids(&found), Vec::<String>::new());
    assert_eq!(found.len(), 2, "10,000 rows are looked at for one");
    daemon.stop();
    shell.end();
}

/// Catches: breaks that a page's end hides or repeats, also of resolved and acknowledged ones.
#[test]
fn the_pages_of_breaks_have_all_of_them_in_the_order_of_the_command() {
    let (shell, daemon) = troubled_world(300);
    let all = numbers(&[document(&daemon, "/api/v1/breaks?limit=200")]);
    let failed = numbers(&[document(&daemon, "/api/v1/breaks?kind=failed")]);
    let (first, second, third) = (all[0].to_string(), failed[0].to_string(), failed[1].to_string());
    shell.run_well(&["breaks", "ack", &first, "--why", "looked at", "--by", "ops"]);
    shell.run_well(&["breaks", "resolve", &second, &third, "--why", "paid by hand", "--by", "ops"]);
    for filters in
        ["", "state=open&state=acknowledged&state=resolved", "severity=critical", "history=without"]
    {
        let whole = document(&daemon, &format!("/api/v1/breaks?{filters}&limit=200"));
        let in_parts = pages(&daemon, &format!("/api/v1/breaks?{filters}&limit=3"));
        assert_eq!(numbers(&in_parts), numbers(&[whole]), "{filters}");
        assert!(in_parts.len() > 1, "{filters}");
    }
    daemon.stop();
    shell.end();
}

/// Catches: an answer that is sent again though the client has it, or not sent though it changed.
#[test]
fn a_client_that_has_an_answer_is_told_whether_it_holds() {
    let (shell, daemon) = troubled_world(60);
    for path in ["/api/v1/breaks", "/api/v1/openapi.json", "/api/v1/orchestrations?limit=3"] {
        let first = daemon.get(path);
        let tag = first.header("etag").to_owned();
        assert_eq!(first.header("cache-control"), "private, no-cache", "{path}");
        for has in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
            let again = daemon.get_with(path, &format!("If-None-Match: {has}\r\n"));
            assert_eq!((again.status, &*again.body), (304, ""), "{path} {has}");
            assert_eq!(again.header("etag"), tag);
        }
        assert_eq!(daemon.get_with(path, "If-None-Match: \"other\"\r\n").status, 200);
    }
    let tag = daemon.get("/api/v1/breaks").header("etag").to_owned();
    let number = document(&daemon, "/api/v1/breaks")["breaks"][0]["number"].to_string();
    shell.run_well(&["breaks", "ack", &number, "--why", "looked at", "--by", "ops"]);
    assert_eq!(daemon.get_with("/api/v1/breaks", &format!("If-None-Match: {tag}\r\n")).status, 200);
    daemon.stop();
    shell.end();
}
