//! Google's dialect: its own bytes untouched, and every way across, with signatures that find home.

use serde_json::{Value, json};
use testkit::http::{End, Request, Response};
use testkit::samples::gemini::{self, SIGNATURE};
use testkit::samples::{anthropic, join, openai};
use testkit::upstream::{Script, Upstream};

use crate::harness::{self, ALICE, CANARY, Harness, KEY_1, KEY_2, chat, keys, message, post_chat, post_message};

/// `g1` of Google's dialect: `gemini-3-flash` at 1 USD in, 4 USD out, a tenth for cached; `p1` and `a1` beside.
async fn all(upstream: &Upstream) -> Harness {
    let google = format!(
        "  g1: {{ kind: gemini, base_url: \"{}\", api_key: {KEY_1}, models: [gemini-3-flash, \"tuned/x\"], prices: {{ \
         gemini-3-flash: {{ input: 1, output: 4, cache_read: 0.1 }}, \"tuned/x\": {{ input: 1, output: 4 }} }} }}\n",
        upstream.url()
    );
    Harness::start(&format!(
        "{}providers:\n{google}{}{}",
        keys(),
        harness::openai("p1", &upstream.url(), KEY_2, ""),
        harness::anthropic("a1", &upstream.url(), KEY_2, "")
    ))
    .await
}

/// `POST` to a model's verb with alice's key as Google's clients send it.
fn post(path: &str, body: &Value) -> Request {
    Request::post(path, body).header("x-goog-api-key", ALICE)
}

fn ask() -> Value {
    gemini::request(CANARY)
}

/// The items of an answer, whatever its form.
fn chunks(response: &Response) -> Vec<Value> {
    match response.header("content-type") {
        Some("application/json") => match response.json() {
            Value::Array(items) => items,
            whole => vec![whole],
        },
        _ => response.data().iter().map(|data| serde_json::from_str(data).unwrap()).collect(),
    }
}

/// Words or `name(arguments)` of an answer in Google's dialect, then its finish reason.
fn said(response: &Response) -> (String, String) {
    let (mut words, mut finish) = (String::new(), String::new());
    for chunk in chunks(response) {
        let candidate = &chunk["candidates"][0];
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            words += part["text"].as_str().unwrap_or_default();
            if let Some(name) = part["functionCall"]["name"].as_str() {
                words += &format!("{name}{}", part["functionCall"]["args"]);
            }
        }
        finish += candidate["finishReason"].as_str().unwrap_or_default();
    }
    (words, finish)
}

