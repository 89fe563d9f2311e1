//! What one answer used: a quantity per billing unit, in disjoint buckets, with its source.
//!
//! Providers count in two conventions (cached tokens inside the input, or beside it). Each dialect
//! turns its own into these buckets, and one function in `policy` prices them. A quantity that nobody
//! reported is `None`, never 0.

use std::fmt;

/// A thing that is counted and may have a price. Token units are disjoint: `Input` excludes everything
/// read from or written to a prompt cache. [`Unit::Reasoning`] is the one exception: it is the part of
/// `Output` spent on reasoning, shown beside it and never added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Unit {
    /// Prompt tokens that no cache took part in.
    Input,
    /// Prompt tokens read from a prompt cache.
    CacheRead,
    /// Prompt tokens written to a prompt cache, lifetime not told apart by the provider.
    CacheWrite,
    /// Prompt tokens written to a cache that lives five minutes (Anthropic `ephemeral_5m`).
    CacheWrite5m,
    /// Prompt tokens written to a cache that lives one hour (Anthropic `ephemeral_1h`).
    CacheWrite1h,
    /// Completion tokens, reasoning included.
    Output,
    /// The part of `Output` spent on reasoning. Not added to any sum.
    Reasoning,
    /// Audio tokens heard; not part of `Input`.
    AudioIn,
    /// Audio tokens spoken; not part of `Output`.
    AudioOut,
    /// Image tokens seen, where priced apart from text; not part of `Input`.
    ImageIn,
    /// Image tokens drawn, or images where the provider counts those.
    ImageOut,
    /// Calls, where the provider charges per call.
    Request,
    /// Server-side web searches.
    Search,
    /// Seconds of audio or video.
    Second,
    /// Pages of a document.
    Page,
    /// Characters of text.
    Character,
}

impl Unit {
    /// Every unit, in the order of the ledger.
    pub const ALL: [Unit; 16] = [
        Unit::Input,
        Unit::CacheRead,
        Unit::CacheWrite,
        Unit::CacheWrite5m,
        Unit::CacheWrite1h,
        Unit::Output,
        Unit::Reasoning,
        Unit::AudioIn,
        Unit::AudioOut,
        Unit::ImageIn,
        Unit::ImageOut,
        Unit::Request,
        Unit::Search,
        Unit::Second,
        Unit::Page,
        Unit::Character,
    ];

    /// The unit's name in ledger lines, price sheets and reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Input => "input",
            Unit::CacheRead => "cache_read",
            Unit::CacheWrite => "cache_write",
            Unit::CacheWrite5m => "cache_write_5m",
            Unit::CacheWrite1h => "cache_write_1h",
            Unit::Output => "output",
            Unit::Reasoning => "reasoning",
            Unit::AudioIn => "audio_in",
            Unit::AudioOut => "audio_out",
            Unit::ImageIn => "image_in",
            Unit::ImageOut => "image_out",
            Unit::Request => "request",
            Unit::Search => "search",
            Unit::Second => "second",
            Unit::Page => "page",
            Unit::Character => "character",
        }
    }

    /// The unit of a name, `None` for a word that is no unit.
    #[must_use]
    pub fn parse(name: &str) -> Option<Unit> {
        Unit::ALL.into_iter().find(|unit| unit.name() == name)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the quantities come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Source {
    /// The provider reported usage; a bucket it did not mention is 0.
    Reported,
    /// Nothing was reported: counted from the text.
    Estimated,
    /// The provider reported some and the answer ended before the rest.
    Partial,
    /// Nothing was reported and nothing can be counted.
    #[default]
    Unknown,
}

impl Source {
    /// The word in the ledger line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Source::Reported => "reported",
            Source::Estimated => "estimated",
            Source::Partial => "partial",
            Source::Unknown => "unknown",
        }
    }
}

/// Quantities by unit, their source, and what was odd about them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    counts: [Option<u64>; Unit::ALL.len()],
    /// Where the quantities come from.
    pub source: Source,
    /// Deviations of this provider from its own convention, each a short sentence.
    pub notes: Vec<String>,
    /// The provider's own usage object, as it came.
    pub raw: Option<Box<str>>,
    /// Cost in USD that the provider itself reported, as the decimal it wrote.
    pub reported_usd: Option<Box<str>>,
    /// The service tier the provider says it served (`flex`, `priority`, `batch`, …).
    pub tier: Option<Box<str>>,
}

impl Usage {
    /// No quantity known.
    #[must_use]
    pub fn unknown() -> Self {
        Self::default()
    }

    /// The quantity of a unit, `None` when nobody said.
    #[must_use]
    pub fn get(&self, unit: Unit) -> Option<u64> {
        self.counts.get(unit as usize).copied().flatten()
    }

    /// Sets the quantity of a unit.
    pub fn set(&mut self, unit: Unit, quantity: u64) {
        if let Some(slot) = self.counts.get_mut(unit as usize) {
            *slot = Some(quantity);
        }
    }

    /// Sets a quantity, or clears it.
    pub fn put(&mut self, unit: Unit, quantity: Option<u64>) {
        if let Some(slot) = self.counts.get_mut(unit as usize) {
            *slot = quantity;
        }
    }

    /// The same with a quantity set; for building values in one expression.
    #[must_use]
    pub fn with(mut self, unit: Unit, quantity: u64) -> Self {
        self.set(unit, quantity);
        self
    }

    /// Units with a known quantity, in the ledger's order.
    pub fn iter(&self) -> impl Iterator<Item = (Unit, u64)> + '_ {
        Unit::ALL.into_iter().filter_map(|unit| Some((unit, self.get(unit)?)))
    }

    /// True when no quantity is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(Option::is_none)
    }

    /// Everything the model read, in tokens: input, cache reads and writes, audio and images.
    /// Context tiers of prices compare with this.
    #[must_use]
    pub fn prompt_tokens(&self) -> u64 {
        [
            Unit::Input,
            Unit::CacheRead,
            Unit::CacheWrite,
            Unit::CacheWrite5m,
            Unit::CacheWrite1h,
            Unit::AudioIn,
            Unit::ImageIn,
        ]
        .into_iter()
        .filter_map(|unit| self.get(unit))
        .fold(0, u64::saturating_add)
    }

    /// Everything written to a prompt cache, whatever its lifetime, in tokens.
    #[must_use]
    pub fn cache_writes(&self) -> u64 {
        [Unit::CacheWrite, Unit::CacheWrite5m, Unit::CacheWrite1h]
            .into_iter()
            .filter_map(|unit| self.get(unit))
            .fold(0, u64::saturating_add)
    }

    /// Everything the model wrote, in tokens.
    #[must_use]
    pub fn completion_tokens(&self) -> u64 {
        [Unit::Output, Unit::AudioOut].into_iter().filter_map(|unit| self.get(unit)).fold(0, u64::saturating_add)
    }
}
