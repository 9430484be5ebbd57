//! One file on its way into a knowledge base, and what becomes of it.

use super::backend::Backend;
use super::call::{Call, Refusal};
use super::output;
use crate::exit::{Exit, Failure};
use bytes::Bytes;
use groundwork_app::jobs::Job;
use groundwork_app::status::{State, Status};
use serde::Serialize;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use url::form_urlencoded;

/// How long one file is waited for, and offered again to a server that is busy.
const PATIENCE: Duration = Duration::from_secs(1800);

/// How long a file may take before it is asked what is the matter.
const SLICE: Duration = Duration::from_secs(20);

/// Attempts at a file after which its error is told instead of waited out.
const ATTEMPTS: u32 = 3;

/// A document to be ingested.
pub(super) struct File {
    pub(super) content: Content,
    /// The path as it was named on the command line.
    pub(super) shown: String,
    /// The file's name, or its path below the folder that was named.
    pub(super) name: String,
    pub(super) source: String,
    pub(super) title: Option<String>,
    /// As JSON.
    pub(super) attributes: Option<String>,
}

pub(super) enum Content {
    /// A file of this machine.
    Path(PathBuf),
    Text(String),
}

/// What became of one file.
#[derive(Serialize)]
pub(super) struct Line {
    pub(super) file: String,
    pub(super) outcome: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<LineError>,
}

#[derive(Serialize)]
struct LineError {
    kind: String,
    message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Created,
    Updated,
    Unchanged,
    /// Stored, and still being read.
    Processing,
    Deleted,
    Failed,
}

/// Offers `file`, and waits until it is searchable or cannot become so.
pub(super) async fn offer(backend: &Backend<'_>, documents: &str, file: File) -> anyhow::Result<Line> {
    let shown = file.shown;
    let bytes = match file.content {
        Content::Text(text) => Bytes::from(text),
        Content::Path(path) => match tokio::fs::read(&path).await {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) => return Ok(Line::failed(shown, "unreadable", format!("the file cannot be read from disk: {error}"))),
        },
    };
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("name", &file.name).append_pair("source", &file.source).append_pair("wait_ms", &SLICE.as_millis().to_string());
    if let Some(title) = &file.title {
        query.append_pair("title", title);
    }
    if let Some(attributes) = &file.attributes {
        query.append_pair("attributes", attributes);
    }
    let query = query.finish();
    let until = Instant::now() + PATIENCE;
    loop {
        let call = Call::upload(format!("{documents}?{query}"), bytes.clone());
        match backend.json::<serde_json::Value>(call).await {
            Ok(answer) if answer["status"] == "processing" && Instant::now() < until => {
                if let Some(reason) = stuck(backend, &answer).await? {
                    return Ok(Line::failed(shown, "not_read_yet", reason));
                }
            }
            Ok(answer) => return Ok(Line::taken(shown, answer)),
            Err(error) => match error.downcast::<Refusal>()? {
                busy if busy.passes() && Instant::now() < until => {
                    tokio::time::sleep(busy.retry_after.unwrap_or(Duration::from_secs(1))).await;
                }
                // The file's own fault; with any other refusal the next file would fare no better.
                refusal if matches!(refusal.status.as_u16(), 400 | 413 | 415 | 422) => {
                    return Ok(Line::failed(shown, refusal.code.as_deref().unwrap_or("refused"), refusal.message));
                }
                refusal => return Err(refusal.into()),
            },
        }
    }
}

/// Why a file is not getting on. What is wrong with the whole server ends the command; what is wrong with this file is told.
async fn stuck(backend: &Backend<'_>, upload: &serde_json::Value) -> anyhow::Result<Option<String>> {
    let status: Status = serde_json::from_slice(&backend.send(Call::get("/readyz")).await?.whole().await?)?;
    if let Some(part) = status.parts.into_iter().find(|part| part.state == State::Missing) {
        let exit = match part.name.as_str() {
            "embedding_model" => Exit::Model,
            "database" => Exit::Storage,
            _ => Exit::Server,
        };
        return Err(Failure::new(exit, part.detail.unwrap_or(part.name)).into());
    }
    let Some(job) = upload["job"].as_str() else { return Ok(None) };
    let job: Job = backend.json(Call::get(format!("/admin/v1/jobs/{job}"))).await?;
    Ok(job.error.filter(|_| job.attempts >= ATTEMPTS))
}

impl Line {
    pub(super) fn deleted(file: String) -> Self {
        Self { file, outcome: Outcome::Deleted, document: None, error: None }
    }

    fn taken(file: String, document: serde_json::Value) -> Self {
        let outcome = match (document["status"].as_str(), document["change"].as_str()) {
            (Some("processing"), _) => Outcome::Processing,
            (_, Some("unchanged")) => Outcome::Unchanged,
            (_, Some("updated")) => Outcome::Updated,
            _ => Outcome::Created,
        };
        Self { file, outcome, document: Some(document), error: None }
    }

    fn failed(file: String, kind: &str, message: String) -> Self {
        Self { file, outcome: Outcome::Failed, document: None, error: Some(LineError { kind: kind.to_owned(), message }) }
    }
}

impl Line {
    /// One JSON object, or one line for people; they are not told what stayed as it was.
    pub(super) fn show(&self, json: bool) -> std::io::Result<()> {
        if json {
            return output::json(self);
        }
        let word = match self.outcome {
            Outcome::Created => "created",
            Outcome::Updated => "updated",
            Outcome::Unchanged => return Ok(()),
            Outcome::Processing => "processing",
            Outcome::Deleted => "deleted",
            Outcome::Failed => "failed",
        };
        match &self.error {
            Some(error) => output::line(&format!("{word:<10} {}: {}", self.file, error.message)),
            None => output::line(&format!("{word:<10} {}", self.file)),
        }
    }
}
