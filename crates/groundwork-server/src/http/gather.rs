//! Bodies on their way into memory. What is held of large ones is counted for as long as anybody holds it, and what goes beyond
//! `limits.body_memory` waits a moment and is refused then: many uploads at once must not take all the memory there is.

use super::Front;
use super::error::ApiError;
use axum::RequestExt;
use axum::body::HttpBody;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, LengthLimitError};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of a body that are not counted: with every place taken they are some megabytes.
const UNCOUNTED: usize = 64 << 10;
/// How long a body waits for others to be done with theirs.
const PATIENCE: Duration = Duration::from_secs(5);

/// Memory for bodies; a cheap clone. One permit is a KiB.
#[derive(Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    /// Of `bytes`, but at least of what the largest body takes.
    pub(super) fn new(bytes: usize, largest: usize) -> Self {
        Self(Arc::new(Semaphore::new(kibibytes(bytes.max(largest)).min(Semaphore::MAX_PERMITS))))
    }
}

/// The whole body of a request, within the route's limit.
pub(super) async fn collect(request: Request, front: &Front) -> Result<Bytes, ApiError> {
    if request.body().size_hint().exact().is_some_and(|bytes| bytes <= UNCOUNTED as u64) {
        return Bytes::from_request(request, front).await.map_err(|rejection| ApiError::unreadable_body(&rejection));
    }
    let mut body = request.into_limited_body();
    let expected = body.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok());
    let mut gather = Gather::begin(&front.0.room, expected.unwrap_or_default()).await?;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|error| unreadable(&error))?.into_data() {
            gather.push(&data).await?;
        }
    }
    Ok(gather.done())
}

fn unreadable(error: &axum::Error) -> ApiError {
    let mut cause = Some(error as &(dyn Error + 'static));
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return ApiError::too_large();
        }
        cause = error.source();
    }
    ApiError::broken_body(error)
}

/// Bytes that come piece by piece.
pub(super) struct Gather {
    room: Room,
    held: Option<OwnedSemaphorePermit>,
    bytes: BytesMut,
}

impl Gather {
    /// Waits for room for `expected` bytes; more may come.
    pub(super) async fn begin(room: &Room, expected: usize) -> Result<Self, ApiError> {
        let mut gather = Self { room: room.clone(), held: None, bytes: BytesMut::new() };
        gather.reserve(expected).await?;
        gather.bytes.reserve(expected);
        Ok(gather)
    }

    pub(super) async fn push(&mut self, data: &[u8]) -> Result<(), ApiError> {
        self.reserve(self.bytes.len() + data.len()).await?;
        self.bytes.extend_from_slice(data);
        Ok(())
    }

    /// What came; its room is given back when the last copy is dropped.
    pub(super) fn done(self) -> Bytes {
        let bytes = self.bytes.freeze();
        match self.held {
            Some(held) => Bytes::from_owner(Held { bytes, _room: held }),
            None => bytes,
        }
    }

    async fn reserve(&mut self, bytes: usize) -> Result<(), ApiError> {
        let has = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = if bytes > UNCOUNTED { kibibytes(bytes).saturating_sub(has) } else { 0 };
        if more == 0 {
            return Ok(());
        }
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        let waiting = tokio::time::timeout(PATIENCE, Arc::clone(&self.room.0).acquire_many_owned(more));
        let Ok(Ok(more)) = waiting.await else { return Err(ApiError::overloaded()) };
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }
}

struct Held {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn kibibytes(bytes: usize) -> usize {
    bytes.div_ceil(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_goes_beyond_the_room_is_refused_until_the_last_copy_of_others_is_dropped() {
        let room = Room::new(1 << 20, 0);
        let mut first = Gather::begin(&room, 0).await.unwrap();
        for _ in 0..9 {
            first.push(&[7; 100 << 10]).await.unwrap();
        }
        let first = first.done();
        assert!(first.len() == 900 << 10 && first.iter().all(|byte| *byte == 7));
        assert!(Gather::begin(&room, 200 << 10).await.is_err(), "announced");
        let mut second = Gather::begin(&room, 100 << 10).await.unwrap();
        assert!(second.push(&[0; 200 << 10]).await.is_err(), "or not");
        drop(second);
        let copy = first.slice(10..20);
        drop(first);
        assert!(Gather::begin(&room, 200 << 10).await.is_err());
        drop(copy);
        assert!(Gather::begin(&room, 1 << 20).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn small_bodies_come_in_when_there_is_no_room_at_all() {
        let room = Room::new(0, 0);
        let mut small = Gather::begin(&room, 0).await.unwrap();
        small.push(&[1; UNCOUNTED]).await.unwrap();
        assert!(small.push(&[1]).await.is_err());
        assert_eq!(small.done().len(), UNCOUNTED);
    }
}
