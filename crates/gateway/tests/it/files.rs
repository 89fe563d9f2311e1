//! Files: kept by one provider for whoever uploaded them, streamed through, a batch's requests looked at on the way.

use serde_json::{Value, json};
use testkit::http::{Request, Response};
use testkit::upstream::Upstream;

use crate::harness::{self, ADMIN, ALICE, BOB, CANARY, Harness, KEY_1, KEY_2, keys};
use crate::keeper::{Keeper, form, request};

/// `p1` and `p2` of OpenAI's API, `a1` of Anthropic's; `one` is `p1/m`, and carol is of alice's team.
async fn start(first: &Upstream, second: &Upstream, server: &str) -> Harness {
    Harness::start(&format!(
        "server: {{ admin_key: {ADMIN}{server} }}\n{}providers:\n{}{}{}models:\n  one: {{ targets: [p1/m] }}\n",
        keys(),
        harness::openai("p1", &first.url(), KEY_1, ""),
        harness::openai("p2", &second.url(), KEY_2, ""),
        harness::anthropic("a1", &second.url(), KEY_2, ""),
    ))
    .await
}

pub(crate) fn upload(purpose: &str, file: &[u8], key: &str) -> Request {
    post(form(purpose, file, true), key)
}

fn post(body: Vec<u8>, key: &str) -> Request {
    Request::new("POST", "/v1/files").bearer(key).header("content-type", "multipart/form-data; boundary=B0").body(body)
}

fn id(response: &Response) -> String {
    assert_eq!(response.status, 200, "{}", response.text());
    response.json()["id"].as_str().unwrap().to_owned()
}

