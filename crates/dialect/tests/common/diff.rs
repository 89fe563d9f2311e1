//! Where two requests or two answers differ, in the words of losses; and which differences no loss names.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dialect::ir::finish::Reason;
use dialect::ir::foreign::{Foreign, Raw};
use dialect::ir::part::{Body, MediaSource, Part, ToolResult};
use dialect::ir::request::{Format, Message, Request, Role};
use dialect::ir::response::{Choice, Response};
use dialect::ir::tool::{Tool, ToolChoice};
use dialect::loss::Loss;
use dialect::usage::{Unit, Usage};
use wire::json::Json;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where in the original.
    pub at: String,
    /// Other places of what it was, where several parts say one thing.
    pub also: Vec<String>,
    /// Other words a loss may use for it, where it stands at the top level.
    pub words: Vec<String>,
    /// How many losses must name the place: one for each thing that differs there.
    pub count: usize,
    /// Both sides, for people.
    pub sides: String,
}

fn differ(at: impl Into<String>, words: &[&str], sides: impl Into<String>) -> Difference {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Difference { at: at.into(), also: Vec::new(), words, count: 1, sides: sides.into() }
}

/// The differences that no loss names. A loss names a place when one path begins with the other, or, at
/// the top level, when it says one of the words.
pub fn unnamed(differences: Vec<Difference>, losses: &[Loss]) -> Vec<Difference> {
    differences
        .into_iter()
        .filter(|difference| {
            let named = losses
                .iter()
                .filter(|loss| {
                    let place = short(&loss.at);
                    let path = !place.is_empty()
                        && std::iter::once(&difference.at).chain(&difference.also).any(|other| {
                            let other = short(other);
                            begins(&place, &other) || begins(&other, &place)
                        });
                    path || difference.words.iter().any(|word| *word == loss.what)
                })
                .count();
            named < difference.count
        })
        .collect()
}

/// A path in an answer without its way to the first choice's message, which dialects write differently.
fn short(path: &str) -> String {
    path.replace("choices[0].", "").replace("message.", "")
}

/// True when `path` is `start` or a place below it.
fn begins(path: &str, start: &str) -> bool {
    path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// One thing said, with who says it.
struct Item<'a> {
    at: String,
    also: Vec<String>,
    role: Option<Role>,
    name: Option<&'a str>,
    part: &'a Part,
}

impl Item<'_> {
    fn is(&self, other: &Item<'_>) -> bool {
        self.role == other.role && self.name == other.name && self.part == other.part
    }

    /// True when the other says the same, however marked.
    fn says(&self, other: &Item<'_>) -> bool {
        self.role == other.role
            && match (&self.part.body, &other.part.body) {
                (Body::Text { text: own, .. } | Body::Refusal(own), Body::Text { text, .. } | Body::Refusal(text)) => {
                    own == text
                }
                (Body::Media(own), Body::Media(other)) => own.kind == other.kind && own.source == other.source,
                (Body::ToolCall(own), Body::ToolCall(other)) => own.id == other.id,
                (Body::ToolResult(own), Body::ToolResult(other)) => own.call_id == other.call_id,
                (own, other) => own == other,
            }
    }

    /// True when the other may be what became of this one. One dialect's own part never becomes another's; a text
    /// that was a file may become one of the conversation.
    fn resembles(&self, other: &Item<'_>) -> bool {
        let kin = match (&self.part.body, &other.part.body) {
            (Body::Unknown { dialect: own, .. }, Body::Unknown { dialect, .. }) => own == dialect,
            (Body::Media(media), Body::Text { text, .. }) => {
                matches!(&media.source, MediaSource::Text(own) if own == text)
            }
            (own, other) => std::mem::discriminant(own) == std::mem::discriminant(other),
        };
        self.role == other.role && kin
    }
}

