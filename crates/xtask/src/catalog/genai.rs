//! Reads genai-prices: USD per million as exact decimals, with start dates, hours, steps and match rules.

use std::collections::BTreeMap;

use dialect::usage::Unit;
use jiff::Timestamp;
use policy::price::sheet::{Rates, Row, Step, Window};
use serde_json::Value;

use super::{decimal, rows};

/// A model and the rule by which its provider's ids are recognised.
pub(crate) struct Model {
    pub(crate) id: String,
    rule: Value,
    /// What ids end with at this provider.
    ending: String,
    pub(crate) rows: Vec<Row>,
    pub(crate) context: Option<u64>,
}

/// Models by our row, in the source's order: the first whose rule holds is meant.
pub(crate) type Models = BTreeMap<String, Vec<Model>>;

/// Reads the file.
pub(crate) fn read(text: &str) -> Result<Models, String> {
    let providers: Vec<Value> = serde_json::from_str(text).map_err(|error| format!("genai_prices.json: {error}"))?;
    let mut models = Models::new();
    for provider in &providers {
        let Some((row, ending)) = text_of(provider, "id").and_then(rows::genai) else { continue };
        for model in list(provider.get("models")) {
            let Some(id) = text_of(model, "id") else { continue };
            let mut rows = dated(model.get("prices"));
            rows.extend(variants(model));
            models.entry(row.to_owned()).or_default().push(Model {
                id: id.to_owned(),
                rule: model.get("match").cloned().unwrap_or(Value::Null),
                ending: ending.clone(),
                rows,
                context: model.get("context_window").and_then(Value::as_u64),
            });
        }
    }
    Ok(models)
}

impl Model {
    /// True when the rule holds for a wire id.
    pub(crate) fn is(&self, id: &str) -> bool {
        let Some(id) = id.strip_suffix(self.ending.as_str()) else { return false };
        holds(&self.rule, id) || holds(&self.rule, &id.to_ascii_lowercase())
    }

    /// Wire ids that the rule names in full.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        named(&self.rule, &mut names);
        if holds(&self.rule, &self.id) || holds(&self.rule, &self.id.to_ascii_lowercase()) {
            names.retain(|name| *name != self.id);
            names.insert(0, self.id.clone());
        }
        names.into_iter().map(|name| name + &self.ending).collect()
    }
}

fn named(rule: &Value, names: &mut Vec<String>) {
    if let Some(name) = text_of(rule, "equals") {
        names.push(name.to_owned());
    }
    list(rule.get("or_")).iter().for_each(|rule| named(rule, names));
}

fn holds(rule: &Value, id: &str) -> bool {
    match text_of(rule, "_t") {
        Some("ClauseEquals") => text_of(rule, "equals") == Some(id),
        Some("ClauseStartsWith") => text_of(rule, "starts_with").is_some_and(|start| id.starts_with(start)),
        Some("ClauseEndsWith") => text_of(rule, "ends_with").is_some_and(|end| id.ends_with(end)),
        Some("ClauseContains") => text_of(rule, "contains").is_some_and(|part| id.contains(part)),
        Some("ClauseRegex") => text_of(rule, "regex").is_some_and(|regex| simple_regex(regex, id)),
        Some("ClauseOr") => list(rule.get("or_")).iter().any(|rule| holds(rule, id)),
        Some("ClauseAnd") => list(rule.get("and_")).iter().all(|rule| holds(rule, id)),
        _ => false,
    }
}