fn ids(response: &Response) -> Vec<String> {
    assert_eq!(response.status, 200, "{}", response.text());
    let list = response.json();
    list["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// An error of ours in OpenAI's shape.
fn told(response: &Response, status: u16, kind: &str) -> Value {
    assert_eq!(response.status, status, "{}", response.text());
    assert_eq!(response.header("x-tollgate-error"), Some(kind), "{}", response.text());
    response.json()["error"].clone()
}

fn jsonl(lines: &[Value]) -> Vec<u8> {
    lines.iter().map(|line| format!("{line}\n")).collect::<String>().into_bytes()
}

#[tokio::test]
async fn a_file_is_its_makers_alone() {
    let (first, second) = (Upstream::start().await, Upstream::start().await);
    let (keeper, _other) = (Keeper::behind(&first), Keeper::behind(&second));
    let harness = start(&first, &second, "").await;
    let odd: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    let made = harness.call(&upload("user_data", &odd, ALICE)).await;
    assert_eq!(made.header("x-tollgate-cost-usd"), Some("0.000000000"));
    assert_eq!(made.header("x-tollgate-served-by"), Some("p1/*"));
    let alices = id(&made);
    assert_eq!(keeper.content(&alices), odd);
    let sent = first.requests().pop().unwrap();
    assert_eq!(sent.header("authorization"), Some(&*format!("Bearer {KEY_1}")));
    assert_eq!(sent.header("content-length"), Some(&*sent.body.len().to_string()));
    let bobs = id(&harness.call(&upload("user_data", b"bob", BOB)).await);
    // The other provider gives the same id to bob's second file; he may use no model there.
    let elsewhere = upload("user_data", b"other", ALICE).header("x-tollgate-provider", "p2");
    let same = id(&harness.call(&elsewhere).await);
    assert_eq!(same, alices, "two providers give the same id");

    for (key, list) in [(ALICE, vec![&*same, &*alices]), (BOB, vec![&*bobs])] {
        assert_eq!(ids(&harness.call(&Request::get("/v1/files").bearer(key)).await), list);
    }
    let of = |path: &str, key: &str| Request::get(&format!("/v1/files/{path}")).bearer(key);
    let got = harness.call(&of(&format!("{bobs}/content"), BOB)).await;
    assert_eq!((got.status, &*got.body), (200, &b"bob"[..]));
    for request in [
        of(&bobs, ALICE),
        of(&format!("{bobs}/content"), ALICE),
        of(&alices, BOB),
        of("file-999", ALICE),
        Request::new("DELETE", &format!("/v1/files/{alices}")).bearer(BOB),
    ] {
        told(&harness.call(&request).await, 404, "not_found");
    }
    assert_eq!(harness.call(&of(&bobs, ADMIN)).await.status, 200, "an admin key sees everyone's");
    for (provider, content) in [("p1", &*odd), ("p2", b"other")] {
        let request = of(&format!("{alices}/content"), ALICE).header("x-tollgate-provider", provider);
        assert_eq!(&*harness.call(&request).await.body, content, "{provider}");
    }
    let delete = Request::new("DELETE", &format!("/v1/files/{bobs}")).bearer(BOB);
    assert_eq!(harness.call(&delete).await.json()["deleted"], true);
    told(&harness.call(&of(&bobs, BOB)).await, 404, "not_found");
    assert_eq!(ids(&harness.call(&Request::get("/v1/files").bearer(BOB)).await), Vec::<String>::new());
    let lines = harness.finish().await;
    let made = lines.iter().find(|line| line["operation"] == "files").unwrap();
    assert_eq!((&made["cost"]["usd"], &made["dialect"]), (&json!("0.000000000"), &json!("openai")));
}

#[tokio::test]
async fn lists_have_pages_and_purposes() {
    let upstream = Upstream::start().await;
    let _keeper = Keeper::behind(&upstream);
    let harness = start(&upstream, &upstream, "").await;
    for number in 0..7 {
        let purpose = if number == 3 { "vision" } else { "user_data" };
        id(&harness.call(&upload(purpose, b"x", ALICE)).await);
        id(&harness.call(&upload("user_data", b"x", BOB)).await);
    }
    let list = async |query: &str| {
        let response = harness.call(&Request::get(&format!("/v1/files?{query}")).bearer(ALICE)).await;
        let more = response.json()["has_more"].as_bool().unwrap();
        (ids(&response).join(" "), more)
    };
    assert_eq!(list("limit=3").await, ("file-13 file-11 file-9".into(), true));
    assert_eq!(list("limit=3&after=file-9").await, ("file-7 file-5 file-3".into(), true));
    assert_eq!(list("limit=3&after=file-3").await, ("file-1".into(), false));
    assert_eq!(list("order=asc&limit=2").await, ("file-1 file-3".into(), true));
    assert_eq!(list("purpose=vision").await, ("file-7".into(), false));
    assert_eq!(list("purpose=vision&limit=1").await, ("file-7".into(), true), "older ones may be of any purpose");
    assert_eq!(list("purpose=vision&limit=1&after=file-7").await, (String::new(), false));
    assert_eq!(list("after=file-2").await, (String::new(), false), "nobody's place in another's list");
    // What the provider has no more is left out.
    upstream.act(|_| None);
    upstream.reply_always(testkit::upstream::Script::json(404, &json!({"error": {}})));
    assert_eq!(list("limit=3").await, (String::new(), false));
    upstream.reply_always(testkit::upstream::Script::json(500, &json!({"error": {}})));
    told(&harness.call(&Request::get("/v1/files").bearer(ALICE)).await, 502, "upstream_failed");
    for bad in ["limit=0", "limit=x", "after=..%2f"] {
        let response = harness.call(&Request::get(&format!("/v1/files?{bad}")).bearer(ALICE)).await;
        told(&response, 400, "invalid_request");
    }
    harness.finish().await;
}

#[tokio::test]
async fn a_batchs_requests_are_looked_at_on_the_way() {
    let upstream = Upstream::start().await;
    let keeper = Keeper::behind(&upstream);
    let harness = start(&upstream, &upstream, "").await;
    let asked = [request("a", "p1/m"), request("b", "one"), request("c", "m"), request("d", "p1/free")];
    let expected = [request("a", "m"), request("b", "m"), request("c", "m"), request("d", "free")];
    for first in [true, false] {
        let made = harness.call(&post(form("batch", &jsonl(&asked), first), ALICE)).await;
        assert_eq!(keeper.content(&id(&made)), jsonl(&expected), "purpose first: {first}");
    }
    // No line feed at the end, blank lines, white space: what is no model stays as it is.
    let odd = format!("\r\n {} \r\n\n{}", request("a", "m"), request("b", "m"));
    let made = harness.call(&upload("batch", odd.as_bytes(), ALICE)).await;
    assert_eq!(keeper.content(&id(&made)), odd);

    // Bob may use p1/* and `two`.
    let good = harness.call(&upload("batch", &jsonl(&[request("a", "p1/m"), request("b", "m")]), BOB)).await;
    id(&good);
    let long: Vec<Value> = (0..4_000).map(|number| request(&number.to_string(), "p1/m")).collect();
    let made = id(&harness.call(&upload("batch", &jsonl(&long), ALICE)).await);
    assert_eq!(keeper.content(&made).iter().filter(|byte| **byte == b'\n').count(), 4_000);
    let before = upstream.requests().len();
    let mut late = long.clone();
    late.push(request("last", "p2/m"));
    for (file, key, status, kind, line) in [
        (jsonl(&[request("a", "p1/m"), request("b", "one")]), BOB, 403, "forbidden", 2),
        (jsonl(&[request("a", "p2/m")]), ALICE, 400, "invalid_request", 1),
        (jsonl(&[request("a", "p1/m"), request("b", "p1/none")]), ALICE, 404, "unknown_model", 2),
        (b"{\"custom_id\": \"a\"\n".to_vec(), ALICE, 400, "invalid_request", 1),
        (b"[]\n".to_vec(), ALICE, 400, "invalid_request", 1),
        (b"{\"body\":{\"model\":\"m\",\"model\":\"secret\"}}".to_vec(), ALICE, 400, "invalid_request", 1),
        (b"{\"body\":{}}\n".to_vec(), BOB, 403, "forbidden", 1),
        (jsonl(&late), BOB, 403, "forbidden", 4_001),
    ] {
        for first in [true, false] {
            let response = harness.call(&post(form("batch", &file, first), key)).await;
            let error = told(&response, status, kind);
            assert_eq!(error["tollgate"]["line"], line, "{error}");
            assert!(!response.text().contains(CANARY));
        }
    }
    assert_eq!(upstream.requests().len(), before, "no refused form came whole");
    // The same bytes for another purpose are nobody's requests.
    let made = harness.call(&post(form("user_data", &jsonl(&[request("a", "p2/m")]), true), BOB)).await;
    assert_eq!(keeper.content(&id(&made)), jsonl(&[request("a", "p2/m")]));
    harness.finish().await;
}

#[tokio::test]
async fn bad_forms_and_providers_are_told() {
    let (upstream, claude) = (Upstream::start().await, Upstream::start().await);
    let _keeper = (Keeper::behind(&upstream), Keeper::behind(&claude));
    let harness = start(&upstream, &claude, ", max_upload: 64KiB").await;
    let whole = form("batch", &jsonl(&[request("a", "m")]), true);
    let unended = whole[..whole.len() - 8].to_vec();
    let folded =
        String::from_utf8_lossy(&form("batch", b"x", true)).replace("; name=\"purpose\"", ";\r\n name=\"purpose\"");
    let twice = [&form("user_data", b"x", true)[..], &form("batch", b"x", true)[..]].concat();
    let twice = String::from_utf8_lossy(&twice).replacen("--B0--\r\n", "", 1);
    for (body, status, kind) in [
        (unended, 400, "invalid_request"),
        (b"not a form at all".to_vec(), 400, "invalid_request"),
        (Vec::new(), 400, "invalid_request"),
        (folded.into_bytes(), 400, "invalid_request"),
        (twice.into_bytes(), 400, "invalid_request"),
        (form("user_data", &[b'x'; 70_000], true), 413, "too_large"),
    ] {
        told(&harness.call(&post(body, ALICE)).await, status, kind);
    }
    let json = Request::post("/v1/files", &json!({"purpose": "batch"})).bearer(ALICE);
    told(&harness.call(&json).await, 415, "unsupported");
    let of = |provider: &str, key: &str| upload("user_data", b"x", key).header("x-tollgate-provider", provider);
    told(&harness.call(&of("p9", ALICE)).await, 400, "invalid_request");
    told(&harness.call(&of("a1", ALICE)).await, 404, "no_candidate");
    told(&harness.call(&of("p2", BOB)).await, 403, "forbidden");
    told(&harness.call(&Request::new("PUT", "/v1/files/x").bearer(ALICE)).await, 405, "method_not_allowed");
    assert_eq!(harness.call(&Request::get("/v1/files").bearer("tg-wrong")).await.status, 401);
    // Anthropic's API is told apart by its header, and answers in its own words.
    let made = harness.call(&upload("x", b"hello", ALICE).header("anthropic-version", "2023-06-01")).await;
    assert_eq!((made.status, made.header("x-tollgate-served-by")), (200, Some("a1/*")), "{}", made.text());
    let sent = claude.requests().pop().unwrap();
    assert_eq!((sent.header("x-api-key"), sent.path()), (Some(KEY_2), "/v1/files"));
    let file = id(&made);
    let get =
        |key: &str| Request::get(&format!("/v1/files/{file}")).bearer(key).header("anthropic-version", "2023-06-01");
    assert_eq!(harness.call(&get(ALICE)).await.status, 200);
    let others = harness.call(&get(BOB)).await;
    assert_eq!((others.status, &others.json()["type"]), (404, &json!("error")));
    harness.finish().await;
}
