//! `groundwork eval retrieval`.

use super::super::output;
use super::super::session::Session;
use super::floor::Floor;
use super::stage::{KNOWLEDGE_BASE, Stage, What, finish};
use crate::exit::Exit;
use groundwork_app::evaluation::{self, Retrieval, RetrievalReport, Unit};
use groundwork_core::access::Caller;
use groundwork_core::variety::Variety;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(in super::super) struct Args {
    /// A folder with queries.jsonl, qrels.tsv, and docs.jsonl or files
    #[arg(long, value_name = "FOLDER")]
    dataset: PathBuf,
    /// Read the folder `files` instead of docs.jsonl; judged is each page, as FILE#page=N
    #[arg(long)]
    files: bool,
    /// One more row, in which so many passages of a document come first
    #[arg(long, value_name = "COUNT")]
    per_document: Option<std::num::NonZeroUsize>,
    /// One more row, in which being like a better passage counts so much against one, from 0 to 1
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.0, value_parser = weight)]
    variety: f64,
    /// End with code 11 when a figure is lower; a bare number is for hybrid.ndcg@10 [e.g. 0.7, keyword.recall@10=0.8]
    #[arg(long, value_name = "[FIGURE=]LEAST")]
    fail_under: Vec<Floor>,
}

fn weight(text: &str) -> Result<f64, String> {
    let weight = text.parse().map_err(|_no_number| format!("{text} is no number"))?;
    if (0.0..=1.0).contains(&weight) { Ok(weight) } else { Err("use 0 to 1".to_owned()) }
}

pub(super) async fn run(session: &Session, args: Args) -> anyhow::Result<Exit> {
    let (what, unit) = if args.files { (What::Files, Unit::Page) } else { (What::Texts, Unit::Document) };
    let variety = Variety { per_document: args.per_document.map(std::num::NonZeroUsize::get), weight: args.variety };
    let stage = Stage::open(session, &args.dataset, what).await?;
    let report = stage.report(async |stage, progress| {
        let knowledge_base = KNOWLEDGE_BASE.parse::<groundwork_core::ids::KnowledgeBaseId>()?;
        stage.read(knowledge_base.clone()).await?;
        let run = Retrieval { dataset: stage.dataset.clone(), knowledge_base, unit, variety };
        Ok(evaluation::retrieval(&stage.app, &Caller::local(), run, progress).await?)
    });
    let report = report.await?;
    finish(session, &report, show, (&args.fail_under, "hybrid.ndcg@10"))
}

fn show(report: &RetrievalReport) -> std::io::Result<()> {
    output::line(&format!(
        "{:<14} {:>8} {:>9} {:>9} {:>10} {:>8} {:>8} {:>8}",
        "", "nDCG@10", "recall@5", "recall@10", "recall@50", "MRR", "p50 ms", "p95 ms"
    ))?;
    for row in &report.rows {
        output::line(&format!(
            "{:<14} {:>8.3} {:>9.3} {:>9.3} {:>10.3} {:>8.3} {:>8.1} {:>8.1}",
            row.mode, row.ndcg_at_10, row.recall_at_5, row.recall_at_10, row.recall_at_50, row.mrr, row.p50_ms, row.p95_ms
        ))?;
    }
    output::line(&format!("{} questions", report.questions))
}
