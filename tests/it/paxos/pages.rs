//! Pages: under which names the rows may come, and what is no page at all.

use tallyd::paxos::{BodyError, Cursor, Page};

fn parse(body: &str) -> Result<Page, BodyError> {
    Page::parse(body.as_bytes(), None)
}

fn ids(body: &str) -> Vec<String> {
    let page = parse(body).unwrap_or_else(|error| panic!("{body}: {error}"));
    page.rows.iter().map(|row| row.id().unwrap().to_string()).collect()
}

fn row(id: &str) -> String {
    super::server::row(id)
}

#[test]
fn rows_come_under_either_name_or_both() {
    let (a, b) = (row("a"), row("b"));
    assert_eq!(ids(&format!(r#"{{"items":[{a},{b}]}}"#)), ["a", "b"]);
    assert_eq!(ids(&format!(r#"{{"orchestrations":[{a},{b}]}}"#)), ["a", "b"]);
    assert_eq!(ids(&format!(r#"{{"items":[{a},{b}],"orchestrations":[{a},{b}]}}"#)), ["a", "b"]);
    assert_eq!(ids(&format!(r#"{{"orchestrations":[{a},{b}],"items":[{a},{b}]}}"#)), ["a", "b"]);
    assert_eq!(ids(&format!(r#"{{"items":[],"orchestrations":[{a}]}}"#)), ["a"]);
    assert_eq!(ids(&format!(r#"{{"orchestrations":[{a}],"items":[]}}"#)), ["a"]);
    assert_eq!(ids(&format!(r#"{{"items":null,"orchestrations":[{a}]}}"#)), ["a"]);
    assert_eq!(ids(&format!(r#"{{"items":[{a}],"orchestrations":null}}"#)), ["a"]);
}

#[test]
fn an_empty_page_says_so() {
    for body in [r#"{"items":[]}"#, r#"{"orchestrations":[]}"#, r#"{"items":[],"orchestrations":null}"#] {
        assert_eq!(ids(body), Vec::<String>::new(), "{body}");
    }
}

/// Catches: a page that lost its rows on the way and is taken for an empty one.
#[test]
fn an_empty_object_says_nothing() {
    for body in ["{}", " { } "] {
        assert_eq!(parse(body), Err(BodyError::SaysNothing), "{body}");
    }
}

#[test]
fn rule_2_what_shows_no_rows_and_does_not_say_so_is_an_error_never_an_empty_page() {
    for body in [
        r#"{"data":[]}"#,
        r#"{"next_page_cursor":"c"}"#,
        r#"{"items":null}"#,
        r#"{"items":null,"orchestrations":null}"#,
        r#"{"items":{}}"#,
        r#"{"items":"none"}"#,
        "[]",
        "null",
        r#""ok""#,
        "7",
        r#"{"items":[],"next_page_cursor":5}"#,
    ] {
        assert!(matches!(parse(body), Err(BodyError::UnexpectedShape { .. })), "{body}: {:?}", parse(body));
    }
    for body in
        ["", "<html>", r#"{"items":["#, r#"{"items":[]}}"#, r#"{"items":[{"id":}]}"#, "{\"items\":[]} x"]
    {
        assert!(matches!(parse(body), Err(BodyError::NotJson { .. })), "{body}: {:?}", parse(body));
    }
    assert!(matches!(Page::parse(b"{\"items\":[\"\xff\"]}", None), Err(BodyError::NotJson { .. })));
}

#[test]
fn errors_never_repeat_the_body() {
    for body in [r#"{"items":"hush-hush"}"#, r#"{"items":[hush-hush]}"#, r#""hush-hush""#, "hush-hush"] {
        assert!(!parse(body).unwrap_err().to_string().contains("hush"), "{body}");
    }
}

#[test]
fn the_cursor_is_there_unless_it_is_empty() {
    let cursor = |body: &str| parse(body).unwrap().next;
    assert_eq!(cursor(r#"{"items":[],"next_page_cursor":"c\/1"}"#), Some(Cursor::new("c/1")));
    assert_eq!(cursor(r#"{"items":[],"next_page":"c2"}"#), Some(Cursor::new("c2")));
    assert_eq!(cursor(r#"{"items":[],"next_page_cursor":"","next_page":"c2"}"#), Some(Cursor::new("c2")));
    for last in [
        r#"{"items":[]}"#,
        r#"{"items":[],"next_page_cursor":""}"#,
        r#"{"items":[],"next_page_cursor":null}"#,
    ] {
        assert_eq!(cursor(last), None, "{last}");
    }
}

#[test]
fn one_bad_row_does_not_sink_its_page() {
    let body = format!(r#"{{"items":[{},{{"id":"bad","status":4}},7,{}]}}"#, row("a"), row("b"));
    let page = parse(&body).unwrap();
    let ids: Vec<_> = page.rows.iter().map(|row| row.id().map(ToString::to_string)).collect();
    assert_eq!(ids, [Some("a".to_owned()), Some("bad".to_owned()), None, Some("b".to_owned())]);
    assert_eq!(page.list_bytes, body.len());
}

#[test]
fn a_cursor_hides_its_text() {
    assert_eq!(format!("{:?}", Cursor::new("secret")), "Cursor(6 bytes)");
}
