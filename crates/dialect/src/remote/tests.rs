#![allow(clippy::unwrap_used, clippy::panic, clippy::allow_attributes, reason = "tests")]
use bytes::Bytes;
use wire::json::Document;

use super::*;
use crate::dialect::Dialect;
use crate::peek::Said;
use crate::quirk::{Quirk, Quirks};
use crate::target::Target;
use crate::{anthropic_messages, gemini, openai_chat, openai_responses};

fn document(text: &str) -> Document {
    Document::parse(Bytes::copy_from_slice(text.as_bytes())).unwrap()
}

/// What stands at addresses, and the body once bytes stand there.
#[track_caller]
fn check(dialect: &dyn Dialect, body: &str, found: &[(MediaKind, &str, &str)], expected: &str) {
    let body = document(body);
    let remote = dialect.remote(&body);
    let shown: Vec<(MediaKind, String, &str)> =
        remote.iter().map(|remote| (remote.kind, remote.path(), &*remote.url)).collect();
    let found: Vec<(MediaKind, String, &str)> =
        found.iter().map(|(kind, path, url)| (*kind, (*path).to_owned(), *url)).collect();
    assert_eq!(shown, found);
    let edits: Vec<_> = remote.iter().flat_map(|remote| dialect.inline(remote, "image/png", "QUJD")).collect();
    let edited = body.edit(&edits);
    assert_eq!(String::from_utf8_lossy(&edited), expected);
    // What was put in reads as bytes, and nothing is left at an address.
    let edited = Document::parse(edited).unwrap();
    assert!(dialect.remote(&edited).is_empty());
    let read = dialect.read_request(&edited, Said { model: Some("m"), stream: None }).unwrap();
    assert!(!format!("{:?}", read.value).contains("Url("), "{:?}", read.value);
}

#[test]
fn openai_chat() {
    check(
        &openai_chat::OpenAiChat,
        r#"{"model":"m", "messages": [ {"role":"user","content":[{"type":"text","text":"https://no"},{"type":"image_url","image_url":{"url":"https://a/b","detail":"low"}},{"type":"image_url","image_url":"http://c"},{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ=="}},{"type":"input_audio","input_audio":{"data":"https://s"}},{"type":"document_url","document_url":"gs://d"},{"type":"file","file":{"file_data":"https://f"}}]} ]}"#,
        &[
            (MediaKind::Image, "messages[0].content[1].image_url.url", "https://a/b"),
            (MediaKind::Image, "messages[0].content[2].image_url", "http://c"),
            (MediaKind::Audio, "messages[0].content[4].input_audio.data", "https://s"),
            (MediaKind::File, "messages[0].content[5].document_url", "gs://d"),
            (MediaKind::File, "messages[0].content[6].file.file_data", "https://f"),
        ],
        r#"{"model":"m", "messages": [ {"role":"user","content":[{"type":"text","text":"https://no"},{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD","detail":"low"}},{"type":"image_url","image_url":"data:image/png;base64,QUJD"},{"type":"image_url","image_url":{"url":"data:image/png;base64,QQ=="}},{"type":"input_audio","input_audio":{"data":"QUJD","format":"image/png"}},{"type":"document_url","document_url":"data:image/png;base64,QUJD"},{"type":"file","file":{"file_data":"data:image/png;base64,QUJD"}}]} ]}"#,
    );
}

#[test]
fn openai_responses() {
    check(
        &openai_responses::OpenAiResponses,
        r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":"https://a"},{"type":"input_file","file_url":"https://b/c.pdf?x"}]},{"type":"function_call","call_id":"1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"1","output":[{"type":"input_image","image_url":"https://d"}]}]}"#,
        &[
            (MediaKind::Image, "input[0].content[0].image_url", "https://a"),
            (MediaKind::File, "input[0].content[1].file_url", "https://b/c.pdf?x"),
            (MediaKind::Image, "input[2].output[0].image_url", "https://d"),
        ],
        r#"{"model":"m","input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,QUJD"},{"type":"input_file","file_data":"data:image/png;base64,QUJD"}]},{"type":"function_call","call_id":"1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"1","output":[{"type":"input_image","image_url":"data:image/png;base64,QUJD"}]}]}"#,
    );
}

