//! `groundwork eval extraction`: what is known to stand in files against what is read from them. Needs neither a server nor a data folder.

use super::super::session::Session;
use super::super::{output, progress};
use crate::exit::Exit;
use groundwork_app::evaluation::{self, ExtractionReport, FileReport};
use groundwork_retrieval::extract::sandbox::Extractor;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub(in super::super) struct Args {
    /// What must come out of which file, as JSON
    #[arg(long, value_name = "FILE")]
    expected: PathBuf,
    /// Where the files lie [default: the folder `files` beside the expectations, else beside them]
    #[arg(long, value_name = "FOLDER")]
    files: Option<PathBuf>,
}

pub(in super::super) async fn run(session: &Session, args: Args) -> anyhow::Result<Exit> {
    let Args { expected, files } = args;
    let files = files.unwrap_or_else(|| beside(&expected));
    let extractor = Extractor::new(session.extractor());
    let bar = progress::steps(0, session.json);
    let on_progress = |done: usize, of: usize| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
    };
    let report = evaluation::extraction(&extractor, &expected, &files, &on_progress).await;
    bar.finish_and_clear();
    let report = report?;
    match session.json {
        true => output::json(&report)?,
        false => show(&report)?,
    }
    Ok(if report.total.failed > 0 { Exit::PartlyDone } else { Exit::Done })
}

fn beside(expected: &Path) -> PathBuf {
    let folder = expected.parent().unwrap_or(Path::new("."));
    Some(folder.join("files")).filter(|files| files.is_dir()).unwrap_or_else(|| folder.to_owned())
}

fn show(report: &ExtractionReport) -> std::io::Result<()> {
    for FileReport { file, checked, failed, skipped, failures, wishes, .. } in &report.files {
        let unread = if *skipped > 0 { format!(", {skipped} in pixels not recognized") } else { String::new() };
        output::line(&format!("{file}: {} of {checked} hold{unread}", checked - failed))?;
        for failure in failures {
            output::line(&format!("  {}: {} — {}", failure.rule, failure.expected, failure.found))?;
        }
        for wish in wishes {
            output::line(&format!("  better: {wish}"))?;
        }
    }
    let total = &report.total;
    output::line(&format!("{} of {} hold, {} in pixels not recognized", total.checked - total.failed, total.checked, total.skipped))
}
