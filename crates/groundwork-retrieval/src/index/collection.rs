//! One knowledge base's legs, as searches and ingests hold them.

use super::attributes::Kept;
use super::permitted::Rights;
use super::snapshot::Snapshot;
use super::writer::{Family, Request, SecondPass};
use super::{LoadError, Phase, PublishError, Status};
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_store::db::versions::Draft;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// Versions that wait for the writer; an ingest beyond them waits with its own.
const QUEUE: usize = 64;

pub(crate) struct Collection {
    pub(crate) id: KnowledgeBaseId,
    state: watch::Sender<State>,
    requests: mpsc::Sender<Request>,
    pub(crate) rights: Rights,
    pub(crate) attributes: Kept,
}

#[derive(Debug)]
struct State {
    keyword: Phase,
    vector: Phase,
    unknown: bool,
    snapshot: Option<Arc<Snapshot>>,
}

impl Collection {
    pub(super) fn new(id: KnowledgeBaseId) -> (Self, mpsc::Receiver<Request>) {
        let (requests, queue) = mpsc::channel(QUEUE);
        let state = State { keyword: Phase::Loading, vector: Phase::Loading, unknown: false, snapshot: None };
        (Self { id, state: watch::Sender::new(state), requests, rights: Rights::default(), attributes: Kept::default() }, queue)
    }

    pub(super) fn status(&self) -> Status {
        let state = self.state.borrow();
        Status { knowledge_base: self.id.clone(), keyword: state.keyword.clone(), vector: state.vector.clone() }
    }

    /// The newest snapshot, once there is one.
    pub(super) async fn loaded(&self) -> Result<Arc<Snapshot>, LoadError> {
        let mut state = self.state.subscribe();
        let settled = state.wait_for(|state| state.snapshot.is_some() || state.unknown || state.failure().is_some()).await;
        let Ok(state) = settled else { return Err(LoadError::Loading(self.id.clone())) };
        match (&state.snapshot, state.failure()) {
            (Some(snapshot), _) => Ok(snapshot.clone()),
            (None, Some(reason)) => Err(LoadError::Failed { knowledge_base: self.id.clone(), reason: reason.to_owned() }),
            (None, None) => Err(LoadError::Unknown(self.id.clone())),
        }
    }

    pub(super) fn set_keyword(&self, phase: Phase) {
        self.state.send_modify(|state| state.keyword = phase);
    }

    pub(super) fn set_vector(&self, phase: Phase) {
        self.state.send_modify(|state| state.vector = phase);
    }

    pub(super) fn set_unknown(&self) {
        self.state.send_modify(|state| state.unknown = true);
    }

    /// Every search that begins after this sees `snapshot`. Returns the one before.
    pub(super) fn swap(&self, snapshot: Arc<Snapshot>) -> Option<Arc<Snapshot>> {
        let mut before = None;
        self.state.send_modify(|state| {
            (state.keyword, state.vector) = (Phase::Ready, Phase::Ready);
            before = state.snapshot.replace(snapshot);
        });
        before
    }

    pub(super) async fn publish(&self, family: Family) -> Result<(), PublishError> {
        let (answer, answered) = oneshot::channel();
        self.send(Request::Publish(Box::new(family), answer)).await?;
        answered.await.map_err(|_| PublishError::Stopping)?
    }

    pub(super) async fn delete(&self, document: DocumentId) -> Result<bool, PublishError> {
        let (answer, answered) = oneshot::channel();
        self.send(Request::Delete(document, answer)).await?;
        answered.await.map_err(|_| PublishError::Stopping)?
    }

    /// False when the version waits for none any more.
    pub(super) async fn end_first_pass(&self, of: SecondPass) -> Result<bool, PublishError> {
        let (answer, answered) = oneshot::channel();
        self.send(Request::EndFirstPass(of, answer)).await?;
        answered.await.map_err(|_| PublishError::Stopping)?
    }

    /// When the queue is full, the next start finds the draft.
    pub(super) fn give_up(&self, draft: Draft) {
        let _ = self.requests.try_send(Request::GiveUp(Box::new(draft)));
    }

    /// The queue is only as good as its reader: without legs nothing is put in.
    async fn send(&self, request: Request) -> Result<(), PublishError> {
        self.loaded().await?;
        self.requests.send(request).await.map_err(|_| PublishError::Stopping)
    }
}

impl std::fmt::Debug for Collection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collection").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

impl State {
    fn failure(&self) -> Option<&str> {
        [&self.keyword, &self.vector].into_iter().find_map(|phase| match phase {
            Phase::Failed { reason } => Some(reason.as_str()),
            _ => None,
        })
    }
}
