//! Responses: what was asked and answered, so that it can be read again and gone on from.

use super::items::{self, Item, List, ListItemsError, Listed};
use super::operation::{Dialogue, Durability, Step, guard, step};
use super::owned::{Owner, Page};
use super::value::{Row, Value};
use super::{Db, DbError, Undone};
use bytes::Bytes;
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{ConversationId, ResponseId};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewResponse {
    pub id: ResponseId,
    pub owner: Owner,
    /// A word of the wire: `queued`, `in_progress`, `completed`, …
    pub status: &'static str,
    pub background: bool,
    pub streamed: bool,
    pub deployment: Option<String>,
    pub body: Bytes,
    pub created_at: UnixMs,
    pub follows: Follows,
    pub input: Vec<Item>,
}

/// What was said before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Follows {
    Nothing,
    Response(ResponseId),
    Conversation(ConversationId),
}

/// How a response ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    pub status: &'static str,
    pub body: Bytes,
    pub deployment: Option<String>,
    pub output: Vec<Item>,
    /// Gets the response's own input and its output.
    pub conversation: Option<ConversationId>,
    /// The events of its stream, compressed.
    pub events: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub id: ResponseId,
    pub status: String,
    pub background: bool,
    pub streamed: bool,
    pub body: Bytes,
    pub created_at: UnixMs,
}

const LIST: List = List { require: Dialogue::RequireResponse, items: Dialogue::ResponseItems, place: Dialogue::PlaceInResponse };

/// Parts of a response's items.
const INPUT: i64 = 1;
const OUTPUT: i64 = 2;