#[tokio::test]
async fn the_same_dialect_passes_byte_for_byte_whole_and_in_both_forms_of_streams() {
    let upstream = Upstream::start().await;
    let harness = all(&upstream).await;
    let body = "{ \"contents\":[{\"parts\":[{\"text\":\"a\\ud800\"}]}],\n\"x_new\" : 1e400 }";
    let stream = gemini::words(&["Hel", "lo"], 10, 20);
    let model = "g1/gemini-3-flash";
    let whole = "{\n \"candidates\": [{\"content\":{\"parts\":[{\"text\":\"x\"}]},\"finishReason\":\"STOP\"}], \"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":20}, \"new\":1e400 }";
    let json = "application/json; charset=UTF-8";
    let cases: [(&str, &str, Script, Vec<u8>); 5] = [
        ("/v1beta", "generateContent", Script::body(200, json, whole), whole.into()),
        ("/v1", "generateContent?x=1", Script::body(200, json, whole), whole.into()),
        (
            "/v1beta",
            "streamGenerateContent?alt=sse",
            Script::sse(gemini::events(&stream)),
            join(&gemini::events(&stream)).to_vec(),
        ),
        (
            "/v1",
            "streamGenerateContent?alt=sse&x=1",
            Script::sse(gemini::events(&stream)),
            join(&gemini::events(&stream)).to_vec(),
        ),
        ("/v1beta", "streamGenerateContent", array(&gemini::array(&stream)), join(&gemini::array(&stream)).to_vec()),
    ];
    for (version, verb, script, expected) in cases {
        upstream.reply(script);
        let request = post(&format!("{version}/models/{model}:{verb}"), &json!({})).body(body.as_bytes());
        let response = harness.call(&request).await;
        assert_eq!((response.status, &response.end), (200, &End::Clean), "{verb}: {}", response.text());
        assert_eq!(String::from_utf8_lossy(&response.body), String::from_utf8_lossy(&expected), "{verb}");
        let up = upstream.requests().pop().unwrap();
        assert_eq!(up.text(), body, "{verb}");
        assert_eq!(
            (up.path(), up.query()),
            (
                format!("/v1beta/models/gemini-3-flash:{}", verb.split('?').next().unwrap()).as_str(),
                verb.split_once('?').map_or("", |(_, query)| query)
            )
        );
        assert_eq!((up.header("x-goog-api-key"), up.header("authorization")), (Some(KEY_1), None), "{verb}");
        let line = harness.line(&response).await;
        assert_eq!((&line["dialect"], &line["asked"]), (&json!("gemini"), &json!(model)), "{verb}");
        assert_eq!(
            (&line["cost"]["usd"], &line["usage"]["source"]),
            (&json!("0.000090000"), &json!("reported")),
            "{verb}"
        );
        assert_eq!((&line["usage"]["input"], &line["usage"]["output"]), (&json!(10), &json!(20)), "{verb}");
        assert_eq!(line["status"], "ok", "{verb}");
    }
    harness.finish().await;
}

/// A stream in an array, one write an item.
fn array(frames: &[bytes::Bytes]) -> Script {
    let head = Script::head(200, "application/json; charset=UTF-8", testkit::upstream::Framing::Chunked);
    frames.iter().fold(head, |script, frame| script.frame(frame.clone())).end()
}

#[tokio::test]
async fn a_models_slashes_are_raw_or_escaped_and_safe_upstream() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &gemini::answer("ok", 10, 20)));
    let harness = all(&upstream).await;
    for model in ["g1/tuned/x", "g1%2Ftuned%2fx"] {
        let response = harness.call(&post(&format!("/v1beta/models/{model}:generateContent"), &ask())).await;
        assert_eq!(response.status, 200, "{}", response.text());
        assert_eq!(upstream.requests().pop().unwrap().path(), "/v1beta/models/tuned%2Fx:generateContent");
    }
    // The key may stand in the query; it does not go up.
    let path = format!("/v1beta/models/g1/gemini-3-flash:generateContent?key={ALICE}&y=2");
    let response = harness.call(&Request::post(&path, &ask())).await;
    assert_eq!((response.status, upstream.requests().pop().unwrap().query().to_owned()), (200, "y=2".to_owned()));
    harness.finish().await;
}

