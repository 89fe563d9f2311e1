//! Reads LiteLLM's price map: USD per unit in keys of the form `bucket[_above_Nk_tokens][_tier]`.

use std::collections::BTreeMap;

use dialect::usage::Unit;
use policy::catalog::{Facts, Modality, Mode, Reasoning};
use policy::money::{Femto, Percent};
use policy::price::sheet::{Rates, Row, Step, Window};
use serde_json::value::RawValue;

use super::{Listing, Offers, decimal, rows};

type Fields = BTreeMap<String, Box<RawValue>>;
type Tiered = BTreeMap<(Option<Box<str>>, Option<u64>), Rates>;

/// A thousand dollars for a million tokens of text: a price per thousand written as one per token.
const IMPLAUSIBLE: Femto = Femto(1_000_000_000_000_000_000);

/// Tiers by the ending of their keys.
const TIERS: [(&str, &str); 6] = [
    ("_batches", "batch"),
    ("_flex", "flex"),
    ("_priority", "priority"),
    ("_balanced", "balanced"),
    ("_ultrafast", "ultrafast"),
    ("_decisions", "decisions"),
];

/// Offers by row and wire id, and how many numbers carried floating point noise.
pub(crate) fn read(text: &str) -> Result<(Offers, usize), String> {
    let entries: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(text).map_err(|error| format!("litellm_prices.json: {error}"))?;
    let mut placed: Vec<(rows::Place, String, Fields)> = Vec::new();
    let mut noisy = 0;
    for (key, raw) in entries {
        let Ok(fields) = serde_json::from_str::<Fields>(raw.get()) else { continue };
        let Some(place) = word(&fields, "litellm_provider").and_then(|provider| rows::litellm(&key, &provider)) else {
            continue;
        };
        if mode(&fields).is_some() {
            noisy += fields.iter().filter(|(name, raw)| name.contains("cost") && decimal::noisy(raw.get())).count();
            placed.push((place, key, fields));
        }
    }
    placed.sort_by(|(one, key, _), (other, other_key, _)| {
        (one.region.is_some(), one.order, key).cmp(&(other.region.is_some(), other.order, other_key))
    });
    let mut offers = Offers::new();
    for (place, _, fields) in placed {
        let slot = (place.provider.to_owned(), place.id);
        match (place.region, offers.get_mut(&slot)) {
            (None, None) => {
                offers.insert(slot, listing(&fields, place.provider));
            }
            (None, Some(known)) => add_door(known, listing(&fields, place.provider)),
            (Some(region), Some(known)) => add_region(known, &region, &fields, place.provider),
            (Some(region), None) => {
                let mut only = listing(&fields, place.provider);
                only.sheet.rows.clear();
                add_region(&mut only, &region, &fields, place.provider);
                offers.insert(slot, only);
            }
        }
    }
    Ok((offers, noisy))
}

/// Another key of the same offer: its tiers are taken where it asks the same standard price.
fn add_door(known: &mut Listing, other: Listing) {
    if known.zero {
        *known = other;
        return;
    }
    let standard = |listing: &Listing| listing.sheet.rows.iter().find(|row| plain(row)).map(|row| row.rates.clone());
    let text = |rates: Option<Rates>| rates.map(|rates| (rates.get(Unit::Input), rates.get(Unit::Output)));
    if text(standard(known)) == text(standard(&other)) {
        for row in other.sheet.rows {
            if !known.sheet.rows.iter().any(|known| known.tier == row.tier && known.prompt == row.prompt) {
                known.sheet.rows.push(row);
            }
        }
    }
}

fn plain(row: &Row) -> bool {
    row.tier.is_none() && row.prompt.is_none() && row.region.is_none() && row.hours.is_empty()
}

fn add_region(known: &mut Listing, region: &str, fields: &Fields, provider: &str) {
    if known.sheet.rows.iter().any(|row| row.region.as_deref() == Some(region)) {
        return;
    }
    let regional = listing(fields, provider).sheet.rows;
    let bare = |row: &Row| Row { region: None, ..row.clone() };
    for row in regional {
        // A region that costs what every other does needs no row.
        if !known.sheet.rows.iter().any(|known| bare(known) == row && known.region.is_none()) {
            known.sheet.rows.push(Row { region: Some(region.into()), ..row });
        }
    }
}