#[test]
fn anthropic_messages() {
    check(
        &anthropic_messages::AnthropicMessages,
        r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"url","url":"https://a"},"cache_control":{"type":"ephemeral"}},{"type":"tool_result","tool_use_id":"1","content":[{"type":"document","title":"t","source":{"type":"url","url":"https://b"}}]}]},{"role":"assistant","content":[{"type":"tool_use","id":"2","name":"f","input":{"type":"image","source":{"type":"url","url":"https://no"}}}]}]}"#,
        &[
            (MediaKind::Image, "messages[0].content[0].source.url", "https://a"),
            (MediaKind::File, "messages[0].content[1].content[0].source.url", "https://b"),
        ],
        r#"{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"QUJD"},"cache_control":{"type":"ephemeral"}},{"type":"tool_result","tool_use_id":"1","content":[{"type":"document","title":"t","source":{"type":"base64","media_type":"image/png","data":"QUJD"}}]}]},{"role":"assistant","content":[{"type":"tool_use","id":"2","name":"f","input":{"type":"image","source":{"type":"url","url":"https://no"}}}]}]}"#,
    );
    let body =
        document(r#"{"messages":[{"content":[{"type":"document","source":{"type":"url","url":"https://a"}}]}]}"#);
    let dialect = anthropic_messages::AnthropicMessages;
    let edits = dialect.inline(&dialect.remote(&body)[0], "text/csv", "YSxi");
    assert_eq!(
        body.edit(&edits),
        r#"{"messages":[{"content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"a,b"}}]}]}"#
    );
}

#[test]
fn gemini() {
    check(
        &gemini::Gemini,
        r#"{"contents":[{"role":"user","parts":[{"file_data":{"file_uri":"https://a.png"}},{"fileData":{"mimeType":"video/mp4","fileUri":"https://b"}},{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/x"}}]}]}"#,
        &[
            (MediaKind::Image, "contents[0].parts[0].file_data.file_uri", "https://a.png"),
            (MediaKind::Video, "contents[0].parts[1].fileData.fileUri", "https://b"),
        ],
        r#"{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"QUJD"}},{"inlineData":{"mimeType":"image/png","data":"QUJD"}},{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/x"}}]}]}"#,
    );
}

#[test]
fn what_targets_take() {
    use MediaKind::{Audio, File, Image, Video};
    use Takes::{Address, Bytes, Nothing};
    let any = Target::default();
    let bytes_only = Target { quirks: Quirks::default().with(Quirk::NoMediaUrls), ..Target::default() };
    let web = "HTTPS://a/b";
    let chat: &dyn Dialect = &openai_chat::OpenAiChat;
    let responses: &dyn Dialect = &openai_responses::OpenAiResponses;
    let messages: &dyn Dialect = &anthropic_messages::AnthropicMessages;
    let google: &dyn Dialect = &gemini::Gemini;
    for (dialect, kind, url, expected, without) in [
        (chat, Image, web, Address, Bytes),
        (chat, Image, "gs://a", Bytes, Bytes),
        (chat, File, web, Bytes, Bytes),
        (chat, Audio, web, Bytes, Bytes),
        (responses, File, web, Address, Bytes),
        (responses, Image, web, Address, Bytes),
        (responses, Audio, web, Nothing, Nothing),
        (messages, Image, web, Address, Bytes),
        (messages, File, "s3://a", Bytes, Bytes),
        (messages, Video, web, Nothing, Nothing),
        (google, Image, web, Bytes, Bytes),
        (google, Video, "https://youtu.be/x", Address, Bytes),
        (google, Image, "gs://a/b", Address, Bytes),
    ] {
        let case = format!("{:?} {kind:?} {url}", dialect.id());
        assert_eq!(
            (dialect.takes(kind, url, &any), dialect.takes(kind, url, &bytes_only)),
            (expected, without),
            "{case}"
        );
    }
}
