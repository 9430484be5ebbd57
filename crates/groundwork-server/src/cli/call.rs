//! A request and an answer in the terms of the HTTP API, whichever way they travel.

use crate::exit::Exit;
use anyhow::Context;
use axum::body::Body;
use axum::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use futures::stream::BoxStream;
use http_body_util::BodyExt;
use std::io;
use std::time::Duration;

#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) content_type: &'static str,
    pub(super) body: Bytes,
}

/// The head of an answer, and its body as it comes.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: BoxStream<'static, io::Result<Bytes>>,
}

/// An error that the API answered with.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: Option<String>,
    pub(super) message: String,
    pub(super) retry_after: Option<Duration>,
}

impl Refusal {
    /// What a command ends with that has no other way.
    pub(super) fn exit(&self) -> Exit {
        match self.code.as_deref() {
            Some("embedding_model_missing" | "embedding_failed") => Exit::Model,
            Some("disk_full") => Exit::Storage,
            _ => Exit::Server,
        }
    }

    /// Whether the same may be accepted in a moment.
    pub(super) fn passes(&self) -> bool {
        matches!(self.code.as_deref(), Some("overloaded" | "database_busy" | "embedding_busy"))
    }
}

impl Call {
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), content_type: "application/json", body: Bytes::new() }
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    pub(super) fn post(path: impl Into<String>, json: &serde_json::Value) -> Self {
        Self { method: Method::POST, body: json.to_string().into(), ..Self::get(path) }
    }

    pub(super) fn put(path: impl Into<String>, json: &serde_json::Value) -> Self {
        Self { method: Method::PUT, ..Self::post(path, json) }
    }

    pub(super) fn upload(path: impl Into<String>, body: Bytes) -> Self {
        Self { method: Method::POST, path: path.into(), content_type: "application/octet-stream", body }
    }
}

impl Reply {
    /// The answer, or the `Refusal` that it is.
    pub(super) async fn accepted(self) -> anyhow::Result<Self> {
        if self.status.is_success() {
            return Ok(self);
        }
        let status = self.status;
        let retry_after = self.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok()).map(Duration::from_secs);
        let body: serde_json::Value = serde_json::from_slice(&self.whole().await?).unwrap_or_default();
        let text = |key: &str| body["error"][key].as_str().map(str::to_owned);
        let message = text("message").unwrap_or_else(|| format!("the server answered {status} without a reason"));
        Err(Refusal { status, code: text("code"), message, retry_after }.into())
    }

    pub(super) async fn whole(self) -> anyhow::Result<Bytes> {
        Ok(Body::from_stream(self.body).collect().await.context("the answer broke off")?.to_bytes())
    }
}
