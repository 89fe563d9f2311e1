//! Spellings of a model's name: dates, versions, regions and vendor prefixes taken off, and near misses.

use std::borrow::Cow;

/// Regions that Bedrock puts before an id for inference profiles.
const GEOS: [&str; 10] = ["us.", "eu.", "au.", "jp.", "ca.", "sa.", "apac.", "global.", "us-gov.", "in."];

/// Spellings to try in turn, the id itself first. No spelling changes the model, only how it is pinned.
pub(super) fn spellings(provider: &str, id: &str) -> Vec<String> {
    let mut spellings = vec![id.to_owned()];
    let mut add = |spelling: &str| {
        if !spelling.is_empty() && !spellings.iter().any(|known| known == spelling) {
            spellings.push(spelling.to_owned());
        }
    };
    let plain = id.strip_prefix("models/").unwrap_or(id);
    add(plain);
    if matches!(provider, "bedrock") {
        let arn = plain.rsplit_once('/').map_or(plain, |(_, last)| last);
        add(arn);
        if let Some(rest) = GEOS.iter().find_map(|geo| arn.strip_prefix(geo)) {
            add(rest);
        }
    }
    if matches!(provider, "fireworks") {
        let last = plain.rsplit_once('/').map_or(plain, |(_, last)| last);
        add(&format!("accounts/fireworks/models/{last}"));
    }
    if let Some((name, _)) = plain.split_once('@') {
        add(name);
    }
    let undated = undated(plain);
    add(undated);
    if !undated.ends_with("-latest") {
        add(&format!("{undated}-latest"));
    }
    if let Some(rest) = undated.strip_suffix("-latest") {
        add(rest);
    }
    // A fine-tuned model costs what its kind costs: `ft:gpt-4o-2024-08-06:acme::abc`.
    if let Some(kind) = plain.strip_prefix("ft:").and_then(|rest| rest.split(':').next()) {
        add(&format!("ft:{kind}"));
    }
    let lower = plain.to_ascii_lowercase();
    add(&lower);
    spellings
}

/// The id less a trailing `-2024-08-06`, `-20240806`, `@20240806`, `@default`, `@latest`.
fn undated(id: &str) -> &str {
    if let Some(name) = id.strip_suffix("@default").or_else(|| id.strip_suffix("@latest")) {
        return name;
    }
    for shape in ["-dddd-dd-dd", "-dddddddd", "@dddddddd"] {
        let Some((name, date)) = id.len().checked_sub(shape.len()).and_then(|at| id.split_at_checked(at)) else {
            continue;
        };
        let fits = date.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        });
        let year = date.trim_start_matches(['-', '@']);
        if fits && year.starts_with("20") && !name.is_empty() {
            return name;
        }
    }
    id
}

/// Vendors whose prices a cloud charges for an id that it has no offer of its own for.
pub(super) fn vendors(provider: &str, id: &str) -> Vec<(&'static str, String)> {
    let last = id.rsplit_once('/').map_or(id, |(_, last)| last);
    let name = last.split_once('@').map_or(last, |(name, _)| name).to_owned();
    match provider {
        "azure" => ["openai", "anthropic", "deepseek", "xai", "moonshot"].map(|vendor| (vendor, name.clone())).into(),
        "vertex" if name.starts_with("gemini") => vec![("gemini", name)],
        "vertex" if name.starts_with("claude") => vec![("anthropic", name)],
        _ => Vec::new(),
    }
}

/// The model behind a wire id: lower case, without vendor path, region, date, version suffix and variant.
/// Equal for the offers of one model; of no meaning beyond that.
#[must_use]
pub fn base(id: &str) -> Cow<'_, str> {
    let last = id.rsplit_once('/').map_or(id, |(_, last)| last);
    let last = GEOS.iter().find_map(|geo| last.strip_prefix(geo)).unwrap_or(last);
    // Bedrock: `anthropic.claude-opus-4-5-20251101-v1:0`; OpenRouter: `gpt-5:free`.
    let last = last.split_once(':').map_or(last, |(name, _)| name);
    let last = match last.split_once('.') {
        Some((vendor, name)) if VENDORS.contains(&vendor) => name,
        _ => last,
    };
    let last = match last.rsplit_once("-v") {
        Some((name, version)) if id.contains(':') && version.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => last,
    };
    let last = last.split_once('@').map_or(last, |(name, _)| name);
    let last = undated(last);
    let last = last.strip_suffix("-latest").unwrap_or(last);
    let last = last.to_ascii_lowercase();
    // `claude-opus-4.5` at aggregators is `claude-opus-4-5` at its vendor.
    if last.starts_with("claude") { Cow::Owned(last.replace('.', "-")) } else { Cow::Owned(last) }
}

/// Vendor prefixes of Bedrock ids.
const VENDORS: [&str; 17] = [
    "anthropic",
    "amazon",
    "meta",
    "mistral",
    "cohere",
    "ai21",
    "deepseek",
    "openai",
    "qwen",
    "stability",
    "writer",
    "nvidia",
    "google",
    "minimax",
    "moonshotai",
    "moonshot",
    "zai",
];

/// The nearest keys, by edits, with a bonus for a common beginning.
pub(super) fn near<'k>(keys: impl Iterator<Item = &'k str>, name: &str, n: usize) -> Vec<String> {
    let wanted: String = name.chars().take(100).collect::<String>().to_ascii_lowercase();
    let slash = wanted.contains('/');
    let most = (wanted.len() / 3).clamp(2, 8);
    let mut best: Vec<(usize, &str)> = Vec::new();
    for key in keys {
        let candidate = if slash { key } else { key.split_once('/').map_or(key, |(_, id)| id) };
        if candidate.len().abs_diff(wanted.len()) > most.max(9) {
            continue;
        }
        let candidate_lower = candidate.to_ascii_lowercase();
        let apart = if candidate_lower.starts_with(&wanted) { 1 } else { edits(&wanted, &candidate_lower) };
        if apart <= most && !best.iter().any(|(_, known)| *known == candidate) {
            best.push((apart, candidate));
        }
    }
    best.sort_by(|one, other| (one.0, one.1.len(), one.1).cmp(&(other.0, other.1.len(), other.1)));
    best.into_iter().take(n).map(|(_, key)| key.to_owned()).collect()
}

/// Insertions, deletions and replacements of bytes between two words.
fn edits(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (place, byte) in one.bytes().enumerate() {
        let mut diagonal = place;
        let mut left = place + 1;
        for (slot, other_byte) in row.iter_mut().skip(1).zip(other.bytes()) {
            let replaced = diagonal + usize::from(byte != other_byte);
            diagonal = *slot;
            left = replaced.min(*slot + 1).min(left + 1);
            *slot = left;
        }
        if let Some(first) = row.first_mut() {
            *first = place + 1;
        }
    }
    row.last().copied().unwrap_or(one.len())
}
