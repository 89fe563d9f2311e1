//! The journal on disks that tear, refuse, hang and fill up.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "tests")]

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use policy::port::Position;
use testkit::contract::Sample;

use super::{Appended, Batch, Journal, Options, Sync};
use crate::tests::wait_for;

const AT: i64 = 1_795_341_600_000;

fn open(dir: &Path, options: Options) -> Journal {
    Journal::open(dir, options).unwrap()
}

fn sample(number: u64) -> Sample {
    Sample::new(AT, number)
}

/// Every line of the journal.
fn all(journal: &Journal) -> Vec<String> {
    let (mut batch, mut lines) = (Batch::default(), vec![]);
    let mut from = Position::default();
    loop {
        journal.read(from, 7, 1_000, &mut batch).unwrap();
        lines.extend(batch.lines().map(|line| line.unwrap().to_owned()));
        if batch.next == from {
            return lines;
        }
        from = batch.next;
    }
}

fn lines(numbers: std::ops::Range<u64>) -> Vec<String> {
    numbers.map(|number| sample(number).line()).collect()
}

/// Puts another file under the journal; returns the one before.
fn swap_file(journal: &Journal, file: impl Into<Arc<File>>) -> Arc<File> {
    std::mem::replace(&mut journal.core.segment().file, file.into())
}

#[test]
fn a_torn_last_line_is_passed_over_and_nothing_is_glued_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let torn = format!("{}\n{{\"id\":\"0199", sample(0).line());
    std::fs::write(dir.path().join("5.jsonl"), torn).unwrap();
    std::fs::write(dir.path().join("notes.txt"), "not ours").unwrap();
    let journal = open(dir.path(), Options::default());
    assert!(matches!(journal.append(sample(1).line()), Appended::Written));
    assert_eq!(all(&journal), lines(0..2));
    let mut batch = Batch::default();
    journal.read(Position { file: 5, offset: 0 }, 1, 1, &mut batch).unwrap();
    let after = batch.next;
    journal.read(after, 9, 10_000, &mut batch).unwrap();
    assert_eq!((batch.torn, batch.len()), (1, 1));
    assert_eq!(journal.count(Position::default()), 2);
}

#[test]
fn every_start_begins_a_new_file_behind_all_others() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = vec![];
    for number in 0..3 {
        let journal = open(dir.path(), Options::default());
        assert!(matches!(journal.append(sample(number).line()), Appended::Written));
        files.push(journal.stats().written.file);
        assert_eq!(all(&journal), lines(0..number + 1));
    }
    assert!(files.is_sorted_by(|one, two| one < two));
    std::fs::remove_dir_all(dir.path()).unwrap();
    let journal = open(dir.path(), Options::default());
    assert!(journal.stats().written.file + 5 > files[2], "numbers follow the clock, not the folder");
}

#[test]
fn appenders_at_once_lose_and_mix_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Arc::new(open(dir.path(), Options::default()));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..500 {
                    match journal.append(sample(thread * 1_000 + number).line()) {
                        Appended::Written => {}
                        Appended::Waiting(written) => written.blocking_recv().unwrap(),
                        // A disk that is slow for a moment (its machine is busy) holds lines and writes them later.
                        Appended::Held => {}
                    }
                }
            });
        }
    });
    let end = Instant::now() + Duration::from_secs(20);
    while journal.stats().memory_lines > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut found = all(&journal);
    found.sort_unstable();
    let mut expected: Vec<String> = (0..8).flat_map(|thread| lines(thread * 1_000..thread * 1_000 + 500)).collect();
    expected.sort_unstable();
    assert_eq!(found.len(), expected.len());
    assert!(found == expected);
    let stats = journal.stats();
    assert_eq!((stats.written_lines_total, stats.memory_lines, stats.degraded), (4_000, 0, false));
}

#[test]
fn a_full_disk_holds_lines_in_memory_and_takes_them_in_order_later() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), Options::default());
    assert!(matches!(journal.append(sample(0).line()), Appended::Written));
    let good = swap_file(&journal, File::options().append(true).open("/dev/full").unwrap());
    for number in 1..10 {
        assert!(matches!(journal.append(sample(number).line()), Appended::Held));
    }
    let stats = journal.stats();
    assert_eq!((stats.degraded, stats.memory_lines, stats.written_lines_total), (true, 9, 1));
    assert!(stats.memory_bytes > 9 * 300);
    assert!(journal.flush().is_err());
    assert_eq!(journal.find_tail(Position::default(), sample(5).id), Some(sample(5).line()), "found in memory");
    assert_eq!(journal.find_tail_upstream(Position::default(), "chatcmpl-6"), Some(sample(6).line()));
    swap_file(&journal, good);
    wait_for("recovery", || !journal.stats().degraded);
    assert!(matches!(journal.append(sample(10).line()), Appended::Written));
    assert_eq!(all(&journal), lines(0..11));
    assert_eq!((journal.stats().memory_lines, journal.stats().memory_bytes), (0, 0));
    assert_eq!(journal.stats().dropped_lines_total, 0);
}

