//! One offer from three voices: two of three win, and every other decision is written down.

use std::collections::{BTreeMap, BTreeSet};

use dialect::usage::Unit;
use policy::catalog::{Confidence, Entry, Modality, Mode};
use policy::money::Femto;
use policy::price::sheet::{Rates, Row, Sheet};

use super::enrich::complete;
use super::facts;
use super::report::{Conflict, Report};
use super::voices::{Voices, moment, same};
use super::{Listing, Offers, genai};

/// The merged offers and what had to be decided.
pub(crate) struct Merged {
    pub(crate) offers: BTreeMap<(String, String), Entry>,
    pub(crate) report: Report,
}

/// Merges all offers. `date` is the day on which the sources were read.
pub(crate) fn merge(litellm: &Offers, genai: &genai::Models, modelsdev: &Offers, date: &str) -> Result<Merged, String> {
    let now = moment(date)?;
    let mut ids: BTreeSet<(String, String)> = litellm.keys().chain(modelsdev.keys()).cloned().collect();
    let mut aliases: BTreeMap<(String, String), String> = BTreeMap::new();
    for (provider, models) in genai {
        for model in models {
            let names = model.names();
            let known = |name: &String| ids.contains(&(provider.clone(), name.clone()));
            let Some(real) = names.iter().find(|name| known(name)).or(names.first()).cloned() else { continue };
            let whole_vendor = |name: &String| name.contains('/') && !real.contains('/');
            for name in names.iter().filter(|name| **name != real && !known(name) && !whole_vendor(name)) {
                let slot = (provider.clone(), name.clone());
                // Only when this rule is the first that holds for the name.
                if models.iter().find(|other| other.is(name)).is_some_and(|first| first.id == model.id) {
                    aliases.insert(slot, real.clone());
                }
            }
            ids.insert((provider.clone(), real));
        }
    }
    let mut merged = Merged { offers: BTreeMap::new(), report: Report::default() };
    for slot in ids {
        let (provider, id) = (&slot.0, &slot.1);
        let voices = Voices {
            provider,
            id,
            now,
            litellm: litellm.get(&slot),
            genai: genai.get(provider).and_then(|models| models.iter().find(|model| model.is(id))),
            modelsdev: modelsdev.get(&slot),
        };
        let entry = offer(&voices, &mut merged.report);
        merged.offers.insert(slot, entry);
    }
    for ((provider, name), real) in aliases {
        if merged.offers.get(&(provider.clone(), real.clone())).is_some_and(|entry| entry.alias.is_none()) {
            let alias = Entry { alias: Some(real.into()), ..Entry::default() };
            merged.offers.entry((provider, name)).or_insert(alias);
        }
    }
    Ok(merged)
}

