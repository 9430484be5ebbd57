//! For tests: a folder with a database and an index, and an embedder that is quick and always says the same.

use crate::embed::{Embedder, Purpose};
use crate::index::{Entry, Index, PublishError, Row, Setup, Version, stamp};
use bytes::Bytes;
use futures::FutureExt;
use groundwork_core::access::Permissions;
use groundwork_core::clock::{Clock, Dice};
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_core::place::Place;
use groundwork_core::tokens::UpperBound;
use groundwork_scan::quantize;
use groundwork_store::blobs::{Blobs, Sha256};
use groundwork_store::db::Db;
use groundwork_store::db::documents::VersionFacts;
use groundwork_store::db::knowledge_bases::{ManagedBy, NewKnowledgeBase};
use groundwork_store::db::versions::{Embedding, NewChunk, NewVersion};
use half::f16;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) const DIMENSIONS: usize = 64;

pub(crate) struct Fixture {
    folder: Arc<TempDir>,
    pub(crate) db: Db,
    pub(crate) blobs: Blobs,
    pub(crate) index: Index,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Fixture {
    /// With the empty knowledge base `kb` of tenant `default`.
    pub(crate) async fn new() -> Self {
        let fixture = Self::open(Arc::new(tempfile::tempdir().unwrap())).await;
        let (id, tenant) = (kb(), "default".parse().unwrap());
        let settings = serde_json::Value::Null;
        let new = NewKnowledgeBase { id, tenant, name: "Test".into(), settings, managed_by: ManagedBy::Api };
        fixture.db.put_knowledge_base(new).await.unwrap();
        fixture
    }

    async fn open(folder: Arc<TempDir>) -> Self {
        let db = Db::open(&folder.path().join("truth.db"), Clock::fake(1).0, Dice::counting(1)).await.unwrap();
        let blobs = Blobs::open(&folder.path().join("originals")).unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let setup =
            Setup { db: db.clone(), blobs: blobs.clone(), folder: folder.path().join("index"), tasks: tasks.clone(), stop: stop.clone() };
        Self { folder, db, blobs, index: Index::open(setup), tasks, stop }
    }

    /// Stops everything, lets `change` the folder, and opens it again.
    pub(crate) async fn reopen(self, change: impl FnOnce(&Path)) -> Self {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.db.close().await;
        change(self.folder.path());
        Self::open(self.folder).await
    }

    pub(crate) fn keyword_folder(root: &Path) -> PathBuf {
        std::fs::read_dir(root.join("index")).unwrap().next().unwrap().unwrap().path().join("kb")
    }

    /// Publishes a version of the document `source`, one chunk a text.
    pub(crate) async fn put(
        &self,
        source: &str,
        permissions: Option<Permissions>,
        texts: &[String],
    ) -> Result<(DocumentId, u32), PublishError> {
        self.index.wait(&kb(), std::time::Instant::now() + std::time::Duration::from_secs(60)).await?;
        let original = self.blobs.put(Bytes::from(texts.join("\n"))).await.unwrap();
        let embedder = embedder();
        let new = NewVersion {
            knowledge_base: kb(),
            source: source.into(),
            parent: None,
            facts: facts(source, original),
            embedding: embedder.embedding(),
            permissions,
            attributes: None,
            first_pass: None,
        };
        let draft = self.db.begin_version(new).await.unwrap();
        let stamp = stamp(draft.document.as_str(), draft.generation);
        let mut version = Version { draft: draft.clone(), embedding: embedder.embedding(), entries: vec![], rows: vec![] };
        for texts in texts.chunks(1000) {
            let vectors: Vec<_> = texts.iter().map(|text| vector(text)).collect();
            let chunks = texts.iter().zip(&vectors).map(|(text, vector)| new_chunk(text, vector)).collect();
            let slots = self.db.write_chunks(&draft, chunks).await.unwrap();
            for ((slot, text), vector) in slots.into_iter().zip(texts).zip(vectors) {
                let quantized = quantize(&vector);
                version.entries.push(Entry { slot, stamp, heading: Entry::heading(None, source, &[]), text: text.clone(), language: None });
                version.rows.push(Row { slot, codes: quantized.codes, scale: quantized.scale });
            }
        }
        self.index.publish(version.into()).await?;
        Ok((draft.document, draft.generation))
    }
}

pub(crate) fn kb() -> KnowledgeBaseId {
    "kb".parse().unwrap()
}

fn facts(source: &str, sha256: Sha256) -> VersionFacts {
    VersionFacts {
        name: source.into(),
        title: None,
        media_type: "text/plain".into(),
        sha256,
        bytes: 1,
        fingerprint: String::new(),
        pages: None,
        metadata: serde_json::Value::Null,
    }
}

fn new_chunk(text: &str, vector: &[f32]) -> NewChunk {
    let quantized = quantize(vector);
    let embedding =
        Embedding { codes: quantized.codes, scale: quantized.scale, vector: vector.iter().map(|&x| f16::from_f32(x)).collect() };
    NewChunk { text: text.into(), heading_path: vec![], pages: None, place: Place::default(), span: 0..text.len() as u32, embedding }
}

/// The sum of a fixed direction for each word, so that texts are near that share words.
pub(crate) fn vector(text: &str) -> Vec<f32> {
    let mut sum = vec![0.0_f32; DIMENSIONS];
    for word in text.split_whitespace() {
        let digest = Sha256::of(word.as_bytes()).0;
        for (at, element) in sum.iter_mut().enumerate() {
            *element += f32::from(digest[at % 32].rotate_left(at as u32 / 32)) - 127.5;
        }
    }
    let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    sum.iter().map(|x| x / length).collect()
}

pub(crate) fn embedder() -> Embedder {
    Embedder {
        model: "words".into(),
        dimensions: DIMENSIONS,
        window: 256,
        chunk_tokens: 200,
        chunk_overlap: 50,
        tokenizer: Arc::new(UpperBound),
        run: Arc::new(|_: Purpose, texts: Vec<String>| async move { Ok(texts.iter().map(|text| vector(text)).collect()) }.boxed()),
    }
}
