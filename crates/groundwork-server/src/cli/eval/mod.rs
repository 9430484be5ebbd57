//! `groundwork eval`: quality on a labelled data set. The set is read into a data folder of its own, so that what the user keeps is
//! neither measured nor touched; a second run reads only what changed.

mod answers;
mod calibrate;
mod citations;
mod compare;
mod extraction;
mod floor;
mod retrieval;
mod stage;

pub(super) use stage::{KNOWLEDGE_BASE, documents_of};

use super::session::Session;
use crate::exit::Exit;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Answers of an assistant: document found, place cited, answer contained, declined where it must
    Answers(answers::Args),
    /// The floor below which assistants decline, from questions with and without an answer; it is kept and in force from then on
    Calibrate(calibrate::Args),
    /// The check of citations: supported or not, against answers whose sentences are judged
    Citations(citations::Args),
    /// Two kept runs: what differs, and whether by more than chance
    Compare(compare::Args),
    /// Reading of files: what must come out of them, and at which page, sheet or slide
    Extraction(extraction::Args),
    /// Search: documents or pages found by words, by meaning and by both, against judgements
    Retrieval(retrieval::Args),
}

pub(super) async fn run(session: &Session, command: Command) -> anyhow::Result<Exit> {
    match command {
        Command::Answers(args) => answers::run(session, args).await,
        Command::Calibrate(args) => calibrate::run(session, args).await,
        Command::Citations(args) => citations::run(session, args).await,
        Command::Compare(args) => compare::run(session, &args),
        Command::Extraction(args) => extraction::run(session, args).await,
        Command::Retrieval(args) => retrieval::run(session, args).await,
    }
}