fn listing(fields: &Fields, provider: &str) -> Listing {
    let mode = mode(fields).unwrap_or_default();
    let mut listing = Listing { mode: Some(mode), facts: facts(fields, mode), ..Listing::default() };
    let tiered = tiered(fields, mode);
    let nothing = tiered.values().all(|rates| rates.iter().all(|(_, rate)| rate.0 == 0));
    listing.zero = nothing && !tiered.is_empty();
    let text = [Unit::Input, Unit::Output, Unit::CacheRead];
    let mut rates = tiered.values().flat_map(|rates| text.iter().filter_map(|unit| rates.get(*unit)));
    listing.dear = rates.any(|rate| rate > IMPLAUSIBLE);
    if nothing || listing.dear {
        return listing;
    }
    (listing.sheet.rows, listing.sheet.plain) = stated(tiered, provider);
    if let Some(row) = off_peak(fields, &listing.sheet.rows) {
        listing.sheet.rows.push(row);
    }
    for (key, region) in [
        ("regional_processing_uplift_multiplier_eu", "eu"),
        ("regional_processing_uplift_multiplier_us", "us"),
        ("regional_endpoint_uplift_multiplier", "regional"),
    ] {
        if let Some(factor) = fields.get(key).and_then(|raw| Percent::from_factor(raw.get()).ok()) {
            listing.sheet.uplift.insert(region.into(), factor);
        }
    }
    own_factors(fields, &mut listing);
    listing
}

/// Anthropic's factors: `us` for inference in the United States, `fast` for the fast mode.
fn own_factors(fields: &Fields, listing: &mut Listing) {
    let Some(raw) = fields.get("provider_specific_entry") else { return };
    let Ok(factors) = serde_json::from_str::<Fields>(raw.get()) else { return };
    let factor = |name: &str| Percent::from_factor(factors.get(name)?.get()).ok();
    if let Some(us) = factor("us") {
        listing.sheet.uplift.insert("us".into(), us);
    }
    if let Some(fast) = factor("fast") {
        let standard: Vec<Row> = listing.sheet.rows.iter().filter(|row| row.tier.is_none()).cloned().collect();
        for row in standard {
            let mut rates = Rates::default();
            for (unit, rate) in row.rates.iter() {
                let rate = if unit == Unit::Search { Some(rate) } else { rate.percent(fast) };
                rate.into_iter().for_each(|rate| rates.set(unit, rate));
            }
            listing.sheet.rows.push(Row { tier: Some("fast".into()), rates, ..row });
        }
    }
}

fn tiered(fields: &Fields, mode: Mode) -> Tiered {
    let mut tiered = Tiered::new();
    let mut put = |tier: Option<&str>, step: Option<u64>, unit: Unit, raw: &RawValue, overwrite: bool| {
        let Some(rate) = decimal::rate(raw.get(), 6) else { return };
        let rates = tiered.entry((tier.map(Into::into), step)).or_default();
        if overwrite { rates.set(unit, rate) } else { rates.fill(unit, rate) }
    };
    for (key, raw) in fields {
        let (tier, rest) = TIERS
            .iter()
            .find_map(|(ending, tier)| Some((Some(*tier), key.strip_suffix(ending)?)))
            .unwrap_or((None, key.as_str()));
        let (bucket, step) = context_step(rest);
        if let Some((unit, overwrite)) = unit(bucket, mode) {
            put(tier, step, unit, raw, overwrite);
        }
    }
    if let Some(raw) = fields.get("search_context_cost_per_query") {
        let sizes: Fields = serde_json::from_str(raw.get()).unwrap_or_default();
        if let Some(raw) = sizes.get("search_context_size_medium") {
            put(None, None, Unit::Search, raw, false);
        }
    }
    let steps: Vec<Fields> =
        fields.get("tiered_pricing").and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    for fields in steps {
        let range: Vec<f64> =
            fields.get("range").and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
        // A bound is a whole number of tokens that some entries write as 32000.0.
        let Some(low) = range.first().and_then(|low| format!("{low:.0}").parse::<u64>().ok()) else { continue };
        for (key, raw) in &fields {
            if let Some((unit, _)) = unit(key, mode) {
                put(None, (low > 0).then_some(low), unit, raw, true);
            }
        }
    }
    tiered
}

/// `input_cost_per_token_above_272k_tokens` is the bucket and 272,000.
fn context_step(key: &str) -> (&str, Option<u64>) {
    let step = || {
        let (bucket, above) = key.rsplit_once("_above_")?;
        let thousands: u64 = above.strip_suffix("k_tokens")?.parse().ok()?;
        Some((bucket, Some(thousands * 1000)))
    };
    step().unwrap_or((key, None))
}

