//! Responses and conversations that a provider keeps: gone on from, read, cancelled and deleted at the provider and with
//! the key that made them, by their owner alone; made in the background, they are priced once.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::http::{Request, Response};
use testkit::samples::{anthropic, openai, responses};
use testkit::upstream::{Gate, Received, Script, Upstream};
use tokio::time::{Instant, sleep};

use crate::harness::{self, ADMIN, ALICE, BOB, CANARY, Harness, KEY_1, KEY_2, PATIENCE, keys};

/// `r1` speaks Responses and has two keys, `r2` too; `p1` speaks chat, `a1` Anthropic's messages; all are this upstream.
async fn held(upstream: &Upstream) -> Harness {
    let url = upstream.url();
    let prices = "models: [m], prices: { m: { input: 1, output: 2 } }";
    let row = |name: &str, keys: &str| {
        format!(
            "  {name}: {{ kind: openai, base_url: \"{url}/v1\", api_keys: [{keys}], dialect: openai-responses, {prices} }}\n"
        )
    };
    Harness::start(&format!(
        "server: {{ admin_key: {ADMIN} }}\n{}providers:\n{}{}{}{}models:\n  any: {{ targets: [a1/m, r2/m, r1/m], fallback: [p1/m] \
         }}\n  others: {{ targets: [a1/m, p1/m] }}\n",
        keys().replace("[\"p1/*\", two]", "[\"r1/*\", \"p1/*\"]"),
        row("r2", KEY_2),
        row("r1", &format!("{KEY_1}, {KEY_1}-second")),
        harness::openai("p1", &url, KEY_1, ""),
        harness::anthropic("a1", &url, KEY_2, "")
    ))
    .await
}

fn post(body: &Value) -> Request {
    Request::post("/v1/responses", body).bearer(ALICE)
}

fn asks(model: &str) -> Value {
    json!({"model": model, "input": CANARY})
}

/// An answer of this id.
fn answer(id: &str) -> Value {
    let mut answer = responses::answer("ok", 10, 20);
    answer["id"] = id.into();
    answer
}

/// What a provider says of a response that it makes in the background.
fn state(id: &str, status: &str) -> Value {
    match status {
        "completed" => answer(id),
        _ => {
            let mut answer = responses::response(status, &[], &Value::Null);
            answer["id"] = id.into();
            answer["background"] = true.into();
            answer
        }
    }
}

fn bearer(received: &Received) -> &str {
    received.header("authorization").unwrap().trim_start_matches("Bearer ")
}

async fn send(harness: &Harness, method: &str, path: &str, key: &str) -> Response {
    let response = testkit::http::fetch(harness.addr, &Request::new(method, path).bearer(key)).await;
    harness.note(&response);
    response
}

