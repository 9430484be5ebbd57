//! Hybrid search at 100,000 chunks x 384 under permissions, on one core, without the embedding of the question.
//!
//!     cd bench && cargo build --release && taskset -c 0 target/release/search [FOLDER] [CHUNKS]
//!
//! Makes the corpus on the first run (some minutes) and keeps it in FOLDER. Prints a table, then one line of JSON.

mod corpus;
mod machine;

use anyhow::{Context, Result, ensure};
use corpus::{CHUNKS_A_DOCUMENT, DIMENSIONS, SHARES, chunk_vector, document, marked, question, question_vector};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use groundwork_core::access::Caller;
use groundwork_core::clock::{Clock, Dice};
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_core::tokens::{Tokenize, UpperBound};
use groundwork_retrieval::embed::{Embedder, Purpose};
use groundwork_retrieval::extract::sandbox::{self, Extractor, SandboxSettings};
use groundwork_retrieval::index::{Index, Setup};
use groundwork_retrieval::ingest::{Ingester, Limits, Parts};
use groundwork_retrieval::search::{Mode, Query, search};
use groundwork_scan::{Bitmap, Codes, quantize, scan};
use groundwork_store::blobs::Blobs;
use groundwork_store::db::Db;
use groundwork_store::db::knowledge_bases::{ManagedBy, NewKnowledgeBase};
use machine::{bandwidth, percentiles, resident};
use serde_json::json;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, TermQuery};
use tantivy::schema::IndexRecordOption;
use tantivy::tokenizer::{Language, LowerCaser, SimpleTokenizer, Stemmer, TextAnalyzer};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const QUESTIONS: u64 = 400;
const WARM_UP: u64 = 40;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(sandbox::CHILD_ARGUMENT) {
        return sandbox::child_main();
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/search-corpus".into()));
    let chunks: u64 = std::env::args().nth(2).map_or(Ok(100_000), |chunks| chunks.parse()).context("CHUNKS is not a number")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let ground = Ground::open(&folder.join(chunks.to_string()), chunks).await?;
        let ingested = ground.fill(chunks).await?;
        ground.close().await;
        measure(&folder.join(chunks.to_string()), chunks, ingested).await
    })
}

async fn measure(folder: &Path, chunks: u64, ingested: Option<Duration>) -> Result<()> {
    let before = resident()?;
    let (ground, loaded) = Ground::load(folder, chunks).await?;
    let bytes_a_chunk = resident()?.saturating_sub(before) as f64 / chunks as f64;

    let bandwidth = bandwidth();
    let floor = (chunks as usize * DIMENSIONS) as f64 / bandwidth * 1e3;
    let tantivy = tantivy_alone(folder, chunks)?;
    let scanned = scan_alone(chunks)?;
    println!("{} cores for this process; both legs loaded in {:.2} s; memory {:.1} GB/s", cores(), loaded.as_secs_f64(), bandwidth / 1e9);
    println!(
        "floor: codes {floor:.3} ms + tantivy alone {:.3} ms = {:.3} ms; the scan alone takes {:.3} ms",
        tantivy.0,
        floor + tantivy.0,
        scanned.0
    );
    if let Some(ingested) = ingested {
        println!("ingested at {:.0} chunks/s, with an embedder that costs next to nothing", chunks as f64 / ingested.as_secs_f64());
    }

    println!(
        "\n{:>10} {:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "permitted", "hybrid p50", "p99", "vector p50", "keyword p50", "recall@10", "of 100 %"
    );
    let mut rows = Vec::new();
    let mut unfiltered = f64::NAN;
    for (share, group, every) in SHARES {
        let caller = Caller { principals: [group.to_owned()].into(), ..Caller::local() };
        let mut by_mode = Vec::new();
        for mode in [Mode::Hybrid, Mode::Vector, Mode::Keyword] {
            by_mode.push(percentiles(ground.time(&caller, mode, chunks).await?));
        }
        let recall = ground.recall(&caller, every, chunks).await?;
        let [(hybrid, p99), (vector, _), (keyword, _)] = by_mode[..] else { continue };
        if share == 100.0 {
            unfiltered = hybrid;
        }
        println!("{share:>9}% {hybrid:>10.3} {p99:>10.3} {vector:>10.3} {keyword:>10.3} {recall:>10.4} {:>10.2}", hybrid / unfiltered);
        rows.push(json!({ "permitted_percent": share, "hybrid_p50_ms": hybrid, "hybrid_p99_ms": p99, "vector_p50_ms": vector,
            "keyword_p50_ms": keyword, "recall_at_10": recall, "of_unfiltered": hybrid / unfiltered }));
    }
    verdicts(&rows, unfiltered / (floor + tantivy.0), loaded)?;
    ground.close().await;
    std::fs::remove_dir_all(folder.join("index"))?;
    let (ground, rebuilt) = Ground::load(folder, chunks).await?;
    ground.close().await;
    println!(
        "both legs take {bytes_a_chunk:.0} bytes of memory a chunk when they are loaded, and are made again from the database in {:.1} s",
        rebuilt.as_secs_f64()
    );
    println!(
        "{}",
        json!({ "loaded_bytes_a_chunk": bytes_a_chunk, "rebuild_s": rebuilt.as_secs_f64(), "chunks": chunks, "dimensions": DIMENSIONS, "cores": cores(), "load_s": loaded.as_secs_f64(),
        "bandwidth_gb_s": bandwidth / 1e9, "codes_floor_ms": floor, "tantivy_alone_p50_ms": tantivy.0, "scan_alone_p50_ms": scanned.0,
        "unfiltered_over_floor": unfiltered / (floor + tantivy.0), "rows": rows })
    );
    Ok(())
}

