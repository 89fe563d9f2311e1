#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;
use crate::ir::part::Origin;

fn turns() -> Turns<'static> {
    Turns { model: "m", names: Names::new(usize::MAX, 128), system: vec![], turns: vec![], losses: vec![] }
}

#[test]
fn inputs_are_objects_and_lose_no_word() {
    for (arguments, expected) in [
        ("", ("{}", true)),
        (" ", ("{}", true)),
        ("null", ("{}", true)),
        (r#" {"b":1,"a":1e400} "#, (r#"{"b":1,"a":1e400}"#, true)),
        ("[1]", (r#"{"arguments":"[1]"}"#, false)),
        (r#"{"a":"#, (r#"{"arguments":"{\"a\":"}"#, false)),
    ] {
        let (input, exact) = input(arguments);
        assert_eq!((input.as_str(), exact), expected, "{arguments}");
    }
}

#[test]
fn citations_that_this_dialect_did_not_make_are_lost() {
    let citation = |raw: Option<&str>| Citation {
        url: Some("u".to_owned()),
        title: None,
        quoted: None,
        span: None,
        raw: raw.map(|raw| (HERE, raw.into())),
    };
    let own = citation(Some(r#"{"type":"char_location"}"#));
    let made_up = citation(Some(r#"{"type":"web_search_result_location","encrypted_index":""}"#));
    let mut turns = turns();
    let citations = vec![own, made_up, citation(None)];
    let part = Part::from(Body::Text { text: "x".to_owned(), citations });
    turns.message(&Message::new(Role::Assistant, vec![part]), 0);
    let mut json = Writer::new();
    turns.turns[0].blocks[0].write(&mut json);
    assert_eq!(json.finish(), r#"{"type":"text","text":"x","citations":[{"type":"char_location"}]}"#);
    assert_eq!(turns.losses, [Loss::dropped("citations", "messages[0].content[0]")]);
}

#[test]
fn parts_in_the_wrong_place_are_told() {
    let origin = Origin { dialect: DialectId::OpenAiChat, model: String::new() };
    let proof = crate::ir::part::Opaque { origin, data: "p".to_owned() };
    let call = ToolCall { id: "t".to_owned(), name: "f".to_owned(), arguments: String::new(), proof: Some(proof) };
    let call = Part::from(Body::ToolCall(call));
    let mut turns = turns();
    turns.instruct(std::slice::from_ref(&call), "system");
    turns.message(&Message::new(Role::User, vec![call.clone()]), 0);
    turns.message(&Message::new(Role::Assistant, vec![call, Part::from(Body::Refusal("no".to_owned()))]), 1);
    let told: Vec<String> = turns.losses.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "dropped tool call at system[0]",
            "dropped tool call at messages[0].content[0]",
            "dropped thought_signature at messages[1].content[0]",
            "approximated refusal at messages[1].content[1]"
        ]
    );
    assert_eq!((turns.turns.len(), turns.turns[0].blocks.len()), (1, 2));
}
