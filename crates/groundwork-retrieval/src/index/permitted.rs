//! Which slots a caller may find: the live slots of the documents whose permissions let it read. Kept for each set of principals as
//! long as neither documents nor permissions change.

use super::snapshot::Snapshot;
use groundwork_core::access::{self, Caller};
use groundwork_core::ids::{DocumentId, KnowledgeBaseId, TenantId};
use groundwork_scan::Bitmap;
use groundwork_store::db::permissions::KnowledgeBasePermissions;
use groundwork_store::db::{Db, DbError};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Sets of principals whose bitmaps are kept; when there are more, all are forgotten and computed again as they are needed.
const MOST_CALLERS: usize = 256;

/// What one caller may find in one snapshot.
#[derive(Debug, Clone)]
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

    /// Whether `caller` may read `document`, by the rules themselves.
    pub(crate) fn allows(&self, caller: &Caller, document: &DocumentId) -> bool {
        self.rules.allow(caller, document)
    }
}

/// The permissions of a knowledge base's documents at one epoch.
#[derive(Debug)]
struct Rules {
    tenant: TenantId,
    content: u64,
    permission: u64,
    documents: HashMap<DocumentId, access::Permissions>,
    /// Every principal that any entry names; the others change nothing.
    named: HashSet<String>,
}

/// All of a caller that the rules can tell apart.
type Fingerprint = (Option<TenantId>, BTreeSet<String>);

impl Rules {
    fn new(read: KnowledgeBasePermissions) -> Self {
        let documents: HashMap<_, _> = read.documents.into_iter().collect();
        let named = documents.values().flat_map(|permissions| permissions.allow.iter().chain(&permissions.deny)).cloned().collect();
        Self { tenant: read.tenant, content: read.epochs.content, permission: read.epochs.permission, documents, named }
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
#[derive(Debug, Default)]
pub(crate) struct Rights(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    rules: Option<Arc<Rules>>,
    /// By caller, for one snapshot's documents and these rules.
    content: u64,
    permitted: HashMap<Fingerprint, Permitted>,
}

impl Rights {
    /// What `caller` may find in `snapshot` by the permissions in memory, if they are there.
    pub(crate) fn recent(&self, snapshot: &Snapshot, caller: &Caller) -> Option<Permitted> {
        let known = self.lock();
        let fingerprint = known.rules.as_ref()?.fingerprint(caller);
        if known.content == snapshot.content { known.permitted.get(&fingerprint).cloned() } else { None }
    }

    /// What `caller` may find in `snapshot` by the permissions as the database has them at this moment.
    pub(crate) async fn now(
        &self,
        db: &Db,
        id: &KnowledgeBaseId,
        snapshot: &Arc<Snapshot>,
        caller: &Caller,
    ) -> Result<Option<Permitted>, RightsError> {
        let Some(epochs) = db.epochs(id).await? else { return Ok(None) };
        let known = self.lock().rules.clone();
        // Documents that came since have permissions that the rules in memory do not know.
        let known = known.filter(|rules| (rules.content, rules.permission) == (epochs.content, epochs.permission));
        let read = match &known {
            Some(_) => None,
            None => db.permissions(id).await?,
        };
        let (of, who) = (snapshot.clone(), caller.clone());
        let computed = tokio::task::spawn_blocking(move || {
            let rules = known.or_else(|| Some(Arc::new(Rules::new(read?))))?;
            Some((compute(&of, rules.clone(), &who), rules))
        });
        let Some((permitted, rules)) = computed.await? else { return Ok(None) };
        self.keep(snapshot.content, rules, caller, permitted.clone());
        Ok(Some(permitted))
    }

    fn keep(&self, content: u64, rules: Arc<Rules>, caller: &Caller, permitted: Permitted) {
        let mut known = self.lock();
        let older = known.rules.as_ref().is_some_and(|kept| kept.permission > rules.permission) || known.content > content;
        if older {
            return;
        }
        let same_rules = known.rules.as_ref().is_some_and(|kept| kept.permission == rules.permission);
        if !same_rules || known.content != content || known.permitted.len() >= MOST_CALLERS {
            known.permitted.clear();
        }
        known.content = content;
        known.permitted.insert(rules.fingerprint(caller), permitted);
        known.rules = Some(rules);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn compute(snapshot: &Snapshot, rules: Arc<Rules>, caller: &Caller) -> Permitted {
    let mut rows = Bitmap::empty(snapshot.live.len());
    let mut documents = 0;
    for (_, live) in snapshot.documents.iter().filter(|(document, _)| rules.allow(caller, document)) {
        documents += 1;
        for slots in &live.slots {
            rows.insert_range(slots.clone());
        }
    }
    rows.and(&snapshot.live);
    let count = rows.count();
    Permitted { rows: Arc::new(rows), count, documents, rules }
}
