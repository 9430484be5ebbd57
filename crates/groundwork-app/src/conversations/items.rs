//! The items of a conversation.

use super::{Conversation, ConversationError, Item, find, given, named};
use crate::App;
use crate::owned::{Listed, Page};
use bytes::Bytes;
use groundwork_core::access::Caller;
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;

/// Adds the `items` of `body` at the end, and gives them as they are kept.
pub async fn add(app: &App, caller: &Caller, id: &str, body: Bytes) -> Result<Vec<Item>, ConversationError> {
    let (owner, name) = named(caller, id)?;
    let body = Object::parse(body)?;
    if !body.has("items") {
        return Err(Invalid::Missing { param: "items".to_owned() }.into());
    }
    let items = given(app, &owner, &body).await?;
    let added = app.inner().db.add_to_conversation(&owner, &name, &items).await?;
    if added { Ok(items) } else { Err(ConversationError::NotFound(id.to_owned())) }
}

pub async fn list(app: &App, caller: &Caller, id: &str, page: &Page) -> Result<Listed<Item>, ConversationError> {
    let (owner, name) = named(caller, id)?;
    let found = app.inner().db.conversation_items(&owner, &name, page).await.map_err(|error| ConversationError::of_list(id, error))?;
    Ok(Listed { data: found.items, has_more: found.has_more })
}

pub async fn find_item(app: &App, caller: &Caller, id: &str, item: &str) -> Result<Item, ConversationError> {
    find(app, caller, id).await?;
    let (owner, name) = named(caller, id)?;
    let found = app.inner().db.conversation_item(&owner, &name, item).await?;
    found.ok_or_else(|| ConversationError::NoSuchItem(item.to_owned()))
}

/// Takes an item out, and gives the conversation that is left.
pub async fn remove(app: &App, caller: &Caller, id: &str, item: &str) -> Result<Conversation, ConversationError> {
    let conversation = find(app, caller, id).await?;
    let (owner, name) = named(caller, id)?;
    let removed = app.inner().db.remove_from_conversation(&owner, &name, item).await?;
    if removed { Ok(conversation) } else { Err(ConversationError::NoSuchItem(item.to_owned())) }
}
