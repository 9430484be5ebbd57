//! `groundwork eval answers`.

use super::super::session::Session;
use super::super::{ask, output};
use super::floor::Floor;
use super::stage::{Stage, What, documents_of, finish, found};
use crate::exit::Exit;
use groundwork_app::evaluation::{self, Answers, AnswersReport, Row};
use groundwork_core::access::Caller;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(in super::super) struct Args {
    /// A folder with questions.jsonl, or queries.jsonl and qrels.tsv; and the documents, in `corpus`, `files` or beside it, or docs.jsonl
    #[arg(long, value_name = "FOLDER")]
    dataset: PathBuf,
    /// Who answers: an assistant
    #[arg(long, default_value = ask::ASSISTANT)]
    model: String,
    /// End with code 11 when a figure is lower; a bare number is for answerable.place_in_3 [e.g. 0.8, unanswerable.declined=0.7]
    #[arg(long, value_name = "[FIGURE=]LEAST")]
    fail_under: Vec<Floor>,
}

pub(super) async fn run(session: &Session, args: Args) -> anyhow::Result<Exit> {
    let Args { dataset, model, fail_under } = args;
    let dataset = found(&dataset)?;
    let stage = Stage::open(session, &dataset, what_of(&dataset)).await?;
    let report = stage.report(async |stage, progress| {
        stage.read(evaluation::knowledge_base_of(&stage.app, &model)?).await?;
        let run = Answers { dataset: stage.dataset.clone(), model: model.clone() };
        Ok(evaluation::answers(&stage.app, &Caller::local(), run, progress).await?)
    });
    let report = report.await?;
    finish(session, &report, show, (&fail_under, "answerable.place_in_3"))
}

/// Files where the set has some, else its texts.
pub(super) fn what_of(dataset: &Path) -> What {
    if documents_of(dataset) != dataset || !dataset.join("docs.jsonl").is_file() { What::Files } else { What::Texts }
}

fn show(report: &AnswersReport) -> std::io::Result<()> {
    output::line(&format!(
        "{:<30} {:>9} {:>13} {:>10} {:>10} {:>9} {:>9} {:>9}",
        "", "questions", "document in 3", "place in 3", "or next", "contained", "token F1", "declined"
    ))?;
    for row in [&report.answerable, &report.unanswerable].into_iter().chain(&report.by_kind) {
        line(row, &row.kind)?;
    }
    if let Some(halves) = &report.halves {
        for row in [&halves.answerable, &halves.unanswerable] {
            line(row, &format!("{} (other half)", row.kind))?;
        }
    }
    for miss in &report.misses {
        let cited = if miss.declined { "declined".to_owned() } else { format!("cited {}", miss.citations.join("; ")) };
        output::line(&format!("missed {}: {} (expected {}; {cited})", miss.id, miss.question, miss.expected.join(" or ")))?;
    }
    for failed in &report.failed {
        output::line(&format!("failed {}: {}", failed.id, failed.problem))?;
    }
    Ok(())
}

fn line(row: &Row, name: &str) -> std::io::Result<()> {
    output::line(&format!(
        "{name:<30} {:>9} {:>13.3} {:>10.3} {:>10.3} {:>9.3} {:>9.3} {:>9.3}",
        row.questions, row.document_in_3, row.place_in_3, row.place_or_next_in_3, row.answer_contained, row.token_f1, row.declined
    ))
}
