//! Every kind of bad input, and what the program says of it.
//!
//! One snapshot: read it as somebody who meets the program for the first time. Each message says what
//! happened, on what, and what to do next.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::net::TcpListener;
use std::os::unix::fs::FileExt as _;
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::json;
use tallyd::sim::{Endpoint, Fault, FaultRate, Rate, SimConfig};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::harness::{Ran, Setup, Shell};

/// One mistake, under way.
struct Case {
    title: &'static str,
    arguments: Vec<&'static str>,
    shell: Shell,
    child: Child,
    /// What the test machine puts in, and what it stands for.
    names: Vec<(String, &'static str)>,
}

fn quiet() -> SimConfig {
    Setup::of(20).profiles(1).sim
}

/// A ledger that a poll has filled.
fn polled() -> Shell {
    let shell = Shell::new(quiet());
    shell.run_well(&["poll"]);
    shell
}

fn start(title: &'static str, arguments: &[&'static str], shell: Shell) -> Case {
    let child = shell.command(arguments).spawn().unwrap();
    Case { title, arguments: arguments.to_vec(), shell, child, names: Vec::new() }
}

impl Case {
    /// What a reader of the terminal sees, without what differs from run to run.
    fn shown(self) -> String {
        let ran = Ran::from(self.child.wait_with_output().unwrap());
        let mut said = ran.stderr;
        for (text, name) in &self.names {
            said = said.replace(text, name);
        }
        let host = self.shell.api_url.trim_start_matches("http://").trim_end_matches("/v2").to_owned();
        said = said.replace(&host, "SIMULATOR").replace(self.shell.folder.path().to_str().unwrap(), "FOLDER");
        for mark in ["sim-request-", "pid ", "delay_ms="] {
            said = without_number_after(&said, mark);
        }
        said = said.lines().map(without_time).collect();
        assert!(!said.contains("panicked"), "{said}");
        self.shell.control.clear_faults();
        self.shell.end();
        format!(
            "# {}\n$ tallyd {}\n{said}exit {}\n",
            self.title,
            self.arguments.join(" "),
            ran.code.unwrap_or(-1)
        )
    }
}

fn without_number_after(text: &str, mark: &str) -> String {
    let mut parts = text.split(mark);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        write!(kept, "{mark}N{}", part.trim_start_matches(|digit: char| digit.is_ascii_digit())).unwrap();
    }
    kept
}

/// A line of the log without the time at its beginning.
fn without_time(line: &str) -> String {
    let rest = line.split_once(' ').filter(|(first, _)| first.ends_with('Z') && first.contains('T'));
    rest.map_or_else(|| format!("{line}\n"), |(_, rest)| format!("TIME {rest}\n"))
}

/// What is wrong at the other end.
fn at_paxos() -> Vec<Case> {
    let mut cases = Vec::new();
    let shell = Shell::new(quiet());
    std::fs::write(shell.file("secret"), "not-the-secret").unwrap();
    cases.push(start("wrong credentials", &["poll"], shell));

    let mut config = quiet();
    config.credentials.scopes.retain(|scope| scope != "orchestration:read_orchestration");
    cases.push(start("a missing scope", &["poll"], Shell::new(config)));

    let mut config = quiet();
    config.credentials.scopes.retain(|scope| scope != "funding:read_profile");
    cases.push(start("no scope to list the profiles, and none configured", &["poll"], Shell::new(config)));

    let unknown = "[[profiles]]\nid = \"5e0f6a1c-77b2-4d0e-9a55-3c1b8e4f2a90\"\nname = \"treasury\"\n";
    let shell = Shell::new(quiet());
    shell.configure(&[("+", unknown)]);
    cases.push(start("a profile of another account", &["poll"], shell));

    let shell = Shell::new(quiet());
    // Bound and let go again: nobody listens there now.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    shell.configure(&[("token_url", &format!("http://{closed}/oauth2/token"))]);
    let mut case = start("nobody listens", &["poll"], shell);
    case.names.push((closed.to_string(), "CLOSED"));
    cases.push(case);

    let shell = Shell::new(quiet());
    let port = shell.runtime.block_on(self_signed());
    shell.configure(&[("token_url", &format!("https://localhost:{port}/oauth2/token"))]);
    let mut case = start("a certificate that nobody signed", &["poll"], shell);
    case.names.push((format!("localhost:{port}"), "SELF-SIGNED"));
    cases.push(case);

    let shell = Shell::new(quiet());
    shell.control.set_faults([FaultRate::on(Endpoint::Profiles, Fault::HtmlPage, Rate::ALWAYS)]);
    cases.push(start("a body that is not JSON", &["poll"], shell));

    let shell = Shell::new(quiet());
    shell.control.set_faults([FaultRate::on(Endpoint::List, Fault::Redirect, Rate::ALWAYS)]);
    cases.push(start("a redirect", &["poll"], shell));
    cases
}

