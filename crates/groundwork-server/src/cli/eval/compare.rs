//! `groundwork eval compare`, and where runs are kept.

use super::super::output;
use super::super::session::Session;
use crate::exit::{Exit, Failure};
use groundwork_app::evaluation::{Difference, Run, compare};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(in super::super) struct Args {
    /// A run that was kept, by its id, or its file
    #[arg(value_name = "RUN")]
    a: String,
    /// Another one, measured alike
    #[arg(value_name = "RUN")]
    b: String,
}

#[derive(Serialize)]
struct Compared<'a> {
    a: Head<'a>,
    b: Head<'a>,
    same_dataset: bool,
    differences: Vec<Difference>,
}

#[derive(Serialize)]
struct Head<'a> {
    id: &'a str,
    date: &'a str,
    dataset: &'a str,
    versions: &'a groundwork_app::evaluation::Versions,
}

pub(super) fn run(session: &Session, args: &Args) -> anyhow::Result<Exit> {
    let (a, b) = (read(session, &args.a)?, read(session, &args.b)?);
    let differences = compare(&a, &b);
    if differences.is_empty() {
        return Err(Failure::new(Exit::Usage, "the two runs have no figure over the same questions".to_owned()).into());
    }
    let same_dataset = a.dataset_sha256 == b.dataset_sha256;
    let compared = Compared { a: head(&a), b: head(&b), same_dataset, differences };
    if session.json {
        output::json(&compared)?;
    } else {
        show(&compared)?;
    }
    Ok(Exit::Done)
}

fn head(run: &Run) -> Head<'_> {
    Head { id: &run.id, date: &run.date, dataset: &run.dataset, versions: &run.versions }
}

fn show(compared: &Compared<'_>) -> std::io::Result<()> {
    for (name, head) in [("a", &compared.a), ("b", &compared.b)] {
        output::line(&format!("{name}: {} of {} on {}", head.id, head.date, head.dataset))?;
    }
    if !compared.same_dataset {
        output::note("the data set has changed between the two; questions of the same id are compared");
    }
    output::line(&format!("{:<34} {:>9} {:>8} {:>8} {:>8}  95 %", "", "questions", "a", "b", "b - a"))?;
    for Difference { figure, questions, a, b, difference, low, high, sure } in &compared.differences {
        let mark = if *sure { "" } else { "  may be chance" };
        output::line(&format!("{figure:<34} {questions:>9} {a:>8.3} {b:>8.3} {difference:>+8.3}  {low:+.3} to {high:+.3}{mark}"))?;
    }
    Ok(())
}

/// Where this data folder's runs are.
fn folder(session: &Session) -> PathBuf {
    session.config.data_dir.join("evaluation").join("runs")
}

/// Keeps a run; gives its file.
pub(super) fn keep(session: &Session, run: &Run) -> anyhow::Result<PathBuf> {
    let path = folder(session).join(format!("{}.json", run.id));
    let kept = std::fs::create_dir_all(folder(session)).and_then(|()| std::fs::write(&path, serde_json::to_vec_pretty(run)?));
    kept.map_err(|error| Failure::new(Exit::Storage, format!("the run cannot be kept at {}: {error}", path.display())))?;
    Ok(path)
}

fn read(session: &Session, named: &str) -> anyhow::Result<Run> {
    let kept = folder(session).join(format!("{named}.json"));
    let path = if kept.is_file() { kept.as_path() } else { Path::new(named) };
    let text = std::fs::read(path).map_err(|error| Failure::new(Exit::Storage, format!("there is no run {named}: {error}")))?;
    let run = serde_json::from_slice(&text);
    Ok(run.map_err(|error| Failure::new(Exit::Usage, format!("{} is no run: {error}", path.display())))?)
}
