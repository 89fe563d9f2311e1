//! Ids of tool calls that carry another dialect's proof of the call: clients of this dialect have no place
//! for it, and give an id back as it came.
//!
//! `call_1` with the signature `ab+/==` is `call_1__sig2_ab-_`: the number of `=` at the end, and the rest in
//! the letters that ids may have. A signature that has those letters by itself is marked `__sigu`.

use std::borrow::Cow;

use crate::id::DialectId;
use crate::ir::part::{Opaque, Origin};

const MARK: &str = "__sig";

/// The id with a proof in it; `None` for a proof that has no place in an id.
pub(super) fn write(id: &str, proof: &Opaque) -> Option<String> {
    if proof.origin.dialect != DialectId::Gemini || id.contains(MARK) {
        return None;
    }
    let bare = proof.data.trim_end_matches('=');
    let padding = proof.data.len() - bare.len();
    let safe = bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let base64 = bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'));
    match (padding, base64, safe) {
        (0..=2, true, _) if !bare.is_empty() => {
            Some(format!("{id}{MARK}{padding}_{}", bare.replace('+', "-").replace('/', "_")))
        }
        (0..=2, _, true) if !bare.is_empty() => Some(format!("{id}{MARK}u{padding}_{bare}")),
        _ => None,
    }
}

/// The id without the proof that was put into it, and the proof.
pub(super) fn read(id: &str) -> (&str, Option<Opaque>) {
    let proof = || {
        let (own, rest) = id.split_once(MARK)?;
        let (safe, rest) = match rest.strip_prefix('u') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let (padding, data) = rest.split_once('_')?;
        let padding = ["", "=", "=="].get(padding.parse::<usize>().ok()?)?;
        let data = if safe { Cow::Borrowed(data) } else { Cow::Owned(data.replace('-', "+").replace('_', "/")) };
        let origin = Origin { dialect: DialectId::Gemini, model: String::new() };
        (!data.is_empty()).then(|| (own, Opaque { origin, data: format!("{data}{padding}") }))
    };
    match proof() {
        Some((own, proof)) => (own, Some(proof)),
        None => (id, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_come_back() {
        for (data, expected) in [
            ("ab+/==", Some("call_1__sig2_ab-_")),
            ("ab", Some("call_1__sig0_ab")),
            ("a-_b=", Some("call_1__sigu1_a-_b")),
            ("a b", None),
            ("", None),
        ] {
            let origin = Origin { dialect: DialectId::Gemini, model: String::new() };
            let proof = Opaque { origin, data: data.to_owned() };
            let id = write("call_1", &proof);
            assert_eq!(id.as_deref(), expected, "{data}");
            if let Some(id) = id {
                assert_eq!(read(&id), ("call_1", Some(proof)));
            }
        }
        for id in ["call_1", "a__sig", "a__sig3_b", "a__sig0_", "__sigx", ""] {
            assert_eq!(read(id), (id, None));
        }
    }
}