impl Db {
    /// Stores a response that has begun.
    pub async fn insert_response(&self, new: &NewResponse) -> Result<(), DbError> {
        let durability = if new.background { Durability::Now } else { Durability::Later };
        self.write(durability, new.steps(None)?).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    /// Stores a response that has begun and ended, in one step. `new.status` and `new.body` are those of its end.
    pub async fn insert_finished_response(&self, new: &NewResponse, end: &End) -> Result<(), DbError> {
        let mut steps = new.steps(Some(self.now_ms()))?;
        steps.extend(self.ending(&new.id, &new.owner, end)?);
        self.write(Durability::Later, steps).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    /// Shows a response that goes on in another state. False when it has ended or is gone.
    pub async fn change_response(&self, id: &ResponseId, status: &'static str, body: &Bytes) -> Result<bool, DbError> {
        let parameters = vec![id.as_str().into(), status.into(), items::text(body)?, Value::Null, Value::Null];
        found(self.write(Durability::Later, vec![guard(Dialogue::ChangeResponse.into(), parameters)]).await)
    }

    /// Ends a response, once. False when it has ended before or is gone.
    pub async fn finish_response(&self, id: &ResponseId, owner: &Owner, end: &End) -> Result<bool, DbError> {
        let change =
            vec![id.as_str().into(), end.status.into(), items::text(&end.body)?, end.deployment.as_deref().into(), self.now_ms().into()];
        let mut steps = vec![guard(Dialogue::ChangeResponse.into(), change)];
        steps.extend(self.ending(id, owner, end)?);
        found(self.write(Durability::Now, steps).await)
    }

    pub async fn response(&self, owner: &Owner, id: &ResponseId) -> Result<Option<Response>, DbError> {
        self.read_one(Dialogue::Response.into(), owner.of(id.as_str())).await?.map(read).transpose()
    }

    /// The events of its stream, as they were handed to `End`.
    pub async fn response_events(&self, owner: &Owner, id: &ResponseId) -> Result<Option<Vec<u8>>, DbError> {
        let row = self.read_one(Dialogue::ResponseEvents.into(), owner.of(id.as_str())).await?;
        row.map(|mut row| row.next()).transpose()
    }

    /// Everything that was said up to the end of a response, in order; `None` when there is no such response.
    pub async fn said_in_response(&self, owner: &Owner, id: &ResponseId) -> Result<Option<Vec<Item>>, DbError> {
        let queries = vec![
            (Dialogue::RequireResponse.into(), owner.of(id.as_str())),
            (Dialogue::ResponseItems.into(), items::whole(owner, id.as_str(), OUTPUT)),
        ];
        said(self.snapshot(queries).await?)
    }

    /// What a response answers: what was said before it, and its own input.
    pub async fn input_items(&self, owner: &Owner, id: &ResponseId, page: &Page) -> Result<Listed, ListItemsError> {
        self.list_items(owner, id.as_str(), LIST, page).await
    }

    /// Deletes a response with every item that nothing else stands on. False when there is no such response.
    pub async fn delete_response(&self, owner: &Owner, id: &ResponseId) -> Result<bool, DbError> {
        let mut steps = vec![guard(Dialogue::RequireResponse.into(), owner.of(id.as_str()))];
        steps.extend(removal(id));
        found(self.write(Durability::Now, steps).await)
    }

    /// Responses that have not ended, with what is shown of them. When the program starts, nobody works on these any more.
    pub async fn open_responses(&self) -> Result<Vec<(ResponseId, Bytes)>, DbError> {
        let rows = self.read(Dialogue::OpenResponses.into(), vec![]).await?;
        rows.into_iter().map(|mut row| Ok((row.name()?, row.next::<String>()?.into()))).collect()
    }

    /// Ends a response whose process has died.
    pub async fn give_up_response(&self, id: &ResponseId, status: &'static str, body: &Bytes) -> Result<bool, DbError> {
        let parameters = vec![id.as_str().into(), status.into(), items::text(body)?, Value::Null, self.now()];
        found(self.write(Durability::Now, vec![guard(Dialogue::ChangeResponse.into(), parameters)]).await)
    }

    /// Deletes at most `limit` responses that were made before `before`, and says how many there were.
    pub async fn expire_responses(&self, before: UnixMs, limit: u32) -> Result<usize, DbError> {
        let rows = self.read(Dialogue::OldResponses.into(), vec![before.into(), limit.into()]).await?;
        let ids: Vec<ResponseId> = rows.into_iter().map(|mut row| row.name()).collect::<Result<_, _>>()?;
        for id in &ids {
            self.write(Durability::Later, removal(id)).await.map_err(Undone::unexpected)?;
        }
        Ok(ids.len())
    }

    /// Forgets the events of streams that were stored before `before`; the responses stay.
    pub async fn expire_response_events(&self, before: UnixMs) -> Result<(), DbError> {
        let steps = vec![step(Dialogue::DropOldEvents.into(), vec![before.into()])];
        self.write(Durability::Later, steps).await.map_err(Undone::unexpected)?;
        Ok(())
    }

    fn ending(&self, id: &ResponseId, owner: &Owner, end: &End) -> Result<Vec<Step>, DbError> {
        let mut steps = add(id, owner, &end.output, OUTPUT)?;
        if let Some(conversation) = &end.conversation {
            let parameters = vec![conversation.as_str().into(), id.as_str().into()];
            steps.push(step(Dialogue::AddResponseToConversation.into(), parameters));
        }
        if let Some(events) = &end.events {
            steps.push(step(Dialogue::KeepEvents.into(), vec![id.as_str().into(), events.as_slice().into(), self.now()]));
        }
        Ok(steps)
    }
}

impl NewResponse {
    fn steps(&self, finished_at: Option<UnixMs>) -> Result<Vec<Step>, DbError> {
        let Self { id, owner, status, background, streamed, deployment, body, created_at, follows, input } = self;
        let mut insert = owner.of(id.as_str());
        insert.extend([
            (*status).into(),
            (*background).into(),
            (*streamed).into(),
            deployment.as_deref().into(),
            items::text(body)?,
            (*created_at).into(),
            finished_at.into(),
        ]);
        let mut steps = vec![guard(Dialogue::InsertResponse.into(), insert)];
        let follow = |operation: Dialogue, before: &str| {
            let mut parameters = owner.of(before);
            parameters.push(id.as_str().into());
            step(operation.into(), parameters)
        };
        match follows {
            Follows::Nothing => {}
            Follows::Response(before) => steps.push(follow(Dialogue::FollowResponse, before.as_str())),
            Follows::Conversation(before) => steps.push(follow(Dialogue::FollowConversation, before.as_str())),
        }
        steps.extend(add(id, owner, input, INPUT)?);
        Ok(steps)
    }
}

/// Each item is linked right after it was inserted.
fn add(id: &ResponseId, owner: &Owner, items: &[Item], part: i64) -> Result<Vec<Step>, DbError> {
    let mut steps = Vec::with_capacity(items.len() * 2);
    for item in items {
        steps.push(item.insert(owner)?);
        steps.push(guard(Dialogue::AddToResponse.into(), vec![id.as_str().into(), part.into()]));
    }
    Ok(steps)
}

fn removal(id: &ResponseId) -> Vec<Step> {
    [Dialogue::DeleteItemsOfResponse, Dialogue::DeleteResponse].map(|operation| step(operation.into(), vec![id.as_str().into()])).into()
}

/// Whether the first step found what it must.
pub(super) fn found<T>(written: Result<T, Undone>) -> Result<bool, DbError> {
    match written {
        Ok(_) => Ok(true),
        Err(Undone::Guard(0)) => Ok(false),
        Err(undone) => Err(undone.unexpected()),
    }
}

/// What a snapshot of a thing and its items holds.
pub(super) fn said(mut rows: std::vec::IntoIter<Vec<Row>>) -> Result<Option<Vec<Item>>, DbError> {
    if rows.next().is_none_or(|found| found.is_empty()) {
        return Ok(None);
    }
    rows.next().unwrap_or_default().into_iter().map(items::item).collect::<Result<_, _>>().map(Some)
}

fn read(mut row: Row) -> Result<Response, DbError> {
    Ok(Response {
        id: row.name()?,
        status: row.next()?,
        background: row.next()?,
        streamed: row.next()?,
        body: row.next::<String>()?.into(),
        created_at: row.next()?,
    })
}
