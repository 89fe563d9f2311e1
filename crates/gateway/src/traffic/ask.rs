//! What the pretended teams ask: a mixture of models, dialects, streams, tools, schemas and mistakes.

use wire::json::Writer;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Who {
    /// The team, told as a tag.
    pub(super) team: &'static str,
    /// The user.
    pub(super) user: &'static str,
    /// The feature, told as a tag.
    pub(super) feature: &'static str,
}

const WHO: [Who; 6] = [
    Who { team: "growth", user: "ana", feature: "search" },
    Who { team: "growth", user: "ben", feature: "mail" },
    Who { team: "research", user: "cho", feature: "notes" },
    Who { team: "research", user: "dee", feature: "papers" },
    Who { team: "support", user: "eli", feature: "chat" },
    Who { team: "support", user: "fay", feature: "triage" },
];

/// Named models and how many of a hundred requests ask for each.
const MODELS: [(&str, u64); 7] = [
    ("demo/fast", 34),
    ("demo/mixed", 16),
    ("demo/flaky", 20),
    ("demo/smart", 10),
    ("demo/thrifty", 10),
    ("demo/reasoner", 6),
    ("flaky/flaky", 4),
];

const PROMPTS: [&str; 8] = [
    "Say hello in five languages.",
    "Which of our customers wrote about late parcels this week?",
    "Summarise this thread: Ana asked for the figures, Ben sent last month's, Ana asked again.",
    "Is this mail spam? \"Dear friend, a parcel waits for you.\"",
    "Give me three names for a library that counts money exactly.",
    "Why does a stream of tokens end without a finish reason?",
    "Translate to French: the meeting moves to Tuesday at ten.",
    "Draft a polite answer to a customer whose order came twice.",
];

const NOTES: &str = "Notes of the week. The gateway answered every call; two providers were late and one refused for a \
                     minute, and the requests went elsewhere. Costs are below the budget of the team. ";

/// A request to be sent.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    /// Who.
    pub(super) who: Who,
    /// The path.
    pub(super) path: &'static str,
    /// The body.
    pub(super) body: String,
}

/// What kind of request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Tool,
    Schema,
    Short,
    UnknownModel,
    NoMessages,
    Overloaded,
}

impl Ask {
    /// Draws the next request.
    pub(super) fn draw(roll: &mut impl FnMut() -> u64) -> Self {
        let who = pick(&WHO, roll());
        let kind = match roll() % 100 {
            0..=5 => Kind::Tool,
            6..=10 => Kind::Schema,
            11..=14 => Kind::Short,
            15..=16 => Kind::UnknownModel,
            17 => Kind::NoMessages,
            18 => Kind::Overloaded,
            _ => Kind::Plain,
        };
        let model = match kind {
            Kind::UnknownModel => "demo/fats",
            Kind::Overloaded => "swift/smart",
            _ => weighted(roll()),
        };
        let mut prompt = pick(&PROMPTS, roll()).to_owned();
        if kind == Kind::Tool {
            "What is the weather in Lisbon?".clone_into(&mut prompt);
        }
        // One in five comes with a page of notes.
        if roll().is_multiple_of(5) {
            prompt = format!("{prompt} {}", NOTES.repeat(1 + usize::try_from(roll() % 12).unwrap_or(0)));
        }
        let stream = roll().is_multiple_of(2);
        let anthropic = matches!(kind, Kind::Plain | Kind::Tool | Kind::Short) && roll() % 100 < 40;
        let most = if kind == Kind::Short { 8 } else { 400 };
        if anthropic {
            let body = messages(model, &prompt, stream, most, kind);
            return Self { who, path: "/v1/messages", body };
        }
        let body = chat(model, &prompt, stream, most, kind);
        Self { who, path: "/v1/chat/completions", body }
    }
}

fn pick<T: Copy, const N: usize>(all: &[T; N], roll: u64) -> T {
    const { assert!(N > 0) };
    let place = usize::try_from(roll % u64::try_from(N).unwrap_or(1)).unwrap_or(0);
    all[place]
}

fn weighted(roll: u64) -> &'static str {
    let all: u64 = MODELS.iter().map(|(_, weight)| weight).sum();
    let mut left = roll % all;
    for (model, weight) in MODELS {
        match left.checked_sub(weight) {
            Some(rest) => left = rest,
            None => return model,
        }
    }
    "demo/fast"
}

const WEATHER: &str = r#"{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer","minimum":1}},"required":["city","days"]}"#;
const TICKET: &str = r#"{"type":"object","properties":{"title":{"type":"string"},"urgent":{"type":"boolean"},"labels":{"type":"array","items":{"type":"string"}}},"required":["title","urgent","labels"],"additionalProperties":false}"#;

/// A body in OpenAI's chat dialect.
fn chat(model: &str, prompt: &str, stream: bool, most: u64, kind: Kind) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("model").str(model).key("messages").array(|json| {
            if kind != Kind::NoMessages {
                message("system", "Answer shortly.", json);
                message("user", prompt, json);
            }
        });
        json.key("max_completion_tokens").u64(most);
        match kind {
            Kind::Tool => {
                json.key("tools").array(|json| {
                    json.object(|json| {
                        json.key("type").str("function").key("function").object(|json| {
                            json.key("name").str("get_weather").key("parameters").raw(WEATHER);
                        });
                    });
                });
            }
            Kind::Schema => {
                json.key("response_format").object(|json| {
                    json.key("type").str("json_schema").key("json_schema").object(|json| {
                        json.key("name").str("ticket").key("strict").bool(true).key("schema").raw(TICKET);
                    });
                });
            }
            Kind::Overloaded => {
                json.key("metadata").object(|json| {
                    json.key("simulate").str("overloaded");
                });
            }
            Kind::Plain | Kind::Short | Kind::UnknownModel | Kind::NoMessages => {}
        }
        if stream {
            json.key("stream").bool(true).key("stream_options").object(|json| {
                json.key("include_usage").bool(true);
            });
        }
    });
    json.finish()
}

/// A body in Anthropic's messages dialect.
fn messages(model: &str, prompt: &str, stream: bool, most: u64, kind: Kind) -> String {
    let mut json = Writer::new();
    json.object(|json| {
        json.key("model").str(model).key("max_tokens").u64(most).key("system").str("Answer shortly.");
        json.key("messages").array(|json| message("user", prompt, json));
        if kind == Kind::Tool {
            json.key("tools").array(|json| {
                json.object(|json| {
                    json.key("name").str("get_weather").key("input_schema").raw(WEATHER);
                });
            });
        }
        if stream {
            json.key("stream").bool(true);
        }
    });
    json.finish()
}

fn message(role: &str, content: &str, json: &mut Writer) {
    json.object(|json| {
        json.key("role").str(role).key("content").str(content);
    });
}
