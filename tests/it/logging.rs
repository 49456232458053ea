//! Log lines as they are written, through a subscriber of the test's own thread.

#![expect(clippy::unwrap_used, reason = "a test whose stage cannot be set has failed")]

use std::io;
use std::sync::{Arc, Mutex};

use tallyd::config::{Colour, LogFormat, LogLevel};
use tallyd::logging::{StartError, start, subscriber};
use tracing_subscriber::fmt::MakeWriter;

/// A place that lines are written to and read back from.
#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Page {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// What is written while `work` runs.
fn logged(
    format: LogFormat,
    level: LogLevel,
    colour: Colour,
    directives: &str,
    work: impl FnOnce(),
) -> Vec<String> {
    let page = Page::default();
    let (subscriber, _) = subscriber(format, level, colour, directives, page.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, work);
    let bytes = page.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_text_line_has_time_level_target_message_and_fields() {
    let lines = logged(LogFormat::Text, LogLevel::Info, Colour::Plain, "", || {
        tracing::info!(target: "tallyd::sync", rows = 12, duration_ms = 7, "poll complete");
    });
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let (time, rest) = line.split_once(' ').unwrap();
    assert!(time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
    assert_eq!(rest.trim_start(), "INFO tallyd::sync: poll complete rows=12 duration_ms=7");
}

#[test]
fn colours_are_there_only_where_they_are_asked_for() {
    let escapes = |colour| {
        let lines = logged(LogFormat::Text, LogLevel::Info, colour, "", || {
            tracing::warn!(target: "tallyd", "a \u{1b}[31mred\u{1b}[0m name");
        });
        lines[0].contains('\u{1b}')
    };
    assert!(!escapes(Colour::Plain));
    assert!(escapes(Colour::Coloured));
}

#[test]
fn a_json_line_is_one_flat_object() {
    let lines = logged(LogFormat::Json, LogLevel::Info, Colour::Plain, "", || {
        tracing::info!(target: "tallyd::sync", profile = "treasury", rows = 12, "poll\ncomplete");
    });
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    let object: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(object["level"], "INFO");
    assert_eq!(object["target"], "tallyd::sync");
    assert_eq!(object["message"], "poll\ncomplete");
    assert_eq!(object["profile"], "treasury");
    assert_eq!(object["rows"].to_string(), "12");
    assert!(object["timestamp"].as_str().unwrap().ends_with('Z'));
}

/// Which of four lines are written: ours at info and debug, a library's at info and warn.
fn written(level: LogLevel, directives: &str) -> Vec<String> {
    let lines = logged(LogFormat::Json, level, Colour::Plain, directives, || {
        tracing::info!(target: "tallyd::sync", "our info");
        tracing::debug!(target: "tallyd::sync", "our debug");
        tracing::warn!(target: "reqwest", "their warn");
        tracing::debug!(target: "reqwest", "their debug");
        tracing::trace!(target: "hyper::proto", "their trace");
    });
    let message = |line: &String| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["message"].as_str().unwrap().to_owned()
    };
    lines.iter().map(message).collect()
}

#[test]
fn the_level_is_ours_and_directives_refine_it() {
    assert_eq!(written(LogLevel::Error, ""), Vec::<String>::new());
    assert_eq!(written(LogLevel::Info, ""), ["our info", "their warn"]);
    assert_eq!(written(LogLevel::Trace, ""), ["our info", "our debug", "their warn"]);
    assert_eq!(written(LogLevel::Info, "tallyd::sync=debug"), ["our info", "our debug", "their warn"]);
    assert_eq!(written(LogLevel::Info, "reqwest=debug"), ["our info", "their warn", "their debug"]);
}

/// Catches: a library's own line about a certificate before the message that tells it.
#[test]
fn a_refused_certificate_is_told_by_us_alone_unless_the_library_is_asked_too() {
    let written = |level, directives| {
        let lines = logged(LogFormat::Text, level, Colour::Plain, directives, || {
            tracing::error!(target: "rustls_platform_verifier::verification::others", "refused");
        });
        lines.len()
    };
    assert_eq!(written(LogLevel::Trace, ""), 0);
    assert_eq!(written(LogLevel::Info, "reqwest=debug"), 0);
    assert_eq!(written(LogLevel::Error, "rustls_platform_verifier=error"), 1);
}

/// Contract rule 13: headers, and so tokens, are in what HTTP libraries say at trace.
#[test]
fn rule_13_no_directive_shows_the_traces_of_libraries() {
    for directives in ["trace", "hyper=trace", "hyper::proto=trace"] {
        assert!(!written(LogLevel::Trace, directives).contains(&"their trace".to_owned()));
    }
}

#[test]
fn directives_that_make_no_sense_are_refused() {
    let refused = subscriber(LogFormat::Text, LogLevel::Info, Colour::Plain, "tallyd=loud", io::sink);
    assert!(matches!(refused.map(|_| ()), Err(StartError::Directives(_))));
}

#[test]
fn a_second_start_is_an_error() {
    start(LogFormat::Text, LogLevel::Error, Colour::Plain).unwrap();
    let second = start(LogFormat::Text, LogLevel::Error, Colour::Plain);
    assert!(matches!(second, Err(StartError::AlreadyStarted(_))));
}
