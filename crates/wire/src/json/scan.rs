//! One pass over a JSON value that checks its grammar and finds its end. Builds nothing.

use memchr::memchr2;

use crate::error::JsonError;
use crate::limits::MAX_DEPTH;

/// Words of eight bytes of a string that are looked at before the vector search is set up.
const SHORT: usize = 5;
/// One in every byte of a word.
const ONES: u64 = u64::MAX / 255;

/// Marks what ends a plain run of a string in eight bytes of it: a quote, a backslash, a control character.
/// 0 when there is none; else the lowest bit set belongs to the first of them.
#[inline]
pub(super) const fn stops(word: [u8; 8]) -> u64 {
    let word = u64::from_le_bytes(word);
    let quote = word ^ (ONES * b'"' as u64);
    let slash = word ^ (ONES * b'\\' as u64);
    let found = quote.wrapping_sub(ONES) | slash.wrapping_sub(ONES) | word.wrapping_sub(ONES * 0x20);
    // The top bits of all three are those of the word: a byte that has one is none of them.
    found & !word & (ONES * 0x80)
}

/// Offset at or after `from` up to which a string is surely plain: of the first byte that ends the run, or
/// where a look at a few words came to.
#[inline(always)]
fn plain_until(bytes: &[u8], mut from: usize) -> usize {
    let (words, _) = bytes.get(from..).unwrap_or_default().as_chunks();
    for word in words.iter().take(SHORT) {
        let found = stops(*word);
        if found != 0 {
            return from + (found.trailing_zeros() / 8) as usize;
        }
        from += 8;
    }
    from
}

/// Offset of the first byte at or after `at` that is not JSON white space.
pub(super) fn space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Checks the value that starts at `at` and returns the offset behind it.
pub(super) fn value(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    value_within(bytes, at, 0)
}

/// The same for a value that stands in `outer` containers, which count for the bound on nesting.
pub(super) fn value_within(bytes: &[u8], mut at: usize, outer: usize) -> Result<usize, JsonError> {
    // One bit per open container: 1 = object, 0 = array.
    let mut open: u128 = 0;
    let mut depth = 0usize;
    loop {
        // A value starts here.
        match bytes.get(at) {
            Some(b'"') => at = string(bytes, at)?.0,
            Some(b'{' | b'[') => {
                if depth + outer >= MAX_DEPTH {
                    return Err(JsonError::new("nested too deeply", at));
                }
                let object = bytes.get(at) == Some(&b'{');
                open = (open << 1) | u128::from(object);
                depth += 1;
                at = space(bytes, at + 1);
                match (object, bytes.get(at)) {
                    (true, Some(b'}')) | (false, Some(b']')) => {
                        open >>= 1;
                        depth -= 1;
                        at += 1;
                    }
                    (true, _) => {
                        at = key(bytes, at)?;
                        continue;
                    }
                    (false, _) => continue,
                }
            }
            _ => at = plain(bytes, at)?,
        }
        // A value ended here: close containers until another one must start.
        loop {
            if depth == 0 {
                return Ok(at);
            }
            at = space(bytes, at);
            let object = open & 1 == 1;
            match (object, bytes.get(at)) {
                (true, Some(b'}')) | (false, Some(b']')) => {
                    open >>= 1;
                    depth -= 1;
                    at += 1;
                }
                (true, Some(b',')) => {
                    at = key(bytes, space(bytes, at + 1))?;
                    break;
                }
                (false, Some(b',')) => {
                    at = space(bytes, at + 1);
                    break;
                }
                (_, None) => return Err(JsonError::new("unexpected end", at)),
                (true, Some(_)) => return Err(JsonError::new("expected `,` or `}`", at)),
                (false, Some(_)) => return Err(JsonError::new("expected `,` or `]`", at)),
            }
        }
    }
}

/// Checks a word or a number; returns the offset behind it.
pub(super) fn plain(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    match bytes.get(at) {
        Some(b't') => word(bytes, at, b"true"),
        Some(b'f') => word(bytes, at, b"false"),
        Some(b'n') => word(bytes, at, b"null"),
        Some(b'-' | b'0'..=b'9') => number(bytes, at),
        Some(_) => Err(JsonError::new("expected a value", at)),
        None => Err(JsonError::new("unexpected end", at)),
    }
}

/// Checks a member's key and colon; returns where its value starts.
fn key(bytes: &[u8], at: usize) -> Result<usize, JsonError> {
    if bytes.get(at) != Some(&b'"') {
        return Err(JsonError::new("expected a key in quotes", at));
    }
    let at = space(bytes, string(bytes, at)?.0);
    if bytes.get(at) != Some(&b':') {
        return Err(JsonError::new("expected `:`", at));
    }
    Ok(space(bytes, at + 1))
}

