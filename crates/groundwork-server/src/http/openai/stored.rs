//! `/v1/chat/completions` as things that are kept: what `store` has stored.

use super::super::Front;
use super::super::body::Whole;
use super::super::error::ApiError;
use super::super::given::{Params, Segments};
use super::super::page::{self, Bounds, Paging};
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::response::IntoResponse;
use groundwork_app::completions::{self, Completion, Filter};
use groundwork_app::owned::{Listed, Order};
use groundwork_core::access::Caller;
use groundwork_wire::chat::stored;
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use groundwork_wire::responses;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

const BOUNDS: Bounds = Bounds { limit: 20, most: 100, order: Order::OldestFirst, ids: "" };
/// Of completions themselves.
const COMPLETIONS: Bounds = Bounds { ids: "chatcmpl-", ..BOUNDS };

pub(in super::super) async fn list(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Params(paging): Params<Paging>,
    RawQuery(query): RawQuery,
) -> Result<impl IntoResponse, ApiError> {
    let filter = filter(query.as_deref().unwrap_or_default());
    let found = completions::list(front.app(), &caller, &filter, &paging.page(&COMPLETIONS)?).await?;
    let data = found.data.into_iter().map(|completion| Ok((completion.id.to_string(), on_the_wire(completion)?)));
    let data = data.collect::<Result<_, ApiError>>()?;
    Ok(Json(page::named(Listed { data, has_more: found.has_more })))
}

/// `model`, and `metadata[KEY]` as clients write an object in a query.
fn filter(query: &str) -> Filter {
    let mut filter = Filter::default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if name == "model" {
            filter.model = Some(value.into_owned());
        } else if let Some(key) = name.strip_prefix("metadata[").and_then(|key| key.strip_suffix(']')) {
            filter.metadata.insert(key.to_owned(), value.into_owned());
        }
    }
    filter
}

pub(in super::super) async fn find(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    Ok(Json(on_the_wire(completions::find(front.app(), &caller, &id).await?)?))
}

/// Pages are cut here: the messages of one request are one row.
pub(in super::super) async fn messages(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
    Params(paging): Params<Paging>,
) -> Result<impl IntoResponse, ApiError> {
    let page = paging.page(&BOUNDS)?;
    let completion = completions::find(front.app(), &caller, &id).await?;
    let messages = stored::messages(completion.id.as_str(), &completion.messages).map_err(|error| ApiError::bug(error.to_string()))?;
    Ok(Json(page::named(page::cut(messages, &page)?)))
}

pub(in super::super) async fn update(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
    Whole(body): Whole,
) -> Result<impl IntoResponse, ApiError> {
    let body = Object::parse(body)?;
    if body.raw("metadata").is_none() {
        return Err(Invalid::Missing { param: "metadata".to_owned() }.into());
    }
    let metadata: BTreeMap<String, String> = responses::metadata(&body)?;
    Ok(Json(on_the_wire(completions::update(front.app(), &caller, &id, metadata).await?)?))
}

pub(in super::super) async fn delete(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    completions::delete(front.app(), &caller, &id).await?;
    Ok(Json(json!({ "object": "chat.completion.deleted", "id": id, "deleted": true })))
}

/// The answer as it went out, and the metadata as it is now.
fn on_the_wire(completion: Completion) -> Result<Object, ApiError> {
    let mut answer = Object::parse(completion.answer).map_err(|error| ApiError::bug(error.to_string()))?;
    answer.set("metadata", &completion.metadata).map_err(|error| ApiError::bug(error.to_string()))?;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_be_of_a_model_and_of_metadata() {
        let wanted = filter("model=gpt-5&limit=3&metadata%5Bteam%5D=a%20b&metadata[x]=1&metadata=no");
        assert_eq!(wanted.model.as_deref(), Some("gpt-5"));
        assert_eq!(wanted.metadata, BTreeMap::from([("team".to_owned(), "a b".to_owned()), ("x".to_owned(), "1".to_owned())]));
    }
}
