//! Answers that come compressed although nobody asked for it, as some gateways in front of targets send them.

use bytes::Bytes;
use flate2::write::{MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use std::io::{self, Write};

/// Undoes the encoding of an answer, piece by piece.
pub(crate) enum Decoding {
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Deflate(Box<ZlibDecoder<Vec<u8>>>),
}

#[derive(Debug, thiserror::Error)]
#[error("it is encoded as {0:?}, which was not asked for")]
pub(crate) struct UnknownEncoding(String);

impl Decoding {
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, UnknownEncoding> {
        let Some(value) = headers.get(http::header::CONTENT_ENCODING) else { return Ok(Self::Plain) };
        let name = String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
        match name.as_str() {
            "" | "identity" => Ok(Self::Plain),
            "gzip" | "x-gzip" => Ok(Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))),
            "deflate" => Ok(Self::Deflate(Box::new(ZlibDecoder::new(Vec::new())))),
            _ => Err(UnknownEncoding(name)),
        }
    }

    /// What the next piece says; as much of it as can be told already.
    pub(crate) fn decode(&mut self, piece: Bytes) -> io::Result<Bytes> {
        match self {
            Self::Plain => Ok(piece),
            Self::Gzip(decoder) => {
                decoder.write_all(&piece)?;
                decoder.flush()?;
                Ok(std::mem::take(decoder.get_mut()).into())
            }
            Self::Deflate(decoder) => {
                decoder.write_all(&piece)?;
                decoder.flush()?;
                Ok(std::mem::take(decoder.get_mut()).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    fn headers(encoding: &str) -> HeaderMap {
        [(http::header::CONTENT_ENCODING, encoding.parse().unwrap())].into_iter().collect()
    }

    fn decoded(encoding: &str, bytes: &[u8], size: usize) -> Vec<u8> {
        let mut decoding = Decoding::of(&headers(encoding)).unwrap();
        bytes.chunks(size).flat_map(|piece| decoding.decode(Bytes::copy_from_slice(piece)).unwrap()).collect()
    }

    #[test]
    fn an_answer_reads_the_same_however_it_is_compressed_and_cut() {
        let text = "data: {\"a\": \"grüße\"}\n\n".repeat(50);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text.as_bytes()).unwrap();
        zlib.write_all(text.as_bytes()).unwrap();
        let (gzip, zlib) = (gzip.finish().unwrap(), zlib.finish().unwrap());
        for size in [1, 7, 10_000] {
            assert_eq!(decoded("GZIP", &gzip, size), text.as_bytes());
            assert_eq!(decoded("deflate", &zlib, size), text.as_bytes());
            assert_eq!(decoded("identity", text.as_bytes(), size), text.as_bytes());
        }
    }

    #[test]
    fn each_piece_of_a_compressed_stream_says_at_once_what_it_can() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(b"data: 1\n\n").unwrap();
        gzip.flush().unwrap();
        let first = std::mem::take(gzip.get_mut());
        let mut decoding = Decoding::of(&headers("gzip")).unwrap();
        assert_eq!(decoding.decode(first.into()).unwrap(), "data: 1\n\n");
    }

    #[test]
    fn what_is_not_compressed_as_it_says_is_an_error() {
        let mut decoding = Decoding::of(&headers("gzip")).unwrap();
        assert!(decoding.decode(Bytes::from_static(b"{\"plain\": true, \"long\": \"enough to be looked at\"}")).is_err());
        assert!(Decoding::of(&headers("br")).is_err());
    }
}
