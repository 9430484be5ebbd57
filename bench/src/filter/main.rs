//! Searches narrowed by attributes, at 100,000 documents, on one core.
//!
//!     cd bench && cargo build --release && taskset -c 0 target/release/filter [FOLDER] [DOCUMENTS]
//!
//! Makes the documents on the first run (some minutes) and keeps them in FOLDER. Prints a table.

#[path = "../search/machine.rs"]
mod machine;

use anyhow::{Context, Result};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use groundwork_core::access::Caller;
use groundwork_core::attributes::{Attributes, Scalar};
use groundwork_core::clock::{Clock, Dice};
use groundwork_core::filter::{self, Filter};
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_core::place::Place;
use groundwork_core::tokens::UpperBound;
use groundwork_retrieval::embed::{Embedder, Purpose};
use groundwork_retrieval::index::{Index, Setup};
use groundwork_retrieval::search::{Mode, Query, search};
use groundwork_store::blobs::{Blobs, Sha256};
use groundwork_store::db::Db;
use groundwork_store::db::documents::VersionFacts;
use groundwork_store::db::knowledge_bases::{ManagedBy, NewKnowledgeBase};
use groundwork_store::db::versions::{Embedding, NewChunk, NewVersion};
use machine::{bandwidth, percentiles, resident};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const SEARCHES: usize = 60;
const WARM_UP: usize = 10;
const DIMENSIONS: usize = 64;
const WORDS: [&str; 16] = [
    "harbor", "crane", "tide", "rope", "anchor", "sail", "deck", "mast", "cargo", "pilot", "berth", "quay", "ferry", "buoy", "hull", "keel",
];

/// What is asked: one value of many documents, an order of numbers, one of texts that nearly all differ, a set, and several together.
const FILTERS: [&str; 5] = [
    "team=team3",
    "year>=2020",
    "on<2018-06-01",
    r#"{"type":"in","key":"team","value":["team1","team5","team9"]}"#,
    r#"{"type":"and","filters":[{"type":"ne","key":"draft","value":true},{"type":"or","filters":[
        {"type":"gt","key":"year","value":2022},{"type":"nin","key":"team","value":["team2","team3"]}]}]}"#,
];

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/filter-corpus".into()));
    let documents: usize =
        std::env::args().nth(2).map_or(Ok(100_000), |documents| documents.parse()).context("DOCUMENTS is not a number")?;
    let folder = folder.join(documents.to_string());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        std::fs::create_dir_all(&folder)?;
        let clock = Clock::new(|| SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() as u64));
        let db = Db::open(&folder.join("groundwork.db"), clock, Dice::counting(1)).await?;
        fill(&db, documents).await?;
        let ground = Ground::open(db, &folder).await?;
        ground.measure().await?;
        ground.close().await;
        Ok(())
    })
}

/// Writes what is missing, one chunk a document, past the ingest: nothing is extracted or embedded here.
async fn fill(db: &Db, documents: usize) -> Result<()> {
    let (tenant, settings) = ("default".parse()?, json!({}));
    db.put_knowledge_base(NewKnowledgeBase { id: kb(), tenant, name: "Bench".into(), settings, managed_by: ManagedBy::Api }).await?;
    let missing = stream::iter(0..documents).map(|number| async move {
        if db.document_by_source(&kb(), &source(number)).await?.is_none() {
            let draft = db.begin_version(version(number)).await?;
            db.write_chunks(&draft, vec![chunk(number)]).await?;
            db.publish(&draft, 1).await?;
        }
        anyhow::Ok(())
    });
    missing.buffer_unordered(256).try_for_each(|()| async { Ok(()) }).await
}

