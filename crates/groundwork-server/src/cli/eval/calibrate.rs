//! `groundwork eval calibrate`.

use super::super::session::Session;
use super::super::{ask, output};
use super::answers::what_of;
use super::floor::Floor;
use super::stage::{Stage, conclude, found};
use crate::exit::{Exit, Failure};
use groundwork_app::Calibration;
use groundwork_app::evaluation::{self, Calibrate};
use groundwork_core::abstention::MOST_DECLINED;
use groundwork_core::access::Caller;
use std::path::PathBuf;

#[derive(clap::Args)]
pub(in super::super) struct Args {
    /// A folder as for `eval answers`, with questions that its documents answer and some that they do not
    #[arg(long, value_name = "FOLDER")]
    dataset: PathBuf,
    /// Whose searches are looked at: an assistant
    #[arg(long, default_value = ask::ASSISTANT)]
    model: String,
    /// The share of the answerable questions that may be declined
    #[arg(long, value_name = "SHARE", default_value_t = MOST_DECLINED)]
    most_declined: f64,
    /// End with code 11 when a figure is lower; a bare number is for unanswerable.declined
    #[arg(long, value_name = "[FIGURE=]LEAST")]
    fail_under: Vec<Floor>,
}

pub(super) async fn run(session: &Session, args: Args) -> anyhow::Result<Exit> {
    let Args { dataset, model, most_declined, fail_under } = args;
    if !(0.0..=1.0).contains(&most_declined) {
        return Err(Failure::new(Exit::Usage, "--most-declined is a share from 0 to 1".to_owned()).into());
    }
    let dataset = found(&dataset)?;
    let stage = Stage::open(session, &dataset, what_of(&dataset)).await?;
    let calibration = stage.measure(async |stage, progress| {
        stage.read(evaluation::knowledge_base_of(&stage.app, &model)?).await?;
        let run = Calibrate { dataset: stage.dataset.clone(), model: model.clone(), most_declined };
        Ok(evaluation::calibrate(&stage.app, &Caller::local(), run, progress).await?)
    });
    let calibration = calibration.await?;
    conclude(session, &calibration, show, (&fail_under, "unanswerable.declined"), &calibration.figures())
}

fn show(calibration: &Calibration) -> std::io::Result<()> {
    let Calibration { fitted, answerable, unanswerable, date, embedding_model, dataset, .. } = calibration;
    output::line(&format!("floor {:.3}, calibrated on {date} on {dataset} with {embedding_model}", fitted.floor))?;
    output::line(&format!("declined: {:.1} % of {answerable} answerable questions", fitted.declined_answerable * 100.0))?;
    output::line(&format!("declined: {:.1} % of {unanswerable} unanswerable questions", fitted.declined_unanswerable * 100.0))
}
