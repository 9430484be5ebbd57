#![allow(clippy::all, clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, clippy::allow_attributes)]
use futures::{StreamExt, stream};
use groundwork_core::access::Caller;
use groundwork_core::clock::{Clock, Dice};
use groundwork_inference::{catalogue, local};
use groundwork_retrieval::embed::*;
use groundwork_retrieval::extract::sandbox::{self, *};
use groundwork_retrieval::index::*;
use groundwork_retrieval::ingest::*;
use groundwork_retrieval::search::*;
use groundwork_store::{blobs::Blobs, db::Db, db::knowledge_bases::*};
use std::collections::*;
use std::sync::Arc;
use std::time::*;

fn main() {
    if std::env::args().nth(1).as_deref() == Some(sandbox::CHILD_ARGUMENT) {
        sandbox::child_main();
        return;
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let folder = std::path::PathBuf::from(std::env::args().nth(1).unwrap());
    let data = std::path::PathBuf::from(std::env::args().nth(2).unwrap());
    let files = std::env::args().nth(3).as_deref() == Some("files");
    std::fs::create_dir_all(&folder).unwrap();
    let db = Db::open(&folder.join("t.db"), Clock::fake(1).0, Dice::counting(std::process::id() as u64)).await.unwrap();
    let kb: groundwork_core::ids::KnowledgeBaseId = "kb".parse().unwrap();
    db.put_knowledge_base(NewKnowledgeBase { id: kb.clone(), tenant: "default".parse().unwrap(), name: "q".into(), settings: serde_json::json!({}), managed_by: ManagedBy::Api }).await.unwrap();
    let blobs = Blobs::open(&folder.join("o")).unwrap();
    let index = Index::open(Setup { db: db.clone(), blobs: blobs.clone(), folder: folder.join("i"), tasks: Default::default(), stop: Default::default() });
    let entry = catalogue::builtin().into_iter().find(|e| e.name == catalogue::DEFAULT_EMBEDDER).unwrap();
    let model = local::Embedder::open(&entry, std::path::Path::new("/tmp/gw/models/all-MiniLM-L6-v2"), Default::default()).unwrap();
    let (m2, ct, co) = (model.clone(), model.chunk().0, model.chunk().1);
    let embedder = Embedder { model: model.model().into(), dimensions: model.dimensions(), window: model.window(), chunk_tokens: ct, chunk_overlap: co, tokenizer: model.tokenizer(),
        run: Arc::new(move |p, t| { let m = m2.clone(); Box::pin(async move { let p = match p { Purpose::Query => local::Purpose::Query, Purpose::Passage => local::Purpose::Passage }; m.embed(p, t).await.map_err(|e| EmbedError { model: "m".into(), reason: e.to_string() }) }) }) };
    let ing = Ingester::new(Parts { db: db.clone(), blobs, index: index.clone(), extractor: Extractor::new(SandboxSettings::default()), embedder: embedder.clone() }, Limits::default());
    let lines = |f: &str| -> Vec<serde_json::Value> { std::fs::read_to_string(data.join(f)).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect() };
    let t = Instant::now();
    let uploads: Vec<Upload> = if files {
        std::fs::read_dir(data.join("files")).unwrap().map(|e| e.unwrap().path()).filter(|p| p.extension().is_some_and(|x| x == "pdf")).map(|p| Upload { knowledge_base: kb.clone(), source: p.file_name().unwrap().to_string_lossy().into(), name: p.file_name().unwrap().to_string_lossy().into(), bytes: std::fs::read(p).unwrap().into(), permissions: None }).collect()
    } else {
        lines("docs.jsonl").into_iter().map(|d| Upload { knowledge_base: kb.clone(), source: d["id"].as_str().unwrap().into(), name: format!("{}.txt", d["title"].as_str().unwrap()), bytes: d["text"].as_str().unwrap().to_owned().into(), permissions: None }).collect()
    };
    let n = uploads.len();
    let done: Vec<_> = stream::iter(uploads).map(|u| { let s = u.source.clone(); let ing = ing.clone(); async move { (s, ing.file(u).await) } }).buffer_unordered(8).collect().await;
    let chunks: u32 = done.iter().map(|(s, r)| match r { Ok(i) => i.chunks, Err(e) => { println!("{s}: {e}"); 0 } }).sum();
    println!("{n} files, {chunks} chunks in {:?}", t.elapsed());
    let mut qrels: HashMap<String, HashMap<String, f64>> = HashMap::new();
    for l in std::fs::read_to_string(data.join("qrels.tsv")).unwrap().lines().skip(1) { let c: Vec<_> = l.split('\t').collect(); qrels.entry(c[0].into()).or_default().insert(c[1].into(), c[2].parse().unwrap()); }
    for mode in [Mode::Keyword, Mode::Vector, Mode::Hybrid] {
        let (mut sum, mut count, mut r5, mut r10, mut mrr) = (0.0, 0, 0.0, 0.0, 0.0);
        let mut took = vec![];
        for q in lines("queries.jsonl") {
            let Some(rel) = qrels.get(q["id"].as_str().unwrap()) else { continue };
            let caller = Caller::local();
            let bases = [kb.clone()];
            let t = Instant::now();
            let found = search(&index, &db, &embedder, Query { k: 50, mode, deadline: Instant::now() + Duration::from_secs(60), ..Query::new(&bases, q["text"].as_str().unwrap(), &caller) }).await.unwrap();
            took.push(t.elapsed());
            let mut pages: Vec<String> = vec![];
            for h in found.hits { let id = if files { format!("{}#page={}", h.source, h.pages.map_or(0, |p| p.0)) } else { h.source }; if !pages.contains(&id) { pages.push(id) } }
            let dcg: f64 = pages.iter().take(10).enumerate().map(|(i, p)| (2f64.powf(*rel.get(p).unwrap_or(&0.0)) - 1.0) / ((i + 2) as f64).log2()).sum();
            let mut ideal: Vec<f64> = rel.values().copied().collect(); ideal.sort_by(|a, b| b.total_cmp(a));
            let idcg: f64 = ideal.iter().take(10).enumerate().map(|(i, s)| (2f64.powf(*s) - 1.0) / ((i + 2) as f64).log2()).sum();
            sum += dcg / idcg; count += 1;
            let hit = |k: usize| pages.iter().take(k).filter(|p| rel.contains_key(*p)).count() as f64 / rel.len() as f64;
            r5 += hit(5); r10 += hit(10);
            mrr += pages.iter().take(10).position(|p| rel.contains_key(p)).map_or(0.0, |i| 1.0 / (i + 1) as f64);
        }
        took.sort();
        let c = count as f64;
        println!("{mode:?}: nDCG@10 {:.4} r@5 {:.3} r@10 {:.3} MRR {:.3} over {count}; p50 {:?}", sum / c, r5 / c, r10 / c, mrr / c, took[took.len() / 2]);
    }
    std::process::exit(0);
}
