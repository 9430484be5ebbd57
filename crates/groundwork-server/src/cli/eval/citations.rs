//! `groundwork eval citations`.

use super::super::output;
use super::super::session::Session;
use super::floor::Floor;
use super::stage::{Stage, What, finish, found};
use crate::exit::Exit;
use groundwork_app::evaluation::{self, CitationsReport};
use std::path::PathBuf;

#[derive(clap::Args)]
pub(in super::super) struct Args {
    /// A file of answers with their passages, one JSON object a line, each of its sentences judged
    #[arg(long, value_name = "FILE")]
    cases: PathBuf,
    /// End with code 11 when a figure is lower; a bare number is for accuracy [e.g. 0.9, by_kind.altered-number=0.8]
    #[arg(long, value_name = "[FIGURE=]LEAST")]
    fail_under: Vec<Floor>,
}

pub(super) async fn run(session: &Session, args: Args) -> anyhow::Result<Exit> {
    // No document is read: the passages stand in the file. The folder is only where the program lives while it measures.
    let cases = found(&args.cases)?;
    let stage = Stage::open(session, &cases, What::Texts).await?;
    let report = stage.report(async |stage, progress| Ok(evaluation::citations(&stage.app, &cases, progress).await?)).await?;
    finish(session, &report, show, (&args.fail_under, "accuracy"))
}

fn show(report: &CitationsReport) -> std::io::Result<()> {
    let CitationsReport { accuracy, precision, recall, f1, by_kind, answers, citations, citations_by_kind, misses: _, by_question: _ } =
        report;
    output::line(&format!("{answers} answers, {citations} citations"))?;
    output::line(&format!("accuracy {accuracy:.3}, precision {precision:.3}, recall {recall:.3}, F1 {f1:.3}\n"))?;
    for (kind, accuracy) in by_kind {
        let count = citations_by_kind.get(kind).copied().unwrap_or_default();
        output::line(&format!("{kind:<18} {count:>5} {accuracy:>7.3}"))?;
    }
    Ok(())
}
