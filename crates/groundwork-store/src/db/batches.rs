//! Batches of requests: where each stands, and what came of its lines so far.

use super::files::File;
use super::jobs::NewJob;
use super::operation::{Durability, Kept, Step, guard, step};
use super::owned::{Owner, Page};
use super::value::{Row, Value};
use super::{Db, DbError, Undone};
use groundwork_core::clock::UnixMs;
use groundwork_core::ids::{BatchId, FileId, JobId};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    pub id: BatchId,
    pub owner: Owner,
    /// As whom its lines are run; the application says what stands here.
    pub caller: serde_json::Value,
    pub endpoint: String,
    pub input_file: FileId,
    pub metadata: Option<BTreeMap<String, String>>,
    /// How long its output and error files shall live.
    pub expires_after_secs: u64,
    pub state: State,
    pub model: Option<String>,
    /// Why validation failed.
    pub errors: Option<serde_json::Value>,
    pub counts: Counts,
    pub usage: Usage,
    pub output_file: Option<FileId>,
    pub error_file: Option<FileId>,
    pub created_at: UnixMs,
    pub expires_at: UnixMs,
    pub in_progress_at: Option<UnixMs>,
    pub finalizing_at: Option<UnixMs>,
    pub cancelling_at: Option<UnixMs>,
    /// When it reached the state in which it stays.
    pub ended_at: Option<UnixMs>,
    /// Where a target runs it, as the application writes it; nothing when it is run here.
    pub upstream: Option<serde_json::Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Validating,
    InProgress,
    Finalizing,
    Cancelling,
    Completed,
    Failed,
    Expired,
    Cancelled,
}

/// Requests of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub total: u64,
    pub completed: u64,
    pub failed: u64,
}

/// Tokens of the requests that have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub input: u64,
    pub cached: u64,
    pub output: u64,
    pub reasoning: u64,
}

/// What came of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineResult {
    /// From 1.
    pub line: u32,
    pub succeeded: bool,
    /// The line of the output or error file.
    pub text: String,
}

/// What a batch left behind.
#[derive(Debug, Clone, Default)]
pub struct Left {
    pub output: Option<File>,
    pub errors: Option<File>,
    /// Lines that were never run.
    pub unrun: u64,
    pub removals: Vec<NewJob>,
}

impl Db {
    pub fn make_batch_id(&self) -> Result<BatchId, DbError> {
        self.make_id("batch")
    }

    /// Makes a batch that is to be validated, and the job that runs it.
    pub async fn insert_batch(&self, batch: &Batch, job: &NewJob) -> Result<JobId, DbError> {
        let mut parameters = batch.owner.of(batch.id.as_str());
        parameters.extend([
            (&batch.caller).into(),
            batch.endpoint.as_str().into(),
            batch.input_file.as_str().into(),
            batch.metadata.as_ref().map(|metadata| serde_json::json!(metadata).to_string()).into(),
            batch.expires_after_secs.into(),
            batch.created_at.into(),
            batch.expires_at.into(),
        ]);
        let (id, job) = self.job_step(job)?;
        let steps = vec![self.tenant_step(&batch.owner.tenant), guard(Kept::InsertBatch.into(), parameters), job];
        self.write(Durability::Now, steps).await.map_err(Undone::unexpected)?;
        Ok(id)
    }

    pub async fn batch(&self, owner: &Owner, id: &BatchId) -> Result<Option<Batch>, DbError> {
        self.read_one(Kept::Batch.into(), owner.of(id.as_str())).await?.map(read).transpose()
    }

    /// A batch whoever owns it: for the job that runs it.
    pub async fn batch_to_run(&self, id: &BatchId) -> Result<Option<Batch>, DbError> {
        self.read_one(Kept::BatchToRun.into(), vec![id.as_str().into()]).await?.map(read).transpose()
    }

    /// Newest first, whatever the page's order.
    pub async fn batches(&self, owner: &Owner, page: &Page) -> Result<Vec<Batch>, DbError> {
        self.read(Kept::Batches.into(), owner.page(page)).await?.into_iter().map(read).collect()
    }

    /// Notes where a target runs the batch. False when it has ended.
    pub async fn set_batch_upstream(&self, id: &BatchId, upstream: &serde_json::Value) -> Result<bool, DbError> {
        self.move_batch(vec![guard(Kept::SetBatchUpstream.into(), vec![id.as_str().into(), upstream.into()])]).await
    }

    /// Notes which model a batch asks while it is validated elsewhere. False when it is no longer validating.
    pub async fn name_batch_model(&self, id: &BatchId, model: &str) -> Result<bool, DbError> {
        self.move_batch(vec![guard(Kept::NameBatchModel.into(), vec![id.as_str().into(), model.into()])]).await
    }

    /// From validating to in progress. False when it is no longer validating.
    pub async fn begin_batch(&self, id: &BatchId, total: u64, model: Option<&str>) -> Result<bool, DbError> {
        self.move_batch(vec![guard(Kept::BeginBatch.into(), vec![id.as_str().into(), total.into(), model.into(), self.now()])]).await
    }

    /// From validating or in progress to failed, with the reasons. False when it is in neither.
    pub async fn fail_batch(&self, id: &BatchId, errors: &serde_json::Value, removal: &NewJob) -> Result<bool, DbError> {
        let fail = guard(Kept::FailBatch.into(), vec![id.as_str().into(), errors.into(), self.now()]);
        self.move_batch(vec![fail, self.job_step(removal)?.1]).await
    }

    /// From validating or in progress to cancelling. False when it is in neither.
    pub async fn cancel_batch(&self, owner: &Owner, id: &BatchId) -> Result<bool, DbError> {
        let mut parameters = owner.of(id.as_str());
        parameters.push(self.now());
        self.move_batch(vec![guard(Kept::CancelBatch.into(), parameters)]).await
    }

