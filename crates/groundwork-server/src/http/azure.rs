//! The paths under which Azure's clients look for OpenAI's routes: its v1 API, the same with a date in the query, and the deployments;
//! and for Anthropic's. Any `api-version` is taken.

use super::Front;
use super::error::ApiError;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What a deployment's own path may end with: the operations that name the model in the URL.
const OF_DEPLOYMENTS: [&str; 8] = [
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/images/generations",
    "/images/edits",
    "/audio/speech",
    "/audio/transcriptions",
    "/audio/translations",
];

/// Where Foundry serves Anthropic's API.
pub(super) const ANTHROPIC: &str = "/anthropic/";

/// Azure's names of the route at `path`.
pub(super) fn other_names(path: &str) -> Vec<&'static str> {
    let Some(rest) = path.strip_prefix("/v1") else { return Vec::new() };
    if rest.starts_with("/messages") {
        return vec![kept(format!("{ANTHROPIC}{}", &path[1..]))];
    }
    let mut names = vec![kept(format!("/openai/v1{rest}")), kept(format!("/openai{rest}"))];
    if OF_DEPLOYMENTS.contains(&rest) {
        names.push(kept(format!("/openai/deployments/{{deployment}}{rest}")));
    }
    names
}

/// A path lives as long as the process; there are few, however many routers are made.
fn kept(path: String) -> &'static str {
    static KEPT: Mutex<BTreeMap<String, &'static str>> = Mutex::new(BTreeMap::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.entry(path).or_insert_with_key(|path| Box::leak(path.clone().into_boxed_str()))
}

/// The deployment that the path names; it wins over the body's `model`.
pub(super) struct Deployment(pub(super) Option<String>);

impl FromRequestParts<Front> for Deployment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, front: &Front) -> Result<Self, ApiError> {
        if !parts.uri.path().starts_with("/openai/deployments/") {
            return Ok(Self(None));
        }
        let unreadable = |reason: String| ApiError::invalid_param("path", reason);
        let params = RawPathParams::from_request_parts(parts, front).await.map_err(|error| unreadable(error.body_text()))?;
        Ok(Self(params.iter().find(|(name, _)| *name == "deployment").map(|(_, value)| value.to_owned())))
    }
}
