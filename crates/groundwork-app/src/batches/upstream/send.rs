//! Sends a batch to a target: its file with the target's own names in it, then the batch itself, once.

use super::super::check::{Checked, MOST_BYTES, task};
use super::super::lines::Lines;
use super::super::run::{Next, RunError};
use super::talk::{Remote, RemoteList, ask};
use super::{Batch, Upstream};
use crate::App;
use crate::files::Arriving;
use crate::pipeline::now;
use crate::published::Deployment;
use bytes::Bytes;
use futures::StreamExt;
use groundwork_core::call::TargetKind;
use groundwork_inference::target::{CallError, FileUpload};
use groundwork_wire::batches::{Endpoint, Task};
use groundwork_wire::object::Object;
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;

/// For the file to get there.
const PATIENCE: Duration = Duration::from_secs(1800);
/// Batches of the target that are looked through for one of ours.
const LOOKED_THROUGH: u32 = 100;
/// The pair of metadata by which one of ours is known again.
const OURS: &str = "groundwork_batch";

/// Decides that `deployment` runs the batch.
pub(in super::super) async fn begin(app: &App, batch: &Batch, (checked, deployment): (&Checked, &Deployment)) -> Result<Next, RunError> {
    let upstream = Upstream {
        target: deployment.target.name().to_owned(),
        model: deployment.model.clone(),
        total: checked.total,
        sent_at: app.inner().clock.now(),
        file: None,
        tried: false,
        batch: None,
        status: None,
        completed: 0,
        failed: 0,
        cancelled: false,
    };
    app.inner().db.name_batch_model(&batch.id, &checked.model).await?;
    upstream.note(app, batch).await?;
    Ok(Next::GoOn)
}

/// Sends what is not there yet.
pub(super) async fn send(
    app: &App,
    batch: &Batch,
    endpoint: Endpoint,
    (upstream, deployment): (&mut Upstream, &Deployment),
) -> Result<(), RunError> {
    let file = match &upstream.file {
        Some(file) => file.clone(),
        None => {
            let file = upload(app, batch, endpoint, deployment).await?;
            upstream.file = Some(file.clone());
            upstream.note(app, batch).await?;
            file
        }
    };
    let found = if upstream.tried { sent_before(batch, deployment).await? } else { None };
    let remote = match found {
        Some(remote) => remote,
        None => {
            upstream.tried = true;
            upstream.note(app, batch).await?;
            let url = url(endpoint, deployment);
            let metadata = json!({ OURS: batch.id.as_str() });
            let body = json!({ "input_file_id": file, "endpoint": url, "completion_window": "24h", "metadata": metadata });
            ask(deployment, Method::POST, "/batches", Some(&body)).await?
        }
    };
    upstream.batch = Some(remote.id);
    upstream.note(app, batch).await?;
    Ok(())
}

/// What was made over there by a try whose answer did not arrive.
pub(super) async fn sent_before(batch: &Batch, deployment: &Deployment) -> Result<Option<Remote>, CallError> {
    let list: RemoteList = ask(deployment, Method::GET, &format!("/batches?limit={LOOKED_THROUGH}"), None).await?;
    let ours = |remote: &Remote| remote.metadata.as_ref().and_then(|metadata| metadata.get(OURS)).is_some_and(|id| id == batch.id.as_str());
    Ok(list.data.into_iter().find(ours))
}

/// Sends the file; gives its id over there. It is written whole first, because its length must be known.
async fn upload(app: &App, batch: &Batch, endpoint: Endpoint, deployment: &Deployment) -> Result<String, RunError> {
    let inner = app.inner();
    let id = inner.db.make_file_id()?;
    let arriving = Arriving::begin(app, id.as_str(), u64::MAX).await?;
    write(app, batch, endpoint, deployment, arriving).await?;
    let uploaded = async {
        let content = inner.files.read(id.as_str()).await?;
        let upload = FileUpload {
            id: id.to_string(),
            purpose: "batch",
            name: format!("{}.jsonl", batch.id),
            media_type: "application/jsonl",
            bytes: content.bytes,
            content: content.stream.map(|piece| piece.map_err(std::io::Error::other)).boxed(),
            deadline: now() + PATIENCE,
        };
        let answer = deployment.target.upload(upload).await?;
        #[derive(Deserialize)]
        struct File {
            id: String,
        }
        let broken =
            |error: serde_json::Error| CallError::Broken { target: deployment.target.name().to_owned(), message: error.to_string() };
        Ok(serde_json::from_slice::<File>(&answer).map_err(broken)?.id)
    };
    let uploaded: Result<String, RunError> = uploaded.await;
    inner.files.delete(id.as_str()).await?;
    uploaded
}

async fn write(app: &App, batch: &Batch, endpoint: Endpoint, deployment: &Deployment, mut arriving: Arriving) -> Result<(), RunError> {
    let content = app.inner().files.read(batch.input_file.as_str()).await?;
    let mut lines = Lines::new(content.stream, MOST_BYTES);
    while let Some(line) = lines.next().await? {
        if let Some((_, Task { custom_id, body, .. })) = task(line, endpoint) {
            let (url, body) = (url(endpoint, deployment), told(body, &deployment.model)?);
            let line = serde_json::to_string(&Sent { custom_id: &custom_id, method: "POST", url: &url, body: &body })?;
            arriving.write(Bytes::from(line + "\n")).await?;
        }
    }
    arriving.finish().await?;
    Ok(())
}

/// A line as the target gets it: its body is spelled as the client spelled it.
#[derive(Serialize)]
struct Sent<'a> {
    custom_id: &'a str,
    method: &'static str,
    url: &'a str,
    body: &'a Object,
}

/// With the target's own name of the model.
fn told(mut body: Object, model: &str) -> Result<Object, serde_json::Error> {
    body.set("model", model)?;
    Ok(body)
}

/// Azure's documentation leaves the version out for all but responses.
fn url(endpoint: Endpoint, deployment: &Deployment) -> String {
    match (deployment.target.kind(), endpoint) {
        (TargetKind::AzureOpenai, Endpoint::ChatCompletions | Endpoint::Completions | Endpoint::Embeddings) => endpoint.path().to_owned(),
        _ => format!("/v1{}", endpoint.path()),
    }
}
