//! `/v1/responses`: byte for byte to its own kind, translated to every other, with exact usage and cost; what
//! one account keeps goes to it alone.

use serde_json::{Value, json};
use testkit::http::{End, Request, Response};
use testkit::samples::{self, anthropic, openai, responses};
use testkit::upstream::{Script, Upstream};

use crate::harness::{self, ALICE, CANARY, Harness, KEY_1, KEY_2, chat, keys, message, post_chat, post_message};

/// A provider that speaks the Responses dialect and no other: model `m` at 1 USD in, 2 USD out.
fn provider(name: &str, upstream: &str, key: &str) -> String {
    format!(
        "  {name}: {{ kind: openai, base_url: \"{upstream}/v1\", api_keys: [{key}, {key}-second], dialect: \
         openai-responses, models: [m], prices: {{ m: {{ input: 1, output: 2 }} }} }}\n"
    )
}

/// `r1` speaks Responses, `p1` chat, `a1` Anthropic's messages; all are this upstream.
async fn three(upstream: &Upstream) -> Harness {
    Harness::start(&format!(
        "{}providers:\n{}{}{}models:\n  any: {{ targets: [a1/m, r1/m], fallback: [p1/m] }}\n  others: {{ targets: \
         [a1/m, p1/m] }}\n",
        keys(),
        provider("r1", &upstream.url(), KEY_1),
        harness::openai("p1", &upstream.url(), KEY_1, ""),
        harness::anthropic("a1", &upstream.url(), KEY_2, "")
    ))
    .await
}

fn asks(model: &str) -> Value {
    json!({"model": model, "input": CANARY})
}

fn post(path: &str, body: &Value) -> Request {
    Request::post(path, body).bearer(ALICE)
}

const TOOL: &str = r#"{"type":"function","name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}"#;
const ARGUMENTS: &str = r#"{"city": "Tokyo"}"#;

#[tokio::test]
async fn the_same_dialect_passes_byte_for_byte() {
    let upstream = Upstream::start().await;
    let harness = three(&upstream).await;
    // Whole, on each path: odd spacing, unknown members, numbers beyond every type.
    for path in ["/v1/responses", "/responses", "/openai/v1/responses"] {
        let body =
            "{ \"zeta\":[1e400 , 2],\n\"model\" : \"r1/m\", \"input\":[{\"role\":\"user\",\"content\":\"\\ud800\"}] }";
        let request = Request::new("POST", path).bearer(ALICE).header("content-type", "application/json");
        let answer = format!(" {}\n", responses::answer("hällo \u{1f600}", 10, 20));
        upstream.reply(Script::body(200, "application/json", answer.clone()));
        let response = harness.call(&request.body(body.as_bytes())).await;
        assert_eq!((response.status, response.text()), (200, answer));
        let up = upstream.requests().pop().unwrap();
        assert_eq!((up.path(), up.text()), ("/v1/responses", body.replace("r1/m", "m")));
        let line = harness.line(&response).await;
        assert_eq!((&line["dialect"], &line["cost"]["usd"]), (&json!("openai-responses"), &json!("0.000050000")));
        assert_eq!((&line["usage"]["input"], &line["usage"]["output"]), (&json!(10), &json!(20)));
        assert_eq!(line["upstream_id"], responses::ID);
    }
    // Streamed.
    let items = [responses::message("Hello"), responses::function_call("call_1", "get_weather", ARGUMENTS)];
    let frames = responses::stream(&items, 10, 20);
    upstream.reply(Script::sse(frames.clone()));
    let mut body = asks("r1/m");
    body["stream"] = true.into();
    let response = harness.call(&post("/v1/responses", &body)).await;
    assert_eq!(response.text(), String::from_utf8_lossy(&samples::join(&frames)));
    assert_eq!(response.end, End::Clean);
    let line = harness.line(&response).await;
    assert_eq!((&line["cost"]["usd"], &line["usage"]["source"]), (&json!("0.000050000"), &json!("reported")));
    // Who asks for the cost finds it in the usage, whole and in the last event.
    body["usage"] = json!({"include": true});
    for stream in [false, true] {
        body["stream"] = stream.into();
        upstream.reply(match stream {
            true => Script::sse(responses::text_stream("Hello", 10, 20)),
            false => Script::json(200, &responses::answer("Hello", 10, 20)),
        });
        let response = harness.call(&post("/v1/responses", &body)).await;
        let last = if stream { response.data().last().unwrap().clone() } else { response.text() };
        assert!(last.contains("\"cost\":0.000050000"), "{last}");
        assert!(!upstream.requests().pop().unwrap().text().contains("include"));
    }
    harness.finish().await;
}

