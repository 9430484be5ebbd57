//! A few reading connections. Each query runs off the async executor and sees one state of the database, whatever is being written.

use super::{PATIENCE, Session};
use crate::db::DbError;
use crate::db::operation::Operation;
use crate::db::value::{Row, Value};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

pub(super) const CONNECTIONS: usize = 3;

#[derive(Clone)]
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Session>>>,
    /// One permit for each idle connection.
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(sessions: Vec<Session>) -> Self {
        Self { permits: Arc::new(Semaphore::new(sessions.len())), idle: Arc::new(Mutex::new(sessions)) }
    }

    /// Runs the queries in one transaction.
    pub(super) async fn read(&self, queries: Vec<(Operation, Vec<Value>)>) -> Result<Vec<Vec<Row>>, DbError> {
        let permit = tokio::time::timeout(PATIENCE, self.permits.clone().acquire_owned())
            .await
            .map_err(|_| DbError::Busy { waiting_for: "a connection to read with" })?
            .map_err(|_| DbError::Closed)?;
        let idle = self.idle.clone();
        // The connection goes back inside the task, so that a caller that gives up does not lose it.
        let task = tokio::task::spawn_blocking(move || {
            let session = idle.lock().unwrap_or_else(PoisonError::into_inner).pop().ok_or(DbError::Closed)?;
            let answer = session.in_one_state(&queries);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
            drop(permit);
            answer
        });
        task.await.map_err(|_| DbError::Closed)?
    }

    pub(super) async fn close(&self) {
        let all = tokio::time::timeout(PATIENCE, self.permits.acquire_many(CONNECTIONS as u32)).await;
        self.permits.close();
        drop(all);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Session {
    fn in_one_state(&self, queries: &[(Operation, Vec<Value>)]) -> Result<Vec<Vec<Row>>, DbError> {
        let run = || queries.iter().map(|(operation, parameters)| Ok(self.run(*operation, parameters)?.rows)).collect();
        if queries.len() < 2 {
            return run();
        }
        self.batch("BEGIN")?;
        let answer = run();
        // There is nothing to commit, and whatever went wrong, the connection must be free for the next.
        self.batch("ROLLBACK")?;
        answer
    }
}

impl std::fmt::Debug for Readers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Readers")
    }
}
