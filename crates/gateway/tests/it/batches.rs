//! Batches: owned and pinned, and each of their requests in the ledger once, at a batch's price, whether or not the
//! caller comes back and however often the gateway stops on the way.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::http::{self, Request, Response};
use testkit::upstream::{Script, Upstream};
use tokio::time::{Instant, sleep};

use crate::child::Program;
use crate::files::upload;
use crate::harness::{ADMIN, ALICE, BOB, CANARY, Harness, KEY_1, KEY_2, PATIENCE, keys, nanos, no_secrets};
use crate::keeper::{Keeper, answered, refused, request, succeeded};

/// `openai` and `anthropic` of the catalogue at this upstream, `own` whose prices the operator gave, `plain` that has
/// no batches.
fn config(upstream: &Upstream) -> String {
    let url = upstream.url();
    format!(
        "server: {{ admin_key: {ADMIN} }}\n{}providers:\n  openai: {{ base_url: \"{url}/v1\", api_keys: [{KEY_1}, {KEY_2}] \
         }}\n  anthropic: {{ base_url: \"{url}\", api_key: {KEY_1} }}\n  own: {{ kind: openai-compatible, base_url: \
         \"{url}/v1\", api_key: {KEY_2}, prices: {{ \"*\": {{ input: 1, output: 2 }} }} }}\n  plain: {{ kind: deepseek, base_url: \
         \"{url}\", api_key: {KEY_2} }}\n",
        keys()
    )
}

async fn start(upstream: &Upstream) -> Harness {
    Harness::start(&config(upstream)).await
}

fn jsonl(lines: &[Value]) -> Vec<u8> {
    lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}

fn id(response: &Response) -> String {
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["id"].as_str().unwrap().to_owned()
}

fn batch(file: &str) -> Value {
    json!({"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"})
}

fn get(path: &str, key: &str) -> Request {
    Request::get(path).bearer(key)
}

/// Uploads requests and makes a batch of them.
async fn make(harness: &Harness, requests: &[Value], provider: &str) -> String {
    let file = upload("batch", &jsonl(requests), ALICE).header("x-tollgate-provider", provider);
    let file = id(&harness.call(&file).await);
    let made = Request::post("/v1/batches", &batch(&file)).bearer(ALICE).header("x-tollgate-tags", "team=a");
    id(&harness.call(&made).await)
}

/// The lines of batches' requests, once there are that many.
async fn lines_of(ledger: &dyn policy::port::Ledger, count: usize, within: Duration) -> Vec<Value> {
    let since = Instant::now();
    loop {
        let page = ledger.page(None, 10_000).await.unwrap();
        let lines: Vec<Value> = page.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let lines: Vec<Value> = lines.into_iter().filter(|line: &Value| line["operation"] == "batch").collect();
        assert!(lines.len() <= count, "{} lines of {count}", lines.len());
        if lines.len() == count {
            return lines;
        }
        assert!(since.elapsed() < within, "{} lines of {count} in {within:?}", lines.len());
        sleep(Duration::from_millis(20)).await;
    }
}

fn sum(lines: &[Value]) -> i64 {
    lines.iter().map(|line| nanos(line["cost"]["usd"].as_str().unwrap()).unwrap()).sum()
}

