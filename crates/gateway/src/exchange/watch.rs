//! Watches an answer that passes untouched, of a known dialect or of none, for what it used.

use bytes::Bytes;
use dialect::anthropic_messages;
use dialect::hosting::{BedrockFramer, COUNTS};
use dialect::id::DialectId;
use dialect::openai_chat::read_usage;
use dialect::outcome::Outcome;
use dialect::quirk::Quirks;
use dialect::stream::{Framing, Meter, Reading, Seen};
use dialect::usage::{Source, Unit, Usage};
use http::HeaderMap;
use wire::frame::Frame;
use wire::json::{Index, Json, Kind};

use super::array::Cutter;
use super::out::Out;
use super::redact::cleared;
use crate::state::target::Target;

/// Longest answer that is kept to be read at its end, in bytes.
pub const MOST_KEPT: usize = 16 << 20;

/// Watches a body go by.
pub enum Watch {
    /// Bytes that tell nothing.
    Nothing(Reading),
    /// JSON that comes in pieces and is read at its end, as long as it is not too long.
    Kept {
        /// What came, until it was too long.
        kept: Option<Vec<u8>>,
        /// Its dialect, where known.
        known: Option<DialectId>,
        /// What it told.
        reading: Reading,
    },
    /// A stream of a known dialect.
    Known {
        /// Cuts it.
        framer: Cutter,
        /// Reads it.
        meter: Box<dyn Meter>,
        /// Its terminal marker went by.
        ended: bool,
        /// Keep back the frame that carries usage alone: nobody asked for it.
        hold_usage: bool,
    },
    /// Events of no known dialect, of which any may carry `usage`.
    Events {
        /// Cuts it.
        framer: Cutter,
        /// What it told.
        reading: Reading,
        /// How its server counts.
        quirks: Quirks,
    },
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Watch::Nothing(_) => "Nothing",
            Watch::Kept { .. } => "Kept",
            Watch::Known { .. } => "Known",
            Watch::Events { .. } => "Events",
        })
    }
}

impl Watch {
    /// For an answer's events, or its JSON lines where its head says so.
    #[must_use]
    pub fn events(known: Option<DialectId>, target: &Target, hold_usage: bool) -> Self {
        Self::cut(Cutter::new(false), known, target, hold_usage)
    }

    /// For the messages of an AWS event stream, which pass as they came: a dialect's own, or ones that hold the
    /// events of a hosted model.
    #[must_use]
    pub fn messages(known: Option<DialectId>, target: &Target) -> Self {
        let own = known.filter(|dialect| dialect::of(*dialect).framing() == Framing::AwsEventStream);
        let framer = match own {
            Some(_) => Cutter::framed(Framing::AwsEventStream),
            None => Cutter::Aws(BedrockFramer::keeping(known.unwrap_or(DialectId::OpenAiChat))),
        };
        Self::cut(framer, known, target, false)
    }

    /// For JSON lines.
    #[must_use]
    pub fn lines(known: Option<DialectId>, target: &Target) -> Self {
        Self::cut(Cutter::framed(Framing::Lines), known, target, false)
    }

    fn cut(framer: Cutter, known: Option<DialectId>, target: &Target, hold_usage: bool) -> Self {
        match known {
            Some(dialect) => {
                let meter = dialect::of(dialect).meter(&target.for_dialect());
                Self::Known { framer, meter, ended: false, hold_usage }
            }
            None => Self::Events { framer, reading: Reading::default(), quirks: target.quirks },
        }
    }

    /// Looks at a piece and appends what goes on: the same bytes, whole frames of them. An error of the
    /// provider's goes without our keys. False for a frame longer than any may be.
    #[must_use]
    pub fn see(&mut self, piece: Bytes, target: &Target, out: &mut Out) -> bool {
        let mut frames = Vec::new();
        let good = match self {
            Watch::Nothing(_) => {
                out.push(piece);
                return true;
            }
            Watch::Kept { kept, .. } => {
                if let Some(all) = kept.as_mut().filter(|all| all.len() + piece.len() <= MOST_KEPT) {
                    all.extend_from_slice(&piece);
                } else {
                    *kept = None;
                }
                out.push(piece);
                return true;
            }
            Watch::Known { framer, .. } | Watch::Events { framer, .. } => framer.push(&piece, &mut frames).is_ok(),
        };
        self.frames(&frames, target, out);
        good
    }

