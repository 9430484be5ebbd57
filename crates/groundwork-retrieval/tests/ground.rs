//! What the crash test and its child agree on: a folder, what is in it in each round, and an embedder that is quick and always says the same.

use bytes::Bytes;
use futures::FutureExt;
use groundwork_core::clock::{Clock, Dice};
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_core::tokens::{Tokenize, UpperBound};
use groundwork_retrieval::embed::{Embedder, Purpose};
use groundwork_retrieval::extract::sandbox::{Extractor, SandboxSettings};
use groundwork_retrieval::index::{Index, Setup};
use groundwork_retrieval::ingest::{Change, Ingester, Limits, Parts, Upload};
use groundwork_store::blobs::{Blobs, Sha256};
use groundwork_store::db::Db;
use groundwork_store::db::knowledge_bases::{ManagedBy, NewKnowledgeBase};
use std::error::Error;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) fn documents() -> Range<usize> {
    0..8
}

pub(crate) fn source(document: usize) -> String {
    format!("document-{document}.md")
}

pub(crate) fn is_deleted(document: usize, round: usize) -> bool {
    (document + round).is_multiple_of(5)
}

/// How many chunks a version has.
pub(crate) fn parts(document: usize, round: usize) -> usize {
    1 + (document * 3 + round) % 5
}

/// A part is a section of its own, so that it becomes one chunk; each says whose it is.
pub(crate) fn text(document: usize, round: usize) -> String {
    let part = |part: usize| format!("# Part {part}\n\nA common beginning. This is {}.\n", mark(document, round, part));
    (0..parts(document, round)).map(part).collect::<Vec<_>>().join("\n")
}

pub(crate) fn mark(document: usize, round: usize, part: usize) -> String {
    format!("mark{document}of{round}at{part}")
}

pub(crate) fn upload(document: usize, text: String) -> Upload {
    Upload {
        knowledge_base: kb(),
        source: source(document),
        name: source(document),
        title: None,
        bytes: Bytes::from(text),
        attributes: None,
        permissions: None,
    }
}

pub(crate) fn kb() -> KnowledgeBaseId {
    // The name is valid.
    "ground".parse().unwrap_or_else(|_| unreachable!())
}

/// An open folder.
pub(crate) struct Ground {
    pub(crate) db: Db,
    pub(crate) index: Index,
    blobs: Blobs,
    program: PathBuf,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Ground {
    /// `program` reads the files.
    pub(crate) async fn open(folder: &Path, program: PathBuf) -> Result<Self, Box<dyn Error>> {
        let seed = std::process::id();
        let db = Db::open(&folder.join("truth.db"), Clock::fake(1).0, Dice::counting(u64::from(seed) << 32)).await?;
        let tenant = "default".parse()?;
        let settings = serde_json::Value::Null;
        db.put_knowledge_base(NewKnowledgeBase { id: kb(), tenant, name: "Ground".into(), settings, managed_by: ManagedBy::Api }).await?;
        let blobs = Blobs::open(&folder.join("originals"))?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let setup = Setup { db: db.clone(), blobs: blobs.clone(), folder: folder.join("index"), tasks: tasks.clone(), stop: stop.clone() };
        Ok(Self { db, index: Index::open(setup), blobs, program, tasks, stop })
    }

    /// Brings the folder to `round`: every document is ingested, some of them in two passes, or deleted, several at once. Returns how many
    /// changed.
    pub(crate) async fn ingest(&self, round: usize) -> Result<usize, Box<dyn Error>> {
        let ingester = self.ingester(embedder());
        let work = documents().map(|document| {
            let ingester = ingester.clone();
            async move {
                if !is_deleted(document, round) {
                    let upload = upload(document, text(document, round));
                    let two_passes = (document + round).is_multiple_of(2);
                    let ingested = if two_passes { ingester.first_pass(upload, &fast()).await? } else { ingester.file(upload).await? };
                    for (document, generation) in ingested.waiting {
                        ingester.second_pass(&kb(), &document, generation).await?;
                    }
                    return Ok::<_, Box<dyn Error>>(ingested.change != Change::Unchanged);
                }
                match self.db.document_by_source(&kb(), &source(document)).await? {
                    Some(known) => Ok(ingester.delete(&kb(), &known.id).await?),
                    None => Ok(false),
                }
            }
        });
        Ok(futures::future::try_join_all(work).await?.into_iter().filter(|&changed| changed).count())
    }

    pub(crate) fn ingester(&self, embedder: Embedder) -> Ingester {
        let parts = Parts {
            db: self.db.clone(),
            blobs: self.blobs.clone(),
            index: self.index.clone(),
            extractor: Extractor::new(SandboxSettings { program: self.program.clone(), ..SandboxSettings::default() }),
            embedder,
        };
        Ingester::new(parts, Limits { batch: 2, ..Limits::default() })
    }

    pub(crate) async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.db.close().await;
    }
}

/// The sum of a fixed direction for each word.
pub(crate) fn embedder() -> Embedder {
    of_words("words", 32)
}

/// A faster one, for first passes.
pub(crate) fn fast() -> Embedder {
    of_words("few words", 16)
}

fn of_words(model: &str, dimensions: usize) -> Embedder {
    let embed = move |text: &String| {
        let mut sum = vec![0.0_f32; dimensions];
        for word in text.split_whitespace() {
            let digest = Sha256::of(word.as_bytes()).0;
            for (element, byte) in sum.iter_mut().zip(digest) {
                *element += f32::from(byte) - 127.5;
            }
        }
        let length = sum.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        sum.into_iter().map(|x| x / length).collect()
    };
    Embedder {
        model: model.into(),
        dimensions,
        window: 64,
        chunk_tokens: 40,
        chunk_overlap: 0,
        tokenizer: Arc::new(Words),
        run: Arc::new(move |_: Purpose, texts: Vec<String>| async move { Ok(texts.iter().map(embed).collect()) }.boxed()),
    }
}

/// Words as tokens.
struct Words;

impl Tokenize for Words {
    fn count(&self, text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let spans = UpperBound.spans(text);
        spans.into_iter().filter(|span| !text[span.clone()].trim().is_empty()).collect()
    }
}
