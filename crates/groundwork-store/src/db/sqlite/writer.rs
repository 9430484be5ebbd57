//! The one thread that writes. What has queued up while it was busy is committed together, so that many small transactions share one
//! flush to the disk; each is undone alone if its guard fails.

use super::{PATIENCE, Session};
use crate::db::operation::{Durability, Outcome, Step};
use crate::db::{DbError, Undone};
use tokio::sync::{mpsc, oneshot};

const QUEUE: usize = 256;
const COMMITTED_TOGETHER: usize = 64;

#[derive(Clone, Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
}

enum Message {
    Write(Transaction),
    Close(oneshot::Sender<()>),
}

struct Transaction {
    durability: Durability,
    steps: Vec<Step>,
    reply: oneshot::Sender<Result<Vec<Outcome>, Undone>>,
}

impl Writer {
    pub(super) fn start(session: Session) -> Result<Self, DbError> {
        let (queue, inbox) = mpsc::channel(QUEUE);
        let path = session.path.clone();
        std::thread::Builder::new()
            .name("db-writer".to_owned())
            .spawn(move || serve(session, inbox))
            .map_err(|error| DbError::CannotOpen { path: path.as_ref().into(), detail: error.to_string() })?;
        Ok(Self { queue })
    }

    pub(super) async fn write(&self, durability: Durability, steps: Vec<Step>) -> Result<Vec<Outcome>, Undone> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Write(Transaction { durability, steps, reply })).await?;
        answer.await.unwrap_or(Err(Undone::Db(DbError::Closed)))
    }

    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.send(Message::Close(reply)).await.is_ok() {
            // An error means that the thread has ended already.
            let _ = closed.await;
        }
    }

    async fn send(&self, message: Message) -> Result<(), DbError> {
        tokio::time::timeout(PATIENCE, self.queue.send(message))
            .await
            .map_err(|_| DbError::Busy { waiting_for: "a place in the queue of writes" })?
            .map_err(|_| DbError::Closed)
    }
}

fn serve(session: Session, mut inbox: mpsc::Receiver<Message>) {
    let mut waiting = vec![];
    while let Some(first) = inbox.blocking_recv() {
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Write(transaction) => waiting.push(transaction),
                Message::Close(closed) => {
                    commit(&session, std::mem::take(&mut waiting));
                    drop(inbox);
                    drop(session);
                    // The one who asked may be gone.
                    let _ = closed.send(());
                    return;
                }
            }
            next = if waiting.len() < COMMITTED_TOGETHER { inbox.try_recv().ok() } else { None };
        }
        commit(&session, std::mem::take(&mut waiting));
    }
}

/// Commits the transactions together and only then tells each caller how its own went.
fn commit(session: &Session, transactions: Vec<Transaction>) {
    let durable = transactions.iter().any(|transaction| transaction.durability == Durability::Now);
    let (work, replies): (Vec<_>, Vec<_>) = transactions.into_iter().map(|transaction| (transaction.steps, transaction.reply)).unzip();
    let answers = session.commit_together(&work, durable);
    let count = replies.len();
    let answers = answers.unwrap_or_else(|error| (0..count).map(|_| Err(Undone::Db(error.clone()))).collect());
    for (reply, answer) in replies.into_iter().zip(answers) {
        // The one who asked may be gone.
        let _ = reply.send(answer);
    }
}

type Answer = Result<Vec<Outcome>, Undone>;

impl Session {
    /// An error means that nothing of any of them was done.
    fn commit_together(&self, work: &[Vec<Step>], durable: bool) -> Result<Vec<Answer>, DbError> {
        self.batch(if durable { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" })?;
        self.batch("BEGIN IMMEDIATE")?;
        let committed = work.iter().map(|steps| self.within_savepoint(steps)).collect::<Result<Vec<_>, _>>().and_then(|answers| {
            self.batch("COMMIT")?;
            Ok(answers)
        });
        if committed.is_err() && !self.connection.is_autocommit() {
            self.batch("ROLLBACK")?;
        }
        committed
    }

    /// The inner result is for the one whose steps these are; an outer error undoes what is committed together.
    fn within_savepoint(&self, steps: &[Step]) -> Result<Answer, DbError> {
        self.batch("SAVEPOINT one")?;
        let answer = self.run_all(steps);
        if let Err(undone) = answer {
            // A full disk and the like make SQLite undo the whole transaction by itself.
            if self.connection.is_autocommit() {
                return Err(undone.unexpected());
            }
            self.batch("ROLLBACK TO one; RELEASE one")?;
            return Ok(Err(undone));
        }
        self.batch("RELEASE one")?;
        Ok(answer)
    }
}
