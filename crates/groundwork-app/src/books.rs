//! Where calls are booked: in the log of money records of this process, from there in the ledger. The owner of the data folder has one
//! log there; visitors, who share the folder, have one each, and whoever comes next books what a killed one left.

use crate::App;
use crate::settings::Role;
use groundwork_core::call::Record;
use groundwork_store::db::Db;
use groundwork_store::lock::{FolderLock, LockError};
use groundwork_store::wal::{Recovery, Settings, Stats, Wal, WalError};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) struct Books {
    db: Db,
    log: Wal,
    /// Of a visitor's own folder.
    _lock: Option<FolderLock>,
}

/// Why calls cannot be booked.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    #[error(transparent)]
    Log(#[from] WalError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(
        "{MOST_VISITORS} commands without a server are calling models in this data folder already: wait until one has ended, or start a server"
    )]
    Crowded,
}

/// After what time, at the latest, what has ended is moved from the log to the ledger.
const ROLL: Duration = Duration::from_secs(1);
/// Visitors that call at the same time.
const MOST_VISITORS: usize = 64;

impl Books {
    /// Books what a kill left of processes before, so that no call is lost.
    pub(crate) async fn open(db: &Db, folder: &Path, role: Role) -> Result<Self, BooksError> {
        let visitors = (0..MOST_VISITORS).map(|number| folder.join(format!("visitor-{number}")));
        match role {
            Role::Owner => {
                for left in visitors.filter(|folder| folder.exists()) {
                    // Nobody else is in the data folder.
                    let _lock = FolderLock::exclusive(&left)?;
                    open_log(db, &left).await?;
                }
                Ok(Self { db: db.clone(), log: open_log(db, folder).await?, _lock: None })
            }
            Role::Visitor => {
                let (folder, lock) = own_folder(visitors)?;
                Ok(Self { db: db.clone(), log: open_log(db, &folder).await?, _lock: Some(lock) })
            }
        }
    }

    /// Says that a call is about to go out; `estimate` is what will be booked if nothing is ever heard of it.
    pub(crate) fn hold(&self, estimate: &Record) -> Result<(), WalError> {
        self.log.hold(estimate)
    }

    /// Says how a call ended.
    pub(crate) fn settle(&self, record: Record) -> Result<(), WalError> {
        self.log.settle(record)
    }

    pub(crate) fn stats(&self) -> Stats {
        self.log.stats()
    }

    /// Moves what has ended into the ledger.
    pub(crate) async fn roll(&self) {
        if let Err(error) = self.log.roll(&self.db).await {
            tracing::error!(%error, "calls wait for the ledger; they are kept in the log of money records");
        }
    }
}

/// The first that no living visitor has.
fn own_folder(visitors: impl Iterator<Item = PathBuf>) -> Result<(PathBuf, FolderLock), BooksError> {
    for folder in visitors {
        match FolderLock::exclusive(&folder) {
            Ok(lock) => return Ok((folder, lock)),
            Err(LockError::Held { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(BooksError::Crowded)
}

async fn open_log(db: &Db, folder: &Path) -> Result<Wal, WalError> {
    let (log, left) = Wal::open(folder, Settings::default(), db).await?;
    let Recovery { settled, estimated, damaged } = left;
    if settled + estimated + damaged > 0 {
        tracing::warn!(settled, estimated, damaged, "calls of a process that was killed are booked now");
    }
    Ok(log)
}

/// Rolls until the application stops; what ends later is rolled when it closes.
pub(crate) async fn keep(app: App) {
    let inner = app.inner();
    loop {
        tokio::select! {
            _ = tokio::time::timeout(ROLL, inner.books.log.worth_rolling()) => inner.books.roll().await,
            () = inner.stop.cancelled() => return,
        }
    }
}
