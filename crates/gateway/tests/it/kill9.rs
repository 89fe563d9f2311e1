//! A gateway that is killed loses no answer that a client has in full: each is in the ledger exactly once.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use policy::port::Grouping;
use serde_json::Value;
use testkit::http::{Client, End, Request};
use testkit::samples::openai;
use testkit::upstream::{Script, Upstream};
use tokio::task::JoinSet;

use crate::child::Program;
use crate::harness::{self, KEY_1, chat, chat_stream, keys, no_secrets, post_chat};

/// Clients at once.
const CLIENTS: usize = 4;

/// Chance from a seed that a failure tells.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// How often it is killed: `TOLLGATE_KILLS`, else 8.
fn kills() -> usize {
    std::env::var("TOLLGATE_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_completed_answer_is_in_the_ledger_exactly_once() {
    let upstream = Upstream::start().await;
    upstream.reply_when(
        |request| request.text().contains("\"stream\":true"),
        Script::sse(openai::stream(&["a", "b"], Some((7, 2)))),
    );
    upstream.reply_always(Script::json(200, &openai::completion("ok", 3, 1)));
    let dir = tempfile::tempdir().unwrap();
    let (file, data) = (dir.path().join("tollgate.yaml"), dir.path().join("data"));
    std::fs::write(&file, format!("{}providers:\n{}", keys(), harness::openai("p1", &upstream.url(), KEY_1, "")))
        .unwrap();
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let mut dice = Dice(seed);
    let done: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut printed = Vec::new();
    let mut killed = 0;
    while killed < kills() || done.lock().unwrap().len() < 40 {
        let program = Program::start(&file, &data);
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let client = Client::connect(program.addr).await;
            clients.spawn(ask_until_cut(client, number % 2 == 0, Arc::clone(&done)));
        }
        tokio::time::sleep(Duration::from_millis(dice.below(120))).await;
        let left = program.kill();
        printed.push([left.out, left.err].concat());
        while let Some(ended) = clients.join_next().await {
            ended.unwrap();
        }
        killed += 1;
    }
    // The last start replays what the killed ones left, and ends in order.
    let program = Program::start(&file, &data);
    program.signal("TERM");
    let last = program.ended();
    assert_eq!(last.status.code(), Some(0), "{}", String::from_utf8_lossy(&last.err));
    let done = done.lock().unwrap().clone();
    prove(&data, &done, seed).await;
    let texts: Vec<&[u8]> = printed.iter().map(Vec::as_slice).collect();
    no_secrets(&data, &texts);
    eprintln!("{} answers, {killed} kills", done.len());
}

/// Every id has exactly one line, and the rollups count every line once.
async fn prove(data: &Path, done: &[String], seed: u64) {
    assert_eq!(done.iter().collect::<HashSet<_>>().len(), done.len(), "an id was given twice");
    let stores = store::open(data).unwrap();
    let mut lines: HashMap<String, usize> = HashMap::new();
    let (mut before, mut nanos) = (None, 0);
    loop {
        let page = stores.ledger.page(before, 1_000).await.unwrap();
        let Some(last) = page.last() else { break };
        let last: Value = serde_json::from_str(last).unwrap();
        before = Some(last["id"].as_str().unwrap().parse().unwrap());
        for line in &page {
            let line: Value = serde_json::from_str(line).unwrap();
            *lines.entry(line["id"].as_str().unwrap().to_owned()).or_default() += 1;
            nanos += line["cost"]["usd"].as_str().and_then(harness::nanos).unwrap();
        }
    }
    let missing: Vec<&String> = done.iter().filter(|id| lines.get(*id) != Some(&1)).collect();
    assert!(
        missing.is_empty(),
        "seed {seed}: {} of {} answers are not there once: {missing:?}",
        missing.len(),
        done.len()
    );
    let sums = stores.ledger.sums(Grouping::HourModel, 0, i64::MAX).await.unwrap();
    let (rolled, requests) =
        sums.iter().fold((0, 0), |(nanos, requests), sum| (nanos + sum.nanos, requests + sum.requests));
    assert_eq!((rolled, requests), (nanos, lines.len() as u64), "seed {seed}: rollups and lines differ");
}

/// Calls on one connection until it breaks; notes the ids of answers that are complete.
async fn ask_until_cut(mut client: Client, stream: bool, done: Arc<Mutex<Vec<String>>>) {
    let body = if stream { chat_stream("p1/m") } else { chat("p1/m") };
    let request: Request = post_chat(&body);
    loop {
        if client.send(request.to_bytes()).await.is_err() {
            return;
        }
        let Ok((status, head)) = client.read_head().await else { return };
        assert_eq!(status, 200, "{head:?}");
        let mut text = Vec::new();
        let end = loop {
            match client.next_piece().await {
                Ok(piece) => text.extend(piece.bytes),
                Err(end) => break end,
            }
        };
        // The marker is the end of a stream for a client, also when the connection breaks right after.
        let complete = if stream { text.ends_with(b"data: [DONE]\n\n") } else { end == End::Clean };
        if complete {
            done.lock().unwrap().push(head.get("x-tollgate-request-id").unwrap().to_owned());
        }
        if end != End::Clean {
            return;
        }
    }
}
