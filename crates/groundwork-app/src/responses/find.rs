//! Stored responses read again: whole, event by event, and what they answer.

use super::board::{Live, Next, frame};
use super::error::FindError;
use super::telling::unpack;
use crate::App;
use crate::owned::{Listed, Owner, Page, owner};
use crate::pipeline::Item;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use groundwork_core::access::Caller;
use groundwork_core::ids::ResponseId;
use groundwork_core::turn::Frame;
use groundwork_store::db::items::Item as Kept;
use groundwork_store::db::responses::Response;
use groundwork_wire::object::Object;
use groundwork_wire::responses::{Include, Sequence, replay};
use std::sync::Arc;

/// Which events are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Follow {
    /// The number of the last that is known already.
    pub after: Option<u64>,
    pub include: Include,
}

/// The response as it is now.
pub async fn find(app: &App, caller: &Caller, id: &str, include: Include) -> Result<Bytes, FindError> {
    let (_, response) = stored(app, caller, id).await?;
    Ok(shown(&response, include).to_bytes())
}

/// Its events: those that there are, and those that will come.
pub async fn follow(app: &App, caller: &Caller, id: &str, wanted: Follow) -> Result<BoxStream<'static, Item>, FindError> {
    let next = wanted.after.map_or(0, |after| after.saturating_add(1));
    if let Some((owner, id)) = owner(caller).ok().zip(id.parse::<ResponseId>().ok())
        && let Some(live) = app.inner().responses.find(&owner, &id)
    {
        return Ok(read_along(live, next));
    }
    let (owner, response) = stored(app, caller, id).await?;
    let kept = match app.inner().db.response_events(&owner, &response.id).await? {
        Some(packed) => app.compute(move || unpack(&packed)).await?,
        None => Vec::new(),
    };
    let events =
        if kept.is_empty() { replay(&shown(&response, wanted.include)).into_iter().map(|event| event.data).collect() } else { kept };
    let known = usize::try_from(next).unwrap_or(usize::MAX);
    let rest: Vec<Item> = events.iter().skip(known).map(|data| Item::Frame(frame(data))).collect();
    Ok(stream::iter(rest).boxed())
}

/// What the response answers: what was said before, and its own input.
pub async fn input_items(app: &App, caller: &Caller, id: &str, page: &Page) -> Result<Listed<Kept>, FindError> {
    let (owner, response) = stored(app, caller, id).await?;
    let found = app.inner().db.input_items(&owner, &response.id, page).await.map_err(|error| FindError::of_list(id, error))?;
    Ok(Listed { data: found.items, has_more: found.has_more })
}

/// The response `id` of this caller.
pub(super) async fn stored(app: &App, caller: &Caller, id: &str) -> Result<(Owner, Response), FindError> {
    let unknown = || FindError::NotFound(id.to_owned());
    let owner = owner(caller).map_err(|_stranger| unknown())?;
    let name: ResponseId = id.parse().map_err(|_invalid| unknown())?;
    let response = app.inner().db.response(&owner, &name).await?.ok_or_else(unknown)?;
    Ok((owner, response))
}

pub(super) fn shown(response: &Response, include: Include) -> Object {
    // What is stored was written as an object.
    include.response(&Object::parse(response.body.clone()).unwrap_or_default())
}

/// The events of a response that is being made, from number `next` on.
pub(super) fn read_along(live: Arc<Live>, next: u64) -> BoxStream<'static, Item> {
    let changes = live.watch();
    let state = (Some(live), changes, next);
    stream::unfold(state, |(live, mut changes, number)| async move {
        let live = live?;
        loop {
            // Seen before it is looked, so that nothing is missed that comes in between.
            changes.borrow_and_update();
            match live.next(number) {
                Next::Event(frame) => return Some((Item::Frame(frame), (Some(live), changes, number.saturating_add(1)))),
                Next::Ended => return None,
                Next::Gone => {
                    let message = "This response has grown so long that its first events are forgotten: retrieve it when it has ended.";
                    let event = Sequence::from(number).error(Some("events_forgotten"), message, None);
                    return Some((Item::Frame(Frame::new(Some(event.kind), event.data)), (None, changes, number)));
                }
                // The sender lives as long as `live`.
                Next::Waits => changes.changed().await.ok()?,
            }
        }
    })
    .boxed()
}
