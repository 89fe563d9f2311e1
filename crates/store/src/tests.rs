//! The whole way of a line: journal, ingest, store; with a process that is killed and a database that is away.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use policy::port::{Grouping, Ledger, Position};
use testkit::contract::{Sample, wait};

use crate::ingest::Ingest;
use crate::journal::{Appended, Journal, Options};
use crate::lock::{Lock, LockError};

const AT: i64 = 1_795_341_600_000;
const FOLDER: &str = "TOLLGATE_TEST_FOLDER";
const FIRST: &str = "TOLLGATE_TEST_FIRST";

pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn sample(number: u64) -> Sample {
    Sample::new(AT, number)
}

fn journal(dir: &Path) -> Arc<Journal> {
    let options = Options { segment: 1 << 20, ..Options::default() };
    Arc::new(Journal::open(&dir.join("journal"), options).unwrap())
}

/// Stores all that the journal has, where no line is torn.
fn ingest_all(dir: &Path) -> Arc<dyn Ledger> {
    ingest_torn(dir, 0)
}

/// The same where at most so many lines are torn.
fn ingest_torn(dir: &Path, torn: u64) -> Arc<dyn Ledger> {
    let ledger = crate::open(dir).unwrap().ledger;
    let ingest = Ingest::start(journal(dir), Arc::clone(&ledger), None).unwrap();
    assert!(ingest.stop(Duration::from_secs(120)));
    assert_eq!(ingest.stats().lag_lines, 0);
    assert!(ingest.stats().bad_lines_total <= torn, "{} lines are torn", ingest.stats().bad_lines_total);
    ledger
}

fn nanos(ledger: &dyn Ledger, by: Grouping) -> (u64, i64) {
    let sums = wait(ledger.sums(by, 0, i64::MAX)).unwrap();
    (sums.iter().map(|sum| sum.requests).sum(), sums.iter().map(|sum| sum.nanos).sum())
}

#[test]
fn a_line_goes_from_the_journal_to_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let stores = crate::open(dir.path()).unwrap();
    let journal = journal(dir.path());
    let ingest = Ingest::start(Arc::clone(&journal), Arc::clone(&stores.ledger), None).unwrap();
    let began = Instant::now();
    for number in 0..1_000 {
        assert!(matches!(journal.append(sample(number).line()), Appended::Written | Appended::Waiting(_)));
    }
    let one = sample(500);
    let found = journal.find_tail(ingest.stored(), one.id).or_else(|| wait(stores.ledger.find(one.id)).unwrap());
    assert_eq!(found, Some(one.line()), "it is in one or the other at any time");
    assert!(matches!(journal.append("no line".into()), Appended::Written | Appended::Waiting(_)));
    wait_for("storing", || ingest.stored() == journal.stats().written);
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(wait(stores.ledger.find(one.id)), Ok(Some(one.line())));
    let stats = ingest.stats();
    assert_eq!((stats.lag_lines, stats.bad_lines_total, stats.away), (0, 1, None));
    assert!(ingest.stop(Duration::from_secs(5)));
}

#[test]
fn lines_past_their_time_are_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = crate::open(dir.path()).unwrap().ledger;
    let journal = journal(dir.path());
    let old = Sample::new(AT - 800 * 86_400_000, 1);
    let new = Sample { id: uuid::Uuid::now_v7(), ..sample(2) };
    for sample in [&old, &new] {
        assert!(matches!(journal.append(sample.line()), Appended::Written));
    }
    let day = Duration::from_secs(86_400);
    let ingest = Ingest::start(journal, Arc::clone(&ledger), Some(day * 400)).unwrap();
    wait_for("deleting", || ingest.stats().expired_lines_total == 1);
    assert_eq!(wait(ledger.page(None, 9)), Ok(vec![new.line()]));
}

#[test]
fn a_database_that_is_locked_gets_everything_later_once() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = crate::open(dir.path()).unwrap().ledger;
    let journal = journal(dir.path());
    let ingest = Ingest::start(Arc::clone(&journal), Arc::clone(&ledger), None).unwrap();
    assert!(matches!(journal.append(sample(0).line()), Appended::Written));
    wait_for("storing", || ingest.stats().lag_lines == 0);
    let other = rusqlite::Connection::open(dir.path().join("tollgate.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for number in 1..1_200 {
        assert!(matches!(journal.append(sample(number).line()), Appended::Written));
    }
    wait_for("noticing", || ingest.stats().away.is_some());
    std::thread::sleep(Duration::from_secs(2));
    let stats = ingest.stats();
    assert_eq!(stats.lag_lines, 1_199);
    assert!(!stats.away.unwrap().contains("user-"));
    assert!(!ingest.stop(Duration::from_millis(200)), "a stop does not wait for ever");
    other.execute_batch("ROLLBACK").unwrap();
    drop((ingest, journal));
    let ledger = ingest_all(dir.path());
    let all: i64 = (0..1_200).map(|number| sample(number).nanos.unwrap()).sum();
    assert_eq!(nanos(&*ledger, Grouping::HourModel), (1_200, all));
    assert_eq!(nanos(&*ledger, Grouping::DayUser), (1_200, all));
}

#[test]
fn journal_files_go_when_they_are_stored() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let journal = journal(dir.path());
        assert!(matches!(journal.append(sample(round).line()), Appended::Written));
        journal.flush().unwrap();
    }
    let ledger = ingest_all(dir.path());
    assert_eq!(nanos(&*ledger, Grouping::HourKey).0, 3);
    assert_eq!(std::fs::read_dir(dir.path().join("journal")).unwrap().count(), 1, "the current one");
    let stored = wait(ledger.position()).unwrap();
    assert!(stored > Position::default());
}

