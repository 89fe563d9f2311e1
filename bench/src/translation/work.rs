//! The pieces of work that are timed and counted, each named by what goes in and what comes out.

use bytes::Bytes;
use dialect::id::DialectId;
use dialect::peek::Said;
use dialect::undo::Undo;
use wire::frame::{Frame, Framer};
use wire::json::Document;
use wire::sse::SseFramer;

use super::sample;

/// Network chunks are of this size, in bytes.
const CHUNK: usize = 1_400;

/// A piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// A stream cut into frames, and a meter that watches: what the same dialect costs.
    Watch(DialectId),
    /// A stream of one dialect to a stream of another.
    Stream(DialectId, DialectId),
    /// A request of one dialect to a request of another.
    Request(DialectId, DialectId),
}

impl Work {
    /// Its name on the command line.
    pub(super) fn name(self) -> String {
        match self {
            Work::Watch(from) => format!("watch:{from}"),
            Work::Stream(from, to) => format!("stream:{from}:{to}"),
            Work::Request(from, to) => format!("request:{from}:{to}"),
        }
    }

    /// The piece of a name.
    pub(super) fn parse(name: &str) -> Option<Work> {
        let mut words = name.split(':');
        let kind = words.next()?;
        let mut dialect = || DialectId::parse(words.next()?);
        match kind {
            "watch" => Some(Work::Watch(dialect()?)),
            "stream" => Some(Work::Stream(dialect()?, dialect()?)),
            "request" => Some(Work::Request(dialect()?, dialect()?)),
            _ => None,
        }
    }

    /// What goes in: its bytes, and how many events (for a request: one) they hold.
    pub(super) fn input(self) -> Input {
        match self {
            Work::Watch(from) | Work::Stream(from, _) => {
                Input { bytes: sample::stream(from).into(), events: sample::events().len() }
            }
            Work::Request(from, _) => Input { bytes: sample::body(from).into(), events: 1 },
        }
    }

    /// Does it once; gives the bytes that came out.
    pub(super) fn run(self, input: &Input) -> usize {
        match self {
            Work::Watch(from) => {
                let mut meter = dialect::of(from).meter(&sample::target());
                let mut bytes = 0;
                frames(&input.bytes, |frame| {
                    meter.frame(frame);
                    bytes += frame.raw.len();
                });
                bytes
            }
            Work::Stream(from, to) => {
                let mut decoder = dialect::of(from).decoder(Undo::default(), &sample::target());
                let mut encoder = dialect::of(to).encoder(&sample::asked());
                let (mut events, mut out, mut bytes) = (Vec::new(), Vec::new(), 0);
                frames(&input.bytes, |frame| {
                    decoder.push(frame, &mut events);
                    for event in events.drain(..) {
                        encoder.push(&event, &mut out);
                    }
                    bytes += out.len();
                    out.clear();
                });
                bytes
            }
            Work::Request(from, to) => {
                let Ok(document) = Document::parse(input.bytes.clone()) else { return 0 };
                let said = Said { model: Some("model-1"), stream: Some(false) };
                let Ok(read) = dialect::of(from).read_request(&document, said) else { return 0 };
                let written = dialect::of(to).write_request(&read.value, &sample::target());
                written.map(|written| written.body.len()).unwrap_or_default()
            }
        }
    }
}

/// What goes into a piece of work.
#[derive(Debug, Clone)]
pub(super) struct Input {
    /// The bytes.
    pub(super) bytes: Bytes,
    /// Events in them.
    pub(super) events: usize,
}

/// Cuts a stream that comes in network chunks.
fn frames(bytes: &Bytes, mut each: impl FnMut(&Frame)) {
    let mut framer = SseFramer::default();
    let mut frames = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = (at + CHUNK).min(bytes.len());
        if framer.push(&bytes.slice(at..end), &mut frames).is_err() {
            return;
        }
        frames.drain(..).for_each(|frame| each(&frame));
        at = end;
    }
    framer.finish(&mut frames);
    frames.drain(..).for_each(|frame| each(&frame));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_does_its_work() {
        for from in DialectId::ALL {
            for to in DialectId::ALL {
                for work in [Work::Watch(from), Work::Stream(from, to), Work::Request(from, to)] {
                    assert_eq!(Work::parse(&work.name()), Some(work));
                    let input = work.input();
                    assert!(input.bytes.len() > 10_000, "{}: {} bytes go in", work.name(), input.bytes.len());
                    assert!(work.run(&input) > 10_000, "{}: {} bytes come out", work.name(), work.run(&input));
                }
            }
        }
    }
}
