//! The state of OpenAI's Responses API where providers of other dialects keep none: the gateway keeps it for its
//! owner, bounded, and only where storing content is on.

use serde_json::{Value, json};
use testkit::http::{Request, Response};
use testkit::samples::{anthropic, openai, responses};
use testkit::upstream::{Script, Upstream};

use crate::harness::{self, ADMIN, ALICE, BOB, CANARY, Harness, KEY_1, KEY_2, keys};

const ARGUMENTS: &str = r#"{"city":"Tokyo"}"#;

/// `p1` speaks chat, `a1` Anthropic's messages, `r1` Responses; all are this upstream.
async fn kept(upstream: &Upstream, more: &str) -> Harness {
    Harness::start(&format!(
        "server: {{ admin_key: {ADMIN} }}\n{}{more}providers:\n{}{}  r1: {{ kind: openai, base_url: \"{}/v1\", api_key: {KEY_1}, \
         dialect: openai-responses, models: [m], prices: {{ m: {{ input: 1, output: 2 }} }} }}\n",
        keys(),
        harness::openai("p1", &upstream.url(), KEY_1, ""),
        harness::anthropic("a1", &upstream.url(), KEY_2, ", models: [m, other]").replace(", models: [m],", ","),
        upstream.url(),
    ))
    .await
}

const ON: &str = "responses: { state: on }\n";

fn post(body: &Value) -> Request {
    Request::post("/v1/responses", body).bearer(ALICE)
}

/// A follow-up of a response.
fn next(model: &str, previous: &str, input: &Value) -> Value {
    json!({"model": model, "previous_response_id": previous, "input": input})
}

fn error(response: &Response) -> (u16, String, String) {
    let error = response.json()["error"].clone();
    let word = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (response.status, response.header("x-tollgate-error").unwrap_or_default().to_owned(), word("param"))
}

/// The response object that an answer is, or that its stream ends with.
fn object(response: &Response, stream: bool) -> Value {
    assert_eq!(response.status, 200, "{}", response.text());
    if !stream {
        return response.json();
    }
    let events: Vec<Value> = response.data().iter().map(|data| serde_json::from_str(data).unwrap()).collect();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number, "{event}");
    }
    let (first, last) = (&events[0]["response"], &events.last().unwrap()["response"]);
    assert_eq!((&first["id"], &first["store"]), (&last["id"], &last["store"]), "one id from the first event on");
    last.clone()
}

async fn get(harness: &Harness, path: &str, key: &str) -> Response {
    testkit::http::fetch(harness.addr, &Request::get(path).bearer(key)).await
}

#[tokio::test]
async fn a_conversation_goes_on_by_its_last_response() {
    let upstream = Upstream::start().await;
    let harness = kept(&upstream, ON).await;
    for stream in [false, true] {
        // The first turn calls a tool.
        upstream.reply(match stream {
            false => Script::json(200, &openai::tool_completion(&[("call_1", "weather", ARGUMENTS)], 10, 20)),
            true => Script::sse(openai::tool_stream(&[("call_1", "weather", &[ARGUMENTS])], Some((10, 20)))),
        });
        let tools = json!([{"type": "function", "name": "weather", "parameters": {"type": "object"}}]);
        let body = json!({"model": "p1/m", "input": "Weather in Tokyo?", "instructions": "Be brief.", "tools": tools,
            "stream": stream, "store": true});
        let response = harness.call(&post(&body)).await;
        let first = object(&response, stream);
        let id = first["id"].as_str().unwrap();
        assert!(id.starts_with("resp_") && first["store"] == true, "{first}");
        assert_eq!(response.header("x-tollgate-loss"), None, "what is kept is not lost");
        // The second, at a provider of another dialect, with the tool's output alone.
        upstream.reply(match stream {
            false => Script::json(200, &anthropic::answer("Sunny.", 10, 20)),
            true => Script::sse(anthropic::text_stream(&["Sun", "ny."], 10, 20)),
        });
        let mut body =
            next("a1/m", id, &json!([{"type": "function_call_output", "call_id": "call_1", "output": "22 C"}]));
        body["stream"] = stream.into();
        body["tools"] = tools;
        let second = object(&harness.call(&post(&body)).await, stream);
        assert_eq!((&second["previous_response_id"], &second["store"]), (&json!(id), &json!(true)), "{second}");
        let up = upstream.requests().pop().unwrap().json();
        let messages = up["messages"].as_array().unwrap();
        assert_eq!(messages.len(), 3, "{up}");
        assert!(messages[0].to_string().contains("Weather in Tokyo?"), "{up}");
        let call = &messages[1]["content"][0];
        assert_eq!(
            (&call["type"], &call["id"], &call["input"]["city"]),
            (&json!("tool_use"), &json!("call_1"), &json!("Tokyo"))
        );
        assert_eq!(messages[2]["content"][0]["tool_use_id"], "call_1", "{up}");
        assert!(up["system"].is_null(), "instructions are of their own turn: {up}");
        // The third, at a provider that speaks the dialect: it gets the conversation, without ids of ours.
        upstream.reply(Script::json(200, &responses::answer("Yes.", 10, 20)));
        let body = next("r1/m", second["id"].as_str().unwrap(), &json!("Sure?"));
        let response = harness.call(&post(&body)).await;
        assert_eq!((response.status, response.json()["id"].as_str()), (200, Some(responses::ID)), "theirs passes");
        let up = upstream.requests().pop().unwrap().json();
        assert!(up["previous_response_id"].is_null() && !up.to_string().contains("resp_tg"), "{up}");
        let kinds: Vec<&str> =
            up["input"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["message", "function_call", "function_call_output", "message", "message"], "{up}");
        // The line of a kept response is found by its id, as by a provider's.
        let found = get(&harness, &format!("/api/v1/generation?id={id}"), ALICE).await;
        assert_eq!(
            (found.status, &found.json()["data"]["tollgate"]["asked"]),
            (200, &json!("p1/m")),
            "{}",
            found.text()
        );
    }
    harness.finish().await;
}

