//! AWS event streams (`application/vnd.amazon.eventstream`): prelude, typed headers, both checksums, any chunking.
//!
//! A message is: its length and its headers' length (u32, big-endian), the checksum of those eight bytes, headers,
//! payload, the checksum of all before it (CRC-32 as of zlib). Source: the AWS Smithy specification, "Amazon Event
//! Stream".

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use crate::error::FrameError;
use crate::frame::{Frame, Framer};
use crate::limits::MAX_FRAME;

/// Bytes of the prelude with its checksum.
const PRELUDE: usize = 12;
/// Bytes of a message around its headers and payload.
const AROUND: usize = PRELUDE + 4;

/// Cuts event streams. A frame's name is the message's `:event-type`; that of an exception or an error is
/// `exception:` and its type or code. The payload is the frame's data.
#[derive(Debug)]
pub struct EventStreamFramer {
    held: BytesMut,
    limit: usize,
}

impl Default for EventStreamFramer {
    fn default() -> Self {
        Self::with_limit(MAX_FRAME)
    }
}

impl EventStreamFramer {
    /// A framer that refuses messages longer than `limit` bytes.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self { held: BytesMut::new(), limit }
    }

    /// The next whole message, taken out of what is held.
    fn cut(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(prelude) = self.held.first_chunk::<PRELUDE>() else { return Ok(None) };
        let mut fields = prelude.as_slice();
        let (total, headers, sum) = (size(fields.get_u32()), size(fields.get_u32()), fields.get_u32());
        if crc32fast::hash(prelude.get(..8).unwrap_or_default()) != sum {
            return Err(FrameError::Corrupt { what: "the checksum of a prelude is wrong" });
        }
        if total > self.limit {
            return Err(FrameError::TooLong { limit: self.limit });
        }
        if total < AROUND || headers > total - AROUND {
            return Err(FrameError::Corrupt { what: "a message is shorter than its parts" });
        }
        if self.held.len() < total {
            return Ok(None);
        }
        let raw = self.held.split_to(total).freeze();
        let body = raw.get(..total - 4).unwrap_or_default();
        let sum = raw.get(total - 4..).map_or(0, |mut sum| sum.get_u32());
        if crc32fast::hash(body) != sum {
            return Err(FrameError::Corrupt { what: "the checksum of a message is wrong" });
        }
        let payload = raw.slice(PRELUDE + headers..total - 4);
        let event = name(raw.slice(PRELUDE..PRELUDE + headers))?;
        Ok(Some(Frame { event, data: Some(payload), raw }))
    }
}

impl Framer for EventStreamFramer {
    fn push(&mut self, chunk: &Bytes, out: &mut Vec<Frame>) -> Result<(), FrameError> {
        self.held.extend_from_slice(chunk);
        while let Some(frame) = self.cut()? {
            out.push(frame);
        }
        Ok(())
    }

    /// A message that is not whole is none: what is left is dropped.
    fn finish(&mut self, _out: &mut Vec<Frame>) {
        self.held.clear();
    }
}

fn size(length: u32) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

/// The frame's name, of the headers that tell what the message is.
fn name(mut headers: Bytes) -> Result<Option<Bytes>, FrameError> {
    let short = FrameError::Corrupt { what: "a header is shorter than its parts" };
    let (mut event, mut failure) = (None, None);
    while !headers.is_empty() {
        let length = usize::from(headers.get_u8());
        if headers.len() < length + 1 {
            return Err(short);
        }
        let key = headers.split_to(length);
        let value = value(&mut headers).ok_or(short)?;
        match (&*key, value) {
            (b":event-type", Some(kind)) => event = Some(kind),
            (b":exception-type" | b":error-code", Some(kind)) => failure = Some(kind),
            _ => {}
        }
    }
    Ok(match failure {
        Some(kind) => Some([b"exception:".as_slice(), &kind].concat().into()),
        None => event,
    })
}

/// The value of a header where it is text, and the headers behind it; `None` where they end too soon.
fn value(headers: &mut Bytes) -> Option<Option<Bytes>> {
    let kind = headers.try_get_u8().ok()?;
    let length = match kind {
        // True, false.
        0 | 1 => 0,
        // A byte, a short, an int, a long or a timestamp, a UUID.
        2 => 1,
        3 => 2,
        4 => 4,
        5 | 8 => 8,
        9 => 16,
        // Bytes, text.
        6 | 7 => usize::from(headers.try_get_u16().ok()?),
        _ => return None,
    };
    if headers.len() < length {
        return None;
    }
    let value = headers.split_to(length);
    Some((kind == 7).then_some(value))
}

/// Appends a message with text headers. A header or message longer than its length can say is cut short at
/// that, which no text of ours comes near to.
pub fn write(headers: &[(&str, &str)], payload: &[u8], out: &mut Vec<u8>) {
    let mut head = Vec::with_capacity(headers.len() * 40);
    for (name, value) in headers {
        let (name, value) = (name.as_bytes(), value.as_bytes());
        let name = name.get(..name.len().min(usize::from(u8::MAX))).unwrap_or_default();
        let value = value.get(..value.len().min(usize::from(u16::MAX))).unwrap_or_default();
        head.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        head.put_slice(name);
        head.put_u8(7);
        head.put_u16(u16::try_from(value.len()).unwrap_or(u16::MAX));
        head.put_slice(value);
    }
    let from = out.len();
    let length = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    out.put_u32(length(AROUND + head.len() + payload.len()));
    out.put_u32(length(head.len()));
    out.put_u32(crc32fast::hash(out.get(from..).unwrap_or_default()));
    out.put_slice(&head);
    out.put_slice(payload);
    out.put_u32(crc32fast::hash(out.get(from..).unwrap_or_default()));
}

#[cfg(test)]
mod tests;
