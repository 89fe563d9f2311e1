//! Where two requests or two answers differ, in the words of losses; and which differences no loss names.

use dialect::ir::foreign::Foreign;
use dialect::ir::part::{Body, Part, ToolResult};
use dialect::ir::request::{Message, Request, Role};
use dialect::ir::response::Response;
use dialect::ir::tool::Tool;
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
                    let path = !loss.at.is_empty() && (begins(&loss.at, &difference.at) || begins(&difference.at, &loss.at));
                    path || difference.words.iter().any(|word| *word == loss.what)
                })
                .count();
            named < difference.count
        })
        .collect()
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

    /// True when the other may be what became of this one.
    fn resembles(&self, other: &Item<'_>) -> bool {
        self.role == other.role
            && match (&self.part.body, &other.part.body) {
                (Body::ToolCall(own), Body::ToolCall(other)) => own.id == other.id,
                (Body::ToolResult(own), Body::ToolResult(other)) => own.call_id == other.call_id,
                (own, other) => std::mem::discriminant(own) == std::mem::discriminant(other),
            }
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

/// Differences between two runs of parts.
fn items(left: &[Item<'_>], right: &[Item<'_>], out: &mut Vec<Difference>) {
    let mut exact = pairs(left, right, |own, other| own.is(other));
    exact.push((left.len(), right.len()));
    let (mut l, mut r) = (0, 0);
    for (to_l, to_r) in exact {
        let (gap_l, gap_r) = (&left[l..to_l], &right[r..to_r]);
        let alike = pairs(gap_l, gap_r, |own, other| own.resembles(other));
        for (index, own) in gap_l.iter().enumerate() {
            match alike.iter().find(|(own, _)| *own == index) {
                Some((_, other)) => changed(own, &gap_r[*other], out),
                None => out.push(differ(&own.at, &[], format!("{:?} is gone", own.part))),
            }
        }
        let made_up = gap_r.iter().enumerate().filter(|(index, _)| !alike.iter().any(|(_, other)| other == index));
        // A part that is new must stand beside one that changed or is gone.
        for (_, other) in made_up.filter(|_| gap_l.len() == alike.len()) {
            out.push(differ(&other.at, &[], format!("{:?} is made up", other.part)));
        }
        (l, r) = (to_l + 1, to_r + 1);
    }
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

/// Where two requests, both in normal form, differ.
pub fn requests(left: &Request, right: &Request) -> Vec<Difference> {
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
            _ => out.push(differ(at, &[], format!("{tool:?} is gone"))),
        }
    }
    if right.len() > left.len() {
        out.push(differ("tools", &[], "a tool is made up"));
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
    member!(own.max_output, other.max_output, "max_tokens", "max_completion_tokens", "max_output");
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
    member!(left.tool_choice, right.tool_choice, "tool_choice");
    member!(left.parallel_tools, right.parallel_tools, "parallel_tool_calls", "disable_parallel_tool_use", "parallel_tools");
    member!(left.format, right.format, "response_format", "output_config", "output_config.format", "format");
    member!(left.effort, right.effort, "reasoning_effort", "thinking", "effort", "reasoning", "output_config", "output_config.effort");
    member!(left.user, right.user, "user", "metadata.user_id", "metadata");
    member!(left.tier, right.tier, "service_tier", "tier");
    member!(left.stream, right.stream, "stream");
}

/// Where two answers differ. Finish reasons are compared by meaning.
pub fn responses(left: &Response, right: &Response) -> Vec<Difference> {
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
            let words = ["finish_reason", "stop_reason"];
            out.push(differ(format!("{at}.finish_reason"), &words, format!("{:?} / {:?}", choice.finish, other.finish)));
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
