//! What can go wrong with a conversation.

use crate::app::Interrupted;
use crate::owned::Stranger;
use crate::responses::ItemError;
use groundwork_core::ids::InvalidName;
use groundwork_store::db::DbError;
use groundwork_store::db::items::ListItemsError;
use groundwork_wire::error::Invalid;

#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    /// Another's is not there either.
    #[error("Conversation with id '{0}' not found.")]
    NotFound(String),
    #[error("Item with id '{0}' not found.")]
    NoSuchItem(String),
    #[error("The conversation {id} has no item {after:?}.")]
    UnknownAfter { id: String, after: String },
    #[error(transparent)]
    Stranger(#[from] Stranger),
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<ItemError> for ConversationError {
    fn from(error: ItemError) -> Self {
        match error {
            ItemError::Unknown(id) => Self::NoSuchItem(id),
            ItemError::Interrupted(interrupted) => interrupted.into(),
            ItemError::Db(error) => error.into(),
        }
    }
}

/// An id of ours always has the form of one.
impl From<InvalidName> for ConversationError {
    fn from(_invalid: InvalidName) -> Self {
        Interrupted.into()
    }
}

impl ConversationError {
    /// An error of the list of the conversation `id`.
    pub(super) fn of_list(id: &str, error: ListItemsError) -> Self {
        match error {
            ListItemsError::NotFound => Self::NotFound(id.to_owned()),
            ListItemsError::UnknownAfter(after) => Self::UnknownAfter { id: id.to_owned(), after },
            ListItemsError::Db(error) => error.into(),
        }
    }
}