#[tokio::test]
async fn googles_clients_on_other_providers() {
    let upstream = Upstream::start().await;
    let harness = all(&upstream).await;
    let tools = json!([{"functionDeclarations": [{"name": "get_weather", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}]}]);
    let arguments = r#"{"city":"Tokyo"}"#;
    for case in 0..12_u8 {
        let (anthropic_up, tool, form) = (case & 1 != 0, case & 2 != 0, case / 4);
        let stream = form > 0;
        let script = match (anthropic_up, stream, tool) {
            (false, false, false) => Script::json(200, &openai::completion("Hello there", 10, 20)),
            (false, false, true) => {
                Script::json(200, &openai::tool_completion(&[("call_1", "get_weather", arguments)], 10, 20))
            }
            (false, true, false) => Script::sse(openai::stream(&["Hello", " there"], Some((10, 20)))),
            (false, true, true) => {
                let calls: [(&str, &str, &[&str]); 1] = [("call_1", "get_weather", &["{\"city\":", "\"Tokyo\"}"])];
                Script::sse(openai::tool_stream(&calls, Some((10, 20))))
            }
            (true, false, false) => Script::json(200, &anthropic::answer("Hello there", 10, 20)),
            (true, false, true) => {
                let blocks = [anthropic::tool_use("call_1", "get_weather", &json!({"city": "Tokyo"}))];
                Script::json(200, &anthropic::message(&blocks, "tool_use", &anthropic::usage(10, 20)))
            }
            (true, true, false) => Script::sse(anthropic::text_stream(&["Hello", " there"], 10, 20)),
            (true, true, true) => {
                let block = anthropic::Block::ToolUse("call_1", "get_weather", &["{\"city\":", "\"Tokyo\"}"]);
                Script::sse(anthropic::stream(&[block], "tool_use", 10, 20))
            }
        };
        upstream.reply(script);
        let mut body = ask();
        if tool {
            body["tools"] = tools.clone();
        }
        let verb = ["generateContent", "streamGenerateContent?alt=sse", "streamGenerateContent"][usize::from(form)];
        let model = if anthropic_up { "a1/m" } else { "p1/m" };
        let shown = format!("{model} {verb} tool {tool}");
        let response = harness.call(&post(&format!("/v1beta/models/{model}:{verb}"), &body)).await;
        assert_eq!((response.status, &response.end), (200, &End::Clean), "{shown}: {}", response.text());
        let words = if tool { format!("get_weather{arguments}") } else { "Hello there".to_owned() };
        assert_eq!(said(&response), (words, "STOP".to_owned()), "{shown}: {}", response.text());
        let kind = if form == 1 { "text/event-stream; charset=utf-8" } else { "application/json" };
        assert_eq!(
            (response.header("content-type"), response.header("x-tollgate-loss")),
            (Some(kind), None),
            "{shown}"
        );
        let last = chunks(&response).pop().unwrap();
        assert_eq!(
            (&last["usageMetadata"]["promptTokenCount"], &last["usageMetadata"]["candidatesTokenCount"]),
            (&json!(10), &json!(20))
        );
        if tool {
            assert!(response.text().contains(r#""id":"call_1""#), "{shown}: {}", response.text());
        }
        let up = upstream.requests().pop().unwrap().json();
        assert_eq!((&up["model"], up["stream"].as_bool().unwrap_or(false)), (&json!("m"), stream), "{shown}: {up}");
        let line = harness.line(&response).await;
        let cost = if anthropic_up { "0.000110000" } else { "0.000050000" };
        assert_eq!(
            (&line["cost"]["usd"], &line["dialect"], &line["stream"]),
            (&json!(cost), &json!("gemini"), &json!(stream)),
            "{shown}"
        );
    }
    harness.finish().await;
}

/// What Gemini says first: it thinks and calls a tool, 10 tokens read (4 cached), 3 said, 5 thought.
fn calls(stream: bool) -> Script {
    let call = gemini::call("get_weather", &json!({"city": "Tokyo"}));
    let usage = gemini::usage(10, 4, 3, 5);
    match stream {
        false => Script::json(200, &gemini::chunk(&[gemini::thought("Hm."), call], "STOP", &usage)),
        true => Script::sse(gemini::events(&[
            gemini::chunk(&[gemini::thought("Hm.")], "", &gemini::usage(10, 4, 0, 5)),
            gemini::chunk(&[call], "STOP", &usage),
        ])),
    }
}

/// What the second request must have told Gemini: the call with its signature, and the result.
fn replayed(up: &Value) {
    let contents = up["contents"].as_array().unwrap();
    let roles: Vec<&str> = contents.iter().map(|content| content["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "model", "user"], "{up}");
    let call = &contents[1]["parts"][0];
    assert_eq!(
        (&call["functionCall"]["name"], &call["functionCall"]["args"]),
        (&json!("get_weather"), &json!({"city": "Tokyo"}))
    );
    assert_eq!(call["thoughtSignature"], SIGNATURE, "{up}");
    let result = &contents[2]["parts"][0]["functionResponse"];
    assert_eq!((&result["name"], &result["response"]), (&json!("get_weather"), &json!({"result": "rain"})), "{up}");
    assert_eq!(result["id"], call["functionCall"]["id"], "{up}");
}

#[tokio::test]
async fn an_openai_client_keeps_gemini_thinking_over_two_turns() {
    let upstream = Upstream::start().await;
    let harness = all(&upstream).await;
    let tool = json!([{"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]);
    for stream in [false, true] {
        upstream.reply(calls(stream));
        let mut body = chat("g1/gemini-3-flash");
        body["tools"] = tool.clone();
        body["stream"] = stream.into();
        let response = harness.call(&post_chat(&body)).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let up = upstream.requests().pop().unwrap();
        let verb = if stream {
            ("/v1beta/models/gemini-3-flash:streamGenerateContent", "alt=sse")
        } else {
            ("/v1beta/models/gemini-3-flash:generateContent", "")
        };
        assert_eq!((up.path(), up.query()), verb);
        // Putting deltas together as clients do: what a call has beside its arguments stays on it.
        let message = match stream {
            false => response.json()["choices"][0]["message"].clone(),
            true => {
                let mut call = Value::Null;
                for data in response.data().iter().filter(|data| *data != "[DONE]") {
                    let chunk: Value = serde_json::from_str(data).unwrap();
                    let delta = &chunk["choices"][0]["delta"]["tool_calls"][0];
                    match delta {
                        Value::Null => {}
                        delta if call.is_null() => call = delta.clone(),
                        delta => {
                            let all = format!(
                                "{}{}",
                                call["function"]["arguments"].as_str().unwrap(),
                                delta["function"]["arguments"].as_str().unwrap()
                            );
                            call["function"]["arguments"] = all.into();
                        }
                    }
                }
                json!({"role": "assistant", "tool_calls": [call]})
            }
        };
        assert_eq!(message["tool_calls"][0]["extra_content"]["google"]["thought_signature"], SIGNATURE);
        let id = message["tool_calls"][0]["id"].clone();
        let line = harness.line(&response).await;
        // 6 fresh at 1, 4 cached at 0.1, 8 written at 4 USD per million.
        assert_eq!(line["cost"]["usd"], "0.000038400", "{line}");
        assert_eq!(
            (
                &line["usage"]["input"],
                &line["usage"]["cache_read"],
                &line["usage"]["output"],
                &line["usage"]["reasoning"]
            ),
            (&json!(6), &json!(4), &json!(8), &json!(5))
        );
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(message);
        messages.push(json!({"role": "tool", "tool_call_id": id, "content": "rain"}));
        upstream.reply(if stream {
            Script::sse(gemini::events(&gemini::words(&["It ", "rains."], 20, 3)))
        } else {
            Script::json(200, &gemini::answer("It rains.", 20, 3))
        });
        let response = harness.call(&post_chat(&body)).await;
        assert_eq!(response.status, 200, "{}", response.text());
        assert!(response.text().contains("rains."), "{}", response.text());
        replayed(&upstream.requests().pop().unwrap().json());
        harness.line(&response).await;
    }
    harness.finish().await;
}

#[tokio::test]
async fn an_anthropic_client_keeps_gemini_thinking_over_two_turns() {
    let upstream = Upstream::start().await;
    let harness = all(&upstream).await;
    for stream in [false, true] {
        upstream.reply(calls(stream));
        let mut body = message("g1/gemini-3-flash");
        body["tools"] = json!([{"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]);
        body["stream"] = stream.into();
        let response = harness.call(&post_message(&body)).await;
        assert_eq!(response.status, 200, "{}", response.text());
        let frames: Vec<Value> = response.data().iter().map(|data| serde_json::from_str(data).unwrap()).collect();
        let id = match stream {
            false => response.json()["content"][1]["id"].clone(),
            true => frames.iter().map(|frame| frame["content_block"]["id"].clone()).find(|id| !id.is_null()).unwrap(),
        };
        let text = id.as_str().unwrap();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)), "{text}");
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "assistant", "content": [{"type": "tool_use", "id": id, "name": "get_weather", "input": {"city": "Tokyo"}}]}));
        messages
            .push(json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": id, "content": "rain"}]}));
        upstream.reply(Script::json(200, &gemini::answer("It rains.", 20, 3)));
        body["stream"] = false.into();
        let response = harness.call(&post_message(&body)).await;
        assert_eq!((response.status, &response.json()["content"][0]["text"]), (200, &json!("It rains.")));
        replayed(&upstream.requests().pop().unwrap().json());
    }
    harness.finish().await;
}

#[tokio::test]
async fn a_client_of_responses_keeps_gemini_thinking_over_two_turns() {
    let upstream = Upstream::start().await;
    let harness = all(&upstream).await;
    let post = |body: &Value| Request::post("/v1/responses", body).bearer(ALICE);
    let mut body = json!({"model": "g1/gemini-3-flash", "store": false, "input": [{"role": "user", "content": CANARY}],
        "tools": [{"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}]});
    upstream.reply(calls(false));
    let response = harness.call(&post(&body)).await;
    assert_eq!(response.status, 200, "{}", response.text());
    let output = response.json()["output"].as_array().unwrap().clone();
    let call = output.iter().find(|item| item["type"] == "function_call").unwrap().clone();
    assert_eq!(call["extra_content"]["google"]["thought_signature"], SIGNATURE);
    let items = body["input"].as_array_mut().unwrap();
    items.push(call.clone());
    items.push(json!({"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}));
    upstream.reply(Script::json(200, &gemini::answer("It rains.", 20, 3)));
    let response = harness.call(&post(&body)).await;
    assert!(response.text().contains("It rains."), "{}", response.text());
    replayed(&upstream.requests().pop().unwrap().json());
    // What one account at Google keeps no other dialect's provider can read.
    let mut cached = ask();
    cached["cachedContent"] = json!("cachedContents/1");
    let request = Request::post("/v1beta/models/p1/m:generateContent", &cached).header("x-goog-api-key", ALICE);
    assert_eq!(harness.call(&request).await.status, 400);
    harness.finish().await;
}

#[tokio::test]
async fn a_client_that_drops_the_signature_is_told_of_it() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &gemini::answer("ok", 20, 3)));
    let harness = all(&upstream).await;
    let mut body = chat("g1/gemini-3-flash");
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}));
    messages.push(json!({"role": "tool", "tool_call_id": "c", "content": "x"}));
    let response = harness.call(&post_chat(&body)).await;
    assert_eq!(response.header("x-tollgate-loss"), Some("weakened thought_signature at messages[1].content[0]"));
    let up = upstream.requests().pop().unwrap().json();
    assert_eq!(up["contents"][1]["parts"][0]["thoughtSignature"], "skip_thought_signature_validator");
    harness.finish().await;
}

#[tokio::test]
async fn failures_have_googles_shape_in_every_form() {
    let upstream = Upstream::start().await;
    let harness = all(&upstream).await;
    let google = |response: &Response| response.json()["error"]["status"].as_str().unwrap_or_default().to_owned();
    // Ours.
    let nobody = harness
        .call(&Request::post("/v1beta/models/x:generateContent", &ask()).header("x-goog-api-key", "tg-no"))
        .await;
    assert_eq!((nobody.status, google(&nobody)), (401, "UNAUTHENTICATED".into()));
    let unknown = harness.call(&post("/v1/models/nothing:generateContent", &ask())).await;
    assert_eq!(
        (unknown.status, google(&unknown), &unknown.json()["error"]["tollgate"]["kind"]),
        (404, "NOT_FOUND".into(), &json!("unknown_model"))
    );
    let wrong = harness.call(&post("/v1beta/models/g1/gemini-3-flash:generateContent", &json!({"contents": 7}))).await;
    assert_eq!((wrong.status, google(&wrong)), (400, "INVALID_ARGUMENT".into()));
    let nowhere = testkit::http::fetch(harness.addr, &post("/v1beta/models/x:embedContent", &ask())).await;
    assert_eq!((nowhere.status, google(&nowhere)), (404, "NOT_FOUND".into()));
    // The provider's: its refusal of the request comes as it is, its refusal of our key does not.
    let refused = gemini::error(400, "INVALID_ARGUMENT", "Invalid JSON payload received. Unknown name \"x\"");
    upstream.reply(Script::json(400, &refused));
    let response = harness.call(&post("/v1beta/models/g1/gemini-3-flash:generateContent", &ask())).await;
    assert_eq!((response.status, response.json()), (400, refused));
    upstream.reply(Script::json(400, &gemini::bad_key()));
    let response = harness.call(&post_chat(&chat("g1/gemini-3-flash"))).await;
    assert_eq!((response.status, response.header("x-tollgate-error")), (502, Some("upstream_auth")));
    // An error within a stream: passed alone in its own dialect.
    let first = gemini::chunk(&[gemini::text("a")], "", &gemini::usage(10, 0, 1, 0));
    upstream.reply(Script::sse(gemini::events(&[first.clone(), gemini::overloaded()])));
    let response = harness.call(&post("/v1beta/models/g1/gemini-3-flash:streamGenerateContent?alt=sse", &ask())).await;
    assert_eq!(response.body, join(&gemini::events(&[first.clone(), gemini::overloaded()])));
    assert_eq!(harness.line(&response).await["status"], "incomplete");
    // A stream that breaks off: told in the form it has, and never as if it were whole.
    for (verb, script) in [
        ("streamGenerateContent?alt=sse", Script::sse(gemini::events(std::slice::from_ref(&first)))),
        ("streamGenerateContent", array(&gemini::array(std::slice::from_ref(&first))[..1])),
    ] {
        upstream.reply(script);
        let response = harness.call(&post(&format!("/v1beta/models/g1/gemini-3-flash:{verb}"), &ask())).await;
        let all = chunks(&response);
        assert_eq!(
            (all.len(), &all[0], &all[1]["error"]["tollgate"]["kind"]),
            (2, &first, &json!("upstream_failed")),
            "{verb}: {}",
            response.text()
        );
        assert_eq!(harness.line(&response).await["status"], "incomplete", "{verb}");
    }
    // Across, in an array.
    upstream.reply(Script::sse(openai::stream(&["a", "b"], None)).cut_after(500));
    let response = harness.call(&post("/v1beta/models/p1/m:streamGenerateContent", &ask())).await;
    assert!(chunks(&response).pop().unwrap()["error"]["code"].is_u64(), "{}", response.text());
    harness.finish().await;
}

#[tokio::test]
async fn models_are_listed_in_googles_shape() {
    let upstream = Upstream::start().await;
    let harness = all(&upstream).await;
    for path in ["/v1beta/models", "/v1/models"] {
        let list = testkit::http::fetch(harness.addr, &Request::get(path).header("x-goog-api-key", ALICE)).await;
        let names: Vec<Value> =
            list.json()["models"].as_array().unwrap().iter().map(|model| model["name"].clone()).collect();
        assert!(names.contains(&json!("models/g1/gemini-3-flash")), "{names:?}");
    }
    harness.finish().await;
}

#[tokio::test]
async fn googles_openai_endpoint_is_reached_where_it_is_asked_for() {
    let upstream = Upstream::start().await;
    upstream.reply_always(Script::json(200, &openai::completion("ok", 10, 20)));
    let harness = Harness::start(&format!(
        "{}providers:\n  g1: {{ kind: gemini, dialect: openai-chat, base_url: \"{}\", api_key: {KEY_1}, models: [m] }}\n",
        keys(),
        upstream.url()
    ))
    .await;
    assert_eq!(harness.call(&post_chat(&chat("g1/m"))).await.status, 200);
    let up = upstream.requests().pop().unwrap();
    let bearer = format!("Bearer {KEY_1}");
    assert_eq!((up.path(), up.header("authorization")), ("/v1beta/openai/chat/completions", Some(bearer.as_str())));
    harness.finish().await;
}
