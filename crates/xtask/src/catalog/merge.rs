//! One offer from three voices: two of three win, and every other decision is written down.

use std::collections::{BTreeMap, BTreeSet};

use dialect::usage::Unit;
use jiff::Timestamp;
use policy::catalog::{Confidence, Entry, Modality, Mode};
use policy::money::Femto;
use policy::price::sheet::{Asked, Rates, Row, Sheet, Step};

use super::facts::{self, Windows};
use super::{Listing, Offers, genai};

/// The merged offers and what had to be decided.
pub(crate) struct Merged {
    pub(crate) offers: BTreeMap<(String, String), Entry>,
    pub(crate) report: Report,
}

/// What had to be decided.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) prices: Vec<Conflict>,
    pub(crate) limits: Vec<(String, Windows)>,
    /// Offers of which a source has only zeros.
    pub(crate) zeros: Vec<String>,
    /// Offers whose boundary is "from" where another source says "above".
    pub(crate) boundaries: Vec<String>,
    /// Offers with steps or tiers that only one source has.
    pub(crate) steps: Vec<(String, String)>,
    /// Offers that have dated prices.
    pub(crate) dated: Vec<String>,
    /// How many offers each pair of sources shares, and agrees on.
    pub(crate) counts: BTreeMap<&'static str, (usize, usize)>,
}

/// A contradiction about a price.
pub(crate) struct Conflict {
    pub(crate) offer: String,
    /// LiteLLM, genai-prices, models.dev: `input/output · cache read`.
    pub(crate) voices: [String; 3],
    pub(crate) chosen: &'static str,
    pub(crate) why: &'static str,
}

/// What the sources have on one offer.
struct Voices<'a> {
    provider: &'a str,
    id: &'a str,
    now: Timestamp,
    litellm: Option<&'a Listing>,
    genai: Option<&'a genai::Model>,
    modelsdev: Option<&'a Listing>,
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

fn moment(date: &str) -> Result<Timestamp, String> {
    let date: jiff::civil::Date = date.parse().map_err(|error| format!("{date}: {error}"))?;
    // Noon of a day: no boundary of a day or a peak hour decides which price is current.
    date.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|e| e.to_string())
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
    fn rates(&self, rows: &[Row]) -> Option<Rates> {
        let sheet = Sheet { rows: rows.to_vec(), ..Sheet::default() };
        let (_, row) = sheet.row(self.now, Asked::default(), 0)?;
        Some(row.rates.clone())
    }

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

    /// The id or the provider stands for a region.
    fn regional(&self) -> bool {
        let geo = ["us.", "eu.", "au.", "jp.", "apac.", "us-gov.", "ca.", "global."];
        self.provider == "bedrock" && geo.iter().any(|geo| self.id.starts_with(geo))
    }

    fn recently_dated(&self) -> bool {
        let span = jiff::SignedDuration::from_hours(24 * 180);
        let since = self.now.checked_sub(span).unwrap_or(Timestamp::MIN);
        let rows = self.genai.map_or(&[][..], |model| &model.rows);
        rows.iter().any(|row| row.tier.is_none() && row.from.is_some_and(|from| from > since && from <= self.now))
    }

    /// LiteLLM's rows with what only genai-prices has: history, one-hour writes, tiers, fees of searches.
    fn enriched(&self, name: &str, rows_l: &[Row], rows_g: &[Row], rows_m: &[Row], report: &mut Report) -> Vec<Row> {
        let mut rows = rows_l.to_vec();
        let agreed = self.rates(rows_l).zip(self.rates(rows_g)).is_some_and(|(l, g)| same(&l, &g));
        let steps = |rows: &[Row]| rows.iter().any(|row| row.prompt.is_some() && row.tier.is_none());
        if agreed {
            self.boundaries(name, &mut rows, rows_g, report);
            self.filled(&mut rows, rows_g);
            self.tiers(&mut rows, rows_g);
        }
        if agreed && steps(rows_g) && !steps(rows_l) {
            let also = steps(rows_m) || rows_m.is_empty();
            let current = |row: &&Row| row.prompt.is_some() && row.tier.is_none() && row.to.is_none();
            let taken: Vec<Row> = rows_g.iter().filter(current).cloned().collect();
            if self.provider == "anthropic" {
                // The context window of one million tokens, priced apart, ended on that day for these models.
                let end = moment("2026-04-30")
                    .ok()
                    .and_then(|noon| noon.checked_sub(jiff::SignedDuration::from_hours(12)).ok());
                rows.extend(taken.into_iter().map(|row| Row { to: end, ..row }));
                report
                    .steps
                    .push((name.to_owned(), "genai-prices' step kept as history: retired on 2026-04-30".into()));
            } else if also {
                rows.extend(taken);
                report.steps.push((name.to_owned(), "context step from genai-prices; LiteLLM has none".into()));
            } else {
                report.steps.push((name.to_owned(), "genai-prices alone has a context step: left out".into()));
            }
        } else if agreed && steps(rows_l) && !rows_g.is_empty() && !steps(rows_g) {
            report.steps.push((name.to_owned(), "context step from LiteLLM; genai-prices has none".into()));
        }
        // Dated history holds for what was current: where hours move the price, that is the off-peak row.
        self.history(&mut rows, rows_g);
        rows
    }

    /// "From" wins over "above": the provider's table says which, and one source writes it exactly.
    fn boundaries(&self, name: &str, rows: &mut [Row], rows_g: &[Row], report: &mut Report) {
        for row in rows {
            let Some(Step::Above(tokens) | Step::From(tokens)) = row.prompt else { continue };
            let from = rows_g.iter().any(|other| other.prompt == Some(Step::From(tokens)));
            if from || self.provider == "xai" {
                row.prompt = Some(Step::From(tokens));
                report.boundaries.push(name.to_owned());
            }
        }
    }

    fn filled(&self, rows: &mut [Row], rows_g: &[Row]) {
        for row in rows.iter_mut().filter(|row| row.region.is_none() && row.hours.is_empty()) {
            let like = |other: &&Row| {
                other.tier == row.tier && other.prompt == row.prompt && other.to.is_none() && other.hours.is_empty()
            };
            let Some(other) = rows_g.iter().find(like) else { continue };
            for (unit, rate) in other.rates.iter().filter(|(_, rate)| rate.0 > 0) {
                row.rates.fill(unit, rate);
            }
        }
    }

    fn tiers(&self, rows: &mut Vec<Row>, rows_g: &[Row]) {
        let known: BTreeSet<Option<Box<str>>> = rows.iter().map(|row| row.tier.clone()).collect();
        rows.extend(rows_g.iter().filter(|row| row.tier.is_some() && !known.contains(&row.tier)).cloned());
    }

    fn history(&self, rows: &mut Vec<Row>, rows_g: &[Row]) {
        let standard = |row: &&Row| row.tier.is_none() && row.hours.is_empty();
        let eras: Vec<&Row> =
            rows_g.iter().filter(standard).filter(|row| row.from.is_some() || row.to.is_some()).collect();
        let Some(since) = eras.iter().filter(|row| row.to.is_none()).filter_map(|row| row.from).max() else { return };
        let last = eras.iter().find(|row| row.from == Some(since) && row.prompt.is_none());
        let hours = rows.iter().find(|row| !row.hours.is_empty()).cloned();
        let current = rows.iter().filter(|row| row.tier.is_none() && row.region.is_none() && row.prompt.is_none());
        // Only when the two agree on what holds now is the older price believed too.
        let agreed = last.is_some_and(|last| current.into_iter().any(|row| same(&row.rates, &last.rates)));
        if !agreed || since > self.now {
            return;
        }
        for row in rows.iter_mut().filter(|row| row.tier.is_none() && row.region.is_none() && row.to.is_none()) {
            row.from = Some(since);
        }
        for era in eras.into_iter().filter(|row| row.to.is_some()) {
            let mut era = era.clone();
            if let (Some(hours), Some(_)) = (&hours, era.from) {
                era.hours.clone_from(&hours.hours);
            }
            rows.push(era);
        }
    }
}

