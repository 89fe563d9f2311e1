#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests")]

use wire::json::{Document, Json};

use super::vector::{Encoding, pack, unpack};
use super::*;

fn document(text: &str) -> Document {
    Document::parse(text.as_bytes().to_vec().into()).unwrap()
}

#[test]
fn openais_request_becomes_googles_batch() {
    let body = document(
        r#"{"model":"p/m","input":["a","b"],"dimensions":768,"encoding_format":"base64","user":"u","input_type":null}"#,
    );
    let read = openai::read(&body).unwrap();
    assert_eq!(read.losses.iter().map(ToString::to_string).collect::<Vec<_>>(), ["dropped user at user"]);
    assert_eq!(read.value.encoding, Encoding::Base64);
    let expected = r#"{"requests":[{"model":"models/g","content":{"parts":[{"text":"a"}]},"outputDimensionality":768},{"model":"models/g","content":{"parts":[{"text":"b"}]},"outputDimensionality":768}]}"#;
    assert_eq!(gemini::write(&read.value, "g").unwrap(), expected);
    // And back: the batch is the same request.
    let again = gemini::read(&document(expected), true).unwrap();
    assert_eq!((again.value.inputs, again.losses), (read.value.inputs, vec![]));
}

#[test]
fn what_cannot_be_asked_is_refused_with_its_path() {
    for (body, path) in [(r#"{"input":[1,2]}"#, "input[0]"), (r#"{"input":["a",[1,2]]}"#, "input[1]")] {
        let read = openai::read(&document(body)).unwrap();
        assert_eq!(gemini::write(&read.value, "g").unwrap_err().path.as_deref(), Some(path), "{body}");
    }
    for (body, path) in [
        ("{}", "input"),
        (r#"{"input":[]}"#, "input"),
        (r#"{"input":{}}"#, "input"),
        (r#"{"input":["a",null]}"#, "input[1]"),
        (r#"{"input":"a","dimensions":"x"}"#, "dimensions"),
    ] {
        assert_eq!(openai::read(&document(body)).unwrap_err().path.as_deref(), Some(path), "{body}");
    }
    for (body, batch, path) in [
        ("{}", false, "content"),
        (r#"{"content":{"parts":[{"inlineData":{}}]}}"#, false, "content.parts[0]"),
        (r#"{"requests":7}"#, true, "requests"),
        (r#"{"requests":[]}"#, true, "requests"),
        (
            r#"{"requests":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"b"}]},"outputDimensionality":3}]}"#,
            true,
            "requests[1].outputDimensionality",
        ),
    ] {
        assert_eq!(gemini::read(&document(body), batch).unwrap_err().path.as_deref(), Some(path), "{body}");
    }
}

#[test]
fn googles_request_becomes_openais() {
    let body = document(
        r#"{"content":{"role":"user","parts":[{"text":"a"},{"text":"b"}]},"taskType":"RETRIEVAL_DOCUMENT","title":"t","output_dimensionality":8}"#,
    );
    let read = gemini::read(&body, false).unwrap();
    assert_eq!(
        read.losses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["approximated parts at content.parts"]
    );
    let written = openai::write(&read.value, "e");
    assert_eq!(written.value, r#"{"model":"e","input":["a\nb"],"dimensions":8,"encoding_format":"float"}"#);
    let lost: Vec<String> = written.losses.iter().map(ToString::to_string).collect();
    assert_eq!(lost, ["dropped taskType at taskType", "dropped title at title"]);
}

#[test]
fn answers_keep_their_numbers_and_their_order() {
    let google = Json::parse(
        r#"{"embeddings":[{"values":[0.10,-1e-3]},{"values":[2]}],"usageMetadata":{"promptTokenCount":5}}"#,
    )
    .unwrap();
    let read = gemini::read_answer(google).unwrap();
    assert_eq!(read.tokens, Some(5));
    let expected = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.10,-1e-3]},{"object":"embedding","index":1,"embedding":[2]}],"model":"g","usage":{"prompt_tokens":5,"total_tokens":5}}"#;
    assert_eq!(openai::write_answer(&read, "g", Encoding::Float, 5).unwrap(), expected);
    // Back, from an answer whose order is not that of its indexes.
    let swapped =
        r#"{"data":[{"index":1,"embedding":[2]},{"index":0,"embedding":[0.10,-1e-3]}],"usage":{"prompt_tokens":5}}"#;
    let again = openai::read_answer(Json::parse(swapped).unwrap()).unwrap();
    assert_eq!(again, read);
    let written = r#"{"embeddings":[{"values":[0.10,-1e-3]},{"values":[2]}],"usageMetadata":{"promptTokenCount":5,"totalTokenCount":5}}"#;
    assert_eq!(gemini::write_answer(&again, true), written);
    let one = Embedded { vectors: vec!["[1]".into()], tokens: None };
    assert_eq!(gemini::write_answer(&one, false), r#"{"embedding":{"values":[1]}}"#);
    for bad in [
        "{}",
        r#"{"embeddings":7}"#,
        r#"{"embeddings":[{}]}"#,
        r#"{"data":[{"embedding":"!"}]}"#,
        r#"{"data":[{}]}"#,
        "[]",
    ] {
        let bad = Json::parse(bad).unwrap();
        assert_eq!((gemini::read_answer(bad), openai::read_answer(bad)), (None, None), "{}", bad.raw());
    }
}

/// The first numbers of a recorded answer in base64 and in floats.
#[test]
fn base64_is_little_endian_floats() {
    let numbers = "[0.5,-1,3.25,0.1]";
    let packed = pack(Json::parse(numbers).unwrap()).unwrap();
    assert_eq!(packed, "AAAAPwAAgL8AAFBAzczMPQ==");
    assert_eq!(unpack(&packed).unwrap(), numbers);
    assert_eq!(unpack("JAYEvNPrbrs=").unwrap(), "[-0.008058105,-0.003645648]");
    for bad in ["AAA=", "not base64", "AADAfw=="] {
        assert_eq!(unpack(bad), None, "{bad}");
    }
    assert_eq!(pack(Json::parse("[1,\"x\"]").unwrap()), None);
    assert_eq!(pack(Json::parse("7").unwrap()), None);
    let answer = document(r#"{ "data":[{"embedding":[0.5]},{"embedding":"AAAAPw=="}],"x":1}"#);
    let float = answer.edit(&openai::encode(&answer, Encoding::Float));
    assert_eq!(float, r#"{ "data":[{"embedding":[0.5]},{"embedding":[0.5]}],"x":1}"#);
    let base64 = answer.edit(&openai::encode(&answer, Encoding::Base64));
    assert_eq!(base64, r#"{ "data":[{"embedding":"AAAAPw=="},{"embedding":"AAAAPw=="}],"x":1}"#);
    assert_eq!(openai::encode(&answer, Encoding::Own), vec![]);
}

#[test]
fn the_same_dialect_changes_names_alone() {
    let body = document(r#"{ "requests":[{"model":"models/a","content":{}},{"content":{"x":1e400}}]}"#);
    let expected = r#"{ "requests":[{"model":"models/b","content":{}},{"content":{"x":1e400}}]}"#;
    assert_eq!(body.edit(&gemini::patch(&body, "b")), expected);
}
