//! Makes the files of a batch whose lines have their results, and ends it.

use super::check::{MOST_BYTES, task};
use super::lines::Lines;
use super::run::RunError;
use super::{Batch, State, upstream};
use crate::App;
use crate::files::{About, Arriving, File, FileError, made, publish_all};
use crate::jobs::Remove;
use bytes::Bytes;
use groundwork_core::ids::CallId;
use groundwork_store::db::batches::Left;
use groundwork_store::db::jobs::NewJob;
use groundwork_wire::batches::{Endpoint, Told, Unanswered};
use std::collections::HashSet;

/// Results that are read at a time.
const AT_A_TIME: u32 = 500;

const EXPIRED: Unanswered<'_> =
    Unanswered { code: "batch_expired", message: "This request could not be executed before the completion window expired." };
const CANCELLED: Unanswered<'_> =
    Unanswered { code: "batch_cancelled", message: "This request was not executed: the batch was cancelled." };

pub(super) async fn finish(app: &App, batch: &Batch, endpoint: Endpoint) -> Result<(), RunError> {
    let mut files = Files { app, batch, output: None, errors: None };
    let mut done = HashSet::new();
    let mut after = 0;
    loop {
        let page = app.inner().db.batch_results(&batch.id, after, AT_A_TIME).await?;
        let Some(last) = page.last() else { break };
        after = last.line;
        for result in page {
            done.insert(result.line);
            files.write(result.succeeded, result.text).await?;
        }
    }
    let why = if batch.state == State::Cancelling { CANCELLED } else { EXPIRED };
    let unrun = unrun(app, batch, endpoint, (&done, &why), &mut files).await?;
    let state = match batch.state {
        State::Cancelling => State::Cancelled,
        _ if unrun > 0 || upstream::has_expired(batch) => State::Expired,
        _ => State::Completed,
    };
    files.end(state, unrun).await
}

/// Says of the lines that were never run that they were not; gives how many.
async fn unrun(
    app: &App,
    batch: &Batch,
    endpoint: Endpoint,
    (done, why): (&HashSet<u32>, &Unanswered<'_>),
    files: &mut Files<'_>,
) -> Result<u64, RunError> {
    let mut unrun = 0;
    if done.len() as u64 >= batch.counts.total {
        return Ok(0);
    }
    let content = app.inner().files.read(batch.input_file.as_str()).await?;
    let mut lines = Lines::new(content.stream, MOST_BYTES);
    while let Some(line) = lines.next().await? {
        if done.contains(&line.number) {
            continue;
        }
        if let Some((_, task)) = task(line, endpoint) {
            let id = app.make_id::<CallId>("batch_req").map(String::from).unwrap_or_default();
            let error = Some(Unanswered { code: why.code, message: why.message });
            files.write(false, Told { id: &id, custom_id: &task.custom_id, response: None, error }.to_line()).await?;
            unrun += 1;
        }
    }
    Ok(unrun)
}

/// The two files in the making. One that nothing is written to is not made.
struct Files<'a> {
    app: &'a App,
    batch: &'a Batch,
    output: Option<Arriving>,
    errors: Option<Arriving>,
}

impl Files<'_> {
    async fn write(&mut self, succeeded: bool, line: String) -> Result<(), FileError> {
        let file = if succeeded { &mut self.output } else { &mut self.errors };
        let arriving = match file {
            Some(arriving) => arriving,
            None => {
                let id = self.app.inner().db.make_file_id()?;
                file.insert(Arriving::begin(self.app, id.as_str(), u64::MAX).await?)
            }
        };
        arriving.write(Bytes::from(line)).await
    }

    async fn end(self, state: State, unrun: u64) -> Result<(), RunError> {
        let Self { app, batch, output, errors } = self;
        let (now, tenant) = (app.inner().clock.now(), &batch.owner.tenant);
        let mut removals: Vec<NewJob> =
            vec![Remove::Results(batch.id.clone()).job(tenant, now), Remove::File(batch.input_file.clone()).job(tenant, now)];
        let mut file = |arriving: &Option<Arriving>, kind: &str| -> Result<Option<File>, FileError> {
            let Some(arriving) = arriving else { return Ok(None) };
            let about = About {
                purpose: "batch_output".to_owned(),
                name: format!("{}_{kind}.jsonl", batch.id),
                media_type: "application/jsonl".to_owned(),
                expires_after: Some(batch.expires_after_secs),
            };
            let (file, removal) = made(app, batch.owner.clone(), arriving, about)?;
            removals.extend(removal);
            Ok(Some(file))
        };
        let (output_file, error_file) = (file(&output, "output")?, file(&errors, "error")?);
        let left = Left { output: output_file, errors: error_file, unrun, removals };
        let (db, id) = (app.inner().db.clone(), batch.id.clone());
        let contents = output.into_iter().chain(errors).collect();
        // Cancelled meanwhile it is looked at again.
        publish_all(app, contents, async move { db.end_batch(&id, state, &left).await }).await?;
        app.inner().jobs.work.notify_one();
        Ok(())
    }
}
