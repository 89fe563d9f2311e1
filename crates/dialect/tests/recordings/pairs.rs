//! What is lost between each two dialects, counted over every recording: `docs/dialects.md` says it to people.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;

use dialect::ir::part::{Body, MediaKind, Part};
use dialect::ir::request::Request;
use dialect::target::Control;

use super::*;

/// Which way a thing crosses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Request,
    Whole,
    Stream,
}

/// One thing that crossed from a dialect to another.
struct Crossing {
    /// The client's dialect, and the upstream's.
    pair: (DialectId, DialectId),
    way: Way,
    /// What was in it, in words for people.
    held: Vec<&'static str>,
    /// What was lost; `None` where it was refused.
    losses: Option<Vec<Loss>>,
}

/// What is counted of one pair in one way.
#[derive(Default)]
struct Count {
    all: usize,
    lossless: usize,
    refused: usize,
}

/// What is counted of one pair.
#[derive(Default)]
struct Tally {
    ways: BTreeMap<Way, Count>,
    /// Requests first: what was lost, in which way, and in which crossings.
    lost: BTreeMap<(bool, String, &'static str), BTreeSet<usize>>,
    /// Of each kind of content: how many lost nothing, of how many.
    held: BTreeMap<(bool, &'static str), (usize, usize)>,
}

/// A model of today that speaks a dialect natively, for what depends on the model.
pub(super) fn target(dialect: DialectId) -> Target<'static> {
    let (model, reasoning) = match dialect {
        DialectId::OpenAiChat | DialectId::OpenAiResponses => ("gpt-5-mini", Control::Effort),
        DialectId::AnthropicMessages => ("claude-sonnet-4-6", Control::Adaptive),
        DialectId::Gemini => ("gemini-3-flash-preview", Control::Effort),
        DialectId::CohereV2 => ("command-a-plus-05-2026", Control::Budget),
        DialectId::Ollama => ("qwen3:4b", Control::None),
        DialectId::BedrockConverse => ("us.anthropic.claude-sonnet-4-6", Control::Adaptive),
    };
    Target { provider: "other", model, max_output: Some(64_000), reasoning, ..Target::default() }
}

fn parts_held<'a>(parts: impl Iterator<Item = &'a Part>, held: &mut Vec<&'static str>) {
    for part in parts {
        let word = match &part.body {
            Body::Text { citations, .. } if citations.is_empty() => continue,
            Body::Text { .. } => "citations",
            Body::Media(media) => match media.kind {
                MediaKind::Image => "images",
                MediaKind::Audio => "audio",
                MediaKind::File => "files",
                MediaKind::Video => "video",
            },
            Body::Reasoning(_) => "reasoning",
            Body::ToolCall(_) => "tool calls",
            Body::ToolResult(result) => {
                parts_held(result.content.iter(), held);
                "tool results"
            }
            Body::Refusal(_) => "refusals",
            Body::Unknown { .. } => "the dialect's own parts",
        };
        held.push(word);
    }
}

fn request_held(request: &Request) -> Vec<&'static str> {
    let mut held = Vec::new();
    let parts = request.messages.iter().flat_map(|message| &message.parts);
    parts_held(request.system.iter().chain(parts), &mut held);
    let flags = [
        (held.contains(&"reasoning"), "reasoning handed back"),
        (!request.tools.is_empty(), "tools"),
        (request.format.is_some(), "a form for the answer"),
        (request.effort.is_some(), "reasoning asked for"),
    ];
    held.extend(flags.iter().filter(|flag| flag.0).map(|flag| flag.1));
    held
}

fn answer_held(answer: &Response) -> Vec<&'static str> {
    let mut held = Vec::new();
    parts_held(answer.choices.iter().flat_map(|choice| &choice.parts), &mut held);
    held
}

/// Takes an exchange's request to every other dialect.
fn requests(exchange: &Exchange, out: &mut Vec<Crossing>) {
    let Some(body) = &exchange.request else { return };
    let Ok(document) = Document::parse(Bytes::copy_from_slice(body.as_bytes())) else { return };
    let read = dialect::of(exchange.dialect).read_request(&document, exchange.said()).ok();
    let held = read.as_ref().map(|read| request_held(&read.value)).unwrap_or_default();
    let others = dialect::all().into_iter().filter(|dialect| dialect.id() != exchange.dialect);
    let crossings: Vec<Crossing> = others
        .map(|other| {
            let written = read.as_ref().and_then(|read| {
                let outgoing = other.write_request(&read.value, &target(other.id())).ok()?;
                Some([read.losses.clone(), outgoing.losses].concat())
            });
            let pair = (exchange.dialect, other.id());
            Crossing { pair, way: Way::Request, held: held.clone(), losses: written }
        })
        .collect();
    // What its own provider refused, too, says nothing of a translation.
    if exchange.is_ok() || crossings.iter().all(|crossing| crossing.losses.is_some()) {
        out.extend(crossings);
    }
}

