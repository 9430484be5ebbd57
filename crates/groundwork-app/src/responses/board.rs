//! The responses that are being made right now, where others can read along: an event is there for everyone as soon as it has come.

use crate::app::Interrupted;
use crate::owned::Owner;
use bytes::Bytes;
use groundwork_core::ids::ResponseId;
use groundwork_core::turn::Frame;
use groundwork_wire::responses::{Event, kind_of};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;

pub(crate) struct Board {
    running: Mutex<HashMap<ResponseId, Arc<Live>>>,
    /// One permit a response in the background that is worked on.
    places: Arc<Semaphore>,
    /// One permit a response in the background, waiting or worked on.
    room: Arc<Semaphore>,
}

/// For each response in the background that is worked on so many may wait.
const WAITING: usize = 16;

impl Board {
    pub(crate) fn new(places: usize) -> Self {
        let places = places.clamp(1, Semaphore::MAX_PERMITS / (WAITING + 1));
        let room = Arc::new(Semaphore::new(places * (WAITING + 1)));
        Self { running: Mutex::default(), places: Arc::new(Semaphore::new(places)), room }
    }

    /// Room for one more response in the background; `None` when there is none.
    pub(super) fn room(&self) -> Option<OwnedSemaphorePermit> {
        self.room.clone().try_acquire_owned().ok()
    }

    /// Waits for a place to work on one, in the order of asking.
    pub(super) async fn place(&self) -> Result<OwnedSemaphorePermit, Interrupted> {
        self.places.clone().acquire_owned().await.map_err(|_closed| Interrupted)
    }

    /// Puts a response up. It is there until the post is dropped.
    pub(super) fn post(self: &Arc<Self>, id: &ResponseId, owner: &Owner) -> Post {
        let live = Arc::new(Live {
            owner: owner.clone(),
            cancel: CancellationToken::new(),
            log: Mutex::default(),
            version: watch::Sender::new(()),
        });
        self.lock().insert(id.clone(), live.clone());
        Post { board: self.clone(), id: id.clone(), live }
    }

    /// The response `id`, when it is this owner's and not yet at its end.
    pub(super) fn find(&self, owner: &Owner, id: &ResponseId) -> Option<Arc<Live>> {
        self.lock().get(id).filter(|live| live.owner == *owner).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ResponseId, Arc<Live>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A response's place on the board.
pub(super) struct Post {
    board: Arc<Board>,
    id: ResponseId,
    pub(super) live: Arc<Live>,
}

impl Drop for Post {
    fn drop(&mut self) {
        self.board.lock().remove(&self.id);
        self.live.end();
    }
}

/// A response that is being made.
pub(super) struct Live {
    owner: Owner,
    /// Its client wants no more of it.
    pub(super) cancel: CancellationToken,
    log: Mutex<Log>,
    version: watch::Sender<()>,
}

/// The events so far. Their numbers count from 0.
#[derive(Default)]
struct Log {
    events: VecDeque<Bytes>,
    /// The number of the first that is still there.
    first: u64,
    bytes: usize,
    ended: bool,
}

/// Bytes of events that are kept of one response: beyond them the first are forgotten, and nobody can begin with them any more.
const MOST_BYTES: usize = 32 << 20;

/// What comes next of a response.
pub(super) enum Next {
    Event(Frame),
    /// It was forgotten.
    Gone,
    /// Nothing more will come.
    Ended,
    /// Nothing has come yet.
    Waits,
}

impl Live {
    pub(super) fn push(&self, event: &Event) {
        let mut log = self.log();
        log.bytes += event.data.len();
        log.events.push_back(event.data.clone());
        while log.bytes > MOST_BYTES
            && let Some(first) = log.events.pop_front()
        {
            log.bytes -= first.len();
            log.first += 1;
        }
        drop(log);
        self.version.send_replace(());
    }

    /// Tells those who read along whenever something has come.
    pub(super) fn watch(&self) -> watch::Receiver<()> {
        self.version.subscribe()
    }

    /// The event of this number.
    pub(super) fn next(&self, number: u64) -> Next {
        let log = self.log();
        let Some(at) = number.checked_sub(log.first) else { return Next::Gone };
        match usize::try_from(at).ok().and_then(|at| log.events.get(at)) {
            Some(data) => Next::Event(frame(data)),
            None if log.ended => Next::Ended,
            None => Next::Waits,
        }
    }

    /// All events, unless the first are forgotten.
    pub(super) fn events(&self) -> Option<Vec<Bytes>> {
        let log = self.log();
        (log.first == 0).then(|| log.events.iter().cloned().collect())
    }

    /// Waits for its end.
    pub(super) async fn ended(&self) {
        let mut changes = self.watch();
        loop {
            changes.borrow_and_update();
            if self.log().ended {
                return;
            }
            // The sender lives as long as this.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    fn end(&self) {
        self.log().ended = true;
        self.version.send_replace(());
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event as it is sent.
pub(super) fn frame(data: &Bytes) -> Frame {
    Frame::new(kind_of(data).map(Into::into), data.clone())
}