/// What is wrong with the ledger.
fn at_the_ledger() -> Vec<Case> {
    let mut cases = Vec::new();
    let shell = polled();
    shell.control.forget_requests();
    shell.control.script(Endpoint::List, [Fault::Hang]);
    let mut running = shell.command(&["poll"]).spawn().unwrap();
    shell.wait("the running poll", shell.control.reached(Endpoint::List, 1));
    let ran = Ran::from(shell.command(&["poll"]).output().unwrap());
    assert!(ran.stderr.contains(&format!("pid {}", running.id())), "{}", ran.stderr);
    cases.push(start("another poll is running", &["poll"], shell));
    cases.last_mut().unwrap().child.wait().unwrap();
    running.kill().unwrap();
    running.wait().unwrap();

    let shell = polled();
    let daemon = shell.start_daemon();
    let mut case = start("another daemon is running", &["run"], shell);
    case.child.wait().unwrap();
    daemon.stop();
    cases.push(case);

    let shell = polled();
    let file = OpenOptions::new().write(true).open(shell.ledger()).unwrap();
    file.write_all_at(&vec![0x5a; 40_000], 4096).unwrap();
    cases.push(start("a damaged ledger", &["poll"], shell));

    let shell = Shell::new(quiet());
    std::fs::write(shell.ledger(), "to do: buy milk\n".repeat(400)).unwrap();
    cases.push(start("a file that is no database", &["poll"], shell));

    let shell = Shell::new(quiet());
    let other = Connection::open(shell.ledger()).unwrap();
    other.execute_batch("PRAGMA application_id = 77; CREATE TABLE bookmark (url TEXT)").unwrap();
    drop(other);
    cases.push(start("the database of another program", &["poll"], shell));

    let shell = polled();
    let connection = Connection::open(shell.ledger()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    cases.push(start("a ledger of a newer version", &["poll"], shell));

    let shell = polled();
    let other = shell.api_url.replace("/v2", "/proxy/v2");
    shell.configure(&[("api_url", &other)]);
    cases.push(start("a ledger of another environment", &["poll"], shell));

    let shell = polled();
    let profile = shell.control.profiles().swap_remove(0).id;
    let created_at = shell.control.now().minus(Duration::from_secs(30)).to_rfc3339();
    let foreign = "f0f0f0f0-1111-4222-8333-444455556666";
    let bound = shell.control.truth()[0]["customer_id"].as_str().unwrap().to_owned();
    shell.control.insert(json!({ "id": "foreign", "profile_id": profile, "customer_id": foreign,
        "status": "PENDING", "created_at": created_at }));
    let mut case = start("a ledger of another customer", &["poll"], shell);
    case.names.extend([(bound, "CUSTOMER"), (foreign.to_owned(), "OTHER-CUSTOMER")]);
    cases.push(case);

    let shell = Shell::new(quiet());
    shell.configure(&[("ledger", shell.file("nowhere/ledger.db").to_str().unwrap())]);
    cases.push(start("a folder that is not there", &["poll"], shell));

    for arguments in [&["status"][..], &["show", "orch_1"], &["ledger", "verify"]] {
        cases.push(start("no ledger yet", arguments, Shell::new(quiet())));
    }
    for arguments in [&["show", "orch_1"][..], &["show", "orch_1", "--live"], &["history", "orch_1"]] {
        cases.push(start("an id that nobody knows", arguments, polled()));
    }
    cases
}

/// What is wrong with looking after the ledger.
fn at_upkeep() -> Vec<Case> {
    let mut cases = Vec::new();
    let shell = polled();
    std::fs::write(shell.file("copy.db"), "mine").unwrap();
    cases.push(start("a backup that is there already", &["ledger", "backup", "copy.db"], shell));
    cases.push(start(
        "a backup in the ledger's place",
        &["ledger", "backup", "ledger.db", "--force"],
        polled(),
    ));
    let arguments = &["ledger", "backup", "nowhere/copy.db"];
    cases.push(start("a backup into a folder that is not there", arguments, polled()));
    cases.push(start("a backup of nothing", &["ledger", "backup", "copy.db"], Shell::new(quiet())));

    cases.push(start("a restore of nothing", &["ledger", "restore", "copy.db"], polled()));
    let shell = polled();
    std::fs::write(shell.file("copy.db"), "to do: buy milk\n".repeat(400)).unwrap();
    cases.push(start("a restore of a file that is no ledger", &["ledger", "restore", "copy.db"], shell));
    let shell = polled();
    shell.run_well(&["ledger", "backup", "copy.db"]);
    let copy = Connection::open(shell.file("copy.db")).unwrap();
    copy.execute("DELETE FROM orchestration WHERE key = 3", []).unwrap();
    drop(copy);
    cases.push(start("a restore of an edited backup", &["ledger", "restore", "copy.db"], shell));
    let shell = polled();
    shell.run_well(&["ledger", "backup", "copy.db"]);
    let other = shell.api_url.replace("/v2", "/proxy/v2");
    shell.configure(&[("api_url", &other)]);
    cases.push(start("a restore of another environment", &["ledger", "restore", "copy.db"], shell));
    let shell = polled();
    shell.run_well(&["ledger", "backup", "copy.db"]);
    let ledger = Connection::open(shell.ledger()).unwrap();
    ledger.query_row("SELECT count(*) FROM ledger", [], |_| Ok(())).unwrap();
    let case = start("a restore under somebody's eyes", &["ledger", "restore", "copy.db"], shell);
    // Until SQLite has waited long enough for it.
    cases.push(case);
    cases.last_mut().unwrap().child.wait().unwrap();
    drop(ledger);

    let shell = polled();
    let ledger = Connection::open(shell.ledger()).unwrap();
    ledger.execute_batch("UPDATE poll SET began_at = 1600000000000000").unwrap();
    drop(ledger);
    cases.push(start("a prune of what is young", &["ledger", "prune", "--before", "2020-09-10"], shell));
    let shell = polled();
    let ledger = Connection::open(shell.ledger()).unwrap();
    ledger.execute("UPDATE orchestration SET source_amount = '1' WHERE key = 3", []).unwrap();
    drop(ledger);
    cases.push(start("a prune of an edited ledger", &["ledger", "prune", "--before", "300d"], shell));
    cases.push(start("a prune of nothing", &["ledger", "prune", "--before", "300d"], Shell::new(quiet())));
    cases.push(start("a prune before nonsense", &["ledger", "prune", "--before", "yesterday"], polled()));
    cases.push(start("a vacuum of nothing", &["ledger", "vacuum"], Shell::new(quiet())));
    cases
}

/// What is wrong with the configuration and the command line.
fn at_home() -> Vec<Case> {
    let mut cases = Vec::new();
    let shell = Shell::new(quiet());
    std::fs::remove_file(shell.file("config.toml")).unwrap();
    cases.push(start("no configuration", &["poll"], shell));

    let shell = Shell::new(quiet());
    let text = "[paxos]\nenviroment = \"sandbox\"\nclient_id = 7\nclient_secret = \"abc\"\n\n[poll]\noverlap = \"10\"\n";
    std::fs::write(shell.file("config.toml"), text).unwrap();
    cases.push(start("a configuration full of mistakes", &["poll"], shell));

    let shell = Shell::new(quiet());
    std::fs::remove_file(shell.file("secret")).unwrap();
    cases.push(start("no secret", &["poll"], shell));

    let shell = Shell::new(quiet());
    shell.configure(&[(
        "+",
        "[[profiles]]\nid = \"5e0f6a1c-77b2-4d0e-9a55-3c1b8e4f2a90\"\nname = \"treasury\"\n",
    )]);
    cases.push(start("a profile that is not configured", &["poll", "--profile", "treasure"], shell));

    for arguments in [&["sweep", "--window", "2 weeks"][..], &["sweep", "--window", "48h", "--full"]] {
        cases.push(start("a window that makes no sense", arguments, Shell::new(quiet())));
    }
    cases
}

/// A server on localhost with a certificate of its own making; answers its port.
async fn self_signed() -> u16 {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // The client hangs up on it: that is the point.
            drop(acceptor.accept(stream).await);
        }
    });
    port
}

#[test]
fn every_bad_input_has_a_plain_message_and_its_exit_code() {
    let cases = at_paxos().into_iter().chain(at_the_ledger()).chain(at_upkeep()).chain(at_home());
    let shown: Vec<_> = cases.collect::<Vec<_>>().into_iter().map(Case::shown).collect();
    insta::assert_snapshot!(shown.join("\n"));
}
