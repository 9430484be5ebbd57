//! What callers and the log's own thread share. Callers append a line and go; everything that may take long is the thread's.

use super::segment::Segment;
use super::{Settings, WORTH_ROLLING, WalError};
use groundwork_core::call::Record;
use groundwork_core::ids::CallId;
use rustc_hash::FxHashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Open calls that are carried over to another segment while nobody else can append.
const CARRIED_TOGETHER: usize = 32;

#[derive(Debug)]
pub(super) struct Shared {
    settings: Settings,
    pub(super) folder: PathBuf,
    state: Mutex<State>,
    /// Told when there is something to force to the disk, and at the end.
    wake: Condvar,
    /// One at a time forces and begins segments.
    tending: Mutex<()>,
    /// Calls that have ended and are not in the ledger yet.
    pub(super) waiting: AtomicUsize,
    /// Told when many calls have ended since the last `take_settled`.
    pub(super) many: Notify,
    pub(super) sync_failures: AtomicU64,
}

#[derive(Debug)]
struct State {
    active: Segment,
    /// Segments whose open calls stand in a later one too. Their settled calls may not all be in the ledger yet.
    closed: Vec<Segment>,
    /// Calls that have begun and not ended.
    open: FxHashMap<CallId, Held>,
    /// Calls that have ended since the last `take_settled`.
    settled: Vec<Record>,
    /// Lines were written that are not forced to the disk yet.
    unsynced: bool,
    ended: bool,
}

/// The line of an open call, and the number of the segment where it stands last.
#[derive(Debug)]
struct Held {
    line: Vec<u8>,
    segment: u64,
}

impl Shared {
    pub(super) fn new(settings: Settings, folder: &Path, active: Segment) -> Self {
        let state = State { active, closed: Vec::new(), open: FxHashMap::default(), settled: Vec::new(), unsynced: false, ended: false };
        Self {
            settings,
            folder: folder.into(),
            state: Mutex::new(state),
            wake: Condvar::new(),
            tending: Mutex::new(()),
            waiting: AtomicUsize::new(0),
            many: Notify::new(),
            sync_failures: AtomicU64::new(0),
        }
    }

    pub(super) fn hold(&self, call: CallId, line: Vec<u8>) -> Result<(), WalError> {
        let mut state = self.lock();
        self.append(&mut state, &line)?;
        let segment = state.active.number();
        state.open.insert(call, Held { line, segment });
        Ok(())
    }

    pub(super) fn settle(&self, record: Record, line: &[u8]) -> Result<(), WalError> {
        let mut state = self.lock();
        state.open.remove(&record.id);
        state.settled.push(record);
        if state.settled.len() == WORTH_ROLLING {
            self.many.notify_one();
        }
        self.append(&mut state, line)
    }

    pub(super) fn open_calls(&self) -> usize {
        self.lock().open.len()
    }

    /// The calls that have ended since the last time, and how many segments can be removed once they are booked.
    pub(super) fn take_settled(&self) -> (Vec<Record>, usize) {
        let mut state = self.lock();
        (std::mem::take(&mut state.settled), state.closed.len())
    }

    /// Removes the oldest `count` closed segments.
    pub(super) fn remove_closed(&self, count: usize) -> Result<(), WalError> {
        let removable: Vec<Segment> = self.lock().closed.drain(..count).collect();
        removable.iter().try_for_each(Segment::remove)
    }

    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.wake.notify_all();
    }

    /// Forces lines to the disk, those together that come within a short time, until the log ends.
    pub(super) fn keep(&self) {
        let mut state = self.lock();
        loop {
            let quiet = |state: &mut State| !state.unsynced && !state.ended;
            state = self.wake.wait_while(state, quiet).unwrap_or_else(PoisonError::into_inner);
            if !state.unsynced {
                return;
            }
            let more = |state: &mut State| !state.ended;
            state = self.wake.wait_timeout_while(state, self.settings.group, more).unwrap_or_else(PoisonError::into_inner).0;
            drop(state);
            if let Err(error) = self.tend() {
                tracing::error!(%error, "the money records of the last moments may not survive a loss of power");
            }
            state = self.lock();
        }
    }

    /// Forces all lines to the disk, and closes the active segment when it is full.
    pub(super) fn tend(&self) -> Result<(), WalError> {
        let _alone = self.tending.lock().unwrap_or_else(PoisonError::into_inner);
        let (written, number, is_full) = {
            let mut state = self.lock();
            state.unsynced = false;
            (state.active.written(), state.active.number(), state.active.bytes() >= self.settings.segment_bytes)
        };
        written.sync().inspect_err(|_| self.count_failure())?;
        if is_full {
            let next = Segment::create(&self.folder, number + 1)?;
            let full = std::mem::replace(&mut self.lock().active, next);
            // After an error the file stays where it is until the next start, which reads it.
            full.written().sync().inspect_err(|_| self.count_failure())?;
            self.carry_over()?;
            self.lock().closed.push(full);
        }
        Ok(())
    }

    /// Says of open calls in the active segment what older ones say, which can be removed then.
    fn carry_over(&self) -> Result<(), WalError> {
        loop {
            let mut state = self.lock();
            let State { active, open, .. } = &mut *state;
            let number = active.number();
            let old = open.values_mut().filter(|held| held.segment < number);
            let mut lines = Vec::new();
            for held in old.take(CARRIED_TOGETHER) {
                lines.extend_from_slice(&held.line);
                held.segment = number;
            }
            if lines.is_empty() {
                let written = active.written();
                drop(state);
                return written.sync().inspect_err(|_| self.count_failure());
            }
            active.append(&lines)?;
        }
    }

    fn count_failure(&self) {
        self.sync_failures.fetch_add(1, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, state: &mut State, line: &[u8]) -> Result<(), WalError> {
        state.active.append(line)?;
        if !state.unsynced {
            state.unsynced = true;
            self.wake.notify_one();
        }
        Ok(())
    }
}