/// The lines of an operation, once there are so many.
async fn lines(harness: &Harness, operation: &str, count: usize) -> Vec<Value> {
    let since = Instant::now();
    loop {
        let page = harness.gateway.ledger.page(None, 100).await.unwrap();
        let lines = page.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let lines: Vec<Value> =
            lines.filter(|line| line["operation"] == operation && line["decision"]["why"] == "background").collect();
        if lines.len() >= count {
            return lines;
        }
        assert!(since.elapsed() < PATIENCE, "{} lines of {operation}", lines.len());
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn it_goes_on_at_the_provider_and_key_that_made_it() {
    let upstream = Upstream::start().await;
    let harness = held(&upstream).await;
    let mut keys_used = Vec::new();
    for (number, stream) in [(0, false), (1, true), (2, false)] {
        let id = format!("resp_{number}");
        upstream.reply(match stream {
            false => Script::json(200, &answer(&id)),
            true => Script::sse(
                responses::text_stream("ok", 10, 20)
                    .into_iter()
                    .map(|frame| String::from_utf8_lossy(&frame).replace(responses::ID, &id).into_bytes())
                    .collect::<Vec<_>>(),
            ),
        });
        let mut body = asks("r1/m");
        body["stream"] = stream.into();
        let response = harness.call(&post(&body)).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let key = bearer(&upstream.requests().pop().unwrap()).to_owned();
        // Neither the model's order nor the keys' turn counts: twice, and by any of the team's names for it.
        for model in ["any", "r1/m"] {
            let mut body = asks(model);
            body["previous_response_id"] = json!(id);
            upstream.reply(Script::json(200, &answer(&format!("{id}_{}", model.len()))));
            let response = harness.call(&post(&body)).await;
            assert_eq!(
                (response.status, response.header("x-tollgate-served-by")),
                (200, Some("r1/m")),
                "{}",
                response.text()
            );
            assert_eq!(response.header("x-tollgate-why"), Some("pinned"));
            let up = upstream.requests().pop().unwrap();
            assert_eq!((bearer(&up), &up.json()["previous_response_id"]), (key.as_str(), &json!(id)));
        }
        // It fails: no other target, no other key.
        let before = upstream.requests().len();
        upstream.reply(Script::json(401, &openai::bad_key("cdef")));
        let mut body = asks("any");
        body["previous_response_id"] = json!(id);
        assert_eq!(harness.call(&post(&body)).await.status, 502);
        upstream.reply(Script::json(529, &anthropic::overloaded()));
        upstream.reply(Script::json(200, &answer("resp_again")));
        assert_eq!(harness.call(&post(&body)).await.status, 200, "the same pair again");
        let sent = upstream.requests().split_off(before);
        assert_eq!(sent.len(), 3);
        assert!(
            sent.iter().all(|one| one.path() == "/v1/responses" && bearer(one) == key),
            "no other target, no other key"
        );
        keys_used.push(key);
    }
    keys_used.dedup();
    assert!(keys_used.len() > 1, "both keys made some: {keys_used:?}");
    // What goes on nowhere: a name that does not lead there, an id that nobody has, another's.
    let before = upstream.requests().len();
    let cases = [
        ("others", "resp_0", ALICE, 404, "no_candidate"),
        ("r2/m", "resp_0", ALICE, 404, "no_candidate"),
        ("any", "resp_none", ALICE, 404, "not_found"),
        ("r1/m", "resp_0", BOB, 404, "not_found"),
        ("any", "resp_0", BOB, 404, "not_found"),
        ("others", "resp_none", ALICE, 404, "not_found"),
    ];
    for (model, id, key, status, kind) in cases {
        let mut body = asks(model);
        body["previous_response_id"] = json!(id);
        let refused = harness.call(&Request::post("/v1/responses", &body).bearer(key)).await;
        assert_eq!(
            (refused.status, refused.header("x-tollgate-error")),
            (status, Some(kind)),
            "{model} {id}: {}",
            refused.text()
        );
        assert!(refused.json()["error"]["message"].as_str().unwrap().contains("Send "), "{}", refused.text());
    }
    assert_eq!(upstream.requests().len(), before, "nothing of it went up");
    harness.finish().await;
}

#[tokio::test]
async fn an_item_of_the_account_pins_to_the_first_that_speaks_the_dialect() {
    let upstream = Upstream::start().await;
    let harness = held(&upstream).await;
    let mut body = asks("any");
    body["input"] = json!([{"type": "item_reference", "id": "msg_1"}]);
    upstream.reply(Script::json(200, &answer("resp_1")));
    let response = harness.call(&post(&body)).await;
    assert_eq!((response.status, response.header("x-tollgate-served-by")), (200, Some("r2/m")));
    body["model"] = "others".into();
    let refused = harness.call(&post(&body)).await;
    assert_eq!((refused.status, refused.header("x-tollgate-error")), (400, Some("invalid_request")));
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("Send "), "{}", refused.text());
    harness.finish().await;
}

#[tokio::test]
async fn it_is_read_cancelled_and_deleted_where_it_is_by_its_owner() {
    let upstream = Upstream::start().await;
    let harness = held(&upstream).await;
    // The second key makes it.
    for id in ["resp_a", "resp_b"] {
        upstream.reply(Script::json(200, &answer(id)));
        assert_eq!(harness.call(&post(&asks("r1/m"))).await.status, 200);
    }
    let key = bearer(&upstream.requests().pop().unwrap()).to_owned();
    let items = json!({"object": "list", "data": [], "has_more": false});
    for (method, path, told) in [
        ("GET", "/v1/responses/resp_b?include[]=reasoning.encrypted_content", answer("resp_b")),
        ("GET", "/openai/v1/responses/resp_b/input_items?limit=5&order=asc", items),
        ("POST", "/responses/resp_b/cancel", answer("resp_b")),
        ("DELETE", "/v1/responses/resp_b", json!({"id": "resp_b", "object": "response", "deleted": true})),
    ] {
        let before = upstream.requests().len();
        for stranger in [BOB] {
            let refused = send(&harness, method, path, stranger).await;
            assert_eq!(
                (refused.status, refused.header("x-tollgate-error")),
                (404, Some("not_found")),
                "{method} {path}"
            );
        }
        assert_eq!(upstream.requests().len(), before, "a stranger's question does not go up");
        upstream.reply(Script::json(200, &told));
        let response = send(&harness, method, path, ALICE).await;
        assert_eq!((response.status, response.json()), (200, told), "{method} {path}");
        let up = upstream.requests().pop().unwrap();
        let rest = path.split_once("/responses/").unwrap().1;
        assert_eq!((up.method.as_str(), up.target.as_str()), (method, format!("/v1/responses/{rest}").as_str()));
        assert_eq!(bearer(&up), key, "with the key that made it");
        let line = harness.line(&response).await;
        assert_eq!((&line["operation"], &line["cost"]["usd"]), (&json!("response"), &json!("0.000000000")), "{line}");
    }
    // Gone: for its owner too. A provider's own refusal passes.
    assert_eq!(send(&harness, "GET", "/v1/responses/resp_b", ALICE).await.status, 404);
    let gone = json!({"error": {"message": "Response with id 'resp_a' not found.", "type": "invalid_request_error", "param": "id", "code": null}});
    upstream.reply(Script::json(404, &gone));
    let refused = send(&harness, "GET", "/v1/responses/resp_a", ALICE).await;
    assert_eq!((refused.status, refused.json()), (404, gone));
    // An admin key reaches what was made past the gateway.
    upstream.reply(Script::json(200, &answer("resp_past")));
    assert_eq!(send(&harness, "GET", "/v1/responses/resp_past", ADMIN).await.status, 200);
    for (method, path, status) in [
        ("PUT", "/v1/responses/resp_a", 405),
        ("GET", "/v1/responses/resp_a/cancel", 405),
        ("GET", "/v1/responses/..", 404),
        ("GET", "/v1/responses/resp_a/more/x", 404),
    ] {
        let refused = testkit::http::fetch(harness.addr, &Request::new(method, path).bearer(ALICE)).await;
        assert_eq!(refused.status, status, "{method} {path}: {}", refused.text());
    }
    harness.finish().await;
}

#[tokio::test]
async fn conversations_pass_to_one_provider_and_belong_to_their_maker() {
    let upstream = Upstream::start().await;
    let harness = held(&upstream).await;
    let made = json!({"id": "conv_1", "object": "conversation", "created_at": 1, "metadata": {}});
    upstream.reply(Script::json(200, &made));
    let create =
        Request::post("/v1/conversations", &json!({"items": []})).header("x-tollgate-provider", "r1").bearer(ALICE);
    let response = testkit::http::fetch(harness.addr, &create).await;
    harness.note(&response);
    assert_eq!((response.status, response.json()), (200, made));
    let up = upstream.requests().pop().unwrap();
    let key = bearer(&up).to_owned();
    assert_eq!((up.path(), key.starts_with(KEY_1)), ("/v1/conversations", true));
    let mut body = asks("any");
    body["conversation"] = json!({"id": "conv_1"});
    upstream.reply(Script::json(200, &answer("resp_1")));
    let response = harness.call(&post(&body)).await;
    assert_eq!((response.status, response.header("x-tollgate-served-by")), (200, Some("r1/m")), "{}", response.text());
    assert_eq!(bearer(&upstream.requests().pop().unwrap()), key);
    for path in
        ["/v1/conversations/conv_1", "/v1/conversations/conv_1/items?limit=2", "/v1/conversations/conv_1/items/msg_1"]
    {
        upstream.reply(Script::json(200, &json!({"object": "list"})));
        assert_eq!(send(&harness, "GET", path, ALICE).await.status, 200, "{path}");
        let up = upstream.requests().pop().unwrap();
        assert_eq!((up.target.as_str(), bearer(&up)), (path, key.as_str()));
        assert_eq!(send(&harness, "GET", path, BOB).await.status, 404, "{path}");
    }
    let refused = harness.call(&Request::post("/v1/responses", &body).bearer(BOB)).await;
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (404, &json!("conversation_not_found")));
    upstream.reply(Script::json(200, &json!({"id": "conv_1", "object": "conversation.deleted", "deleted": true})));
    assert_eq!(send(&harness, "DELETE", "/v1/conversations/conv_1", ALICE).await.status, 200);
    assert_eq!(send(&harness, "GET", "/v1/conversations/conv_1", ALICE).await.status, 404);
    harness.finish().await;
}