    /// The body ended.
    pub fn finish(&mut self, target: &Target, out: &mut Out) {
        let mut frames = Vec::new();
        match self {
            Watch::Nothing(_) => return,
            Watch::Kept { kept, known, reading } => {
                *reading = kept.take().map(|all| whole(*known, target, &all.into())).unwrap_or_default();
                return;
            }
            Watch::Known { framer, .. } | Watch::Events { framer, .. } => framer.finish(&mut frames),
        }
        self.frames(&frames, target, out);
        if let Watch::Known { meter, ended: false, .. } = self {
            meter.finish();
        }
    }

    fn frames(&mut self, frames: &[Frame], target: &Target, out: &mut Out) {
        for frame in frames {
            match self {
                Watch::Nothing(_) | Watch::Kept { .. } => out.push(frame.raw.clone()),
                Watch::Known { meter, ended, hold_usage, .. } => match meter.frame(frame) {
                    Seen::UsageOnly if *hold_usage => {}
                    Seen::End => {
                        *ended = true;
                        out.push(frame.raw.clone());
                    }
                    Seen::Fault => out.push(cleared(frame.raw.clone(), target)),
                    Seen::Content | Seen::Preamble | Seen::UsageOnly => out.push(frame.raw.clone()),
                },
                Watch::Events { reading, quirks, .. } => {
                    let failed = event(frame, reading, *quirks);
                    out.push(if failed { cleared(frame.raw.clone(), target) } else { frame.raw.clone() });
                }
            }
        }
    }

    /// How the answer failed, if it tells so or should have told that it is whole and did not.
    #[must_use]
    pub fn failure(&self) -> Option<Outcome> {
        let Watch::Known { meter, .. } = self else { return None };
        let reading = meter.reading();
        match &reading.fault {
            Some(fault) => Some(fault.outcome),
            None => (!reading.complete).then_some(Outcome::Truncated),
        }
    }

    /// Its events may tell what was used.
    #[must_use]
    pub fn reads_events(&self) -> bool {
        matches!(self, Watch::Known { .. } | Watch::Events { .. })
    }

    /// True once the terminal marker went by.
    #[must_use]
    pub fn ended(&self) -> bool {
        matches!(self, Watch::Known { ended: true, .. })
    }

    /// What it told.
    pub fn take_reading(&mut self) -> Reading {
        match self {
            Watch::Nothing(reading) | Watch::Events { reading, .. } | Watch::Kept { reading, .. } => {
                std::mem::take(reading)
            }
            Watch::Known { meter, .. } => meter.take_reading(),
        }
    }
}

/// Reads an event of no known dialect; true for one that tells an error.
fn event(frame: &Frame, reading: &mut Reading, quirks: Quirks) -> bool {
    let Some(json) = frame.data.as_deref().and_then(|data| Json::from_bytes(data).ok()) else { return false };
    told(json, reading, quirks);
    frame.name() == "error" || json.get("error").is_some_and(|error| !error.is_null())
}