/// Takes an exchange's answer back to clients of every other dialect.
fn answers(exchange: &Exchange, out: &mut Vec<Crossing>) {
    if !exchange.is_ok() {
        return;
    }
    let own = dialect::of(exchange.dialect);
    let model = exchange.model();
    let from = rows::target(&exchange.provider, &model);
    let others = dialect::all().into_iter().filter(|dialect| dialect.id() != exchange.dialect);
    let mut push = |client: DialectId, way, answer: &Response, losses| {
        out.push(Crossing { pair: (client, exchange.dialect), way, held: answer_held(answer), losses: Some(losses) });
    };
    match &exchange.answer {
        Answer::Whole(body) => {
            let json = Json::parse(body).unwrap();
            let Ok(read) = own.read_response(json, &Undo::default(), &from) else { return };
            for other in others {
                let written = other.write_response(&read.value, &streams::asked());
                push(other.id(), Way::Whole, &read.value, [read.losses.clone(), written.losses].concat());
            }
        }
        Answer::Stream(bytes) => {
            let (events, losses) = streams::decode(own, &from, std::slice::from_ref(bytes));
            let Ok(answer) = fold(events.clone()) else { return };
            for other in others {
                let (_, more) = streams::encode(other, &streams::asked(), &events);
                push(other.id(), Way::Stream, &answer, [losses.clone(), more].concat());
            }
        }
        Answer::Nothing => {}
    }
}

/// Words that the translation itself uses; others are members that some client or provider wrote.
fn own_words(crossings: &[Crossing]) -> HashSet<&str> {
    let losses = crossings.iter().filter_map(|crossing| crossing.losses.as_ref()).flatten();
    losses
        .filter_map(|loss| match &loss.what {
            std::borrow::Cow::Borrowed(word) => Some(*word),
            std::borrow::Cow::Owned(_) => None,
        })
        .collect()
}

/// The tallies of all pairs.
fn tallies(crossings: &[Crossing]) -> BTreeMap<(DialectId, DialectId), Tally> {
    let mut pairs: BTreeMap<_, Tally> = BTreeMap::new();
    for (index, crossing) in crossings.iter().enumerate() {
        let tally = pairs.entry(crossing.pair).or_default();
        let count = tally.ways.entry(crossing.way).or_default();
        let lossless = crossing.losses.as_ref().is_some_and(Vec::is_empty);
        count.all += 1;
        count.lossless += usize::from(lossless);
        count.refused += usize::from(crossing.losses.is_none());
        let back = crossing.way != Way::Request;
        for held in crossing.held.iter().collect::<BTreeSet<_>>() {
            let (good, all) = tally.held.entry((back, held)).or_default();
            (*good, *all) = (*good + usize::from(lossless), *all + 1);
        }
        for loss in crossing.losses.iter().flatten() {
            tally.lost.entry((back, loss.what.clone().into_owned(), loss.how.name())).or_default().insert(index);
        }
    }
    pairs
}

impl Tally {
    /// How many requests, or answers, crossed.
    fn all(&self, back: bool) -> usize {
        self.ways.iter().filter(|(way, _)| (**way != Way::Request) == back).map(|(_, count)| count.all).sum()
    }
}

/// One line of a pair's table.
struct Row {
    back: bool,
    what: String,
    how: &'static str,
    times: usize,
}

/// Several things in one line.
#[derive(Default)]
struct Fold<'a> {
    kinds: Vec<&'a str>,
    crossings: BTreeSet<usize>,
}

/// A pair's lines: the translation's own words and frequent ones each, the rest folded.
fn rows(tally: &Tally, own: &HashSet<&str>) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut folds: BTreeMap<(bool, &str, &'static str), Fold<'_>> = BTreeMap::new();
    for ((back, what, how), crossings) in &tally.lost {
        let fold = match what.strip_prefix("schema ") {
            Some(_) => "words of schemas",
            None if own.contains(what.as_str()) || crossings.len() * 20 >= tally.all(*back) => {
                let what = if what.contains(' ') { what.clone() } else { format!("`{what}`") };
                rows.push(Row { back: *back, what, how, times: crossings.len() });
                continue;
            }
            None => "members of the dialect's own",
        };
        let fold = folds.entry((*back, fold, how)).or_default();
        fold.kinds.push(what);
        fold.crossings.extend(crossings);
    }
    for ((back, name, how), fold) in folds {
        let what = match fold.kinds.as_slice() {
            [one] => format!("`{one}`"),
            many => format!("{name} ({} kinds)", many.len()),
        };
        rows.push(Row { back, what, how, times: fold.crossings.len() });
    }
    let refused = tally.ways.get(&Way::Request).map_or(0, |count| count.refused);
    if refused > 0 {
        rows.push(Row { back: false, what: "the whole request".to_owned(), how: "refused", times: refused });
    }
    rows.sort_by(|a, b| (a.back, b.times, &a.what, a.how).cmp(&(b.back, a.times, &b.what, b.how)));
    rows
}

/// The line of one pair.
fn pair((client, upstream): (DialectId, DialectId), cells: impl Iterator<Item = String>) -> String {
    let cells: String = cells.map(|cell| format!(" {cell} |")).collect();
    format!("| {client} | [{upstream}](#{client}-to-{upstream}) |{cells}\n")
}

