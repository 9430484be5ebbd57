//! A database in a folder of its own, with a clock that stands still and dice that count.

use groundwork_core::clock::{Clock, Dice};
use groundwork_core::ids::{KnowledgeBaseId, TenantId};
use groundwork_core::place::Place;
use groundwork_store::blobs::Sha256;
use groundwork_store::db::Db;
use groundwork_store::db::documents::VersionFacts;
use groundwork_store::db::knowledge_bases::{EmbeddingModel, ManagedBy, NewKnowledgeBase};
use groundwork_store::db::versions::{Draft, Embedding, Flip, NewChunk, NewVersion};
use half::f16;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

pub(crate) const NOON: u64 = 1_800_000_000_000;

pub(crate) struct Fixture {
    pub(crate) db: Db,
    pub(crate) hand: Arc<AtomicU64>,
    pub(crate) folder: TempDir,
    /// How many processes have died on the way here; each rolls dice of its own.
    deaths: u64,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (clock, hand) = Clock::fake(NOON);
        let db = Db::open(&folder.path().join("groundwork.db"), clock, Dice::counting(1)).await.unwrap();
        Self { db, hand, folder, deaths: 0 }
    }

    /// With an empty knowledge base `handbook`.
    pub(crate) async fn with_handbook() -> Self {
        let fixture = Self::new().await;
        fixture.add_base("handbook").await;
        fixture
    }

    pub(crate) async fn add_base(&self, id: &str) {
        let new = NewKnowledgeBase {
            id: id.parse().unwrap(),
            tenant: tenant(),
            name: id.to_owned(),
            settings: serde_json::json!({}),
            managed_by: ManagedBy::Api,
        };
        self.db.put_knowledge_base(new).await.unwrap();
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("groundwork.db")
    }

    pub(crate) fn advance(&self, millis: u64) {
        self.hand.fetch_add(millis, Ordering::SeqCst);
    }

    /// The folder as a process that is killed now would leave it, opened again.
    pub(crate) async fn killed(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(self.folder.path(), folder.path());
        let deaths = self.deaths + 1;
        let (clock, hand) = Clock::fake(self.hand.load(Ordering::SeqCst));
        let db = Db::open(&folder.path().join("groundwork.db"), clock, Dice::counting(deaths * 1_000_000)).await.unwrap();
        Self { db, hand, folder, deaths }
    }
}

fn copy(from: &Path, to: &Path) {
    // The index of the log is memory that a dead process does not leave behind in a usable state; it is made again from the log.
    for name in ["groundwork.db", "groundwork.db-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

pub(crate) fn tenant() -> TenantId {
    "default".parse().unwrap()
}

pub(crate) fn handbook() -> KnowledgeBaseId {
    "handbook".parse().unwrap()
}

pub(crate) fn new_version(source: &str, text: &str) -> NewVersion {
    NewVersion {
        knowledge_base: handbook(),
        source: source.to_owned(),
        parent: None,
        facts: VersionFacts {
            name: source.to_owned(),
            title: Some(format!("About {source}")),
            media_type: "text/plain".to_owned(),
            sha256: Sha256::of(text.as_bytes()),
            bytes: text.len() as u64,
            fingerprint: "text-1/words-1/tiny-1".to_owned(),
            pages: None,
            metadata: serde_json::json!({ "language": "en" }),
        },
        embedding: EmbeddingModel { model: "tiny-1".to_owned(), dimensions: 4 },
        attributes: None,
        permissions: None,
        first_pass: None,
    }
}

/// One chunk a word.
pub(crate) fn chunks(text: &str) -> Vec<NewChunk> {
    let words = text.split_whitespace().scan(0, |at, word| {
        let start = *at;
        *at += word.len() as u32 + 1;
        Some((start, word))
    });
    words
        .map(|(start, word)| NewChunk {
            text: word.to_owned(),
            heading_path: vec!["Words".to_owned()],
            place: Place::default(),
            pages: Some((1, 2)),
            span: start..start + word.len() as u32,
            embedding: Embedding {
                codes: vec![word.len() as i8, -1, 127, -127],
                scale: 0.5,
                vector: [word.len() as f32, 0.25, 0.5, 1.0].map(f16::from_f32).to_vec(),
            },
        })
        .collect()
}

pub(crate) async fn write(db: &Db, source: &str, text: &str) -> Draft {
    let draft = db.begin_version(new_version(source, text)).await.unwrap();
    db.write_chunks(&draft, chunks(text)).await.unwrap();
    draft
}

pub(crate) async fn publish(db: &Db, source: &str, text: &str) -> Flip {
    let draft = write(db, source, text).await;
    db.publish(&draft, text.split_whitespace().count() as u32).await.unwrap()
}

/// What a reader sees: the text of every live document by source, from its live slots.
pub(crate) async fn visible(db: &Db) -> BTreeMap<String, String> {
    let mut seen = BTreeMap::new();
    for document in db.live_slots(&handbook()).await.unwrap().unwrap().documents {
        let slots: Vec<u32> = document.slots.iter().cloned().flatten().collect();
        let chunks = db.chunks(&handbook(), &slots).await.unwrap();
        assert_eq!(chunks.len(), slots.len());
        assert!(chunks.iter().all(|chunk| chunk.document == document.document && chunk.generation == document.generation));
        let source = db.document(&handbook(), &document.document).await.unwrap().unwrap().source;
        seen.insert(source, chunks.iter().map(|chunk| chunk.text.as_str()).collect::<Vec<_>>().join(" "));
    }
    seen
}
