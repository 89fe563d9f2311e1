//! The simulated provider as its callers see it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use bytes::Bytes;
use policy::price::overrides::find;
use wire::frame::Framer as _;
use wire::json::Json;
use wire::sse::SseFramer;

use super::{MODELS, answer, prices};
use crate::env::instant;
use crate::upstream::body::BodyError;
use crate::upstream::client::Answer;

const HELLO: &str = r#""messages":[{"role":"user","content":"Hello there"}]"#;

fn ask(model: &str, members: &str) -> Answer {
    answer(model, &Bytes::from(format!("{{\"model\":\"{model}\",{members}}}")))
}

async fn whole(model: &str, members: &str) -> (u16, String) {
    let mut answer = ask(model, members);
    let body = answer.body.collect(1 << 20).await.unwrap().unwrap();
    (answer.status, String::from_utf8(body.to_vec()).unwrap())
}

/// The data of every frame of a streamed answer, and whether it broke.
async fn frames(mut answer: Answer) -> (Vec<String>, bool) {
    let mut framer = SseFramer::default();
    let mut frames = Vec::new();
    let mut broke = false;
    while let Some(piece) = answer.body.next().await {
        match piece {
            Ok(piece) => framer.push(&piece, &mut frames).unwrap(),
            Err(error) => {
                assert_eq!(error, BodyError::Connection);
                broke = true;
            }
        }
    }
    assert!(framer.is_between(), "only whole frames are sent");
    (frames.iter().map(|frame| String::from_utf8(frame.data.clone().unwrap().to_vec()).unwrap()).collect(), broke)
}

/// A text of every delta put together.
fn joined(frames: &[String], path: &[&str]) -> String {
    let deltas =
        frames.iter().filter_map(|frame| Json::parse(frame).ok()?.get("choices")?.items().next()?.get("delta"));
    deltas.filter_map(|delta| delta.at(path)?.as_str()).collect()
}

fn finish(frames: &[String]) -> Vec<String> {
    let choices = frames.iter().filter_map(|frame| Json::parse(frame).ok()?.get("choices")?.items().next());
    choices.filter_map(|choice| Some(choice.get("finish_reason")?.as_str()?.into_owned())).collect()
}