/// The unit of a bucket, and whether it is the bucket's first name.
fn unit(bucket: &str, mode: Mode) -> Option<(Unit, bool)> {
    let conversation = matches!(mode, Mode::Chat | Mode::Responses | Mode::Completion | Mode::Realtime);
    Some(match bucket {
        "input_cost_per_token" => (Unit::Input, true),
        "output_cost_per_token" => (Unit::Output, true),
        "cache_read_input_token_cost" => (Unit::CacheRead, true),
        "input_cost_per_token_cache_hit" => (Unit::CacheRead, false),
        "cache_creation_input_token_cost" => (Unit::CacheWrite, true),
        // The "above" of a lifetime, not of a length.
        "cache_creation_input_token_cost_above_1hr" => (Unit::CacheWrite1h, true),
        "output_cost_per_reasoning_token" => (Unit::Reasoning, true),
        "input_cost_per_audio_token" => (Unit::AudioIn, true),
        "output_cost_per_audio_token" => (Unit::AudioOut, true),
        "input_cost_per_image_token" => (Unit::ImageIn, true),
        "output_cost_per_image_token" => (Unit::ImageOut, true),
        "output_cost_per_image" if mode == Mode::Image => (Unit::ImageOut, false),
        "input_cost_per_request" => (Unit::Request, true),
        "input_cost_per_query" if mode == Mode::Rerank => (Unit::Search, true),
        "input_cost_per_query" if !conversation => (Unit::Request, true),
        "input_cost_per_second" if mode == Mode::Transcription => (Unit::Second, true),
        "output_cost_per_second" if matches!(mode, Mode::Transcription | Mode::Speech) => (Unit::Second, false),
        "input_cost_per_character" if mode == Mode::Speech => (Unit::Character, true),
        "ocr_cost_per_page" => (Unit::Page, true),
        _ => return None,
    })
}

/// Rows as the source states them; `merge` completes them.
fn stated(tiered: Tiered, provider: &str) -> (Vec<Row>, Vec<Unit>) {
    let mut rows: Vec<Row> = Vec::new();
    for ((tier, step), rates) in tiered {
        let prompt = step.map(|tokens| if provider == "xai" { Step::From(tokens) } else { Step::Above(tokens) });
        rows.push(Row { tier, prompt, rates, ..Row::default() });
    }
    let apart = |unit, plain| {
        let differs = |row: &Row| row.rates.get(unit).is_some_and(|rate| Some(rate) != row.rates.get(plain));
        rows.iter().any(differs)
    };
    let pairs = [
        (Unit::Reasoning, Unit::Output),
        (Unit::AudioIn, Unit::Input),
        (Unit::ImageIn, Unit::Input),
        (Unit::AudioOut, Unit::Output),
        (Unit::ImageOut, Unit::Output),
    ];
    let named = |unit| rows.iter().any(|row| row.rates.get(unit).is_some());
    let merged: Vec<Unit> =
        pairs.into_iter().filter(|(unit, plain)| named(*unit) && !apart(*unit, *plain)).map(|(unit, _)| unit).collect();
    for row in &mut rows {
        // Priced like plain tokens wherever it is named: then it is plain in every tier and step.
        merged.iter().for_each(|unit| row.rates.remove(*unit));
        // Seconds and characters beside tokens are the same thing told twice.
        if row.rates.get(Unit::Input).is_some_and(|rate| rate.0 > 0) {
            [Unit::Second, Unit::Character].into_iter().for_each(|unit| row.rates.remove(unit));
        }
        // A write that costs nothing is a placeholder.
        if row.rates.get(Unit::CacheWrite).is_some_and(|rate| rate.0 == 0) {
            row.rates.remove(Unit::CacheWrite);
        }
    }
    rows.retain(|row| !row.rates.is_empty());
    let plain = merged.into_iter().filter(|unit| *unit != Unit::Reasoning).collect();
    (rows, plain)
}