/// Pairs the items of two lists in order, so that the sum of the weights is the greatest; 0 is no pair.
fn pairs<T>(left: &[T], right: &[T], weight: impl Fn(&T, &T) -> usize) -> Vec<(usize, usize)> {
    let mut best = vec![vec![0usize; right.len() + 1]; left.len() + 1];
    let paired = |best: &[Vec<usize>], l: usize, r: usize| match weight(&left[l], &right[r]) {
        0 => 0,
        weight => weight + best[l + 1][r + 1],
    };
    for l in (0..left.len()).rev() {
        for r in (0..right.len()).rev() {
            best[l][r] = paired(&best, l, r).max(best[l + 1][r]).max(best[l][r + 1]);
        }
    }
    let (mut l, mut r, mut out) = (0, 0, Vec::new());
    while l < left.len() && r < right.len() {
        if best[l][r] > 0 && paired(&best, l, r) == best[l][r] {
            out.push((l, r));
            (l, r) = (l + 1, r + 1);
        } else if best[l + 1][r] >= best[l][r + 1] {
            l += 1;
        } else {
            r += 1;
        }
    }
    out
}

/// Pairs two runs of parts: those that are equal before those that say the same, and these before those
/// that resemble each other.
fn matched(left: &[Item<'_>], right: &[Item<'_>]) -> Vec<(usize, usize)> {
    pairs(left, right, |own, other| match () {
        () if own.is(other) => 101,
        () if own.says(other) => 100,
        () => usize::from(own.resembles(other)),
    })
}

/// Differences between two runs of parts: those that are equal, say the same, or resemble each other are
/// one; of the rest, the left ones are gone, and the right ones made up unless something is gone there.
fn items(left: &[Item<'_>], right: &[Item<'_>], out: &mut Vec<Difference>) {
    let found = matched(left, right);
    for (own, other) in &found {
        let before = out.len();
        changed(&left[*own], &right[*other], out);
        out[before..].iter_mut().for_each(|difference| difference.also.extend(left[*own].also.clone()));
    }
    for (l, r) in gaps(&found, left.len(), right.len()) {
        let whole = l.is_empty();
        out.extend(left[l].iter().map(|own| Difference {
            also: own.also.clone(),
            ..differ(&own.at, &[], format!("{:?} is gone", own.part))
        }));
        if whole {
            out.extend(
                right[r].iter().map(|other| differ(&other.at, &["system"], format!("{:?} is made up", other.part))),
            );
        }
    }
}

/// What stands between pairs, on both sides.
fn gaps(pairs: &[(usize, usize)], left: usize, right: usize) -> Vec<(Range<usize>, Range<usize>)> {
    let (mut l, mut r, mut out) = (0, 0, Vec::new());
    for (to_l, to_r) in pairs.iter().copied().chain([(left, right)]) {
        out.push((l..to_l, r..to_r));
        (l, r) = (to_l + 1, to_r + 1);
    }
    out
}

/// Differences within one part.
fn changed(own: &Item<'_>, other: &Item<'_>, out: &mut Vec<Difference>) {
    let before = out.len();
    if own.name != other.name {
        let message = own.at.split(".content").next().unwrap_or_default();
        out.push(differ(format!("{message}.name"), &[], "name"));
    }
    if let (Body::ToolResult(left), Body::ToolResult(right)) = (&own.part.body, &other.part.body) {
        items(&results(&own.at, left), &results(&own.at, right), out);
        if left.is_error.unwrap_or(false) != right.is_error.unwrap_or(false) {
            out.push(differ(&own.at, &[], "is_error"));
        }
    } else if own.part.body != other.part.body {
        out.push(differ(&own.at, &[], format!("{:?} / {:?}", own.part.body, other.part.body)));
    }
    if own.part.cache != other.part.cache {
        out.push(differ(&own.at, &["cache_control"], "cache mark"));
    }
    foreign(&own.at, &own.part.foreign, &other.part.foreign, out);
    // Each thing that differs at one place needs a loss of its own.
    let mine = &mut out[before..];
    let here = mine.iter().filter(|difference| difference.at == own.at).count();
    mine.iter_mut().filter(|difference| difference.at == own.at).for_each(|difference| difference.count = here);
}