fn choice(body: &str) -> Json<'_> {
    Json::parse(body).unwrap().get("choices").unwrap().items().next().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_whole_answer_says_what_it_is_and_counts_itself() {
    let start = instant();
    let mut answer = ask("fast", HELLO);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "application/json");
    assert!(answer.headers["x-request-id"].to_str().unwrap().starts_with("req_"));
    assert_eq!(start.elapsed(), Duration::ZERO, "the head is there at once");
    let body = answer.body.collect(1 << 20).await.unwrap().unwrap();
    let took = start.elapsed();
    let json = Json::from_bytes(&body).unwrap();
    let choice = choice(json.raw());
    let text = choice.at(&["message", "content"]).unwrap().as_str().unwrap();
    assert!(text.starts_with("This is tollgate's simulated model `fast`. You said: “Hello there”."), "{text}");
    assert!(choice.get("finish_reason").unwrap().is("stop"));
    let number = |path: &[&str]| json.at(path).unwrap().as_u64().unwrap();
    let said = u64::try_from(text.len()).unwrap().div_ceil(4);
    assert_eq!(number(&["usage", "completion_tokens"]), said);
    assert_eq!(number(&["usage", "prompt_tokens"]), 3);
    assert_eq!(number(&["usage", "total_tokens"]), said + 3);
    let spoken = Duration::from_micros(said * 1_000_000 / 150);
    assert!(took >= spoken + Duration::from_millis(90), "{took:?}");
    assert!(took <= spoken + Duration::from_millis(182), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_streamed_answer_comes_at_the_models_pace() {
    let start = instant();
    let mut answer = ask("slow", &format!("{HELLO},\"stream\":true"));
    assert_eq!(answer.headers["content-type"], "text/event-stream; charset=utf-8");
    assert!(answer.body.next().await.unwrap().is_ok());
    assert!(start.elapsed() >= Duration::from_millis(1_125), "{:?}", start.elapsed());
    let first = instant();
    let (frames, broke) = frames(answer).await;
    let text = joined(&frames, &["content"]);
    let tokens = u32::try_from(text.len().div_ceil(4)).unwrap();
    assert!(first.elapsed() >= Duration::from_secs(1) * tokens / 25, "{:?} for {tokens}", first.elapsed());
    assert!(text.contains("simulated model `slow`"), "{text}");
    assert!(!broke);
    assert_eq!(finish(&frames), ["stop"]);
    assert_eq!(frames.last().unwrap(), "[DONE]");
    assert!(!frames.iter().any(|frame| frame.contains("\"usage\"")), "nobody asked for usage");
}

#[tokio::test(start_paused = true)]
async fn a_stream_says_the_same_as_the_whole_and_carries_usage_when_asked() {
    let seeded = format!("{HELLO},\"seed\":1");
    let (_, body) = whole("smart", &seeded).await;
    let stream = format!("{seeded},\"stream\":true,\"stream_options\":{{\"include_usage\":true}}");
    let (frames, _) = frames(ask("smart", &stream)).await;
    let usage = frames.get(frames.len() - 2).unwrap();
    let usage = Json::parse(usage).unwrap();
    assert_eq!(usage.get("choices").unwrap().raw(), "[]");
    let text = joined(&frames, &["content"]);
    assert_eq!(usage.at(&["usage", "completion_tokens"]).unwrap().as_u64().unwrap(), text.len().div_ceil(4) as u64);
    assert!(Json::parse(&frames[0]).unwrap().get("usage").unwrap().is_null());
    // The bodies differ, so the sentences may; how it starts and how much it says does not.
    let content = choice(&body).at(&["message", "content"]).unwrap().as_str().unwrap();
    assert_eq!(text.get(..60), content.get(..60));
}

#[tokio::test(start_paused = true)]
async fn a_seed_makes_an_answer_repeat_itself() {
    let seeded = format!("{HELLO},\"seed\":7");
    let strip = |body: &str| body[body.find("\"choices\"").unwrap()..].to_owned();
    let (one, two) = (whole("smart", &seeded).await, whole("smart", &seeded).await);
    assert_eq!((one.0, strip(&one.1)), (two.0, strip(&two.1)));
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(ask("flaky", &seeded).status);
    }
    assert!(statuses.windows(2).all(|pair| pair[0] == pair[1]), "{statuses:?}");
}