/// What was found beside what is asked of it.
fn verdicts(rows: &[serde_json::Value], over_floor: f64, loaded: Duration) -> Result<()> {
    let row = |at: usize, field: &str| rows.get(at).and_then(|row| row[field].as_f64()).context("a row is missing");
    let recall = (0..rows.len()).map(|at| row(at, "recall_at_10")).try_fold(1.0, |least: f64, recall| anyhow::Ok(least.min(recall?)))?;
    let at_most = [
        ("unfiltered over the floor", over_floor, 1.2),
        ("10 % of unfiltered", row(1, "of_unfiltered")?, 0.9),
        ("1 % of unfiltered", row(2, "of_unfiltered")?, 0.6),
        ("0.01 % of unfiltered", row(3, "of_unfiltered")?, 0.4),
        ("loading both legs, s", loaded.as_secs_f64(), 2.0),
    ];
    let word = |met: bool| if met { "met" } else { "MISSED" };
    println!();
    for (name, value, goal) in at_most {
        println!("{name:<26} {value:>7.3}   goal at most {goal:<6} {}", word(value <= goal));
    }
    println!("{:<26} {recall:>7.4}   goal at least 0.999 {}\n", "recall@10, the least", word(recall >= 0.999));
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn kb() -> KnowledgeBaseId {
    "bench".parse().expect("a valid name")
}

struct Ground {
    db: Db,
    blobs: Blobs,
    index: Index,
    chunks: u64,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Ground {
    async fn open(folder: &Path, chunks: u64) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let clock = Clock::new(|| SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() as u64));
        let db = Db::open(&folder.join("groundwork.db"), clock, Dice::counting(1)).await?;
        let new = NewKnowledgeBase {
            id: kb(),
            tenant: "default".parse()?,
            name: "Bench".into(),
            settings: json!({}),
            managed_by: ManagedBy::Api,
        };
        db.put_knowledge_base(new).await?;
        let blobs = Blobs::open(&folder.join("originals"))?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let setup = Setup { db: db.clone(), blobs: blobs.clone(), folder: folder.join("index"), tasks: tasks.clone(), stop: stop.clone() };
        Ok(Self { db, blobs, index: Index::open(setup), chunks, tasks, stop })
    }

    /// Opens the folder and waits until both legs can be searched; how long that took.
    async fn load(folder: &Path, chunks: u64) -> Result<(Self, Duration)> {
        let begun = Instant::now();
        let ground = Self::open(folder, chunks).await?;
        ground.index.wait(&kb(), Instant::now() + Duration::from_secs(3600)).await?;
        Ok((ground, begun.elapsed()))
    }

    /// Ingests what is missing; how long it took, if all was.
    async fn fill(&self, chunks: u64) -> Result<Option<Duration>> {
        let documents = chunks as usize / CHUNKS_A_DOCUMENT;
        let last = format!("{}.md", documents - 1);
        if self.db.document_by_source(&kb(), &last).await?.is_some() {
            return Ok(None);
        }
        let extractor = Extractor::new(SandboxSettings { children: 4, ..SandboxSettings::default() });
        let parts =
            Parts { db: self.db.clone(), blobs: self.blobs.clone(), index: self.index.clone(), extractor, embedder: self.embedder() };
        let ingester = Ingester::new(parts, Limits { documents: 64, ..Limits::default() });
        let begun = Instant::now();
        stream::iter(0..documents)
            .map(|number| ingester.file(document(number, &kb())))
            .buffered(64)
            .map_err(anyhow::Error::from)
            .try_for_each(|ingested| async move {
                ensure!(ingested.chunks as usize == CHUNKS_A_DOCUMENT, "{} chunks where {CHUNKS_A_DOCUMENT} were meant", ingested.chunks);
                Ok(())
            })
            .await?;
        Ok(Some(begun.elapsed()))
    }

    async fn time(&self, caller: &Caller, mode: Mode, chunks: u64) -> Result<Vec<Duration>> {
        let (bases, embedder) = ([kb()], self.embedder());
        let mut took = Vec::new();
        for number in 0..QUESTIONS {
            let text = question(number, chunks);
            let query = Query { mode, deadline: Instant::now() + Duration::from_secs(10), ..Query::new(&bases, &text, caller) };
            let begun = Instant::now();
            let found = search(&self.index, &self.db, &embedder, query).await?;
            took.push(begun.elapsed());
            ensure!(mode == Mode::Keyword || found.hits.len() == 10, "{} hits", found.hits.len());
        }
        Ok(took.split_off(WARM_UP as usize))
    }

    /// Of the ten nearest by exact arithmetic, the share that the vector leg finds.
    async fn recall(&self, caller: &Caller, every: usize, chunks: u64) -> Result<f64> {
        let permitted: Vec<(u64, Vec<f32>)> = (0..chunks)
            .filter(|chunk| (*chunk as usize / CHUNKS_A_DOCUMENT).is_multiple_of(every))
            .map(|chunk| (chunk, chunk_vector(chunk)))
            .collect();
        let (bases, embedder) = ([kb()], self.embedder());
        let (mut found, mut all) = (0, 0);
        for number in 0..QUESTIONS / 4 {
            let asked = question_vector(number, chunks);
            let mut exact: Vec<(f32, u64)> =
                permitted.iter().map(|(chunk, vector)| (vector.iter().zip(&asked).map(|(a, b)| a * b).sum(), *chunk)).collect();
            exact.sort_by(|a, b| b.0.total_cmp(&a.0));
            exact.truncate(10);
            let text = question(number, chunks);
            let query = Query { mode: Mode::Vector, ..Query::new(&bases, &text, caller) };
            let hits = search(&self.index, &self.db, &embedder, query).await?.hits;
            let seen: Vec<u64> = hits.iter().filter_map(|hit| marked(&hit.text, "chunk")).collect();
            found += exact.iter().filter(|(_, chunk)| seen.contains(chunk)).count();
            all += exact.len();
        }
        Ok(found as f64 / all as f64)
    }

    fn embedder(&self) -> Embedder {
        let chunks = self.chunks;
        // Questions are embedded before the clock starts.
        let questions: Arc<Vec<Vec<f32>>> = Arc::new((0..QUESTIONS).map(|number| question_vector(number, chunks)).collect());
        let embed = move |text: &String| match marked(text, "question") {
            Some(number) => questions[number as usize].clone(),
            None => marked(text, "chunk").map_or_else(|| vec![0.0; DIMENSIONS], chunk_vector),
        };
        Embedder {
            model: "made-up".into(),
            dimensions: DIMENSIONS,
            window: 256,
            chunk_tokens: 200,
            chunk_overlap: 50,
            tokenizer: Arc::new(Words),
            run: Arc::new(move |_: Purpose, texts: Vec<String>| {
                let vectors = texts.iter().map(&embed).collect();
                async move { Ok(vectors) }.boxed()
            }),
        }
    }

    async fn close(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.db.close().await;
    }
}

