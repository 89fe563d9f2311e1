//! Content codings undone piece by piece, with a bound on what comes out.

use std::io::{self, Write};

use bytes::Bytes;
use thiserror::Error;

/// A coding that bodies may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Identity,
    /// gzip
    Gzip,
    /// deflate, with or without its zlib frame.
    Deflate,
    /// brotli
    Br,
    /// zstd
    Zstd,
}

impl Coding {
    /// The coding of a `content-encoding` header; `None` for one that is not known, and for several at once.
    #[must_use]
    pub fn parse(header: &str) -> Option<Coding> {
        match header.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Coding::Identity),
            "gzip" | "x-gzip" => Some(Coding::Gzip),
            "deflate" => Some(Coding::Deflate),
            "br" => Some(Coding::Br),
            "zstd" => Some(Coding::Zstd),
            _ => None,
        }
    }
}

/// Why a body could not be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CodingError {
    /// It is not what its header says.
    #[error("the body is not what its content-encoding says")]
    Corrupt,
    /// More comes out than the bound.
    #[error("the decoded body is larger than the limit")]
    TooLarge,
}

/// Where decoded bytes gather.
#[derive(Debug)]
struct Sink {
    held: Vec<u8>,
    left: usize,
    over: bool,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.left {
            self.over = true;
            return Err(io::Error::other("over the bound"));
        }
        self.left -= bytes.len();
        self.held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Inner {
    Plain(Sink),
    Gzip(flate2::write::MultiGzDecoder<Sink>),
    Zlib(flate2::write::ZlibDecoder<Sink>),
    Raw(flate2::write::DeflateDecoder<Sink>),
    /// deflate whose first byte has not come: it tells whether a zlib frame is there.
    Unsure(Sink),
    Br(Box<brotli::DecompressorWriter<Sink>>),
    Zstd(Box<zstd::stream::write::Decoder<'static, Sink>>),
    Broken,
}

/// Undoes one coding.
pub struct Decoder(Inner);

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Decoder")
    }
}

impl Decoder {
    /// A decoder that gives at most `bound` bytes in all.
    #[must_use]
    pub fn new(coding: Coding, bound: usize) -> Self {
        let sink = Sink { held: Vec::new(), left: bound, over: false };
        Self(match coding {
            Coding::Identity => Inner::Plain(sink),
            Coding::Gzip => Inner::Gzip(flate2::write::MultiGzDecoder::new(sink)),
            Coding::Deflate => Inner::Unsure(sink),
            Coding::Br => Inner::Br(Box::new(brotli::DecompressorWriter::new(sink, 4_096))),
            Coding::Zstd => match zstd::stream::write::Decoder::new(sink) {
                Ok(decoder) => Inner::Zstd(Box::new(decoder)),
                Err(_) => Inner::Broken,
            },
        })
    }

