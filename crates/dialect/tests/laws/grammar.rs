//! Law 4: any bytes at all through any decoder give a sentence of the grammar.

use bytes::Bytes;
use dialect::dialect::Dialect;
use dialect::ir::event::Event;
use dialect::ir::grammar::Grammar;
use dialect::stream::Framing;
use dialect::target::Target;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::common::recordings::{self, Answer};
use crate::common::{json, rows, streams};

/// Panics unless the stream decodes to a sentence; encodes that in every dialect, too.
pub(crate) fn assert_sentence(dialect: &dyn Dialect, target: &Target<'_>, stream: &[u8]) -> Vec<Event> {
    let (events, _) = streams::decode(dialect, target, &[Bytes::copy_from_slice(stream)]);
    if let Err(violation) = Grammar::check(&events) {
        panic!("{}: {violation}\n{:#?}\n{}", dialect.id(), events, String::from_utf8_lossy(stream));
    }
    for other in dialect::all() {
        let (bytes, _) = streams::encode(other, &streams::asked(), &events);
        // Every frame is whole and holds JSON; the bytes around it are text where the framing is.
        let mut frames = Vec::new();
        let mut framer = other.framing().framer();
        framer.push(&Bytes::from(bytes.clone()), &mut frames).expect("whole frames");
        assert_eq!(frames.iter().map(|frame| frame.raw.len()).sum::<usize>(), bytes.len(), "{}", other.id());
        for data in frames.iter().filter_map(|frame| frame.data.as_deref()) {
            assert!(data == b"[DONE]" || wire::json::Json::from_bytes(data).is_ok(), "{}", other.id());
        }
        assert!(other.framing() == Framing::AwsEventStream || std::str::from_utf8(&bytes).is_ok());
    }
    events
}

#[test]
fn recorded_streams_are_sentences() {
    for exchange in recordings::all() {
        if let Answer::Stream(stream) = &exchange.answer {
            let model = exchange.model();
            let target = rows::target(&exchange.provider, &model);
            assert_sentence(dialect::of(exchange.dialect), &target, stream);
            // Through the other dialect's decoder it is nonsense, and still a sentence.
            for other in dialect::all() {
                assert_sentence(other, &target, stream);
            }
        }
    }
}

#[test]
fn a_stream_that_stops_anywhere_is_a_sentence() {
    for exchange in
        recordings::all().iter().filter(|exchange| exchange.features.iter().any(|f| f == "tool_call")).take(60)
    {
        let Answer::Stream(stream) = &exchange.answer else { continue };
        let model = exchange.model();
        for part in 0..16 {
            let end = stream.len() * part / 16;
            assert_sentence(dialect::of(exchange.dialect), &rows::target(&exchange.provider, &model), &stream[..end]);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..300)) {
        for dialect in dialect::all() {
            assert_sentence(dialect, &Target::default(), &bytes);
        }
    }

    #[test]
    fn any_frames(frames in vec(frame(), 0..8)) {
        for dialect in dialect::all() {
            assert_sentence(dialect, &Target::default(), frames.concat().as_bytes());
        }
    }

    #[test]
    fn frames_of_recordings_in_any_order(
        which in any::<Index>(),
        order in vec(any::<Index>(), 0..12),
        quirks in prop::sample::subsequence(dialect::quirk::Quirk::ALL.map(|(quirk, _)| quirk).to_vec(), 0..3),
    ) {
        let recorded: Vec<_> = recordings::all().iter().filter(|exchange| matches!(exchange.answer, Answer::Stream(_))).collect();
        let exchange = which.get(&recorded);
        let Answer::Stream(stream) = &exchange.answer else { unreachable!() };
        let frames = streams::frames(std::slice::from_ref(stream));
        let mut mixed = Vec::new();
        for index in &order {
            mixed.extend_from_slice(&index.get(&frames).raw);
        }
        let target = Target { quirks: quirks.into_iter().collect(), ..Target::default() };
        assert_sentence(dialect::of(exchange.dialect), &target, &mixed);
    }
}

/// A frame whose data is JSON of the dialects' words with anything in it.
fn frame() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "",
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
        "response.created",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.done",
        "response.output_text.delta",
        "response.output_text.done",
        "response.output_text.annotation.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.reasoning_text.delta",
        "response.reasoning_summary_text.delta",
        "response.completed",
        "response.failed",
        "messageStart",
        "messageStart",
        "contentBlockStart",
        "contentBlockDelta",
        "contentBlockDelta",
        "contentBlockStop",
        "messageStop",
        "metadata",
        "exception:throttlingException",
        "ping",
        "error",
    ]);
    let key = prop::sample::select(vec![
        "choices",
        "delta",
        "index",
        "content",
        "tool_calls",
        "function",
        "id",
        "name",
        "arguments",
        "finish_reason",
        "usage",
        "type",
        "content_block",
        "message",
        "text",
        "thinking",
        "signature",
        "partial_json",
        "stop_reason",
        "error",
        "refusal",
        "reasoning_content",
        "prompt_tokens",
        "input_tokens",
        "item",
        "item_id",
        "output_index",
        "content_index",
        "part",
        "annotation",
        "annotations",
        "response",
        "output",
        "summary",
        "encrypted_content",
        "status",
        "call_id",
        "contentBlockIndex",
        "start",
        "toolUse",
        "toolUseId",
        "input",
        "toolResult",
        "reasoningContent",
        "redactedContent",
        "citation",
        "stopReason",
        "inputTokens",
    ]);
    let leaf = prop_oneof![
        json::value(true),
        prop::sample::select(vec![
            "0",
            "1",
            "\"text\"",
            "\"tool_use\"",
            "\"text_delta\"",
            "\"stop\"",
            "\"thinking\"",
            "\"message\"",
            "\"function_call\"",
            "\"reasoning\"",
            "\"output_text\"",
            "\"completed\"",
            "4294967296"
        ])
        .prop_map(str::to_owned),
    ];
    let value = leaf.prop_recursive(4, 24, 4, move |inner| {
        let members = vec((key.clone(), inner.clone()), 0..4);
        prop_oneof![
            4 => members.prop_map(|members| {
                let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
            1 => vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(","))),
        ]
    });
    prop_oneof![
        8 => (name, value).prop_map(|(name, value)| {
            let event = if name.is_empty() { String::new() } else { format!("event: {name}\n") };
            format!("{event}data: {}\n\n", value.replace(['\n', '\r'], " "))
        }),
        1 => Just("data: [DONE]\n\n".to_owned()),
    ]
}
