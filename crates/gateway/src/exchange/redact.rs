//! Our own keys in what providers say: overwritten before anyone reads it.

use bytes::Bytes;

use crate::state::target::Target;

/// Overwrites our own keys (whole, or a tail behind a mask) and `org-…` ids with `*`, the length kept.
#[must_use]
pub fn redact<'k>(body: Bytes, keys: impl Iterator<Item = &'k str>) -> Bytes {
    let mut stars: Vec<(usize, usize)> = Vec::new();
    for key in keys.filter(|key| key.len() >= 8) {
        for at in memchr::memmem::find_iter(&body, key.as_bytes()) {
            stars.push((at, at + key.len()));
        }
        let tail = key.as_bytes().get(key.len().saturating_sub(4)..).unwrap_or_default();
        for at in memchr::memmem::find_iter(&body, tail) {
            // A tail counts where a mask stands before as much of it as is shown: `sk-…*abcd`, `...abcd`.
            let mut from = at;
            while from > 0 && same_as_key(key, &body, from - 1, at) {
                from -= 1;
            }
            let masked = from > 0 && matches!(body.get(from - 1), Some(b'*' | b'.' | 0xa6));
            let long = at - from >= 4;
            if masked || long {
                stars.push((from, at + tail.len()));
            }
        }
    }
    for at in memchr::memmem::find_iter(&body, b"org-") {
        let id = body.get(at + 4..).unwrap_or_default();
        let length = id.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let inside = at > 0 && body.get(at - 1).is_some_and(|byte| byte.is_ascii_alphanumeric());
        if length >= 6 && !inside {
            stars.push((at, at + 4 + length));
        }
    }
    if stars.is_empty() {
        return body;
    }
    let mut bytes = body.to_vec();
    for (from, to) in stars {
        if let Some(span) = bytes.get_mut(from..to) {
            span.fill(b'*');
        }
    }
    bytes.into()
}

/// True when the byte at `at` continues the key backwards from the tail that starts at `tail`.
fn same_as_key(key: &str, body: &[u8], at: usize, tail: usize) -> bool {
    let back = tail - at;
    let place = key.len().checked_sub(4 + back);
    place.is_some_and(|place| key.as_bytes().get(place) == body.get(at))
}

/// A provider's message without our keys.
pub fn redacted(message: String, target: &Target) -> String {
    let bytes = redact(Bytes::from(message), keys(target));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Our keys at a target's provider.
pub fn keys(target: &Target) -> impl Iterator<Item = &str> {
    target.provider.config.keys.iter().map(crate::config::Secret::reveal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_organizations_are_overwritten_in_place() {
        let key = "sk-proj-abcdefghijklmnop1234";
        let cases = [
            (format!("bad key {key}."), format!("bad key {}.", "*".repeat(key.len()))),
            (
                "Incorrect API key provided: sk-proj-********1234. See".into(),
                "Incorrect API key provided: sk-proj-************. See".into(),
            ),
            ("key ...nop1234 x".into(), "key ...******* x".into()),
            ("room 1234 is free".into(), "room 1234 is free".into()),
            ("in organization org-AbCdEf123456 on".into(), format!("in organization {} on", "*".repeat(16))),
            ("reorg-anisation".into(), "reorg-anisation".into()),
        ];
        for (body, expected) in cases {
            let body: String = body;
            let out = redact(Bytes::from(body.clone()), std::iter::once(key));
            assert_eq!(String::from_utf8_lossy(&out), expected, "{body}");
            assert_eq!(out.len(), body.len());
        }
    }
}