/// The row of the cheaper hours; every rate it does not name is the standard one.
fn off_peak(fields: &Fields, rows: &[Row]) -> Option<Row> {
    #[derive(serde::Deserialize)]
    struct Hours {
        hours_utc: serde_json::Value,
        weekdays: Vec<u8>,
    }
    let inner: Fields = serde_json::from_str(fields.get("off_peak_pricing")?.get()).ok()?;
    let windows: Vec<Hours> = serde_json::from_str(inner.get("windows")?.get()).ok()?;
    let mut hours = Vec::new();
    for window in windows {
        let days: String = window.weekdays.iter().map(u8::to_string).collect();
        let texts: Vec<&str> = match &window.hours_utc {
            serde_json::Value::String(text) => vec![text],
            serde_json::Value::Array(texts) => texts.iter().filter_map(serde_json::Value::as_str).collect(),
            _ => return None,
        };
        for text in texts {
            hours.push(Window::parse(&format!("{days} {text}"))?);
        }
    }
    let mut rates = rows.iter().find(|row| row.tier.is_none() && row.prompt.is_none())?.rates.clone();
    for (key, raw) in &inner {
        if let (Some((unit, _)), Some(rate)) = (unit(key, Mode::Chat), decimal::rate(raw.get(), 6)) {
            rates.set(unit, rate);
        }
    }
    Some(Row { hours, rates, ..Row::default() })
}

fn mode(fields: &Fields) -> Option<Mode> {
    Some(match word(fields, "mode")?.as_str() {
        "chat" => Mode::Chat,
        "responses" => Mode::Responses,
        "completion" => Mode::Completion,
        "embedding" => Mode::Embedding,
        "rerank" => Mode::Rerank,
        "audio_transcription" => Mode::Transcription,
        "audio_speech" => Mode::Speech,
        "image_generation" | "image_edit" => Mode::Image,
        "moderation" => Mode::Moderation,
        "ocr" => Mode::Ocr,
        "realtime" => Mode::Realtime,
        _ => return None,
    })
}

fn facts(fields: &Fields, mode: Mode) -> Facts {
    let yes = |name: &str| fields.get(name).and_then(|raw| raw.get().parse::<bool>().ok());
    let whole = |name: &str| -> Option<u64> {
        let text = fields.get(name)?.get();
        text.strip_suffix(".0").unwrap_or(text).parse().ok().filter(|number| *number > 0)
    };
    let words = |name: &str| -> Vec<String> {
        fields.get(name).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    };
    let modalities = |name: &str| words(name).iter().filter_map(|word| modality(word)).collect::<Vec<_>>();
    let mut input = modalities("supported_modalities");
    for (flag, modality) in [
        ("supports_vision", Modality::Image),
        ("supports_audio_input", Modality::Audio),
        ("supports_video_input", Modality::Video),
        ("supports_pdf_input", Modality::Pdf),
    ] {
        if yes(flag) == Some(true) {
            input.push(modality);
        }
    }
    let mut output = modalities("supported_output_modalities");
    if yes("supports_audio_output") == Some(true) {
        output.push(Modality::Audio);
    }
    Facts {
        max_input: whole("max_input_tokens").or_else(|| whole("max_tokens").filter(|_| mode == Mode::Embedding)),
        max_output: whole("max_output_tokens"),
        input,
        output,
        tools: yes("supports_function_calling"),
        parallel_tools: yes("supports_parallel_function_calling"),
        structured: yes("supports_response_schema"),
        reasoning: reasoning(fields, yes("supports_reasoning"), &words("reasoning_effort_levels")),
        prompt_cache: yes("supports_prompt_caching"),
        prompt_cache_min: whole("prompt_cache_min_tokens"),
        sampling: yes("supports_sampling_params"),
        dimensions: whole("output_vector_size"),
        deprecated_on: word(fields, "deprecation_date").map(Into::into),
        ..Facts::default()
    }
}

fn reasoning(fields: &Fields, reasons: Option<bool>, levels: &[String]) -> Option<Reasoning> {
    if reasons == Some(false) {
        return Some(Reasoning::None);
    }
    if !levels.is_empty() {
        return Some(Reasoning::Efforts(levels.iter().map(|level| level.as_str().into()).collect()));
    }
    let says = |level: &str| fields.get(&format!("supports_{level}_reasoning_effort")).map(|raw| raw.get() == "true");
    if reasons == Some(true) && says("xhigh").is_some() {
        let named = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
        let usual = ["low", "medium", "high"];
        let takes = |level: &&str| says(level).unwrap_or_else(|| usual.contains(level));
        return Some(Reasoning::Efforts(named.into_iter().filter(takes).map(Into::into).collect()));
    }
    reasons.map(|_| Reasoning::Toggle)
}

fn modality(word: &str) -> Option<Modality> {
    Some(match word {
        "text" => Modality::Text,
        "image" => Modality::Image,
        "audio" => Modality::Audio,
        "video" => Modality::Video,
        "pdf" | "file" => Modality::Pdf,
        _ => return None,
    })
}

fn word(fields: &Fields, name: &str) -> Option<String> {
    serde_json::from_str(fields.get(name)?.get()).ok()
}
