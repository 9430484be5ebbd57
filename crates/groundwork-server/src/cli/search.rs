//! `groundwork search`.

use super::backend::Backend;
use super::call::Call;
use super::session::Session;
use super::{output, sources};
use crate::exit::Exit;
use groundwork_app::search::{Found, Mode, Outcome, Rerank};
use groundwork_app::settings::Role;
use groundwork_core::filter::{self, Filter};
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_core::place::named;
use serde_json::json;

#[derive(clap::Args)]
pub(super) struct Args {
    /// What to look for
    #[arg(required = true, num_args = 1.., value_name = "QUERY")]
    query: Vec<String>,
    #[arg(long, default_value = "default", value_name = "ID")]
    knowledge_base: KnowledgeBaseId,
    /// How many passages, at most 100
    #[arg(long, default_value_t = 10)]
    limit: usize,
    #[arg(long, value_enum, default_value_t = Leg::Hybrid)]
    mode: Leg,
    /// Only documents whose attributes are so; several must all hold [e.g. team=hr, year>=2024, or a filter in JSON]
    #[arg(long, value_name = "CONDITION", value_parser = filter::parse)]
    filter: Vec<Filter>,
    /// Leave the order to the search where a reranker is set
    #[arg(long)]
    no_rerank: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Leg {
    /// Both, fused
    Hybrid,
    /// By meaning
    Vector,
    /// By words
    Keyword,
}

pub(super) async fn run(session: &Session, args: Args) -> anyhow::Result<Exit> {
    let mode = match args.mode {
        Leg::Hybrid => Mode::Hybrid,
        Leg::Vector => Mode::Vector,
        Leg::Keyword => Mode::Keyword,
    };
    let backend = Backend::find(session, Role::Visitor).await?;
    let body = json!({ "query": args.query.join(" "), "limit": args.limit, "mode": mode, "filters": Filter::all(args.filter), "rerank": !args.no_rerank });
    let call = Call::post(format!("/admin/v1/knowledge-bases/{}/search", args.knowledge_base), &body);
    let found = backend.json::<Found>(call).await;
    backend.close().await;
    let found = found?;
    if session.json {
        output::json(&found)?;
        return Ok(Exit::Done);
    }
    match found.outcome {
        Outcome::Found => {}
        Outcome::NothingFound => output::note("nothing found"),
        Outcome::NothingVisible => output::note("there is no document here that you may read"),
        Outcome::NothingStored => output::note("there is no document here; groundwork ingest FOLDER brings some in"),
    }
    if let Some(Rerank::Late | Rerank::Busy) = found.rerank {
        output::note("the reranker was not ready in time: the order is that of the search");
    }
    for (rank, hit) in found.hits.iter().enumerate() {
        let place = sources::place(&hit.name, named(hit.unit.name(), hit.pages, hit.sheet.as_deref()), &hit.heading_path);
        output::line(&format!(
            "{:>3}. {place}  ({:.3})\n     {}",
            rank + 1,
            hit.rerank_score.map_or(hit.score, f64::from),
            excerpt(&hit.text)
        ))?;
    }
    Ok(Exit::Done)
}

/// The beginning of a passage on one line.
fn excerpt(text: &str) -> String {
    const LENGTH: usize = 160;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LENGTH) {
        Some((cut, _)) => format!("{}…", &line[..cut]),
        None => line,
    }
}
