//! Answers that are kept for a while, for requests that come again.

use super::operation::{Durability, Operation, step};
use super::value::Row;
use super::{Db, DbError, Undone};
use groundwork_core::clock::UnixMs;

/// SHA-256.
pub type Hash = [u8; 32];

/// An answer as it went out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Of the body of the request that it answers.
    pub request: Hash,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Db {
    /// The answer of `scope` that was kept after `since`.
    pub async fn kept_answer(&self, scope: &Hash, since: UnixMs) -> Result<Option<KeptAnswer>, DbError> {
        let row = self.read_one(Operation::KeptAnswer, vec![scope.as_slice().into(), since.into()]).await?;
        row.map(read).transpose()
    }

    /// Keeps `answer`. Those from before `since` are forgotten, and the oldest of those that hold more than `most_bytes` together.
    pub async fn keep_answer(&self, scope: &Hash, answer: &KeptAnswer, since: UnixMs, most_bytes: u64) -> Result<(), DbError> {
        let headers = serde_json::to_value(&answer.headers).unwrap_or_default();
        let kept = vec![
            scope.as_slice().into(),
            answer.request.as_slice().into(),
            u32::from(answer.status).into(),
            (&headers).into(),
            answer.body.as_slice().into(),
            self.now(),
        ];
        let steps = vec![
            step(Operation::ForgetAnswers, vec![since.into()]),
            step(Operation::KeepAnswer, kept),
            step(Operation::TrimAnswers, vec![most_bytes.into()]),
        ];
        self.write(Durability::Now, steps).await.map_err(Undone::unexpected)?;
        Ok(())
    }
}

fn read(mut row: Row) -> Result<KeptAnswer, DbError> {
    Ok(KeptAnswer {
        request: row.next()?,
        status: u16::try_from(row.next::<u32>()?).unwrap_or(500),
        headers: row.json()?,
        body: row.next()?,
    })
}