#[tokio::test]
async fn requests_are_priced_once_though_nobody_comes_back() {
    let upstream = Upstream::start().await;
    let keeper = Keeper::behind(&upstream);
    let harness = start(&upstream).await;
    let asked = [request("a", "openai/gpt-4o-mini"), request("b", "gpt-4o-mini"), request("c", "gpt-4o-mini")];
    let made = make(&harness, &asked, "openai").await;
    keeper.end(&made, "completed", &[answered("a"), answered("b")], &[refused("c", 400)]);
    let lines = lines_of(&*harness.gateway.ledger, 3, PATIENCE).await;
    // Half of 0.15 and 0.60 USD per million.
    for name in ["a", "b"] {
        let line = lines.iter().find(|line| line["batch"]["custom_id"] == name).unwrap();
        assert_eq!(line["cost"]["usd"], "0.000006750", "{line}");
        assert_eq!(line["cost"]["source"], "computed");
        assert_eq!((&line["usage"]["input"], &line["usage"]["output"]), (&json!(10), &json!(20)));
        assert_eq!(line["served"], json!({"provider": "openai", "model": "gpt-4o-mini", "region": null}));
        assert_eq!(line["batch"]["id"], *made);
        assert_eq!((&line["status"], &line["http"]), (&json!("ok"), &json!(200)));
        assert_eq!(line["caller"]["key"], "alice");
        assert_eq!((&line["caller"]["team"], &line["caller"]["organization"]), (&json!("red"), &json!("acme")));
        assert_eq!(line["caller"]["tags"], json!({"team": "a"}));
    }
    let line = lines.iter().find(|line| line["batch"]["custom_id"] == "c").unwrap();
    assert_eq!(
        (&line["status"], &line["http"], &line["cost"]["usd"]),
        (&json!("error"), &json!(400), &json!("0.000000000"))
    );
    assert_eq!(line["error"]["kind"], "upstream_rejected");
    // The answers are the caller's to read, and nobody else's.
    let shown = harness.call(&get(&format!("/v1/batches/{made}"), ALICE)).await.json();
    let output = shown["output_file_id"].as_str().unwrap().to_owned();
    let content = harness.call(&get(&format!("/v1/files/{output}/content"), ALICE)).await;
    assert_eq!(content.body, jsonl(&[answered("a"), answered("b")]));
    assert_eq!(harness.call(&get(&format!("/v1/files/{output}/content"), BOB)).await.status, 404);
    let open = harness.gateway.objects.open(10).await.unwrap();
    assert!(open.is_empty(), "settled: {open:?}");
    let all = harness.finish().await;
    let own: Vec<&Value> = all.iter().filter(|line| line["operation"] == "batches").collect();
    assert!(own.iter().all(|line| line["cost"]["usd"] == "0.000000000"), "{own:?}");
    assert_eq!(sum(&all), 13_500);
}

#[tokio::test]
async fn batches_are_their_makers_and_stay_where_their_file_is() {
    let upstream = Upstream::start().await;
    let keeper = Keeper::behind(&upstream);
    let harness = start(&upstream).await;
    // The two keys of the provider take turns with files; a batch goes where its file is.
    for _ in 0..3 {
        make(&harness, &[request("a", "gpt-4o-mini")], "openai").await;
        let sent: Vec<_> = upstream.requests().into_iter().filter(|sent| sent.method == "POST").collect();
        let [.., file, batch] = sent.as_slice() else { panic!("two requests") };
        assert_eq!(file.header("authorization"), batch.header("authorization"));
        assert_eq!(batch.json()["endpoint"], "/v1/chat/completions");
    }
    let sent: std::collections::BTreeSet<String> = upstream
        .requests()
        .iter()
        .filter(|sent| sent.method == "POST")
        .filter_map(|sent| sent.header("authorization").map(str::to_owned))
        .collect();
    assert_eq!(sent.len(), 2, "both keys were used");
    let made = make(&harness, &[request("a", "gpt-4o-mini")], "openai").await;
    let listed = harness.call(&get("/v1/batches?limit=2", ALICE)).await.json();
    assert_eq!(
        (&listed["data"][0]["id"], &listed["has_more"], &listed["object"]),
        (&json!(made), &json!(true), &json!("list"))
    );
    assert_eq!(harness.call(&get("/v1/batches", BOB)).await.json()["data"], json!([]));
    for request in [
        get(&format!("/v1/batches/{made}"), BOB),
        Request::post(&format!("/v1/batches/{made}/cancel"), &json!({})).bearer(BOB),
        get("/v1/batches/batch_999", ALICE),
    ] {
        let response = harness.call(&request).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (404, Some("not_found")));
    }
    let cancel = Request::new("POST", &format!("/v1/batches/{made}/cancel")).bearer(ALICE);
    assert_eq!(harness.call(&cancel).await.json()["status"], "cancelling");
    // What was done until then is charged.
    keeper.end(
        &made,
        "cancelled",
        &[answered("a")],
        &[json!({"custom_id": "b", "response": null, "error": {"code": "batch_cancelled"}})],
    );
    assert_eq!(harness.call(&get(&format!("/v1/batches/{made}"), ALICE)).await.json()["status"], "cancelled");
    // Somebody saw its end, so it is not waited for.
    let lines = lines_of(&*harness.gateway.ledger, 2, Duration::from_secs(4)).await;
    assert_eq!(sum(&lines), 6_750);
    assert!(lines.iter().any(|line| line["status"] == "cancelled" && line["http"] == 499));

    let file = id(&harness
        .call(&upload("batch", &jsonl(&[request("a", "m")]), ALICE).header("x-tollgate-provider", "own"))
        .await);
    let of = |body: &Value, key: &str| Request::post("/v1/batches", body).bearer(key);
    for (request, status, kind) in [
        (of(&batch(&file), BOB), 404, "not_found"),
        (of(&batch("file-999"), ALICE), 404, "not_found"),
        (of(&json!({"endpoint": "/v1/chat/completions"}), ALICE), 400, "invalid_request"),
        (of(&json!([]), ALICE), 400, "invalid_request"),
        (Request::new("DELETE", &format!("/v1/batches/{made}")).bearer(ALICE), 405, "method_not_allowed"),
    ] {
        let response = harness.call(&request).await;
        assert_eq!((response.status, response.header("x-tollgate-error")), (status, Some(kind)), "{}", response.text());
    }
    let nowhere = upload("batch", &jsonl(&[request("a", "x")]), ALICE).header("x-tollgate-provider", "plain");
    let response = harness.call(&nowhere).await;
    assert_eq!(
        (response.status, response.header("x-tollgate-error")),
        (404, Some("no_candidate")),
        "{}",
        response.text()
    );
    harness.finish().await;
}

