//! The usage object of a response, both ways, and what its output is charged for beside tokens.
//!
//! Cached and written tokens are inside the input, reasoning is inside the output: OpenAI's inclusive
//! convention under other names, so the reader of the chat dialect reads it. Web searches are charged by
//! the call, and only those that search, not those that open a page.

use wire::json::{Json, Writer};

use crate::openai_chat;
use crate::quirk::Quirks;
use crate::usage::{Source, Unit, Usage};

/// The usage of a response object, with its tier and the searches in its output.
pub(super) fn read(response: Json<'_>, quirks: Quirks) -> Usage {
    let raw = response.get("usage").and_then(Json::non_null);
    let mut usage = raw.map(|raw| openai_chat::usage::read(raw, quirks)).unwrap_or_default();
    if let Some(tier) = response.get("service_tier").and_then(Json::as_str) {
        usage.tier = Some(tier.into());
    }
    let searches = response.get("output").map_or(0, |output| output.items().filter(|item| is_search(*item)).count());
    if usage.source == Source::Reported && searches > 0 && usage.get(Unit::Search).is_none() {
        usage.set(Unit::Search, searches as u64);
    }
    usage
}

/// True for a call of the provider's web search that searched.
fn is_search(item: Json<'_>) -> bool {
    let other = |action: Json<'_>| !action.is_null() && !action.is("search");
    item.get("type").is_some_and(|kind| kind.is("web_search_call"))
        && !item.at(&["action", "type"]).is_some_and(other)
        && !item.get("status").is_some_and(|status| status.is("failed"))
}

/// Writes a usage object; `null` where nobody knows, because 0 would be a claim.
pub(super) fn write(usage: &Usage, json: &mut Writer) {
    if usage.is_empty() {
        json.null();
        return;
    }
    let (input, output) = (usage.prompt_tokens(), usage.completion_tokens());
    let written = usage.cache_writes();
    json.object(|json| {
        json.key("input_tokens").u64(input);
        // The official clients want both details.
        json.key("input_tokens_details").object(|json| {
            json.key("cached_tokens").u64(usage.get(Unit::CacheRead).unwrap_or(0));
            if written > 0 {
                json.key("cache_write_tokens").u64(written);
            }
        });
        json.key("output_tokens").u64(output);
        json.key("output_tokens_details").object(|json| {
            json.key("reasoning_tokens").u64(usage.get(Unit::Reasoning).unwrap_or(0));
        });
        json.key("total_tokens").u64(input.saturating_add(output));
    });
}

/// True when the object above cannot tell all of it.
pub(super) fn is_lossy(usage: &Usage) -> bool {
    let told = [Unit::Input, Unit::CacheRead, Unit::CacheWrite, Unit::Output, Unit::Reasoning];
    usage.iter().any(|(unit, quantity)| quantity > 0 && !told.contains(&unit))
}

#[cfg(test)]
mod tests;