#[test]
fn beyond_its_memory_the_oldest_are_dropped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let room = (sample(0).line().len() + 200) * 4;
    let journal = open(dir.path(), Options { memory: room as u64, ..Options::default() });
    let good = swap_file(&journal, File::options().append(true).open("/dev/full").unwrap());
    for number in 10..30 {
        assert!(matches!(journal.append(sample(number).line()), Appended::Held));
    }
    let stats = journal.stats();
    assert!(stats.memory_bytes <= room as u64);
    assert_eq!(stats.dropped_lines_total + stats.memory_lines, 20);
    assert!((3..=8).contains(&stats.memory_lines));
    swap_file(&journal, good);
    wait_for("recovery", || !journal.stats().degraded);
    assert_eq!(all(&journal), lines(30 - stats.memory_lines..30), "the newest are kept");
}

#[test]
fn a_file_that_refuses_for_another_reason_is_left_for_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), Options::default());
    assert!(matches!(journal.append(sample(0).line()), Appended::Written));
    let before = journal.stats().written.file;
    let path = super::segment::path(dir.path(), before);
    swap_file(&journal, File::open(path).unwrap());
    assert!(matches!(journal.append(sample(1).line()), Appended::Held), "not open for writing");
    wait_for("recovery", || !journal.stats().degraded);
    assert!(journal.stats().written.file > before);
    assert_eq!(all(&journal), lines(0..2));
}

#[test]
fn a_hanging_disk_blocks_one_thread_and_nobody_else() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Arc::new(open(dir.path(), Options::default()));
    let (mut reader, writer) = std::io::pipe().unwrap();
    let good = swap_file(&journal, File::from(OwnedFd::from(writer)));
    // More than a pipe takes: this write hangs until someone reads.
    let long = Sample { user: Some("x".repeat(200_000)), ..sample(0) }.line();
    let length = long.len() + 1;
    let blocked = std::thread::spawn({
        let journal = Arc::clone(&journal);
        move || assert!(matches!(journal.append(long), Appended::Written))
    });
    wait_for("the hang", || journal.stats().degraded);
    let began = Instant::now();
    for number in 1..1_000 {
        assert!(matches!(journal.append(sample(number).line()), Appended::Held));
    }
    assert!(began.elapsed() < Duration::from_secs(2), "nobody waited: {:?}", began.elapsed());
    assert_eq!(journal.find_tail(Position::default(), sample(70).id), Some(sample(70).line()));
    assert!(!blocked.is_finished());
    // The disk comes round. It takes whatever comes after too: held lines may follow before the file is back.
    let drained = std::thread::spawn(move || {
        let mut text = vec![0; length];
        reader.read_exact(&mut text).unwrap();
        std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
        text.ends_with(b"}\n")
    });
    blocked.join().unwrap();
    drop(swap_file(&journal, good));
    assert!(drained.join().unwrap());
    wait_for("recovery", || !journal.stats().degraded);
    assert_eq!(journal.stats().written_lines_total, 1_000);
    assert_eq!(journal.stats().memory_lines, 0);
}

#[test]
fn always_means_synced_before_it_counts() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), Options { sync: Sync::Always, ..Options::default() });
    for number in 0..5 {
        let Appended::Waiting(written) = journal.append(sample(number).line()) else { panic!("must wait") };
        written.blocking_recv().unwrap();
    }
    assert_eq!(all(&journal), lines(0..5));
    let good = swap_file(&journal, File::options().append(true).open("/dev/full").unwrap());
    let Appended::Waiting(written) = journal.append(sample(5).line()) else { panic!("must wait") };
    assert!(written.blocking_recv().is_err(), "it stays in memory");
    swap_file(&journal, good);
    wait_for("recovery", || !journal.stats().degraded && all(&journal).len() == 6);
    assert_eq!(all(&journal), lines(0..6));
}

