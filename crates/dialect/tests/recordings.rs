//! Every recorded exchange, in its own dialect and across to each other one. What comes out is counted and
//! written to `docs/recordings.md`; `UPDATE_DOCS=1` writes it anew.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test may fail by panicking"
)]

mod common;
#[path = "recordings/excused.rs"]
mod excused;
#[path = "recordings/pairs.rs"]
mod pairs;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use bytes::Bytes;
use common::recordings::{self, Answer, Exchange};
use common::{diff, outside, rows, streams};
use dialect::dialect::Dialect;
use dialect::id::DialectId;
use dialect::ir::fold::{fold, unfold};
use dialect::ir::response::Response;
use dialect::loss::Loss;
use dialect::outcome::Outcome;
use dialect::peek::Said;
use dialect::target::Target;
use dialect::undo::Undo;
use dialect::usage::Source;
use excused::EXCUSED;
use wire::json::{Document, Json};

/// What is asked of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Check {
    /// The request's bytes outside the edits are those that came.
    Identical,
    /// The request means the same in the other dialect, up to what its losses name.
    Request,
    /// The meter finds an answer complete, with its finish reason and its usage.
    Metered,
    /// A whole answer means the same in the other dialect, up to losses.
    Whole,
    /// A stream means the same in the other dialect, up to losses.
    Stream,
    /// A refusal is read as one.
    Fault,
}

