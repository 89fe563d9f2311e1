//! What an operation used, as its answer tells: tokens, seconds, characters, images.
//!
//! Sources: OpenAI's API reference (`usage` of images, `usage` of transcriptions by tokens or by seconds),
//! Cohere's `meta.billed_units`.

use bytes::Bytes;
use dialect::stream::Reading;
use dialect::usage::{Source, Unit, Usage};
use policy::provider::operation::Operation;
use wire::json::{Index, Json};

use crate::exchange::watch;
use crate::state::target::Target;

/// Reads a whole answer.
#[must_use]
pub fn whole(operation: Operation, target: &Target, body: &Bytes) -> Reading {
    let mut reading = watch::whole(None, target, body);
    let mut index = Index::default();
    let Ok(json) = index.read_bytes(body) else { return reading };
    let told = json.get("usage");
    match operation {
        Operation::Images | Operation::ImageEdits if reading.usage.source == Source::Reported => {
            apart(&mut reading.usage, told, "image_tokens", Unit::ImageIn);
            let drawn = reading.usage.get(Unit::Output).unwrap_or(0);
            reading.usage.set(Unit::Output, 0);
            reading.usage.set(Unit::ImageOut, drawn);
        }
        Operation::Transcriptions | Operation::Translations => {
            apart(&mut reading.usage, told, "audio_tokens", Unit::AudioIn);
            let seconds = told.and_then(|usage| usage.get("seconds")).or_else(|| json.get("duration"));
            if reading.usage.source != Source::Reported
                && let Some(seconds) = seconds.and_then(whole_seconds)
            {
                counted(&mut reading.usage, Unit::Second, seconds);
            }
        }
        _ => {}
    }
    reading
}

/// A reading of what is known before the answer: the characters of a text to be spoken.
#[must_use]
pub fn before(characters: Option<u64>) -> Reading {
    let mut reading = Reading::default();
    if let Some(characters) = characters {
        counted(&mut reading.usage, Unit::Character, characters);
    }
    reading
}

fn counted(usage: &mut Usage, unit: Unit, quantity: u64) {
    usage.set(unit, quantity);
    usage.source = Source::Reported;
}

/// Takes tokens of another kind out of the input, where the details tell of them.
fn apart(usage: &mut Usage, told: Option<Json<'_>>, name: &str, unit: Unit) {
    let Some(told) = told else { return };
    let details = told.get("input_tokens_details").or_else(|| told.get("input_token_details"));
    let Some(other) = details.and_then(|details| details.get(name)?.as_u64()).filter(|other| *other > 0) else {
        return;
    };
    if usage.get(unit).is_some() {
        return;
    }
    let input = usage.get(Unit::Input).unwrap_or(0);
    usage.set(unit, other.min(input));
    usage.set(Unit::Input, input.saturating_sub(other));
}

/// Seconds, a part of one counted as one: the text of a number, never a float.
fn whole_seconds(value: Json<'_>) -> Option<u64> {
    let text = value.as_number()?;
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let more = part.bytes().any(|digit| digit != b'0');
    if !part.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    whole.parse::<u64>().ok()?.checked_add(u64::from(more))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_second_is_one() {
        for (text, expected) in [("12", Some(12)), ("12.0", Some(12)), ("12.01", Some(13)), ("1e3", None), ("-1", None)]
        {
            assert_eq!(whole_seconds(Json::parse(text).unwrap()), expected, "{text}");
        }
    }
}