fn results<'a>(at: &str, result: &'a ToolResult) -> Vec<Item<'a>> {
    let item =
        |(index, part)| Item { at: format!("{at}.content[{index}]"), also: Vec::new(), role: None, name: None, part };
    result.content.iter().enumerate().map(item).collect()
}

fn foreign(at: &str, left: &Foreign, right: &Foreign, out: &mut Vec<Difference>) {
    for member in left.0.iter().filter(|member| !right.0.contains(member)) {
        let place = if at.is_empty() { member.1.clone() } else { at.to_owned() };
        out.push(differ(place, &[&member.1], format!("foreign {}", member.1)));
    }
    for member in right.0.iter().filter(|member| !left.0.iter().any(|own| own.1 == member.1)) {
        let place = if at.is_empty() { &member.1 } else { at };
        out.push(differ(place, &[], format!("foreign {} is made up", member.1)));
    }
}

fn said<'a>(messages: &'a [Message]) -> Vec<Item<'a>> {
    let parts = |(index, message): (usize, &'a Message)| {
        message.parts.iter().enumerate().map(move |(place, part)| Item {
            at: format!("messages[{index}].content[{place}]"),
            also: Vec::new(),
            role: Some(message.role),
            name: message.name.as_deref(),
            part,
        })
    };
    messages.iter().enumerate().flat_map(parts).collect()
}

fn system(request: &Request) -> Vec<Item<'_>> {
    let item = |(index, part)| Item { at: format!("system[{index}]"), also: Vec::new(), role: None, name: None, part };
    request.system.iter().enumerate().map(item).collect()
}

/// A cache mark with its members in one order.
fn sorted(mark: Raw) -> Raw {
    let Ok(json) = Json::parse(mark.as_str()) else { return mark };
    let mut members: Vec<String> = json.members().map(|(key, value)| format!("{key:?}:{}", value.raw())).collect();
    members.sort_by(|a, b| b.cmp(a));
    format!("{{{}}}", members.join(",")).into()
}

/// A part in the form that all of one meaning share: proofs do not say which model made them (a client's
/// history does not), a call without arguments has none, `auto` is how closely media are looked at anyway.
fn plain(part: &mut Part) {
    part.cache = part.cache.take().map(sorted);
    let proof = match &mut part.body {
        Body::Reasoning(reasoning) => reasoning.proof.as_mut(),
        Body::ToolCall(call) => {
            if call.arguments.is_empty() || call.arguments == "null" {
                call.arguments = "{}".to_owned();
            }
            call.proof.as_mut()
        }
        Body::Media(media) => {
            media.detail = media.detail.take().filter(|detail| detail != "auto");
            // The same words in two codings.
            if let MediaSource::Base64 { media_type, data } = &media.source
                && media_type == "text/plain"
                && let Some(text) = STANDARD.decode(data).ok().and_then(|bytes| String::from_utf8(bytes).ok())
            {
                media.source = MediaSource::Text(text);
            }
            None
        }
        Body::ToolResult(result) => {
            result.content.iter_mut().for_each(plain);
            result.is_error = result.is_error.filter(|is_error| *is_error);
            None
        }
        _ => None,
    };
    if let Some(proof) = proof {
        proof.origin.model.clear();
    }
}

