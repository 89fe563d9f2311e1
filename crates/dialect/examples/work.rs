//! The two pieces of work whose instructions are counted: `work peek-patch N`, `work relay N`.
//!
//! `peek-patch` parses a request of about 1 KB, looks at it, patches and edits it. `relay` cuts a stream of
//! 100 chunks into frames and lets the meter watch them. `cargo xtask instructions` counts both.
#![expect(clippy::print_stdout, reason = "the result is printed, so that no work is left out")]

use bytes::Bytes;
use dialect::dialect::Dialect as _;
use dialect::openai_chat::OpenAiChat;
use dialect::target::Target;
use wire::frame::Framer as _;
use wire::json::Document;
use wire::sse::SseFramer;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let times: u32 = arguments.next().and_then(|times| times.parse().ok()).unwrap_or(1);
    let done: usize = match what.as_str() {
        "peek-patch" => (0..times).map(|_| peek_patch()).sum(),
        "relay" => (0..times).map(|_| relay()).sum(),
        _ => 0,
    };
    println!("{done}");
}

fn peek_patch() -> usize {
    let text = "Tell me, in a few plain words, what a gateway is good for. ".repeat(14);
    let body = format!(
        r#"{{"model":"openai/gpt-4o-mini","messages":[{{"role":"system","content":"Be brief."}},{{"role":"user","content":"{text}"}}],"temperature":0.2,"max_tokens":256}}"#
    );
    let Ok(document) = Document::parse(Bytes::from(body)) else { return 0 };
    let Ok(peek) = OpenAiChat.peek(&document, dialect::peek::Said::default()) else { return 0 };
    let to = Target { provider: "openai", model: "gpt-4o-mini", ..Target::default() };
    let patch = OpenAiChat.patch(&document, &peek, &to);
    document.edit(&patch.edits).len()
}

fn relay() -> usize {
    let mut meter = OpenAiChat.meter(&Target::default());
    let mut framer = SseFramer::default();
    let mut frames = Vec::new();
    let mut bytes = 0;
    for nth in 0..100 {
        let chunk = format!(
            "data: {{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o-mini\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\" word {nth}\"}},\"finish_reason\":null}}]}}\n\n"
        );
        let _ = framer.push(&Bytes::from(chunk), &mut frames);
        for frame in frames.drain(..) {
            meter.frame(&frame);
            bytes += frame.raw.len();
        }
    }
    bytes
}
