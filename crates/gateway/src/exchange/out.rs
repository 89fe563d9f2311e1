//! Bytes on their way to a client: a single piece goes out as it came in, several are joined.

use bytes::{Bytes, BytesMut};

/// What is to be sent next, in order.
#[derive(Debug, Default)]
pub struct Out {
    /// The only piece; empty when there is none or `joined` holds all.
    single: Bytes,
    joined: BytesMut,
}

impl Out {
    /// One piece.
    #[must_use]
    pub fn of(piece: Bytes) -> Self {
        Self { single: piece, joined: BytesMut::new() }
    }

    /// Appends a piece; the first one is not copied.
    pub fn push(&mut self, piece: Bytes) {
        if self.is_empty() {
            self.single = piece;
        } else {
            self.extend_from_slice(&piece);
        }
    }

    /// Appends a copy of bytes.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        if !self.single.is_empty() {
            self.joined.extend_from_slice(&self.single);
            self.single = Bytes::new();
        }
        self.joined.extend_from_slice(bytes);
    }

    /// Takes all there is; `None` when there is nothing.
    pub fn take(&mut self) -> Option<Bytes> {
        if !self.single.is_empty() {
            return Some(std::mem::take(&mut self.single));
        }
        (!self.joined.is_empty()).then(|| self.joined.split().freeze())
    }

    /// True when these are the last bytes.
    #[must_use]
    pub fn ends_with(&self, bytes: &[u8]) -> bool {
        if self.single.is_empty() { self.joined.ends_with(bytes) } else { self.single.ends_with(bytes) }
    }

    /// True when there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.single.is_empty() && self.joined.is_empty()
    }

    /// Bytes to send.
    #[must_use]
    pub fn len(&self) -> usize {
        self.single.len() + self.joined.len()
    }

    /// Forgets what there is.
    pub fn clear(&mut self) {
        self.single = Bytes::new();
        self.joined.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_their_order_and_a_single_one_its_memory() {
        let mut out = Out::default();
        let piece = Bytes::from(b"one ".to_vec());
        out.push(piece.clone());
        assert_eq!(out.take().map(|all| all.as_ptr()), Some(piece.as_ptr()));
        assert_eq!(out.take(), None);
        out.push(piece);
        out.push(Bytes::from_static(b"two "));
        out.extend_from_slice(b"three");
        assert_eq!(out.len(), 13);
        assert_eq!(out.take(), Some(Bytes::from_static(b"one two three")));
        assert!(out.is_empty());
    }
}
