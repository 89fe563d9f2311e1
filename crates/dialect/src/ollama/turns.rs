//! Messages of the IR to messages of this dialect. A message holds one text, so that a turn of several becomes
//! several messages of one role, which servers join again.

use wire::json::Writer;

use super::answer;
use crate::id::DialectId;
use crate::ir::foreign::Foreign;
use crate::ir::part::{Body, Media, MediaSource, Part, Reasoning, ToolResult};
use crate::ir::request::{Message, Role};
use crate::loss::Loss;
use crate::members::{self, written};

const HERE: DialectId = DialectId::Ollama;

/// Writes messages and gathers what is lost.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// What is lost.
    pub(super) losses: Vec<Loss>,
    /// The messages, written.
    pub(super) messages: Vec<String>,
    /// Somebody but the operator has spoken.
    talk: bool,
    /// Calls so far: id and tool, which its result names.
    calls: Vec<(String, String)>,
}

/// One message under construction.
#[derive(Debug, Default)]
struct Draft {
    thinking: Option<String>,
    content: Option<String>,
    images: Vec<String>,
    calls: Vec<String>,
}

impl Draft {
    fn is_empty(&self) -> bool {
        self.thinking.is_none() && self.content.is_none() && self.images.is_empty() && self.calls.is_empty()
    }
}

impl Turns {
    /// The instructions that stand outside the conversation.
    pub(super) fn system(&mut self, parts: &[Part]) {
        self.turn(Role::System, parts, "system", Vec::new());
    }

    /// One message.
    pub(super) fn message(&mut self, message: &Message, index: usize) {
        let path = format!("messages[{index}]");
        if message.name.is_some() {
            self.losses.push(Loss::dropped("name", format!("{path}.name")));
        }
        let own = self.own(&message.foreign, &path);
        if message.role == Role::Tool {
            return self.results(message, own, &path);
        }
        let leading = message.role == Role::System && !self.talk;
        let (before, kept) = (self.messages.len(), usize::from(!own.is_empty()));
        self.turn(message.role, &message.parts, &format!("{path}.content"), own);
        if leading && self.messages.len() > before + kept {
            // Without what set it apart, what is in it is one of the instructions outside the conversation.
            self.losses.push(Loss::approximated("system", path));
        }
    }

    fn own(&mut self, foreign: &Foreign, at: &str) -> Vec<(String, String)> {
        members::own(HERE, foreign, at, &mut self.losses)
    }

    /// The parts of a turn, in as many messages as its order needs; the first has the members of its own.
    fn turn(&mut self, role: Role, parts: &[Part], path: &str, mut own: Vec<(String, String)>) {
        let mut draft = Draft::default();
        for (index, part) in parts.iter().enumerate() {
            let at = format!("{path}[{index}]");
            match &part.body {
                Body::Text { .. } | Body::Refusal(_) | Body::Media(Media { source: MediaSource::Text(_), .. }) => {
                    let Some(text) = self.text(part, &at) else { continue };
                    if draft.content.is_some() || !draft.images.is_empty() || !draft.calls.is_empty() {
                        self.push(role, &mut draft, &mut own);
                    }
                    draft.content = Some(text.to_owned());
                }
                Body::Media(media) if role != Role::System => {
                    let Some(data) = answer::bytes(media, &at, &mut self.losses) else {
                        let word = if matches!(media.source, MediaSource::Url(_)) { " url" } else { "" };
                        self.losses.push(Loss::dropped(format!("{}{word}", media.kind.word()), at.clone()));
                        self.bare(part, &at);
                        continue;
                    };
                    self.bare(part, &at);
                    if !draft.calls.is_empty() {
                        self.push(role, &mut draft, &mut own);
                    }
                    draft.images.push(data.to_owned());
                }
                Body::Reasoning(Reasoning { text, proof, redacted: false })
                    if role == Role::Assistant && !text.is_empty() =>
                {
                    if proof.is_some() {
                        self.losses.push(Loss::dropped("signature", at.clone()));
                    }
                    self.bare(part, &at);
                    if !draft.is_empty() {
                        self.push(role, &mut draft, &mut own);
                    }
                    draft.thinking = Some(text.clone());
                }
                Body::ToolCall(call) if role == Role::Assistant => {
                    self.uncached(part, &at);
                    let more = self.own(&part.foreign, &at);
                    draft.calls.push(answer::call(call, &more, &at, &mut self.losses));
                    self.calls.push((call.id.clone(), call.name.clone()));
                }
                other => {
                    self.losses.push(Loss::dropped(other.word(), at.clone()));
                    self.bare(part, &at);
                }
            }
        }
        if !draft.is_empty() {
            self.push(role, &mut draft, &mut own);
        }
        // Nothing is left that could bring them.
        let at = path.trim_end_matches(".content");
        self.losses.extend(own.into_iter().map(|(key, _)| Loss::dropped(key, at)));
    }

