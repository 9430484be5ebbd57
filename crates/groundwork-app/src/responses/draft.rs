//! A response in the making: what is known of it before its answer, and how it is stored.

use super::error::CreateError;
use super::recall::Recalled;
use crate::App;
use crate::owned::Owner;
use bytes::Bytes;
use groundwork_core::ids::ResponseId;
use groundwork_store::db::DbError;
use groundwork_store::db::items::Item;
use groundwork_store::db::responses::{End, Follows, NewResponse};
use groundwork_wire::object::Object;
use groundwork_wire::responses::{Echo, Request, Status};

#[derive(Clone)]
pub(super) struct Draft {
    pub(super) app: App,
    pub(super) owner: Owner,
    pub(super) id: ResponseId,
    pub(super) echo: Echo,
    pub(super) streamed: bool,
    created_at: u64,
    follows: Follows,
    input: Vec<Item>,
}

impl Draft {
    pub(super) fn new(app: &App, owner: Owner, asked: &Request, recalled: &Recalled) -> Result<Self, CreateError> {
        let id: ResponseId = app.make_id("resp")?;
        let created_at = app.inner().clock.now();
        let echo = Echo::new(id.as_str(), created_at / 1000, asked);
        let (follows, input) = (recalled.follows.clone(), recalled.input());
        Ok(Self { app: app.clone(), owner, id, echo, streamed: asked.stream, created_at, follows, input })
    }

    /// The second of now.
    pub(super) fn now(&self) -> u64 {
        self.app.inner().clock.now() / 1000
    }

    /// A response that ended in `status` before its end.
    pub(super) fn cut(&self, status: Status, output: &[Object], error: Option<&serde_json::Value>) -> Object {
        self.echo.end(status, output, error)
    }

    /// Stores a response that has begun, if it is to be stored.
    pub(super) async fn begin(&self, status: Status) -> Result<(), DbError> {
        if !self.echo.store {
            return Ok(());
        }
        self.app.inner().db.insert_response(&self.row(status.as_str(), self.echo.empty(status).to_bytes())).await
    }

    /// Shows that it is being worked on.
    pub(super) async fn work(&self) -> Result<(), DbError> {
        let status = Status::InProgress;
        self.app.inner().db.change_response(&self.id, status.as_str(), &self.echo.empty(status).to_bytes()).await.map(|_changed| ())
    }

    /// Stores the end of a response that has begun.
    pub(super) async fn end(&self, response: &Object, events: Option<Vec<u8>>) -> Result<(), DbError> {
        if !self.echo.store {
            return self.go_on(response).await;
        }
        // One that was deleted meanwhile stays so.
        self.app.inner().db.finish_response(&self.id, &self.owner, &self.ending(response, events)).await.map(|_found| ())
    }

    /// Stores a response in one step with its end.
    pub(super) async fn store(&self, response: &Object) -> Result<(), DbError> {
        if !self.echo.store {
            return self.go_on(response).await;
        }
        let end = self.ending(response, None);
        self.app.inner().db.insert_finished_response(&self.row(end.status, end.body.clone()), &end).await
    }

    /// A conversation goes on also with a response that is not stored.
    async fn go_on(&self, response: &Object) -> Result<(), DbError> {
        let Follows::Conversation(conversation) = &self.follows else { return Ok(()) };
        let said = [self.input.clone(), output(response)].concat();
        self.app.inner().db.add_to_conversation(&self.owner, conversation, &said).await.map(|_found| ())
    }

    fn row(&self, status: &'static str, body: Bytes) -> NewResponse {
        NewResponse {
            id: self.id.clone(),
            owner: self.owner.clone(),
            status,
            background: self.echo.background,
            streamed: self.streamed,
            deployment: None,
            body,
            created_at: self.created_at,
            follows: self.follows.clone(),
            input: self.input.clone(),
        }
    }

    fn ending(&self, response: &Object, events: Option<Vec<u8>>) -> End {
        let conversation = match &self.follows {
            Follows::Conversation(conversation) => Some(conversation.clone()),
            Follows::Nothing | Follows::Response(_) => None,
        };
        let (status, body) = (status(response).as_str(), response.to_bytes());
        End { status, body, deployment: None, output: output(response), conversation, events }
    }
}

/// A target that says nothing, or something new, has completed its answer.
fn status(response: &Object) -> Status {
    let told = response.get::<Status>("status", "a status").ok().flatten();
    told.filter(|status| status.is_final()).unwrap_or(Status::Completed)
}

/// What a response said, to be kept.
fn output(response: &Object) -> Vec<Item> {
    let items: Vec<Object> = response.get("output", "an array of items").ok().flatten().unwrap_or_default();
    let kept = |item: Object| Some(Item { id: item.get("id", "a string").ok().flatten()?, body: item.to_bytes() });
    items.into_iter().filter_map(kept).collect()
}
