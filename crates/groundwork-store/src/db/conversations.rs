//! Conversations: items that go on from response to response, until their owner deletes them.

use super::items::{self, Item, List, ListItemsError, Listed};
use super::operation::{Dialogue, Durability, Step, guard, last_row, step};
use super::owned::{Owner, Page};
use super::responses::{found, said};
use super::value::Row;
use super::{Db, DbError, Undone};
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::ConversationId;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub id: ConversationId,
    pub metadata: BTreeMap<String, String>,
    pub created_at: UnixMs,
}

const LIST: List =
    List { require: Dialogue::RequireConversation, items: Dialogue::ConversationItems, place: Dialogue::PlaceInConversation };

impl Db {
    pub async fn insert_conversation(&self, owner: &Owner, conversation: &Conversation, first: &[Item]) -> Result<(), DbError> {
        let Conversation { id, metadata, created_at } = conversation;
        let mut insert = owner.of(id.as_str());
        insert.extend([(&serde_json::json!(metadata)).into(), (*created_at).into()]);
        let mut steps = vec![guard(Dialogue::InsertConversation.into(), insert)];
        steps.extend(add(owner, id, first)?);
        self.write(Durability::Now, steps).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    pub async fn conversation(&self, owner: &Owner, id: &ConversationId) -> Result<Option<Conversation>, DbError> {
        self.read_one(Dialogue::Conversation.into(), owner.of(id.as_str())).await?.map(read).transpose()
    }

    pub async fn set_conversation_metadata(
        &self,
        owner: &Owner,
        id: &ConversationId,
        metadata: &BTreeMap<String, String>,
    ) -> Result<Option<Conversation>, DbError> {
        let mut parameters = owner.of(id.as_str());
        parameters.push((&serde_json::json!(metadata)).into());
        match self.write(Durability::Now, vec![guard(Dialogue::SetConversationMetadata.into(), parameters)]).await {
            Ok(outcomes) => read(last_row(outcomes)?).map(Some),
            Err(Undone::Guard(_)) => Ok(None),
            Err(Undone::Db(error)) => Err(error),
        }
    }

    /// Deletes a conversation with every item that nothing else stands on. False when there is no such conversation.
    pub async fn delete_conversation(&self, owner: &Owner, id: &ConversationId) -> Result<bool, DbError> {
        let one = vec![id.as_str().into()];
        let steps = vec![
            require(owner, id),
            step(Dialogue::DeleteItemsOfConversation.into(), one.clone()),
            step(Dialogue::DeleteConversation.into(), one),
        ];
        found(self.write(Durability::Now, steps).await)
    }

    /// False when there is no such conversation.
    pub async fn add_to_conversation(&self, owner: &Owner, id: &ConversationId, items: &[Item]) -> Result<bool, DbError> {
        let mut steps = vec![require(owner, id)];
        steps.extend(add(owner, id, items)?);
        found(self.write(Durability::Now, steps).await)
    }

    pub async fn conversation_items(&self, owner: &Owner, id: &ConversationId, page: &Page) -> Result<Listed, ListItemsError> {
        self.list_items(owner, id.as_str(), LIST, page).await
    }

    /// One item of a conversation.
    pub async fn conversation_item(&self, owner: &Owner, id: &ConversationId, item: &str) -> Result<Option<Item>, DbError> {
        let mut parameters = owner.of(id.as_str());
        parameters.push(item.into());
        if self.read_one(Dialogue::PlaceInConversation.into(), parameters).await?.is_none() {
            return Ok(None);
        }
        self.item(owner, item).await
    }

    /// Takes an item out of a conversation; responses that stand on it keep it. False when it is not there.
    pub async fn remove_from_conversation(&self, owner: &Owner, id: &ConversationId, item: &str) -> Result<bool, DbError> {
        let mut place = owner.of(id.as_str());
        place.push(item.into());
        let steps = vec![
            guard(Dialogue::PlaceInConversation.into(), place),
            step(Dialogue::TakeFromConversation.into(), vec![id.as_str().into(), item.into()]),
            step(Dialogue::DeleteUnusedItem.into(), owner.of(item)),
        ];
        found(self.write(Durability::Now, steps).await)
    }

    /// Everything said in a conversation, in order; `None` when there is no such conversation.
    pub async fn said_in_conversation(&self, owner: &Owner, id: &ConversationId) -> Result<Option<Vec<Item>>, DbError> {
        let queries = vec![
            (Dialogue::RequireConversation.into(), owner.of(id.as_str())),
            (Dialogue::ConversationItems.into(), items::whole(owner, id.as_str(), 1)),
        ];
        said(self.snapshot(queries).await?)
    }
}

fn require(owner: &Owner, id: &ConversationId) -> Step {
    guard(Dialogue::RequireConversation.into(), owner.of(id.as_str()))
}

/// Each item is linked right after it was inserted.
fn add(owner: &Owner, id: &ConversationId, items: &[Item]) -> Result<Vec<Step>, DbError> {
    let mut steps = Vec::with_capacity(items.len() * 2);
    for item in items {
        steps.push(item.insert(owner)?);
        steps.push(guard(Dialogue::AddToConversation.into(), vec![id.as_str().into()]));
    }
    Ok(steps)
}

fn read(mut row: Row) -> Result<Conversation, DbError> {
    Ok(Conversation { id: row.name()?, metadata: row.json()?, created_at: row.next()? })
}