impl Check {
    const ALL: [(Check, &'static str); 6] = [
        (Check::Identical, "requests byte-identical outside the edits"),
        (Check::Request, "requests equal in meaning in every other dialect"),
        (Check::Metered, "answers complete, with finish and usage"),
        (Check::Whole, "whole answers equal in meaning in every other dialect"),
        (Check::Stream, "streams equal in meaning in every other dialect"),
        (Check::Fault, "refusals read as such"),
    ];
}

/// How one check of one exchange ended.
struct Verdict {
    check: Check,
    /// What was lost and named.
    losses: Vec<Loss>,
    /// Why it failed.
    failed: Option<String>,
}

fn passed(check: Check, losses: Vec<Loss>) -> Verdict {
    Verdict { check, losses, failed: None }
}

fn failed(check: Check, why: impl Into<String>) -> Verdict {
    Verdict { check, losses: Vec::new(), failed: Some(why.into()) }
}

fn judge(check: Check, result: Result<Vec<Loss>, String>) -> Verdict {
    match result {
        Ok(losses) => passed(check, losses),
        Err(why) => failed(check, why),
    }
}

/// The same check with every other dialect: what any of them loses, and the first that fails.
fn others(
    id: DialectId,
    check: impl Fn(&'static dyn Dialect) -> Result<Vec<Loss>, String>,
) -> Result<Vec<Loss>, String> {
    let mut losses: Vec<Loss> = Vec::new();
    for other in dialect::all().into_iter().filter(|dialect| dialect.id() != id) {
        let more = check(other).map_err(|why| format!("{}: {why}", other.id()))?;
        let mut counted = losses.clone();
        for loss in more {
            // What both lose is lost once.
            match counted.iter().position(|known| *known == loss) {
                Some(at) => drop(counted.remove(at)),
                None => losses.push(loss),
            }
        }
    }
    Ok(losses)
}

fn identical(exchange: &Exchange, request: &str, target: &Target<'_>) -> Result<Vec<Loss>, String> {
    let dialect = dialect::of(exchange.dialect);
    let document = Document::parse(Bytes::copy_from_slice(request.as_bytes())).map_err(|error| error.to_string())?;
    let peek = dialect.peek(&document, exchange.said()).map_err(|fault| fault.message)?;
    let patch = dialect.patch(&document, &peek, target);
    let after = Document::parse(document.edit(&patch.edits)).map_err(|error| error.to_string())?;
    outside::check(document.json(), after.json(), &patch.edits, "")?;
    Ok(patch.losses)
}

fn across(exchange: &Exchange, request: &str, other: &dyn Dialect) -> Result<Vec<Loss>, String> {
    let document = Document::parse(Bytes::copy_from_slice(request.as_bytes())).map_err(|error| error.to_string())?;
    let read = dialect::of(exchange.dialect).read_request(&document, exchange.said()).map_err(|fault| fault.message)?;
    let target = pairs::target(other.id());
    let outgoing = other.write_request(&read.value, &target).map_err(|fault| fault.message)?;
    let body = Document::parse(Bytes::from(outgoing.body)).map_err(|error| error.to_string())?;
    let said = Said { model: Some(target.model), stream: Some(read.value.stream) };
    let mut back = other.read_request(&body, said).map_err(|fault| fault.message)?;
    back.value.model.clone_from(&read.value.model);
    let mut losses = read.losses;
    losses.extend(outgoing.losses);
    losses.extend(back.losses);
    let back = streams::undone(back.value, &outgoing.undo).normalize();
    silent(diff::unnamed(diff::requests(&read.value.normalize(), &back), &losses))?;
    Ok(losses)
}

fn silent(differences: Vec<diff::Difference>) -> Result<(), String> {
    let short = |difference: &diff::Difference| {
        format!("{}: {}", difference.at, difference.sides.chars().take(300).collect::<String>())
    };
    let lines: Vec<String> = differences.iter().take(3).map(short).collect();
    if lines.is_empty() { Ok(()) } else { Err(lines.join(" | ")) }
}

fn metered(exchange: &Exchange, target: &Target<'_>) -> Result<Vec<Loss>, String> {
    let mut meter = dialect::of(exchange.dialect).meter(target);
    match &exchange.answer {
        Answer::Whole(body) => meter.whole(Json::parse(body).map_err(|error| error.to_string())?),
        Answer::Stream(stream) => {
            for frame in streams::frames(std::slice::from_ref(stream)) {
                meter.frame(&frame);
            }
        }
        Answer::Nothing => return Err("no answer was recorded".to_owned()),
    }
    meter.finish();
    let reading = meter.reading();
    if let Some(fault) = &reading.fault {
        return Err(format!("a fault inside: {:?}", fault.outcome));
    }
    match (reading.complete, &reading.finish, reading.usage.source) {
        (false, ..) => Err("not complete".to_owned()),
        (_, None, _) => Err("no finish reason".to_owned()),
        (.., Source::Reported) => Ok(Vec::new()),
        (.., source) => Err(format!("usage {}", source.name())),
    }
}

/// Compares an answer with what the other dialect makes of it.
fn same_answer(answer: &Response, back: &Response, losses: Vec<Loss>) -> Result<Vec<Loss>, String> {
    silent(diff::unnamed(diff::responses(answer, back), &losses))?;
    Ok(losses)
}

fn whole(exchange: &Exchange, body: &str, target: &Target<'_>, other: &dyn Dialect) -> Result<Vec<Loss>, String> {
    let json = Json::parse(body).map_err(|error| error.to_string())?;
    let read = dialect::of(exchange.dialect).read_response(json, &Undo::default(), target).map_err(told)?;
    let written = other.write_response(&read.value, &streams::asked());
    let json = Json::parse(&written.value).map_err(|error| error.to_string())?;
    let back = other.read_response(json, &Undo::default(), &plain(target.model)).map_err(told)?;
    let losses = [read.losses, written.losses, back.losses].concat();
    same_answer(&read.value, &back.value, losses)
}

fn stream(exchange: &Exchange, stream: &Bytes, target: &Target<'_>, other: &dyn Dialect) -> Result<Vec<Loss>, String> {
    let dialect = dialect::of(exchange.dialect);
    let (events, losses) = streams::decode(dialect, target, std::slice::from_ref(stream));
    let answer = fold(events.clone()).map_err(told)?;
    if fold(unfold(&answer)).as_ref() != Ok(&answer) {
        return Err("does not fold".to_owned());
    }
    let (bytes, more) = streams::encode(other, &streams::asked(), &events);
    let (events, most) = streams::decode(other, &plain(target.model), &[Bytes::from(bytes)]);
    let back = fold(events).map_err(told)?;
    same_answer(&answer, &back, [losses, more, most].concat())
}

fn plain(model: &str) -> Target<'_> {
    Target { provider: "other", model, ..Target::default() }
}

fn told(fault: dialect::outcome::UpstreamFault) -> String {
    format!("{:?}: {}", fault.outcome, fault.message.chars().take(100).collect::<String>())
}

fn fault(exchange: &Exchange) -> Result<Vec<Loss>, String> {
    let body = match &exchange.answer {
        Answer::Whole(body) => body.as_bytes(),
        Answer::Stream(stream) => stream,
        Answer::Nothing => &[],
    };
    let fault = dialect::of(exchange.dialect).read_fault(exchange.status, &exchange.headers, body, 1_780_000_000);
    match fault.outcome {
        Outcome::Ok | Outcome::BadAnswer => Err(format!("read as {:?}", fault.outcome)),
        _ if fault.status != exchange.status => Err(format!("status {}", fault.status)),
        _ if fault.message.is_empty() => Err("no message".to_owned()),
        _ => Ok(Vec::new()),
    }
}

/// Every check that an exchange takes.
fn verdicts(exchange: &Exchange) -> Vec<Verdict> {
    let model = exchange.model();
    let target = rows::target(&exchange.provider, &model);
    let own = exchange.dialect;
    let mut out = Vec::new();
    if let Some(request) = &exchange.request {
        out.push(judge(Check::Identical, identical(exchange, request, &target)));
        out.push(judge(Check::Request, others(own, |other| across(exchange, request, other))));
    }
    if !exchange.is_ok() {
        out.push(judge(Check::Fault, fault(exchange)));
        return out;
    }
    out.push(judge(Check::Metered, metered(exchange, &target)));
    match &exchange.answer {
        Answer::Whole(body) => {
            out.push(judge(Check::Whole, others(own, |other| whole(exchange, body, &target, other))))
        }
        Answer::Stream(bytes) => {
            out.push(judge(Check::Stream, others(own, |other| stream(exchange, bytes, &target, other))))
        }
        Answer::Nothing => {}
    }
    out
}

/// Checks passed, of checks made, and how many of those passed lost something.
#[derive(Default, Clone, Copy)]
struct Count {
    good: usize,
    all: usize,
    lossy: usize,
}

#[test]
fn every_recording() {
    let mut table: BTreeMap<(DialectId, String), BTreeMap<Check, Count>> = BTreeMap::new();
    let mut losses: BTreeMap<(DialectId, String), usize> = BTreeMap::new();
    let (mut failures, mut excused) = (Vec::new(), Vec::new());
    for exchange in recordings::all() {
        let row = table.entry((exchange.dialect, exchange.provider.clone())).or_default();
        for verdict in verdicts(exchange) {
            let count = row.entry(verdict.check).or_default();
            count.all += 1;
            match verdict.failed {
                None => {
                    count.good += 1;
                    count.lossy += usize::from(!verdict.losses.is_empty());
                    for loss in verdict.losses {
                        let what = format!("{} {}", loss.how.name(), loss.what);
                        *losses.entry((exchange.dialect, what)).or_default() += 1;
                    }
                }
                Some(why) => match EXCUSED.iter().find(|row| row.0 == verdict.check && row.1 == exchange.name) {
                    Some(row) => excused.push(*row),
                    None => failures.push(format!("{:?} {}: {why}", verdict.check, exchange.name)),
                },
            }
        }
    }
    let page = page(&table, &losses, &excused);
    println!("{page}");
    for failure in &failures {
        println!("FAILED {failure}");
    }
    assert!(failures.is_empty(), "{} checks failed that are not excused", failures.len());
    let stale: Vec<_> = EXCUSED.iter().filter(|row| !excused.contains(row)).collect();
    assert!(stale.is_empty(), "these do not fail any more: {stale:#?}");
    held("docs/recordings.md", &page);
}

/// The page with the numbers.
fn page(
    table: &BTreeMap<(DialectId, String), BTreeMap<Check, Count>>,
    losses: &BTreeMap<(DialectId, String), usize>,
    excused: &[(Check, &str, &str)],
) -> String {
    let mut out = String::from(
        "# What the recordings show\n\nMade by `crates/dialect/tests/recordings.rs` from `fixtures/recordings` \
         (`UPDATE_DOCS=1 cargo test -p tollgate-dialect --test recordings`); a test keeps it true.\n\nEqual in meaning: \
         translated to each other dialect and read back, every difference is named by a loss. In brackets: how many of \
         those had a loss. Requests go to the models that [dialects.md](dialects.md) names.\n",
    );
    for id in DialectId::ALL {
        let _ = write!(out, "\n## {id}\n\n");
        let mut sum: BTreeMap<Check, Count> = BTreeMap::new();
        for ((_, _), row) in table.iter().filter(|((dialect, _), _)| *dialect == id) {
            for (check, count) in row {
                let total = sum.entry(*check).or_default();
                (total.good, total.all, total.lossy) =
                    (total.good + count.good, total.all + count.all, total.lossy + count.lossy);
            }
        }
        for (check, words) in Check::ALL {
            let count = sum.get(&check).copied().unwrap_or_default();
            let _ = writeln!(out, "* {} of {} {words} ({})", count.good, count.all, count.lossy);
        }
        out.push_str("\n| provider | identical | request | metered | whole | stream | refusal |\n|---|---|---|---|---|---|---|\n");
        for ((_, provider), row) in table.iter().filter(|((dialect, _), _)| *dialect == id) {
            let _ = write!(out, "| {provider} |");
            for (check, _) in Check::ALL {
                match row.get(&check) {
                    Some(Count { good, all, .. }) => {
                        let _ = write!(out, " {good}/{all} |");
                    }
                    None => out.push_str(" – |"),
                }
            }
            out.push('\n');
        }
        out.push_str("\nWhat was lost on the way, by how often:\n\n");
        let mut list: Vec<_> = losses.iter().filter(|((dialect, _), _)| *dialect == id).collect();
        list.sort_by_key(|((_, what), count)| (std::cmp::Reverse(**count), what.clone()));
        for ((_, what), count) in list {
            let _ = writeln!(out, "* {count} × {what}");
        }
    }
    out.push_str("\n## Excused\n\nChecks that fail, and why they may:\n\n");
    for (check, name, reason) in excused {
        let _ = writeln!(out, "* {check:?} `{name}`: {reason}");
    }
    out
}

/// Panics unless the file holds the text; writes it where `UPDATE_DOCS` is set.
fn held(path: &str, text: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text).unwrap();
    }
    let held = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(held == text, "{path} is stale: run with UPDATE_DOCS=1");
}