fn offer(voices: &Voices<'_>, report: &mut Report) -> Entry {
    let name = format!("{}/{}", voices.provider, voices.id);
    let mode = voices.litellm.and_then(|listing| listing.mode).or(voices.modelsdev.and_then(|listing| listing.mode));
    let mode = mode.unwrap_or_else(|| guessed_mode(voices.id));
    let context = voices.genai.and_then(|model| model.context);
    let facts_of = |listing: Option<&'_ Listing>| listing.map(|listing| listing.facts.clone());
    let (l, m) = (facts_of(voices.litellm), facts_of(voices.modelsdev));
    let (facts, windows) = facts::merge(l.as_ref(), context, m.as_ref(), mode);
    report.limits.extend(windows.map(|windows| (name.clone(), windows)));
    for (source, listing) in [("LiteLLM", voices.litellm), ("models.dev", voices.modelsdev)] {
        if listing.is_some_and(|listing| listing.zero) {
            report.zeros.push(format!("{name} ({source})"));
        }
        if listing.is_some_and(|listing| listing.dear) {
            report.dear.push(format!("{name} ({source})"));
        }
    }
    let (mut sheet, confidence) = voices.sheet(&name, report);
    if matches!(mode, Mode::Chat | Mode::Responses) {
        let priced = |unit| sheet.rows.iter().any(|row| row.rates.get(unit).is_some());
        let mut plain = Vec::new();
        if facts.input.contains(&Modality::Image) && !priced(Unit::ImageIn) {
            plain.push(Unit::ImageIn);
        }
        // genai-prices counts what has no rate of its own as the plain unit; LiteLLM does not say.
        let heard = facts.input.contains(&Modality::Audio) && voices.genai.is_some();
        if heard && !priced(Unit::AudioIn) {
            plain.push(Unit::AudioIn);
        }
        plain.extend(
            voices.litellm.iter().flat_map(|listing| listing.sheet.plain.iter()).filter(|unit| !priced(**unit)),
        );
        plain.sort();
        plain.dedup();
        if !sheet.rows.is_empty() {
            sheet.plain = plain;
        }
    }
    if sheet.rows.iter().any(|row| row.from.is_some() || row.to.is_some()) {
        report.dated.push(name);
    }
    let has = |yes: bool, letter: &'static str| if yes { letter } else { "" };
    let sources =
        [has(voices.litellm.is_some(), "l"), has(voices.genai.is_some(), "g"), has(voices.modelsdev.is_some(), "m")];
    Entry { alias: None, mode, facts, sheet, confidence, sources: sources.concat().into() }
}

fn guessed_mode(id: &str) -> Mode {
    let id = id.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| id.contains(part));
    match () {
        () if has(&["rerank"]) => Mode::Rerank,
        () if has(&["embed", "voyage", "-bge-", "/bge-", "-gte-"]) => Mode::Embedding,
        () if has(&["whisper", "transcribe"]) => Mode::Transcription,
        () if has(&["tts", "orpheus"]) => Mode::Speech,
        () if has(&["moderation"]) => Mode::Moderation,
        () if has(&["ocr"]) => Mode::Ocr,
        () if has(&["realtime"]) => Mode::Realtime,
        () => Mode::Chat,
    }
}

