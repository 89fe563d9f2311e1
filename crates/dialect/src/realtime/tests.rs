#![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, reason = "tests")]

use super::*;
use crate::fault::Kind as FaultKind;

/// Units of a `response.done` with this usage.
fn units(usage: &str) -> (Vec<(Unit, u64)>, usize) {
    let text = format!(
        r#"{{"event_id":"e","type":"response.done","response":{{"id":"resp_1","status":"completed","usage":{usage}}}}}"#
    );
    match hear(&text) {
        Heard::Done { id, outcome: Outcome::Ok, usage } => {
            assert_eq!(id, "resp_1");
            (usage.iter().filter(|(_, count)| *count > 0).collect(), usage.notes.len())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn usage_is_disjoint() {
    use Unit::{AudioIn, AudioOut, CacheRead, ImageIn, Input, Output};
    // As in OpenAI's reference.
    let full = r#"{"total_tokens":253,"input_tokens":132,"output_tokens":121,"input_token_details":{"text_tokens":119,"audio_tokens":13,"image_tokens":0,"cached_tokens":64,"cached_tokens_details":{"text_tokens":64,"audio_tokens":0,"image_tokens":0}},"output_token_details":{"text_tokens":30,"audio_tokens":91}}"#;
    assert_eq!(units(full).0, [(Input, 55), (CacheRead, 64), (Output, 30), (AudioIn, 13), (AudioOut, 91)]);
    let pictures = r#"{"input_tokens":100,"output_tokens":0,"input_token_details":{"text_tokens":10,"audio_tokens":30,"image_tokens":60,"cached_tokens":25,"cached_tokens_details":{"text_tokens":5,"audio_tokens":20}}}"#;
    assert_eq!(units(pictures), (vec![(Input, 5), (CacheRead, 25), (AudioIn, 10), (ImageIn, 60)], 1));
    // Which were cached is not said: audio is not made cheap.
    let untold = r#"{"input_tokens":100,"output_tokens":5,"input_token_details":{"text_tokens":40,"audio_tokens":60,"cached_tokens":50}}"#;
    assert_eq!(units(untold), (vec![(CacheRead, 50), (Output, 5), (AudioIn, 50)], 1));
    assert_eq!(units(r#"{"input_tokens":3,"output_tokens":4}"#), (vec![(Input, 3), (Output, 4)], 0));
    let more =
        r#"{"input_tokens":3,"output_tokens":4,"input_token_details":{"cached_tokens":9,"cached_tokens_details":{}}}"#;
    assert_eq!(units(more), (vec![(CacheRead, 3), (Output, 4)], 1));
    for none in ["null", "{}", "7", r#"{"input_tokens":"x"}"#] {
        assert_eq!(units(none), (vec![], 0), "{none}");
    }
}

#[test]
fn events_tell_what_must_be_known() {
    let session = |id: &str, model: &str| Heard::Session { id: Some(id.into()), transcribes: Some(model.into()) };
    for (text, expected) in [
        (
            r#"{"type":"session.created","session":{"id":"s1","audio":{"input":{"transcription":{"model":"t"}}}}}"#,
            session("s1", "t"),
        ),
        (
            r#"{"session":{"id":"s1","input_audio_transcription":{"model":"w"}},"type":"session.updated"}"#,
            session("s1", "w"),
        ),
        (r#"{"type":"session.updated","session":{}}"#, Heard::Session { id: None, transcribes: None }),
        (r#"{"type":"response.created","response":{"id":"r1"}}"#, Heard::Began { id: "r1".into() }),
        (r#"{"type":"error","error":{"message":"x"}}"#, Heard::Failed),
        (r#"{"type":"response.output_audio.delta","delta":"response.done"}"#, Heard::Other),
        (r#"{"type":"response.done"}"#, Heard::Other),
        (r#"{"type":"response.done","response":{"#, Heard::Other),
        (r#"{"type":7}"#, Heard::Other),
        ("[]", Heard::Other),
        ("", Heard::Other),
    ] {
        assert_eq!(hear(text), expected, "{text}");
    }
    for (status, expected) in [
        (r#""status":"cancelled","status_details":{"reason":"turn_detected"}"#, Outcome::Cancelled),
        (r#""status":"incomplete""#, Outcome::Ok),
        (r#""status":"failed","status_details":{"error":{"code":"rate_limit_exceeded"}}"#, Outcome::RateLimited),
        (r#""status":"failed","status_details":{"error":{"code":"insufficient_quota"}}"#, Outcome::Billing),
        (r#""status":"failed""#, Outcome::ServerError),
    ] {
        let Heard::Done { outcome, .. } =
            hear(&format!(r#"{{"type":"response.done","response":{{"id":"r",{status}}}}}"#))
        else {
            panic!("{status}")
        };
        assert_eq!(outcome, expected, "{status}");
    }
    for (usage, unit, count) in [
        (r#"{"type":"duration","seconds":3.2}"#, Unit::Second, 4),
        (
            r#"{"type":"tokens","input_tokens":26,"output_tokens":17,"input_token_details":{"text_tokens":0,"audio_tokens":26}}"#,
            Unit::AudioIn,
            26,
        ),
    ] {
        let text = format!(
            r#"{{"type":"conversation.item.input_audio_transcription.completed","transcript":"x","usage":{usage}}}"#
        );
        let Heard::Transcribed { usage } = hear(&text) else { panic!("{text}") };
        assert_eq!((usage.get(unit), usage.source), (Some(count), Source::Reported), "{text}");
    }
}

#[test]
fn what_clients_choose_and_are_told() {
    let update = r#"{"type":"session.update","session":{"audio":{"input":{"transcription":{"model":"whisper-1"}}}}}"#;
    assert_eq!(chosen(update).as_deref(), Some("whisper-1"));
    assert_eq!(chosen(r#"{"type":"session.update","session":{"instructions":"x"}}"#), None);
    assert_eq!(chosen(r#"{"type":"response.create"}"#), None);
    let told = error(&Fault::new(FaultKind::UpstreamFailed, "It broke."), "0199-aa");
    let told = Json::parse(&told).unwrap();
    assert_eq!(told.get("type").unwrap().as_str().unwrap(), "error");
    assert_eq!(told.at(&["error", "message"]).unwrap().as_str().unwrap(), "It broke.");
    assert_eq!(told.at(&["error", "tollgate", "request_id"]).unwrap().as_str().unwrap(), "0199-aa");
}
