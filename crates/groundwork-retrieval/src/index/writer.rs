//! The one writer of a knowledge base's legs. Versions that wait are committed to the keyword leg together, because a commit costs
//! tens of milliseconds; then each is made live in the database, and one swap shows them all.
//!
//! The order is what makes a kill harmless: keyword leg durable → database flips → memory swaps → what nobody sees any more is
//! removed from the legs → and only then from the database, which gives its slots to others.

use super::collection::Collection;
use super::keyword::Entry;
use super::load::{SharedKeyword, commit, load};
use super::snapshot::{First, Matrix, Snapshot, Vectors};
use super::{Index, LoadError, PublishError};
use futures::future::join_all;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_scan::Codes;
use groundwork_store::db::DbError;
use groundwork_store::db::first_pass::SecondPassError;
use groundwork_store::db::knowledge_bases::EmbeddingModel;
use groundwork_store::db::versions::{DeadVersion, Draft, Flip};
use groundwork_store::disk;
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Versions made live together, at most.
const BATCH: usize = 64;
/// How long after the last change what is dead is removed.
const TIDY_AFTER: Duration = Duration::from_secs(1);

/// A version whose chunks are written to the database and wait to become live.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) draft: Draft,
    pub(crate) embedding: EmbeddingModel,
    /// For the keyword leg and for the vector leg: one of each a chunk.
    pub(crate) entries: Vec<Entry>,
    pub(crate) rows: Vec<Row>,
}

/// A chunk as the vector leg takes it.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) slot: u32,
    pub(crate) codes: Vec<i8>,
    pub(crate) scale: f32,
}

/// Versions that become live together: a document's, and those of the files inside it.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) first: Version,
    pub(crate) inner: Vec<Version>,
    /// Files inside the document that stay as they are.
    pub(crate) kept: Vec<DocumentId>,
}

impl From<Version> for Family {
    fn from(first: Version) -> Self {
        Self { first, inner: Vec::new(), kept: Vec::new() }
    }
}

impl Family {
    pub(super) fn knowledge_base(&self) -> &KnowledgeBaseId {
        &self.first.draft.knowledge_base
    }

    /// Those of its versions that are to have a second pass.
    pub(crate) fn waiting(&self) -> Vec<(DocumentId, u32)> {
        let waiting = self.versions().filter(|version| version.draft.first_pass.is_some());
        waiting.map(|version| (version.draft.document.clone(), version.draft.generation)).collect()
    }

    fn versions(&self) -> impl Iterator<Item = &Version> {
        std::iter::once(&self.first).chain(&self.inner)
    }

    fn take_entries(&mut self) -> Vec<Entry> {
        std::iter::once(&mut self.first).chain(&mut self.inner).flat_map(|version| std::mem::take(&mut version.entries)).collect()
    }
}

/// A live version whose vectors by the model `embedding` are all written.
#[derive(Debug)]
pub(crate) struct SecondPass {
    pub(crate) document: DocumentId,
    pub(crate) generation: u32,
    pub(crate) embedding: EmbeddingModel,
}

#[derive(Debug)]
pub(super) enum Request {
    Publish(Box<Family>, oneshot::Sender<Result<(), PublishError>>),
    Delete(DocumentId, oneshot::Sender<Result<bool, PublishError>>),
    EndFirstPass(SecondPass, oneshot::Sender<Result<bool, PublishError>>),
    /// A draft that will not be published.
    GiveUp(Box<Draft>),
}

/// Loads the legs, then serves `requests` until the program stops. What is begun is finished.
pub(super) async fn run(index: Index, collection: Arc<Collection>, requests: mpsc::Receiver<Request>) {
    let stop = index.0.setup.stop.clone();
    let Some(loaded) = stop.run_until_cancelled(load(&index, &collection)).await else { return };
    let Some((keyword, current)) = loaded else {
        if collection.loaded().await.is_err_and(|error| matches!(error, LoadError::Unknown(_))) {
            // It may be made later; whoever asks then begins anew.
            index.known().remove(&collection.id);
        }
        return;
    };
    know_attributes(&index, &collection, &current);
    let writer = Writer { index, collection, keyword, current, older: Vec::new(), dirty: false };
    writer.serve(requests, stop).await;
}

/// Reads the attributes of all documents before the first filter asks for them. What goes wrong is told to whoever filters.
fn know_attributes(index: &Index, collection: &Arc<Collection>, current: &Arc<Snapshot>) {
    let (index, collection, current) = (index.clone(), collection.clone(), current.clone());
    let (stop, tasks) = (index.0.setup.stop.clone(), index.0.setup.tasks.clone());
    tasks.spawn(async move {
        let knowing = collection.attributes.now(&index, &collection.id, &current);
        drop(stop.run_until_cancelled(knowing).await);
    });
}

struct Writer {
    index: Index,
    collection: Arc<Collection>,
    keyword: SharedKeyword,
    current: Arc<Snapshot>,
    /// Snapshots before `current` that searches may still hold.
    older: Vec<Weak<Snapshot>>,
    /// Whether dead versions wait for removal.
    dirty: bool,
}