    /// Decodes the next piece.
    ///
    /// # Errors
    /// Bytes that are not of the coding, or more than the bound.
    pub fn push(&mut self, piece: &[u8]) -> Result<Bytes, CodingError> {
        if let (Inner::Unsure(_), Some(first)) = (&self.0, piece.first()) {
            let Inner::Unsure(sink) = std::mem::replace(&mut self.0, Inner::Broken) else {
                return Err(CodingError::Corrupt);
            };
            // A zlib frame opens with compression method 8 in its low four bits.
            self.0 = if first & 0x0f == 8 {
                Inner::Zlib(flate2::write::ZlibDecoder::new(sink))
            } else {
                Inner::Raw(flate2::write::DeflateDecoder::new(sink))
            };
        }
        let written = match &mut self.0 {
            Inner::Plain(sink) | Inner::Unsure(sink) => sink.write_all(piece),
            Inner::Gzip(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
            Inner::Zlib(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
            Inner::Raw(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
            Inner::Br(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
            Inner::Zstd(decoder) => decoder.write_all(piece).and_then(|()| decoder.flush()),
            Inner::Broken => return Err(CodingError::Corrupt),
        };
        self.take(written)
    }

    /// The body ended: gives what is left.
    ///
    /// # Errors
    /// As [`Decoder::push`]; also a body that ends before its coding does.
    pub fn finish(&mut self) -> Result<Bytes, CodingError> {
        let written = match &mut self.0 {
            Inner::Plain(_) | Inner::Unsure(_) => Ok(()),
            Inner::Gzip(decoder) => decoder.try_finish(),
            Inner::Zlib(decoder) => decoder.try_finish(),
            Inner::Raw(decoder) => decoder.try_finish(),
            Inner::Br(decoder) => decoder.close(),
            Inner::Zstd(decoder) => decoder.flush(),
            Inner::Broken => return Err(CodingError::Corrupt),
        };
        self.take(written)
    }

    fn take(&mut self, written: io::Result<()>) -> Result<Bytes, CodingError> {
        let sink = match &mut self.0 {
            Inner::Plain(sink) | Inner::Unsure(sink) => sink,
            Inner::Gzip(decoder) => decoder.get_mut(),
            Inner::Zlib(decoder) => decoder.get_mut(),
            Inner::Raw(decoder) => decoder.get_mut(),
            Inner::Br(decoder) => decoder.get_mut(),
            Inner::Zstd(decoder) => decoder.get_mut(),
            Inner::Broken => return Err(CodingError::Corrupt),
        };
        let (held, over) = (std::mem::take(&mut sink.held), sink.over);
        match written {
            _ if over => Err(CodingError::TooLarge),
            Ok(()) => Ok(Bytes::from(held)),
            Err(_) => Err(CodingError::Corrupt),
        }
    }
}

/// Decodes a whole body.
///
/// # Errors
/// As [`Decoder::push`].
pub fn decode(coding: Coding, body: Bytes, bound: usize) -> Result<Bytes, CodingError> {
    if coding == Coding::Identity {
        return if body.len() > bound { Err(CodingError::TooLarge) } else { Ok(body) };
    }
    let mut decoder = Decoder::new(coding, bound);
    let first = decoder.push(&body)?;
    let last = decoder.finish()?;
    if last.is_empty() {
        return Ok(first);
    }
    Ok([first, last].concat().into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn pack(coding: Coding, body: &[u8]) -> Vec<u8> {
        match coding {
            Coding::Identity => body.to_vec(),
            Coding::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(body).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Deflate => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(body).unwrap();
                encoder.finish().unwrap()
            }
            Coding::Br => {
                let mut out = Vec::new();
                brotli::CompressorWriter::new(&mut out, 4_096, 4, 22).write_all(body).unwrap();
                out
            }
            Coding::Zstd => zstd::encode_all(body, 1).unwrap(),
        }
    }

    const ALL: [Coding; 5] = [Coding::Identity, Coding::Gzip, Coding::Deflate, Coding::Br, Coding::Zstd];

    #[test]
    fn every_coding_comes_back_whole_in_any_pieces() {
        let body: Vec<u8> = (0..20_000u32).flat_map(|n| (n % 251).to_string().into_bytes()).collect();
        for coding in ALL {
            let packed = pack(coding, &body);
            assert_eq!(decode(coding, packed.clone().into(), 1 << 20).unwrap(), body, "{coding:?}");
            let mut decoder = Decoder::new(coding, 1 << 20);
            let mut out = Vec::new();
            for piece in packed.chunks(7) {
                out.extend_from_slice(&decoder.push(piece).unwrap());
            }
            out.extend_from_slice(&decoder.finish().unwrap());
            assert_eq!(out, body, "{coding:?} in pieces");
        }
    }

    #[test]
    fn a_bomb_stops_at_the_bound() {
        let body = vec![0u8; 8 << 20];
        for coding in ALL {
            assert_eq!(decode(coding, pack(coding, &body).into(), 64 << 10), Err(CodingError::TooLarge), "{coding:?}");
        }
    }

    #[test]
    fn garbage_is_corrupt() {
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Br, Coding::Zstd] {
            let garbage = Bytes::from_static(b"{\"model\":\"not compressed at all\"}");
            assert_eq!(decode(coding, garbage, 1 << 20), Err(CodingError::Corrupt), "{coding:?}");
        }
    }
}