#[tokio::test]
async fn anthropics_batches_are_patched_priced_and_read_through_the_gateway() {
    let upstream = Upstream::start().await;
    let keeper = Keeper::behind(&upstream);
    let harness = start(&upstream).await;
    let post = |body: &Value, key: &str| {
        Request::post("/v1/messages/batches", body).header("x-api-key", key).header("anthropic-version", "2023-06-01")
    };
    let of = |models: &[&str]| {
        let requests: Vec<Value> = models
            .iter()
            .enumerate()
            .map(|(place, model)| json!({"custom_id": format!("r{place}"), "params": {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": CANARY}]}}))
            .collect();
        json!({"requests": requests})
    };
    let made = id(&harness.call(&post(&of(&["anthropic/claude-haiku-4-5", "claude-haiku-4-5"]), ALICE)).await);
    let sent = upstream.requests().pop().unwrap();
    assert_eq!(sent.json(), of(&["claude-haiku-4-5", "claude-haiku-4-5"]));
    assert_eq!((sent.header("x-api-key"), sent.path()), (Some(KEY_1), "/v1/messages/batches"));
    for (body, key, status, kind) in [
        (of(&["claude-haiku-4-5"]), BOB, 403, "forbidden"),
        (of(&["claude-haiku-4-5", "openai/gpt-4o-mini"]), ALICE, 400, ""),
        (json!({"requests": [{"custom_id": "a"}]}), ALICE, 400, ""),
        (json!({"requests": {}}), ALICE, 400, ""),
    ] {
        let response = harness.call(&post(&body, key)).await;
        assert_eq!(
            (response.status, &response.json()["type"]),
            (status, &json!("error")),
            "{kind} {}",
            response.text()
        );
    }
    let path = |rest: &str| format!("/v1/messages/batches{rest}");
    let get = |rest: &str, key: &str| {
        Request::get(&path(rest)).header("x-api-key", key).header("anthropic-version", "2023-06-01")
    };
    let results = [
        succeeded("r0"),
        json!({"custom_id": "r1", "result": {"type": "errored", "error": {"type": "error", "error": {"type": "invalid_request_error", "message": "x"}}}}),
        json!({"custom_id": "r2", "result": {"type": "expired"}}),
        json!({"custom_id": "r3", "result": {"type": "canceled"}}),
    ];
    keeper.end_messages(&made, &results);
    let shown = harness.call(&get(&format!("/{made}"), ALICE)).await.json();
    assert_eq!(shown["results_url"], path(&format!("/{made}/results")), "never the provider's");
    let read = harness.call(&get(&format!("/{made}/results"), ALICE)).await;
    assert_eq!(read.body, jsonl(&results));
    assert_eq!(harness.call(&get(&format!("/{made}/results"), BOB)).await.status, 404);
    let listed = harness.call(&get("?limit=5", ALICE)).await.json();
    assert_eq!(
        (&listed["data"][0]["id"], &listed["first_id"], &listed["has_more"]),
        (&json!(made), &json!(made), &json!(false))
    );
    assert_eq!(listed["data"][0]["results_url"], path(&format!("/{made}/results")));
    let lines = lines_of(&*harness.gateway.ledger, 4, Duration::from_secs(4)).await;
    // 0.5 and 2.5 USD per million.
    assert_eq!(sum(&lines), 55_000, "{lines:?}");
    let words: std::collections::BTreeSet<String> =
        lines.iter().map(|line| format!("{} {}", line["status"], line["http"])).collect();
    assert_eq!(
        words.into_iter().collect::<Vec<_>>(),
        ["\"cancelled\" 499", "\"error\" 400", "\"error\" 504", "\"ok\" 200"]
    );
    let delete = Request::new("DELETE", &path(&format!("/{made}"))).header("x-api-key", ALICE);
    assert_eq!(harness.call(&delete).await.status, 200);
    assert_eq!(harness.call(&get(&format!("/{made}"), ALICE)).await.status, 404);
    harness.finish().await;
}

#[tokio::test]
async fn answers_are_priced_before_they_can_be_deleted() {
    let upstream = Upstream::start().await;
    let keeper = Keeper::behind(&upstream);
    let harness = start(&upstream).await;
    let made = make(&harness, &[request("a", "gpt-4o-mini")], "openai").await;
    keeper.end(&made, "completed", &[answered("a")], &[]);
    // The output's id is learnt from the batch, then the file is deleted at once.
    let shown = harness.call(&get(&format!("/v1/batches/{made}"), ALICE)).await.json();
    let output = shown["output_file_id"].as_str().unwrap();
    let delete = Request::new("DELETE", &format!("/v1/files/{output}")).bearer(ALICE);
    assert_eq!(harness.call(&delete).await.json()["deleted"], true);
    assert_eq!(sum(&lines_of(&*harness.gateway.ledger, 1, PATIENCE).await), 6_750);
    harness.finish().await;
}

#[tokio::test]
async fn an_unknown_discount_is_unpriced_and_the_operators_price_holds() {
    let upstream = Upstream::start().await;
    let keeper = Keeper::behind(&upstream);
    let harness = start(&upstream).await;
    let own = make(&harness, &[request("a", "own/any")], "own").await;
    let odd = make(&harness, &[request("b", "openai/gpt-unheard-of")], "openai").await;
    for (batch, name) in [(&own, "a"), (&odd, "b")] {
        let mut line = answered(name);
        line["response"]["body"]["model"] = "any".into();
        keeper.end(batch, "completed", &[line], &[]);
        harness.call(&get(&format!("/v1/batches/{batch}"), ALICE)).await;
    }
    let lines = lines_of(&*harness.gateway.ledger, 2, PATIENCE).await;
    let of = |name: &str| lines.iter().find(|line| line["batch"]["custom_id"] == name).unwrap();
    assert_eq!((&of("a")["cost"]["usd"], &of("a")["asked"]), (&json!("0.000050000"), &json!("own/any")));
    assert_eq!((&of("b")["cost"]["usd"], &of("b")["cost"]["source"]), (&Value::Null, &json!("unpriced")));
    harness.finish().await;
}

#[tokio::test]
async fn a_provider_that_fails_is_asked_again_and_bad_lines_cost_nothing() {
    let upstream = Upstream::start().await;
    let keeper = Keeper::behind(&upstream);
    let harness = start(&upstream).await;
    let made = make(&harness, &[request("a", "gpt-4o-mini")], "openai").await;
    let lines = [answered("a"), json!({"no": "id"}), json!([1]), answered("z")];
    keeper.end(&made, "completed", &lines, &[]);
    let acts = keeper.clone();
    let failures = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let failed = std::sync::Arc::clone(&failures);
    upstream.act(move |request| {
        let content = request.path().ends_with("/content");
        if content && failed.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 {
            // The answers break off behind the first line.
            let cut = format!("{}\n{{\"custom", answered("a"));
            return Some(Script::body(200, "text/plain", cut.clone()).cut_after(cut.len() - 3));
        }
        acts.act_on(request)
    });
    harness.call(&get(&format!("/v1/batches/{made}"), ALICE)).await;
    let lines = lines_of(&*harness.gateway.ledger, 2, PATIENCE).await;
    assert_eq!(sum(&lines), 2 * 6_750);
    assert!(failures.load(std::sync::atomic::Ordering::SeqCst) >= 2);
    harness.finish().await;
}

#[tokio::test]
async fn killed_in_the_middle_every_request_is_there_once() {
    let upstream = Upstream::start().await;
    let keeper = Keeper::behind(&upstream);
    let dir = tempfile::tempdir().unwrap();
    let (file, data) = (dir.path().join("tollgate.yaml"), dir.path().join("data"));
    std::fs::write(&file, config(&upstream)).unwrap();
    let mut program = Program::start(&file, &data);
    let call = async |addr, request: &Request| http::fetch(addr, request).await;
    let input = upload("batch", &jsonl(&[request("a", "gpt-4o-mini")]), ALICE).header("x-tollgate-provider", "openai");
    let input = id(&call(program.addr, &input).await);
    let made = id(&call(program.addr, &Request::post("/v1/batches", &batch(&input)).bearer(ALICE)).await);
    let mut printed = Vec::new();
    // Killed right after the answer: what the caller was told of is known to the next.
    let left = program.kill();
    printed.push([left.out, left.err].concat());
    program = Program::start(&file, &data);
    assert_eq!(call(program.addr, &get(&format!("/v1/batches/{made}"), ALICE)).await.status, 200);
    assert_eq!(call(program.addr, &get(&format!("/v1/files/{input}"), BOB)).await.status, 404);
    let answers: Vec<Value> = (0..3_000).map(|number| answered(&format!("r{number}"))).collect();
    keeper.end(&made, "completed", &answers, &[]);
    let mut dice = crate::kill9::Dice(0x5eed);
    for _ in 0..4 {
        // Whoever sees the end of the batch begins the work, and dies in it.
        assert_eq!(call(program.addr, &get(&format!("/v1/batches/{made}"), ALICE)).await.status, 200);
        sleep(Duration::from_millis(dice.below(300))).await;
        let left = program.kill();
        printed.push([left.out, left.err].concat());
        program = Program::start(&file, &data);
    }
    call(program.addr, &get(&format!("/v1/batches/{made}"), ALICE)).await;
    let stores = store::open(&data).unwrap();
    let lines = lines_of(&*stores.ledger, 3_000, PATIENCE * 2).await;
    assert_eq!(sum(&lines), 3_000 * 6_750);
    let since = Instant::now();
    while !stores.objects.open(10).await.unwrap().is_empty() {
        assert!(since.elapsed() < PATIENCE, "the batch is not settled");
        sleep(Duration::from_millis(50)).await;
    }
    program.signal("TERM");
    let last = program.ended();
    assert_eq!(last.status.code(), Some(0), "{}", String::from_utf8_lossy(&last.err));
    assert_eq!(lines_of(&*stores.ledger, 3_000, PATIENCE).await.len(), 3_000, "none twice");
    let sums = stores.ledger.sums(policy::port::Grouping::HourKey, 0, i64::MAX).await.unwrap();
    assert_eq!(sums.iter().map(|sum| sum.nanos).sum::<i64>(), 3_000 * 6_750);
    let texts: Vec<&[u8]> = printed.iter().map(Vec::as_slice).collect();
    no_secrets(&data, &texts);
}
