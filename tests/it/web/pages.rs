//! The pages over HTTP: what they say, what guards them, and that nothing gets out of its place in them.

use serde_json::Value;

use super::stage::{self, HOSTILE, ODD_ID, ODD_PATH, SHARED_REF_ID, hostile_world};
use super::{document, pages};
use crate::harness::{Running, Shell};

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; \
     frame-ancestors 'none'";

/// A page that is there.
fn page(daemon: &Running, path: &str) -> String {
    let answered = daemon.get(path);
    assert_eq!(answered.status, 200, "{path}: {}", answered.body);
    assert_eq!(answered.header("content-type"), "text/html; charset=utf-8", "{path}");
    answered.body
}

/// A text as a template writes it.
fn escaped(text: &str) -> String {
    let escape = |char| match char {
        '<' => "&#60;".to_owned(),
        '>' => "&#62;".to_owned(),
        '&' => "&#38;".to_owned(),
        '"' => "&#34;".to_owned(),
        '\'' => "&#39;".to_owned(),
        char => char.to_string(),
    };
    text.chars().map(escape).collect()
}

/// Catches: a value that becomes a part of the page, a page without its guards, one that differs from the ledger, and a
/// page that writes.
#[test]
fn every_page_shows_hostile_text_as_text_and_is_guarded() {
    let (shell, daemon) = hostile_world(60);
    let head = document(&daemon, "/api/v1/status")["journal_head"].clone();
    let failed = &document(&daemon, "/api/v1/breaks?kind=failed&asset=USDG")["breaks"];
    let number =
        failed.as_array().unwrap().iter().find(|one| one["subject"] == ODD_ID).unwrap()["number"].clone();
    let shown = escaped("<script>window.hostile=1</script>");
    let hostile_query = "%3Cscript%3Ewindow.hostile%3D1%3C/script%3E";
    let wanted = [
        ("/".to_owned(), 200),
        ("/breaks".to_owned(), 200),
        (format!("/breaks?asset={hostile_query}"), 200),
        (format!("/breaks/{number}"), 200),
        (format!("/orchestrations/{ODD_PATH}"), 200),
        ("/orchestrations/hostile-open".to_owned(), 200),
        (format!("/search?q={hostile_query}"), 200),
        (format!("/breaks?kind={hostile_query}"), 400),
    ];
    for (path, status) in wanted {
        let answered = daemon.get(&path);
        assert_eq!(answered.status, status, "{path}: {}", answered.body);
        let body = &answered.body;
        assert!(body.contains(&shown), "{path} does not show it: {body}");
        for raw in
            ["<script", "<img", "onerror=window", "<svg onload", "</textarea>", "\u{202e}", "\u{1b}", "\u{7}"]
        {
            let is_text = raw.starts_with("onerror") && body.contains("&#60;img src=x onerror=window");
            assert!(is_text || !body.contains(raw), "{path} holds {raw:?}");
        }
        for (header, value) in [
            ("content-type", "text/html; charset=utf-8"),
            ("content-security-policy", POLICY),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(answered.header(header), value, "{path}: {header}");
        }
    }
    let body = page(&daemon, &format!("/orchestrations/{ODD_PATH}"));
    assert!(body.contains(&escaped("\\u{202e}gpj.exe\\u{7}\\u{1b}[2J")), "{body}");
    assert!(body.contains(&format!("<code><bdi>{}</bdi></code>", escaped(ODD_ID))), "{body}");
    assert_eq!(document(&daemon, "/api/v1/status")["journal_head"], head);
    let log = daemon.stop();
    assert!(!log.contains(HOSTILE), "{log}");
    shell.end();
}

