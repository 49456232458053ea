//! The pages in a real browser: `tests/pages/look.mjs` looks at them, on a desk and on a phone, in light and in dark.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::document;
use super::stage::{ODD_ID, ODD_PATH, SHARED_REF_ID, SHOWN, hostile_world};
use crate::harness::{Running, installed};

/// Where Node and what it needs are; `None` where they are not installed.
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn looker() -> Option<(PathBuf, PathBuf, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages");
    let (node, browser) = (installed(&["node"])?, installed(&["chromium", "chromium-browser"])?);
    let modules = ["playwright-core", "axe-core"].map(|name| folder.join("node_modules").join(name));
    if modules.iter().all(|module| module.is_dir()) {
        return Some((node, browser, folder));
    }
    eprintln!("the pages are looked at by no browser: run `npm ci` in {}", folder.display());
    None
}

fn look(name: &str, path: &str, status: u16, texts: &[&str]) -> Value {
    json!({ "name": name, "path": path, "status": status, "texts": texts })
}

fn looks(daemon: &Running) -> Vec<Value> {
    let breaks = document(daemon, "/api/v1/breaks?kind=failed&limit=200");
    let breaks = breaks["breaks"].as_array().unwrap();
    let number = &breaks.iter().find(|one| one["subject"] == ODD_ID).unwrap()["number"];
    let plain = &breaks.iter().find(|one| one["subject"] != ODD_ID).unwrap()["subject"];
    vec![
        look("status", "/", 200, &["<script>window.hostile=1</script>"]),
        look("breaks", "/breaks", 200, &["<script>window.hostile=1</script>"]),
        look("breaks-filtered", "/breaks?kind=failed&asset=USD&asset=%3Cb%3E&state=open", 200, &[]),
        look("break", &format!("/breaks/{number}"), 200, &[SHOWN, "\\u{202e}gpj.exe\\u{7}\\u{1b}[2J"]),
        look("orchestration", &format!("/orchestrations/{}", plain.as_str().unwrap()), 200, &[]),
        look(
            "orchestration-hostile",
            &format!("/orchestrations/{ODD_PATH}"),
            200,
            &[ODD_ID, SHOWN, "</style></title></textarea><svg onload", "{{7*7}}", "\\u{202e}gpj.exe"],
        ),
        look("search", &format!("/search?q={}", SHARED_REF_ID.replace(' ', "+")), 200, &["twin-1", "twin-2"]),
        look(
            "search-nothing",
            "/search?q=%3Cimg+src%3Dx+onerror%3Dhostile%3D1%3E",
            200,
            &["<img src=x onerror"],
        ),
        look("reports", "/reports", 200, &["daily", "ties out"]),
        look("refused", "/breaks?kind=%3Cscript%3E", 400, &["<script>"]),
        look("unknown", "/orchestrations/nobody", 404, &["No orchestration with this id"]),
    ]
}

/// Catches: text that becomes a part of a page, a page that asks anybody else for something, one that a screen reader, a
/// keyboard, a phone or the dark makes useless, and a colour that cannot be read.
#[test]
fn every_page_holds_in_a_browser() {
    let Some((node, browser, folder)) = looker() else { return };
    let (shell, daemon) = hostile_world(300);
    let shots = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pages");
    let order = json!({ "base": format!("http://{}", daemon.address()), "browser": browser,
        "folder": shots, "pages": looks(&daemon) });
    let ran =
        Command::new(node).current_dir(&folder).arg("look.mjs").arg(order.to_string()).output().unwrap();
    let said = [ran.stdout, ran.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(ran.status.success(), "{said}\nscreenshots are in {}", shots.display());
    assert!(said.contains("44 looks, 0 problems"), "{said}");
    daemon.stop();
    shell.end();
}
