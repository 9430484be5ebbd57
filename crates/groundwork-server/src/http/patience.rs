//! A connection whose other end must say what it speaks and go on reading: one that says nothing or takes nothing for too long is broken,
//! and what is kept for it is let go.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What a client of HTTP/2 begins with. Until something else, or all of it, has come, nobody else counts the time.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long each step of a client may be waited for.
pub(super) struct Patience {
    pub(super) most: Duration,
    /// While a step is awaited.
    end: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    pub(super) fn new(most: Duration) -> Self {
        Self { most, end: None }
    }

    /// The step, or `None` when it has been waited for too long.
    pub(super) fn step<T>(&mut self, context: &mut Context<'_>, polled: Poll<T>) -> Poll<Option<T>> {
        if polled.is_ready() {
            self.end = None;
            return polled.map(Some);
        }
        let most = self.most;
        let end = self.end.get_or_insert_with(|| Box::pin(sleep(most)));
        end.as_mut().poll(context).map(|()| None)
    }
}

pub(super) struct Patient<S> {
    stream: S,
    /// For taking what waits to be taken.
    patience: Patience,
    /// Until it is known what the client speaks.
    greeting: Option<Greeting>,
}

struct Greeting {
    /// Bytes of the preface that have come.
    heard: usize,
    end: Pin<Box<Sleep>>,
}

impl Greeting {
    /// Whether more must come to know what the client speaks.
    fn goes_on(&mut self, more: &[u8]) -> bool {
        self.heard += more.len();
        PREFACE.get(self.heard - more.len()..self.heard) == Some(more) && self.heard < PREFACE.len()
    }
}

impl<S> Patient<S> {
    /// The client has to say what it speaks within `greeting`, and to take something of what is there for it within `patience`.
    pub(super) fn new(stream: S, (greeting, patience): (Duration, Duration)) -> Self {
        Self { stream, patience: Patience::new(patience), greeting: Some(Greeting { heard: 0, end: Box::pin(sleep(greeting)) }) }
    }

    fn written(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let stopped = || Err(io::Error::new(io::ErrorKind::TimedOut, "the client has stopped reading"));
        self.patience.step(context, polled).map(|written| written.unwrap_or_else(stopped))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        let Some(greeting) = &mut self.greeting else { return polled };
        if polled.is_ready() {
            let more = buffer.filled().get(before..).unwrap_or_default();
            if more.is_empty() || !greeting.goes_on(more) {
                self.greeting = None;
            }
            return polled;
        }
        ready!(greeting.end.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client has not begun to speak")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, polled)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_is_waited_for_and_who_reads_nothing_is_not() {
        let (mut client, stream) = duplex(8);
        let mut patient = Patient::new(stream, (Duration::from_secs(30), Duration::from_secs(60)));
        let reading = async {
            let mut bytes = [0; 8];
            for _ in 0..4 {
                sleep(Duration::from_secs(50)).await;
                client.read_exact(&mut bytes).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(patient.write_all(&[1; 32]), reading);
        written.unwrap();
        let began = Instant::now();
        let error = patient.write_all(&[1; 32]).await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed().as_secs()), (io::ErrorKind::TimedOut, 60));
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_say_what_it_speaks_is_not_waited_for() {
        for (said, is_known) in [(&b""[..], false), (b"P", false), (&PREFACE[..23], false), (PREFACE, true), (b"G", true), (b"PRO", true)] {
            let (mut client, stream) = duplex(64);
            let mut patient = Patient::new(stream, (Duration::from_secs(30), Duration::from_secs(60)));
            for byte in said {
                client.write_all(&[*byte]).await.unwrap();
                assert_eq!(patient.read_u8().await.unwrap(), *byte);
            }
            let next = tokio::time::timeout(Duration::from_secs(40), patient.read_u8()).await;
            assert_eq!(next.is_err(), is_known, "{said:?}");
            assert!(is_known || next.unwrap().unwrap_err().kind() == io::ErrorKind::TimedOut);
        }
    }
}
