//! Bodies that come as zstd, which they do whole: what a model is asked is small, and nothing of it is used before its end.

use super::error::ApiError;
use super::{Front, gather};
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use ruzstd::decoding::StreamingDecoder;
use std::io::{self, Read};

/// What a body may ask to look back on; the most that RFC 9659 allows.
const WINDOW: u64 = 8 << 20;

pub(super) fn is_so(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_ENCODING).is_some_and(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"zstd"))
}

/// The request with its body as it was before, at most `limit` bytes of it.
pub(super) async fn plain(front: &Front, request: Request, limit: usize) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let whole = Request::from_parts(parts.clone(), body);
    let body = gather::collect(whole, front).await?;
    let decoded = front.app().compute(move || decode(&body, limit)).await.map_err(|error| ApiError::bug(error.to_string()))?;
    let plain = decoded.map_err(|_malformed| ApiError::invalid_body("its content is not zstd, as its content encoding says"))?;
    let plain = plain.ok_or_else(ApiError::too_large)?;
    parts.headers.remove(CONTENT_ENCODING);
    parts.headers.remove(CONTENT_LENGTH);
    Ok(Request::from_parts(parts, Body::from(plain)))
}

/// `None` for what is longer than `limit`. Frames may follow each other.
fn decode(mut rest: &[u8], limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut plain = Vec::new();
    while !rest.is_empty() {
        let frame = StreamingDecoder::new_with_max_window_size(&mut rest, WINDOW).map_err(io::Error::other)?;
        let room = (limit - plain.len()) as u64;
        if frame.take(room + 1).read_to_end(&mut plain)? as u64 > room {
            return Ok(None);
        }
    }
    Ok(Some(plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    #[test]
    fn what_was_compressed_comes_out_up_to_its_limit() {
        let text = "grüße ".repeat(1000);
        let frame = compress_to_vec(text.as_bytes(), CompressionLevel::Fastest);
        assert_eq!(decode(&frame, text.len()).unwrap().unwrap(), text.as_bytes());
        assert_eq!(decode(&frame, text.len() - 1).unwrap(), None);
        let twice = [frame.clone(), frame.clone()].concat();
        assert_eq!(decode(&twice, 2 * text.len()).unwrap().unwrap(), text.repeat(2).as_bytes());
        assert_eq!(decode(&twice, 2 * text.len() - 1).unwrap(), None);
        assert_eq!(decode(b"", 0).unwrap().unwrap(), b"");
        for broken in [b"{}".as_slice(), &frame[..frame.len() - 1], &[&frame[..], b"x"].concat()] {
            assert!(decode(broken, 1 << 20).is_err());
        }
    }
}
