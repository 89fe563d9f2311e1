//! Named models: their targets, each at a provider that is configured.

use std::sync::Arc;

use policy::route::order::{Choose, Slo};

use super::super::diagnose::{At, suggest};
use super::super::raw;
use super::super::read::{Named, Reader, Spot};
use super::super::types::{Losses, NamedModel, Target, TimeoutsOver};
use super::super::units::Time;
use super::{Placed, positive, undefined};

/// Every named model: exact names first, then globs, the longer first.
pub(super) fn all(named: Named<raw::Model>, providers: &[Placed], reader: &mut Reader<'_>) -> Vec<NamedModel> {
    let mut models: Vec<NamedModel> = Vec::new();
    for (name, spot) in named.0 {
        models.push(one(&name, spot.value, providers, reader));
    }
    models.sort_by_key(|model| match model.name.contains('*') {
        false => (false, 0),
        true => (true, usize::MAX.saturating_sub(model.name.len())),
    });
    models
}

fn one(name: &Spot<String>, raw: raw::Model, providers: &[Placed], reader: &mut Reader<'_>) -> NamedModel {
    if name.value.is_empty() || name.value.chars().any(|c| c.is_control() || c.is_whitespace()) {
        reader.problem(name.at, "a model's name is empty or holds spaces", "give it a name without spaces");
    }
    let choose = match raw.choose.map(|spot| spot.value) {
        None | Some(raw::Choose::Priority) => Choose::Priority,
        Some(raw::Choose::Weighted) => Choose::Weighted,
        Some(raw::Choose::Cheapest) => Choose::Cheapest,
        Some(raw::Choose::Fastest) => Choose::Fastest,
        Some(raw::Choose::LeastBusy) => Choose::LeastBusy,
    };
    let slo = raw.slo.map(|spot| slo(spot, choose, reader)).unwrap_or_default();
    let wanted = raw.targets.as_ref().map(|list| (list.at, list.value.len()));
    let targets = targets(raw.targets, name, choose, providers, reader);
    if wanted.is_none_or(|(_, count)| count == 0) {
        let at = wanted.map_or(name.at, |(at, _)| at);
        reader.problem(at, format!("model `{}` has no targets", name.value), "give `targets: [provider/model]`");
    } else if choose == Choose::Weighted && !targets.is_empty() && targets.iter().all(|target| target.weight == 0) {
        let at = wanted.map_or(name.at, |(at, _)| at);
        reader.problem(at, "every target's weight is 0", "give at least one target a weight of 1 or more");
    }
    let attempts = raw.retry.and_then(|retry| retry.value.attempts).map(|Spot { at, value }| {
        let attempts = u32::try_from(value.0).unwrap_or(u32::MAX);
        if !(1..=100).contains(&attempts) {
            reader.problem(at, "`attempts` must be from 1 to 100", "1 is a single try, 3 the default");
        }
        attempts
    });
    NamedModel {
        name: name.value.as_str().into(),
        choose,
        slo,
        targets,
        fallback: self::targets(raw.fallback, name, Choose::Weighted, providers, reader),
        attempts,
        timeouts: timeouts(raw.timeouts.map(|spot| spot.value).unwrap_or_default(), reader),
        losses: match raw.losses.map(|spot| spot.value) {
            None | Some(raw::Losses::Report) => Losses::Report,
            Some(raw::Losses::Reject) => Losses::Reject,
        },
    }
}

