//! SQLite against the contract suites, its layout's steps, its lock, and its bounds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use policy::port::{Directory as _, Grouping, Kept, Ledger as _, Position, Responses as _, Room, StoreError};
use testkit::contract::{self, Sample, wait};

use crate::rollup::DISTINCT;

use super::migrate::{STEPS, Step, migrate};
use super::{conn, open};

#[test]
fn keeps_the_ledgers_contract() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, ..) = open(&dir.path().join("db")).unwrap();
    contract::ledger(&ledger);
}

#[test]
fn keeps_the_directorys_contract() {
    let dir = tempfile::tempdir().unwrap();
    let (_, directory, ..) = open(&dir.path().join("db")).unwrap();
    contract::directory(&directory);
}

#[test]
fn keeps_the_responses_contract() {
    let dir = tempfile::tempdir().unwrap();
    let (.., responses) = open(&dir.path().join("db")).unwrap();
    contract::responses(&responses);
}

#[test]
fn a_forgotten_response_is_not_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let (.., responses) = open(&dir.path().join("db")).unwrap();
    let room = Room { owner_count: 10, owner_bytes: 1 << 20, total_bytes: 1 << 20 };
    let secret = "what-alice-asked-in-private";
    let kept = Kept {
        id: "resp_1".into(),
        owner: "key:alice".into(),
        previous: None,
        created_ms: 1,
        expires_ms: 1_000,
        input: format!("[\"{secret}\"]").into(),
        body: "{}".into(),
    };
    assert!(!format!("{kept:?}").contains(secret), "what prints a response shows no content");
    wait(responses.put(&kept, room)).unwrap();
    assert_eq!(wait(responses.forget("key:alice", "resp_1", 2)), Ok(true));
    drop(responses);
    // What the log before the file still has goes with the next checkpoint.
    let connection = rusqlite::Connection::open(dir.path().join("db")).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let bytes = std::fs::read(dir.path().join("db")).unwrap();
    assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
}

#[test]
fn keeps_the_objects_contract() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _, objects, _) = open(&dir.path().join("db")).unwrap();
    contract::objects(&ledger, &objects);
}

#[test]
fn everything_is_there_after_opening_again() {
    let dir = tempfile::tempdir().unwrap();
    let sample = Sample::new(1_795_341_600_000, 1);
    let position = Position { file: 9, offset: 42 };
    {
        let (ledger, directory, ..) = open(&dir.path().join("db")).unwrap();
        wait(ledger.append(&[&sample.line()], position)).unwrap();
        wait(directory.set_setting("a", "b")).unwrap();
    }
    let (ledger, directory, ..) = open(&dir.path().join("db")).unwrap();
    assert_eq!(wait(ledger.position()), Ok(position));
    assert_eq!(wait(ledger.find(sample.id)), Ok(Some(sample.line())));
    assert_eq!(wait(directory.setting("a")), Ok(Some("b".into())));
}

#[test]
fn a_newer_or_different_layout_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let mut connection = conn::writer(&path, std::time::Duration::ZERO).unwrap();
    migrate(&mut connection, &STEPS).unwrap();
    migrate(&mut connection, &STEPS).unwrap();
    let edited = [Step { sql: "SELECT 1", ..STEPS[0] }, STEPS[1], STEPS[2], STEPS[3]];
    let error = migrate(&mut connection, &edited).unwrap_err().to_string();
    assert!(error.contains("step 1"), "{error}");
    connection.execute("INSERT INTO migrations VALUES (99, 'x')", []).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(&error, StoreError::Corrupt(text) if text.contains("layout 99")), "{error}");
}

#[test]
fn a_step_that_fails_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let mut connection = conn::writer(&dir.path().join("db"), std::time::Duration::ZERO).unwrap();
    let broken = [STEPS[0], Step { number: 2, sql: "CREATE TABLE half (a); SELECT * FROM nowhere" }];
    migrate(&mut connection, &broken).unwrap_err();
    migrate(&mut connection, &STEPS).unwrap();
}

#[test]
fn a_file_that_is_no_database_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    std::fs::write(&path, vec![b'x'; 8_192]).unwrap();
    assert!(matches!(open(&path), Err(StoreError::Corrupt(_))));
}

#[test]
fn a_lock_is_unavailable_and_nothing_is_half_done() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let (ledger, ..) = open(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let sample = Sample::new(1_795_341_600_000, 1);
    let line = sample.line();
    let position = Position { file: 1, offset: 1 };
    let error = wait(ledger.append(&[&line], position)).unwrap_err();
    assert!(matches!(&error, StoreError::Unavailable(_)), "{error}");
    assert!(!error.to_string().contains("user-"), "an error never shows a line");
    assert_eq!(wait(ledger.find(sample.id)), Ok(None));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(wait(ledger.position()), Ok(Position::default()));
    wait(ledger.append(&[&line], position)).unwrap();
    assert_eq!(wait(ledger.find(sample.id)), Ok(Some(line)));
}

#[test]
fn too_many_users_a_day_are_counted_as_other() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, ..) = open(&dir.path().join("db")).unwrap();
    let at = 1_795_341_600_000;
    let mut nanos = 0;
    for chunk in 0..6_u64 {
        let lines: Vec<String> = (chunk * 1_000..(chunk + 1) * 1_000)
            .map(|number| {
                let tags = vec![("feature", format!("f{number}"))];
                let sample = Sample { user: Some(format!("u{number}")), tags, ..Sample::new(at, number) };
                nanos += sample.nanos.unwrap();
                sample.line()
            })
            .collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        wait(ledger.append(&lines, Position { file: 1, offset: chunk })).unwrap();
    }
    for (by, rest) in [(Grouping::DayUser, "other"), (Grouping::DayTag, "feature=other")] {
        let sums = wait(ledger.sums(by, 0, i64::MAX)).unwrap();
        assert_eq!(sums.len(), DISTINCT + 1, "{by:?}");
        assert_eq!(sums.iter().map(|sum| sum.nanos).sum::<i64>(), nanos, "{by:?}");
        let other = sums.iter().find(|sum| sum.values == [rest]).unwrap();
        assert_eq!(other.requests, 1_000, "{by:?}");
    }
}

#[test]
fn amounts_beyond_the_range_do_not_end_the_reports() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, ..) = open(&dir.path().join("db")).unwrap();
    for number in 0..3 {
        let sample = Sample { nanos: Some(i64::MAX), ..Sample::new(1_795_341_600_000, number * 2) };
        wait(ledger.append(&[&sample.line()], Position { file: 1, offset: number })).unwrap();
    }
    let sums = wait(ledger.sums(Grouping::HourKey, 0, i64::MAX)).unwrap();
    assert_eq!((sums[0].requests, sums[0].nanos), (3, i64::MAX));
}
