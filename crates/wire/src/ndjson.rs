//! JSON texts a line each (Ollama's native API): any chunking, LF or CRLF, a bound on size.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

use crate::error::FrameError;
use crate::frame::{Frame, Framer};
use crate::limits::MAX_FRAME;

/// Cuts lines. A frame is a line with its line feed; its data is the line without that, a carriage return and
/// white space. A blank line is a frame without data, and a last line needs no line feed.
#[derive(Debug)]
pub struct NdjsonFramer {
    /// Bytes of a line that is not whole yet.
    held: BytesMut,
    /// Everything before this offset has been looked at.
    at: usize,
    limit: usize,
}

impl Default for NdjsonFramer {
    fn default() -> Self {
        Self::with_limit(MAX_FRAME)
    }
}

impl NdjsonFramer {
    /// A framer that refuses lines longer than `limit` bytes.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { held: BytesMut::new(), at: 0, limit }
    }

    /// True between frames: nothing of a next one has arrived.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.held.is_empty()
    }

    fn cut(&self, raw: Bytes, out: &mut Vec<Frame>) -> Result<(), FrameError> {
        if raw.len() > self.limit {
            return Err(FrameError::TooLong { limit: self.limit });
        }
        out.push(line(raw));
        Ok(())
    }
}

impl Framer for NdjsonFramer {
    fn push(&mut self, chunk: &Bytes, out: &mut Vec<Frame>) -> Result<(), FrameError> {
        let mut rest = chunk.clone();
        // With nothing held, frames are slices of the chunk.
        while self.held.is_empty() && !rest.is_empty() {
            let Some(end) = memchr(b'\n', &rest) else { break };
            self.cut(rest.split_to(end + 1), out)?;
        }
        if rest.is_empty() {
            return Ok(());
        }
        self.held.extend_from_slice(&rest);
        while let Some(end) = memchr(b'\n', self.held.get(self.at..).unwrap_or_default()) {
            let raw = self.held.split_to(self.at + end + 1).freeze();
            self.at = 0;
            self.cut(raw, out)?;
        }
        self.at = self.held.len();
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
        self.at = 0;
        if !self.held.is_empty() {
            out.push(line(std::mem::take(&mut self.held).freeze()));
        }
    }
}

/// The frame of one line.
fn line(raw: Bytes) -> Frame {
    let trimmed = raw.trim_ascii();
    let data = (!trimmed.is_empty()).then(|| raw.slice_ref(trimmed));
    Frame { event: None, data, raw }
}