struct Ground {
    db: Db,
    index: Index,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Ground {
    async fn open(db: Db, folder: &Path) -> Result<Self> {
        let blobs = Blobs::open(&folder.join("originals"))?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let index = Index::open(Setup { db: db.clone(), blobs, folder: folder.join("index"), tasks: tasks.clone(), stop: stop.clone() });
        index.wait(&kb(), Instant::now() + Duration::from_secs(3600)).await?;
        Ok(Self { db, index, tasks, stop })
    }

    async fn measure(&self) -> Result<()> {
        println!("memory {:.1} GB/s", bandwidth() / 1e9);
        let before = resident()?;
        let (first, _) = self.time(Some(FILTERS[0]), 1).await?;
        let grown = resident()?.saturating_sub(before);
        println!("the first search with a filter: {:.1} ms, and {:.1} MB more than before it\n", percentiles(first).0, grown as f64 / 1e6);
        println!("{:>10} {:>10} {:>12}   filter", "p50", "p99", "passing");
        for typed in [None].into_iter().chain(FILTERS.map(Some)) {
            let (took, passing) = self.time(typed, SEARCHES + WARM_UP).await?;
            let (middle, last) = percentiles(took.into_iter().skip(WARM_UP).collect());
            println!("{middle:>7.3} ms {last:>7.3} ms {passing:>12}   {}", typed.unwrap_or("none"));
        }
        let mut took = Vec::new();
        for number in 0..SEARCHES {
            let Some(document) = self.db.document_by_source(&kb(), &source(number)).await? else { continue };
            self.db.set_attributes(&kb(), &document.id, &attributes(number + 1)).await?;
            took.extend(self.time(Some(FILTERS[0]), 1).await?.0);
        }
        let (middle, last) = percentiles(took);
        println!("{middle:>7.3} ms {last:>7.3} ms {:>12}   the first filter, each time after another document got other attributes", "");
        Ok(())
    }

    /// How long each of so many searches took, and how many chunks the last of them looked at.
    async fn time(&self, typed: Option<&str>, searches: usize) -> Result<(Vec<Duration>, String)> {
        let filter: Option<Filter> = typed.map(filter::parse).transpose()?;
        let (bases, caller, embedder) = ([kb()], Caller::local(), embedder());
        let (mut took, mut reach) = (Vec::new(), String::new());
        for number in 0..searches {
            let text = format!("{} {}", WORDS[number % 16], WORDS[number * 7 % 16]);
            let query = Query { mode: Mode::Keyword, filter: filter.as_ref(), ..Query::new(&bases, &text, &caller) };
            let begun = Instant::now();
            let found = search(&self.index, &self.db, &embedder, query).await?;
            took.push(begun.elapsed());
            reach = format!("{:?}", found.reach);
        }
        Ok((took, reach))
    }

    async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.db.close().await;
    }
}

fn kb() -> KnowledgeBaseId {
    "bench".parse().expect("a valid name")
}

fn source(number: usize) -> String {
    format!("{number}.txt")
}

fn version(number: usize) -> NewVersion {
    let facts = VersionFacts {
        name: source(number),
        title: None,
        media_type: "text/plain".into(),
        sha256: Sha256::of(source(number).as_bytes()),
        bytes: 1,
        fingerprint: String::new(),
        pages: None,
        metadata: json!({}),
    };
    let embedding = embedder().embedding();
    let attributes = Some(attributes(number));
    NewVersion {
        knowledge_base: kb(),
        source: source(number),
        parent: None,
        facts,
        embedding,
        permissions: None,
        attributes,
        first_pass: None,
    }
}

fn chunk(number: usize) -> NewChunk {
    let words: Vec<&str> = (0..12).map(|at| WORDS[(number / 3 + at * at + number % 5) % 16]).collect();
    let text = format!("The {} of document {number}.", words.join(" "));
    let embedding = Embedding { codes: vec![1; DIMENSIONS], scale: 0.01, vector: vec![Default::default(); DIMENSIONS] };
    NewChunk { span: 0..text.len() as u32, text, heading_path: vec![], pages: None, place: Place::default(), embedding }
}

fn attributes(number: usize) -> Attributes {
    let (year, month, day) = (2010 + number % 16, number / 16 % 12 + 1, number / 192 % 28 + 1);
    [
        ("team", Scalar::Text(format!("team{}", number % 12))),
        ("year", Scalar::Number(year as f64)),
        ("on", Scalar::Text(format!("{year}-{month:02}-{day:02}T{:05}", number / 5376))),
        ("draft", Scalar::Bool(number.is_multiple_of(7))),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into()
}

fn embedder() -> Embedder {
    Embedder {
        model: "made-up".into(),
        dimensions: DIMENSIONS,
        window: 256,
        chunk_tokens: 200,
        chunk_overlap: 50,
        tokenizer: Arc::new(UpperBound),
        run: Arc::new(|_: Purpose, texts: Vec<String>| {
            let vectors = texts.iter().map(|text| (0..DIMENSIONS).map(|at| (text.len() + at) as f32).collect()).collect();
            async move { Ok(vectors) }.boxed()
        }),
    }
}
