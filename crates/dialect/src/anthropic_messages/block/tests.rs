#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use super::*;

fn read(text: &str) -> (Result<Part, Fault>, Vec<Loss>) {
    let mut reader = Reader { model: "m".to_owned(), ..Reader::default() };
    let part = reader.block(Json::parse(text).unwrap(), "at");
    (part, reader.losses)
}

#[test]
fn every_known_block_has_its_part() {
    let origin = Origin { dialect: HERE, model: "m".to_owned() };
    let media = |kind, source, name: Option<&str>| {
        Body::Media(Media { kind, source, name: name.map(str::to_owned), detail: None })
    };
    let base64 = || MediaSource::Base64 { media_type: "image/png".to_owned(), data: "aGk=".to_owned() };
    let table = [
        (r#"{"type":"text","text":"hi"}"#, Body::Text { text: "hi".to_owned(), citations: vec![] }),
        (
            r#"{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aGk="}}"#,
            media(MediaKind::Image, base64(), None),
        ),
        (
            r#"{"type":"image","source":{"type":"url","url":"https://x/y"}}"#,
            media(MediaKind::Image, MediaSource::Url("https://x/y".to_owned()), None),
        ),
        (
            r#"{"type":"document","title":"T","source":{"type":"file","file_id":"f"},"citations":{"enabled":false}}"#,
            media(MediaKind::File, MediaSource::FileId { dialect: HERE, id: "f".to_owned() }, Some("T")),
        ),
        (
            r#"{"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"}}"#,
            media(MediaKind::File, MediaSource::Text("words".to_owned()), None),
        ),
        (
            r#"{"type":"thinking","thinking":"hm","signature":"sig"}"#,
            Body::Reasoning(Reasoning {
                text: "hm".to_owned(),
                proof: Some(Opaque { origin: origin.clone(), data: "sig".to_owned() }),
                redacted: false,
            }),
        ),
        (
            r#"{"type":"thinking","thinking":"hm","signature":""}"#,
            Body::Reasoning(Reasoning { text: "hm".to_owned(), proof: None, redacted: false }),
        ),
        (
            r#"{"type":"redacted_thinking","data":"d"}"#,
            Body::Reasoning(Reasoning {
                text: String::new(),
                proof: Some(Opaque { origin, data: "d".to_owned() }),
                redacted: true,
            }),
        ),
        (
            r#"{"type":"tool_use","id":"t","name":"n","input":{"b":1, "a":1e400},"caller":{"type":"direct"}}"#,
            Body::ToolCall(ToolCall {
                id: "t".to_owned(),
                name: "n".to_owned(),
                arguments: r#"{"b":1, "a":1e400}"#.to_owned(),
                proof: None,
            }),
        ),
        (
            r#"{"type":"tool_result","tool_use_id":"t","content":"ok","is_error":true}"#,
            Body::ToolResult(ToolResult {
                call_id: "t".to_owned(),
                content: vec![Part::text("ok")],
                is_error: Some(true),
            }),
        ),
    ];
    for (text, body) in table {
        assert_eq!(read(text), (Ok(body.into()), vec![]), "{text}");
    }
    for text in [
        r#"{"type":"server_tool_use","id":"s","name":"web_search","input":{}}"#,
        r#"{"type":"document","source":{"type":"content","content":[]}}"#,
        r#"{"type":"from_the_future"}"#,
    ] {
        match read(text).0.unwrap().body {
            Body::Unknown { raw, .. } => assert_eq!(raw.as_str(), text),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn marks_citations_and_foreign_members_stay() {
    let text = r#"{"type":"text","text":"x","cache_control":{"type":"ephemeral","ttl":"1h"},"later":[1],
        "citations":[{"type":"char_location","cited_text":"q","document_title":"d"}]}"#;
    let part = read(text).0.unwrap();
    assert_eq!(part.cache.unwrap().as_str(), r#"{"type":"ephemeral","ttl":"1h"}"#);
    assert_eq!(part.foreign.iter().collect::<Vec<_>>(), [(HERE, "later", "[1]")]);
    let Body::Text { citations, .. } = part.body else { panic!("a text") };
    assert_eq!((citations[0].title.as_deref(), citations[0].quoted.as_deref()), (Some("d"), Some("q")));
}

#[test]
fn faults_and_lone_surrogates_name_their_path() {
    for (text, path) in [
        ("7", "at"),
        ("{}", "at.type"),
        (r#"{"type":"text"}"#, "at.text"),
        (r#"{"type":"text","text":7}"#, "at.text"),
        (r#"{"type":"image"}"#, "at.source"),
        (r#"{"type":"image","source":{"type":"url"}}"#, "at.source.url"),
        (r#"{"type":"tool_use","name":"n"}"#, "at.id"),
        (r#"{"type":"tool_result","tool_use_id":"t","content":[{"type":1}]}"#, "at.content[0].type"),
        (r#"{"type":"tool_result","tool_use_id":"t","content":7}"#, "at.content"),
    ] {
        assert_eq!(read(text).0.unwrap_err().path.as_deref(), Some(path), "{text}");
    }
    let (part, losses) = read(r#"{"type":"text","text":"a\ud83d"}"#);
    assert_eq!(part, Ok(Part::text("a\u{fffd}")));
    assert_eq!(losses, [Loss::approximated("lone surrogate", "at.text")]);
}