#[tokio::test]
async fn a_background_response_is_priced_once_by_its_callers_look() {
    let upstream = Upstream::start().await;
    let harness = held(&upstream).await;
    let mut body = asks("r1/m");
    body["background"] = true.into();
    upstream.reply(Script::json(200, &state("resp_bg", "queued")));
    let request = post(&body).header("x-tollgate-tags", "feature=search");
    let response = harness.call(&request).await;
    assert_eq!((response.status, &response.json()["status"]), (200, &json!("queued")));
    let line = harness.line(&response).await;
    assert_eq!((&line["status"], &line["cost"]["usd"]), (&json!("ok"), &json!("0.000000000")), "{line}");
    // Still being made: it cannot be deleted, and costs nothing yet.
    upstream.reply(Script::json(200, &state("resp_bg", "in_progress")));
    let refused = send(&harness, "DELETE", "/v1/responses/resp_bg", ALICE).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    // Done: looked at three times, charged once.
    upstream.reply_always(Script::json(200, &state("resp_bg", "completed")));
    for _ in 0..3 {
        let response = send(&harness, "GET", "/v1/responses/resp_bg", ALICE).await;
        assert_eq!((response.status, &response.json()["status"]), (200, &json!("completed")));
    }
    let priced = lines(&harness, "response", 1).await;
    let [line] = priced.as_slice() else { panic!("{priced:#?}") };
    assert_eq!((&line["cost"]["usd"], &line["usage"]["source"]), (&json!("0.000050000"), &json!("reported")), "{line}");
    assert_eq!(
        (&line["caller"]["key"], &line["caller"]["tags"]["feature"]),
        (&json!("alice"), &json!("search")),
        "{line}"
    );
    assert_eq!(
        (&line["upstream_id"], &line["asked"], &line["status"]),
        (&json!("resp_bg"), &json!("r1/m"), &json!("ok"))
    );
    // By the provider's id it is the line with the cost that is found.
    let found = testkit::http::fetch(harness.addr, &Request::get("/api/v1/generation?id=resp_bg").bearer(ALICE)).await;
    assert_eq!(found.json()["data"]["total_cost"].to_string(), "0.00005", "{}", found.text());
    upstream.forget_scripts();
    upstream.reply(Script::json(200, &json!({"id": "resp_bg", "object": "response", "deleted": true})));
    assert_eq!(send(&harness, "DELETE", "/v1/responses/resp_bg", ALICE).await.status, 200);
    let lines = harness.finish().await;
    let cost: i64 = lines.iter().filter_map(|line| harness::nanos(line["cost"]["usd"].as_str()?)).sum();
    assert_eq!(cost, 50_000, "once");
}