#[test]
fn files_follow_each_other_and_old_ones_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), Options { segment: 2_000, ..Options::default() });
    let first = journal.stats().written.file;
    for number in 0..60 {
        assert!(matches!(journal.append(sample(number).line()), Appended::Written | Appended::Waiting(_)));
        std::thread::sleep(Duration::from_millis(5));
    }
    wait_for("a new file", || journal.stats().written.file > first);
    assert_eq!(all(&journal), lines(0..60));
    assert_eq!(journal.count(Position::default()), 60);
    for number in [0, 30, 59] {
        let found = journal.find_tail(Position::default(), sample(number).id);
        assert_eq!(found, Some(sample(number).line()));
    }
    assert_eq!(journal.find_tail(journal.stats().written, sample(0).id), None, "only what is not stored yet");
    assert_eq!(journal.find_tail(Position::default(), sample(99).id), None);
    let files = || std::fs::read_dir(dir.path()).unwrap().count();
    assert!(files() > 1);
    journal.forget(Position { file: first, offset: 900 });
    assert!(dir.path().join(format!("{first}.jsonl")).exists(), "not wholly before");
    // The keeper may be about to begin one more file.
    wait_for("the current file alone", || {
        journal.forget(Position { file: u64::MAX, offset: 0 });
        files() == 1
    });
    assert!(matches!(journal.append(sample(60).line()), Appended::Written));
    assert_eq!(all(&journal).last(), Some(&sample(60).line()));
}

#[test]
fn long_lines_are_read_and_found_whole() {
    let dir = tempfile::tempdir().unwrap();
    let journal = open(dir.path(), Options::default());
    let long = Sample { user: Some("y".repeat(3 << 20)), ..sample(1) };
    for line in [sample(0).line(), long.line(), sample(2).line(), "{\"id\":\n1}".into()] {
        assert!(matches!(journal.append(line), Appended::Written));
    }
    assert!(journal.find_tail(Position::default(), long.id) == Some(long.line()));
    assert_eq!(journal.find_tail(Position::default(), sample(0).id), Some(sample(0).line()));
    let lines = all(&journal);
    assert_eq!(lines.len(), 4);
    assert!(lines[1] == long.line());
    assert_eq!(lines[3], "{\"id\": 1}", "a line feed never cuts a line in two");
}

/// A small file system of its own; `None`, with the reason, where this machine allows none.
struct Mount(tempfile::TempDir);

impl Mount {
    fn new(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let options = format!("size={size},mode=0700");
        let done =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tollgate-test"]).arg(dir.path()).output();
        match done {
            Ok(done) if done.status.success() => Some(Self(dir)),
            Ok(done) => {
                eprintln!("skipped: no tmpfs can be mounted: {}", String::from_utf8_lossy(&done.stderr).trim());
                None
            }
            Err(error) => {
                eprintln!("skipped: no tmpfs can be mounted: {error}");
                None
            }
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_disk_that_fills_up_in_the_middle_of_a_line() {
    let Some(mount) = Mount::new("64k") else { return };
    let dir = mount.0.path();
    let journal = open(&dir.join("journal"), Options::default());
    let ballast = dir.join("ballast");
    std::fs::write(&ballast, vec![0; 20_000]).unwrap();
    let mut held = 0;
    for number in 0..200 {
        held += u64::from(matches!(journal.append(sample(number).line()), Appended::Held));
    }
    let stats = journal.stats();
    assert!(held > 10 && stats.written_lines_total > 10, "{held} held, {stats:?}");
    let path = super::segment::path(&dir.join("journal"), stats.written.file);
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.ends_with("}\n"), "no torn line stays in the file");
    assert_eq!(all(&journal), lines(0..stats.written_lines_total));
    std::fs::remove_file(ballast).unwrap();
    // Room again, though not for all; what has room is written.
    wait_for("progress", || journal.stats().written_lines_total > stats.written_lines_total);
    let stored = journal.stats();
    assert_eq!(stored.written_lines_total + stored.memory_lines, 200);
    let done = Command::new("mount").args(["-o", "remount,size=1m"]).arg(dir).status().unwrap();
    assert!(done.success());
    wait_for("recovery", || !journal.stats().degraded);
    assert_eq!(all(&journal), lines(0..200));
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_at_the_start() {
    let Some(mount) = Mount::new("64k") else { return };
    let done = Command::new("mount").args(["-o", "remount,ro"]).arg(mount.0.path()).status().unwrap();
    assert!(done.success());
    let error = Journal::open(&mount.0.path().join("journal"), Options::default()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
    let lock = crate::lock::Lock::take(&mount.0.path().join("data")).unwrap_err();
    assert!(matches!(lock, crate::lock::LockError::Unusable(..)));
    assert!(crate::open(&mount.0.path().join("data")).is_err());
}
