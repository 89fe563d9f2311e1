//! What the contract names but this release does not do: refused, never accepted and ignored.

use super::super::raw::{Cache, File, Later};
use super::super::read::{Reader, Spot};

/// Refuses every field whose feature is not built, unless it says the default.
pub(super) fn refuse(raw: &File, reader: &mut Reader<'_>) {
    word(&raw.store, "store", "sqlite", reader);
    word(&raw.coordination, "coordination", "local", reader);
    only(&raw.on_loss, "on_loss", &["local"], reader);
    only(&raw.affinity, "affinity", &["auto"], reader);
    only(&raw.limits, "limits", &[], reader);
    cache(&raw.cache, reader);
    if let Some(log) = &raw.log {
        only(&log.value.content, "log.content", &[], reader);
    }
    for (_, spot) in raw.models.iter().flat_map(|named| &named.value.0) {
        let model = &spot.value;
        only(&model.hedge, "hedge", &[], reader);
        only(&model.rescue, "rescue", &[], reader);
        only(&model.prompt_cache, "prompt_cache", &[], reader);
        cache(&model.cache, reader);
    }
    for (_, spot) in raw.organizations.iter().flat_map(|named| &named.value.0) {
        only(&spot.value.require, "require", &[], reader);
    }
    for (_, spot) in raw.teams.iter().flat_map(|named| &named.value.0) {
        only(&spot.value.require, "require", &[], reader);
    }
    for key in raw.keys.iter().flat_map(|list| &list.value) {
        only(&key.value.require, "require", &[], reader);
        only(&key.value.fail, "fail", &["open"], reader);
        cache(&key.value.cache, reader);
    }
}

fn cache(cache: &Option<Spot<Cache>>, reader: &mut Reader<'_>) {
    if let Some(spot) = cache {
        only(&spot.value.mode, "cache.mode", &[], reader);
    }
}

fn only(field: &Option<Spot<Later>>, name: &str, defaults: &[&str], reader: &mut Reader<'_>) {
    let Some(spot) = field else { return };
    match &spot.value {
        Later::Off if defaults.is_empty() => return,
        Later::Word(word) if defaults.contains(&word.as_str()) => return,
        Later::Off | Later::Word(_) | Later::Other => {}
    }
    let remedy = match defaults.first() {
        Some(default) => format!("remove it, or write the default `{default}`"),
        None => "remove it".to_owned(),
    };
    reader.problem(spot.at, format!("`{name}` is not built yet"), remedy);
}

fn word(field: &Option<Spot<String>>, name: &str, built: &str, reader: &mut Reader<'_>) {
    let Some(spot) = field.as_ref().filter(|spot| spot.value != built) else { return };
    // The value may hold a password, so it is not repeated.
    let what = format!("this `{name}` is not built yet");
    reader.problem(spot.at, what, format!("remove it, or write the default `{built}`"));
}
