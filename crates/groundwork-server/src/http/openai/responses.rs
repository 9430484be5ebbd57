//! `/v1/responses`: an answer with state, whole or as typed events, in the background if wanted, and read again.

use super::super::body::Posted;
use super::super::error::ApiError;
use super::super::given::{Params, Segments};
use super::super::page::{Bounds, Paging, named};
use super::super::sse::{self, Said};
use super::super::{ESTIMATED, Front};
use super::{Until, request_id, traced};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use groundwork_app::owned::{Listed, Order};
use groundwork_app::pipeline::{Head, Request};
use groundwork_app::responses::{self, Answer, Follow};
use groundwork_core::access::Caller;
use groundwork_core::turn::Dialect;
use groundwork_store::db::items::Item as Kept;
use groundwork_wire::list::List;
use groundwork_wire::object::Object;
use groundwork_wire::responses::{Include, Item};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
pub(super) const BOUNDS: Bounds = Bounds { limit: 20, most: 100, order: Order::NewestFirst, ids: "" };

pub(in super::super) async fn create(
    State(front): State<Front>,
    caller: Arc<Caller>,
    until: Until,
    Posted(headers, body): Posted,
) -> Result<Response, ApiError> {
    let (app, request) = (front.app().clone(), request(&front, until, headers, body.clone()));
    let asking = Box::pin(async move { Ok(said(responses::create(&app, &caller, request).await?)) });
    sse::wait(&front, Dialect::Responses, &body, asking).await
}

fn said(answer: Answer) -> Said {
    let of = |head: Option<Head>| head.map(sse::headers_of).unwrap_or_default();
    match answer {
        Answer::Whole { head, body } => Said::Whole(of(head), body),
        Answer::Failed { head, body, error: _ } => sse::failed(head, body),
        Answer::Stream { head, items } => Said::Stream(of(head), items),
    }
}

/// How a response is to be read again.
#[derive(Debug, Default, Deserialize)]
pub(in super::super) struct Reading {
    stream: Option<String>,
    /// The number of the last event that is known.
    starting_after: Option<String>,
}

pub(in super::super) async fn find(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
    Params(reading): Params<Reading>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let include = include(query.as_deref());
    let stream = match reading.stream.as_deref() {
        None | Some("" | "false" | "False") => false,
        Some("true" | "True") => true,
        Some(_) => return Err(ApiError::invalid_param("stream", "stream must be true or false")),
    };
    let number =
        |text: String| text.parse::<u64>().map_err(|_| ApiError::invalid_param("starting_after", "starting_after must be a number"));
    let after = reading.starting_after.filter(|text| !text.is_empty()).map(number).transpose()?;
    if !stream {
        if after.is_some() {
            return Err(ApiError::invalid_param("starting_after", "starting_after is only allowed when stream is true"));
        }
        return Ok((JSON, responses::find(front.app(), &caller, &id, include).await?).into_response());
    }
    let items = responses::follow(front.app(), &caller, &id, Follow { after, include }).await?;
    Ok(sse::stream_of(HeaderMap::new(), items, Dialect::Responses, front.0.server.heartbeat.duration()))
}

pub(in super::super) async fn delete(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    responses::delete(front.app(), &caller, &id).await?;
    Ok(Json(json!({ "id": id, "object": "response.deleted", "deleted": true })))
}

pub(in super::super) async fn cancel(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    Ok((JSON, responses::cancel(front.app(), &caller, &id).await?))
}

pub(in super::super) async fn input_items(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
    Params(paging): Params<Paging>,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, ApiError> {
    let found = responses::input_items(front.app(), &caller, &id, &paging.page(&BOUNDS)?).await?;
    Ok(Json(items(found, query.as_deref())))
}

pub(in super::super) async fn count(
    State(front): State<Front>,
    caller: Arc<Caller>,
    until: Until,
    Posted(headers, body): Posted,
) -> Result<Response, ApiError> {
    let counted = responses::count(front.app(), &caller, request(&front, until, headers, body)).await?;
    let body = json!({ "object": "response.input_tokens", "input_tokens": counted.input_tokens });
    let mut response = Json(body).into_response();
    if counted.estimated {
        response.headers_mut().insert(ESTIMATED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

pub(in super::super) async fn compact(
    State(front): State<Front>,
    caller: Arc<Caller>,
    until: Until,
    Posted(headers, body): Posted,
) -> Result<Response, ApiError> {
    let (app, request) = (front.app().clone(), request(&front, until, headers, body.clone()));
    let asking = Box::pin(async move { Ok(super::forwarded::said(responses::compact(&app, &caller, request).await?)) });
    sse::wait(&front, Dialect::Responses, &body, asking).await
}

fn request(front: &Front, Until(deadline): Until, headers: HeaderMap, body: Bytes) -> Request {
    Request {
        dialect: Dialect::Responses,
        body,
        model: None,
        deadline: Some(deadline),
        request_id: request_id(&headers),
        headers: traced(front, headers),
    }
}

/// `include`, in all ways in which clients write a list in a query.
pub(super) fn include(query: Option<&str>) -> Include {
    let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let names: Vec<_> = pairs.filter(|(name, _)| name == "include" || name.starts_with("include[")).map(|(_, value)| value).collect();
    Include::of(&names.iter().flat_map(|value| value.split(',')).collect::<Vec<_>>())
}

/// A page of items, as the query wants them.
pub(super) fn items(found: Listed<Kept>, query: Option<&str>) -> List<Object> {
    let include = include(query);
    named(Listed { data: found.data.into_iter().map(|kept| shown(kept, include)).collect(), has_more: found.has_more })
}

/// An item of a list, with its id beside it.
pub(super) fn shown(kept: Kept, include: Include) -> (String, Object) {
    let Kept { id, body } = kept;
    // What is kept was read as an item, or came out of a response.
    let item = Object::parse(body).unwrap_or_default();
    let shown = Item::new(item.clone()).map_or(item, |item| item.shown(&id));
    (id, include.item(&shown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_in_a_query_is_written_in_many_ways() {
        const WANTED: &str = "reasoning.encrypted_content";
        for query in
            ["include[]=WANTED", "include=WANTED", "include[0]=x&include[1]=WANTED", "limit=1&include=x,WANTED", "include%5B%5D=WANTED"]
        {
            assert!(include(Some(&query.replace("WANTED", WANTED))).thoughts, "{query}");
        }
        for query in [None, Some(""), Some("include=x"), Some("includes=reasoning.encrypted_content")] {
            assert!(!include(query).thoughts, "{query:?}");
        }
    }
}