/// A request in the form that all of one meaning share: what is said only to say the default is not said.
fn meaning(request: &Request) -> Request {
    let mut request = request.clone();
    request.system.iter_mut().for_each(plain);
    request.messages.iter_mut().flat_map(|message| &mut message.parts).for_each(plain);
    let zero = |number: &Raw| matches!(number.as_str(), "0" | "0.0" | "-0");
    let sampling = &mut request.sampling;
    sampling.choices = sampling.choices.filter(|choices| *choices != 1);
    sampling.logprobs = sampling.logprobs.filter(|wanted| *wanted);
    sampling.top_logprobs = sampling.top_logprobs.filter(|most| *most != 0);
    sampling.frequency_penalty = sampling.frequency_penalty.take().filter(|penalty| !zero(penalty));
    sampling.presence_penalty = sampling.presence_penalty.take().filter(|penalty| !zero(penalty));
    request.format = request.format.take().filter(|format| *format != Format::Text);
    if let Some(effort) = &mut request.effort
        && (effort.budget.is_some() || effort.adaptive)
    {
        effort.enabled = Some(true);
    }
    request.parallel_tools = request.parallel_tools.filter(|parallel| !parallel);
    request.tool_choice = request.tool_choice.take().filter(|choice| *choice != ToolChoice::Auto);
    // One that must be called of a list of one must be called.
    if let Some(ToolChoice::Allowed { required: true, names }) = &request.tool_choice
        && let [only] = names.as_slice()
    {
        request.tool_choice = Some(ToolChoice::Named(only.clone()));
    }
    // The same in the words of two dialects.
    request.tier = request.tier.take().map(|tier| if tier == "standard_only" { "default".to_owned() } else { tier });
    for tool in &mut request.tools {
        if let Tool::Function(function) = tool {
            function.description = function.description.take().filter(|text| !text.is_empty());
            function.cache = function.cache.take().map(sorted);
            function.strict = function.strict.filter(|strict| *strict);
            function.schema = function.schema.take().filter(|schema| schema.as_str() != NO_ARGUMENTS);
        }
    }
    request
}

/// The schema of a tool that takes nothing.
const NO_ARGUMENTS: &str = r#"{"type":"object","properties":{}}"#;

/// Where two requests, both in normal form, differ.
pub fn requests(left: &Request, right: &Request) -> Vec<Difference> {
    let (mut left, right) = (meaning(left), meaning(right));
    if right.tools.is_empty() {
        // Which tools to call says nothing where there are none; that they are gone is named by itself.
        left.tool_choice = None;
        left.parallel_tools = None;
    }
    let (left, right) = (&left, &right);
    let mut out = Vec::new();
    items(&system(left), &system(right), &mut out);
    items(&said(&left.messages), &said(&right.messages), &mut out);
    let kept: Vec<&Foreign> = right.messages.iter().map(|message| &message.foreign).collect();
    for (index, message) in left.messages.iter().enumerate() {
        for member in &message.foreign.0 {
            if !kept.iter().any(|foreign| foreign.0.contains(member)) {
                out.push(differ(format!("messages[{index}]"), &[&member.1], format!("foreign {}", member.1)));
            }
        }
    }
    tools(&left.tools, &right.tools, &mut out);
    top(left, right, &mut out);
    foreign("", &left.foreign, &right.foreign, &mut out);
    out
}

fn tools(left: &[Tool], right: &[Tool], out: &mut Vec<Difference>) {
    let exact = pairs(left, right, |own, other| usize::from(own == other));
    for (index, tool) in left.iter().enumerate() {
        if exact.iter().any(|(own, _)| *own == index) {
            continue;
        }
        let at = format!("tools[{index}]");
        let name = |tool: &Tool| match tool {
            Tool::Function(function) => Some(function.name.clone()),
            Tool::Foreign { .. } => None,
        };
        match (tool, right.iter().find(|other| name(other).is_some() && name(other) == name(tool))) {
            (Tool::Function(own), Some(Tool::Function(other))) => {
                let mut count = 0;
                count += usize::from(own.description != other.description);
                count += usize::from(own.schema != other.schema);
                count += usize::from(own.strict != other.strict);
                count += usize::from(own.cache != other.cache);
                count += own.foreign.0.iter().filter(|member| !other.foreign.0.contains(member)).count();
                out.push(Difference { count, ..differ(at, &[], format!("{own:?} / {other:?}")) });
            }
            _ => out.push(differ(at, &["tool_choice", "allowed_tools"], format!("{tool:?} is gone"))),
        }
    }
    if right.len() > left.len() {
        out.push(differ("tools", &["response_format"], "a tool is made up"));
    }
}

