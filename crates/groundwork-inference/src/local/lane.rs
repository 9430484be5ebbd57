//! A bounded queue and the threads that work on it.

use super::bert::Runner;
use super::engine::LoadError;
use super::{EmbedError, PIECE};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// What the threads of a lane do with the items that they are given.
pub(super) trait Craft: Send + Sync + 'static {
    type Item: Send + 'static;
    type Made: Send + 'static;

    /// The model's name, for messages.
    fn model(&self) -> &str;

    /// One result an item, in order. `first` is the place of the first item in its call.
    fn make(&self, runner: &Runner, first: usize, items: &[Self::Item]) -> Result<Vec<Self::Made>, EmbedError>;
}

/// What happens to work for which the queue has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenFull {
    Refuse,
    Wait,
}

/// A few items of one call, and where their results are awaited.
struct Work<C: Craft> {
    first: usize,
    items: Vec<C::Item>,
    reply: oneshot::Sender<Result<Vec<C::Made>, EmbedError>>,
    counted: Counted,
}

/// Counts the work that waits or runs, for as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(length: &Arc<AtomicUsize>) -> Self {
        length.fetch_add(1, Ordering::Relaxed);
        Self(length.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) struct Lane<C: Craft> {
    craft: Arc<C>,
    when_full: WhenFull,
    queue: mpsc::Sender<Work<C>>,
    length: Arc<AtomicUsize>,
}

impl<C: Craft> Lane<C> {
    /// Starts `threads` threads of the name `name`, before which `places` pieces of work may wait.
    pub(super) fn start(craft: C, name: &str, when_full: WhenFull, (threads, places): (usize, usize)) -> Result<Self, LoadError> {
        let (queue, work) = mpsc::channel(places);
        let (craft, work) = (Arc::new(craft), Arc::new(Mutex::new(work)));
        for _ in 0..threads {
            let (craft, work) = (craft.clone(), work.clone());
            let thread = std::thread::Builder::new().name(name.to_owned());
            let thread = thread.spawn({
                let craft = craft.clone();
                move || serve(&*craft, &work)
            });
            thread.map_err(|source| LoadError::Thread { name: craft.model().to_owned(), source })?;
        }
        Ok(Self { craft, when_full, queue, length: Arc::default() })
    }

    pub(super) fn length(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    pub(super) async fn run(&self, items: Vec<C::Item>) -> Result<Vec<C::Made>, EmbedError> {
        let mut replies = Vec::new();
        let mut items = items.into_iter();
        let mut first = 0;
        loop {
            let piece: Vec<_> = items.by_ref().take(PIECE).collect();
            if piece.is_empty() {
                break;
            }
            let (reply, answer) = oneshot::channel();
            let count = piece.len();
            self.put(Work { first, items: piece, reply, counted: Counted::new(&self.length) }).await?;
            replies.push(answer);
            first += count;
        }
        let mut made = Vec::with_capacity(first);
        for answer in replies {
            made.extend(answer.await.map_err(|_| self.stopped())??);
        }
        Ok(made)
    }

    async fn put(&self, work: Work<C>) -> Result<(), EmbedError> {
        match self.when_full {
            WhenFull::Wait => self.queue.send(work).await.map_err(|_| self.stopped()),
            WhenFull::Refuse => self.queue.try_send(work).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => EmbedError::Busy { model: self.craft.model().to_owned(), queued: self.length() },
                mpsc::error::TrySendError::Closed(_) => self.stopped(),
            }),
        }
    }

    fn stopped(&self) -> EmbedError {
        EmbedError::Failed { model: self.craft.model().to_owned(), reason: "its thread has stopped".to_owned() }
    }
}

/// Works until the queue is closed. Work that nobody awaits any more is left out.
fn serve<C: Craft>(craft: &C, queue: &Mutex<mpsc::Receiver<Work<C>>>) {
    let runner = Runner::new();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(work) = next else { return };
        if work.reply.is_closed() {
            continue;
        }
        let made = catch_unwind(AssertUnwindSafe(|| craft.make(&runner, work.first, &work.items)));
        let made = made.unwrap_or_else(|_| {
            Err(EmbedError::Failed { model: craft.model().to_owned(), reason: "the engine broke down on this text".to_owned() })
        });
        let Work { reply, counted, .. } = work;
        drop(counted);
        let _ = reply.send(made);
    }
}
