//! What a provider keeps is its maker's, whichever way it is reached: by its own path, by the native lane, or named in
//! a request to a model.

use serde_json::{Value, json};
use testkit::http::{Request, Response};
use testkit::samples::openai;
use testkit::upstream::{Script, Upstream};

use crate::files::upload;
use crate::harness::{self, ADMIN, ALICE, Harness, KEY_1, KEY_2, keys};
use crate::keeper::{Keeper, answered, form, request};

/// The text of the key `carl`, of team `blue`.
const CARL: &str = "tg-dddddddddddd-carlcarlcarlcarlcarlcarlcarlcarlcarlcarlcarl";
/// The text of the key `ann`, of alice's team.
const ANN: &str = "tg-eeeeeeeeeeee-annannannannannannannannannannannannannannann";

async fn start(upstream: &Upstream) -> Harness {
    let hash = |key: &str| gateway::state::directory::hex(&gateway::state::directory::hash(key));
    let keys = keys().replace("red: {} }", "red: {}, blue: {} }");
    Harness::start(&format!(
        "server: {{ admin_key: {ADMIN} }}\n{keys}  - {{ name: carl, team: blue, hash: \"sha256:{}\" }}\n  - {{ name: ann, team: \
         red, hash: \"sha256:{}\" }}\nproviders:\n{}{}",
        hash(CARL),
        hash(ANN),
        harness::openai("p1", &upstream.url(), KEY_1, ""),
        harness::anthropic("a1", &upstream.url(), KEY_2, ""),
    ))
    .await
}

fn ask(method: &str, path: &str, key: &str) -> Request {
    Request::new(method, path).bearer(key)
}

fn told(response: &Response, status: u16, kind: &str) {
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(response.header("x-tollgate-error"), Some(kind), "{}", response.text());
}

fn native_form(key: &str, purpose: &str, file: &[u8]) -> Request {
    let request = ask("POST", "/native/p1/v1/files", key).header("content-type", "multipart/form-data; boundary=B0");
    request.body(form(purpose, file, true))
}

