#![allow(clippy::expect_used, clippy::allow_attributes, reason = "tests")]
use super::*;

fn check(object: &str, expected: &[(Unit, u64)]) -> Usage {
    let usage = read(Json::parse(object).expect(object), Source::Reported);
    assert_eq!(usage.iter().collect::<Vec<_>>(), expected, "{object}");
    usage
}

#[test]
fn buckets_are_disjoint() {
    use Unit::{AudioIn, AudioOut, CacheRead, ImageOut, Input, Output, Reasoning};
    let plain =
        check(r#"{"promptTokenCount":10,"candidatesTokenCount":5,"totalTokenCount":15}"#, &[(Input, 10), (Output, 5)]);
    assert!(plain.notes.is_empty() && plain.source == Source::Reported);
    check(
        r#"{"promptTokenCount":100,"cachedContentTokenCount":60,"candidatesTokenCount":5,"thoughtsTokenCount":7}"#,
        &[(Input, 40), (CacheRead, 60), (Output, 12), (Reasoning, 7)],
    );
    check(
        r#"{"promptTokenCount":10,"toolUsePromptTokenCount":30,"candidatesTokenCount":5}"#,
        &[(Input, 40), (Output, 5)],
    );
    // Everything went into thoughts.
    check(
        r#"{"promptTokenCount":10,"thoughtsTokenCount":30,"totalTokenCount":40}"#,
        &[(Input, 10), (Output, 30), (Reasoning, 30)],
    );
    // Counts of 0 are left out.
    check(r#"{"promptTokenCount":19,"totalTokenCount":19}"#, &[(Input, 19), (Output, 0)]);
    check(
        r#"{"promptTokenCount":50,"cachedContentTokenCount":20,"candidatesTokenCount":9,
            "promptTokensDetails":[{"modality":"TEXT","tokenCount":10},{"modality":"AUDIO","tokenCount":40}],
            "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":20}],
            "candidatesTokensDetails":[{"modality":4,"tokenCount":3},{"modality":"IMAGE","tokenCount":4}]}"#,
        &[(Input, 10), (CacheRead, 20), (Output, 2), (AudioIn, 20), (AudioOut, 3), (ImageOut, 4)],
    );
}

#[test]
fn deviations_are_noted() {
    use Unit::{Input, Output};
    let usage = check(r#"{"promptTokenCount":10,"totalTokenCount":18}"#, &[(Input, 10), (Output, 8)]);
    assert_eq!(usage.notes.len(), 1);
    let usage =
        check(r#"{"promptTokenCount":10,"candidatesTokenCount":1,"totalTokenCount":18}"#, &[(Input, 10), (Output, 1)]);
    assert_eq!(usage.notes, ["totalTokenCount is 18, the counts add up to 11"]);
}

#[test]
fn nothing_said_is_nothing_known() {
    assert_eq!(check(r#"{"trafficType":"ON_DEMAND"}"#, &[]).source, Source::Unknown);
    let flex = r#"{"promptTokenCount":1,"trafficType":"ON_DEMAND_FLEX"}"#;
    assert_eq!(check(flex, &[(Unit::Input, 1), (Unit::Output, 0)]).tier.as_deref(), Some("flex"));
}

#[test]
fn written_counts_read_back() {
    for object in [
        r#"{"promptTokenCount":100,"cachedContentTokenCount":60,"candidatesTokenCount":5,"thoughtsTokenCount":7,"totalTokenCount":112}"#,
        r#"{"promptTokenCount":50,"candidatesTokenCount":9,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":40}],
            "candidatesTokensDetails":[{"modality":"IMAGE","tokenCount":4}],"serviceTier":"flex"}"#,
    ] {
        let usage = read(Json::parse(object).expect(object), Source::Reported);
        let mut json = Writer::new();
        write(&usage, &mut json);
        let text = json.finish();
        let mut back = read(Json::parse(&text).expect("JSON"), Source::Reported);
        back.raw.clone_from(&usage.raw);
        assert_eq!(back, usage, "{text}");
        assert!(is_told(&usage));
    }
}
