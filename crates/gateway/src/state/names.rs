//! From the model a caller asks for to the targets that may serve it.

use std::sync::Arc;
use std::time::Duration;

use dialect::fault::{Fault, Kind};
use policy::access::allows;
use policy::price::overrides::glob;
use policy::provider::row::Kind as RowKind;
use policy::route::order::{Choose, Slo};
use wire::json::Writer;

use super::directory::Principal;
use super::snapshot::Snapshot;
use super::target::Target;
use crate::config::types::{Losses, NamedModel, Target as Written, TimeoutsOver};

/// What a name stands for.
#[derive(Debug)]
pub struct Meaning {
    /// Targets in the order they are written, each with its weight.
    pub targets: Vec<(Arc<Target>, u32)>,
    /// How many of them are fallbacks, at the end.
    pub fallbacks: usize,
    /// How the first is chosen.
    pub choose: Choose,
    /// What the targets are asked to keep.
    pub slo: Slo,
    /// Tries in all.
    pub tries: usize,
    /// Over the providers' time-outs.
    pub timeouts: TimeoutsOver,
    /// Refuse what a dialect cannot carry.
    pub reject_losses: bool,
}

impl Meaning {
    fn plain(targets: Vec<Arc<Target>>) -> Self {
        Self {
            targets: targets.into_iter().map(|target| (target, 1)).collect(),
            fallbacks: 0,
            choose: Choose::Priority,
            slo: Slo::default(),
            tries: NamedModel::ATTEMPTS as usize,
            timeouts: TimeoutsOver::default(),
            reject_losses: false,
        }
    }
}

/// Finds what a name stands for, in the order of precedence: a configured name, `provider/model`, a bare
/// name that providers offer, `"*"`.
///
/// # Errors
/// `unknown_model` with near misses; `forbidden` when the caller's key may not use it.
pub fn meaning(snapshot: &Snapshot, asked: &str, who: &Principal) -> Result<Meaning, Fault> {
    let named = &snapshot.config.models;
    if let Some(model) = named.iter().find(|model| &*model.name != "*" && glob(&model.name, asked)) {
        return match who.may_ask(asked) {
            true => Ok(of_named(snapshot, model, asked)),
            false => Err(forbidden(asked)),
        };
    }
    if let Some((provider, model)) = asked.split_once('/')
        && !model.is_empty()
        && let Some(place) = snapshot.provider_place(provider)
    {
        let configured = &snapshot.config.providers[place];
        let known = match configured.is_demo() {
            true => crate::demo::MODELS.contains(&model),
            false => configured.models.is_none(),
        };
        if known || configured.model(model).is_some() {
            return match who.may_ask(asked) {
                true => Ok(Meaning::plain(vec![snapshot.target(place, model)])),
                false => Err(forbidden(asked)),
            };
        }
    }
    let offering: Vec<Arc<Target>> = (0..snapshot.providers.len())
        .filter(|place| snapshot.providers[*place].offers(asked, snapshot.catalog))
        .map(|place| snapshot.target(place, asked))
        .collect();
    if !offering.is_empty() {
        let by_name = who.may_ask(asked);
        let allowed: Vec<_> = offering.into_iter().filter(|target| by_name || who.may_ask(&target.name)).collect();
        return if allowed.is_empty() { Err(forbidden(asked)) } else { Ok(Meaning::plain(allowed)) };
    }
    if let Some(model) = named.iter().find(|model| &*model.name == "*") {
        return if who.may_ask(asked) { Ok(of_named(snapshot, model, asked)) } else { Err(forbidden(asked)) };
    }
    if let Some(place) = only_reseller(snapshot) {
        return match who.may_ask(asked) {
            true => Ok(Meaning::plain(vec![snapshot.target(place, asked)])),
            false => Err(forbidden(asked)),
        };
    }
    Err(unknown(snapshot, asked, who))
}

fn of_named(snapshot: &Snapshot, model: &NamedModel, asked: &str) -> Meaning {
    let ready = |written: &Written| (snapshot.target(written.provider, &written.model_for(asked)), written.weight);
    let targets = model.targets.iter().chain(&model.fallback).map(ready).collect();
    Meaning {
        targets,
        fallbacks: model.fallback.len(),
        choose: model.choose,
        slo: model.slo,
        tries: model.tries() as usize,
        timeouts: model.timeouts,
        reject_losses: model.losses == Losses::Reject,
    }
}

