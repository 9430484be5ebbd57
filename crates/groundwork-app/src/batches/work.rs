//! Runs the lines of a batch that have no result yet: as many at once as the gate lets through, each by itself.

use super::check::{MOST_BYTES, task};
use super::gate::{Gate, Place};
use super::line::{self, Answered};
use super::lines::{Line, Lines};
use super::run::RunError;
use super::{Batch, State};
use crate::App;
use crate::files::ContentError;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use groundwork_core::pool::Backoff;
use groundwork_store::db::DbError;
use groundwork_wire::batches::{Endpoint, Task};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// How often the state is looked at while lines run.
const LOOK: Duration = Duration::from_millis(500);
/// Further tries of a line when the target has a fault, and when it is busy.
const TRIES: u32 = 4;
const TRIES_WHEN_BUSY: u32 = 8;
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(500), most: Duration::from_secs(8) };
/// The longest wait that a target may ask for.
const MOST_WAIT: Duration = Duration::from_secs(60);

/// Returns when every line has a result, when the batch's time is over, or when it was cancelled; what still runs then is given up.
pub(super) async fn work(app: &App, batch: &Batch, endpoint: Endpoint) -> Result<(), RunError> {
    let inner = app.inner();
    let done: HashSet<u32> = inner.db.batch_lines_done(&batch.id).await?.into_iter().collect();
    let content = inner.files.read(batch.input_file.as_str()).await?;
    let lines = Lines::new(content.stream, MOST_BYTES);
    // Lines go on without us when the program stops, and write what they get; when the batch is cancelled they end.
    let given_up = CancellationToken::new();
    let each = Arc::new(Each { app: app.clone(), batch: batch.clone(), endpoint, given_up: given_up.clone() });
    let results = todo(app, lines, done)
        .take_until(given_up.clone().cancelled_owned())
        .map(|next| {
            let each = each.clone();
            async move {
                let (place, line) = next?;
                let Some((number, task)) = task(line, each.endpoint) else { return Ok(()) };
                let tasks = each.app.tasks().clone();
                // One that was cut off by a shutdown has no result, and is run again.
                tasks.spawn(async move { each.run(place, number, task).await }).await.unwrap_or(Ok(())).map_err(RunError::from)
            }
        })
        .buffer_unordered(inner.limits.batch_calls.max(1));
    let mut results = std::pin::pin!(results);
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            result = results.next() => match result {
                Some(result) => result?,
                None => return Ok(()),
            },
            _ = look.tick() => {
                let current = inner.db.batch_to_run(&batch.id).await?;
                let goes_on = current.is_some_and(|batch| batch.state == State::InProgress);
                if !goes_on || inner.clock.now() >= batch.expires_at {
                    given_up.cancel();
                }
            }
        }
    }
}

/// The lines without a result, each with its place among the calls. Nothing is read before there is a place for it.
fn todo(app: &App, lines: Lines<ContentError>, done: HashSet<u32>) -> BoxStream<'static, Result<(Place, Line), RunError>> {
    stream::try_unfold((app.clone(), lines, done), |(app, mut lines, done)| async move {
        let place = Gate::enter(&app).await;
        while let Some(line) = lines.next().await? {
            if !done.contains(&line.number) {
                return Ok(Some(((place, line), (app, lines, done))));
            }
        }
        Ok(None)
    })
    .boxed()
}

/// What the lines of a batch have in common.
struct Each {
    app: App,
    batch: Batch,
    endpoint: Endpoint,
    given_up: CancellationToken,
}

impl Each {
    async fn run(&self, place: Place, number: u32, task: Task) -> Result<(), DbError> {
        let answered = tokio::select! {
            answered = self.answer(place, &task) => answered,
            () = self.given_up.cancelled() => None,
        };
        let Some(answered) = answered else { return Ok(()) };
        let (result, usage) = answered.result(&self.app, number, &task);
        // A line that has a result already keeps that.
        self.app.inner().db.put_batch_result(&self.batch.id, &result, usage).await.map(|_new| ())
    }

    /// The last answer; `None` when the program is stopping.
    async fn answer(&self, place: Place, task: &Task) -> Option<Answered> {
        let (mut place, mut tries) = (Some(place), 0);
        loop {
            let answered = line::answer(&self.app, &self.batch, self.endpoint, task).await?;
            drop(place.take());
            let again = answered.again.filter(|again| tries < if again.busy { TRIES_WHEN_BUSY } else { TRIES });
            let Some(again) = again else { return Some(answered) };
            let after = again.after.map(|after| after.min(MOST_WAIT));
            tokio::time::sleep(BACKOFF.wait(tries, after, self.app.inner().dice.roll())).await;
            tries += 1;
            place = Some(Gate::enter(&self.app).await);
        }
    }
}