/// The same words in the same index by the engine's own collector: no filter, no database, nothing of ours.
fn tantivy_alone(folder: &Path, chunks: u64) -> Result<(f64, f64)> {
    let keyword = std::fs::read_dir(folder.join("index"))?.next().context("there is no keyword index")??.path();
    let index = tantivy::Index::open_in_dir(keyword.join(kb().as_str()))?;
    let searcher = index.reader()?.searcher();
    let (text, heading) = (index.schema().get_field("text")?, index.schema().get_field("heading")?);
    let mut analyzer = TextAnalyzer::builder(SimpleTokenizer::default()).filter(LowerCaser).filter(Stemmer::new(Language::English)).build();
    let mut took = Vec::new();
    for number in 0..QUESTIONS {
        let asked = question(number, chunks);
        let begun = Instant::now();
        let mut stream = analyzer.token_stream(&asked);
        let mut parts: Vec<(Occur, Box<dyn tantivy::query::Query>)> = Vec::new();
        while let Some(token) = stream.next() {
            for (field, boost) in [(text, 1.0), (heading, 0.5)] {
                let term = TermQuery::new(tantivy::Term::from_field_text(field, &token.text), IndexRecordOption::WithFreqs);
                parts.push((Occur::Should, Box::new(BoostQuery::new(Box::new(term), boost))));
            }
        }
        let found = searcher.search(&BooleanQuery::new(parts), &TopDocs::with_limit(50).order_by_score())?;
        took.push(begun.elapsed());
        std::hint::black_box(found);
    }
    Ok(percentiles(took.split_off(WARM_UP as usize)))
}

/// The scan of all rows, without anything around it.
fn scan_alone(chunks: u64) -> Result<(f64, f64)> {
    let mut codes = Codes::with_capacity(DIMENSIONS, chunks as usize);
    for chunk in 0..chunks {
        let quantized = quantize(&chunk_vector(chunk));
        codes.write(chunk as u32, &quantized.codes, &[quantized.scale])?;
    }
    let rows = Bitmap::full(chunks as usize);
    let took = (0..QUESTIONS).map(|number| {
        let asked = question_vector(number, chunks);
        let begun = Instant::now();
        std::hint::black_box(scan(&codes, &asked, Some(&rows), 50));
        begun.elapsed()
    });
    Ok(percentiles(took.collect::<Vec<_>>().split_off(WARM_UP as usize)))
}

/// Words as tokens.
struct Words;

impl Tokenize for Words {
    fn count(&self, text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        UpperBound.spans(text).into_iter().filter(|span| !text[span.clone()].trim().is_empty()).collect()
    }
}
