//! The embedded catalogue: facts and prices of every model that a provider offers, found without parsing.
//!
//! One text, sorted by key, is part of the program: `provider/wire-id`, a tab, one JSON object. A lookup is a
//! binary search over the bytes and parses one line; nothing is kept in memory. Keys that start with `~` hold
//! facts of a model without its provider, for aggregators whose own offer is not known.

use serde::{Deserialize, Serialize};

use crate::price::sheet::Sheet;

mod names;

/// The catalogue that is part of the program.
static EMBEDDED: &str = include_str!("../../../catalog/catalog.tsv");

/// What a model is called for: the operation it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Conversation: chat completions, messages, generateContent.
    #[default]
    Chat,
    /// Conversation, only through OpenAI's Responses.
    Responses,
    /// Text continuation.
    Completion,
    /// Vectors.
    Embedding,
    /// Ordering of documents.
    Rerank,
    /// Speech to text.
    Transcription,
    /// Text to speech.
    Speech,
    /// Pictures from text, or from pictures.
    Image,
    /// Moderation.
    Moderation,
    /// Text from pages.
    Ocr,
    /// A live session.
    Realtime,
}

/// A kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Modality {
    /// Text.
    Text,
    /// Pictures.
    Image,
    /// Sound.
    Audio,
    /// Moving pictures.
    Video,
    /// PDF documents.
    Pdf,
}

/// How reasoning is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reasoning {
    /// The model does not reason, or nothing says so.
    None,
    /// It reasons; how that is controlled is not known, or on and off is all there is.
    Toggle,
    /// By level; those it takes, weakest first.
    Efforts(Vec<Box<str>>),
    /// By a number of tokens.
    Budget,
}

/// What is known of a model. A fact that no source states is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The name that people use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
    /// Tokens of the whole window, input and output together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<u64>,
    /// Most input tokens, where stated apart from the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_input: Option<u64>,
    /// Most output tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output: Option<u64>,
    /// What it takes; empty when no source says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<Modality>,
    /// What it gives; empty when no source says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<Modality>,
    /// Calls tools.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<bool>,
    /// Calls several tools at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel_tools: Option<bool>,
    /// Keeps to a JSON Schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub structured: Option<bool>,
    /// How reasoning is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Reasoning>,
    /// Has a prompt cache.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_cache: Option<bool>,
    /// Shortest prompt in tokens that is cached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_cache_min: Option<u64>,
    /// Takes `temperature`, `top_p` and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<bool>,
    /// Length of the vectors it gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions: Option<u64>,
    /// Day it is or was switched off, `2026-07-24`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated_on: Option<Box<str>>,
}

impl Facts {
    /// Longest prompt in tokens that can be sent: the stated input limit, else the window.
    #[must_use]
    pub fn input_limit(&self) -> Option<u64> {
        self.max_input.or(self.context)
    }
}

/// How far an answer can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The sources contradict each other, or the price is another offer's.
    Low,
    /// One source.
    #[default]
    Medium,
    /// Two or three sources agree.
    High,
}

/// A line of the catalogue as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The wire id of which this is another name; then everything else is empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<Box<str>>,
    /// The operation.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mode: Mode,
    /// Facts of the model as this provider serves it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub facts: Facts,
    /// Prices; no rows when no source has one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sheet: Sheet,
    /// Trust in the prices.
    #[serde(default, skip_serializing_if = "is_default")]
    pub confidence: Confidence,
    /// Which sources have this offer: `l` LiteLLM, `g` genai-prices, `m` models.dev.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sources: Box<str>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How an offer was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Found {
    /// The id itself.
    Exact,
    /// Another name of it in the catalogue.
    Alias,
    /// The id less a date, version or region that does not move the price.
    Undated,
    /// The offer of the vendor whose prices this cloud charges (Azure, Vertex).
    Vendor,
    /// Only facts of the model: this provider's price is not known, and its limits may be narrower.
    FactsOnly,
}

