//! What the generator reads of a ledger line.

use policy::money::Nano;
use wire::json::Json;

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Try {
    /// `provider/model`.
    pub(super) target: String,
    /// How it ended; `ok` is the good one.
    pub(super) outcome: String,
}

/// A ledger line, as far as it is shown. What the line does not know is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The model asked for.
    pub(super) asked: String,
    /// The caller's dialect.
    pub(super) dialect: String,
    /// It was streamed.
    pub(super) stream: bool,
    /// `ok`, `error`, `incomplete` or `cancelled`.
    pub(super) status: String,
    /// The error's kind.
    pub(super) error: Option<String>,
    /// `provider/model` that answered.
    pub(super) served: Option<String>,
    /// Why that one.
    pub(super) why: String,
    /// Every try in order.
    pub(super) tries: Vec<Try>,
    /// Prompt tokens, cached ones included.
    pub(super) input: Option<u64>,
    /// Answer tokens.
    pub(super) output: Option<u64>,
    /// What it cost; `None` when unpriced.
    pub(super) usd: Option<Nano>,
    /// From arrival to the last byte, in ms.
    pub(super) ms: Option<u64>,
}

impl Line {
    /// Reads a line; `None` when it is not JSON.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let line = Json::from_bytes(text).ok()?;
        let text = |path: &[&str]| line.at(path).and_then(Json::as_str).map(std::borrow::Cow::into_owned);
        let number = |path: &[&str]| line.at(path).and_then(Json::as_u64);
        let target = |at: Json<'_>| Some(format!("{}/{}", at.get("provider")?.as_str()?, at.get("model")?.as_str()?));
        let one = |at: Json<'_>| Some(Try { target: target(at)?, outcome: at.get("outcome")?.as_str()?.into_owned() });
        let prompt = ["input", "cache_read", "cache_write"].map(|bucket| number(&["usage", bucket]));
        Some(Self {
            asked: text(&["asked"]).unwrap_or_default(),
            dialect: text(&["dialect"]).unwrap_or_default(),
            stream: line.get("stream").and_then(Json::as_bool).unwrap_or(false),
            status: text(&["status"])?,
            error: text(&["error", "kind"]),
            served: line.get("served").and_then(target),
            why: text(&["decision", "why"]).unwrap_or_default(),
            tries: line.get("attempts").into_iter().flat_map(Json::items).filter_map(one).collect(),
            input: prompt.iter().flatten().copied().reduce(u64::saturating_add),
            output: number(&["usage", "output"]),
            usd: text(&["cost", "usd"]).and_then(|usd| usd.parse().ok()),
            ms: number(&["latency", "total_ms"]),
        })
    }
}
