//! What the runner and those who give it work tell each other inside one process.

use bytes::Bytes;
use groundwork_store::blobs::Sha256;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, OwnedMutexGuard, RwLock};

#[derive(Default)]
pub(crate) struct Board {
    /// There may be work.
    pub(crate) work: Notify,
    /// There may be a batch to run.
    pub(crate) batches: Notify,
    /// A job has ended.
    pub(crate) ended: Notify,
    /// Held for reading while an original is stored and its job is made, for writing while unused originals are removed: so that none
    /// is removed in between.
    pub(crate) originals: RwLock<()>,
    /// Ingests made by this process that have not ended.
    waiting: AtomicUsize,
    /// Originals of jobs that have not ended, as far as there is room, with how many jobs want each.
    pending: Mutex<Pending>,
    /// One lock a source, because two versions of one document must not overtake each other.
    sources: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Default)]
struct Pending {
    originals: HashMap<Sha256, (Bytes, usize)>,
    bytes: usize,
}

/// Bytes of originals that are kept in memory between an upload and its job.
const MAX_PENDING: usize = 64 << 20;

impl Board {
    /// A job that reads this original is about to be made: counts it, and keeps the original in memory if there is room.
    pub(crate) fn expect(&self, sha256: Sha256, bytes: &Bytes) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, jobs)) = pending.originals.get_mut(&sha256) {
            *jobs += 1;
        } else if pending.bytes + bytes.len() <= MAX_PENDING {
            pending.bytes += bytes.len();
            pending.originals.insert(sha256, (bytes.clone(), 1));
        }
    }

    /// A job has ended, or was not made after all; `original` is what it was to read.
    pub(crate) fn release(&self, original: Option<Sha256>) {
        // A job from before the start was not counted.
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
        let Some(sha256) = original else { return };
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((bytes, jobs)) = pending.originals.get_mut(&sha256) else { return };
        *jobs -= 1;
        if *jobs == 0 {
            let length = bytes.len();
            pending.bytes -= length;
            pending.originals.remove(&sha256);
        }
    }

    pub(crate) fn original(&self, sha256: Sha256) -> Option<Bytes> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner).originals.get(&sha256).map(|(bytes, _)| bytes.clone())
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Waits until nobody else works on `source`; in the order of asking.
    pub(crate) async fn alone(&self, source: &str) -> OwnedMutexGuard<()> {
        let lock = {
            let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
            sources.retain(|_source, lock| Arc::strong_count(lock) > 1);
            sources.entry(source.to_owned()).or_default().clone()
        };
        lock.lock_owned().await
    }
}