/// The regular expressions that the source uses: anchored words, `\d`, `\d{N}`, `[-@]`, and one "without -tts".
/// Anything else matches nothing, so that a price is missing rather than wrong.
fn simple_regex(regex: &str, id: &str) -> bool {
    if regex.starts_with("^(?!.*-[tT][tT][sS]") {
        return !id.to_ascii_lowercase().ends_with("-tts") && !id.to_ascii_lowercase().contains("-tts-");
    }
    let Some(body) = regex.strip_prefix('^') else { return false };
    let (body, anchored) = body.strip_suffix('$').map_or((body, false), |body| (body, true));
    let mut pattern = body.chars().peekable();
    let mut rest = id.chars().peekable();
    while let Some(symbol) = pattern.next() {
        let allowed: Box<dyn Fn(char) -> bool> = match symbol {
            '\\' => match pattern.next() {
                Some('d') => Box::new(|found: char| found.is_ascii_digit()),
                Some(literal) => Box::new(move |found| found == literal),
                None => return false,
            },
            '[' => {
                let set: String = pattern.by_ref().take_while(|symbol| *symbol != ']').collect();
                Box::new(move |found| set.contains(found))
            }
            '(' | '?' | '*' | '+' | '|' | '.' => return false,
            literal => Box::new(move |found| found == literal),
        };
        let mut times = 1;
        if pattern.peek() == Some(&'{') {
            let count: String = pattern.by_ref().skip(1).take_while(|symbol| *symbol != '}').collect();
            let Ok(count) = count.parse() else { return false };
            times = count;
        }
        for _ in 0..times {
            if !rest.next().is_some_and(&allowed) {
                return false;
            }
        }
    }
    !anchored || rest.peek().is_none()
}

/// Rows of the standard tier: each start date ends the one before; hours have rows of their own.
fn dated(prices: Option<&Value>) -> Vec<Row> {
    let Some(Value::Array(conditional)) = prices else {
        return prices.map(|price| priced(price, &Row::default())).unwrap_or_default();
    };
    let mut eras: Vec<(Option<Timestamp>, &Value)> = Vec::new();
    let mut hours: Vec<(Vec<Window>, &Value)> = Vec::new();
    for entry in conditional {
        let Some(price) = entry.get("prices") else { continue };
        match entry.get("constraint").filter(|constraint| !constraint.is_null()) {
            None => eras.push((None, price)),
            Some(constraint) if text_of(constraint, "start_date").is_some() => eras.push((start(constraint), price)),
            Some(constraint) => {
                let Some(window) = window(constraint) else { continue };
                match hours.iter_mut().find(|(_, known)| *known == price) {
                    Some((windows, _)) => windows.push(window),
                    None => hours.push((vec![window], price)),
                }
            }
        }
    }
    let mut rows = eras_of(eras, None);
    for (hours, price) in hours {
        rows.extend(priced(price, &Row { hours, ..Row::default() }));
    }
    rows
}

fn eras_of(mut eras: Vec<(Option<Timestamp>, &Value)>, tier: Option<&str>) -> Vec<Row> {
    eras.sort_by_key(|(from, _)| *from);
    eras.dedup_by_key(|(from, _)| *from);
    // A date on which nothing that is priced here changed is no date.
    eras.dedup_by(|later, earlier| priced(later.1, &Row::default()) == priced(earlier.1, &Row::default()));
    let ends: Vec<Option<Timestamp>> = eras.iter().skip(1).map(|(from, _)| *from).chain([None]).collect();
    let rows = eras
        .into_iter()
        .zip(ends)
        .map(|((from, price), to)| priced(price, &Row { tier: tier.map(Into::into), from, to, ..Row::default() }));
    rows.flatten().collect()
}

/// Rows of the other tiers.
fn variants(model: &Value) -> Vec<Row> {
    let mut tiers: BTreeMap<&str, Vec<(Option<Timestamp>, &Value)>> = BTreeMap::new();
    for variant in list(model.get("price_variants")) {
        let (Some(when), Some(price)) = (variant.get("when"), variant.get("prices")) else { continue };
        let tier = text_of(when, "processing").or_else(|| text_of(when, "service_tier"));
        let tier = tier.or_else(|| text_of(when, "speed")).filter(|tier| *tier != "default");
        if let Some(tier) = tier {
            let from = variant.get("constraint").and_then(start);
            tiers.entry(tier).or_default().push((from, price));
        }
    }
    tiers.into_iter().flat_map(|(tier, eras)| eras_of(eras, Some(tier))).collect()
}