/// Checks the string whose opening quote is at `at`; returns the offset behind its closing quote, and whether
/// it holds an escape.
pub(super) fn string(bytes: &[u8], at: usize) -> Result<(usize, bool), JsonError> {
    let mut from = plain_until(bytes, at + 1);
    if bytes.get(from) == Some(&b'"') {
        return Ok((from + 1, false));
    }
    let mut escaped = false;
    loop {
        let rest = bytes.get(from..).unwrap_or_default();
        let Some(stop) = memchr2(b'"', b'\\', rest) else {
            return Err(JsonError::new("a string does not end", at));
        };
        let plain = rest.get(..stop).unwrap_or_default();
        if has_control(plain) {
            let bad = plain.iter().position(|byte| *byte < 0x20).unwrap_or(0);
            return Err(JsonError::new("a raw control character in a string", from + bad));
        }
        let end = from + stop;
        if bytes.get(end) == Some(&b'"') {
            return Ok((end + 1, escaped));
        }
        escaped = true;
        from = match bytes.get(end + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => end + 2,
            Some(b'u') => {
                let hex = bytes.get(end + 2..end + 6);
                if !hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) {
                    return Err(JsonError::new("a bad \\u escape", end));
                }
                end + 6
            }
            _ => return Err(JsonError::new("a bad escape", end)),
        };
    }
}

/// True when a byte below 0x20 is in the run. Written so that it compiles to vector code.
fn has_control(bytes: &[u8]) -> bool {
    bytes.chunks(64).any(|chunk| chunk.iter().fold(false, |bad, byte| bad | (*byte < 0x20)))
}

fn word(bytes: &[u8], at: usize, word: &[u8]) -> Result<usize, JsonError> {
    let end = at + word.len();
    if bytes.get(at..end) == Some(word) { Ok(end) } else { Err(JsonError::new("expected a value", at)) }
}

fn number(bytes: &[u8], start: usize) -> Result<usize, JsonError> {
    let digits = |mut at: usize| {
        let from = at;
        while matches!(bytes.get(at), Some(b'0'..=b'9')) {
            at += 1;
        }
        if at == from { Err(JsonError::new("expected a digit", at)) } else { Ok(at) }
    };
    let mut at = start;
    if bytes.get(at) == Some(&b'-') {
        at += 1;
    }
    at = if bytes.get(at) == Some(&b'0') { at + 1 } else { digits(at)? };
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        at += 1;
        if matches!(bytes.get(at), Some(b'+' | b'-')) {
            at += 1;
        }
        at = digits(at)?;
    }
    Ok(at)
}

/// What a byte means outside of strings: 0 nothing, 1 opens, 2 closes, 3 a quote.
const SHAPE: [u8; 256] = {
    let mut shape = [0; 256];
    shape[b'{' as usize] = 1;
    shape[b'[' as usize] = 1;
    shape[b'}' as usize] = 2;
    shape[b']' as usize] = 2;
    shape[b'"' as usize] = 3;
    shape
};

/// Offset behind the value that starts at `at`, in a text that was checked before. Total on any text: what is
/// no JSON ends somewhere.
pub(super) fn skip(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(b'"') => skip_string(bytes, at).0,
        Some(b'{' | b'[') => {
            let mut depth = 0usize;
            let mut at = at;
            while let Some(byte) = bytes.get(at) {
                match SHAPE[usize::from(*byte)] {
                    0 => at += 1,
                    1 => {
                        depth += 1;
                        at += 1;
                    }
                    2 => {
                        at += 1;
                        depth = depth.saturating_sub(1);
                        if depth == 0 {
                            return at;
                        }
                    }
                    _ => at = skip_string(bytes, at).0,
                }
            }
            bytes.len()
        }
        _ => {
            let rest = bytes.get(at..).unwrap_or_default();
            // Numbers and words hold no byte below `+`; what ends them is a comma, white space or a bracket.
            let ends = |byte: &u8| *byte <= b' ' || *byte == b',' || *byte == b'}' || *byte == b']';
            at + rest.iter().position(ends).unwrap_or(rest.len())
        }
    }
}

/// Offset behind the string whose opening quote is at `at`, in a text that was checked before, and whether
/// it holds an escape.
pub(super) fn skip_string(bytes: &[u8], at: usize) -> (usize, bool) {
    let mut from = plain_until(bytes, at + 1);
    if bytes.get(from) == Some(&b'"') {
        return (from + 1, false);
    }
    let mut escaped = false;
    loop {
        let rest = bytes.get(from..).unwrap_or_default();
        match memchr2(b'"', b'\\', rest) {
            None => return (bytes.len(), escaped),
            Some(stop) if rest.get(stop) == Some(&b'"') => return (from + stop + 1, escaped),
            Some(stop) => {
                escaped = true;
                from += stop + 2;
            }
        }
    }
}
