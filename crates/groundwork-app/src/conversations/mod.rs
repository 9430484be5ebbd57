//! Conversations: items that go on from response to response, each found by its owner alone.

mod error;
mod items;
mod manage;

pub use error::ConversationError;
pub use items::{add, find_item, list, remove};
pub use manage::{create, delete, find, update};

pub use groundwork_store::db::conversations::Conversation;
pub use groundwork_store::db::items::Item;

use crate::App;
use crate::owned::{Owner, owner};
use groundwork_core::access::Caller;
use groundwork_core::ids::ConversationId;
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use groundwork_wire::responses as wire;

/// Items that may be added at a time, as with OpenAI.
const MOST_ITEMS: usize = 20;

/// Whose it may be, and its name.
fn named(caller: &Caller, id: &str) -> Result<(Owner, ConversationId), ConversationError> {
    let unknown = || ConversationError::NotFound(id.to_owned());
    let owner = owner(caller).map_err(|_stranger| unknown())?;
    Ok((owner, id.parse().map_err(|_invalid| unknown())?))
}

/// The items of a body, as they are kept. One that is only named is the one of that name.
async fn given(app: &App, owner: &Owner, body: &Object) -> Result<Vec<Item>, ConversationError> {
    let items = wire::Item::read_all(body, "items", "an array of items")?;
    if items.len() > MOST_ITEMS {
        let reason = format!("it has {} items, and {MOST_ITEMS} may be added at a time", items.len());
        return Err(Invalid::Value { param: "items".to_owned(), reason }.into());
    }
    let mut kept = Vec::with_capacity(items.len());
    for item in &items {
        kept.push(crate::responses::kept(app, owner, item).await?);
    }
    Ok(kept)
}