    /// The words of a part that is text here; none of an empty one.
    fn text<'a>(&mut self, part: &'a Part, at: &str) -> Option<&'a str> {
        let text = match &part.body {
            Body::Text { text, citations } => {
                if !citations.is_empty() {
                    self.losses.push(Loss::dropped("citations", at));
                }
                text
            }
            Body::Refusal(text) => {
                self.losses.push(Loss::approximated("refusal", at));
                text
            }
            Body::Media(Media { kind, source: MediaSource::Text(text), .. }) => {
                self.losses.push(Loss::approximated(kind.word(), at));
                text
            }
            _ => return None,
        };
        self.bare(part, at);
        Some(text.as_str()).filter(|text| !text.is_empty())
    }

    /// Reports what stands beside a part and has no place.
    fn bare(&mut self, part: &Part, at: &str) {
        self.losses.extend(part.foreign.iter().map(|(_, key, _)| Loss::dropped(key.to_owned(), at)));
        self.uncached(part, at);
    }

    fn uncached(&mut self, part: &Part, at: &str) {
        if part.cache.is_some() {
            self.losses.push(Loss::dropped("cache_control", at));
        }
    }

    fn push(&mut self, role: Role, draft: &mut Draft, own: &mut Vec<(String, String)>) {
        let Draft { thinking, content, images, calls } = std::mem::take(draft);
        let role = match role {
            Role::System => "system",
            Role::Assistant => "assistant",
            Role::User | Role::Tool => "user",
        };
        self.talk |= role != "system";
        self.messages.push(written(&std::mem::take(own), |json| {
            json.key("role").str(role).key("content").str(content.as_deref().unwrap_or_default());
            if let Some(thinking) = &thinking {
                json.key("thinking").str(thinking);
            }
            pictures(&images, json);
            if !calls.is_empty() {
                json.key("tool_calls").array(|json| calls.iter().for_each(|call| _ = json.raw(call)));
            }
        }));
    }

    /// Tool results: a message each.
    fn results(&mut self, message: &Message, mut own: Vec<(String, String)>, path: &str) {
        for (index, part) in message.parts.iter().enumerate() {
            let at = format!("{path}.content[{index}]");
            match &part.body {
                Body::ToolResult(result) => self.result(part, result, std::mem::take(&mut own), &at),
                other => {
                    self.losses.push(Loss::dropped(other.word(), at.clone()));
                    self.bare(part, &at);
                }
            }
        }
        self.losses.extend(own.into_iter().map(|(key, _)| Loss::dropped(key, path)));
    }

    fn result(&mut self, part: &Part, result: &ToolResult, mut own: Vec<(String, String)>, at: &str) {
        let (mut texts, mut images) = (Vec::new(), Vec::new());
        let mut late = false;
        for (index, part) in result.content.iter().enumerate() {
            let at = format!("{at}.content[{index}]");
            match &part.body {
                Body::Media(media) if !matches!(media.source, MediaSource::Text(_)) => {
                    match answer::bytes(media, &at, &mut self.losses) {
                        Some(data) => images.push(data.to_owned()),
                        None => self.losses.push(Loss::dropped(media.kind.word(), at.clone())),
                    }
                    self.bare(part, &at);
                }
                Body::Text { .. } | Body::Refusal(_) | Body::Media(_) => {
                    late |= !images.is_empty();
                    let text = self.text(part, &at);
                    texts.extend(text.map(|text| (text, at)));
                }
                other => {
                    self.losses.push(Loss::dropped(other.word(), at.clone()));
                    self.bare(part, &at);
                }
            }
        }
        if texts.len() > 1 {
            // A result has one text.
            self.losses.extend(texts.iter().map(|(_, at)| Loss::approximated("content", at.clone())));
        }
        if late {
            let all = 0..result.content.len();
            self.losses.extend(all.map(|index| Loss::approximated("order", format!("{at}.content[{index}]"))));
        }
        if result.is_error == Some(true) {
            self.losses.push(Loss::dropped("is_error", at));
        }
        self.uncached(part, at);
        own.extend(self.own(&part.foreign, at));
        let name = self.calls.iter().rev().find(|(id, _)| *id == result.call_id).map(|(_, name)| name.clone());
        let text = texts.iter().map(|(text, _)| *text).collect::<Vec<_>>().join("\n\n");
        self.talk = true;
        self.messages.push(written(&own, |json| {
            json.key("role").str("tool").key("content").str(&text);
            if let Some(name) = &name {
                json.key("tool_name").str(name);
            }
            json.key("tool_call_id").str(&result.call_id);
            pictures(&images, json);
        }));
    }
}

fn pictures(images: &[String], json: &mut Writer) {
    if !images.is_empty() {
        json.key("images").array(|json| images.iter().for_each(|image| _ = json.str(image)));
    }
}
