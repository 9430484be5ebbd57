//! What the runner and those who give it work tell each other inside one process.

use super::trouble::Trouble;
use bytes::Bytes;
use groundwork_core::ids::JobId;
use groundwork_store::blobs::Sha256;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, OwnedMutexGuard, RwLock};

#[derive(Default)]
pub(crate) struct Board {
    /// There may be work.
    pub(crate) work: Notify,
    /// There may be a second pass to make.
    pub(crate) second_passes: Notify,
    /// There may be a batch to run.
    pub(crate) batches: Notify,
    /// An attempt at a job has ended.
    pub(crate) ended: Notify,
    /// Held for reading while an original is stored and its job is made, for writing while unused originals are removed: so that none
    /// is removed in between.
    pub(crate) originals: RwLock<()>,
    /// Ingests that have not ended.
    waiting: AtomicUsize,
    /// What holds up jobs that are not to blame for it, for those who wait for them.
    troubles: Mutex<HashMap<JobId, Trouble>>,
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
    /// With so many ingests that an earlier process left.
    pub(crate) fn new(waiting: u64) -> Self {
        Self { waiting: AtomicUsize::new(usize::try_from(waiting).unwrap_or(usize::MAX)), ..Self::default() }
    }

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
        // Never below zero, whatever was counted at the start.
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

    /// `None` when the job gets on, or is tried anew.
    pub(crate) fn set_trouble(&self, job: &JobId, trouble: Option<Trouble>) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(trouble) => troubles.insert(job.clone(), trouble),
            None => troubles.remove(job),
        };
    }

    pub(crate) fn trouble(&self, job: &JobId) -> Option<Trouble> {
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).get(job).cloned()
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
