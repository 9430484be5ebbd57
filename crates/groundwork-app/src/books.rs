//! Where calls are booked: in the log of money records of the owner of the data folder, from there in the ledger. A visitor, who shares
//! the folder, books in the ledger directly.

use crate::App;
use crate::settings::Role;
use groundwork_core::call::Record;
use groundwork_store::db::Db;
use groundwork_store::wal::{Settings, Wal, WalError};
use std::path::Path;
use std::time::Duration;

pub(crate) struct Books {
    db: Db,
    log: Option<Wal>,
}

/// How often what has ended is moved from the log to the ledger.
const ROLL: Duration = Duration::from_secs(1);

impl Books {
    /// Books what a kill left of the process before, so that no call is lost.
    pub(crate) async fn open(db: &Db, folder: &Path, role: Role) -> Result<Self, WalError> {
        if role == Role::Visitor {
            return Ok(Self { db: db.clone(), log: None });
        }
        let (log, left) = Wal::open(folder, Settings::default(), db).await?;
        if left.settled + left.estimated + left.damaged > 0 {
            let (settled, estimated, damaged) = (left.settled, left.estimated, left.damaged);
            tracing::warn!(settled, estimated, damaged, "calls of a process that was killed are booked now");
        }
        Ok(Self { db: db.clone(), log: Some(log) })
    }

    /// Says that a call is about to go out; `estimate` is what will be booked if nothing is ever heard of it.
    pub(crate) fn hold(&self, estimate: &Record) -> Result<(), WalError> {
        self.log.as_ref().map_or(Ok(()), |log| log.hold(estimate))
    }

    /// Says how a call ended.
    pub(crate) async fn settle(&self, record: Record) -> Result<(), WalError> {
        match &self.log {
            Some(log) => log.settle(record),
            None => Ok(self.db.settle(&record).await.map(|_new| ())?),
        }
    }

    /// Moves what has ended into the ledger.
    pub(crate) async fn roll(&self) {
        if let Some(log) = &self.log
            && let Err(error) = log.roll(&self.db).await
        {
            tracing::error!(%error, "calls wait for the ledger; they are kept in the log of money records");
        }
    }
}

/// Rolls until the application stops; what ends later is rolled when it closes.
pub(crate) async fn keep(app: App) {
    let inner = app.inner();
    loop {
        tokio::select! {
            () = tokio::time::sleep(ROLL) => inner.books.roll().await,
            () = inner.stop.cancelled() => return,
        }
    }
}