#[tokio::test]
async fn reasoning_comes_home_and_to_no_other_model() {
    let upstream = Upstream::start().await;
    let harness = kept(&upstream, ON).await;
    let thought = anthropic::thinking("Let me look.");
    let signature = thought["signature"].as_str().unwrap();
    for stream in [false, true] {
        upstream.reply(match stream {
            false => {
                let blocks = [thought.clone(), anthropic::tool_use("toolu_1", "weather", &json!({"city": "Tokyo"}))];
                Script::json(200, &anthropic::message(&blocks, "tool_use", &anthropic::usage(10, 20)))
            }
            true => {
                let blocks = [
                    anthropic::Block::Thinking(&["Let me", " look."]),
                    anthropic::Block::ToolUse("toolu_1", "weather", &[ARGUMENTS]),
                ];
                Script::sse(anthropic::stream(&blocks, "tool_use", 10, 20))
            }
        });
        let body = json!({"model": "a1/m", "input": "Weather in Tokyo?", "stream": stream});
        let first = object(&harness.call(&post(&body)).await, stream);
        let id = first["id"].as_str().unwrap();
        assert_eq!(first["output"][0]["type"], "reasoning", "{first}");
        let output = json!([{"type": "function_call_output", "call_id": "toolu_1", "output": "22 C"}]);
        // The same model: the block as it was, before the call.
        upstream.reply(Script::json(200, &anthropic::answer("Sunny.", 10, 20)));
        let response = harness.call(&post(&next("a1/m", id, &output))).await;
        assert_eq!((response.status, response.header("x-tollgate-loss")), (200, None), "{}", response.text());
        let up = upstream.requests().pop().unwrap().json();
        let turn = &up["messages"][1]["content"];
        assert_eq!((&turn[0]["type"], &turn[0]["thinking"]), (&json!("thinking"), &json!("Let me look.")), "{up}");
        assert_eq!((&turn[0]["signature"], &turn[1]["type"]), (&json!(signature), &json!("tool_use")), "{up}");
        // Another model of the provider, and a provider of the caller's dialect: dropped, and said so.
        for (model, answer) in [
            ("a1/other", anthropic::answer("Sunny.", 10, 20)),
            ("r1/m", responses::answer("Sunny.", 10, 20)),
            ("p1/m", openai::completion("Sunny.", 10, 20)),
        ] {
            upstream.reply(Script::json(200, &answer));
            let response = harness.call(&post(&next(model, id, &output))).await;
            assert_eq!(response.status, 200, "{}", response.text());
            let lost = response.header("x-tollgate-loss").unwrap_or_default();
            assert!(lost.contains("reasoning") || lost.contains("signature"), "{model}: {lost}");
            assert!(!upstream.requests().pop().unwrap().text().contains(signature), "{model} is not given it");
        }
        // A client that sends its history itself brings it home too, for the items carry it.
        let mut input = vec![json!({"role": "user", "content": "Weather in Tokyo?"})];
        input.extend(first["output"].as_array().unwrap().clone());
        input.extend(output.as_array().unwrap().clone());
        upstream.reply(Script::json(200, &anthropic::answer("Sunny.", 10, 20)));
        let body = json!({"model": "a1/m", "input": input, "store": false});
        let response = harness.call(&post(&body)).await;
        assert_eq!((response.status, response.header("x-tollgate-loss")), (200, None), "{}", response.text());
        let up = upstream.requests().pop().unwrap().json();
        assert_eq!(up["messages"][1]["content"][0]["signature"], signature, "{up}");
        let id = response.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(
            get(&harness, &format!("/v1/responses/{id}"), ALICE).await.status,
            404,
            "`store: false` keeps nothing"
        );
    }
    harness.finish().await;
}

