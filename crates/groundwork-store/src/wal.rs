//! Money records (money is never lost, doubled or silent): a line in a file before a call goes out and a line when it has ended, so
//! that a kill at any moment leaves every call booked, as measured or as a flagged estimate.
//!
//! A *hold* is the record of a call as it will be booked if nothing is ever heard of it again; a *settle* is the record of what happened.
//! A line is given to the system at once, which is enough for a kill, and forced to the disk together with others soon after, which is
//! what a loss of power asks for. `roll` moves settled calls into the ledger, where the call's id makes booking twice impossible; a
//! segment is removed once all it says is there. The folder belongs to one process (`lock`).

mod recovery;
mod segment;

pub use recovery::Recovery;

use crate::db::{Db, DbError};
use groundwork_core::call::Record;
use groundwork_core::ids::CallId;
use segment::{Kind, Segment, Written};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Calls that wait for the ledger, at most. Beyond that no call may begin: the ledger has been out of reach for long.
const WAITING: usize = 100_000;
/// Calls that one transaction books.
const ROLLED_TOGETHER: usize = 1_000;

/// How the log trades memory and time.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// A segment that has grown to this is closed.
    pub segment_bytes: u64,
    /// How long a line may wait for others before it is forced to the disk.
    pub group: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { segment_bytes: 8 << 20, group: Duration::from_millis(10) }
    }
}

/// Why a call could not be recorded, or recorded calls not be booked. What was recorded before stays recorded.
#[derive(Debug, thiserror::Error)]
pub enum WalError {
    #[error("the disk that holds {path} is full: free space; until then no call that costs money can begin", path = path.display())]
    Full { path: PathBuf },
    #[error("the money records in {path} cannot be written or read: {source}", path = path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{waiting} calls wait to be booked: the ledger cannot be written; see its error and try again later")]
    Behind { waiting: usize },
    #[error(transparent)]
    Ledger(#[from] DbError),
}

/// The log of money records; a cheap clone.
#[derive(Debug, Clone)]
pub struct Wal {
    shared: Arc<Shared>,
    /// One `roll` at a time.
    rolling: Arc<tokio::sync::Mutex<()>>,
    /// Ends the syncing thread when the last clone is gone.
    _ending: Arc<Ending>,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    folder: PathBuf,
    state: Mutex<State>,
    /// Told when there is something to force to the disk, and at the end.
    wake: Condvar,
}

#[derive(Debug)]
struct State {
    active: Segment,
    /// Closed segments whose calls are not all in the ledger yet.
    closed: Vec<Segment>,
    /// Calls that have begun and not ended, with the lines that say so.
    open: HashMap<CallId, Vec<u8>>,
    /// Calls that have ended and are not in the ledger yet.
    settled: Vec<Record>,
    /// Lines were written that are not forced to the disk yet.
    unsynced: bool,
    ended: bool,
}

#[derive(Debug)]
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.wake.notify_all();
    }
}

impl Wal {
    /// Books what an earlier process left in `folder`, then begins a log of its own there.
    pub async fn open(folder: &Path, settings: Settings, db: &Db) -> Result<(Self, Recovery), WalError> {
        let path = folder.to_owned();
        let left = blocking(folder, move || recovery::read(&path)).await?;
        let recovery = Recovery { settled: book(db, &left.settled).await?, estimated: book(db, &left.open).await?, damaged: left.damaged };
        let active = Segment::create(folder, left.next_number)?;
        left.segments.into_iter().try_for_each(recovery::Left::clear)?;

        let state = State { active, closed: vec![], open: HashMap::new(), settled: vec![], unsynced: false, ended: false };
        let shared = Arc::new(Shared { settings, folder: folder.into(), state: Mutex::new(state), wake: Condvar::new() });
        let syncing = shared.clone();
        std::thread::Builder::new()
            .name("wal-sync".to_owned())
            .spawn(move || syncing.sync_until_ended())
            .map_err(|source| WalError::Io { path: folder.into(), source })?;
        Ok((Self { rolling: Arc::default(), _ending: Arc::new(Ending(shared.clone())), shared }, recovery))
    }

