//! Where two requests or two answers differ, in the words of losses; and which differences no loss names.

use std::ops::Range;

use dialect::ir::foreign::{Foreign, Raw};
use dialect::ir::part::{Body, Part, ToolResult};
use dialect::ir::request::{Format, Message, Request, Role};
use dialect::ir::response::Response;
use dialect::ir::tool::{Tool, ToolChoice};
use dialect::loss::Loss;
use dialect::usage::Usage;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where in the original.
    pub at: String,
    /// Other words a loss may use for it, where it stands at the top level.
    pub words: Vec<String>,
    /// How many losses must name the place: one for each thing that differs there.
    pub count: usize,
    /// Both sides, for people.
    pub sides: String,
}

fn differ(at: impl Into<String>, words: &[&str], sides: impl Into<String>) -> Difference {
    let words = words.iter().map(|word| (*word).to_owned()).collect();
    Difference { at: at.into(), words, count: 1, sides: sides.into() }
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
                    let (place, other) = (short(&loss.at), short(&difference.at));
                    let path = !place.is_empty() && (begins(&place, &other) || begins(&other, &place));
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

    /// True when the other may be what became of this one.
    fn resembles(&self, other: &Item<'_>) -> bool {
        self.role == other.role && std::mem::discriminant(&self.part.body) == std::mem::discriminant(&other.part.body)
    }
}

/// Pairs the items of two lists: longest common run of pairs for which `same` holds.
fn pairs<T>(left: &[T], right: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<(usize, usize)> {
    let mut longest = vec![vec![0usize; right.len() + 1]; left.len() + 1];
    for l in (0..left.len()).rev() {
        for r in (0..right.len()).rev() {
            longest[l][r] = if same(&left[l], &right[r]) {
                longest[l + 1][r + 1] + 1
            } else {
                longest[l + 1][r].max(longest[l][r + 1])
            };
        }
    }
    let (mut l, mut r, mut out) = (0, 0, Vec::new());
    while l < left.len() && r < right.len() {
        if same(&left[l], &right[r]) {
            out.push((l, r));
            (l, r) = (l + 1, r + 1);
        } else if longest[l + 1][r] >= longest[l][r + 1] {
            l += 1;
        } else {
            r += 1;
        }
    }
    out
}

/// Differences between two runs of parts: those that are equal, say the same, or resemble each other are
/// one; of the rest, the left ones are gone, and the right ones made up unless something is gone there.
fn items(left: &[Item<'_>], right: &[Item<'_>], out: &mut Vec<Difference>) {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for level in 0..3 {
        let mut more = Vec::new();
        for (l, r) in gaps(&found, left.len(), right.len()) {
            let within = pairs(&left[l.clone()], &right[r.clone()], |own, other| match level {
                0 => own.is(other),
                1 => own.says(other),
                _ => own.resembles(other),
            });
            more.extend(within.into_iter().map(|(own, other)| (l.start + own, r.start + other)));
        }
        found.extend(more);
        found.sort_unstable();
    }
    for (own, other) in &found {
        changed(&left[*own], &right[*other], out);
    }
    for (l, r) in gaps(&found, left.len(), right.len()) {
        let whole = l.is_empty();
        out.extend(left[l].iter().map(|own| differ(&own.at, &[], format!("{:?} is gone", own.part))));
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
    let here = out.iter().filter(|difference| difference.at == own.at).count();
    out.iter_mut().filter(|difference| difference.at == own.at).for_each(|difference| difference.count = here);
}

fn results<'a>(at: &str, result: &'a ToolResult) -> Vec<Item<'a>> {
    let item = |(index, part)| Item { at: format!("{at}.content[{index}]"), role: None, name: None, part };
    result.content.iter().enumerate().map(item).collect()
}

fn foreign(at: &str, left: &Foreign, right: &Foreign, out: &mut Vec<Difference>) {
    for member in left.0.iter().filter(|member| !right.0.contains(member)) {
        let place = if at.is_empty() { member.1.clone() } else { at.to_owned() };
        out.push(differ(place, &[&member.1], format!("foreign {}", member.1)));
    }
    for member in right.0.iter().filter(|member| !left.0.iter().any(|own| own.1 == member.1)) {
        out.push(differ(member.1.clone(), &[], "foreign is made up"));
    }
}

fn said<'a>(messages: &'a [Message]) -> Vec<Item<'a>> {
    let parts = |(index, message): (usize, &'a Message)| {
        message.parts.iter().enumerate().map(move |(place, part)| Item {
            at: format!("messages[{index}].content[{place}]"),
            role: Some(message.role),
            name: message.name.as_deref(),
            part,
        })
    };
    messages.iter().enumerate().flat_map(parts).collect()
}

fn system(request: &Request) -> Vec<Item<'_>> {
    let item = |(index, part)| Item { at: format!("system[{index}]"), role: None, name: None, part };
    request.system.iter().enumerate().map(item).collect()
}

/// A part in the form that all of one meaning share: proofs do not say which model made them (a client's
/// history does not), a call without arguments has none, `auto` is how closely media are looked at anyway.
fn plain(part: &mut Part) {
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
    request.parallel_tools = request.parallel_tools.filter(|parallel| !parallel);
    request.tool_choice = request.tool_choice.take().filter(|choice| *choice != ToolChoice::Auto);
    // The same in the words of two dialects.
    request.tier = request.tier.take().map(|tier| if tier == "standard_only" { "default".to_owned() } else { tier });
    for tool in &mut request.tools {
        if let Tool::Function(function) = tool {
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
    let exact = pairs(left, right, |own, other| own == other);
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
    member!(left.format, right.format, "response_format", "output_config", "output_config.format", "format");
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
        let item = |(place, part)| Item { at: format!("{at}.content[{place}]"), role: None, name: None, part };
        let own: Vec<Item<'_>> = choice.parts.iter().enumerate().map(item).collect();
        let others: Vec<Item<'_>> = other.parts.iter().enumerate().map(item).collect();
        items(&own, &others, &mut out);
        let meaning = |finish: &Option<dialect::ir::finish::Finish>| finish.as_ref().map(|finish| finish.reason);
        if meaning(&choice.finish) != meaning(&other.finish) {
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

/// True when both count the same quantities (the provider's own object differs by dialect).
pub fn same_counts(left: &Usage, right: &Usage) -> bool {
    left.iter().eq(right.iter())
}
