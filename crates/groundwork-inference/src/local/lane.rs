//! A bounded queue and the threads that work on it.

use super::bert::Runner;
use super::engine::{LoadError, Loader, Text};
use super::{EmbedError, Purpose, TEXTS_AT_A_TIME};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

type Vectors = Result<Vec<Vec<f32>>, EmbedError>;

/// A few texts of one call, and where their vectors are awaited.
struct Work {
    purpose: Purpose,
    /// The place of the first text in its call.
    first: usize,
    texts: Vec<String>,
    reply: oneshot::Sender<Vectors>,
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

pub(super) struct Lane {
    name: String,
    queue: mpsc::Sender<Work>,
    length: Arc<AtomicUsize>,
}

impl Lane {
    pub(super) fn start(loader: &Arc<Loader>, purpose: Purpose, threads: usize, places: usize) -> Result<Self, LoadError> {
        let (queue, work) = mpsc::channel(places);
        let work = Arc::new(Mutex::new(work));
        let name = loader.name().to_owned();
        for _ in 0..threads {
            let (loader, work) = (loader.clone(), work.clone());
            let thread = std::thread::Builder::new().name(format!("embed-{purpose:?}").to_lowercase());
            thread.spawn(move || serve(&loader, &work)).map_err(|source| LoadError::Thread { name: name.clone(), source })?;
        }
        Ok(Self { name, queue, length: Arc::default() })
    }

    pub(super) fn length(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    pub(super) async fn run(&self, purpose: Purpose, texts: Vec<String>) -> Vectors {
        let mut replies = Vec::new();
        let mut texts = texts.into_iter();
        let mut first = 0;
        loop {
            let piece: Vec<_> = texts.by_ref().take(TEXTS_AT_A_TIME).collect();
            if piece.is_empty() {
                break;
            }
            let (reply, answer) = oneshot::channel();
            let count = piece.len();
            self.put(Work { purpose, first, texts: piece, reply, counted: Counted::new(&self.length) }).await?;
            replies.push(answer);
            first += count;
        }
        let mut vectors = Vec::with_capacity(first);
        for answer in replies {
            vectors.extend(answer.await.map_err(|_| self.stopped())??);
        }
        Ok(vectors)
    }

    async fn put(&self, work: Work) -> Result<(), EmbedError> {
        match work.purpose {
            Purpose::Passage | Purpose::Sentence => self.queue.send(work).await.map_err(|_| self.stopped()),
            Purpose::Query => self.queue.try_send(work).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => EmbedError::Busy { model: self.name.clone(), queued: self.length() },
                mpsc::error::TrySendError::Closed(_) => self.stopped(),
            }),
        }
    }

    fn stopped(&self) -> EmbedError {
        EmbedError::Failed { model: self.name.clone(), reason: "its thread has stopped".to_owned() }
    }
}

/// Works until the queue is closed. Work that nobody awaits any more is left out.
fn serve(loader: &Loader, queue: &Mutex<mpsc::Receiver<Work>>) {
    let runner = Runner::new();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(work) = next else { return };
        if work.reply.is_closed() {
            continue;
        }
        let vectors = catch_unwind(AssertUnwindSafe(|| embed(loader, &runner, &work)));
        let vectors = vectors.unwrap_or_else(|_| {
            Err(EmbedError::Failed { model: loader.name().to_owned(), reason: "the engine broke down on this text".to_owned() })
        });
        let Work { reply, counted, .. } = work;
        drop(counted);
        let _ = reply.send(vectors);
    }
}

fn embed(loader: &Loader, runner: &Runner, work: &Work) -> Vectors {
    let engine = loader.engine().map_err(|error| EmbedError::Load(Arc::new(error)))?;
    let texts = work.texts.iter().zip(work.first..).map(|(text, index)| Text { purpose: work.purpose, index, text });
    texts.map(|text| loader.embed(&engine, runner, text)).collect()
}
