//! `groundwork eval`: quality on a labelled data set. The set is read into a data folder of its own, so that what the user keeps is
//! neither measured nor touched; a second run reads only what changed.

use super::backend::Backend;
use super::ingest::{self, Job};
use super::session::Session;
use super::{ask, output, progress};
use crate::exit::{Exit, Failure};
use groundwork_app::declared;
use groundwork_app::evaluation::{self, Answers, Row};
use groundwork_app::settings::Role;
use groundwork_core::access::Caller;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The knowledge base of the assistant that a fresh folder has.
pub(super) const KNOWLEDGE_BASE: &str = declared::DEFAULT;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Answers of an assistant: document found, place cited, answer contained, declined where it must
    Answers {
        /// A folder with questions.jsonl and the documents, in `corpus`, `files` or beside it
        #[arg(long, value_name = "FOLDER")]
        dataset: PathBuf,
        /// Who answers
        #[arg(long, default_value = ask::ASSISTANT)]
        model: String,
    },
}

pub(super) async fn run(session: &Session, command: Command) -> anyhow::Result<Exit> {
    let Command::Answers { dataset, model } = command;
    let dataset = dataset.canonicalize().map_err(|error| Failure::new(Exit::Storage, format!("{}: {error}", dataset.display())))?;
    let folder = session.config.data_dir.join("evaluation").join(own_name(&dataset));
    let app = session.open_when_free(&folder, Role::Owner, session.targets()?).await?;
    let backend = Backend::owner(session, app.clone(), &folder, None)?;
    let report = async {
        let job = Job { knowledge_base: KNOWLEDGE_BASE.parse()?, paths: vec![documents_of(&dataset)], keep_vanished: false };
        ingest::ingest(session, &backend, job, |_| Ok(())).await?;
        let bar = progress::steps(0, session.json);
        let on_progress = |done: usize, of: usize| {
            bar.set_length(of as u64);
            bar.set_position(done as u64);
        };
        let report = evaluation::answers(&app, &Caller::local(), Answers { dataset, model }, &on_progress).await;
        bar.finish_and_clear();
        anyhow::Ok(report?)
    };
    let report = report.await;
    backend.close().await;
    let report = report?;
    if session.json {
        output::json(&report)?;
        return Ok(Exit::Done);
    }
    output::line(&format!(
        "{:<28} {:>9} {:>13} {:>10} {:>9} {:>9} {:>9}",
        "", "questions", "document in 3", "place in 3", "contained", "token F1", "declined"
    ))?;
    for row in [&report.answerable, &report.unanswerable].into_iter().chain(&report.by_kind) {
        show(row)?;
    }
    for miss in &report.misses {
        output::line(&format!("missed {}: {} (expected {}; cited {})", miss.id, miss.question, miss.expected, miss.citations.join("; ")))?;
    }
    Ok(Exit::Done)
}

/// Where the documents of a data set lie.
pub(super) fn documents_of(dataset: &Path) -> PathBuf {
    ["corpus", "files", "documents"]
        .iter()
        .map(|name| dataset.join(name))
        .find(|folder| folder.is_dir())
        .unwrap_or_else(|| dataset.to_owned())
}

/// A name for the folder of a data set that two sets never share.
fn own_name(dataset: &Path) -> String {
    let digest = hex::encode(Sha256::digest(dataset.as_os_str().as_encoded_bytes()));
    let name = dataset.file_name().unwrap_or_default().to_string_lossy();
    format!("{name}-{}", &digest[..8])
}

fn show(row: &Row) -> std::io::Result<()> {
    output::line(&format!(
        "{:<28} {:>9} {:>13.3} {:>10.3} {:>9.3} {:>9.3} {:>9.3}",
        row.kind, row.questions, row.document_in_3, row.place_in_3, row.answer_contained, row.token_f1, row.declined
    ))
}
