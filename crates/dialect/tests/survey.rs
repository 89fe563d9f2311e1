#![allow(clippy::all, unused)]
mod common;
use bytes::Bytes;
use common::*;
use dialect::ir::part::Body;
use dialect::ir::request::Request;
use dialect::target::*;
use dialect::undo::Undo;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::*;
use std::collections::BTreeMap;
use wire::json::*;
fn undone(mut request: Request, undo: &Undo) -> Request {
    for part in request.messages.iter_mut().flat_map(|message| &mut message.parts) {
        match &mut part.body {
            Body::ToolCall(call) => {
                call.id = undo.id(&call.id).to_owned();
                call.name = undo.name(&call.name).to_owned();
            }
            Body::ToolResult(result) => result.call_id = undo.id(&result.call_id).to_owned(),
            _ => {}
        }
    }
    request
}
fn key(s: &str) -> String {
    s.chars().filter(|c| !c.is_ascii_digit()).collect()
}
#[test]
fn survey() {
    let n: usize = std::env::var("N").ok().and_then(|n| n.parse().ok()).unwrap_or(1500);
    let which = std::env::var("D").unwrap_or_default();
    let mut runner = TestRunner::deterministic();
    let mut found: BTreeMap<String, (usize, usize, String)> = BTreeMap::new();
    let strat = generate::request();
    let rs = generate::response();
    let quirky = std::env::var("Q").is_ok();
    let qs = prop::sample::subsequence(dialect::quirk::Quirk::ALL.map(|(quirk, _)| quirk).to_vec(), 0..5);
    let (mut errs, mut total) = (BTreeMap::<String, usize>::new(), 0);
    for i in 0..n {
        let request = strat.new_tree(&mut runner).unwrap().current();
        let response = rs.new_tree(&mut runner).unwrap().current();
        let quirks = qs.new_tree(&mut runner).unwrap().current();
        let control = [Control::None, Control::Budget, Control::Effort, Control::Adaptive][i % 4];
        for d in dialect::all() {
            if !which.is_empty() && d.id().name() != which {
                continue;
            }
            let target = Target {
                provider: "p",
                model: generate::MODEL,
                reasoning: control,
                max_output: if i % 3 == 0 { None } else { Some(64000) },
                quirks: if quirky { quirks.iter().copied().collect() } else { Default::default() },
                ..Target::default()
            };
            let mut add = |k: String, ex: String| {
                let e = found.entry(format!("{} {k}", d.id())).or_insert((0, usize::MAX, String::new()));
                e.0 += 1;
                if ex.len() < e.1 {
                    e.1 = ex.len();
                    e.2 = ex;
                }
            };
            total += 1;
            match d.write_request(&request, &target) {
                Err(f) => *errs.entry(format!("{} {}", d.id(), key(&format!("{f:?}")))).or_default() += 1,
                Ok(out) => {
                    let r = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        Document::parse(Bytes::from(out.body.clone())).map(|b| d.read_request(&b))
                    }));
                    match r {
                        Ok(Ok(Ok(back))) => {
                            let mut losses = out.losses.clone();
                            losses.extend(back.losses);
                            let back = undone(back.value, &out.undo).normalize();
                            for s in diff::unnamed(diff::requests(&request, &back), &losses) {
                                let kind: String = s
                                    .sides
                                    .replace("foreign x_", "foreign x (")
                                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                                    .next()
                                    .unwrap_or("")
                                    .to_owned();
                                let gone = if s.sides.ends_with("gone") { "gone" } else { "" };
                                add(
                                    format!("request {} {kind} {gone}", key(&s.at)),
                                    format!("{s:?}\n   losses {losses:?}\n   {}\n  {request:?}", out.body),
                                );
                            }
                        }
                        other => add("request not read".into(), format!("{other:?} {}", out.body)),
                    }
                }
            }
            let target = Target { provider: "p", model: generate::MODEL, ..Target::default() };
            let written = d.write_response(&response, &streams::asked());
            match Json::parse(&written.value).map(|j| d.read_response(j, &Undo::default(), &target)) {
                Ok(Ok(back)) => {
                    let mut losses = written.losses.clone();
                    losses.extend(back.losses);
                    for s in diff::unnamed(diff::responses(&response, &back.value), &losses) {
                        let kind: String = s
                            .sides
                            .replace("foreign x_", "foreign x (")
                            .split(|c: char| !c.is_alphanumeric() && c != '_')
                            .next()
                            .unwrap_or("")
                            .to_owned();
                        add(
                            format!("answer {} {kind}", key(&s.at)),
                            format!("{s:?}\n   losses {losses:?}\n   {}", written.value),
                        );
                    }
                }
                other => add("answer not read".into(), format!("{other:?} {}", written.value)),
            }
            let (bytes, mut losses) = streams::encode(d, &streams::asked(), &dialect::ir::fold::unfold(&response));
            let (events, more) = streams::decode(d, &target, &[Bytes::from(bytes.clone())]);
            losses.extend(more);
            if let Err(v) = dialect::ir::grammar::Grammar::check(&events) {
                add(format!("grammar {}", v.what), format!("{events:?}"));
            }
            match dialect::ir::fold::fold(events) {
                Ok(back) => {
                    for s in diff::unnamed(diff::responses(&response, &back), &losses) {
                        let kind: String = s
                            .sides
                            .replace("foreign x_", "foreign x (")
                            .split(|c: char| !c.is_alphanumeric() && c != '_')
                            .next()
                            .unwrap_or("")
                            .to_owned();
                        add(
                            format!("stream {} {kind}", key(&s.at)),
                            format!("{s:?}\n   losses {losses:?}\n   {}", String::from_utf8_lossy(&bytes)),
                        );
                    }
                }
                Err(f) => add("stream fails".into(), format!("{f:?} {}", String::from_utf8_lossy(&bytes))),
            }
        }
    }
    println!("{total} refused: {errs:#?}");
    for (k, (n, _, ex)) in found {
        println!("\n#### {k}: {n}\n{}", ex.chars().take(2600).collect::<String>());
    }
}
