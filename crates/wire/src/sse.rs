//! Server-sent events: any chunking, LF, CRLF or CR, byte-order mark, comments, a bound on size.

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

use crate::error::FrameError;
use crate::frame::{Frame, Framer};
use crate::limits::MAX_FRAME;

/// Cuts server-sent events. A frame ends with its blank line; a lone line feed that completes a CRLF cut
/// between two chunks opens the next frame's bytes, so no frame waits for a byte that may never come.
#[derive(Debug)]
pub struct SseFramer {
    /// Bytes of a frame that is not whole yet.
    held: BytesMut,
    scan: Scan,
    limit: usize,
    /// A frame has been cut: a byte-order mark is none any more.
    begun: bool,
}

/// How far the current frame has been looked at.
#[derive(Debug, Default, Clone, Copy)]
struct Scan {
    /// Everything before this offset has been looked at.
    at: usize,
    /// Where the current line starts.
    line: usize,
    /// The byte before `at` was a CR that may be half of a CRLF.
    after_cr: bool,
}

impl Default for SseFramer {
    fn default() -> Self {
        Self::with_limit(MAX_FRAME)
    }
}

impl SseFramer {
    /// A framer that refuses frames longer than `limit` bytes.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { held: BytesMut::new(), scan: Scan::default(), limit, begun: false }
    }

    /// Takes one whole frame, unless it is too long.
    fn cut(&mut self, raw: Bytes, out: &mut Vec<Frame>) -> Result<(), FrameError> {
        if raw.len() > self.limit {
            return Err(FrameError::TooLong { limit: self.limit });
        }
        out.push(parse(raw, !self.begun));
        self.begun = true;
        self.scan.next();
        Ok(())
    }

    /// True between frames: nothing of a next one has arrived.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.held.is_empty()
    }
}

impl Scan {
    /// Looks on; returns the offset behind the frame's end when its blank line is found.
    fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        loop {
            if self.after_cr && self.at < bytes.len() {
                self.after_cr = false;
                if bytes.get(self.at) == Some(&b'\n') {
                    self.at += 1;
                    self.line = self.at;
                }
            }
            let rest = bytes.get(self.at..).unwrap_or_default();
            let Some(stop) = memchr2(b'\n', b'\r', rest) else {
                self.at = bytes.len();
                return None;
            };
            let end = self.at + stop;
            let blank = end == self.line;
            let cr = bytes.get(end) == Some(&b'\r');
            let lf_follows = cr && bytes.get(end + 1) == Some(&b'\n');
            self.at = end + 1 + usize::from(lf_follows);
            self.after_cr = cr && !lf_follows;
            self.line = self.at;
            if blank {
                return Some(self.at);
            }
        }
    }

    /// The next frame starts behind the one that was found.
    fn next(&mut self) {
        *self = Scan { at: 0, line: 0, after_cr: self.after_cr };
    }
}

impl Framer for SseFramer {
    fn push(&mut self, chunk: &Bytes, out: &mut Vec<Frame>) -> Result<(), FrameError> {
        let mut rest = chunk.clone();
        // With nothing held, frames are slices of the chunk.
        while self.held.is_empty() && !rest.is_empty() {
            let Some(end) = self.scan.find(&rest) else { break };
            self.cut(rest.split_to(end), out)?;
        }
        if rest.is_empty() {
            return Ok(());
        }
        self.held.extend_from_slice(&rest);
        while let Some(end) = self.scan.find(&self.held) {
            let raw = self.held.split_to(end).freeze();
            self.cut(raw, out)?;
        }
        if self.held.len() > self.limit {
            return Err(FrameError::TooLong { limit: self.limit });
        }
        if self.held.is_empty() {
            // Frames keep slices of the old buffer alive; start a new one rather than grow beside them.
            self.held = BytesMut::new();
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<Frame>) {
        if !self.held.is_empty() {
            out.push(parse(std::mem::take(&mut self.held).freeze(), !self.begun));
        }
        self.begun = true;
        self.scan = Scan::default();
    }
}

/// Reads the fields of one frame; the first of a stream may begin with a byte-order mark.
fn parse(raw: Bytes, first: bool) -> Frame {
    let mut event = None;
    let mut data: Option<Bytes> = None;
    let mut joined: Option<BytesMut> = None;
    let mut at = if first && raw.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    while at < raw.len() {
        let rest = raw.get(at..).unwrap_or_default();
        let end = at + memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
        let line = raw.get(at..end).unwrap_or_default();
        let (name, from) = match memchr::memchr(b':', line) {
            Some(colon) => {
                let space = usize::from(line.get(colon + 1) == Some(&b' '));
                (line.get(..colon).unwrap_or_default(), at + colon + 1 + space)
            }
            None => (line, end),
        };
        match name {
            b"data" => {
                let value = raw.slice(from..end);
                match (&data, &mut joined) {
                    (None, _) => data = Some(value),
                    (Some(_), Some(joined)) => {
                        joined.extend_from_slice(b"\n");
                        joined.extend_from_slice(&value);
                    }
                    (Some(first), None) => {
                        let mut both = BytesMut::with_capacity(first.len() + value.len() + 1);
                        both.extend_from_slice(first);
                        both.extend_from_slice(b"\n");
                        both.extend_from_slice(&value);
                        joined = Some(both);
                    }
                }
            }
            b"event" => event = Some(raw.slice(from..end)),
            _ => {}
        }
        at = end + 1;
    }
    if let Some(joined) = joined {
        data = Some(joined.freeze());
    }
    Frame { event, data, raw }
}
