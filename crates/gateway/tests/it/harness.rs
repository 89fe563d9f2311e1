//! A gateway in this process on a port of its own, and the proof that it left the world clean.
//!
//! [`Harness::finish`] stops it and holds that no task is left, nothing is in flight or held in memory, every
//! answered call of a known caller has exactly one line, the ledger's money is the money that callers were told,
//! the journal is stored, and no secret or prompt text stands in anything that was written.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway::boot::{self, BootError, Start};
use gateway::config::Flags;
use gateway::gateway::Gateway;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::http::{self, Client, Request, Response};
use testkit::upstream::Upstream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// The text of the key `alice`, of team `red`.
pub(crate) const ALICE: &str = "tg-aaaaaaaaaaaa-alicealicealicealicealicealicealicealice";
/// The text of the key `bob`, of no team; it may ask for `p1/*` and `two` only.
pub(crate) const BOB: &str = "tg-bbbbbbbbbbbb-bobbobbobbobbobbobbobbobbobbobbobbobbobbob";
/// The admin key.
pub(crate) const ADMIN: &str = "tg-cccccccccccc-adminadminadminadminadminadminadminadmi";
/// Words that no file and no log may hold; every sample prompt has them.
pub(crate) const CANARY: &str = "canary-7f3a9c-prompt";
/// The key of the first provider.
pub(crate) const KEY_1: &str = "sk-upstream-one-0123456789abcdef";
/// The key of the second provider.
pub(crate) const KEY_2: &str = "sk-upstream-two-fedcba9876543210";
/// How long anything may take before a test fails: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Keys of the file: alice and bob, and the admin's.
pub(crate) fn keys() -> String {
    let hash = |key: &str| gateway::state::directory::hex(&gateway::state::directory::hash(key));
    format!(
        "organizations: {{ acme: {{ teams: [red] }} }}\nteams: {{ red: {{}} }}\nkeys:\n  - {{ name: alice, team: red, \
         hash: \"sha256:{}\" }}\n  - {{ name: bob, models: [\"p1/*\", two], hash: \"sha256:{}\" }}\n",
        hash(ALICE),
        hash(BOB)
    )
}

/// A provider that speaks OpenAI's dialect: model `m` at 1 USD in, 2 USD out; `free` at 0; `odd` without a price.
pub(crate) fn openai(name: &str, upstream: &str, key: &str, more: &str) -> String {
    format!(
        "  {name}: {{ kind: openai-compatible, base_url: \"{upstream}/v1\", api_key: {key}, models: [m, free, odd], \
         prices: {{ m: {{ input: 1, output: 2 }}, free: {{ input: 0, output: 0 }} }}{more} }}\n"
    )
}

/// A provider that speaks Anthropic's dialect: model `m` at 1 USD in, 5 USD out.
pub(crate) fn anthropic(name: &str, upstream: &str, key: &str, more: &str) -> String {
    format!(
        "  {name}: {{ kind: anthropic-compatible, base_url: \"{upstream}\", api_key: {key}, models: [m], prices: {{ m: \
         {{ input: 1, output: 5 }} }}{more} }}\n"
    )
}

/// A chat request in OpenAI's dialect.
pub(crate) fn chat(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": CANARY}]})
}

/// The same, streamed.
pub(crate) fn chat_stream(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": CANARY}], "stream": true})
}

/// A request in Anthropic's dialect.
pub(crate) fn message(model: &str) -> Value {
    json!({"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": CANARY}]})
}

/// The same, streamed.
pub(crate) fn message_stream(model: &str) -> Value {
    let mut body = message(model);
    body["stream"] = true.into();
    body
}

/// `POST /v1/chat/completions` with alice's key.
pub(crate) fn post_chat(body: &Value) -> Request {
    Request::post("/v1/chat/completions", body).bearer(ALICE)
}

/// `POST /v1/messages` with alice's key.
pub(crate) fn post_message(body: &Value) -> Request {
    Request::post("/v1/messages", body).header("x-api-key", ALICE).header("anthropic-version", "2023-06-01")
}

/// What a caller was told of one call.
#[derive(Debug, Clone)]
struct Told {
    id: String,
    status: u16,
    cost: Option<String>,
}

/// An environment of given variables and the real files.
#[derive(Debug)]
pub(crate) struct Surroundings(std::collections::BTreeMap<String, String>);

