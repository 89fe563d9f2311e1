//! Ollama's counts to units and back. They stand at the top of the last line, beside how long things took.

use wire::json::{Json, Writer};

use crate::loss::Loss;
use crate::usage::{Source, Unit, Usage};

/// Members that tell of usage; durations are nanoseconds.
const MEMBERS: [&str; 6] =
    ["total_duration", "load_duration", "prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration"];

/// Reads the counts of a last line. Older servers leave out the prompt's where it was cached whole.
pub(super) fn read(line: Json<'_>) -> Usage {
    let mut usage = Usage::unknown();
    let count = |name: &str| line.get(name).and_then(Json::as_u64);
    let (prompt, completion) = (count("prompt_eval_count"), count("eval_count"));
    if prompt.or(completion).is_none() {
        return usage;
    }
    usage.source = Source::Reported;
    usage.set(Unit::Input, prompt.unwrap_or(0));
    usage.set(Unit::Output, completion.unwrap_or(0));
    if prompt.is_none() {
        usage.notes.push("the prompt's tokens were not told: it was cached".to_owned());
    }
    let mut json = Writer::new();
    json.object(|json| {
        for (key, value) in line.members().filter(|(key, _)| MEMBERS.contains(&&**key)) {
            json.key(&key).raw(value.raw());
        }
    });
    usage.raw = Some(json.finish().into());
    usage
}

/// Writes the counts; nothing where nobody knows, because 0 would be a claim.
pub(super) fn write(usage: &Usage, losses: &mut Vec<Loss>, json: &mut Writer) {
    if usage.is_empty() {
        return;
    }
    json.key("prompt_eval_count").u64(usage.prompt_tokens());
    json.key("eval_count").u64(usage.completion_tokens());
    if usage.iter().any(|(unit, quantity)| quantity > 0 && !matches!(unit, Unit::Input | Unit::Output)) {
        losses.push(Loss::approximated("usage", "usage"));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
    use super::*;

    #[test]
    fn counts_and_durations() {
        let read = |text: &str| read(Json::parse(text).expect("JSON"));
        let usage = read(r#"{"model":"m","total_duration":9,"prompt_eval_count":5,"eval_count":7}"#);
        assert_eq!((usage.get(Unit::Input), usage.get(Unit::Output)), (Some(5), Some(7)));
        assert_eq!(usage.raw.as_deref(), Some(r#"{"total_duration":9,"prompt_eval_count":5,"eval_count":7}"#));
        let cached = read(r#"{"eval_count":7}"#);
        assert_eq!((cached.get(Unit::Input), cached.notes.len()), (Some(0), 1));
        assert_eq!(read("{}").source, Source::Unknown);
    }
}
