//! One event of a stream with the exact bytes it arrived in, and the trait that cuts frames.

use bytes::Bytes;

use crate::error::FrameError;

/// One event of a stream.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// The event's name, where the framing has one (`event:` of server-sent events).
    pub event: Option<Bytes>,
    /// The payload; `None` for a frame that carries none (a comment, a blank line).
    pub data: Option<Bytes>,
    /// The exact bytes, terminator included. All frames' bytes in order are the stream's bytes.
    pub raw: Bytes,
}

impl Frame {
    /// The payload as text, empty where there is none or it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        self.data.as_deref().and_then(|data| std::str::from_utf8(data).ok()).unwrap_or_default()
    }

    /// The event's name as text, empty where there is none.
    #[must_use]
    pub fn name(&self) -> &str {
        self.event.as_deref().and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Frame {
    /// Prints the name and sizes only: a frame is an answer's text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({:?}, {} bytes)", self.name(), self.raw.len())
    }
}

/// Cuts a stream of bytes into frames. What the frames say does not depend on how the bytes were cut into
/// chunks; nor do their bytes, joined.
pub trait Framer: Send {
    /// Takes the next bytes and appends every frame that is now whole.
    ///
    /// # Errors
    /// A frame longer than the limit: the stream cannot be read on.
    fn push(&mut self, chunk: &Bytes, out: &mut Vec<Frame>) -> Result<(), FrameError>;

    /// The stream ended: appends what is left as a last frame, if anything is.
    fn finish(&mut self, out: &mut Vec<Frame>);
}