/// What an upstream of each dialect answers: words and a call, streamed or whole.
fn script(upstream: &str, stream: bool) -> Script {
    let input: Value = serde_json::from_str(ARGUMENTS).unwrap();
    match (upstream, stream) {
        ("p1", false) => Script::json(200, &openai::tool_completion(&[("call_1", "get_weather", ARGUMENTS)], 10, 20)),
        ("p1", true) => {
            let calls: [(&str, &str, &[&str]); 1] = [("call_1", "get_weather", &["{\"city\":", " \"Tokyo\"}"])];
            Script::sse(openai::tool_stream(&calls, Some((10, 20))))
        }
        ("a1", false) => {
            let blocks = [anthropic::tool_use("call_1", "get_weather", &input)];
            Script::json(200, &anthropic::message(&blocks, "tool_use", &anthropic::usage(10, 20)))
        }
        ("a1", true) => {
            let block = anthropic::Block::ToolUse("call_1", "get_weather", &["{\"city\":", " \"Tokyo\"}"]);
            Script::sse(anthropic::stream(&[block], "tool_use", 10, 20))
        }
        (_, stream) => {
            let call = responses::function_call("call_1", "get_weather", ARGUMENTS);
            match stream {
                true => Script::sse(responses::stream(&[call], 10, 20)),
                false => Script::json(200, &responses::response("completed", &[call], &responses::usage(10, 0, 20, 0))),
            }
        }
    }
}

/// The response object that an answer is, or that its stream ends with; the stream's items are its own.
fn object(response: &Response, stream: bool) -> Value {
    if !stream {
        return response.json();
    }
    let events: Vec<Value> = response.data().iter().map(|data| serde_json::from_str(data).unwrap()).collect();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], number, "{event}");
    }
    let last = events.last().unwrap();
    assert_eq!((&events[0]["type"], &last["type"]), (&json!("response.created"), &json!("response.completed")));
    let done: Vec<&Value> = events.iter().filter(|event| event["type"] == "response.output_item.done").collect();
    let items: Vec<&Value> = done.iter().map(|event| &event["item"]).collect();
    assert_eq!(json!(items), last["response"]["output"]);
    for event in events.iter().filter(|event| event["item_id"].is_string()) {
        let index = usize::try_from(event["output_index"].as_u64().unwrap()).unwrap();
        assert_eq!(event["item_id"], items[index]["id"], "{event}");
    }
    last["response"].clone()
}

#[tokio::test]
async fn its_callers_reach_every_upstream() {
    let upstream = Upstream::start().await;
    let harness = three(&upstream).await;
    for (provider, cost) in [("p1", "0.000050000"), ("a1", "0.000110000"), ("r1", "0.000050000")] {
        for stream in [false, true] {
            let mut body = asks(&format!("{provider}/m"));
            body["tools"] = json!([serde_json::from_str::<Value>(TOOL).unwrap()]);
            body["instructions"] = json!("Be brief.");
            body["stream"] = stream.into();
            upstream.reply(script(provider, stream));
            let response = harness.call(&post("/v1/responses", &body)).await;
            let shown = format!("{provider}, stream {stream}: {}", response.text());
            assert_eq!(response.status, 200, "{shown}");
            let object = object(&response, stream);
            assert_eq!(object["status"], "completed", "{shown}");
            let call = &object["output"][0];
            assert_eq!((&call["type"], &call["call_id"]), (&json!("function_call"), &json!("call_1")), "{shown}");
            let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
            assert_eq!((&call["name"], &arguments["city"]), (&json!("get_weather"), &json!("Tokyo")), "{shown}");
            let usage = &object["usage"];
            assert_eq!((&usage["input_tokens"], &usage["output_tokens"]), (&json!(10), &json!(20)), "{shown}");
            if provider != "r1" {
                assert_eq!(object["instructions"], "Be brief.", "the request is repeated: {shown}");
                assert_eq!(object["tools"], body["tools"], "{shown}");
            }
            let line = harness.line(&response).await;
            assert_eq!((&line["cost"]["usd"], &line["usage"]["source"]), (&json!(cost), &json!("reported")), "{shown}");
            assert_eq!(line["dialect"], "openai-responses", "{shown}");
            let up = upstream.requests().pop().unwrap().json();
            let tool = &up["tools"][0];
            assert!(tool["name"] == "get_weather" || tool["function"]["name"] == "get_weather", "{up}");
        }
    }
    harness.finish().await;
}

