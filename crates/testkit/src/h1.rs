//! The HTTP/1.1 grammar that both ends of the test kit need: message heads and the chunked coding.

use std::fmt;

/// A message head: the first line and the headers, in the order and the case they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The request line or the status line, without its line end.
    pub first: String,
    /// Names and values as sent; bytes that are not UTF-8 are replaced.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The first header of that name, any case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        get(&self.headers, name)
    }

    /// Whether the message says it uses the chunked coding.
    #[must_use]
    pub fn is_chunked(&self) -> bool {
        self.get("transfer-encoding").is_some_and(|v| v.to_ascii_lowercase().contains("chunked"))
    }

    /// The stated `content-length`, if it is a number.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.get("content-length")?.trim().parse().ok()
    }
}

/// The first value of `name` (any case) in a header list.
#[must_use]
pub fn get<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
}

/// Takes one head off the front of `buf`; `None` while its blank line has not come.
pub fn take_head(buf: &mut Vec<u8>) -> Option<Head> {
    let end = find(buf, b"\r\n\r\n")?;
    let text = String::from_utf8_lossy(&buf[..end]).into_owned();
    buf.drain(..end + 4);
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default().to_owned();
    let headers = lines
        .map(|line| match line.split_once(':') {
            Some((name, value)) => (name.to_owned(), value.trim().to_owned()),
            None => (line.to_owned(), String::new()),
        })
        .collect();
    Some(Head { first, headers })
}

/// Where `needle` starts in `hay`.
#[must_use]
pub fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|w| w == needle)
}

/// One chunk of the chunked coding, as it goes on the wire. Empty data would end the body, so it gives nothing.
#[must_use]
pub fn chunk(data: &[u8]) -> Vec<u8> {
    if data.is_empty() {
        return Vec::new();
    }
    let mut out = format!("{:x}\r\n", data.len()).into_bytes();
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
    out
}

/// The chunked coding is broken; says how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadChunk(pub String);

impl fmt::Display for BadChunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bad chunked coding: {}", self.0)
    }
}

/// Undoes the chunked coding as bytes come. Trailers are read and dropped.
#[derive(Debug, Default)]
pub struct Dechunk {
    state: State,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    Data(usize),
    DataEnd,
    Trailers,
    Done,
}

impl Dechunk {
    /// Whether the terminating chunk and the trailers' blank line have come.
    #[must_use]
    pub fn done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes what can be decoded off the front of `buf`; what follows the body's end stays there.
    ///
    /// # Errors
    /// When a size line is not hexadecimal or a chunk is not followed by CRLF.
    pub fn decode(&mut self, buf: &mut Vec<u8>) -> Result<Vec<u8>, BadChunk> {
        let mut out = Vec::new();
        loop {
            match self.state {
                State::Size => {
                    let Some(end) = find(buf, b"\r\n") else { return Ok(out) };
                    let line = String::from_utf8_lossy(&buf[..end]).into_owned();
                    buf.drain(..end + 2);
                    let digits = line.split(';').next().unwrap_or_default().trim();
                    let size = usize::from_str_radix(digits, 16)
                        .map_err(|_| BadChunk(format!("size line {line:?} is not hexadecimal")))?;
                    self.state = if size == 0 { State::Trailers } else { State::Data(size) };
                }
                State::Data(left) => {
                    if buf.is_empty() {
                        return Ok(out);
                    }
                    let n = left.min(buf.len());
                    out.extend(buf.drain(..n));
                    self.state = if n == left { State::DataEnd } else { State::Data(left - n) };
                }
                State::DataEnd => {
                    if buf.len() < 2 {
                        return Ok(out);
                    }
                    let end: Vec<u8> = buf.drain(..2).collect();
                    if end != b"\r\n" {
                        return Err(BadChunk(format!("{end:?} where a chunk's CRLF belongs")));
                    }
                    self.state = State::Size;
                }
                State::Trailers => {
                    let Some(end) = find(buf, b"\r\n") else { return Ok(out) };
                    buf.drain(..end + 2);
                    if end == 0 {
                        self.state = State::Done;
                    }
                }
                State::Done => return Ok(out),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_keeps_order_and_case() {
        let mut buf = b"POST /a HTTP/1.1\r\nX-B: 1\r\nx-a:  two \r\n\r\nrest".to_vec();
        let head = take_head(&mut buf).unwrap();
        assert_eq!(head.first, "POST /a HTTP/1.1");
        assert_eq!(head.headers, [("X-B".to_owned(), "1".to_owned()), ("x-a".to_owned(), "two".to_owned())]);
        assert_eq!(buf, b"rest");
    }

    #[test]
    fn an_unfinished_head_stays_in_the_buffer() {
        let mut buf = b"GET / HTTP/1.1\r\nhost: x\r\n".to_vec();
        assert!(take_head(&mut buf).is_none());
        assert_eq!(buf.len(), 25);
    }

    #[test]
    fn chunks_decode_at_every_cut() {
        let mut whole = chunk(b"hello ");
        whole.extend(chunk(b"world"));
        whole.extend_from_slice(b"0\r\nx-trailer: 1\r\n\r\nNEXT");
        for cut in 0..=whole.len() {
            let mut dechunk = Dechunk::default();
            let mut buf = whole[..cut].to_vec();
            let mut out = dechunk.decode(&mut buf).unwrap();
            buf.extend_from_slice(&whole[cut..]);
            out.extend(dechunk.decode(&mut buf).unwrap());
            assert!(dechunk.done(), "cut at {cut}");
            assert_eq!(out, b"hello world", "cut at {cut}");
            assert_eq!(buf, b"NEXT", "cut at {cut}");
        }
    }

    #[test]
    fn a_bad_size_or_end_is_an_error() {
        assert!(Dechunk::default().decode(&mut b"zz\r\n".to_vec()).is_err());
        assert!(Dechunk::default().decode(&mut b"1\r\nabc".to_vec()).is_err());
    }
}
