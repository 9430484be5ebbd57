//! `groundwork models`: the files of the models that run inside Groundwork.

use super::session::Session;
use super::{output, progress};
use crate::config::EmbeddingConfig;
use crate::exit::{Exit, Failure};
use crate::lifecycle::Signals;
use groundwork_inference::catalogue::Engine;
use groundwork_inference::models::{Library, OnProgress, Progress, PullError, State};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Every known model, its license, and whether it is on this machine
    List,
    /// Fetch models and check their hashes [default: the embedding models of the settings]
    Pull { name: Vec<String> },
    /// The folder of a model
    Path { name: String },
    /// Read every byte of models and compare their hashes [default: the embedding models of the settings]
    Verify { name: Vec<String> },
}

pub(super) async fn run(session: &Session, command: Command) -> anyhow::Result<Exit> {
    let library = session.library()?;
    let EmbeddingConfig { model, first_pass } = &session.config.embedding;
    let of_settings = || std::iter::once(model).chain(first_pass).cloned().collect();
    let or_default = |names: Vec<String>| if names.is_empty() { of_settings() } else { names };
    match command {
        Command::List => list(session, &library),
        Command::Pull { name } => {
            let mut signals = Signals::listen()?;
            for name in or_default(name) {
                let folder = pull(session, &library, &name, &mut signals).await?;
                show(session, &name, "present", &folder)?;
            }
            Ok(Exit::Done)
        }
        Command::Path { name } => {
            let folder = library.path(&name).map_err(|error| Failure::new(Exit::Model, error.to_string()))?;
            if session.json {
                output::json(&json!({ "name": name, "folder": folder }))?;
            } else {
                output::line(&folder.display().to_string())?;
            }
            Ok(Exit::Done)
        }
        Command::Verify { name } => {
            for name in or_default(name) {
                let folder = library.verify(&name).await.map_err(|error| Failure::new(Exit::Model, error.to_string()))?;
                show(session, &name, "verified", &folder)?;
            }
            Ok(Exit::Done)
        }
    }
}

/// Fetches a model where it is missing, with a bar for people; the first signal stops it, and the next pull goes on from there.
pub(super) async fn pull(session: &Session, library: &Library, name: &str, signals: &mut Signals) -> anyhow::Result<PathBuf> {
    let bar = progress::bytes(session.json);
    let shown = bar.clone();
    let on_progress: OnProgress = Arc::new(move |progress| match progress {
        Progress::Waiting => shown.set_message("another process is fetching it; waiting"),
        Progress::Trying(source) => shown.suspend(|| output::note(&format!("fetching from {source}"))),
        Progress::Failed(attempt) => shown.suspend(|| output::note(&format!("{}: {}", attempt.source, attempt.reason))),
        Progress::Bytes { file, done, total } => {
            shown.set_length(total.unwrap_or(done));
            shown.set_position(done);
            shown.set_message(file);
        }
        Progress::Done { file } => shown.suspend(|| output::note(&format!("{file}: in place, hash checked"))),
        Progress::Recorded { file } => shown.suspend(|| {
            output::note(&format!("{file}: in place. The catalogue does not know its hash: it is recorded now, and checked from now on"));
        }),
    });
    let cancel = CancellationToken::new();
    let mut pulling = Box::pin(library.pull(name, on_progress, cancel.clone()));
    let pulled = tokio::select! {
        pulled = &mut pulling => pulled,
        _ = signals.next() => {
            cancel.cancel();
            pulling.await
        }
    };
    bar.finish_and_clear();
    Ok(pulled.map_err(|error| {
        let exit = if matches!(error, PullError::Write { .. }) { Exit::Storage } else { Exit::Model };
        Failure::new(exit, error.to_string())
    })?)
}

fn list(session: &Session, library: &Library) -> anyhow::Result<Exit> {
    let models = library.list();
    if session.json {
        output::json(&models)?;
        return Ok(Exit::Done);
    }
    for model in models {
        let state = match model.state {
            State::Present => "present",
            State::Partial => "partial",
            State::Absent => "absent",
        };
        let megabytes = model.entry.files.iter().map(|file| file.bytes).sum::<u64>() / 1_000_000;
        let (name, license) = (&model.entry.name, &model.entry.license);
        let does = match model.entry.engine {
            Engine::Gguf => "chats".to_owned(),
            Engine::CrossEncoder { .. } => "reranks".to_owned(),
            Engine::Bert { .. } | Engine::Static => format!("embeds in {} dimensions", model.entry.dimensions),
        };
        let megabytes = if megabytes == 0 { "?".to_owned() } else { megabytes.to_string() };
        let terms = license.url.as_ref().map(|url| format!(" ({url})")).unwrap_or_default();
        output::line(&format!("{name:<24} {state:<8} {megabytes:>5} MB  {does:<24} {}{terms}", license.name))?;
    }
    Ok(Exit::Done)
}

fn show(session: &Session, name: &str, state: &str, folder: &std::path::Path) -> std::io::Result<()> {
    if session.json {
        output::json(&json!({ "name": name, "state": state, "folder": folder }))
    } else {
        output::line(&format!("{name}: {state} in {}", folder.display()))
    }
}