#[tokio::test]
async fn both_lanes_know_the_same_files_and_batches() {
    let upstream = Upstream::start().await;
    let keeper = Keeper::behind(&upstream);
    let harness = start(&upstream).await;
    let line = format!("{}\n", request("a", "p1/m"));
    let file =
        harness.call(&native_form(ALICE, "batch", line.as_bytes())).await.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(&*keeper.content(&file), format!("{}\n", request("a", "m")).as_bytes());
    let other = harness.call(&upload("user_data", b"x", CARL)).await.json()["id"].as_str().unwrap().to_owned();
    for base in ["/v1/files", "/native/p1/v1/files", "/native/p1/v1/%66iles"] {
        for (key, status) in [(ALICE, 200), (ANN, 200), (CARL, 404), (ADMIN, 200)] {
            let got = harness.call(&ask("GET", &format!("{base}/{file}"), key)).await;
            assert_eq!(got.status, status, "{base} {}", got.text());
        }
        let listed = harness.call(&ask("GET", base, CARL)).await.json();
        assert_eq!((&listed["data"][0]["id"], listed["data"].as_array().unwrap().len()), (&json!(other), 1), "{base}");
    }
    // An admin key reaches the whole account by the native lane.
    upstream.act({
        let keeper = keeper.clone();
        move |request| match request.path() {
            "/v1/files" if request.method == "GET" => Some(Script::json(200, &json!({"data": "everyone's"}))),
            _ => keeper.act_on(request),
        }
    });
    assert_eq!(harness.call(&ask("GET", "/native/p1/v1/files", ADMIN)).await.json()["data"], "everyone's");
    let batch = json!({"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"});
    told(&harness.call(&Request::post("/native/p1/v1/batches", &batch).bearer(CARL)).await, 404, "not_found");
    let made = harness.call(&Request::post("/native/p1/v1/batches", &batch).bearer(ANN)).await.json();
    let made = made["id"].as_str().unwrap();
    keeper.end(made, "completed", &[answered("a")], &[]);
    told(&harness.call(&ask("GET", &format!("/native/p1/v1/batches/{made}"), CARL)).await, 404, "not_found");
    // Seen at its end by the native lane: priced, for the key that made it.
    assert_eq!(harness.call(&ask("GET", &format!("/native/p1/v1/batches/{made}"), ALICE)).await.status, 200);
    told(&harness.call(&ask("DELETE", &format!("/native/p1/v1/files/{file}"), CARL)).await, 404, "not_found");
    assert_eq!(harness.call(&ask("DELETE", &format!("/native/p1/v1/files/{file}"), ALICE)).await.status, 200);
    let since = tokio::time::Instant::now();
    while !harness.gateway.objects.open(9).await.unwrap().is_empty() {
        assert!(since.elapsed() < harness::PATIENCE, "not settled");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let lines = harness.finish().await;
    let line = lines.iter().find(|line| line["operation"] == "batch").unwrap();
    assert_eq!((&line["caller"]["key"], &line["cost"]["usd"]), (&json!("ann"), &json!("0.000050000")));
}

#[tokio::test]
async fn what_the_native_lane_makes_is_its_makers() {
    let upstream = Upstream::start().await;
    let harness = start(&upstream).await;
    for (collection, id, answer) in [
        ("conversations", "conv_1", json!({"id": "conv_1", "object": "conversation"})),
        ("responses", "resp_1", json!({"id": "resp_1", "object": "response"})),
        ("cachedContents", "cc1", json!({"name": "cachedContents/cc1"})),
        ("vector_stores", "vs_1", json!({"id": "vs_1"})),
    ] {
        upstream.reply(Script::json(200, &answer));
        let path = format!("/native/p1/v1/{collection}");
        let made = harness.call(&Request::post(&path, &json!({"model": "m"})).bearer(ALICE)).await;
        assert_eq!(made.status, 200, "{}", made.text());
        for rest in ["", "/items", "?limit=1"] {
            told(&harness.call(&ask("GET", &format!("{path}/{id}{rest}"), CARL)).await, 404, "not_found");
            upstream.reply(Script::json(200, &answer));
            assert_eq!(harness.call(&ask("GET", &format!("{path}/{id}{rest}"), ANN)).await.json(), answer);
        }
        told(&harness.call(&ask("POST", &format!("{path}/{id}/cancel"), CARL)).await, 404, "not_found");
        told(&harness.call(&ask("DELETE", &format!("{path}/{id}"), CARL)).await, 404, "not_found");
        told(&harness.call(&ask("GET", &path, ALICE)).await, 403, "forbidden");
        told(&harness.call(&ask("GET", &format!("{path}/unknown"), ALICE)).await, 404, "not_found");
        upstream.reply(Script::json(200, &answer));
        assert_eq!(harness.call(&ask("DELETE", &format!("{path}/{id}/items/i"), ANN)).await.status, 200, "below it");
        upstream.reply(Script::json(404, &json!({"error": {"message": "busy"}})));
        assert_eq!(harness.call(&ask("DELETE", &format!("{path}/{id}"), ALICE)).await.status, 404, "it stays");
        upstream.reply(Script::json(200, &json!({"deleted": true})));
        assert_eq!(harness.call(&ask("DELETE", &format!("{path}/{id}"), ALICE)).await.status, 200);
        told(&harness.call(&ask("GET", &format!("{path}/{id}"), ALICE)).await, 404, "not_found");
    }
    // A stream tells the id at its end, and what is not to be kept is nobody's.
    let stream = [
        "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_s\",\"status\":\"in_progress\",\"output\":[]}}\n\n",
        "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_s\",\"status\":\"completed\",\"output\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1,\"total_tokens\":2}}}\n\n",
    ];
    upstream.reply(Script::sse(stream));
    let body = json!({"model": "m", "input": "x", "stream": true});
    assert_eq!(harness.call(&Request::post("/native/p1/v1/responses", &body).bearer(ALICE)).await.status, 200);
    upstream.reply(Script::json(200, &json!({"id": "resp_s"})));
    assert_eq!(harness.call(&ask("GET", "/native/p1/v1/responses/resp_s", ALICE)).await.status, 200);
    told(&harness.call(&ask("GET", "/native/p1/v1/responses/resp_s", CARL)).await, 404, "not_found");
    upstream.reply(Script::json(200, &json!({"id": "resp_n", "object": "response"})));
    let body = json!({"model": "m", "input": "x", "store": false});
    assert_eq!(harness.call(&Request::post("/native/p1/v1/responses", &body).bearer(ALICE)).await.status, 200);
    told(&harness.call(&ask("GET", "/native/p1/v1/responses/resp_n", ALICE)).await, 404, "not_found");
    harness.finish().await;
}

#[tokio::test]
async fn anothers_file_is_not_read_through_a_model() {
    let upstream = Upstream::start().await;
    let keeper = Keeper::behind(&upstream);
    let harness = start(&upstream).await;
    let file = harness.call(&upload("user_data", b"x", ALICE)).await.json()["id"].as_str().unwrap().to_owned();
    upstream.act(move |request| keeper.act_on(request));
    upstream.reply_always(Script::json(200, &openai::completion("ok", 10, 20)));
    let chat = |id: &str| -> Value {
        json!({"model": "p1/m", "messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": id}}]}]})
    };
    for path in ["/v1/chat/completions", "/native/p1/v1/chat/completions"] {
        for (key, id, status) in
            [(ALICE, &*file, 200), (ANN, &file, 200), (CARL, &file, 404), (CARL, "file-elsewhere", 200)]
        {
            let mut body = chat(id);
            if path.starts_with("/native") {
                body["model"] = "m".into();
            }
            let got = harness.call(&Request::post(path, &body).bearer(key)).await;
            assert_eq!(got.status, status, "{path} {id} {}", got.text());
        }
    }
    harness.finish().await;
}

