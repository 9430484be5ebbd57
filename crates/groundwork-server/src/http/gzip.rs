//! Bodies that come as gzip, which become plain on their way: a file goes to the disk as it comes.

use async_compression::tokio::bufread::GzipDecoder;
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use futures::TryStreamExt;
use std::io;
use tokio_util::io::{ReaderStream, StreamReader};

/// Bytes of what comes out that are given on at once.
const PIECE: usize = 16 << 10;

/// The name may be written in any case, and there is an older one (RFC 9110, 8.4.1).
pub(super) fn is_so(headers: &HeaderMap) -> bool {
    let is = |named: &[u8]| ["gzip", "x-gzip"].iter().any(|name| named.eq_ignore_ascii_case(name.as_bytes()));
    headers.get(CONTENT_ENCODING).is_some_and(|named| is(named.as_bytes()))
}

/// The request with its body as it was before. It may come in several members (RFC 1952, 2.2), as a writer makes them that flushes by
/// beginning anew.
pub(super) fn plain(request: Request) -> Request {
    let (mut parts, body) = request.into_parts();
    parts.headers.remove(CONTENT_ENCODING);
    parts.headers.remove(CONTENT_LENGTH);
    let mut decoder = GzipDecoder::new(StreamReader::new(body.into_data_stream().map_err(io::Error::other)));
    decoder.multiple_members(true);
    Request::from_parts(parts, Body::from_stream(ReaderStream::with_capacity(decoder, PIECE)))
}
