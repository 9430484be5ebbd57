//! Conversations made, found, labelled and deleted.

use super::{Conversation, ConversationError, given, named};
use crate::App;
use crate::owned::owner;
use bytes::Bytes;
use groundwork_core::access::Caller;
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use groundwork_wire::responses::metadata;

/// Makes a conversation of `body`: its `items` and `metadata`, if it has any.
pub async fn create(app: &App, caller: &Caller, body: Bytes) -> Result<Conversation, ConversationError> {
    // A client that wants nothing said sends nothing.
    let body = if body.trim_ascii().is_empty() { Object::new() } else { Object::parse(body)? };
    let owner = owner(caller)?;
    let metadata = metadata(&body)?;
    let items = given(app, &owner, &body).await?;
    let conversation = Conversation { id: app.make_id("conv")?, metadata, created_at: app.inner().clock.now() };
    app.inner().db.insert_conversation(&owner, &conversation, &items).await?;
    Ok(conversation)
}

pub async fn find(app: &App, caller: &Caller, id: &str) -> Result<Conversation, ConversationError> {
    let (owner, name) = named(caller, id)?;
    app.inner().db.conversation(&owner, &name).await?.ok_or_else(|| ConversationError::NotFound(id.to_owned()))
}

/// Puts the `metadata` of `body` in the place of what it had.
pub async fn update(app: &App, caller: &Caller, id: &str, body: Bytes) -> Result<Conversation, ConversationError> {
    let (owner, name) = named(caller, id)?;
    let body = Object::parse(body)?;
    if body.raw("metadata").is_none() {
        return Err(Invalid::Missing { param: "metadata".to_owned() }.into());
    }
    let changed = app.inner().db.set_conversation_metadata(&owner, &name, &metadata(&body)?).await?;
    changed.ok_or_else(|| ConversationError::NotFound(id.to_owned()))
}

/// Deletes a conversation. What responses stand on stays with them.
pub async fn delete(app: &App, caller: &Caller, id: &str) -> Result<(), ConversationError> {
    let (owner, name) = named(caller, id)?;
    let deleted = app.inner().db.delete_conversation(&owner, &name).await?;
    deleted.then_some(()).ok_or_else(|| ConversationError::NotFound(id.to_owned()))
}