#[tokio::test]
async fn a_kept_response_is_read_listed_and_deleted_by_its_owner_alone() {
    let upstream = Upstream::start().await;
    let harness = kept(&upstream, ON).await;
    upstream.reply(Script::json(200, &openai::completion("One.", 10, 20)));
    let first = object(&harness.call(&post(&json!({"model": "p1/m", "input": "1?"}))).await, false);
    upstream.reply(Script::json(200, &openai::completion("Two.", 10, 20)));
    let input = json!([{"role": "user", "content": [{"type": "input_text", "text": "2?"}], "id": "msg_mine"}]);
    let second = object(&harness.call(&post(&next("p1/m", first["id"].as_str().unwrap(), &input))).await, false);
    let path = |response: &Value, more: &str| format!("/v1/responses/{}{more}", response["id"].as_str().unwrap());
    for prefix in ["", "/openai"] {
        let found = get(&harness, &format!("{prefix}{}", path(&second, "")), ALICE).await;
        assert_eq!((found.status, found.json()), (200, second.clone()), "as its caller got it");
    }
    // Its input: the whole conversation, newest first; in pages.
    let list = get(&harness, &path(&second, "/input_items"), ALICE).await.json();
    let texts = |list: &Value| {
        let items = list["data"].as_array().unwrap().iter();
        items.map(|item| item["content"][0]["text"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (texts(&list), &list["has_more"]),
        (vec!["2?".into(), "One.".into(), "1?".into()], &json!(false)),
        "{list}"
    );
    assert_eq!((&list["object"], &list["first_id"]), (&json!("list"), &json!("msg_mine")));
    let page = get(&harness, &path(&second, "/input_items?order=asc&limit=1"), ALICE).await.json();
    assert_eq!((texts(&page), &page["has_more"]), (vec!["1?".into()], &json!(true)), "{page}");
    let after = format!("/input_items?order=asc&limit=5&after={}", page["last_id"].as_str().unwrap());
    let page = get(&harness, &path(&second, &after), ALICE).await.json();
    assert_eq!((texts(&page), &page["has_more"]), (vec!["One.".into(), "2?".into()], &json!(false)), "{page}");
    for bad in ["?limit=0", "?limit=x", "?order=up"] {
        let refused = get(&harness, &path(&second, &format!("/input_items{bad}")), ALICE).await;
        assert_eq!(refused.status, 400, "{bad}: {}", refused.text());
    }
    assert_eq!(get(&harness, &path(&second, "/input_items?after=msg_none"), ALICE).await.status, 404);
    // Another's: neither read nor deleted nor gone on from.
    for more in ["", "/input_items"] {
        assert_eq!(get(&harness, &path(&second, more), BOB).await.status, 404);
    }
    let delete = |key: &str| Request::new("DELETE", &path(&second, "")).bearer(key);
    assert_eq!(testkit::http::fetch(harness.addr, &delete(BOB)).await.status, 404);
    let request =
        Request::post("/v1/responses", &next("p1/m", second["id"].as_str().unwrap(), &json!("3?"))).bearer(BOB);
    let refused = harness.call(&request).await;
    assert_eq!(error(&refused), (404, "not_found".into(), "previous_response_id".into()), "{}", refused.text());
    assert_eq!(refused.json()["error"]["code"], "previous_response_not_found");
    // What cannot be done with it is said.
    let cancel = Request::post(&path(&second, "/cancel"), &json!({})).bearer(ALICE);
    let refused = testkit::http::fetch(harness.addr, &cancel).await;
    assert_eq!((refused.status, refused.header("x-tollgate-error")), (400, Some("invalid_request")));
    assert_eq!(get(&harness, &path(&second, "?stream=true"), ALICE).await.status, 400);
    let wrong = testkit::http::fetch(harness.addr, &Request::post(&path(&second, ""), &json!({})).bearer(ALICE)).await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET, HEAD, DELETE")));
    // Deleted: gone, and so is what went on from it.
    assert_eq!(
        testkit::http::fetch(harness.addr, &Request::new("DELETE", &path(&first, "")).bearer(ALICE)).await.json()["deleted"],
        true
    );
    assert_eq!(get(&harness, &path(&first, ""), ALICE).await.status, 404);
    assert_eq!(get(&harness, &path(&second, ""), ALICE).await.status, 200);
    let refused = harness.call(&post(&next("p1/m", second["id"].as_str().unwrap(), &json!("3?")))).await;
    assert_eq!(error(&refused), (404, "not_found".into(), "previous_response_id".into()));
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("not whole"), "{}", refused.text());
    assert_eq!(upstream.requests().len(), 2, "nothing of what was refused went up");
    harness.finish().await;
}

#[tokio::test]
async fn it_stands_in_the_store_for_thirty_days() {
    let upstream = Upstream::start().await;
    let harness = kept(&upstream, "log: { content: all }\n").await;
    upstream.reply(Script::json(200, &openai::completion("One.", 10, 20)));
    let first = object(&harness.call(&post(&json!({"model": "p1/m", "input": "1?"}))).await, false);
    let data = harness.dir.path().join("data");
    let copy = tempfile::tempdir().unwrap();
    let id = first["id"].as_str().unwrap().to_owned();
    let owner = "team:red";
    let since = tokio::time::Instant::now();
    let reach = policy::port::Reach { count: 1, bytes: 1 << 20 };
    // Written behind the answer, within moments.
    let kept = loop {
        let stores = store::open(&data).unwrap();
        let chain = stores.responses.chain(owner, &id, 0, reach).await.unwrap();
        if let [kept] = chain.as_slice() {
            break kept.clone();
        }
        assert!(since.elapsed() < harness::PATIENCE, "it was not written");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    assert_eq!(serde_json::from_str::<Value>(&kept.body).unwrap(), first);
    assert_eq!(kept.expires_ms - kept.created_ms, 30 * 86_400_000, "thirty days");
    assert!(store::open(copy.path()).unwrap().responses.chain(owner, &id, 0, reach).await.unwrap().is_empty());
    assert!(store::open(&data).unwrap().responses.chain(owner, &id, kept.expires_ms, reach).await.unwrap().is_empty());
    harness.finish().await;
}

#[tokio::test]
async fn nothing_is_kept_unless_asked_and_the_caller_is_told() {
    let upstream = Upstream::start().await;
    let harness = kept(&upstream, "").await;
    for stream in [false, true] {
        upstream.reply(match stream {
            false => Script::json(200, &openai::completion("Hello", 10, 20)),
            true => Script::sse(openai::stream(&["Hello"], Some((10, 20)))),
        });
        // The canary of the prompt is looked for in every file at the end.
        let body = json!({"model": "p1/m", "input": CANARY, "store": true, "stream": stream});
        let response = harness.call(&post(&body)).await;
        let first = object(&response, stream);
        assert_eq!(
            (&first["store"], response.header("x-tollgate-loss")),
            (&json!(false), Some("dropped store at store"))
        );
        let id = first["id"].as_str().unwrap();
        let refused = harness.call(&post(&next("p1/m", id, &json!("more")))).await;
        assert_eq!(error(&refused), (400, "invalid_request".into(), "previous_response_id".into()));
        let message = refused.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains("responses: { state: on }"), "{message}");
        let found = get(&harness, &format!("/v1/responses/{id}"), ALICE).await;
        assert_eq!(found.status, 404, "{}", found.text());
        assert!(found.text().contains("responses: { state: on }"));
    }
    assert_eq!(upstream.requests().len(), 2);
    harness.finish().await;
}

#[tokio::test]
async fn what_does_not_belong_together_is_refused_before_it_is_sent() {
    let upstream = Upstream::start().await;
    let harness = kept(&upstream, ON).await;
    upstream.reply(Script::json(200, &openai::tool_completion(&[("call_1", "weather", ARGUMENTS)], 10, 20)));
    let first = object(&harness.call(&post(&json!({"model": "p1/m", "input": "1?"}))).await, false);
    let id = first["id"].as_str().unwrap();
    let made_up = format!("resp_tg{}", "0".repeat(56));
    let output = |call: &str| json!([{"type": "function_call_output", "call_id": call, "output": "x"}]);
    let mut both = next("p1/m", id, &output("call_1"));
    both["conversation"] = json!("conv_1");
    let mut number = next("p1/m", id, &output("call_1"));
    number["previous_response_id"] = json!(7);
    let cases = [
        (next("p1/m", &made_up, &json!("x")), 404, "previous_response_id"),
        (next("p1/m", "resp_tg", &json!("x")), 404, "previous_response_id"),
        (both, 400, "previous_response_id"),
        (number, 400, "previous_response_id"),
        (next("p1/m", id, &json!("no output")), 400, "input"),
        (next("p1/m", id, &output("call_2")), 400, "input[0].call_id"),
    ];
    for (body, status, param) in cases {
        let refused = harness.call(&post(&body)).await;
        let (got, _, at) = error(&refused);
        assert_eq!((got, at.as_str()), (status, param), "{body}: {}", refused.text());
    }
    assert_eq!(upstream.requests().len(), 1);
    // An upstream's refusal of the whole is told, and nothing of it is kept.
    upstream.reply(Script::json(400, &openai::too_long()));
    let refused = harness.call(&post(&next("p1/m", id, &output("call_1")))).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    harness.finish().await;
}
