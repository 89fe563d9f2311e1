//! How long sockets may take and how much they may say.

use std::time::Duration;

use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// The bounds of one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest message, in bytes. OpenAI takes 15 MiB of audio in one event.
    pub message: usize,
    /// How long neither side may say anything.
    pub idle: Duration,
    /// How long it may be open. OpenAI ends a session after an hour.
    pub total: Duration,
    /// How often a client is asked whether it is there; one that is silent for two of these is not.
    pub ping: Duration,
    /// How long the reader of a message may take.
    pub slow: Duration,
    /// How long closing may take.
    pub closing: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 16 << 20,
            idle: Duration::from_secs(15 * 60),
            total: Duration::from_secs(2 * 60 * 60),
            ping: Duration::from_secs(30),
            slow: Duration::from_secs(30),
            closing: Duration::from_secs(2),
        }
    }
}

impl Limits {
    /// The same for the library that cuts frames.
    #[must_use]
    pub fn frames(&self) -> WebSocketConfig {
        WebSocketConfig::default()
            .read_buffer_size(16 << 10)
            .write_buffer_size(0)
            // One message, its head, and a pong beside it.
            .max_write_buffer_size(self.message + (64 << 10))
            .max_message_size(Some(self.message))
            .max_frame_size(Some(self.message))
    }
}