/// Takes what a JSON object of no known dialect tells: `usage` at its top, Cohere's `meta.billed_units`, Ollama's
/// count.
fn told(json: Json<'_>, reading: &mut Reading, quirks: Quirks) {
    for (key, value) in json.members() {
        match &*key {
            "usage" if value.kind() == Kind::Object => {
                // Anthropic's counts leave out what the cache read, OpenAI's do not.
                let anthropic = ["cache_read_input_tokens", "cache_creation_input_tokens"];
                let usage = match anthropic.iter().any(|name| value.get(name).is_some()) {
                    true => anthropic_messages::read_usage(value),
                    false => read_usage(value, quirks),
                };
                if usage.source != Source::Unknown {
                    reading.usage = usage;
                }
            }
            "meta" if reading.usage.source == Source::Unknown => {
                if let Some(usage) = value.get("billed_units").and_then(billed) {
                    reading.usage = usage;
                }
            }
            COUNTS if reading.usage.source == Source::Unknown => {
                if let Some(usage) = host_counts(|name| value.get(name).and_then(Json::as_u64)) {
                    reading.usage = usage;
                }
            }
            // Ollama's embeddings.
            "prompt_eval_count" if reading.usage.source == Source::Unknown => {
                if let Some(count) = value.as_u64() {
                    reading.usage.set(Unit::Input, count);
                    reading.usage.set(Unit::Output, 0);
                    reading.usage.source = Source::Reported;
                }
            }
            "id" if reading.id.is_none() => reading.id = value.as_str().map(Into::into),
            "model" if reading.model.is_none() => reading.model = value.as_str().map(Into::into),
            _ => {}
        }
    }
}

/// What Bedrock counted of a call: in the last chunk of a stream, or in the headers of a whole answer. Its input
/// excludes everything cached. Source: AWS, "InvokeModelWithResponseStream"; recordings.
fn host_counts(count: impl Fn(&str) -> Option<u64>) -> Option<Usage> {
    let mut usage = Usage::unknown();
    for (name, unit) in HOST_COUNTS {
        usage.put(unit, count(name));
    }
    (!usage.is_empty()).then(|| {
        usage.source = Source::Reported;
        usage
    })
}

/// Names of the host's counts in a chunk.
const HOST_COUNTS: [(&str, Unit); 4] = [
    ("inputTokenCount", Unit::Input),
    ("cacheReadInputTokenCount", Unit::CacheRead),
    ("cacheWriteInputTokenCount", Unit::CacheWrite),
    ("outputTokenCount", Unit::Output),
];

/// What Bedrock counted of a whole answer, in its headers.
#[must_use]
pub fn counted_in(headers: &HeaderMap) -> Option<Usage> {
    let header = |name: &str| headers.get(format!("x-amzn-bedrock-{name}"))?.to_str().ok()?.parse().ok();
    host_counts(|name| match name {
        "inputTokenCount" => header("input-token-count"),
        "cacheReadInputTokenCount" => header("cache-read-input-token-count"),
        "cacheWriteInputTokenCount" => header("cache-write-input-token-count"),
        _ => header("output-token-count"),
    })
}

/// Cohere's `billed_units`: tokens, and searches of a reranking.
fn billed(units: Json<'_>) -> Option<Usage> {
    let mut usage = Usage::unknown();
    for (key, value) in units.members() {
        let unit = match &*key {
            "input_tokens" => Unit::Input,
            "output_tokens" => Unit::Output,
            "search_units" => Unit::Search,
            _ => continue,
        };
        if let Some(count) = value.as_u64() {
            usage.set(unit, count);
        }
    }
    (!usage.is_empty()).then(|| {
        usage.source = Source::Reported;
        usage
    })
}

/// Reads a whole answer, of a known dialect or of none. What is no JSON tells nothing.
#[must_use]
pub fn whole(known: Option<DialectId>, target: &Target, body: &Bytes) -> Reading {
    let mut index = Index::default();
    let Ok(json) = index.read_bytes(body) else { return Reading::default() };
    let mut reading = Reading::default();
    if let Some(dialect) = known {
        let mut meter = dialect::of(dialect).meter(&target.for_dialect());
        if json.kind() == Kind::Array {
            // Google's stream as one array.
            for item in json.items() {
                let data = Bytes::copy_from_slice(item.raw().as_bytes());
                meter.frame(&Frame { event: None, data: Some(data.clone()), raw: data });
            }
            meter.finish();
        } else {
            meter.whole(json);
        }
        reading = meter.take_reading();
    }
    if reading.usage.source == Source::Unknown {
        told(json, &mut reading, target.quirks);
    }
    reading
}
