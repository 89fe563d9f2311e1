//! The checked-in report of conflicts: what the sources disagree on, what was chosen, and why.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::facts::Windows;

/// What had to be decided.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) prices: Vec<Conflict>,
    pub(crate) limits: Vec<(String, Windows)>,
    /// Offers of which a source has only zeros.
    pub(crate) zeros: Vec<String>,
    /// Offers whose price is beyond belief.
    pub(crate) dear: Vec<String>,
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

/// The report as Markdown.
pub(crate) fn write(report: &Report, version: &str, noisy: usize) -> String {
    let mut text = format!(
        "# Where the price sources disagree\n\nCatalogue {version}. Made by `cargo xtask catalog`; do not edit.\n\n\
         Prices are USD per million tokens, `input/output · cache read`, standard tier, shortest prompt, as of the\n\
         catalogue's date. A dash: the source does not say. No price was checked against a vendor's live page.\n\n\
         ## Rules\n\n\
         1. Two of three win. With two voices that differ, see the reason in the row; confidence is `low` unless a\n\
         rule explains the difference.\n\
         2. An id that names a region (Bedrock `us.` …) keeps LiteLLM's own price for it; Azure's regional entries\n\
         (`eu/`, `us/`) are rows with a region condition.\n\
         3. Peak and off-peak hours with weekdays (DeepSeek) come from LiteLLM's windows; start dates come from\n\
         genai-prices where its last price is one of LiteLLM's current ones. Prices of an era whose peak price no\n\
         source has are kept for the off-peak hours only; peak hours of that era are unpriced.\n\
         4. A price of 0 for everything is a placeholder unless the id says `free`: no price. models.dev's derivative\n\
         writes 0 for an unknown cache price: ignored.\n\
         5. xAI's context step is \"200,000 or more\"; genai-prices writes it as above 199,999, LiteLLM and models.dev\n\
         as above 200k: `>=200000` wins. All others are `>`. A step reprices the whole request.\n\
         6. LiteLLM's `_above_1hr` is a lifetime (one-hour cache writes), not a length; `_above_12hr` has no unit here\n\
         and is left out.\n\
         7. `_flex`, `_priority`, `_batches`, `_balanced`, `_ultrafast` are service tiers. A tier that leaves a unit\n\
         out takes the standard rate; tier and step together, where not stated, take the dearer of the two.\n\
         8. Anthropic's window of one million tokens, priced apart above 200k, ended on 2026-04-30 for the models that\n\
         genai-prices still shows with it: the step ends on that day.\n\
         9. Windows: models.dev first, but not its clamp to 272,000; LiteLLM's number is the input limit where it and\n\
         the output limit add up to the window.\n\
         10. More than twelve figures are noise of floating point or a third: rounded to twelve ({noisy} numbers).\n\
         11. genai-prices' rules of the kind \"contains\" and \"starts with\" price ids that the other sources name; they\n\
         do not price ids that nobody names. Ids it names in full are aliases.\n\n",
    );
    let _ = writeln!(text, "## How often\n\n| sources | offers in both | agree | differ |\n|---|---|---|---|");
    for (pair, (both, agree)) in &report.counts {
        let _ = writeln!(text, "| {pair} | {both} | {agree} | {} |", both - agree);
    }
    let _ = writeln!(text, "\n## Prices ({})\n", report.prices.len());
    text.push_str("| offer | LiteLLM | genai-prices | models.dev | chosen | why |\n|---|---|---|---|---|---|\n");
    for conflict in &report.prices {
        let [l, g, m] = &conflict.voices;
        let _ = writeln!(text, "| {} | {l} | {g} | {m} | {} | {} |", conflict.offer, conflict.chosen, conflict.why);
    }
    let _ = writeln!(text, "\n## Context windows ({})\n", report.limits.len());
    text.push_str(
        "| offer | LiteLLM | genai-prices | models.dev | window | input limit | why |\n|---|---|---|---|---|---|---|\n",
    );
    let number = |number: Option<u64>| number.map_or_else(|| "–".to_owned(), |number| number.to_string());
    for (offer, windows) in &report.limits {
        let _ = writeln!(
            text,
            "| {offer} | {} | {} | {} | {} | {} | {} |",
            number(windows.litellm),
            number(windows.genai),
            number(windows.modelsdev),
            number(windows.chosen.0),
            number(windows.chosen.1),
            windows.why
        );
    }
    let _ = writeln!(text, "\n## Context steps that one source lacks ({})\n", report.steps.len());
    for (offer, what) in &report.steps {
        let _ = writeln!(text, "- {offer}: {what}");
    }
    for (title, names) in [
        ("Boundaries that include their number", &report.boundaries),
        ("Prices with dates", &report.dated),
        ("More than $1,000 per million tokens, taken as no price", &report.dear),
        ("Placeholders of 0, taken as no price", &report.zeros),
    ] {
        let mut names = names.clone();
        names.dedup();
        let _ = writeln!(text, "\n## {title} ({})\n\n{}", names.len(), names.join(", "));
    }
    text
}