/// One row for the base price and one for each context step, under the conditions of `like`.
fn priced(price: &Value, like: &Row) -> Vec<Row> {
    let Value::Object(fields) = price else { return Vec::new() };
    let mut starts: Vec<u64> = Vec::new();
    for value in fields.values() {
        starts.extend(list(value.get("tiers")).iter().filter_map(|tier| tier.get("start")?.as_u64()));
    }
    starts.sort_unstable();
    starts.dedup();
    let steps = [None].into_iter().chain(starts.into_iter().map(Some));
    let rows = steps.map(|start| {
        let mut rates = Rates::default();
        for (key, value) in fields {
            if let Some((unit, rate)) = unit(key).and_then(|(unit, scale)| Some((unit, at_step(value, start, scale)?)))
            {
                rates.fill(unit, rate);
            }
        }
        // The source writes "from 200,000" as "above 199,999".
        let prompt = start.map(|start| if start % 1000 == 999 { Step::From(start + 1) } else { Step::Above(start) });
        Row { prompt, rates, ..like.clone() }
    });
    rows.filter(|row| !row.rates.is_empty()).collect()
}

fn at_step(value: &Value, start: Option<u64>, scale: Scale) -> Option<policy::money::Femto> {
    let text = match value {
        Value::Object(tiered) => {
            let at = |tier: &Value| tier.get("start").and_then(Value::as_u64);
            let steps = list(tiered.get("tiers"));
            let step = start.and_then(|start| {
                steps.iter().filter(|tier| at(tier).is_some_and(|at| at <= start)).max_by_key(|tier| at(tier))
            });
            plain(step.map_or_else(|| tiered.get("base"), |step| step.get("price"))?)
        }
        other => plain(other),
    }?;
    match scale {
        Scale::Power(power) => decimal::rate(&text, power),
        Scale::Hour => decimal::per_hour(&text),
    }
}

#[derive(Clone, Copy)]
enum Scale {
    Power(i32),
    Hour,
}

fn unit(key: &str) -> Option<(Unit, Scale)> {
    Some(match key {
        "input_mtok" => (Unit::Input, Scale::Power(0)),
        "output_mtok" => (Unit::Output, Scale::Power(0)),
        "cache_read_mtok" => (Unit::CacheRead, Scale::Power(0)),
        "cache_write_mtok" => (Unit::CacheWrite, Scale::Power(0)),
        "cache_write_1h_mtok" => (Unit::CacheWrite1h, Scale::Power(0)),
        "output_reasoning_mtok" => (Unit::Reasoning, Scale::Power(0)),
        "input_audio_mtok" => (Unit::AudioIn, Scale::Power(0)),
        "output_audio_mtok" => (Unit::AudioOut, Scale::Power(0)),
        "input_image_mtok" => (Unit::ImageIn, Scale::Power(0)),
        "output_image_mtok" => (Unit::ImageOut, Scale::Power(0)),
        "input_mchars" => (Unit::Character, Scale::Power(0)),
        "web_searches_kcount" => (Unit::Search, Scale::Power(3)),
        "requests_kcount" => (Unit::Request, Scale::Power(3)),
        "input_document_kpages" => (Unit::Page, Scale::Power(3)),
        "audio_hours" | "input_audio_hours" => (Unit::Second, Scale::Hour),
        _ => return None,
    })
}

/// `date(2026,10,14)`.
fn start(constraint: &Value) -> Option<Timestamp> {
    let inner = text_of(constraint, "start_date")?.strip_prefix("date(")?.strip_suffix(')')?;
    let mut parts = inner.split(',').map(|part| part.trim().parse::<i16>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let date = jiff::civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}

/// `time(0,30,tzinfo=…)` to `time(16,30,tzinfo=…)` on every day.
fn window(constraint: &Value) -> Option<Window> {
    let clock = |name: &str| {
        let mut parts = text_of(constraint, name)?.strip_prefix("time(")?.split(',');
        let (hour, minute): (u8, u8) = (parts.next()?.parse().ok()?, parts.next()?.trim().parse().ok()?);
        Some(format!("{hour:02}:{minute:02}"))
    };
    Window::parse(&format!("1234567 {}-{}", clock("start_time")?, clock("end_time")?))
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn text_of<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
