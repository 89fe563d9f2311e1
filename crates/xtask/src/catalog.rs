//! `cargo xtask catalog`: makes the embedded catalogue and its report of conflicts from three public sources.
//!
//! Offline and repeatable: the same sources give the same bytes. Numbers are read from their own text.

mod decimal;
mod enrich;
mod facts;
mod genai;
mod litellm;
mod merge;
mod modelsdev;
mod report;
mod rows;
mod voices;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use policy::catalog::{Entry, Facts, Mode, base};
use policy::price::sheet::Sheet;

/// One source's view of an offer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Listing {
    pub(crate) mode: Option<Mode>,
    pub(crate) facts: Facts,
    pub(crate) sheet: Sheet,
    /// The source has only zeros, which is no price.
    pub(crate) zero: bool,
    /// The source's price is beyond belief, which is no price.
    pub(crate) dear: bool,
}

/// A source's offers by our row and wire id.
pub(crate) type Offers = BTreeMap<(String, String), Listing>;

/// Makes the two files; the answer is a summary for the person who ran it.
pub(crate) fn run(arguments: &[String]) -> Result<String, String> {
    let value = |flag: &str| {
        let place = arguments.iter().position(|argument| argument == flag)?;
        arguments.get(place + 1).cloned()
    };
    let usage = || "usage: cargo xtask catalog --sources DIR --date YYYY-MM-DD [--out DIR] [--check]".to_owned();
    let sources = PathBuf::from(value("--sources").ok_or_else(usage)?);
    let date = value("--date").ok_or_else(usage)?;
    date.parse::<jiff::civil::Date>().map_err(|error| format!("--date: {error}"))?;
    let out = value("--out").map_or_else(|| PathBuf::from("catalog"), PathBuf::from);
    let made = make(&sources, &date)?;
    if arguments.iter().any(|argument| argument == "--check") {
        let fresh =
            read(&out.join("catalog.tsv"))? == made.catalogue && read(&out.join("CONFLICTS.md"))? == made.conflicts;
        return if fresh { Ok(made.summary) } else { Err("the catalogue is not what these sources give".to_owned()) };
    }
    write(&out.join("catalog.tsv"), &made.catalogue)?;
    write(&out.join("CONFLICTS.md"), &made.conflicts)?;
    Ok(made.summary)
}

struct Made {
    catalogue: String,
    conflicts: String,
    summary: String,
}

fn make(sources: &Path, date: &str) -> Result<Made, String> {
    let (litellm, noisy) = litellm::read(&read(&sources.join("litellm_prices.json"))?)?;
    let genai = genai::read(&read(&sources.join("genai_prices.json"))?)?;
    let modelsdev = modelsdev::read(&read(&sources.join("modelsdev_piai.json"))?)?;
    let merged = merge::merge(&litellm, &genai, &modelsdev, date)?;
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    let mut providers: BTreeSet<&str> = BTreeSet::new();
    for ((provider, id), entry) in &merged.offers {
        if let Err(error) = entry.sheet.check() {
            return Err(format!("{provider}/{id}: {error}: {}", json(entry)?));
        }
        providers.insert(provider);
        lines.insert(format!("{provider}/{id}"), json(entry)?);
    }
    for (name, entry) in models(&merged.offers) {
        lines.insert(format!("~{name}"), json(&entry)?);
    }
    let body: String = lines.iter().map(|(key, json)| format!("{key}\t{json}\n")).collect();
    let version = format!("{date}-{:08x}", hash(body.as_bytes()));
    let mut order: Vec<&str> = rows::LABS.iter().copied().filter(|lab| providers.contains(lab)).collect();
    order.extend(providers.iter().copied().filter(|provider| !rows::LABS.contains(provider)));
    let catalogue = format!("# tollgate catalogue {version}\n# providers: {}\n{body}", order.join(" "));
    let conflicts = report::write(&merged.report, &version, noisy);
    let summary = format!(
        "catalogue {version}: {} lines of {} providers, {} bytes; {} price conflicts, {} limits that differ",
        lines.len(),
        providers.len(),
        catalogue.len(),
        merged.report.prices.len(),
        merged.report.limits.len(),
    );
    Ok(Made { catalogue, conflicts, summary })
}

/// Facts of each model without its provider: those of the lab, else of whoever serves it.
fn models(offers: &BTreeMap<(String, String), Entry>) -> BTreeMap<String, Entry> {
    let mut best: BTreeMap<String, ((usize, bool), Entry)> = BTreeMap::new();
    for ((provider, id), entry) in offers {
        if entry.alias.is_some() {
            continue;
        }
        let rank = rows::LABS.iter().position(|lab| lab == provider).unwrap_or(rows::LABS.len());
        let name = base(id).into_owned();
        let rank = (rank, name != *id);
        let facts = Facts { deprecated_on: None, ..entry.facts.clone() };
        if facts == Facts::default() || name.is_empty() {
            continue;
        }
        let bare = Entry { mode: entry.mode, facts, ..Entry::default() };
        match best.get_mut(&name) {
            Some((known, _)) if *known <= rank => {}
            Some(slot) => *slot = (rank, bare),
            None => drop(best.insert(name, (rank, bare))),
        }
    }
    best.into_iter().map(|(name, (_, entry))| (name, entry)).collect()
}

fn json(entry: &Entry) -> Result<String, String> {
    serde_json::to_string(entry).map_err(|error| error.to_string())
}

/// FNV-1a, folded to 32 bits: names the contents, guards nothing.
fn hash(bytes: &[u8]) -> u32 {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let folded = (hash >> 32) ^ (hash & 0xffff_ffff);
    u32::try_from(folded & 0xffff_ffff).unwrap_or_default()
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
