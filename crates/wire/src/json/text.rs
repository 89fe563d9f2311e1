//! JSON strings to text and back. A lone surrogate becomes U+FFFD and is counted, never an error.

use std::borrow::Cow;

use super::scan::stops;

/// The text of a JSON string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text<'a> {
    /// The decoded text; borrowed where the source had no escape.
    pub text: Cow<'a, str>,
    /// How many lone surrogates were replaced by U+FFFD.
    pub replaced: usize,
}

/// What one escape or run of a string's inside stands for.
enum Piece<'a> {
    Plain(&'a str),
    Char(char),
    High(u16),
    Low(u16),
}

/// Cuts the inside of a JSON string (without its quotes) into pieces. Total on any text.
fn pieces(inside: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = inside;
    std::iter::from_fn(move || {
        let slash = memchr::memchr(b'\\', rest.as_bytes());
        match slash {
            None if rest.is_empty() => None,
            None => Some(Piece::Plain(std::mem::take(&mut rest))),
            Some(0) => {
                let (piece, used) = escape(rest);
                rest = rest.get(used..).unwrap_or_default();
                Some(piece)
            }
            Some(at) => {
                let (plain, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
                rest = after;
                Some(Piece::Plain(plain))
            }
        }
    })
}

/// The escape at the start of `text` and its length in bytes.
fn escape(text: &str) -> (Piece<'_>, usize) {
    let char = match text.as_bytes().get(1) {
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => {
            let code = text.get(2..6).and_then(|hex| u16::from_str_radix(hex, 16).ok());
            return match code {
                Some(high @ 0xd800..=0xdbff) => (Piece::High(high), 6),
                Some(low @ 0xdc00..=0xdfff) => (Piece::Low(low), 6),
                Some(code) => (Piece::Char(char::from_u32(u32::from(code)).unwrap_or('\u{fffd}')), 6),
                None => (Piece::Char('\u{fffd}'), text.len()),
            };
        }
        Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
        _ => return (Piece::Char('\u{fffd}'), text.len()),
    };
    (Piece::Char(char), 2)
}

fn pair(high: u16, low: u16) -> char {
    let code = 0x10000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(low) - 0xdc00);
    char::from_u32(code).unwrap_or('\u{fffd}')
}

/// Decodes the inside of a JSON string, given without its quotes.
#[must_use]
pub fn unescape(inside: &str) -> Text<'_> {
    if memchr::memchr(b'\\', inside.as_bytes()).is_none() {
        return Text { text: Cow::Borrowed(inside), replaced: 0 };
    }
    let mut joiner = Joiner::default();
    let mut text = String::with_capacity(inside.len());
    let mut replaced = joiner.push(inside, &mut text);
    replaced += joiner.finish(&mut text);
    Text { text: Cow::Owned(text), replaced }
}

/// Decodes a string that arrives in pieces: a surrogate pair cut between two pieces is joined.
#[derive(Debug, Clone, Copy, Default)]
pub struct Joiner {
    high: Option<u16>,
}

impl Joiner {
    /// Decodes one more piece (the inside of a JSON string) to the end of `out`. A high surrogate at the
    /// end is held until the next call. Returns how many lone surrogates became U+FFFD.
    pub fn push(&mut self, inside: &str, out: &mut String) -> usize {
        let mut replaced = 0;
        for piece in pieces(inside) {
            match (self.high.take(), piece) {
                (Some(high), Piece::Low(low)) => out.push(pair(high, low)),
                (held, piece) => {
                    if held.is_some() {
                        out.push('\u{fffd}');
                        replaced += 1;
                    }
                    match piece {
                        Piece::Plain(plain) => out.push_str(plain),
                        Piece::Char(char) => out.push(char),
                        Piece::High(high) => self.high = Some(high),
                        Piece::Low(_) => {
                            out.push('\u{fffd}');
                            replaced += 1;
                        }
                    }
                }
            }
        }
        replaced
    }

    /// Ends the string; a high surrogate still held becomes U+FFFD. Returns how many did (0 or 1).
    pub fn finish(&mut self, out: &mut String) -> usize {
        match self.high.take() {
            Some(_) => {
                out.push('\u{fffd}');
                1
            }
            None => 0,
        }
    }
}

/// Appends `text` to `out` as a JSON string, quotes included.
pub fn quote(text: &str, out: &mut String) {
    out.reserve(text.len() + 2);
    out.push('"');
    if is_short_and_plain(text.as_bytes()) {
        out.push_str(text);
        return out.push('"');
    }
    let mut from = 0;
    loop {
        // What must be escaped is ASCII, so runs between end where characters do.
        let stop = next_stop(text.as_bytes(), from);
        out.push_str(text.get(from..stop).unwrap_or_default());
        let Some(byte) = text.as_bytes().get(stop) else { break };
        escape_byte(*byte, out);
        from = stop + 1;
    }
    out.push('"');
}

/// True for a short text, as keys and ids are, that can stand in a JSON string as it is.
#[inline]
fn is_short_and_plain(bytes: &[u8]) -> bool {
    match bytes.last_chunk() {
        None => !bytes.iter().any(|byte| escapes(*byte)),
        Some(last) if bytes.len() <= 64 => {
            let (words, _) = bytes.as_chunks();
            words.iter().fold(stops(*last), |found, word| found | stops(*word)) == 0
        }
        Some(_) => false,
    }
}

/// True when every byte can stand in a JSON string as it is.
#[inline]
pub(super) fn is_plain(bytes: &[u8]) -> bool {
    next_stop(bytes, 0) == bytes.len()
}

/// Offset at or after `from` of the first byte that cannot stand in a JSON string as it is; the end when there is
/// none.
#[inline]
fn next_stop(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let (words, last) = rest.as_chunks();
    let mut at = from;
    // Four words at a time while none of them has a stop.
    let (fours, _) = words.as_chunks::<4>();
    for [one, two, three, four] in fours {
        if stops(*one) | stops(*two) | stops(*three) | stops(*four) != 0 {
            break;
        }
        at += 32;
    }
    for word in words.get((at - from) / 8..).unwrap_or_default() {
        let found = stops(*word);
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + last.iter().position(|byte| escapes(*byte)).unwrap_or(last.len())
}

/// True for a byte that cannot stand in a JSON string as it is.
#[inline]
const fn escapes(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

fn escape_byte(byte: u8, out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' => "\\\"",
        b'\\' => "\\\\",
        b'\n' => "\\n",
        b'\r' => "\\r",
        b'\t' => "\\t",
        0x08 => "\\b",
        0x0c => "\\f",
        _ => {
            out.push_str("\\u00");
            out.push(char::from(b'0' + (byte >> 4)));
            return out.push(HEX.get(usize::from(byte & 0x0f)).map_or('0', |digit| char::from(*digit)));
        }
    };
    out.push_str(short);
}
