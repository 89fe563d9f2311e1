//! The same JSON in other spellings: oddly spaced, and with escapes where none are needed.

use std::fmt::Write as _;

use wire::json::{Json, Kind};

/// A way to write JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spelling {
    /// As it came.
    Compact,
    /// White space of every kind around every token.
    Spaced,
    /// Every third character of keys and strings as an escape.
    Escaped,
}

impl Spelling {
    pub const ALL: [Spelling; 3] = [Spelling::Compact, Spelling::Spaced, Spelling::Escaped];

    /// The text of a value in this spelling.
    pub fn write(self, json: Json<'_>) -> String {
        let mut out = String::new();
        match self {
            Spelling::Compact => out.push_str(json.raw()),
            Spelling::Spaced | Spelling::Escaped => value(self, json, &mut out),
        }
        out
    }
}

fn value(spelling: Spelling, json: Json<'_>, out: &mut String) {
    space(spelling, out);
    match json.kind() {
        Kind::Object => {
            out.push('{');
            let inside = json.raw().get(1..json.raw().len() - 1).unwrap();
            let mut rest = inside;
            for (index, (_, member)) in json.members().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                // The key as it came: what stands before the value, without comma, colon and space.
                let at = member.raw().as_ptr() as usize - rest.as_ptr() as usize;
                let key = rest.get(..at).unwrap().trim_matches([' ', ',', ':', '\n', '\r', '\t']);
                rest = rest.get(at + member.raw().len()..).unwrap();
                space(spelling, out);
                string(spelling, key, out);
                space(spelling, out);
                out.push(':');
                value(spelling, member, out);
            }
            space(spelling, out);
            out.push('}');
        }
        Kind::Array => {
            out.push('[');
            for (index, item) in json.items().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                value(spelling, item, out);
            }
            space(spelling, out);
            out.push(']');
        }
        Kind::String => string(spelling, json.raw(), out),
        Kind::Null | Kind::Bool | Kind::Number => out.push_str(json.raw()),
    }
    space(spelling, out);
}

fn space(spelling: Spelling, out: &mut String) {
    if spelling == Spelling::Spaced {
        out.push_str([" ", "\n\t", "", "  ", "\r\n"][out.len() % 5]);
    }
}

/// A string with its quotes; escapes that are there stay.
fn string(spelling: Spelling, quoted: &str, out: &mut String) {
    if spelling != Spelling::Escaped {
        return out.push_str(quoted);
    }
    let mut escape = 0;
    for (index, char) in quoted.char_indices() {
        let last = index + 1 == quoted.len();
        if escape > 0 {
            escape -= 1;
        } else if char == '\\' {
            escape = if quoted.get(index + 1..index + 2) == Some("u") { 5 } else { 1 };
        } else if index % 3 == 1 && !last {
            let mut units = [0; 2];
            for unit in char.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04X}");
            }
            continue;
        }
        out.push(char);
    }
}