impl Writer {
    async fn serve(mut self, mut requests: mpsc::Receiver<Request>, stop: CancellationToken) {
        loop {
            let mut batch = Vec::new();
            let idle = if self.dirty { TIDY_AFTER } else { Duration::MAX };
            let next = tokio::time::timeout(idle, requests.recv_many(&mut batch, BATCH));
            match stop.run_until_cancelled(next).await {
                None | Some(Ok(0)) => return,
                Some(Ok(_) | Err(_)) => self.take(batch).await,
            }
        }
    }

    async fn take(&mut self, batch: Vec<Request>) {
        let (mut families, mut deletions, mut given_up, mut passes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for request in batch {
            match request {
                Request::Publish(family, answer) => families.push((*family, answer)),
                Request::Delete(document, answer) => deletions.push((document, answer)),
                Request::EndFirstPass(of, answer) => passes.push((of, answer)),
                Request::GiveUp(draft) => given_up.push(*draft),
            }
        }
        self.discard(given_up).await;
        self.end_first_passes(passes).await;
        let dead = self.removable().await;
        if families.is_empty() && deletions.is_empty() && dead.is_empty() {
            return;
        }
        let entries = families.iter_mut().flat_map(|(family, _)| family.take_entries()).collect();
        let slots = dead.iter().flat_map(|dead| dead.slots.iter().cloned()).flatten().collect();
        let (view, failure) = match commit(&self.index, &self.keyword, slots, entries).await {
            Ok(view) => (view, None),
            Err(error) => (self.current.keyword.clone(), Some(error)),
        };

        tracing::trace!(families = families.len(), removed = dead.len(), "keyword leg committed");

        // All at once: what is flipped together shares one flush to the disk.
        let published = families.into_iter().map(|(family, answer)| {
            let ready = match &failure {
                Some(error) if disk::is_full(error) => Err(PublishError::Full(error.to_string())),
                Some(error) => Err(PublishError::Keyword(error.to_string())),
                None => family.versions().try_for_each(|version| self.write_rows(version)),
            };
            let db = self.index.db().clone();
            async move {
                let result = match ready {
                    Ok(()) => {
                        let drafts: Vec<_> = family.versions().map(|version| (version.draft.clone(), version.rows.len() as u32)).collect();
                        db.publish_family(&drafts, &family.kept).await.map_err(PublishError::Store)
                    }
                    Err(error) => Err(error),
                };
                (answer, result)
            }
        });
        let published: Vec<_> = published.collect();
        let published = join_all(published).await;
        let mut flips: Vec<Flip> = published.iter().filter_map(|(_, result)| result.as_ref().ok()).flatten().cloned().collect();
        let mut deleted = Vec::new();
        for (document, answer) in deletions {
            let result = self.index.db().delete_document(&self.collection.id, &document).await;
            flips.extend(result.as_ref().ok().and_then(Option::clone).into_iter().flatten());
            deleted.push((answer, result));
        }
        tracing::trace!(flips = flips.len(), "flipped");
        self.dirty |= flips.iter().any(|flip| !flip.removed.is_empty() || flip.generation.is_none())
            || published.iter().any(|(_, result)| result.is_err());
        self.swap(Snapshot::after(&self.current, &flips, view));
        tracing::trace!("swapped");
        for (answer, result) in published {
            let _ = answer.send(result.map(drop));
        }
        for (answer, result) in deleted {
            let _ = answer.send(result.map(|flips| flips.is_some()).map_err(PublishError::Db));
        }
        self.collect(dead, failure.is_none()).await;
    }

    async fn discard(&mut self, drafts: Vec<Draft>) {
        for draft in drafts {
            self.dirty = true;
            if let Err(error) = self.index.db().discard(&draft).await {
                tracing::warn!(document = %draft.document, %error, "a version that failed could not be given up; the next start does it");
            }
        }
    }

    /// Removes what the legs have durably forgotten; what they could not forget waits.
    async fn collect(&mut self, dead: Vec<DeadVersion>, forgotten: bool) {
        if dead.is_empty() {
            return;
        }
        self.dirty |= !forgotten;
        if forgotten && let Err(error) = collect(&self.index, dead).await {
            tracing::warn!(knowledge_base = %self.collection.id, %error, "what is dead could not be removed from the database; it is tried again");
            self.dirty = true;
        }
    }

    /// Writes rows that no snapshot holds yet.
    fn write_rows(&mut self, version: &Version) -> Result<(), PublishError> {
        if version.rows.is_empty() {
            return Ok(());
        }
        let matrix = match &version.draft.first_pass {
            None => self.matrix(&version.embedding, version.rows.len()),
            Some(model) => self.first_matrix(model),
        };
        let mut codes = matrix.write();
        for row in &version.rows {
            codes.write(row.slot, &row.codes, &[row.scale]).map_err(|error| PublishError::Vector(error.to_string()))?;
        }
        Ok(())
    }

    fn matrix(&mut self, embedding: &EmbeddingModel, rows: usize) -> Matrix {
        if let Some(vectors) = self.current.vectors.as_ref().filter(|vectors| vectors.embedding == *embedding) {
            return vectors.matrix.clone();
        }
        // The first model, or another one after everything was deleted.
        let matrix = Matrix::new(Codes::with_capacity(embedding.dimensions as usize, rows));
        let vectors = Some(Vectors { embedding: embedding.clone(), matrix: matrix.clone() });
        self.swap(Snapshot { vectors, ..Snapshot::clone(&self.current) });
        matrix
    }

    fn first_matrix(&mut self, model: &EmbeddingModel) -> Matrix {
        if let Some(first) = self.current.firsts.iter().find(|first| first.vectors.embedding == *model) {
            return first.vectors.matrix.clone();
        }
        let first = First::new(model.clone());
        let matrix = first.vectors.matrix.clone();
        let mut next = Snapshot::clone(&self.current);
        next.firsts.push(first);
        self.swap(next);
        matrix
    }

    /// All at once, too. Rows that no search looks at come first, then the database, then one swap.
    async fn end_first_passes(&mut self, passes: Vec<(SecondPass, oneshot::Sender<Result<bool, PublishError>>)>) {
        if passes.is_empty() {
            return;
        }
        let mut ready = Vec::with_capacity(passes.len());
        for (of, answer) in passes {
            let rows = self.write_second_rows(&of).await;
            ready.push((of, answer, rows));
        }
        let ended = ready.into_iter().map(|(of, answer, rows)| {
            let db = self.index.db().clone();
            async move {
                let ended = match rows {
                    Ok(()) => match db.end_first_pass(&of.document, of.generation).await {
                        Ok(()) => Ok(true),
                        Err(SecondPassError::NotWaiting) => Ok(false),
                        Err(SecondPassError::Db(error)) => Err(PublishError::Db(error)),
                    },
                    Err(error) => Err(error),
                };
                (of, answer, ended)
            }
        });
        let ended = join_all(ended.collect::<Vec<_>>()).await;
        tracing::trace!(passes = ended.len(), "first passes ended");
        let done = ended.iter().filter(|(_, _, ended)| matches!(ended, Ok(true)));
        let slots: Vec<_> =
            done.filter_map(|(of, ..)| self.current.documents.get(&of.document)).flat_map(|live| live.slots.clone()).collect();
        self.swap(self.current.after_second_pass(&slots));
        for (_, answer, ended) in ended {
            let _ = answer.send(ended);
        }
    }

    async fn write_second_rows(&mut self, of: &SecondPass) -> Result<(), PublishError> {
        let blocks = self.index.db().codes_of_version(&of.document, of.generation).await?;
        let matrix = self.matrix(&of.embedding, 0);
        let mut codes = matrix.write();
        for block in &blocks {
            codes.write_bytes(block.first_slot, &block.codes, &block.scales).map_err(|error| PublishError::Vector(error.to_string()))?;
        }
        Ok(())
    }

    fn swap(&mut self, next: Snapshot) {
        let next = Arc::new(next);
        self.collection.swap(next.clone());
        self.older.push(Arc::downgrade(&std::mem::replace(&mut self.current, next)));
    }

    /// Dead versions that no search can see any more.
    async fn removable(&mut self) -> Vec<DeadVersion> {
        self.older.retain(|older| older.strong_count() > 0);
        if !self.dirty || !self.older.is_empty() {
            return Vec::new();
        }
        match self.index.db().dead_versions().await {
            Ok(dead) => {
                self.dirty = false;
                dead.into_iter().filter(|dead| dead.knowledge_base == self.collection.id).collect()
            }
            Err(error) => {
                tracing::warn!(knowledge_base = %self.collection.id, %error, "what is dead could not be listed; it is tried again");
                Vec::new()
            }
        }
    }
}

/// Removes dead versions from the database, and the originals that nothing refers to any more.
pub(super) async fn collect(index: &Index, dead: Vec<DeadVersion>) -> Result<(), DbError> {
    let db = index.db();
    let mut originals = BTreeSet::new();
    for dead in &dead {
        originals.extend(db.version(&dead.document, dead.generation).await?.map(|version| version.facts.sha256));
    }
    let bases: BTreeSet<KnowledgeBaseId> = dead.iter().map(|dead| dead.knowledge_base.clone()).collect();
    db.collect(dead).await?;
    for base in &bases {
        originals.extend(db.forget_versions(base).await?);
    }
    tracing::trace!("collected");
    let _alone = index.0.originals.write().await;
    for original in originals {
        if !db.blob_is_used(original).await?
            && let Err(error) = index.0.setup.blobs.delete(original).await
        {
            tracing::warn!(%original, %error, "an original that nothing refers to could not be removed");
        }
    }
    Ok(())
}