impl Surroundings {
    pub(crate) fn of(vars: &[(&str, &str)]) -> Self {
        Self(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }
}

impl gateway::config::env::Env for Surroundings {
    fn var(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn file(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// A running gateway.
pub(crate) struct Harness {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) addr: std::net::SocketAddr,
    pub(crate) dir: TempDir,
    task: JoinHandle<Result<(), BootError>>,
    told: Mutex<Vec<Told>>,
}

impl Harness {
    /// Starts one with this configuration.
    pub(crate) async fn start(config: &str) -> Self {
        Self::start_in(config, &[], tempfile::tempdir().unwrap()).await
    }

    /// Starts one with this configuration, in an environment of these variables alone where there are any, and in
    /// this folder.
    pub(crate) async fn start_in(config: &str, vars: &[(&str, &str)], dir: TempDir) -> Self {
        let file = dir.path().join("tollgate.yaml");
        std::fs::write(&file, config).unwrap();
        let data = dir.path().join("data");
        let start = Start {
            file: Some(file),
            flags: Flags { listen: Some("127.0.0.1:0".to_owned()), data_dir: Some(data) },
            quiet: true,
            silent: true,
        };
        let config = match vars.is_empty() {
            true => boot::load(&start).unwrap_or_else(|error| panic!("{error}: {error:?}\n{config}")),
            false => {
                let loaded = gateway::config::load(start.file.as_deref(), &Surroundings::of(vars), &start.flags);
                loaded.unwrap_or_else(|mistakes| panic!("{mistakes:#?}\n{config}")).config
            }
        };
        let running = boot::open(config, &start).await.unwrap();
        let (gateway, addr) = (Arc::clone(&running.gateway), running.address);
        let task = tokio::spawn(running.serve());
        Self { gateway, addr, dir, task, told: Mutex::default() }
    }

    /// One with keys, where `p1` is this upstream in OpenAI's dialect.
    pub(crate) async fn one(upstream: &Upstream) -> Self {
        Self::start(&format!(
            "server: {{ admin_key: {ADMIN} }}\n{}providers:\n{}",
            keys(),
            openai("p1", &upstream.url(), KEY_1, "")
        ))
        .await
    }

    /// One with keys, where `a1` is this upstream in Anthropic's dialect.
    pub(crate) async fn one_anthropic(upstream: &Upstream) -> Self {
        Self::start(&format!(
            "server: {{ admin_key: {ADMIN} }}\n{}providers:\n{}",
            keys(),
            anthropic("a1", &upstream.url(), KEY_1, "")
        ))
        .await
    }

    /// One with keys and `p1`, `p2` of OpenAI's dialect, and `two` that tries them in order.
    /// `server` and `model` are members added there (`, keepalive: 1s`).
    pub(crate) async fn two(first: &Upstream, second: &Upstream, server: &str, model: &str) -> Self {
        Self::start(&format!(
            "server: {{ admin_key: {ADMIN}{server} }}\n{}providers:\n{}{}models:\n  two: {{ targets: [p1/m, p2/m]{model} \
             }}\n",
            keys(),
            openai("p1", &first.url(), KEY_1, ""),
            openai("p2", &second.url(), KEY_2, "")
        ))
        .await
    }

    /// Sends one model call on a connection of its own, reads the whole answer, and notes what was told.
    pub(crate) async fn call(&self, request: &Request) -> Response {
        let response = http::fetch(self.addr, request).await;
        self.note(&response);
        response
    }

    /// Notes what a model call's answer told; [`Harness::finish`] looks for its line.
    pub(crate) fn note(&self, response: &Response) {
        self.note_head(response.status, &response.head);
    }

    /// The same for a head.
    pub(crate) fn note_head(&self, status: u16, head: &testkit::h1::Head) {
        let id = head.get("x-tollgate-request-id").expect("every answer has an id").to_owned();
        let unknown = matches!(head.get("x-tollgate-error"), Some("unauthenticated" | "loop"));
        if !unknown {
            let cost = head.get("x-tollgate-cost-usd").map(str::to_owned);
            self.told.lock().unwrap().push(Told { id, status, cost });
        }
    }

    /// A connection.
    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.addr).await
    }

