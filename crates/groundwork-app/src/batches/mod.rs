//! Batches: many requests in a file, answered within a day, line by line, by a target that has batches or by us.

mod check;
mod create;
mod finish;
mod gate;
mod kept;
mod line;
mod lines;
mod run;
mod upstream;
mod work;

pub use create::{Request, create};
pub(crate) use gate::Gate;
pub use groundwork_store::db::batches::{Batch, Counts, State};
pub use kept::{cancel, find, list};
pub(crate) use run::{KIND, run};

use crate::App;
use crate::files::FileError;
use crate::keys::RefusedKey;
use crate::owned::Stranger;
use crate::pipeline::principal;
use groundwork_core::access::Caller;
use groundwork_store::db::DbError;
use groundwork_wire::error::Invalid;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    #[error(transparent)]
    Stranger(#[from] Stranger),
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error("No such Batch object: {0}")]
    NotFound(String),
    #[error("The batch {id} is {state}: one that has ended cannot be cancelled.")]
    Ended { id: String, state: &'static str },
    /// The input file.
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Who asked for a batch, as it is stored: the name of a key, and never what that may do, which is looked up at every line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Asker {
    key: Option<String>,
}

impl Asker {
    fn of(caller: &Caller) -> Self {
        Self { key: caller.key.clone() }
    }

    /// What the owner of `batch` is and may do now.
    fn now(app: &App, batch: &Batch) -> Result<Arc<Caller>, RefusedKey> {
        let Ok(Self { key }) = serde_json::from_value(batch.caller.clone()) else { return Err(RefusedKey::Unknown) };
        let caller = match &key {
            Some(key) => app.caller_with_key(key)?,
            None => Arc::new(Caller::local()),
        };
        let same = caller.tenant.as_ref() == Some(&batch.owner.tenant) && principal(&caller) == batch.owner.principal;
        if same { Ok(caller) } else { Err(RefusedKey::Unknown) }
    }
}

/// How many requests of a batch have ended, as far as is known.
pub fn counts(batch: &Batch) -> Counts {
    upstream::counts(batch)
}
