//! What was said before, put into the request that goes out: a target remembers nothing of it.

use super::error::CreateError;
use crate::App;
use crate::app::Interrupted;
use crate::owned::Owner;
use groundwork_core::ids::{ConversationId, ItemId, ResponseId};
use groundwork_store::db::DbError;
use groundwork_store::db::items::Item as Kept;
use groundwork_store::db::responses::Follows;
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;
use groundwork_wire::responses::{Item, Request, THOUGHTS};

/// A request with all that it refers to.
pub(super) struct Recalled {
    pub(super) follows: Follows,
    asked: Object,
    before: Vec<Kept>,
    own: Vec<Own>,
    /// The model's thoughts are to be kept, so that they can come back to it.
    keeps_thoughts: bool,
}

/// An item of the request itself.
struct Own {
    kept: Kept,
    /// It was said before: the client only named it.
    recalled: bool,
}

/// How much of what a model thought goes back to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// All of it, and what it thinks now is asked for.
    Whole,
    /// Nothing that is sealed: for a model that cannot read it.
    Plain,
}

/// Finds everything that `asked` refers to. `keeps_thoughts` is what the model is taken for.
pub(super) async fn recall(app: &App, owner: &Owner, asked: &Request, keeps_thoughts: bool) -> Result<Recalled, CreateError> {
    let (follows, before) = before(app, owner, asked).await?;
    let mut own = Vec::with_capacity(asked.input.len());
    for item in &asked.input {
        let kept = kept(app, owner, item).await?;
        own.push(Own { recalled: kept.body != item.object.to_bytes(), kept });
    }
    Ok(Recalled { follows, asked: asked.object.clone(), before, own, keeps_thoughts: keeps_thoughts && asked.store })
}

/// What was said before the request.
async fn before(app: &App, owner: &Owner, asked: &Request) -> Result<(Follows, Vec<Kept>), CreateError> {
    let db = &app.inner().db;
    if let Some(name) = &asked.previous_response_id {
        let unknown = || CreateError::UnknownPrevious(name.clone());
        let id: ResponseId = name.parse().map_err(|_invalid| unknown())?;
        let response = db.response(owner, &id).await?.ok_or_else(unknown)?;
        if matches!(response.status.as_str(), "queued" | "in_progress") {
            return Err(CreateError::PreviousRuns(name.clone(), response.status));
        }
        let said = db.said_in_response(owner, &id).await?.ok_or_else(unknown)?;
        return Ok((Follows::Response(id), said));
    }
    if let Some(name) = &asked.conversation {
        let unknown = || CreateError::UnknownConversation(name.clone());
        let id: ConversationId = name.parse().map_err(|_invalid| unknown())?;
        let said = db.said_in_conversation(owner, &id).await?.ok_or_else(unknown)?;
        return Ok((Follows::Conversation(id), said));
    }
    Ok((Follows::Nothing, Vec::new()))
}

/// Why an item of a request is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ItemError {
    #[error("Item with id '{0}' not found.")]
    Unknown(String),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error(transparent)]
    Db(#[from] DbError),
}

/// An item of a request as it is kept: in the client's words, under the id that it has or gets.
pub(crate) async fn kept(app: &App, owner: &Owner, item: &Item) -> Result<Kept, ItemError> {
    if let Some(known) = known(app, owner, item).await? {
        return Ok(known);
    }
    let id = match item.id() {
        Some(id) => id.to_owned(),
        // An id of ours always has the form of one.
        None => app.make_id::<ItemId>(item.prefix()).map_err(|_invalid| Interrupted)?.into(),
    };
    Ok(Kept { id, body: item.object.to_bytes() })
}

/// The item that was said before: one that the client only names, or a thought that comes back without its ciphertext.
async fn known(app: &App, owner: &Owner, item: &Item) -> Result<Option<Kept>, ItemError> {
    let named = item.kind() == "item_reference";
    let Some(id) = item.id().filter(|_| named || (item.kind() == "reasoning" && !item.object.has("encrypted_content"))) else {
        return Ok(None);
    };
    match app.inner().db.item(owner, id).await? {
        None if named => Err(ItemError::Unknown(id.to_owned())),
        found => Ok(found),
    }
}

impl Recalled {
    /// The items of the request itself, to be kept.
    pub(super) fn input(&self) -> Vec<Kept> {
        self.own.iter().map(|own| own.kept.clone()).collect()
    }

    /// The request as it goes out.
    pub(super) fn request(&self, form: Form) -> Object {
        let mut body = self.asked.clone();
        for key in ["previous_response_id", "conversation", "background"] {
            body.remove(key);
        }
        if form == Form::Plain || !self.before.is_empty() || self.own.iter().any(|own| own.recalled) {
            let said: Vec<Raw> = self.items().filter_map(|kept| said(kept, form)).collect();
            // Raw JSON always has a form in JSON.
            let _ = body.set("input", &said);
        }
        if self.keeps_thoughts && form == Form::Whole {
            let mut include: Vec<String> = body.get("include", "an array of strings").ok().flatten().unwrap_or_default();
            if !include.iter().any(|name| name == THOUGHTS) {
                include.push(THOUGHTS.to_owned());
                let _ = body.set("include", &include);
            }
        }
        body
    }

    /// Whether the plain form is another than the whole one.
    pub(super) fn has_thoughts(&self) -> bool {
        let sealed = |kept: &Kept| Object::parse(kept.body.clone()).is_ok_and(|item| item.has("encrypted_content"));
        self.keeps_thoughts || self.items().any(sealed)
    }

    /// All that is said, what was said before first.
    fn items(&self) -> impl Iterator<Item = &Kept> {
        self.before.iter().chain(self.own.iter().map(|own| &own.kept))
    }
}

/// An item as it is said to a target.
fn said(kept: &Kept, form: Form) -> Option<Raw> {
    let mut item = Object::parse(kept.body.clone()).ok()?;
    let kind = item.get::<String>("type", "a string").ok().flatten().unwrap_or_else(|| "message".to_owned());
    match kind.as_str() {
        // What is left of a thought without its ciphertext is nothing that its model knows again, unless it was thought aloud.
        "reasoning" => {
            let sealed = item.has("encrypted_content");
            let aloud = item.get::<Vec<Object>>("content", "an array").ok().flatten().is_some_and(|parts| !parts.is_empty());
            let known = if form == Form::Whole { sealed || aloud } else { !sealed && aloud };
            known.then(|| Raw::from(&item))
        }
        // By its id a service would look for the thought that belongs to it.
        "message" | "function_call" | "custom_tool_call" if form == Form::Plain => {
            item.remove("id");
            Some(Raw::from(&item))
        }
        _ => Some(Raw::from(&item)),
    }
}