/// A form with the label and the strictness of the original where a dialect has no word for them: it
/// labels no schema, and holds every one.
fn named(mut format: Format, original: Option<&Format>) -> Format {
    if let (Format::JsonSchema { name, strict, .. }, Some(Format::JsonSchema { name: own, strict: asked, .. })) =
        (&mut format, original)
    {
        if name.is_none() {
            name.clone_from(own);
        }
        if *strict == Some(true) {
            *strict = *asked;
        }
    }
    format
}

/// Members of the top level.
fn top(left: &Request, right: &Request, out: &mut Vec<Difference>) {
    let mut check = |words: &[&str], differs: bool, sides: String| {
        if differs {
            out.push(differ(words[0], words, sides));
        }
    };
    macro_rules! member {
        ($own:expr, $other:expr, $($word:literal),+) => {
            check(&[$($word),+], $own != $other, format!("{}: {:?} / {:?}", [$($word),+][0], $own, $other))
        };
    }
    let (own, other) = (&left.sampling, &right.sampling);
    member!(left.model, right.model, "model");
    // A dialect that wants a number gets the model's where the caller gave none.
    let given = if own.max_output.is_none() { None } else { other.max_output };
    member!(own.max_output, given, "max_tokens", "max_completion_tokens", "max_output");
    member!(own.temperature, other.temperature, "temperature");
    member!(own.top_p, other.top_p, "top_p");
    member!(own.top_k, other.top_k, "top_k");
    member!(own.stop, other.stop, "stop", "stop_sequences");
    member!(own.seed, other.seed, "seed", "random_seed");
    member!(own.frequency_penalty, other.frequency_penalty, "frequency_penalty");
    member!(own.presence_penalty, other.presence_penalty, "presence_penalty");
    member!(own.choices, other.choices, "n", "choices");
    member!(own.logprobs, other.logprobs, "logprobs");
    member!(own.top_logprobs, other.top_logprobs, "top_logprobs");
    member!(left.tool_choice, right.tool_choice, "tool_choice", "response_format");
    member!(
        left.parallel_tools,
        right.parallel_tools,
        "parallel_tool_calls",
        "response_format",
        "disable_parallel_tool_use",
        "parallel_tools"
    );
    let kept = right.format.clone().map(|format| named(format, left.format.as_ref()));
    member!(left.format, kept, "response_format", "output_config", "output_config.format", "format");
    member!(
        left.effort,
        right.effort,
        "effort",
        "reasoning effort",
        "reasoning_effort",
        "thinking",
        "reasoning",
        "output_config",
        "output_config.effort"
    );
    member!(left.user, right.user, "user", "metadata.user_id", "metadata");
    member!(left.tier, right.tier, "service_tier", "tier");
    member!(left.stream, right.stream, "stream");
}

/// The parts of an answer with neighbouring texts joined, each with the places of those it is made of:
/// where one text ends and the next begins means nothing.
fn joined(parts: Vec<(usize, Part)>) -> Vec<(Vec<usize>, Part)> {
    let mut out: Vec<(Vec<usize>, Part)> = Vec::new();
    for (place, part) in parts {
        match (out.last_mut(), &part.body) {
            (
                Some((places, Part { body: Body::Text { text, citations }, foreign, .. })),
                Body::Text { text: more, citations: cited },
            ) => {
                places.push(place);
                text.push_str(more);
                citations.extend(cited.iter().cloned());
                foreign.0.extend(part.foreign.0.iter().cloned());
            }
            _ => out.push((vec![place], part)),
        }
    }
    out
}