#[tokio::test(start_paused = true)]
async fn flaky_fails_about_three_times_in_ten_in_every_way() {
    let (mut limited, mut errors, mut overloaded, mut cut) = (0, 0, 0, 0);
    for seed in 0..1_000 {
        let mut answer = ask("flaky", &format!("{HELLO},\"seed\":{seed}"));
        match answer.status {
            429 => {
                assert_eq!(answer.headers["retry-after"], "1");
                limited += 1;
            }
            500 => errors += 1,
            503 => overloaded += 1,
            200 => cut += u32::from(answer.body.collect(1 << 20).await.is_err()),
            status => panic!("{status}"),
        }
    }
    let all = limited + errors + overloaded + cut;
    assert!((250..350).contains(&all), "{all}");
    for count in [limited, errors, overloaded, cut] {
        assert!(count > 25, "{limited} {errors} {overloaded} {cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_seed_the_same_body_meets_another_fate() {
    let statuses: std::collections::BTreeSet<u16> = (0..200).map(|_| ask("flaky", HELLO).status).collect();
    assert!(statuses.len() > 2, "{statuses:?}");
}

#[tokio::test(start_paused = true)]
async fn a_body_may_say_what_shall_happen() {
    let with = |word: &str, more: &str| format!("{HELLO},\"metadata\":{{\"simulate\":\"{word}\"}}{more}");
    for (word, status) in [("rate_limited", 429), ("server_error", 500), ("overloaded", 503), ("ok", 200)] {
        assert_eq!(ask("fast", &with(word, "")).status, status);
    }
    let (frames, broke) = frames(ask("fast", &with("cut", ",\"stream\":true"))).await;
    assert!(broke && finish(&frames).is_empty());
    assert!(!joined(&frames, &["content"]).is_empty(), "it breaks behind some content");
    assert!(ask("fast", &with("cut", "")).body.collect(1 << 20).await.is_err());
    let (status, body) = whole("fast", &with("nonsense", "")).await;
    assert_eq!(status, 400);
    assert!(body.contains("ok, rate_limited, server_error, overloaded, cut"), "{body}");
}

#[tokio::test(start_paused = true)]
async fn the_reasoner_thinks_first() {
    let (frames, _) = frames(ask("reasoner", &format!("{HELLO},\"stream\":true"))).await;
    let thoughts = frames.iter().position(|frame| frame.contains("reasoning_content")).unwrap();
    let text = frames.iter().position(|frame| frame.contains("This is")).unwrap();
    assert!(thoughts < text);
    let (_, body) = whole("reasoner", &format!("{HELLO},\"reasoning_effort\":\"high\"")).await;
    let thoughts = choice(&body).at(&["message", "reasoning_content"]).unwrap().as_str().unwrap().len();
    let counted = Json::parse(&body).unwrap().at(&["usage", "completion_tokens_details", "reasoning_tokens"]).unwrap();
    assert_eq!(counted.as_u64().unwrap(), thoughts.div_ceil(4) as u64);
    let (_, body) = whole("reasoner", &format!("{HELLO},\"reasoning_effort\":\"none\"")).await;
    assert!(!body.contains("reasoning_content"));
}

#[tokio::test(start_paused = true)]
async fn answers_end_at_most_tokens_and_at_stop_sequences() {
    let (_, body) = whole("smart", &format!("{HELLO},\"max_tokens\":5")).await;
    assert!(choice(&body).get("finish_reason").unwrap().is("length"));
    assert!(choice(&body).at(&["message", "content"]).unwrap().is("This is tollgate's s"));
    assert!(body.contains("\"completion_tokens\":5,"));
    let (_, body) = whole("smart", &format!("{HELLO},\"stop\":[\"zzz\",\" simulated\",\"model\"]")).await;
    assert!(choice(&body).get("finish_reason").unwrap().is("stop"));
    assert!(choice(&body).at(&["message", "content"]).unwrap().is("This is tollgate's"));
    let (_, body) = whole("reasoner", &format!("{HELLO},\"max_completion_tokens\":3")).await;
    assert!(choice(&body).at(&["message", "content"]).unwrap().is(""));
    assert!(body.contains("\"completion_tokens\":3,"));
}

const TOOLS: &str = r#""tools":[{"type":"function","function":{"name":"get_weather","parameters":{"type":"object",
    "properties":{"city":{"type":"string"},"unit":{"type":"string"}},"required":["city"]}}},
    {"type":"function","function":{"name":"send_mail","parameters":{"type":"object","properties":{"to":{"type":"string",
    "format":"email"}}}}}]"#;

fn called(body: &str) -> Vec<(String, String)> {
    let calls = choice(body).at(&["message", "tool_calls"]);
    let text = |call: Json<'_>, name: &str| call.at(&["function", name]).unwrap().as_str().unwrap().into_owned();
    calls.into_iter().flat_map(Json::items).map(|call| (text(call, "name"), text(call, "arguments"))).collect()
}

fn pair(name: &str, arguments: &str) -> (String, String) {
    (name.to_owned(), arguments.to_owned())
}

