//! What a request gives in its path and its query. What cannot be read is refused in the same shape as everything else.

use super::Front;
use super::error::ApiError;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

/// The named parts of the path.
pub(super) struct Segments<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Front> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, front: &Front) -> Result<Self, ApiError> {
        let Path(segments) =
            Path::from_request_parts(parts, front).await.map_err(|error| ApiError::invalid_param("path", error.body_text()))?;
        Ok(Self(segments))
    }
}

/// The parameters of the query.
pub(super) struct Params<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Front> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Front) -> Result<Self, ApiError> {
        let Query(params) = Query::try_from_uri(&parts.uri).map_err(|error| unreadable(&error.body_text()))?;
        Ok(Self(params))
    }
}

/// The parameter at fault stands in what the parser says: `Failed to deserialize query string: limit: invalid digit`.
fn unreadable(reason: &str) -> ApiError {
    let said = reason.split_once(": ").map_or(reason, |(_, said)| said);
    match said.split_once(": ") {
        Some((param, why)) if !param.contains(' ') => ApiError::invalid_param(param, format!("Invalid value for '{param}': {why}.")),
        _ => ApiError::invalid_param("query", said),
    }
}