    /// From in progress to finalizing. False when it is not in progress.
    pub async fn finalize_batch(&self, id: &BatchId) -> Result<bool, DbError> {
        self.move_batch(vec![guard(Kept::FinalizeBatch.into(), vec![id.as_str().into(), self.now()])]).await
    }

    /// From finalizing or cancelling to `state`, in which it stays, with its files. False when it is in neither.
    pub async fn end_batch(&self, id: &BatchId, state: State, left: &Left) -> Result<bool, DbError> {
        let name = |file: &Option<File>| -> Value { file.as_ref().map(|file| file.id.as_str()).into() };
        let parameters =
            vec![id.as_str().into(), state.as_str().into(), name(&left.output), name(&left.errors), left.unrun.into(), self.now()];
        let mut steps = vec![guard(Kept::EndBatch.into(), parameters)];
        for file in left.output.iter().chain(&left.errors) {
            steps.extend(self.file_steps(file, None)?);
        }
        for removal in &left.removals {
            steps.push(self.job_step(removal)?.1);
        }
        self.move_batch(steps).await
    }

    /// Keeps what came of a line, durably, and counts it. False when the line has a result already, or the batch no longer takes any.
    pub async fn put_batch_result(&self, id: &BatchId, result: &LineResult, usage: Usage) -> Result<bool, DbError> {
        let LineResult { line, succeeded, text } = result;
        let insert = vec![id.as_str().into(), (*line).into(), (*succeeded).into(), text.as_str().into()];
        let Usage { input, cached, output, reasoning } = usage;
        let count = vec![id.as_str().into(), (*succeeded).into(), input.into(), cached.into(), output.into(), reasoning.into()];
        let steps = vec![guard(Kept::InsertBatchResult.into(), insert), guard(Kept::CountBatchResult.into(), count)];
        match self.write(Durability::Now, steps).await {
            Ok(_) => Ok(true),
            Err(Undone::Guard(_)) => Ok(false),
            Err(Undone::Db(error)) => Err(error),
        }
    }

    /// At most `limit` results with lines after `after`, by line.
    pub async fn batch_results(&self, id: &BatchId, after: u32, limit: u32) -> Result<Vec<LineResult>, DbError> {
        let rows = self.read(Kept::BatchResults.into(), vec![id.as_str().into(), after.into(), limit.into()]).await?;
        rows.into_iter().map(|mut row| Ok(LineResult { line: row.next()?, succeeded: row.next()?, text: row.next()? })).collect()
    }

    /// The lines that have a result.
    pub async fn batch_lines_done(&self, id: &BatchId) -> Result<Vec<u32>, DbError> {
        self.read(Kept::BatchLinesDone.into(), vec![id.as_str().into()]).await?.into_iter().map(|mut row| row.next()).collect()
    }

    /// Forgets at most `limit` results of a batch that has ended; says how many.
    pub async fn remove_batch_results(&self, id: &BatchId, limit: u32) -> Result<u64, DbError> {
        let remove = step(Kept::RemoveBatchResults.into(), vec![id.as_str().into(), limit.into()]);
        let outcomes = self.write(Durability::Later, vec![remove]).await.map_err(Undone::unexpected)?;
        Ok(outcomes.iter().map(|outcome| outcome.count).sum())
    }

    /// False when the first step changed nothing.
    async fn move_batch(&self, steps: Vec<Step>) -> Result<bool, DbError> {
        match self.write(Durability::Now, steps).await {
            Ok(_) => Ok(true),
            Err(Undone::Guard(0)) => Ok(false),
            Err(undone) => Err(undone.unexpected()),
        }
    }
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Validating => "validating",
            Self::InProgress => "in_progress",
            Self::Finalizing => "finalizing",
            Self::Cancelling => "cancelling",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    fn read(row: &mut Row) -> Result<Self, DbError> {
        Ok(match row.next::<String>()?.as_str() {
            "validating" => Self::Validating,
            "in_progress" => Self::InProgress,
            "finalizing" => Self::Finalizing,
            "cancelling" => Self::Cancelling,
            "completed" => Self::Completed,
            "expired" => Self::Expired,
            "cancelled" => Self::Cancelled,
            _ => Self::Failed,
        })
    }
}

fn read(mut row: Row) -> Result<Batch, DbError> {
    let name = |row: &mut Row| -> Result<Option<FileId>, DbError> {
        let file: Option<String> = row.next()?;
        file.map(|file| row.parse(&file)).transpose()
    };
    Ok(Batch {
        id: row.name()?,
        owner: Owner { tenant: row.name()?, principal: row.next()? },
        caller: row.json()?,
        endpoint: row.next()?,
        input_file: row.name()?,
        metadata: row.next::<Option<String>>()?.and_then(|metadata| serde_json::from_str(&metadata).ok()),
        expires_after_secs: row.next()?,
        state: State::read(&mut row)?,
        model: row.next()?,
        errors: row.next::<Option<String>>()?.and_then(|errors| serde_json::from_str(&errors).ok()),
        counts: Counts { total: row.next()?, completed: row.next()?, failed: row.next()? },
        usage: Usage { input: row.next()?, cached: row.next()?, output: row.next()?, reasoning: row.next()? },
        output_file: name(&mut row)?,
        error_file: name(&mut row)?,
        created_at: row.next()?,
        expires_at: row.next()?,
        in_progress_at: row.next()?,
        finalizing_at: row.next()?,
        cancelling_at: row.next()?,
        ended_at: row.next()?,
        upstream: row.next::<Option<String>>()?.and_then(|upstream| serde_json::from_str(&upstream).ok()),
    })
}