#[test]
fn one_gateway_per_folder() {
    let dir = tempfile::tempdir().unwrap();
    let lock = Lock::take(dir.path()).unwrap();
    let error = Lock::take(dir.path()).unwrap_err();
    assert!(matches!(&error, LockError::Taken(_)));
    assert!(error.to_string().contains("--data-dir"));
    drop(lock);
    Lock::take(dir.path()).unwrap();
}

/// Runs one of the tests marked as a child in a process of its own.
fn child(test: &str, dir: &Path, first: u64) -> Child {
    let test = format!("tests::{test}");
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &test, "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, dir)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "a child of killed_while_writing"]
fn child_writes() {
    let (Ok(dir), Ok(first)) = (std::env::var(FOLDER), std::env::var(FIRST)) else { return };
    let dir = Path::new(&dir);
    let _lock = Lock::take(dir).unwrap();
    let journal = journal(dir);
    let _ingest = Ingest::start(Arc::clone(&journal), crate::open(dir).unwrap().ledger, None).unwrap();
    for number in first.parse().unwrap().. {
        if matches!(journal.append(sample(number).line()), Appended::Written) {
            println!("acknowledged {number}");
        }
    }
}

#[test]
fn killed_while_writing() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = vec![];
    for round in 0..5_u64 {
        let mut child = child("child_writes", dir.path(), round * 1_000_000);
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("acknowledged") {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "the child ended");
        }
        let reader = std::thread::spawn(move || {
            let mut numbers = vec![line];
            numbers.extend(
                BufReader::new(output)
                    .split(b'\n')
                    .map_while(Result::ok)
                    .filter_map(|line| String::from_utf8(line).ok()),
            );
            numbers
        });
        std::thread::sleep(Duration::from_millis(170 + round * 137));
        // SIGKILL.
        child.kill().unwrap();
        child.wait().unwrap();
        let numbers = reader.join().unwrap();
        let whole = numbers.len() - 1;
        acknowledged
            .extend(numbers[..whole].iter().map(|line| line.trim()["acknowledged ".len()..].parse::<u64>().unwrap()));
    }
    assert!(acknowledged.len() > 500, "only {} lines", acknowledged.len());
    // A kill between two pages of one write tears the line under way, which nobody was told of: one a kill at most.
    let ledger = ingest_torn(dir.path(), 5);
    let connection = rusqlite::Connection::open(dir.path().join("tollgate.db")).unwrap();
    let mut found: Vec<u64> = vec![];
    let mut select = connection.prepare("SELECT id FROM lines ORDER BY id").unwrap();
    let ids = select.query_map([], |row| row.get::<_, [u8; 16]>(0)).unwrap();
    found.extend(ids.map(|id| u64::from_be_bytes(id.unwrap()[8..].try_into().unwrap()) & !(0b10 << 62)));
    assert!(found.is_sorted_by(|one, two| one < two), "each once");
    for number in &acknowledged {
        assert!(found.binary_search(number).is_ok(), "line {number} was acknowledged and is lost");
    }
    // Only what was under way at the kill may be torn: nothing is missing between two lines of one writer.
    for pair in found.windows(2) {
        assert!(pair[1] == pair[0] + 1 || pair[1] % 1_000_000 == 0, "nothing stands between {pair:?}");
    }
    let all: i64 = found.iter().map(|number| sample(*number).nanos.unwrap()).sum();
    for by in [Grouping::HourModel, Grouping::DayUser, Grouping::DayTag, Grouping::DayKeyModel] {
        assert_eq!(nanos(&*ledger, by), (found.len() as u64, all), "{by:?}");
    }
}

#[test]
#[ignore = "a child of killed_while_storing"]
fn child_stores() {
    let Ok(dir) = std::env::var(FOLDER) else { return };
    ingest_all(Path::new(&dir));
}

#[test]
fn killed_while_storing() {
    const LINES: u64 = 100_000;
    let dir = tempfile::tempdir().unwrap();
    let source = journal(dir.path());
    for number in 0..LINES {
        assert!(matches!(source.append(sample(number).line()), Appended::Written | Appended::Waiting(_)));
    }
    wait_for("writing", || source.stats().written_lines_total == LINES);
    drop(source);
    let mut kills = 0;
    for round in 0..200_u64 {
        let mut child = child("child_stores", dir.path(), 0);
        // Another moment in every round.
        let until = Instant::now() + Duration::from_millis(400 + (round * 7_919) % 2_600);
        while Instant::now() < until && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(3));
        }
        if child.try_wait().unwrap().is_some_and(|status| status.success()) {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
    }
    assert!(kills > 2, "killed {kills} times");
    let ledger = ingest_all(dir.path());
    let all: i64 = (0..LINES).map(|number| sample(number).nanos.unwrap()).sum();
    for by in [Grouping::HourModel, Grouping::DayUser, Grouping::DayTag, Grouping::HourTeam] {
        assert_eq!(nanos(&*ledger, by), (LINES, all), "{by:?}");
    }
    for number in [0, 19_999, 20_000, 50_000, 99_999] {
        let sample = sample(number);
        assert_eq!(wait(ledger.find(sample.id)), Ok(Some(sample.line())));
        let found = wait(ledger.find_upstream(sample.upstream.as_deref().unwrap()));
        assert_eq!(found, Ok(Some(sample.line())));
    }
}
