//! The log: one JSON line a request on standard output, messages for people on standard error.
//!
//! No prompt, no answer, no secret and no amount of money passes through here. Lines are gathered in
//! memory and written by one thread ten times a second, so that no request waits for a terminal.

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use wire::json::Writer;

use crate::env;

/// Most bytes held for a reader that does not read; lines beyond are dropped and counted.
const MOST_HELD: usize = 8 * 1024 * 1024;

static ACCESS: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static ON: AtomicBool = AtomicBool::new(false);
static DROPPED: AtomicU64 = AtomicU64::new(0);
static THREAD: OnceLock<()> = OnceLock::new();

/// Turns the access log on.
pub fn start_access() {
    ON.store(true, Ordering::Relaxed);
    THREAD.get_or_init(|| {
        let writer = std::thread::Builder::new().name("log".to_owned());
        if writer.spawn(write_forever).is_err() {
            ON.store(false, Ordering::Relaxed);
        }
    });
}

/// True when the access log is on.
#[must_use]
pub fn access_is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

/// Adds one line, given without its line feed.
pub fn access(line: &str) {
    if !access_is_on() {
        return;
    }
    let mut held = ACCESS.lock().unwrap_or_else(PoisonError::into_inner);
    if held.len() + line.len() > MOST_HELD {
        DROPPED.fetch_add(1, Ordering::Relaxed);
        return;
    }
    held.extend_from_slice(line.as_bytes());
    held.push(b'\n');
}

/// Access lines that were dropped because nobody read them.
#[must_use]
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Writes what is held now.
pub fn flush() {
    let lines = std::mem::take(&mut *ACCESS.lock().unwrap_or_else(PoisonError::into_inner));
    if !lines.is_empty() {
        // A closed standard output is no reason to stop serving.
        let _ = std::io::stdout().lock().write_all(&lines);
    }
}

fn write_forever() {
    loop {
        std::thread::sleep(Duration::from_millis(100));
        flush();
    }
}

/// A message that all is as it should be.
pub fn info(message: &str, fields: &[(&str, &str)]) {
    say("info", message, fields);
}

/// A message that something needs a look.
pub fn warn(message: &str, fields: &[(&str, &str)]) {
    say("warn", message, fields);
}

/// A message that something failed.
pub fn error(message: &str, fields: &[(&str, &str)]) {
    say("error", message, fields);
}

fn say(level: &str, message: &str, fields: &[(&str, &str)]) {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("at").str(&format!("{:.3}", env::now())).key("level").str(level).key("message").str(message);
        for (name, value) in fields {
            json.key(name).str(value);
        }
    });
    let mut line = json.finish();
    line.push('\n');
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}
