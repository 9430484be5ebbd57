//! Which slots a caller may find: the live slots of the documents whose permissions let it read. Kept for each set of principals; when
//! documents come and go, only the parts that they are in are gone through again.

use super::Index;
use super::shards::{PARTS, Shards};
use super::snapshot::{Live, Snapshot};
use groundwork_core::access::{self, Caller};
use groundwork_core::ids::{DocumentId, KnowledgeBaseId, TenantId};
use groundwork_scan::Bitmap;
use groundwork_store::db::DbError;
use groundwork_store::db::permissions::KnowledgeBasePermissions;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Sets of principals whose bitmaps are kept; when there are more, all are forgotten and computed again as they are needed.
const MOST_CALLERS: usize = 256;
/// Publications that a kept bitmap may be behind: what it stands on would otherwise stay in memory beside what there is now.
const MOST_BEHIND: u64 = 64;
/// New documents whose permissions are asked for by name; of more, those of all documents are read.
const MOST_NEW: usize = 1000;

/// What one caller may find in one snapshot.
#[derive(Clone)]
pub(crate) struct Permitted {
    pub(crate) rows: Arc<Bitmap>,
    pub(crate) count: usize,
    /// How many live documents the caller may read, those without text among them.
    pub(crate) documents: usize,
    rules: Arc<Rules>,
}

impl Permitted {
    /// The epoch of permissions that this holds for.
    pub(crate) fn epoch(&self) -> u64 {
        self.rules.permission
    }

    /// What of it lies in `rows`.
    pub(super) fn within(&self, mut rows: Bitmap) -> Self {
        rows.and(&self.rows);
        Self { count: rows.count(), rows: Arc::new(rows), ..self.clone() }
    }

    /// Whether `caller` may read `document`, by the rules themselves.
    pub(crate) fn allows(&self, caller: &Caller, document: &DocumentId) -> bool {
        self.rules.allow(caller, document)
    }
}

/// The permissions of a knowledge base's documents at one epoch.
#[derive(Clone)]
struct Rules {
    tenant: TenantId,
    permission: u64,
    documents: Shards<access::Permissions>,
    /// The live documents that these are the permissions of; one that has none was deleted meanwhile.
    covers: Shards<Live>,
    /// Every principal that any entry names; the others change nothing.
    named: Arc<HashSet<String>>,
}

/// All of a caller that the rules can tell apart.
type Fingerprint = (Option<TenantId>, BTreeSet<String>);

impl Rules {
    /// `read` after `covers` were live.
    fn new(read: KnowledgeBasePermissions, covers: &Shards<Live>) -> Self {
        let rules = Self {
            tenant: read.tenant,
            permission: read.epochs.permission,
            documents: Shards::beside(covers),
            covers: Shards::beside(covers),
            named: Arc::default(),
        };
        rules.with(read.documents, covers)
    }

    /// Those of `covers` that these rules know nothing of.
    fn new_among(&self, covers: &Shards<Live>) -> Vec<DocumentId> {
        let parts = covers.changed_since(&self.covers).into_iter();
        let changed = parts.flat_map(|at| covers.part(at).keys());
        changed.filter(|document| self.documents.get(document).is_none()).cloned().collect()
    }

    /// These and more, for `covers`; those of documents that are gone are forgotten.
    fn with(mut self, more: Vec<(DocumentId, access::Permissions)>, covers: &Shards<Live>) -> Self {
        for at in covers.changed_since(&self.covers) {
            let gone = self.covers.part(at).keys().filter(|document| covers.get(document).is_none());
            gone.for_each(|document| self.documents.remove(document));
        }
        for (document, permissions) in more {
            for principal in permissions.allow.iter().chain(&permissions.deny) {
                if !self.named.contains(principal) {
                    Arc::make_mut(&mut self.named).insert(principal.clone());
                }
            }
            self.documents.insert(document, permissions);
        }
        self.covers = covers.clone();
        self
    }

    fn fingerprint(&self, caller: &Caller) -> Fingerprint {
        let principals = caller.principals.iter().filter(|principal| self.named.contains(*principal)).cloned().collect();
        (caller.tenant.clone(), principals)
    }

    /// A document without rules is nobody's.
    fn allow(&self, caller: &Caller, document: &DocumentId) -> bool {
        self.documents.get(document).is_some_and(|permissions| permissions.allow(Some(&self.tenant), caller))
    }
}

/// Why it is not known what a caller may find.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RightsError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Stopped(#[from] tokio::task::JoinError),
}

/// The rules in memory and what follows from them.
#[derive(Default)]
pub(crate) struct Rights {
    known: Mutex<Known>,
    /// Held by the one who finds out what is not known; the others find it known then.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    rules: Option<Arc<Rules>>,
    /// By caller, under these rules.
    permitted: HashMap<Fingerprint, Kept>,
}