    /// The ledger line of an answer, read as alice would, within the second that is promised.
    pub(crate) async fn line(&self, response: &Response) -> Value {
        self.line_of(response.header("x-tollgate-request-id").unwrap(), ALICE).await
    }

    /// The ledger line of an id, as a key sees it.
    pub(crate) async fn line_of(&self, id: &str, key: &str) -> Value {
        let since = Instant::now();
        loop {
            let found = http::fetch(self.addr, &Request::get(&format!("/v1/requests/{id}")).bearer(key)).await;
            if found.status == 200 {
                return found.json();
            }
            assert_eq!(found.status, 404, "{}", found.text());
            // A second is promised; a busy machine is given more.
            assert!(since.elapsed() < Duration::from_secs(5), "no line of {id} in 5 s");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// The only line there is, once it is there: for callers that left before an answer.
    pub(crate) async fn only_line(&self) -> Value {
        let since = Instant::now();
        loop {
            let page = self.gateway.ledger.page(None, 10).await.unwrap();
            if let [line] = page.as_slice() {
                return serde_json::from_str(line).unwrap();
            }
            assert!(page.is_empty(), "more than one line: {page:#?}");
            assert!(since.elapsed() < PATIENCE, "no line");
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until nothing is under way.
    pub(crate) async fn idle(&self) {
        let since = Instant::now();
        while self.gateway.in_flight() > 0 || self.gateway.buffered() > 0 {
            let (flight, held) = (self.gateway.in_flight(), self.gateway.buffered());
            assert!(since.elapsed() < PATIENCE, "{flight} requests and {held} bytes are left");
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops the gateway and proves the world clean; gives every line, oldest first.
    pub(crate) async fn finish(self) -> Vec<Value> {
        self.idle().await;
        self.gateway.tasks.stop().cancel();
        timeout(PATIENCE, self.task).await.expect("the gateway stops in time").unwrap().unwrap();
        assert_eq!((self.gateway.tasks.running(), self.gateway.tasks.panics()), (0, 0), "tasks left, panics");
        assert_eq!((self.gateway.in_flight(), self.gateway.buffered()), (0, 0), "in flight, buffered");
        assert_eq!(self.gateway.lag(), 0, "lines of the journal are not stored");
        let page = self.gateway.ledger.page(None, 10_000).await.unwrap();
        let mut lines: Vec<Value> = page.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.reverse();
        let told = self.told.into_inner().unwrap();
        prove_told(&lines, &told);
        prove_sums(&*self.gateway.ledger, &lines).await;
        no_secrets(&self.dir.path().join("data"), &[]);
        lines
    }
}

/// Every answer has exactly one line with what the caller was told.
fn prove_told(lines: &[Value], told: &[Told]) {
    for told in told {
        let own: Vec<&Value> = lines.iter().filter(|line| line["id"] == *told.id).collect();
        let [line] = own.as_slice() else { panic!("{} lines of {told:?}", own.len()) };
        assert_eq!(line["http"], told.status, "{line}");
        if let Some(cost) = &told.cost {
            assert_eq!(line["cost"]["usd"], **cost, "{line}");
        }
        let error = line["status"] == "error";
        assert_eq!(error, told.status >= 400, "{line}");
    }
}

/// The rollups are the sum of the lines.
async fn prove_sums(ledger: &dyn policy::port::Ledger, lines: &[Value]) {
    let sums = ledger.sums(policy::port::Grouping::HourModel, 0, i64::MAX).await.unwrap();
    let rolled: i64 = sums.iter().map(|sum| sum.nanos).sum();
    let summed: i64 = lines.iter().filter_map(|line| nanos(line["cost"]["usd"].as_str()?)).sum();
    assert_eq!(rolled, summed, "nanodollars in rollups and in lines");
}

/// A decimal of nine places in nanodollars.
pub(crate) fn nanos(usd: &str) -> Option<i64> {
    usd.replacen('.', "", 1).parse().ok()
}

/// No file below a folder, and none of the texts, holds a secret or a prompt.
pub(crate) fn no_secrets(folder: &Path, texts: &[&[u8]]) {
    let look = |name: &str, bytes: &[u8]| {
        for secret in [ALICE, BOB, ADMIN, CANARY, KEY_1, KEY_2] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{name} holds {secret}");
        }
    };
    for text in texts {
        look("what was printed", text);
    }
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                look(&path.display().to_string(), &bytes);
            }
        }
    }
}
