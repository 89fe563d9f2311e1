//! A JSON array that arrives piece by piece (Gemini without `alt=sse`): any chunking, a bound on size.

use bytes::{Bytes, BytesMut};

use crate::error::FrameError;
use crate::frame::{Frame, Framer};
use crate::limits::MAX_FRAME;

/// Cuts the items of an array. A frame ends with its item, and its bytes begin behind the item before it:
/// the bracket or comma and the white space are in them. The closing bracket is a frame without data. A
/// text that is no array is one item, so that an error's bare object is a frame too.
#[derive(Debug)]
pub struct JsonArrayFramer {
    /// Bytes of a frame that is not whole yet.
    held: BytesMut,
    scan: Scan,
    limit: usize,
}

/// How far the current frame has been looked at.
#[derive(Debug, Default, Clone, Copy)]
struct Scan {
    /// Everything before this offset has been looked at.
    at: usize,
    /// Where the item starts, once it has.
    item: Option<usize>,
    /// Open brackets within the item.
    depth: usize,
    /// Within a string, and whether its last byte was a backslash.
    string: Option<bool>,
    /// The array's bracket has been seen, or an item that stands without one.
    begun: bool,
}

/// What ends a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// An item, from one offset to another.
    Item(usize, usize),
    /// The array's closing bracket, up to behind it.
    Close(usize),
}

impl Default for JsonArrayFramer {
    fn default() -> Self {
        Self::with_limit(MAX_FRAME)
    }
}

impl JsonArrayFramer {
    /// A framer that refuses frames longer than `limit` bytes.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { held: BytesMut::new(), scan: Scan::default(), limit }
    }

    /// True between frames: nothing of a next one has arrived.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.held.is_empty()
    }
}

impl Scan {
    /// Looks on; says what ends the frame when that is found.
    fn find(&mut self, bytes: &[u8]) -> Option<Stop> {
        while let Some(byte) = bytes.get(self.at).copied() {
            let here = self.at;
            self.at += 1;
            if let Some(escaped) = self.string {
                match byte {
                    _ if escaped => self.string = Some(false),
                    b'\\' => self.string = Some(true),
                    b'"' => {
                        self.string = None;
                        if self.depth == 0 {
                            return self.item.map(|from| Stop::Item(from, self.at));
                        }
                    }
                    _ => {}
                }
                continue;
            }
            let Some(from) = self.item else {
                match byte {
                    b' ' | b'\n' | b'\r' | b'\t' | b',' => {}
                    b'[' if !self.begun => self.begun = true,
                    b']' => return Some(Stop::Close(self.at)),
                    _ => {
                        self.begun = true;
                        self.item = Some(here);
                        self.enter(byte);
                    }
                }
                continue;
            };
            match byte {
                b'{' | b'[' | b'"' => self.enter(byte),
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(Stop::Item(from, self.at));
                    }
                }
                // A number or a word ends before what separates it.
                b',' | b']' | b' ' | b'\n' | b'\r' | b'\t' if self.depth == 0 => {
                    self.at = here;
                    return Some(Stop::Item(from, here));
                }
                _ => {}
            }
        }
        None
    }

    fn enter(&mut self, byte: u8) {
        match byte {
            b'{' | b'[' => self.depth += 1,
            b'"' => self.string = Some(false),
            _ => {}
        }
    }
}

impl Framer for JsonArrayFramer {
    fn push(&mut self, chunk: &Bytes, out: &mut Vec<Frame>) -> Result<(), FrameError> {
        self.held.extend_from_slice(chunk);
        while let Some(stop) = self.scan.find(&self.held) {
            let (item, end) = match stop {
                Stop::Item(from, to) => (Some((from, to)), to),
                Stop::Close(end) => (None, end),
            };
            if end > self.limit {
                return Err(FrameError::TooLong { limit: self.limit });
            }
            let raw = self.held.split_to(end).freeze();
            self.scan = Scan { begun: self.scan.begun, ..Scan::default() };
            out.push(Frame { event: None, data: item.map(|(from, to)| raw.slice(from..to)), raw });
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
        let raw = std::mem::take(&mut self.held).freeze();
        let item = self.scan.item;
        self.scan = Scan::default();
        if raw.is_empty() {
            return;
        }
        // An item cut short: what reads it says that it is no JSON.
        let data = item.map(|from| raw.slice(from.min(raw.len())..));
        out.push(Frame { event: None, data, raw });
    }
}