/// The parts of an answer with their places, less those that are gone from the other, refusals as text
/// where the other has no word for them. What is gone or another thing now is a difference.
fn said_alike(at: &str, choice: &Choice, other: &Choice, out: &mut Vec<Difference>) -> Vec<(usize, Part)> {
    let refuses = other.parts.iter().any(|part| matches!(part.body, Body::Refusal(_)));
    let mut parts: Vec<(usize, Part)> = choice.parts.iter().cloned().enumerate().collect();
    for (place, part) in parts.iter_mut().filter(|_| !refuses) {
        if let Body::Refusal(text) = &part.body {
            part.body = Body::Text { text: text.clone(), citations: Vec::new() };
            out.push(differ(format!("{at}.content[{place}]"), &["refusal"], "a refusal is text"));
        }
    }
    let is_text = |part: &Part| matches!(part.body, Body::Text { .. });
    let other: Vec<_> = other.parts.iter().filter(|part| !is_text(part)).map(|part| (vec![0], part.clone())).collect();
    let own: Vec<_> =
        parts.iter().filter(|(_, part)| !is_text(part)).map(|(place, part)| (vec![*place], part.clone())).collect();
    let kept = matched(&spoken(at, &own), &spoken(at, &other));
    for (index, (place, part)) in own.iter().enumerate() {
        if !kept.iter().any(|(own, _)| *own == index) {
            out.push(differ(format!("{at}.content[{}]", place[0]), &[], format!("{part:?} is gone")));
            parts.retain(|(own, _)| *own != place[0]);
        }
    }
    parts
}

fn spoken<'a>(at: &str, parts: &'a [(Vec<usize>, Part)]) -> Vec<Item<'a>> {
    let place = |place: &usize| format!("{at}.content[{place}]");
    let item = |(places, part): &'a (Vec<usize>, Part)| Item {
        at: place(&places[0]),
        also: places[1..].iter().map(place).collect(),
        role: None,
        name: None,
        part,
    };
    parts.iter().map(item).collect()
}

/// Where two answers differ. Finish reasons are compared by meaning.
pub fn responses(left: &Response, right: &Response) -> Vec<Difference> {
    let (mut left, mut right) = (left.clone(), right.clone());
    for choice in left.choices.iter_mut().chain(&mut right.choices) {
        choice.parts.iter_mut().for_each(plain);
    }
    let (left, right) = (&left, &right);
    let mut out = Vec::new();
    let mut check = |word: &str, differs: bool, sides: String| {
        if differs {
            out.push(differ(word, &[word], sides));
        }
    };
    check("id", !left.id.is_empty() && left.id != right.id, format!("{} / {}", left.id, right.id));
    check("model", !left.model.is_empty() && left.model != right.model, format!("{} / {}", left.model, right.model));
    check("usage", !same_counts(&left.usage, &right.usage), format!("{:?} / {:?}", left.usage, right.usage));
    for (index, choice) in left.choices.iter().enumerate() {
        let at = format!("choices[{index}]");
        let Some(other) = right.choices.get(index) else {
            out.push(differ(at, &["n", "choices"], "is gone"));
            continue;
        };
        let own = joined(said_alike(&at, choice, other, &mut out));
        let others = joined(other.parts.iter().cloned().enumerate().collect());
        let (own, others) = (spoken(&at, &own), spoken(&at, &others));
        items(&own, &others, &mut out);
        let meaning = |finish: &Option<dialect::ir::finish::Finish>| finish.as_ref().map(|finish| finish.reason);
        // An answer that ended without a word may be said to have stopped.
        let unsaid = choice.finish.is_none() && meaning(&other.finish) == Some(Reason::Stop);
        if !unsaid && meaning(&choice.finish) != meaning(&other.finish) {
            let words = ["finish_reason", "stop_reason", "refusal"];
            out.push(differ(
                format!("{at}.finish_reason"),
                &words,
                format!("{:?} / {:?}", choice.finish, other.finish),
            ));
        }
    }
    if right.choices.len() > left.choices.len() {
        out.push(differ("choices", &[], "a choice is made up"));
    }
    out
}

/// True when both tell a client the same: what went in and out, from and to a cache, and into reasoning.
/// How the rest is split (lifetimes of caches, sounds, searches) is the ledger's, and the provider's own
/// object says it.
pub fn same_counts(left: &Usage, right: &Usage) -> bool {
    let counts = |usage: &Usage| {
        let count = |unit| usage.get(unit).unwrap_or(0);
        let sums = (usage.prompt_tokens(), usage.completion_tokens(), usage.cache_writes());
        (sums, count(Unit::CacheRead), count(Unit::Reasoning))
    };
    counts(left) == counts(right)
}