#[tokio::test]
async fn a_store_that_is_away_hides_what_it_alone_knows_and_nothing_else() {
    let upstream = Upstream::start().await;
    let _keeper = Keeper::behind(&upstream);
    let harness = start(&upstream).await;
    let old = harness.call(&upload("user_data", b"x", ALICE)).await.json()["id"].as_str().unwrap().to_owned();
    // The database's table is taken away under the gateway's feet.
    let db = rusqlite::Connection::open(harness.dir.path().join("data/tollgate.db")).unwrap();
    let since = tokio::time::Instant::now();
    while harness.gateway.objects.store().find(policy::object::Kind::File, &old).await.unwrap().is_empty() {
        assert!(since.elapsed() < harness::PATIENCE);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    db.execute_batch("ALTER TABLE objects RENAME TO hidden").unwrap();
    assert_eq!(harness.call(&ask("GET", &format!("/v1/files/{old}"), ALICE)).await.status, 200, "memory knows it");
    let new = harness.call(&upload("user_data", b"y", ALICE)).await;
    let new = new.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(harness.call(&ask("GET", &format!("/v1/files/{new}/content"), ALICE)).await.body, b"y");
    told(&harness.call(&ask("GET", "/v1/files/file-77", ALICE)).await, 503, "unavailable");
    told(&harness.call(&ask("GET", &format!("/v1/files/{old}"), CARL)).await, 503, "unavailable");
    told(&harness.call(&ask("GET", "/v1/files", ALICE)).await, 503, "unavailable");
    db.execute_batch("ALTER TABLE hidden RENAME TO objects").unwrap();
    told(&harness.call(&ask("GET", "/v1/files/file-77", ALICE)).await, 404, "not_found");
    let listed = harness.call(&ask("GET", "/v1/files", ALICE)).await.json();
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    harness.finish().await;
}
