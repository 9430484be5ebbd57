//! What is said to a target about its files and batches.

use crate::App;
use crate::forward;
use crate::pipeline::now;
use crate::published::Deployment;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;
use groundwork_inference::target::{CallError, Forward, Passing};
use groundwork_wire::batches::{Errors, Fault};
use http::{HeaderMap, Method};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::time::Duration;

/// A batch as its target tells of it.
#[derive(Debug, Deserialize)]
pub(super) struct Remote {
    pub(super) id: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) request_counts: Option<RemoteCounts>,
    #[serde(default)]
    pub(super) output_file_id: Option<String>,
    #[serde(default)]
    pub(super) error_file_id: Option<String>,
    #[serde(default)]
    errors: Option<Errors>,
    #[serde(default)]
    pub(super) metadata: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
pub(super) struct RemoteCounts {
    #[serde(default)]
    pub(super) completed: u64,
    #[serde(default)]
    pub(super) failed: u64,
}

#[derive(Debug, Deserialize)]
pub(super) struct RemoteList {
    pub(super) data: Vec<Remote>,
}

impl Remote {
    pub(super) fn faults(self) -> Vec<Fault> {
        let untold = || vec![Fault::of_file("invalid_request", "The target refused the batch without saying why.")];
        self.errors.map(|errors| errors.data).filter(|data| !data.is_empty()).unwrap_or_else(untold)
    }
}

/// Bytes of an answer that is an object or a list of them.
const MOST_BYTES: usize = 8 << 20;
const PATIENCE: Duration = Duration::from_secs(60);
/// For a file that comes back.
const LONG_PATIENCE: Duration = Duration::from_secs(3600);

/// An object that the target has, or makes.
pub(super) async fn ask<T: DeserializeOwned>(
    deployment: &Deployment,
    method: Method,
    path: &str,
    body: Option<&serde_json::Value>,
) -> Result<T, CallError> {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query.to_owned())));
    let forward = forward(method, path, body.map(ToString::to_string).unwrap_or_default().into(), PATIENCE);
    let mut answer = pieces(deployment, Forward { query, ..forward }).await?;
    let mut whole = BytesMut::new();
    let broken = |message: String| CallError::Broken { target: deployment.target.name().to_owned(), message };
    while let Some(piece) = answer.next().await {
        whole.extend_from_slice(&piece?);
        if whole.len() > MOST_BYTES {
            return Err(broken(format!("it is longer than {MOST_BYTES} bytes")));
        }
    }
    serde_json::from_slice(&whole).map_err(|error| broken(error.to_string()))
}

/// The bytes of a file that the target has.
pub(super) async fn read(deployment: &Deployment, file: &str) -> Result<BoxStream<'static, Result<Bytes, CallError>>, CallError> {
    let forward = forward(Method::GET, &format!("/files/{file}/content"), Bytes::new(), LONG_PATIENCE);
    pieces(deployment, forward).await
}

/// Takes away what the target need not keep. What stays costs space over there and nothing else.
pub(super) async fn forget(app: &App, deployment: &Deployment, files: impl IntoIterator<Item = String>) {
    for file in files {
        let asked: Result<serde_json::Value, _> = ask(deployment, Method::DELETE, &format!("/files/{file}"), None).await;
        if let Err(error) = asked {
            tracing::debug!(%error, file, "a file stays with the target");
        }
        if app.stopping().is_cancelled() {
            return;
        }
    }
}

async fn pieces(deployment: &Deployment, forward: Forward) -> Result<BoxStream<'static, Result<Bytes, CallError>>, CallError> {
    match deployment.target.forward(forward).await?.body {
        Passing::Bytes(pieces) => Ok(pieces),
        Passing::Events(_) => {
            let message = "it is a stream of events".to_owned();
            Err(CallError::Broken { target: deployment.target.name().to_owned(), message })
        }
    }
}

fn forward(method: Method, path: &str, body: Bytes, patience: Duration) -> Forward {
    let headers = forward::with_json(&HeaderMap::new());
    Forward { method, path: path.to_owned(), query: None, headers, body, model: None, deadline: now() + patience }
}
