//! Reads the derivative of models.dev: facts first, prices as the third voice.

use std::collections::BTreeMap;

use dialect::usage::Unit;
use policy::catalog::{Facts, Modality, Mode, Reasoning};
use policy::price::sheet::{Rates, Row, Step};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Listing, Offers, decimal, rows};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Model {
    id: String,
    name: Option<String>,
    reasoning: Option<bool>,
    #[serde(default)]
    input: Vec<String>,
    #[serde(default)]
    output: Vec<String>,
    cost: Cost,
    context_window: Option<u64>,
    max_tokens: Option<u64>,
    thinking_level_map: Option<BTreeMap<String, Option<String>>>,
    #[serde(default)]
    compat: Compat,
    api: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Compat {
    supports_strict_mode: Option<bool>,
    force_adaptive_thinking: bool,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Cost {
    input: Option<Box<RawValue>>,
    output: Option<Box<RawValue>>,
    cache_read: Option<Box<RawValue>>,
    cache_write: Option<Box<RawValue>>,
    tiers: Vec<Tier>,
}

/// `inputTokensAbove` and rates.
type Tier = BTreeMap<String, Box<RawValue>>;

/// Offers by row and wire id.
pub(crate) fn read(text: &str) -> Result<Offers, String> {
    let providers: BTreeMap<String, BTreeMap<String, Box<RawValue>>> =
        serde_json::from_str(text).map_err(|error| format!("modelsdev_piai.json: {error}"))?;
    let mut offers = Offers::new();
    for (provider, models) in providers {
        let Some(row) = rows::modelsdev(&provider) else { continue };
        for raw in models.values() {
            let model: Model = serde_json::from_str(raw.get())
                .map_err(|error| format!("modelsdev_piai.json: {provider}: {error}: {}", raw.get()))?;
            if model.kind != "classifier" {
                offers.insert((row.to_owned(), model.id.clone()), listing(&model, row));
            }
        }
    }
    Ok(offers)
}

fn listing(model: &Model, provider: &str) -> Listing {
    let free = model.id.contains("free");
    let read = |raw: &Option<Box<RawValue>>| decimal::rate(raw.as_ref()?.get(), 0);
    let mut rates = Rates::default();
    for (unit, raw) in [
        (Unit::Input, &model.cost.input),
        (Unit::Output, &model.cost.output),
        (Unit::CacheRead, &model.cost.cache_read),
        (Unit::CacheWrite, &model.cost.cache_write),
    ] {
        // The source writes 0 for a cache price it does not know.
        let cache = matches!(unit, Unit::CacheRead | Unit::CacheWrite);
        if let Some(rate) = read(raw).filter(|rate| rate.0 > 0 || !cache) {
            rates.set(unit, rate);
        }
    }
    let mode = (model.kind == "image").then_some(Mode::Image);
    let mut listing = Listing { mode, facts: facts(model, provider), ..Listing::default() };
    listing.zero = rates.iter().all(|(_, rate)| rate.0 == 0);
    if listing.zero && !free {
        return listing;
    }
    for tier in &model.cost.tiers {
        let Some(tokens) = tier.get("inputTokensAbove").and_then(|raw| raw.get().parse().ok()) else { continue };
        let mut step = rates.clone();
        for (key, raw) in tier {
            let unit = match key.as_str() {
                "input" => Unit::Input,
                "output" => Unit::Output,
                "cacheRead" => Unit::CacheRead,
                "cacheWrite" => Unit::CacheWrite,
                _ => continue,
            };
            if let Some(rate) = decimal::rate(raw.get(), 0).filter(|rate| rate.0 > 0) {
                step.set(unit, rate);
            }
        }
        let prompt = Some(if provider == "xai" { Step::From(tokens) } else { Step::Above(tokens) });
        listing.sheet.rows.push(Row { prompt, rates: step, ..Row::default() });
    }
    listing.sheet.rows.insert(0, Row { rates, ..Row::default() });
    listing
}

fn facts(model: &Model, provider: &str) -> Facts {
    let modalities = |words: &[String]| words.iter().filter_map(|word| modality(word)).collect();
    Facts {
        name: model.name.as_deref().map(Into::into),
        context: model.context_window.filter(|tokens| *tokens > 0),
        max_output: model.max_tokens.filter(|tokens| *tokens > 0),
        input: modalities(&model.input),
        output: modalities(&model.output),
        structured: model.compat.supports_strict_mode.filter(|strict| *strict),
        reasoning: model.reasoning.map(|reasons| reasoning(model, provider, reasons)),
        ..Facts::default()
    }
}

/// Levels that the map does not mention are the usual ones; `xhigh` and `max` exist only where mentioned.
fn reasoning(model: &Model, provider: &str, reasons: bool) -> Reasoning {
    if !reasons {
        return Reasoning::None;
    }
    let Some(map) = &model.thinking_level_map else {
        let budget = model.api.contains("anthropic") || model.id.contains("gemini-2.5");
        return match (budget && !model.compat.force_adaptive_thinking, provider) {
            (true, _) => Reasoning::Budget,
            (false, "openai") => Reasoning::Efforts(["low", "medium", "high"].map(Into::into).to_vec()),
            (false, _) => Reasoning::Toggle,
        };
    };
    let mut levels: Vec<Box<str>> = Vec::new();
    for level in ["off", "minimal", "low", "medium", "high", "xhigh", "max"] {
        let word = match map.get(level) {
            Some(None) => continue,
            Some(Some(word)) => word.as_str(),
            None if matches!(level, "low" | "medium" | "high") => level,
            None => continue,
        };
        if !levels.iter().any(|known| &**known == word) {
            levels.push(word.into());
        }
    }
    if levels.is_empty() { Reasoning::Toggle } else { Reasoning::Efforts(levels) }
}

fn modality(word: &str) -> Option<Modality> {
    Some(match word {
        "text" => Modality::Text,
        "image" => Modality::Image,
        "audio" => Modality::Audio,
        "video" => Modality::Video,
        "pdf" => Modality::Pdf,
        _ => return None,
    })
}