/// Gives every row of a tier or a step the rates it needs: a tier that leaves a unit out takes the standard one's,
/// tier and step together take the dearer of the two where the source states nothing.
fn complete(rows: &mut Vec<Row>) {
    let open = |row: &&Row| row.region.is_none() && row.hours.is_empty() && row.to.is_none();
    let named = |tier: bool, step: bool| {
        let kept = rows.iter().filter(open).filter(|row| row.tier.is_some() == tier && row.prompt.is_some() == step);
        kept.cloned().collect::<Vec<Row>>()
    };
    let (base, tiers, steps) = (named(false, false).pop().unwrap_or_default(), named(true, false), named(false, true));
    for tier in &tiers {
        for step in &steps {
            let known = rows.iter().any(|row| row.tier == tier.tier && row.prompt == step.prompt);
            if !known {
                rows.push(Row { prompt: step.prompt, rates: Rates::default(), ..tier.clone() });
            }
        }
    }
    for row in rows.iter_mut() {
        if !open(&&*row) || (row.tier.is_none() && row.prompt.is_none()) {
            continue;
        }
        let of_tier = tiers.iter().find(|tier| row.tier.is_some() && tier.tier == row.tier).map(|row| &row.rates);
        let of_step = steps.iter().find(|step| row.prompt.is_some() && step.prompt == row.prompt).map(|row| &row.rates);
        for unit in Unit::ALL {
            let rates = [of_tier, of_step].into_iter().flatten().filter_map(|rates| rates.get(unit));
            if let Some(rate) = rates.max().or(base.rates.get(unit)) {
                row.rates.fill(unit, rate);
            }
        }
    }
}

struct Decided {
    winner: usize,
    why: Option<&'static str>,
    confidence: Confidence,
}

/// True when the sources agree on every rate of text that both have.
fn same(one: &Rates, other: &Rates) -> bool {
    [Unit::Input, Unit::Output, Unit::CacheRead].into_iter().all(|unit| match (one.get(unit), other.get(unit)) {
        (Some(one), Some(other)) => one == other || (unit == Unit::CacheRead && (one.0 == 0 || other.0 == 0)),
        _ => true,
    })
}

/// `1.25/10 · 0.125`, a dash for what the source does not have.
fn shown(rates: Option<&Rates>) -> String {
    let Some(rates) = rates else { return "–".to_owned() };
    let rate = |unit| rates.get(unit).map_or_else(|| "–".to_owned(), |rate: Femto| rate.to_string());
    format!("{}/{} · {}", rate(Unit::Input), rate(Unit::Output), rate(Unit::CacheRead))
}