#[tokio::test]
async fn its_upstreams_serve_every_caller() {
    let upstream = Upstream::start().await;
    let harness = three(&upstream).await;
    for stream in [false, true] {
        for anthropic in [false, true] {
            upstream.reply(match stream {
                true => Script::sse(responses::text_stream("Hello there", 10, 20)),
                false => Script::json(200, &responses::answer("Hello there", 10, 20)),
            });
            let mut body = if anthropic { message("r1/m") } else { chat("r1/m") };
            body["stream"] = stream.into();
            let response = harness.call(&if anthropic { post_message(&body) } else { post_chat(&body) }).await;
            let shown = format!("anthropic {anthropic}, stream {stream}: {}", response.text());
            assert_eq!(response.status, 200, "{shown}");
            let up = upstream.requests().pop().unwrap();
            assert_eq!(up.path(), "/v1/responses");
            let up = up.json();
            assert_eq!((&up["store"], &up["input"][0]["content"]), (&json!(false), &json!(CANARY)), "{up}");
            let words: String = match stream {
                false if anthropic => response.json()["content"][0]["text"].as_str().unwrap().to_owned(),
                false => response.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned(),
                true => {
                    let frames = response.data();
                    let frames = frames.iter().filter_map(|data| serde_json::from_str::<Value>(data).ok());
                    let text = |frame: Value| match anthropic {
                        true => frame["delta"]["text"].as_str().unwrap_or_default().to_owned(),
                        false => frame["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned(),
                    };
                    frames.map(text).collect()
                }
            };
            assert_eq!(words, "Hello there", "{shown}");
            let line = harness.line(&response).await;
            assert_eq!(line["cost"]["usd"], "0.000050000", "{shown}");
            assert_eq!((&line["usage"]["input"], &line["usage"]["output"]), (&json!(10), &json!(20)), "{shown}");
        }
    }
    harness.finish().await;
}

#[tokio::test]
async fn custom_tools_cross_as_functions_and_come_back() {
    let upstream = Upstream::start().await;
    let harness = three(&upstream).await;
    for stream in [false, true] {
        let mut body = asks("p1/m");
        body["tools"] = json!([{"type": "custom", "name": "shell", "description": "Runs it."}]);
        body["stream"] = stream.into();
        let said = r#"{"input":"ls -l \"a b\""}"#;
        upstream.reply(match stream {
            false => Script::json(200, &openai::tool_completion(&[("call_1", "shell", said)], 10, 20)),
            true => Script::sse(openai::tool_stream(&[("call_1", "shell", &[&said[..9], &said[9..]])], Some((10, 20)))),
        });
        let response = harness.call(&post("/v1/responses", &body)).await;
        let item = &object(&response, stream)["output"][0];
        assert_eq!((&item["type"], &item["input"]), (&json!("custom_tool_call"), &json!("ls -l \"a b\"")), "{item}");
        assert_eq!(response.header("x-tollgate-loss"), Some("approximated custom tool at tools[0]"));
        let up = upstream.requests().pop().unwrap().json();
        assert_eq!(up["tools"][0]["function"]["parameters"]["required"], json!(["input"]), "{up}");
    }
    harness.finish().await;
}

#[tokio::test]
async fn a_failing_stream_is_told_in_its_own_form() {
    let upstream = Upstream::start().await;
    let harness = three(&upstream).await;
    // As the first event it goes on to the next target.
    let mut body = asks("any");
    body["stream"] = true.into();
    upstream.reply(Script::json(529, &anthropic::error("overloaded_error", "Overloaded")));
    upstream.reply(Script::sse(responses::failure("server_error", "oops")));
    upstream.reply(Script::sse(openai::stream(&["Hello"], Some((10, 20)))));
    let response = harness.call(&post("/v1/responses", &body)).await;
    assert_eq!((response.status, response.header("x-tollgate-served-by")), (200, Some("p1/m")), "{}", response.text());
    assert!(response.text().contains("event: response.completed\n"), "{}", response.text());
    // After content, the same dialect's own frame passes, and nothing looks like an end.
    let mut frames = responses::text_stream("Hello there", 10, 20);
    frames.truncate(6);
    frames.extend(responses::failure("server_error", "oops"));
    body["model"] = "r1/m".into();
    upstream.reply(Script::sse(frames));
    let response = harness.call(&post("/v1/responses", &body)).await;
    let text = response.text();
    assert!(text.contains("event: error\n") && !text.contains("response.completed"), "{text}");
    assert_eq!(harness.line(&response).await["status"], "incomplete");
    // Cut short across dialects: an error event, nested as the official clients want it.
    let mut frames = openai::stream(&["Hello", " there"], Some((10, 20)));
    frames.truncate(2);
    body["model"] = "p1/m".into();
    upstream.reply(Script::sse(frames));
    let response = harness.call(&post("/v1/responses", &body)).await;
    let last: Value = serde_json::from_str(response.data().last().unwrap()).unwrap();
    assert_eq!((&last["type"], &last["error"]["type"]), (&json!("error"), &json!("server_error")), "{last}");
    // Errors on the path have OpenAI's shape.
    let response = harness.call(&post("/v1/responses", &json!({"model": "r1/m"}))).await;
    assert_eq!((response.status, &response.json()["error"]["param"]), (400, &json!("input")));
    harness.finish().await;
}
