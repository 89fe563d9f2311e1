//! Placeholder.
use bytes::Bytes;
use std::task::{Context, Poll};
pub const MODELS: [&str; 1] = ["fast"];
#[derive(Debug)]
pub struct Stream;
impl Stream {
    pub fn poll_data(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ()>>> {
        Poll::Ready(None)
    }
}
pub fn answer(_model: &str, _body: &Bytes) -> crate::upstream::client::Answer {
    crate::upstream::client::Answer { status: 500, headers: http::HeaderMap::new(), body: crate::upstream::body::UpBody::demo(Stream) }
}
