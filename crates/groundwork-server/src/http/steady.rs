//! The body of a request, whose client must go on sending it: one that sends nothing for too long keeps its place no longer.

use super::patience::Patience;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// The client has stopped sending.
#[derive(Debug, thiserror::Error)]
#[error("nothing more of the body came for {0:?}")]
pub(super) struct Stalled(Duration);

/// Whether that is at the bottom of `error`.
pub(super) fn is_stalled(error: &(dyn Error + 'static)) -> bool {
    std::iter::successors(Some(error), |&error| error.source()).any(<dyn Error>::is::<Stalled>)
}

pub(super) fn steady(body: Body, patience: Duration) -> Body {
    if body.is_end_stream() { body } else { Body::new(Steady { body, patience: Patience::new(patience) }) }
}

struct Steady {
    body: Body,
    /// For the next piece.
    patience: Patience,
}

impl HttpBody for Steady {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let stalled = Stalled(self.patience.most);
        self.patience.step(context, polled).map(|frame| frame.unwrap_or_else(|| Some(Err(axum::Error::new(stalled)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream::{self, StreamExt};
    use http_body_util::BodyExt;
    use std::convert::Infallible;
    use tokio::time::sleep;

    #[tokio::test(start_paused = true)]
    async fn a_body_may_come_slowly_and_not_stop() {
        let slow = stream::iter(0..5).then(|_| async {
            sleep(Duration::from_secs(50)).await;
            Ok::<_, Infallible>(Bytes::from_static(b"x"))
        });
        let patience = Duration::from_secs(60);
        let mut body = steady(Body::from_stream(slow.chain(stream::pending())), patience);
        for _ in 0..5 {
            assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "x");
        }
        let began = tokio::time::Instant::now();
        let error = body.frame().await.unwrap().unwrap_err();
        assert!(is_stalled(&error) && began.elapsed() == patience, "{error}");
        assert!(!is_stalled(&axum::Error::new(std::io::Error::other("another"))));
    }
}