impl Voices<'_> {
    /// The sheet, and how far it can be trusted.
    fn sheet(&self, name: &str, report: &mut Report) -> (Sheet, Confidence) {
        let rows_l = self.litellm.map_or(&[][..], |listing| &listing.sheet.rows);
        let rows_g = self.genai.map_or(&[][..], |model| &model.rows);
        let rows_m = self.modelsdev.map_or(&[][..], |listing| &listing.sheet.rows);
        let rates = [self.rates(rows_l), self.rates(rows_g), self.rates(rows_m)];
        let [l, g, m] = &rates;
        let pairs =
            [("LiteLLM, genai-prices", l, g), ("LiteLLM, models.dev", l, m), ("genai-prices, models.dev", g, m)];
        for (pair, one, other) in pairs {
            if let (Some(one), Some(other)) = (one, other) {
                let count = report.counts.entry(pair).or_default();
                count.0 += 1;
                count.1 += usize::from(same(one, other));
            }
        }
        let decided = self.decide(&rates, rows_l);
        if let Some(why) = decided.why {
            report.prices.push(Conflict {
                offer: name.to_owned(),
                voices: [shown(l.as_ref()), shown(g.as_ref()), shown(m.as_ref())],
                chosen: ["LiteLLM", "genai-prices", "models.dev"][decided.winner],
                why,
            });
        }
        let uplift = self.litellm.map(|listing| listing.sheet.uplift.clone()).unwrap_or_default();
        let mut rows = match decided.winner {
            0 => self.enriched(name, rows_l, rows_g, rows_m, report),
            1 => rows_g.to_vec(),
            _ => rows_m.to_vec(),
        };
        if decided.winner != 0 && rates[0].is_none() {
            rows.extend(rows_l.iter().filter(|row| row.region.is_some()).cloned());
        }
        complete(&mut rows);
        // What is not a token costs the same in every tier, region and hour unless a row says otherwise.
        let standard = rows.iter().find(|row| row.tier.is_none() && row.prompt.is_none() && row.to.is_none());
        let standard = standard.map(|row| row.rates.clone()).unwrap_or_default();
        for unit in [Unit::Request, Unit::Search, Unit::Second, Unit::Page, Unit::Character] {
            if let Some(rate) = standard.get(unit) {
                rows.iter_mut().for_each(|row| row.rates.fill(unit, rate));
            }
        }
        (Sheet { rows, uplift, ..Sheet::default() }, decided.confidence)
    }

    fn decide(&self, rates: &[Option<Rates>; 3], rows_l: &[Row]) -> Decided {
        let [l, g, m] = rates;
        let decided = |winner, why, confidence| Decided { winner, why, confidence };
        let agree = |one: &Option<Rates>, other: &Option<Rates>| match (one, other) {
            (Some(one), Some(other)) => Some(same(one, other)),
            _ => None,
        };
        let (lg, lm, gm) = (agree(l, g), agree(l, m), agree(g, m));
        let hours = rows_l.iter().any(|row| !row.hours.is_empty());
        let free = |rates: &Rates| {
            let text = [rates.get(Unit::Input), rates.get(Unit::Output)];
            text.into_iter().flatten().all(|rate| rate.0 == 0)
        };
        if l.as_ref().is_some_and(free) && g.as_ref().is_some_and(|g| !free(g)) {
            return decided(1, Some("0 is a placeholder where another source has a price"), Confidence::Low);
        }
        match (lg, lm, gm) {
            (None, None, None) => {
                let winner = rates.iter().position(Option::is_some).unwrap_or(0);
                decided(winner, None, Confidence::Medium)
            }
            (Some(false), _, _) | (_, Some(false), _) if hours => decided(
                0,
                Some(
                    "peak and off-peak hours by weekday: only LiteLLM has both; genai-prices has no weekday, models.dev no hours",
                ),
                Confidence::Medium,
            ),
            (Some(true), Some(true) | None, _) | (None, Some(true), _) => decided(0, None, Confidence::High),
            (Some(true), Some(false), _) => decided(0, Some("two of three"), Confidence::Medium),
            (Some(false), Some(true), _) => decided(0, Some("two of three"), Confidence::Medium),
            (Some(false), _, Some(true)) if self.regional() => decided(
                0,
                Some("the id names a region whose own price LiteLLM has; the others match by the model"),
                Confidence::Medium,
            ),
            (Some(false), _, Some(true)) => decided(1, Some("two of three"), Confidence::Medium),
            (None, None, Some(true)) => decided(1, None, Confidence::High),
            (None, None, Some(false)) => {
                decided(1, Some("two voices; genai-prices has exact decimals and dates"), Confidence::Low)
            }
            (Some(false) | None, Some(false), _) | (Some(false), None, _) if self.regional() => {
                decided(0, Some("the id names a region whose own price LiteLLM has"), Confidence::Medium)
            }
            (Some(false), _, _) if self.provider == "databricks" => {
                decided(1, Some("LiteLLM converts from Databricks units and keeps the rounding"), Confidence::Medium)
            }
            (Some(false), _, _) if self.recently_dated() => {
                decided(1, Some("genai-prices dates its change within 180 days"), Confidence::Low)
            }
            _ => decided(0, Some("no majority; LiteLLM names its source page"), Confidence::Low),
        }
    }
}

struct Decided {
    winner: usize,
    why: Option<&'static str>,
    confidence: Confidence,
}

/// `1.25/10 · 0.125`, a dash for what the source does not have.
fn shown(rates: Option<&Rates>) -> String {
    let Some(rates) = rates else { return "–".to_owned() };
    let rate = |unit| rates.get(unit).map_or_else(|| "–".to_owned(), |rate: Femto| rate.to_string());
    format!("{}/{} · {}", rate(Unit::Input), rate(Unit::Output), rate(Unit::CacheRead))
}