/// What a caller may find in one snapshot, and what it takes to go on from there.
#[derive(Clone)]
struct Kept {
    content: u64,
    documents: Shards<Live>,
    /// How many documents of each part it may read.
    counts: Arc<Vec<usize>>,
    permitted: Permitted,
}

impl Rights {
    /// What `caller` may find in `snapshot` by the permissions in memory, if they are there.
    pub(crate) fn recent(&self, snapshot: &Snapshot, caller: &Caller) -> Option<Permitted> {
        let known = self.known();
        let kept = known.permitted.get(&known.rules.as_ref()?.fingerprint(caller))?;
        (kept.content == snapshot.content).then(|| kept.permitted.clone())
    }

    /// What `caller` may find in `snapshot` by the permissions as the database has them at this moment.
    pub(crate) async fn now(
        &self,
        index: &Index,
        id: &KnowledgeBaseId,
        snapshot: &Arc<Snapshot>,
        caller: &Caller,
    ) -> Result<Option<Permitted>, RightsError> {
        let _asking = self.asking.lock().await;
        let Some(epochs) = index.db().epochs(id).await? else { return Ok(None) };
        let known = self.known().rules.clone().filter(|rules| rules.permission == epochs.permission);
        if known.is_some()
            && let Some(permitted) = self.recent(snapshot, caller)
        {
            return Ok(Some(permitted));
        }
        let Some(rules) = self.rules(index, id, snapshot, known).await? else { return Ok(None) };
        let before = self.known().permitted.get(&rules.fingerprint(caller)).cloned();
        let before = before.filter(|kept| kept.permitted.epoch() == rules.permission);
        let (of, by, who) = (snapshot.clone(), rules.clone(), caller.clone());
        let kept = index.compute(move || follow(&of, by, &who, before)).await?;
        let permitted = kept.permitted.clone();
        self.keep(rules, caller, kept);
        Ok(Some(permitted))
    }

    /// The rules for the documents of `snapshot`: those that are `known`, with what is new, or all anew.
    async fn rules(
        &self,
        index: &Index,
        id: &KnowledgeBaseId,
        snapshot: &Arc<Snapshot>,
        known: Option<Arc<Rules>>,
    ) -> Result<Option<Arc<Rules>>, RightsError> {
        if let Some(known) = known {
            let (of, rules) = (snapshot.clone(), known.clone());
            let new = index.compute(move || rules.new_among(&of.documents)).await?;
            if new.len() <= MOST_NEW {
                let read = index.db().permissions_of(id, &new).await?;
                // They may have changed since the epochs were read.
                if let Some(read) = read.filter(|read| read.epochs.permission == known.permission) {
                    let of = snapshot.clone();
                    let rules = index.compute(move || Rules::clone(&known).with(read.documents, &of.documents));
                    return Ok(Some(Arc::new(rules.await?)));
                }
            }
        }
        let Some(read) = index.db().permissions(id).await? else { return Ok(None) };
        let of = snapshot.clone();
        Ok(Some(Arc::new(index.compute(move || Rules::new(read, &of.documents)).await?)))
    }

    fn keep(&self, rules: Arc<Rules>, caller: &Caller, kept: Kept) {
        let mut known = self.known();
        let epoch = known.rules.as_ref().map_or(0, |rules| rules.permission);
        if epoch > rules.permission {
            return;
        }
        known.permitted.retain(|_, other| epoch == rules.permission && other.content + MOST_BEHIND >= kept.content);
        if known.permitted.len() >= MOST_CALLERS {
            known.permitted.clear();
        }
        known.permitted.insert(rules.fingerprint(caller), kept);
        known.rules = Some(rules);
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What `caller` may find in `snapshot`, going on from what it might find `before` under the same rules.
fn follow(snapshot: &Snapshot, rules: Arc<Rules>, caller: &Caller, before: Option<Kept>) -> Kept {
    let nothing = || (Bitmap::empty(snapshot.live.len()), vec![0; PARTS], Shards::beside(&snapshot.documents));
    let going_on = |kept: Kept| (Bitmap::clone(&kept.permitted.rows), Vec::clone(&kept.counts), kept.documents);
    let (mut rows, mut counts, documents) = before.map_or_else(nothing, going_on);
    let changed = snapshot.documents.changed_since(&documents);
    // First all that is gone, because its slots may be another document's now.
    for live in changed.iter().flat_map(|&at| documents.part(at).values()) {
        live.slots.iter().for_each(|slots| rows.remove_range(slots.clone()));
    }
    for at in changed {
        counts[at] = 0;
        for (_, live) in snapshot.documents.part(at).iter().filter(|(document, _)| rules.allow(caller, document)) {
            counts[at] += 1;
            live.slots.iter().for_each(|slots| rows.insert_range(slots.clone()));
        }
    }
    rows.and(&snapshot.live);
    let permitted = Permitted { count: rows.count(), documents: counts.iter().sum(), rows: Arc::new(rows), rules };
    Kept { content: snapshot.content, documents: snapshot.documents.clone(), counts: Arc::new(counts), permitted }
}
