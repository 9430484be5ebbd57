//! The calls that were made, in the order of their end.

use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::clock::UnixMs;
use groundwork_store::db::DbError;
pub use groundwork_store::db::ledger::{Cursor, Entry};
use std::ops::Range;

pub struct List {
    /// When the calls ended.
    pub time: Range<UnixMs>,
    /// `Entry::cursor` of the last entry of the page before.
    pub after: Option<Cursor>,
    /// At most 1,000.
    pub limit: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("an unknown principal has no ledger")]
    Forbidden,
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Entries of the caller's tenant.
pub async fn list(app: &App, caller: &Caller, list: List) -> Result<Vec<Entry>, ListError> {
    let tenant = caller.tenant.as_ref().ok_or(ListError::Forbidden)?;
    app.inner().books.roll().await;
    Ok(app.inner().db.ledger(tenant, list.time, list.after.as_ref(), list.limit.clamp(1, 1000) as u32).await?)
}
