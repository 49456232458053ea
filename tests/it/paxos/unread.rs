//! A page in which the older list repeats `items`, byte for byte or nearly.

use tallyd::paxos::{Page, Row};

fn ids(body: &str) -> Vec<String> {
    let page = Page::parse(body.as_bytes(), None).unwrap();
    let id = |row: &Row| row.id().map(ToString::to_string).unwrap_or_default();
    page.rows.iter().map(id).collect()
}

const ROW: &str = r#"{"id":"a","status":"PENDING","created_at":"2026-03-02T10:00:00Z"}"#;

#[test]
fn a_repeated_list_is_read_once_and_what_follows_it_counts() {
    let body = format!(r#"{{"items":[{ROW}],"orchestrations":[{ROW}],"next_page_cursor":"more"}}"#);
    assert_eq!(ids(&body), ["a"]);
    assert_eq!(Page::parse(body.as_bytes(), None).unwrap().next.unwrap().as_str(), "more");
}

#[test]
fn what_only_looks_like_the_repeated_list_stays_where_it_is() {
    // The older list's name within a row, behind a list of the row's own.
    let inner = r#"{"id":"a","status":"PENDING","created_at":"2026-03-02T10:00:00Z","metadata":{"x":[],"orchestrations":[]}}"#;
    let body = format!(r#"{{"items":[{inner}],"orchestrations":[{inner}]}}"#);
    let page = Page::parse(body.as_bytes(), None).unwrap();
    let Row::Readable(row) = &page.rows[0] else { panic!("{page:?}") };
    assert_eq!(row.orchestration.metadata.as_deref(), Some(r#"{"x":[],"orchestrations":[]}"#));
    // A longer list, of which `items` is the beginning.
    assert_eq!(ids(&format!(r#"{{"items":[{ROW}],"orchestrations":[{ROW},{ROW}]}}"#)), ["a"]);
    // An empty `items` repeats nothing.
    assert_eq!(ids(&format!(r#"{{"items":[],"orchestrations":[{ROW}]}}"#)), ["a"]);
}

#[test]
fn damage_behind_a_repeated_list_is_still_found() {
    for damaged in [
        format!(r#"{{"items":[{ROW}],"orchestrations":[{ROW}]"#),
        format!(r#"{{"items":[{ROW}],"orchestrations":[{ROW}],}}"#),
        format!(r#"{{"items":[{ROW}],"orchestrations":[{ROW}]]}}"#),
        format!(r#"{{"items":[{ROW}}},"orchestrations":[{ROW}}}}}"#),
    ] {
        assert!(Page::parse(damaged.as_bytes(), None).is_err(), "{damaged}");
    }
}
