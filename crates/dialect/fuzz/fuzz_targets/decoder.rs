//! Any bytes through any decoder are a sentence of the grammar, and every encoder writes it.
#![no_main]

use bytes::Bytes;
use dialect::dialect::Asked;
use dialect::ir::grammar::Grammar;
use dialect::target::Target;
use dialect::undo::Undo;
use libfuzzer_sys::fuzz_target;
use wire::eventstream::EventStreamFramer;
use wire::frame::Framer;
use wire::sse::SseFramer;

fuzz_target!(|bytes: Vec<u8>| {
    let bytes = Bytes::from(bytes);
    let mut frames = Vec::new();
    let mut framer = SseFramer::default();
    framer.push(&bytes, &mut frames).expect("shorter than the limit");
    framer.finish(&mut frames);
    // What is no message of an event stream ends it.
    let _ = EventStreamFramer::default().push(&bytes, &mut frames);
    for dialect in dialect::all() {
        let mut meter = dialect.meter(&Target::default());
        let mut decoder = dialect.decoder(Undo::default(), &Target::default());
        let mut events = Vec::new();
        for frame in &frames {
            meter.frame(frame);
            decoder.push(frame, &mut events);
        }
        meter.finish();
        decoder.finish(&mut events);
        Grammar::check(&events).expect("a sentence");
        for other in dialect::all() {
            let mut encoder = other.encoder(&Asked::default());
            let mut out = Vec::new();
            for event in &events {
                encoder.push(event, &mut out);
            }
            let mut written = Vec::new();
            other.framing().framer().push(&Bytes::from(out), &mut written).expect("whole frames");
        }
    }
});