#[tokio::test]
async fn a_background_response_is_priced_though_nobody_comes_back() {
    let upstream = Upstream::start().await;
    let harness = held(&upstream).await;
    // One is asked for as such; the stream of another is left in the middle.
    let mut body = asks("r1/m");
    body["background"] = true.into();
    upstream.reply(Script::json(200, &state("resp_whole", "queued")));
    assert_eq!(harness.call(&post(&body)).await.status, 200);
    body["stream"] = true.into();
    let frames: Vec<Vec<u8>> = responses::text_stream("Hello there", 10, 20)
        .into_iter()
        .map(|frame| String::from_utf8_lossy(&frame).replace(responses::ID, "resp_left").into_bytes())
        .collect();
    let middle = frames.len() - 2;
    let gate = Gate::new();
    upstream.reply(Script::sse_head().frame(frames[..middle].concat()).gate(&gate).end());
    let mut client = harness.connect().await;
    client.send(post(&body).to_bytes()).await.unwrap();
    let (status, head) = client.read_head().await.unwrap();
    harness.note_head(status, &head);
    client.read_until("Hello").await;
    client.reset();
    harness.idle().await;
    gate.open();
    // A third is read to its end: its own line has the cost.
    let frames: Vec<Vec<u8>> = responses::text_stream("Hello there", 10, 20)
        .into_iter()
        .map(|frame| String::from_utf8_lossy(&frame).replace(responses::ID, "resp_read").into_bytes())
        .collect();
    upstream.reply(Script::sse(frames));
    let response = harness.call(&post(&body)).await;
    assert_eq!(harness.line(&response).await["cost"]["usd"], "0.000050000");
    for id in ["resp_whole", "resp_left", "resp_read"] {
        let path = format!("/v1/responses/{id}");
        upstream.reply_when(move |received| received.path() == path, Script::json(200, &state(id, "completed")));
    }
    let mut priced: Vec<String> = lines(&harness, "response", 2)
        .await
        .iter()
        .map(|line| {
            assert_eq!(line["cost"]["usd"], "0.000050000", "{line}");
            line["upstream_id"].as_str().unwrap().to_owned()
        })
        .collect();
    priced.sort();
    assert_eq!(priced, ["resp_left", "resp_whole"]);
    // Long enough for the job to look again, if it did.
    sleep(Duration::from_secs(3)).await;
    let lines = harness.finish().await;
    let cost: i64 = lines.iter().filter_map(|line| harness::nanos(line["cost"]["usd"].as_str()?)).sum();
    assert_eq!(cost, 150_000, "each of the three once: {lines:#?}");
}

