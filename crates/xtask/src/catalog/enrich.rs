//! What one source adds to another's rows: history, steps, tiers, one-hour writes; and rows made complete.

use std::collections::BTreeSet;

use dialect::usage::Unit;
use policy::price::sheet::{Rates, Row, Step};

use super::report::Report;
use super::voices::{Voices, moment, same};

impl Voices<'_> {
    /// LiteLLM's rows with what only genai-prices has: history, one-hour writes, tiers, fees of searches.
    pub(crate) fn enriched(
        &self,
        name: &str,
        rows_l: &[Row],
        rows_g: &[Row],
        rows_m: &[Row],
        report: &mut Report,
    ) -> Vec<Row> {
        let mut rows = rows_l.to_vec();
        let agreed = self.rates(rows_l).zip(self.rates(rows_g)).is_some_and(|(l, g)| same(&l, &g));
        let steps =
            |rows: &[Row]| rows.iter().any(|row| row.prompt.is_some() && row.tier.is_none() && row.to.is_none());
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
pub(crate) fn complete(rows: &mut Vec<Row>) {
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
