//! What was used where nobody reported it: estimated from the text, nothing, or free.

use dialect::usage::{Source, Unit, Usage};

/// Bytes of text that make a token, where nothing better is known.
pub const BYTES_PER_TOKEN: u64 = 4;

/// Where what was used is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// The provider's report, else an estimate from the text.
    Estimated,
    /// The provider's report alone: nothing is known of the text.
    Reported,
    /// The call is free of charge.
    Free,
}

/// The usage of a call that is free of charge.
#[must_use]
pub fn free() -> Usage {
    let mut usage = Usage::unknown();
    usage.source = Source::Reported;
    usage
}

/// Usage with what nobody reported estimated from the text.
#[must_use]
pub fn whole_usage(mut usage: Usage, text_bytes: u64, request_bytes: u64, sent: bool) -> Usage {
    let input = request_bytes.div_ceil(BYTES_PER_TOKEN);
    let output = text_bytes.div_ceil(BYTES_PER_TOKEN);
    match usage.source {
        Source::Reported | Source::Estimated => {}
        Source::Partial => {
            if usage.get(Unit::Input).is_none() && usage.prompt_tokens() == 0 {
                usage.set(Unit::Input, input);
            }
            let known = usage.get(Unit::Output).unwrap_or(0);
            usage.set(Unit::Output, known.max(output));
            usage.notes.push("the answer ended before its usage was reported; output is estimated".to_owned());
        }
        Source::Unknown => {
            usage.set(Unit::Input, input);
            usage.set(Unit::Output, output);
            usage.source = Source::Estimated;
            let note = if sent { "estimated from the text" } else { "the caller left before the answer" };
            usage.notes.push(note.to_owned());
        }
    }
    usage
}