/// The one provider there is, when it sells others' models: it answers to every name.
fn only_reseller(snapshot: &Snapshot) -> Option<usize> {
    let mut real = snapshot
        .config
        .providers
        .iter()
        .enumerate()
        .filter(|(_, provider)| !(provider.is_demo() || provider.probe && provider.row.kind == RowKind::Local));
    let (place, only) = real.next()?;
    let resells = matches!(only.row.kind, RowKind::Aggregator | RowKind::Gateway);
    (real.next().is_none() && resells && only.models.is_none()).then_some(place)
}

fn forbidden(asked: &str) -> Fault {
    let message = format!(
        "This key may not use the model `{asked}`. Ask for one that it may use (GET /v1/models lists them), or \
         have the key's `models` extended."
    );
    Fault { code: Some("model_forbidden".to_owned()), ..Fault::new(Kind::Forbidden, message) }
}

fn unknown(snapshot: &Snapshot, asked: &str, who: &Principal) -> Fault {
    let near = near(snapshot, asked, who);
    let hint = if near.is_empty() {
        "GET /v1/models lists what there is.".to_owned()
    } else {
        let names: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
        format!("Did you mean {}? GET /v1/models lists what there is.", names.join(" or "))
    };
    let mut json = Writer::new();
    json.array(|json| {
        for name in &near {
            json.str(name);
        }
    });
    let mut fault = Fault::new(Kind::UnknownModel, format!("There is no model `{asked}` here. {hint}"));
    fault.code = Some("model_not_found".to_owned());
    fault.path = Some("model".to_owned());
    fault.with("near", json.finish())
}

/// Up to three names like the one asked for, of those that the caller may use: configured names, and catalogue
/// names of configured providers.
fn near(snapshot: &Snapshot, asked: &str, who: &Principal) -> Vec<String> {
    if asked.len() > 200 {
        return Vec::new();
    }
    let names: Vec<String> = snapshot.names().filter(|name| who.may_ask(name)).collect();
    policy::catalog::near_of(names.iter().map(String::as_str), asked, 3)
}

/// A duration as the headers write it (`20s`, `1h30m`).
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    crate::config::units::duration(text.trim())
}

impl Principal {
    /// True when the caller's key and team may ask for a name.
    #[must_use]
    pub fn may_ask(&self, name: &str) -> bool {
        allows(&self.models, name) && allows(&self.team_models, name)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::env::Given;
    use crate::config::of_text;
    use crate::telemetry::metrics::Metrics;

    fn snapshot(text: &str) -> Snapshot {
        let loaded =
            of_text(Some((Path::new("tollgate.yaml"), text)), &Given::default(), &crate::config::Flags::default());
        Snapshot::build(loaded.unwrap().config, &Arc::new(Metrics::default()), None).unwrap()
    }

    /// The targets of a name, or the closest names.
    fn ask(snapshot: &Snapshot, asked: &str, who: &Principal) -> String {
        match meaning(snapshot, asked, who) {
            Ok(meaning) => meaning.targets.iter().map(|(target, _)| &*target.name).collect::<Vec<_>>().join(" "),
            Err(fault) => format!("{} {}", fault.kind.name(), fault.details.first().map_or("", |(_, near)| near)),
        }
    }

    #[test]
    fn names_are_found_and_near_ones_named_to_those_who_may_use_them() {
        let snapshot = snapshot("providers: { demo: {} }\nmodels: { quick: { targets: [demo/fast, demo/slow] } }\n");
        let all = Principal::named("a", false);
        assert_eq!(ask(&snapshot, "quick", &all), "demo/fast demo/slow");
        assert_eq!(ask(&snapshot, "demo/fast", &all), "demo/fast");
        assert_eq!(ask(&snapshot, "demo/fst", &all), "unknown_model [\"demo/fast\"]");
        assert!(ask(&snapshot, "quik", &all).contains("\"quick\""));
        let mut few = Principal::named("b", false);
        few.models = vec!["demo/slow".to_owned()];
        assert_eq!(ask(&snapshot, "demo/fst", &few), "unknown_model []");
        assert_eq!(ask(&snapshot, "demo/fast", &few), "forbidden ");
    }
}
