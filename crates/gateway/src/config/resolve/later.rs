//! What the contract names but this release does not do: refused, never accepted and ignored.

use super::super::raw::{Cache, Content, File, Later};
use super::super::read::{OrOff, Reader, Spot};

/// Refuses every field whose feature is not built, unless it says the default.
pub(super) fn refuse(raw: &File, reader: &mut Reader<'_>) {
    word(&raw.store, "store", "sqlite", reader);
    word(&raw.coordination, "coordination", "local", reader);
    only(&raw.on_loss, "on_loss", &["local"], reader);
    only(&raw.affinity, "affinity", &["auto"], reader);
    only(&raw.limits, "limits", &[], reader);
    cache(&raw.cache, reader);
    if let Some(log) = &raw.log {
        content(&log.value.content, reader);
    }
    for (_, spot) in raw.models.iter().flat_map(|named| &named.value.0) {
        let model = &spot.value;
        only(&model.hedge, "hedge", &[], reader);
        only(&model.rescue, "rescue", &[], reader);
        only(&model.prompt_cache, "prompt_cache", &[], reader);
        cache(&model.cache, reader);
    }
    for key in raw.keys.iter().flat_map(|list| &list.value) {
        only(&key.value.fail, "fail", &["open"], reader);
        cache(&key.value.cache, reader);
    }
}

/// `all` is taken for what is built of it, which the caller is told.
fn content(field: &Option<Spot<OrOff<Content>>>, reader: &mut Reader<'_>) {
    match field {
        Some(Spot { at, value: OrOff::On(Content::All) }) => reader.warning(
            *at,
            "`log.content: all` keeps the state of responses; bodies beside ledger lines are not built yet",
            "write `responses: { state: on }` to keep that alone, also in later releases",
        ),
        Some(Spot { at, value: OrOff::On(Content::Errors) }) => {
            reader.problem(*at, "`log.content: errors` is not built yet", "remove it, or write `off` or `all`");
        }
        Some(Spot { value: OrOff::Off, .. }) | None => {}
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