    /// Records that a call is about to go out. `estimate` is what will be booked if nothing is ever heard of it, so flag it as one. After
    /// an error the call must not go out.
    pub fn hold(&self, estimate: &Record) -> Result<(), WalError> {
        let line = segment::line(Kind::Hold, estimate);
        let mut state = self.shared.lock();
        if state.settled.len() >= WAITING {
            return Err(WalError::Behind { waiting: state.settled.len() });
        }
        self.shared.append(&mut state, &line)?;
        state.open.insert(estimate.id.clone(), line);
        Ok(())
    }

    /// Records how a call ended. Even after an error the record goes to the ledger with the next `roll`; only a kill before that would
    /// leave the call with its estimate.
    pub fn settle(&self, record: Record) -> Result<(), WalError> {
        let line = segment::line(Kind::Settle, &record);
        let mut state = self.shared.lock();
        state.open.remove(&record.id);
        state.settled.push(record);
        self.shared.append(&mut state, &line)
    }

    /// Calls that have begun and not ended.
    pub fn open_calls(&self) -> usize {
        self.shared.lock().open.len()
    }

    /// Books every call that has ended so far, removes the segments that are no longer needed and says how many calls there were. Call
    /// it again and again, and once before the end. After an error everything is still recorded, and the next call tries again.
    pub async fn roll(&self, db: &Db) -> Result<usize, WalError> {
        let _alone = self.rolling.lock().await;
        let (records, closed) = {
            let state = self.shared.lock();
            (state.settled.clone(), state.closed.len())
        };
        book(db, &records).await?;
        if closed > 0 {
            // What the closed segments say of open calls is said again in the active one, which must outlive them.
            let wal = self.clone();
            blocking(&self.shared.folder, move || wal.flush()).await?;
        }
        let removable: Vec<Segment> = {
            let mut state = self.shared.lock();
            state.settled.drain(..records.len());
            state.closed.drain(..closed).collect()
        };
        removable.iter().try_for_each(Segment::remove)?;
        Ok(records.len())
    }

    /// Forces everything recorded so far to the disk.
    pub fn flush(&self) -> Result<(), WalError> {
        self.shared.lock().written().iter().try_for_each(Written::sync)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, state: &mut State, line: &[u8]) -> Result<(), WalError> {
        state.active.append(line)?;
        if !state.unsynced {
            state.unsynced = true;
            self.wake.notify_one();
        }
        // The line stands, so the call goes on; a segment may grow until another can be begun.
        if state.active.bytes() >= self.settings.segment_bytes
            && let Err(error) = state.begin_segment(&self.folder)
        {
            tracing::warn!(%error, "a segment of the money records cannot be closed");
        }
        Ok(())
    }

    fn sync_until_ended(&self) {
        let mut state = self.lock();
        loop {
            let quiet = |state: &mut State| !state.unsynced && !state.ended;
            state = self.wake.wait_while(state, quiet).unwrap_or_else(PoisonError::into_inner);
            if !state.unsynced {
                return;
            }
            let more = |state: &mut State| !state.ended;
            state = self.wake.wait_timeout_while(state, self.settings.group, more).unwrap_or_else(PoisonError::into_inner).0;
            state.unsynced = false;
            let written = state.written();
            drop(state);
            for file in written {
                if let Err(error) = file.sync() {
                    tracing::error!(%error, "money records may not survive a loss of power");
                }
            }
            state = self.lock();
        }
    }
}

impl State {
    /// Closes the active segment and begins another with the calls that are open.
    fn begin_segment(&mut self, folder: &Path) -> Result<(), WalError> {
        let mut next = Segment::create(folder, self.active.number() + 1)?;
        for line in self.open.values() {
            if let Err(error) = next.append(line) {
                // The old segment stays the active one. What the new one says is said there too.
                next.remove()?;
                return Err(error);
            }
        }
        self.closed.push(std::mem::replace(&mut self.active, next));
        Ok(())
    }

    fn written(&self) -> Vec<Written> {
        self.closed.iter().chain([&self.active]).map(Segment::written).collect()
    }
}

/// Books calls and says how many were not booked before.
async fn book(db: &Db, records: &[Record]) -> Result<u64, WalError> {
    let mut new = 0;
    for records in records.chunks(ROLLED_TOGETHER) {
        new += db.settle_all(records).await?;
    }
    Ok(new)
}

async fn blocking<T: Send + 'static>(folder: &Path, work: impl FnOnce() -> Result<T, WalError> + Send + 'static) -> Result<T, WalError> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(WalError::Io { path: folder.into(), source: std::io::Error::other(error) }))
}
