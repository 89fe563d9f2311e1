//! Just enough HTTP/1.1 for the mock and the load generator to cost as little as they can.

use bytes::{Buf, BytesMut};
use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Context, Fault};

/// Where a head ends, its blank line counted.
#[must_use]
pub fn head_end(buf: &[u8]) -> Option<usize> {
    memmem::find(buf, b"\r\n\r\n").map(|at| at + 4)
}

/// A header's value out of a head, names compared without case.
#[must_use]
pub fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    head.split(|b| *b == b'\n').find_map(|line| {
        let (key, rest) = line.split_at_checked(name.len())?;
        let value = rest.strip_prefix(b":")?;
        key.eq_ignore_ascii_case(name.as_bytes()).then(|| value.trim_ascii())
    })
}

/// The stated content-length.
#[must_use]
pub fn content_length(head: &[u8]) -> Option<usize> {
    std::str::from_utf8(header(head, "content-length")?).ok()?.parse().ok()
}

/// One chunk of the chunked coding.
#[must_use]
pub fn chunk(data: &[u8]) -> Vec<u8> {
    let mut out = format!("{:x}\r\n", data.len()).into_bytes();
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
    out
}

/// A request's bytes.
#[must_use]
pub fn post(path: &str, host: &str, key: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\ncontent-type: application/json\r\n\
         accept: application/json\r\nanthropic-version: 2023-06-01\r\nuser-agent: tollgate-bench\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A client connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buf: BytesMut,
}

impl Connection {
    /// Connects to `host:port`.
    ///
    /// # Errors
    /// When nobody listens.
    pub async fn open(host: &str) -> Result<Self, Fault> {
        let stream = TcpStream::connect(host).await.context(format!("connect to {host}"))?;
        stream.set_nodelay(true).context("TCP_NODELAY")?;
        Ok(Self { stream, buf: BytesMut::with_capacity(16 * 1024) })
    }

    /// Sends a request and reads the whole answer, giving each run of body bytes to `on_data`; the status.
    ///
    /// # Errors
    /// When the connection ends before the answer does, or the answer is not HTTP.
    pub async fn exchange(&mut self, request: &[u8], on_data: &mut impl FnMut(&[u8])) -> Result<u16, Fault> {
        self.stream.write_all(request).await.context("send")?;
        let end = loop {
            if let Some(end) = head_end(&self.buf) {
                break end;
            }
            self.fill("a response head").await?;
        };
        let head = self.buf.split_to(end);
        let status = head.get(9..12).and_then(|s| std::str::from_utf8(s).ok()).and_then(|s| s.parse().ok());
        let status = status.ok_or_else(|| format!("not a status line: {:?}", String::from_utf8_lossy(&head)))?;
        match content_length(&head) {
            Some(length) => self.sized(length, on_data).await?,
            None if header(&head, "transfer-encoding").is_some() => self.chunked(on_data).await?,
            None => return Err("an answer with neither length nor chunks".to_owned()),
        }
        Ok(status)
    }

    async fn sized(&mut self, mut left: usize, on_data: &mut impl FnMut(&[u8])) -> Result<(), Fault> {
        while left > 0 {
            if self.buf.is_empty() {
                self.fill("the body").await?;
            }
            let part = self.buf.split_to(left.min(self.buf.len()));
            left -= part.len();
            on_data(&part);
        }
        Ok(())
    }

    async fn chunked(&mut self, on_data: &mut impl FnMut(&[u8])) -> Result<(), Fault> {
        loop {
            let end = loop {
                if let Some(end) = memchr::memchr(b'\n', &self.buf) {
                    break end;
                }
                self.fill("a chunk size").await?;
            };
            let line = self.buf.split_to(end + 1);
            let digits = std::str::from_utf8(line.trim_ascii()).context("chunk size")?;
            let size = usize::from_str_radix(digits, 16).context(format!("chunk size {digits:?}"))?;
            self.sized(size, on_data).await?;
            while self.buf.len() < 2 {
                self.fill("a chunk's end").await?;
            }
            self.buf.advance(2);
            if size == 0 {
                return Ok(());
            }
        }
    }

    async fn fill(&mut self, what: &str) -> Result<(), Fault> {
        match self.stream.read_buf(&mut self.buf).await.context(format!("reading {what}"))? {
            0 => Err(format!("the connection ended before {what}")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_found_in_any_case() {
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nx: y\r\n\r\n";
        assert_eq!(content_length(head), Some(12));
        assert_eq!(header(head, "X"), Some(&b"y"[..]));
        assert_eq!(header(head, "length"), None);
        assert_eq!(head_end(head), Some(head.len()));
    }
}
