//! `groundwork check-config`: are the settings and the files they name right, and what is in force?

use super::output;
use super::session::Session;
use crate::config::{Source, json_schema};
use crate::exit::{Exit, Failure};
use groundwork_app::declared;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Write the JSON Schema of the settings instead; docs/config.schema.json is made this way
    #[arg(long)]
    pub(super) schema: bool,
    /// Write the JSON Schema of the files that `apply` names; docs/applied.schema.json is made this way
    #[arg(long, conflicts_with = "schema")]
    pub(super) applied_schema: bool,
}

pub(super) fn run(session: &Session) -> anyhow::Result<Exit> {
    let targets: Vec<String> = session.targets()?.into_iter().map(|target| target.name).collect();
    declared::check(&session.applied()?, &targets).map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    session.config.server.check(session.asks_for_keys()?).map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    session.library()?;
    session.first_pass()?;
    if session.json {
        output::json(&session.config)?;
        return Ok(Exit::Done);
    }
    let from: Vec<String> = session.sources.iter().map(source).collect();
    let from = if from.is_empty() { "defaults only".to_owned() } else { from.join(", ") };
    output::line(&format!("# in force, from {from}"))?;
    output::text(&toml::to_string_pretty(&session.config)?)?;
    Ok(Exit::Done)
}

pub(super) fn settings_schema() -> anyhow::Result<Exit> {
    output::text(&format!("{:#}\n", json_schema()))?;
    Ok(Exit::Done)
}

pub(super) fn applied_schema() -> anyhow::Result<Exit> {
    output::text(&format!("{:#}\n", declared::json_schema()))?;
    Ok(Exit::Done)
}

fn source(source: &Source) -> String {
    match source {
        Source::File(path) => path.display().to_string(),
        Source::Variable(name) => name.clone(),
    }
}