/// A model as a provider offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The provider's row.
    pub provider: Box<str>,
    /// The id in the catalogue, which may differ from the one asked for; see `found`.
    pub id: Box<str>,
    /// The model without provider, date and vendor prefix: equal for offers of one model.
    pub base: Box<str>,
    /// How it was found.
    pub found: Found,
    /// The operation.
    pub mode: Mode,
    /// What is known of it.
    pub facts: Facts,
    /// Its prices; `None` when they are not known.
    pub sheet: Option<Sheet>,
    /// Trust in the prices.
    pub confidence: Confidence,
}

/// A catalogue: text to be searched.
#[derive(Debug, Clone, Copy)]
pub struct Catalog<'a> {
    version: &'a str,
    providers: &'a str,
    /// Lines sorted by key, each ending in a newline.
    lines: &'a str,
}

impl Catalog<'static> {
    /// The catalogue that is part of the program.
    #[must_use]
    pub fn embedded() -> Self {
        Self::parse(EMBEDDED).unwrap_or(Self { version: "none", providers: "", lines: "" })
    }
}

impl<'a> Catalog<'a> {
    /// A catalogue in the text's form: a line `# tollgate catalogue VERSION`, a line `# providers: …`, then the
    /// sorted lines. `None` when the head is not that. Nothing else is checked or parsed.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (first, rest) = text.split_once('\n')?;
        let (second, lines) = rest.split_once('\n')?;
        let version = first.strip_prefix("# tollgate catalogue ")?;
        let providers = second.strip_prefix("# providers: ")?;
        Some(Self { version, providers, lines })
    }

    /// The version: the date of the sources and a hash of the contents.
    #[must_use]
    pub const fn version(self) -> &'a str {
        self.version
    }

    /// Provider rows that the catalogue has offers of.
    pub fn providers(self) -> impl Iterator<Item = &'a str> {
        self.providers.split(' ').filter(|name| !name.is_empty())
    }

    /// Every key and its JSON, in order; keys that start with `~` are facts of models.
    pub fn lines(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.lines.lines().filter_map(|line| line.split_once('\t'))
    }

    /// The model as the provider offers it. Tried in this order: the id itself or an alias; the id less dates
    /// and the like; the vendor's offer where a cloud charges the vendor's prices; facts alone.
    #[must_use]
    pub fn offer(self, provider: &str, wire_id: &str) -> Option<Offer> {
        for (nth, id) in names::spellings(provider, wire_id).into_iter().enumerate() {
            if let Some((id, entry, aliased)) = self.entry(provider, &id) {
                let found = match (nth, aliased) {
                    (0, false) => Found::Exact,
                    (0, true) => Found::Alias,
                    _ => Found::Undated,
                };
                return Some(offer(provider, id, entry, found));
            }
        }
        for (vendor, id) in names::vendors(provider, wire_id) {
            for id in names::spellings(vendor, &id) {
                if let Some((id, entry, _)) = self.entry(vendor, &id) {
                    return Some(offer(provider, id, entry, Found::Vendor));
                }
            }
        }
        let base = base(wire_id);
        let entry = self.parsed(&format!("~{base}"))?;
        Some(offer(provider, wire_id.to_owned(), Entry { sheet: Sheet::default(), ..entry }, Found::FactsOnly))
    }

    /// Wire ids that the provider offers, aliases left out, in order.
    pub fn models_of(self, provider: &str) -> impl Iterator<Item = &'a str> {
        let prefix = format!("{provider}/");
        let start = self.seek(&prefix);
        self.lines
            .get(start..)
            .unwrap_or_default()
            .lines()
            .map_while(move |line| line.strip_prefix(prefix.as_str()))
            .filter_map(|line| line.split_once('\t'))
            .filter(|(_, json)| !json.starts_with("{\"alias\""))
            .map(|(id, _)| id)
    }

    /// True when the provider itself offers the model, by id, alias or id less its date. Parses nothing.
    #[must_use]
    pub fn offers(self, provider: &str, id: &str) -> bool {
        names::spellings(provider, id).iter().any(|id| self.find(&format!("{provider}/{id}")).is_some())
    }

    /// Provider rows that offer a bare name themselves, by id, alias or id less its date; in the order of
    /// [`Catalog::providers`]. Clouds that only inherit a vendor's price and aggregators' guesses are left out.
    #[must_use]
    pub fn providers_offering(self, bare_name: &str) -> Vec<&'a str> {
        self.providers().filter(|provider| self.offers(provider, bare_name)).collect()
    }

    /// The model that a name means when no provider serves it here (`as: gpt-4o`): `provider/model`, else the
    /// offer of the first provider that has the bare name, labs first.
    #[must_use]
    pub fn named(self, name: &str) -> Option<Offer> {
        if let Some((provider, id)) = name.split_once('/')
            && self.providers().any(|known| known == provider)
        {
            return self.offer(provider, id);
        }
        self.offer(self.providers_offering(name).first()?, name)
    }

    /// Up to `n` names like this one, nearest first, for errors: `provider/model`, or bare when the name asked
    /// for has no slash.
    #[must_use]
    pub fn near(self, name: &str, n: usize) -> Vec<String> {
        let keys = self.lines().map(|(key, _)| key).filter(|key| !key.starts_with('~'));
        names::near(keys, name, n)
    }

    /// The entry of an id with its alias followed once, and whether there was one.
    fn entry(self, provider: &str, id: &str) -> Option<(String, Entry, bool)> {
        let entry = self.parsed(&format!("{provider}/{id}"))?;
        match entry.alias {
            None => Some((id.to_owned(), entry, false)),
            Some(real) => {
                let entry = self.parsed(&format!("{provider}/{real}")).filter(|entry| entry.alias.is_none())?;
                Some((real.into(), entry, true))
            }
        }
    }

    fn parsed(self, key: &str) -> Option<Entry> {
        serde_json::from_str(self.find(key)?).ok()
    }

    /// The JSON of a key.
    fn find(self, key: &str) -> Option<&'a str> {
        let rest = self.lines.get(self.seek(key)..)?;
        let json = rest.strip_prefix(key)?.strip_prefix('\t')?;
        Some(json.split_once('\n').map_or(json, |(json, _)| json))
    }

    /// The place of the first line whose key is not below this one.
    fn seek(self, key: &str) -> usize {
        let bytes = self.lines.as_bytes();
        let (mut low, mut high) = (0, bytes.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let start = bytes.get(low..middle).unwrap_or_default().iter().rposition(|byte| *byte == b'\n');
            let start = start.map_or(low, |newline| low + newline + 1);
            let line = bytes.get(start..).unwrap_or_default();
            let end = line.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |length| start + length + 1);
            let line_key = line.split(|byte| *byte == b'\t').next().unwrap_or_default();
            if line_key < key.as_bytes() { low = end } else { high = start }
        }
        low
    }
}

fn offer(provider: &str, id: impl Into<Box<str>>, entry: Entry, found: Found) -> Offer {
    let id = id.into();
    let base = base(&id);
    Offer {
        provider: provider.into(),
        base: base.into(),
        id,
        found,
        mode: entry.mode,
        facts: entry.facts,
        sheet: (!entry.sheet.is_empty()).then_some(entry.sheet),
        confidence: if matches!(found, Found::Vendor | Found::FactsOnly) { Confidence::Low } else { entry.confidence },
    }
}

pub use names::base;

/// Up to `n` of some names that are like the one asked for, nearest first.
#[must_use]
pub fn near_of<'k>(names: impl Iterator<Item = &'k str>, asked: &str, n: usize) -> Vec<String> {
    names::near(names, asked, n)
}

#[cfg(test)]
mod tests;
