#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;

#[test]
fn versions_in_every_spelling() {
    for (id, expected) in [
        ("claude-3-5-sonnet-20241022", Some((3, 5))),
        ("claude-3-7-sonnet-latest", Some((3, 7))),
        ("claude-3-haiku-20240307", Some((3, 0))),
        ("claude-opus-4-20250514", Some((4, 0))),
        ("claude-opus-4-1-20250805", Some((4, 1))),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", Some((4, 5))),
        ("claude-haiku-4-5@20251001", Some((4, 5))),
        ("anthropic/claude-sonnet-4.6", Some((4, 6))),
        ("claude-opus-4.7:thinking", Some((4, 7))),
        ("claude-opus-4-8", Some((4, 8))),
        ("Claude-Sonnet-5", Some((5, 0))),
        ("claude-haiku-5-5", Some((5, 5))),
        ("claude-fable-5", Some((5, 0))),
        ("claude-mythos-preview", Some((5, 0))),
        ("claude-2.1", Some((2, 1))),
        ("claude", None),
        ("qwen3-32b", None),
        ("", None),
    ] {
        assert_eq!(version(id), expected, "{id}");
    }
}

#[test]
fn abilities_follow_the_version() {
    let told = |id| {
        let able = abilities(id);
        (able.sampling, able.both_samplings, able.structured, able.budget, able.adaptive)
    };
    assert_eq!(told("claude-3-5-haiku-20241022"), (true, true, false, false, false));
    assert_eq!(told("claude-3-7-sonnet-20250219"), (true, true, false, true, false));
    assert_eq!(told("claude-sonnet-4-5"), (true, false, true, true, false));
    assert_eq!(told("claude-sonnet-4-6"), (true, false, true, false, true));
    assert_eq!(told("claude-opus-4-7"), (false, false, true, false, true));
    assert_eq!(told("claude-mythos-5"), (false, false, true, false, true));
    assert_eq!(told("glm-4.6"), (true, true, false, false, false));
}
