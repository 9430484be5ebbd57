//! What can go wrong with a response beside the call itself.

use super::recall::ItemError;
use crate::app::Interrupted;
use crate::pipeline::CallError;
use groundwork_core::ids::InvalidName;
use groundwork_store::db::DbError;
use groundwork_store::db::items::ListItemsError;
use groundwork_wire::error::Invalid;
use std::time::Duration;

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    #[error(transparent)]
    Call(#[from] CallError),
    #[error("Previous response with id '{0}' not found.")]
    UnknownPrevious(String),
    #[error("The response {0} is still {1}: wait for its end before you go on from it.")]
    PreviousRuns(String, String),
    #[error("Conversation with id '{0}' not found.")]
    UnknownConversation(String),
    #[error("Item with id '{0}' not found.")]
    UnknownItem(String),
    #[error("As many responses are under way in the background as this server takes. Try again in {} seconds.", retry_after.as_secs())]
    Busy { retry_after: Duration },
    /// What it said is lost; it may have cost something.
    #[error("The response could not be stored: {0}")]
    NotStored(DbError),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Why a response is not shown, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// Another's is not there either.
    #[error("Response with id '{0}' not found.")]
    NotFound(String),
    #[error("The response {id} has no item {after:?}.")]
    UnknownAfter { id: String, after: String },
    #[error("Cannot cancel a synchronous response: hang up instead.")]
    NotInBackground,
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<ItemError> for CreateError {
    fn from(error: ItemError) -> Self {
        match error {
            ItemError::Unknown(id) => Self::UnknownItem(id),
            ItemError::Interrupted(interrupted) => interrupted.into(),
            ItemError::Db(error) => error.into(),
        }
    }
}

impl From<Invalid> for CreateError {
    fn from(invalid: Invalid) -> Self {
        Self::Call(invalid.into())
    }
}

impl From<Interrupted> for CreateError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Call(interrupted.into())
    }
}

/// An id of ours always has the form of one.
impl From<InvalidName> for CreateError {
    fn from(_invalid: InvalidName) -> Self {
        Interrupted.into()
    }
}

impl FindError {
    /// An error of the list of the response `id`.
    pub(super) fn of_list(id: &str, error: ListItemsError) -> Self {
        match error {
            ListItemsError::NotFound => Self::NotFound(id.to_owned()),
            ListItemsError::UnknownAfter(after) => Self::UnknownAfter { id: id.to_owned(), after },
            ListItemsError::Db(error) => error.into(),
        }
    }
}