/// Catches: a nonsense address that is answered, or told in a way that nobody can act on.
#[test]
fn what_is_not_there_is_told_as_a_page_that_says_what_to_do() {
    let (shell, daemon) = hostile_world(20);
    for (path, status, says) in [
        ("/orchestrations/nobody", 404, "No orchestration with this id is in the ledger."),
        ("/orchestrations/%FF%FE", 404, "No orchestration with this id is in the ledger."),
        ("/orchestrations/..%2F..%2Fetc%2Fpasswd", 404, "No orchestration with this id"),
        ("/breaks/4711", 404, "No break has this number."),
        ("/breaks/seven", 404, "No break has this number."),
        ("/breaks/-1", 404, "No break has this number."),
        ("/breaks?kind=faild", 400, "did you mean failed?"),
        ("/breaks?page_cursor=00", 400, "this is no cursor of this list"),
        ("/breaks?limit=7", 400, "there is no parameter"),
        ("/?colour=red", 400, "this address takes none"),
        ("/search?query=x", 400, "there is no parameter"),
        ("/search?q=a&q=b", 400, "given more than once"),
        ("/reports/nightly/x.html", 404, "No report has such a file."),
    ] {
        let answered = daemon.get(path);
        assert_eq!(answered.status, status, "{path}: {}", answered.body);
        assert_eq!(answered.header("content-type"), "text/html; charset=utf-8", "{path}");
        assert_eq!(answered.header("content-security-policy"), POLICY, "{path}");
        assert!(answered.body.contains(&escaped(says)), "{path}: {}", answered.body);
    }
    for method in ["POST", "PUT", "DELETE"] {
        let request = format!("{method} /breaks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        assert_eq!(daemon.send(&request).status, 405, "{method}");
    }
    let style = daemon.get("/style.css");
    assert_eq!((style.status, style.header("content-type")), (200, "text/css; charset=utf-8"));
    let again = daemon.get_with("/style.css", &format!("If-None-Match: {}\r\n", style.header("etag")));
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    daemon.stop();
    shell.end();
}

/// Catches: a search that leads elsewhere, asks for a page that is not there, or hides that several are meant.
#[test]
fn search_leads_to_what_is_meant() {
    let (shell, daemon) = hostile_world(20);
    let plain = document(&daemon, "/api/v1/orchestrations?limit=200")["items"].clone();
    let by_ref = plain.as_array().unwrap().iter().map(|item| &item["orchestration"]);
    let known =
        by_ref.clone().find(|row| row["ref_id"].as_str().is_some_and(|id| id.starts_with("payout"))).unwrap();
    let (id, ref_id) = (known["id"].as_str().unwrap(), known["ref_id"].as_str().unwrap());
    for (asked, leads) in [
        (id.to_owned(), format!("/orchestrations/{id}")),
        (ref_id.to_owned(), format!("/orchestrations/{id}")),
        (format!("%20{ref_id}%20"), format!("/orchestrations/{id}")),
        (ODD_PATH.to_owned(), format!("/orchestrations/{ODD_PATH}")),
        ("1".to_owned(), "/breaks/1".to_owned()),
        ("%231".to_owned(), "/breaks/1".to_owned()),
    ] {
        let answered = daemon.get(&format!("/search?q={asked}"));
        assert_eq!((answered.status, answered.header("location")), (303, leads.as_str()), "{asked}");
        page(&daemon, &leads);
    }
    let several = page(&daemon, &format!("/search?q={}", SHARED_REF_ID.replace(' ', "+")));
    assert!(several.contains("2 orchestrations have the ref_id"), "{several}");
    for twin in ["twin-1", "twin-2"] {
        assert!(several.contains(&format!("href=\"/orchestrations/{twin}\"")), "{several}");
    }
    assert!(page(&daemon, "/search?q=4711").contains("Nothing was found"));
    assert!(page(&daemon, "/search").contains("What are you looking for?"));
    daemon.stop();
    shell.end();
}

/// The numbers of the breaks that a page lists.
fn listed(body: &str) -> Vec<i64> {
    let (_, table) = body.split_once("<tbody").unwrap_or(("", ""));
    let parts = table.split("href=\"/breaks/").skip(1);
    parts.filter_map(|part| part.split('"').next().unwrap().parse().ok()).collect()
}

/// Catches: a break that no page lists, one that two do, another order than that of the API, and a filter that the form
/// forgets.
#[test]
fn the_list_of_breaks_is_the_ledgers_page_by_page() {
    let (shell, daemon) = hostile_world(700);
    let numbers = |documents: Vec<Value>| -> Vec<i64> {
        let breaks = documents.iter().flat_map(|one| one["breaks"].as_array().unwrap());
        breaks.map(|one| one["number"].as_i64().unwrap()).collect()
    };
    let wanted = numbers(pages(&daemon, "/api/v1/breaks?limit=200"));
    assert!(wanted.len() > 60, "{}", wanted.len());
    let mut found = Vec::new();
    let mut next = Some("/breaks".to_owned());
    while let Some(path) = next {
        let body = page(&daemon, &path);
        found.extend(listed(&body));
        assert!(found.len() <= wanted.len(), "{path}");
        let link = body.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
        next = link.map(|link| link.replace("&#38;", "&"));
    }
    assert_eq!(found, wanted);
    // The page of the status has the first of those that are news, and a link to all.
    let status = page(&daemon, "/");
    let needing = numbers(pages(&daemon, "/api/v1/breaks?state=open&history=without&limit=12"));
    assert_eq!(listed(&status), needing.into_iter().take(12).collect::<Vec<_>>());

    let filters = "kind=failed&kind=stuck_processing&severity=critical&state=open&history=only&asset=USD&opened_after=36h";
    let body = page(&daemon, &format!("/breaks?{filters}"));
    assert_eq!(listed(&body), numbers(pages(&daemon, &format!("/api/v1/breaks?{filters}&limit=50"))));
    for kept in [
        "name=\"kind\" value=\"failed\" checked",
        "name=\"kind\" value=\"stuck_processing\" checked",
        "value=\"critical\" selected",
        "name=\"state\" value=\"open\" checked",
        "value=\"only\" selected",
        "name=\"asset\" value=\"USD\"",
        "name=\"opened_after\" value=\"36h\"",
        "<details open>",
    ] {
        assert!(body.contains(kept), "{kept}: {body}");
    }
    assert!(!body.contains("name=\"state\" value=\"acknowledged\" checked"), "{body}");
    daemon.stop();
    shell.end();
}

/// Catches: a page that anybody sees though there is a token, and one that the token for metrics opens.
#[test]
fn rule_13_pages_want_the_token_and_not_that_of_metrics() {
    let (shell, daemon) = hostile_world(20);
    daemon.stop();
    for (name, token) in [("all", "of-everything"), ("some", "of-metrics")] {
        std::fs::write(shell.file(name), token).unwrap();
        std::fs::set_permissions(shell.file(name), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
    }
    let file = |name: &str| shell.file(name).display().to_string();
    stage::configure(
        &shell,
        &format!("token_file = {:?}\nmetrics_token_file = {:?}\n", file("all"), file("some")),
    );
    let daemon = shell.start_daemon();
    for path in [
        "/",
        "/breaks",
        "/breaks/1",
        "/orchestrations/twin-1",
        "/search?q=x",
        "/reports",
        "/style.css",
        "/reports/daily/x",
    ] {
        let status = |headers: &str| daemon.get_with(path, headers).status;
        assert_eq!(status(""), 401, "{path}");
        assert_eq!(status("Authorization: Bearer of-metrics\r\n"), 401, "{path}");
        assert_ne!(status("Authorization: Bearer of-everything\r\n"), 401, "{path}");
    }
    daemon.stop();
    shell.end();
}

/// The files of the report, as its page links them.
fn links(body: &str) -> Vec<String> {
    let parts = body.split("href=\"/reports/daily/").skip(1);
    parts.map(|part| format!("/reports/daily/{}", part.split('"').next().unwrap())).collect()
}

/// Catches: a file that is not of a report, one that leads out of the folder, one that was changed since, and a report
/// that runs in the page of tallyd.
#[test]
fn reports_are_handed_out_as_their_manifest_lists_them_and_nothing_else() {
    let (shell, daemon) = hostile_world(30);
    let folder = shell.file("reports");
    let body = page(&daemon, "/reports");
    let links = links(&body);
    assert_eq!(links.len(), std::fs::read_dir(&folder).unwrap().count(), "{links:?}");
    for link in &links {
        let name = link.rsplit('/').next().unwrap();
        let answered = daemon.get(link);
        assert_eq!(answered.status, 200, "{link}: {}", answered.body);
        assert_eq!(answered.body, std::fs::read_to_string(folder.join(name)).unwrap(), "{link}");
        let policy = answered.header("content-security-policy");
        assert!(
            policy.starts_with("sandbox; default-src 'none'; style-src 'unsafe-inline'"),
            "{link}: {policy}"
        );
        let ending = name.rsplit('.').next().unwrap();
        let media_type = match ending {
            "html" => "text/html; charset=utf-8",
            "json" => "application/json",
            "csv" => "text/csv",
            "md" => "text/markdown; charset=utf-8",
            _ => "text/plain; charset=utf-8",
        };
        assert_eq!(answered.header("content-type"), media_type, "{link}");
        let is_download = answered.header("content-disposition").starts_with("attachment; ");
        assert_eq!(is_download, ending == "csv", "{link}");
    }
    tricks(&shell, &daemon, &links);
    daemon.stop();
    shell.end();
}

fn tricks(shell: &Shell, daemon: &Running, links: &[String]) {
    let folder = shell.file("reports");
    std::fs::write(folder.join("mine.txt"), "mine").unwrap();
    std::fs::write(folder.join(".hidden"), "mine").unwrap();
    let file = |ending: &str| {
        let link = links.iter().find(|link| link.ends_with(ending)).unwrap().clone();
        let path = folder.join(link.rsplit('/').next().unwrap());
        (link, path)
    };
    let manifest = |name: &str, listed: &str| {
        let text = format!(
            "{{\"report\": \"daily\", \"title\": \"t\", \"period_from\": \"2026-01-01T00:00:00Z\", \"period_to\": \
             \"2026-01-02T00:00:00Z\", \"time_zone\": \"UTC\", \"as_of\": \"1\", \"standing\": \"settled\", \"covered\": true, \
             \"ties_out\": true, \"files\": [{{\"name\": {listed:?}, \"bytes\": 4, \"sha256\": \"00\"}}]}}"
        );
        std::fs::write(folder.join(format!("{name}.manifest.json")), text).unwrap();
    };
    // Manifests that mean something elsewhere, or what nobody made as a report.
    for (name, listed) in
        [("one", "../secret"), ("two", "/etc/passwd"), ("three", ".hidden"), ("four", "mine.txt")]
    {
        manifest(name, listed);
    }
    let (text, text_path) = file(".txt");
    std::fs::write(&text_path, "forged").unwrap();
    let (markdown, markdown_path) = file(".md");
    std::fs::rename(&markdown_path, shell.file("elsewhere.md")).unwrap();
    std::os::unix::fs::symlink(shell.file("elsewhere.md"), &markdown_path).unwrap();
    let (page_link, page_path) = file(".html");
    std::fs::remove_file(&page_path).unwrap();
    for path in [
        text.as_str(),
        &markdown,
        &page_link,
        "/reports/daily/mine.txt",
        "/reports/daily/.hidden",
        "/reports/daily/..%2Fsecret",
        "/reports/daily/../secret",
        "/reports/daily/..%2F..%2F..%2Fetc%2Fpasswd",
        "/reports/daily/%2Fetc%2Fpasswd",
        "/reports/..%2Freports/mine.txt",
        "/reports/daily/%00",
        "/reports/daily/",
        "/reports/daily",
    ] {
        let answered = daemon.get(path);
        assert_eq!(answered.status, 404, "{path}: {}", answered.body);
        let leaks = ["forged", "sim-secret", "root:", shell.folder.path().to_str().unwrap()];
        assert!(!leaks.iter().any(|leak| answered.body.contains(leak)), "{path}: {}", answered.body);
    }
    // The page itself goes on.
    page(daemon, "/reports");
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(page(daemon, "/reports").contains("Its folder cannot be read"));
}

/// Catches: fields of a form that were left empty and are taken for nonsense.
#[test]
fn a_form_that_is_sent_as_it_stands_is_answered() {
    let (shell, daemon) = hostile_world(60);
    let empty = "severity=&history=with&profile=&route=&from=&to=&asset=&opened_after=&opened_before=&in_trouble_since=";
    let listed_by = |query: &str| listed(&page(&daemon, &format!("/breaks?{query}")));
    assert_eq!(listed_by(&format!("state=open&state=acknowledged&{empty}")), listed_by(""));
    assert_eq!(listed_by(&format!("state=open&{empty}&kind=failed")), listed_by("state=open&kind=failed"));
    assert!(page(&daemon, "/search?q=").contains("What are you looking for?"));
    daemon.stop();
    shell.end();
}