#[tokio::test(start_paused = true)]
async fn tools_are_called_when_asked_for_or_forced() {
    let weather = r#""messages":[{"role":"user","content":"How is the weather in Rome?"}]"#;
    let (_, body) = whole("fast", &format!("{weather},{TOOLS}")).await;
    assert_eq!(called(&body), [pair("get_weather", r#"{"city":"Rome"}"#)]);
    assert!(choice(&body).get("finish_reason").unwrap().is("tool_calls"));
    assert!(choice(&body).at(&["message", "content"]).unwrap().is_null());
    let (_, body) = whole("fast", &format!("{weather},{TOOLS},\"tool_choice\":\"none\"")).await;
    assert!(called(&body).is_empty());
    let (_, body) = whole("fast", &format!("{HELLO},{TOOLS}")).await;
    assert!(called(&body).is_empty());
    let (_, body) = whole("fast", &format!("{HELLO},{TOOLS},\"tool_choice\":\"required\"")).await;
    assert_eq!(called(&body), [pair("get_weather", r#"{"city":"Hello there"}"#)]);
    let named = r#""tool_choice":{"type":"function","function":{"name":"send_mail"}}"#;
    let (_, body) = whole("fast", &format!("{HELLO},{TOOLS},{named}")).await;
    assert_eq!(called(&body), [pair("send_mail", r#"{"to":"someone@example.com"}"#)]);
    let both = r#""messages":[{"role":"user","content":"Use all tools"}]"#;
    let (_, body) = whole("fast", &format!("{both},{TOOLS}")).await;
    assert_eq!(called(&body).len(), 2);
    let (_, body) = whole("fast", &format!("{both},{TOOLS},\"parallel_tool_calls\":false")).await;
    assert_eq!(called(&body).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_tools_result_is_answered_with_text() {
    let messages = r#""messages":[{"role":"user","content":"weather in Rome?"},{"role":"assistant","tool_calls":[]},
        {"role":"tool","tool_call_id":"x","content":"sunny"}]"#;
    let (_, body) = whole("fast", &format!("{messages},{TOOLS}")).await;
    assert!(called(&body).is_empty());
    assert!(body.contains("The tool returned: sunny"));
}

#[tokio::test(start_paused = true)]
async fn streamed_calls_carry_their_arguments_in_pieces() {
    let body = format!("{HELLO},{TOOLS},\"tool_choice\":\"required\",\"stream\":true");
    let (frames, _) = frames(ask("fast", &body)).await;
    let calls: Vec<Json<'_>> = frames
        .iter()
        .filter_map(|frame| Json::parse(frame).ok()?.get("choices")?.items().next()?.at(&["delta", "tool_calls"]))
        .flat_map(Json::items)
        .collect();
    assert!(calls[0].at(&["function", "name"]).unwrap().is("get_weather"));
    let arguments: String = calls.iter().filter_map(|call| call.at(&["function", "arguments"])?.as_str()).collect();
    assert_eq!(arguments, r#"{"city":"Hello there"}"#);
    assert_eq!(finish(&frames), ["tool_calls"]);
}

#[tokio::test(start_paused = true)]
async fn structured_output_fits_its_schema() {
    let format = r#""response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"object",
        "properties":{"name":{"type":"string"},"age":{"type":"integer","minimum":18}},"required":["name","age"]}}}"#;
    let (_, body) = whole("fast", &format!("{HELLO},{format}")).await;
    assert!(choice(&body).at(&["message", "content"]).unwrap().is(r#"{"name":"Hello there","age":18}"#));
    let (_, body) = whole("fast", &format!("{HELLO},\"response_format\":{{\"type\":\"json_object\"}}")).await;
    let content = choice(&body).at(&["message", "content"]).unwrap().as_str().unwrap();
    assert!(Json::parse(&content).unwrap().get("you_said").unwrap().is("Hello there"));
}

#[tokio::test(start_paused = true)]
async fn mistakes_are_said_in_the_dialect() {
    for (model, body, status, word) in [
        ("fast", "not json", 400, "invalid_request_error"),
        ("fast", "{}", 400, "messages"),
        ("fast", r#"{"messages":[]}"#, 400, "messages"),
        ("fast", r#"{"messages":[{}],"n":2}"#, 400, "\"param\":\"n\""),
        ("fast", r#"{"messages":[{}],"max_tokens":0}"#, 400, "max_tokens"),
        ("gpt", r#"{"messages":[{}]}"#, 404, "model_not_found"),
    ] {
        let mut answer = answer(model, &Bytes::copy_from_slice(body.as_bytes()));
        let said = answer.body.collect(1 << 20).await.unwrap().unwrap();
        let said = String::from_utf8(said.to_vec()).unwrap();
        assert_eq!(answer.status, status, "{body}");
        assert!(Json::parse(&said).unwrap().get("error").is_some() && said.contains(word), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_prompt_is_echoed_to_its_two_hundredth_character() {
    let prompt = "é".repeat(500);
    let (_, body) = whole("fast", &format!(r#""messages":[{{"role":"user","content":"{prompt}"}}]"#)).await;
    assert_eq!(body.matches('é').count(), 200);
    assert!(body.contains("\"prompt_tokens\":250,"));
}

#[test]
fn every_model_has_a_price() {
    let prices = prices();
    for model in MODELS {
        let price = find(&prices, model).unwrap();
        assert!(price.input.is_some() && price.output.is_some() && price.cache_read.is_some());
    }
}
