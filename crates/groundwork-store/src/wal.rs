//! Money records (money is never lost, doubled or silent): a line in a file before a call goes out and a line when it has ended, so
//! that a kill at any moment leaves every call booked, as measured or as a flagged estimate.
//!
//! A *hold* is the record of a call as it will be booked if nothing is ever heard of it again; a *settle* is the record of what happened.
//! A line is given to the system at once, which is enough for a kill, and forced to the disk together with others soon after, which is
//! what a loss of power asks for. A caller does no more than that: the log has a thread of its own, which forces, begins new segments
//! and carries open calls over to them. `roll` moves settled calls into the ledger, where the call's id makes booking twice impossible; a
//! segment is removed once all it says is there. The folder belongs to one process (`lock`).

mod keeper;
mod recovery;
mod segment;

pub use recovery::Recovery;

use crate::db::{Db, DbError, ledger};
use groundwork_core::call::{Outcome, Record};
use keeper::Shared;
use segment::{Kind, Segment};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Calls that wait for the ledger, at most. Beyond that no call may begin: the ledger has been out of reach for long.
const WAITING: usize = 100_000;
/// Calls that one transaction books.
const ROLLED_TOGETHER: usize = 1_000;
/// Calls that have ended and are worth a roll: in small pieces it keeps a processor from nobody for long.
const WORTH_ROLLING: usize = 64;

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

/// What there is to know of the log at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Calls that have begun and not ended.
    pub open: usize,
    /// Calls that have ended and are not in the ledger yet.
    pub waiting: usize,
    /// How often lines could not be forced to the disk.
    pub sync_failures: u64,
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
    /// Calls that have ended, on their way to the ledger. One `roll` at a time.
    rolling: Arc<tokio::sync::Mutex<Vec<Arc<Vec<Record>>>>>,
    /// Ends the log's thread when the last clone is gone.
    _ending: Arc<Ending>,
}

#[derive(Debug)]
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Wal {
    /// Books what an earlier process left in `folder`, then begins a log of its own there.
    pub async fn open(folder: &Path, settings: Settings, db: &Db) -> Result<(Self, Recovery), WalError> {
        let path = folder.to_owned();
        let left = blocking(folder, move || recovery::read(&path)).await?;
        let killed = |record| Record { outcome: Outcome::Failed { kind: "killed".to_owned(), http_status: 503 }, ..record };
        let recovery = Recovery {
            settled: book(folder, db, &Arc::new(left.settled)).await?,
            estimated: book(folder, db, &Arc::new(left.open.into_iter().map(killed).collect())).await?,
            damaged: left.damaged,
        };
        let active = Segment::create(folder, left.next_number)?;
        left.segments.into_iter().try_for_each(recovery::Left::clear)?;

        let shared = Arc::new(Shared::new(settings, folder, active));
        let keeper = shared.clone();
        std::thread::Builder::new()
            .name("wal".to_owned())
            .spawn(move || keeper.keep())
            .map_err(|source| WalError::Io { path: folder.into(), source })?;
        Ok((Self { rolling: Arc::default(), _ending: Arc::new(Ending(shared.clone())), shared }, recovery))
    }

    /// Records that a call is about to go out. `estimate` is what will be booked if nothing is ever heard of it, so flag it as one. It
    /// takes the place of an earlier one of the same call. After an error the call must not go out.
    pub fn hold(&self, estimate: &Record) -> Result<(), WalError> {
        let line = segment::line(Kind::Hold, estimate);
        let waiting = self.shared.waiting.load(Ordering::Relaxed);
        if waiting >= WAITING {
            return Err(WalError::Behind { waiting });
        }
        self.shared.hold(estimate.id.clone(), line)
    }

    /// Records how a call ended. Even after an error the record goes to the ledger with the next `roll`; only a kill before that would
    /// leave the call with its estimate.
    pub fn settle(&self, record: Record) -> Result<(), WalError> {
        let line = segment::line(Kind::Settle, &record);
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        self.shared.settle(record, &line)
    }

    pub fn stats(&self) -> Stats {
        Stats {
            open: self.shared.open_calls(),
            waiting: self.shared.waiting.load(Ordering::Relaxed),
            sync_failures: self.shared.sync_failures.load(Ordering::Relaxed),
        }
    }

    /// Waits until enough calls have ended for a roll to be worth its while.
    pub async fn worth_rolling(&self) {
        self.shared.many.notified().await;
    }

    /// Books every call that has ended so far, removes the segments that are no longer needed and says how many calls there were. Call
    /// it again and again, and once before the end. After an error everything is still recorded, and the next call tries again.
    pub async fn roll(&self, db: &Db) -> Result<usize, WalError> {
        let mut unbooked = self.rolling.lock().await;
        let (settled, closed) = self.shared.take_settled();
        if !settled.is_empty() {
            unbooked.push(Arc::new(settled));
        }
        let mut rolled = 0;
        while let Some(records) = unbooked.first() {
            book(&self.shared.folder, db, records).await?;
            rolled += records.len();
            self.shared.waiting.fetch_sub(records.len(), Ordering::Relaxed);
            unbooked.remove(0);
        }
        if closed > 0 {
            let shared = self.shared.clone();
            blocking(&self.shared.folder, move || shared.remove_closed(closed)).await?;
        }
        Ok(rolled)
    }

    /// Forces everything recorded so far to the disk, and begins another segment when the active one is full.
    pub fn flush(&self) -> Result<(), WalError> {
        self.shared.tend()
    }
}

/// Books calls and says how many were not booked before.
async fn book(folder: &Path, db: &Db, records: &Arc<Vec<Record>>) -> Result<u64, WalError> {
    let mut new = 0;
    for from in (0..records.len()).step_by(ROLLED_TOGETHER) {
        let records = records.clone();
        let some = move || Ok(ledger::steps(records.iter().skip(from).take(ROLLED_TOGETHER)));
        new += db.book(blocking(folder, some).await?).await?;
    }
    Ok(new)
}

async fn blocking<T: Send + 'static>(folder: &Path, work: impl FnOnce() -> Result<T, WalError> + Send + 'static) -> Result<T, WalError> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|error| Err(WalError::Io { path: folder.into(), source: std::io::Error::other(error) }))
}
