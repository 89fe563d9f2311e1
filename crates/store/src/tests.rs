//! The whole way of a line: journal, ingest, store.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ingest::Ingest;
use crate::journal::{Appended, Journal, Options};

pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn line(id: uuid::Uuid) -> String {
    format!(
        r#"{{"id":"{id}","status":"ok","upstream_id":"chatcmpl-{id}","caller":{{"key":"k","team":"t","tags":{{"f":"s"}}}},"asked":"m","served":{{"provider":"p","model":"m"}},"attempts":[{{"provider":"p"}}],"usage":{{"input":10,"cache_read":2,"cache_write":0,"output":5}},"cost":{{"usd":"0.000110000"}},"latency":{{"total_ms":812}}}}"#
    )
}

#[test]
fn a_line_goes_from_the_journal_to_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let stores = crate::open(dir.path()).unwrap();
    let journal = Arc::new(Journal::open(&dir.path().join("journal"), Options::default()).unwrap());
    let ids: Vec<_> = (0..1_000).map(|_| uuid::Uuid::now_v7()).collect();
    for id in &ids {
        assert!(matches!(journal.append(line(*id)), Appended::Written));
    }
    assert_eq!(journal.find_tail(Default::default(), ids[500]), Some(line(ids[500])));
    assert_eq!(journal.find_tail_upstream(Default::default(), &format!("chatcmpl-{}", ids[3])), Some(line(ids[3])));
    let ingest = Ingest::start(Arc::clone(&journal), Arc::clone(&stores.ledger), None).unwrap();
    wait_for("storing", || ingest.stored() == journal.stats().written);
    assert_eq!(ingest.stats().lag_lines, 0);
    let found = crate::ingest::block_on(stores.ledger.find(ids[7])).unwrap();
    assert_eq!(found, Some(line(ids[7])));
    assert!(ingest.stop(Duration::from_secs(5)));
}