/// The head of a table of pairs.
fn head(columns: &[&str]) -> String {
    format!("| client | upstream | {} |\n|---|---|{}\n", columns.join(" | "), "---|".repeat(columns.len()))
}

/// The page.
fn page(crossings: &[Crossing]) -> String {
    let own = own_words(crossings);
    let pairs = tallies(crossings);
    let mut out = format!("{INTRODUCTION}{}", head(&["requests", "whole answers", "streamed answers"]));
    for (key, tally) in &pairs {
        let share = |count: &Count| {
            let percent = count.lossless * 100 / count.all;
            format!("{percent} % ({} of {})", count.lossless, count.all)
        };
        let cell = |way| tally.ways.get(&way).map_or("–".to_owned(), share);
        out.push_str(&pair(*key, [Way::Request, Way::Whole, Way::Stream].map(cell).into_iter()));
    }
    for (back, title, columns) in [(false, "Requests", REQUESTS_HOLD), (true, "Answers", ANSWERS_HOLD)] {
        let _ =
            write!(out, "\n{title} that hold a thing, and lost nothing at all, of it or of anything beside it:\n\n");
        out.push_str(&head(columns));
        for (key, tally) in &pairs {
            let cell = |column: &&'static str| match tally.held.get(&(back, *column)) {
                Some((good, all)) => format!("{good} of {all}"),
                None => "–".to_owned(),
            };
            out.push_str(&pair(*key, columns.iter().map(cell)));
        }
    }
    out.push_str(WORDS);
    for ((client, upstream), tally) in &pairs {
        let _ = write!(out, "\n## {client} to {upstream}\n\n| lost | in | how | how often |\n|---|---|---|---|\n");
        for row in rows(tally, &own) {
            let side = if row.back { "answers" } else { "requests" };
            let all = tally.all(row.back);
            let _ = writeln!(out, "| {} | {side} | {} | {} of {all} |", row.what, row.how, row.times);
        }
    }
    out
}

const REQUESTS_HOLD: &[&str] = &[
    "tools",
    "tool calls",
    "images",
    "files",
    "a form for the answer",
    "reasoning asked for",
    "reasoning handed back",
];

const ANSWERS_HOLD: &[&str] = &["tool calls", "reasoning", "citations", "the dialect's own parts"];

const WORDS: &str = "
Some words of the tables:

* reasoning signature, `thought_signature`: what a provider signs reasoning or a call with. It goes to no model that did \
not make it. Weakened: Gemini 3 wants one on each call, and gets its word for none.
* `reasoning`, in requests: earlier reasoning that is handed back, or the wish for reasoning.
* `system`: an instruction in the middle of a conversation joins those at its start.
* first message: a turn of the user's is put before a conversation that does not begin with one.
* message order, `order`: media of tool results stand behind them; parts of an answer stand in the one order the dialect \
has.
* `content`: texts that stood apart become one.
* `usage`: the dialect cannot tell some part of the counts. The ledger has them all.
* `response_format`: a part of the form is told in another way, or not held to by the provider.
* `citation`, `citations`: the source arrives without its exact place, or without what only its dialect tells of it.
";

const INTRODUCTION: &str = "\
# What each dialect can carry of another

Made by `crates/dialect/tests/recordings/pairs.rs` from `fixtures/recordings` (`UPDATE_DOCS=1 cargo test -p \
tollgate-dialect --test recordings`); a test keeps it true.

A client speaks one dialect, the provider that serves it another. Every recorded request of the client's dialect was \
written in the upstream's, and every recorded answer of the upstream's dialect, whole or streamed, in the client's. What \
a table does not list arrived: whatever differs is named as a loss (`x-tollgate-loss`, `losses` in the ledger), which \
the tests hold over these recordings and over made-up requests and answers.

* *dropped*: not in the result. *approximated*: something near it stands there. *weakened*: it is there, without a \
guarantee that came with it. *refused*: the request gets an error, since it needs what only its own provider keeps.
* One request or answer counts once in a line, however often it lost the thing.
* Models: `gpt-5-mini`, `claude-sonnet-4-6`, `gemini-3-flash-preview`, `us.anthropic.claude-sonnet-4-6`, \
`command-a-plus-05-2026`, `qwen3:4b`, at providers without quirks. A server that takes \
less loses more; an older model may, too.
* `bedrock-converse` is an upstream's dialect. Its clients are served in the native lane alone, untranslated; where it \
stands as the client's, the tables show what the tests ask of it.
* Members of the dialect's own: what a client or provider wrote that only its dialect (often only that provider) knows, \
each in less than one of twenty.
* The recordings come from test suites, which try rare things more often than programs in use do.

## Overview

Requests and answers that lost nothing at all:

";

#[test]
fn every_pair() {
    let mut crossings = Vec::new();
    for exchange in recordings::all() {
        requests(exchange, &mut crossings);
        answers(exchange, &mut crossings);
    }
    held("docs/dialects.md", &page(&crossings));
}