#[tokio::test]
async fn a_background_stream_is_taken_up_again() {
    let upstream = Upstream::start().await;
    let harness = held(&upstream).await;
    let mut body = asks("r1/m");
    body["background"] = true.into();
    upstream.reply(Script::json(200, &state("resp_bg", "queued")));
    assert_eq!(harness.call(&post(&body)).await.status, 200);
    let frames = responses::text_stream("Hello there", 10, 20);
    upstream.reply(Script::sse(frames.clone()));
    let path = "/v1/responses/resp_bg?stream=true&starting_after=3";
    let response = send(&harness, "GET", path, ALICE).await;
    assert_eq!(
        (response.status, response.text()),
        (200, String::from_utf8_lossy(&testkit::samples::join(&frames)).into_owned())
    );
    assert_eq!(upstream.requests().pop().unwrap().target, path);
    upstream.reply_always(Script::json(200, &state("resp_bg", "completed")));
    assert_eq!(lines(&harness, "response", 1).await[0]["cost"]["usd"], "0.000050000");
    let lines = harness.finish().await;
    let cost: i64 = lines.iter().filter_map(|line| harness::nanos(line["cost"]["usd"].as_str()?)).sum();
    assert_eq!(cost, 50_000, "the stream that was taken up costs nothing of its own");
}
