//! One generation request.

use super::foreign::{Foreign, Raw};
use super::part::{Body, Part};
use super::tool::{Tool, ToolChoice};

/// Who speaks. (`developer` is the newer word for `system` and read as it.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The operator.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// Tools: parts are tool results.
    Tool,
}

/// One turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub parts: Vec<Part>,
    /// Name of the speaker among several of one role.
    pub name: Option<String>,
    /// Members beyond what the IR knows.
    pub foreign: Foreign,
}

impl Message {
    /// A turn of parts.
    #[must_use]
    pub fn new(role: Role, parts: Vec<Part>) -> Self {
        Self { role, parts, name: None, foreign: Foreign::default() }
    }
}

/// How tokens are drawn and how long the answer may be. Numbers are the JSON text they came in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sampling {
    /// The most tokens the answer may have.
    pub max_output: Option<u64>,
    /// Temperature.
    pub temperature: Option<Raw>,
    /// Nucleus.
    pub top_p: Option<Raw>,
    /// Most likely tokens considered.
    pub top_k: Option<Raw>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// Seed.
    pub seed: Option<Raw>,
    /// Frequency penalty.
    pub frequency_penalty: Option<Raw>,
    /// Presence penalty.
    pub presence_penalty: Option<Raw>,
    /// How many answers.
    pub choices: Option<u64>,
    /// Log probabilities are wanted.
    pub logprobs: Option<bool>,
    /// How many alternatives with log probabilities.
    pub top_logprobs: Option<u64>,
}

/// The form of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// Text.
    Text,
    /// Any JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema {
        /// Name of the schema.
        name: Option<String>,
        /// What it is for.
        description: Option<String>,
        /// The schema, key order kept.
        schema: Raw,
        /// The answer must follow it exactly.
        strict: Option<bool>,
    },
}

/// How much the model is to think.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effort {
    /// On or off, where said.
    pub enabled: Option<bool>,
    /// A level (`minimal`, `low`, `medium`, `high`, `xhigh`, `max`), where said.
    pub level: Option<String>,
    /// A budget in tokens, where said.
    pub budget: Option<u64>,
    /// The model decides how long to think (Anthropic `adaptive`).
    pub adaptive: bool,
}

impl Effort {
    /// The word for it where a server has levels: `none` for off, `high` where no level is said; `None` where nothing is.
    #[must_use]
    pub fn word(&self) -> Option<&str> {
        match self.level.as_deref() {
            _ if *self == Self::default() => None,
            _ if self.enabled == Some(false) => Some("none"),
            level => level.or(Some("high")),
        }
    }
}

/// One generation request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// The model asked for.
    pub model: String,
    /// Instructions that stand outside the conversation.
    pub system: Vec<Part>,
    /// The conversation.
    pub messages: Vec<Message>,
    /// Tools.
    pub tools: Vec<Tool>,
    /// Which of them to call.
    pub tool_choice: Option<ToolChoice>,
    /// Several calls in one turn are welcome.
    pub parallel_tools: Option<bool>,
    /// Sampling and length.
    pub sampling: Sampling,
    /// Form of the answer.
    pub format: Option<Format>,
    /// How much to think.
    pub effort: Option<Effort>,
    /// The end user.
    pub user: Option<String>,
    /// Service tier.
    pub tier: Option<String>,
    /// The answer is to be streamed.
    pub stream: bool,
    /// Members beyond what the IR knows.
    pub foreign: Foreign,
}

impl Request {
    /// The same request in one normal form: leading system messages join [`Request::system`],
    /// neighbours of one role and name are one message, tool results stand in messages of
    /// [`Role::Tool`] before what else their turn says. Two requests that mean the same compare equal.
    #[must_use]
    pub fn normalize(mut self) -> Self {
        let mut messages: Vec<Message> = Vec::with_capacity(self.messages.len());
        let mut leading = true;
        for message in self.messages {
            if message.role == Role::System && leading && message.name.is_none() && message.foreign.is_empty() {
                self.system.extend(message.parts);
                continue;
            }
            leading &= message.role == Role::System;
            for message in split_results(message) {
                match messages.last_mut() {
                    Some(last)
                        if last.role == message.role
                            && last.name == message.name
                            && last.foreign.is_empty()
                            && message.foreign.is_empty() =>
                    {
                        last.parts.extend(message.parts);
                    }
                    _ => messages.push(message),
                }
            }
        }
        self.messages = messages;
        self
    }
}

/// A user turn that holds tool results as a tool turn and the rest.
fn split_results(message: Message) -> Vec<Message> {
    if message.role != Role::User || !message.parts.iter().any(|part| matches!(part.body, Body::ToolResult(_))) {
        return vec![message];
    }
    let (results, rest): (Vec<Part>, Vec<Part>) =
        message.parts.into_iter().partition(|part| matches!(part.body, Body::ToolResult(_)));
    let mut turns = vec![Message::new(Role::Tool, results)];
    if !rest.is_empty() {
        turns.push(Message { role: Role::User, parts: rest, name: message.name, foreign: message.foreign });
    }
    turns
}