fn targets(
    raw: Option<Spot<Vec<Spot<raw::Target>>>>,
    name: &Spot<String>,
    choose: Choose,
    providers: &[Placed],
    reader: &mut Reader<'_>,
) -> Vec<Target> {
    let mut targets: Vec<Target> = Vec::new();
    for Spot { at, value } in raw.map(|list| list.value).unwrap_or_default() {
        let (reference, weight) = match value {
            raw::Target::Model(model) => (Spot { at, value: model }, None),
            raw::Target::Weighted(target) => match target.model {
                Some(model) => (model, target.weight),
                None => {
                    reader.problem(at, "a target has no `model`", "give `model: provider/model`");
                    continue;
                }
            },
        };
        let counts = matches!(choose, Choose::Weighted | Choose::LeastBusy);
        if let Some(weight) = weight.as_ref().filter(|_| !counts) {
            let remedy = "write `choose: weighted`, or remove the weight";
            reader.warning(weight.at, "a weight counts only with `choose: weighted` or `least_busy`", remedy);
        }
        let weight = weight.map_or(Some(1), |spot| {
            let weight = u32::try_from(spot.value.0).ok().filter(|weight| *weight <= 1_000_000);
            if weight.is_none() {
                reader.problem(spot.at, "a weight must be from 0 to 1M", "1 is the default");
            }
            weight
        });
        let target = target(&reference, name, providers, reader).zip(weight);
        if let Some(((provider, model), weight)) = target {
            if targets.iter().any(|known| known.provider == provider && known.model == model) {
                reader.warning(
                    reference.at,
                    format!("target `{}` is listed twice", reference.value),
                    "remove one of them",
                );
            } else {
                targets.push(Target { provider, model, weight });
            }
        }
    }
    targets
}

/// The provider's place and the model of `provider/model`.
fn target(
    reference: &Spot<String>,
    name: &Spot<String>,
    providers: &[Placed],
    reader: &mut Reader<'_>,
) -> Option<(usize, Arc<str>)> {
    let (at, text) = (reference.at, reference.value.as_str());
    let names = || providers.iter().map(|placed| &*placed.provider.name);
    let Some((provider, model)) =
        text.split_once('/').filter(|(provider, model)| !provider.is_empty() && !model.is_empty())
    else {
        let remedy = match names().next() {
            Some(first) => format!("write provider/model, such as `{first}/{text}`"),
            None => "write provider/model, and define the provider".to_owned(),
        };
        reader.problem(at, format!("`{text}` does not name a provider's model"), remedy);
        return None;
    };
    let Some((place, placed)) = providers.iter().enumerate().find(|(_, placed)| *placed.provider.name == *provider)
    else {
        undefined(at, "provider", provider, names(), reader);
        return None;
    };
    check_model(at, model, name, placed, reader);
    Some((place, model.into()))
}

fn check_model(at: At, model: &str, name: &Spot<String>, placed: &Placed, reader: &mut Reader<'_>) {
    if model.contains('*') && (!name.value.contains('*') || model.matches('*').count() > 1) {
        let what = format!("`*` in `{model}` stands for nothing");
        let remedy = "one `*` may stand for the name asked for, under a model whose own name has a `*`";
        reader.problem(at, what, remedy);
    }
    let Some(models) = placed.provider.models.as_deref().filter(|_| !model.contains('*')) else { return };
    if !models.iter().any(|known| *known.id == *model) {
        let what = format!("provider `{}` lists no model `{model}`", placed.provider.name);
        let near = suggest(model, models.iter().map(|known| &*known.id));
        reader.problem(at, what, format!("{near} (its `models:` is on line {} or below)", placed.at.line));
    }
}

fn slo(raw: Spot<raw::Slo>, choose: Choose, reader: &mut Reader<'_>) -> Slo {
    if matches!(choose, Choose::Priority | Choose::Weighted) {
        let remedy = "write `choose: cheapest`, `fastest` or `least_busy`, or remove it";
        reader.warning(raw.at, format!("`slo` does not count with `choose: {}`", choose.name()), remedy);
    }
    let first_byte = raw.value.first_byte.map(|spot| {
        positive(spot.at, spot.value.0, reader);
        spot.value.0
    });
    let tokens_per_second = raw.value.tokens_per_second.map(|spot| {
        u32::try_from(spot.value.0).ok().filter(|speed| *speed > 0).unwrap_or_else(|| {
            reader.problem(spot.at, "`tokens_per_second` is from 1 to 4G", "30 is a quick reader's pace");
            1
        })
    });
    Slo { first_byte, tokens_per_second }
}

fn timeouts(raw: raw::Timeouts, reader: &mut Reader<'_>) -> TimeoutsOver {
    let mut over = |raw: Option<Spot<Time>>| {
        raw.map(|spot| {
            positive(spot.at, spot.value.0, reader);
            spot.value.0
        })
    };
    TimeoutsOver {
        connect: over(raw.connect),
        first_byte: over(raw.first_byte),
        idle: over(raw.idle),
        total: over(raw.total),
    }
}
