//! What the tests share.

use bytes::Bytes;
use futures::StreamExt;
use groundwork_app::documents::{self, Document, Upload, Uploaded};
use groundwork_app::pipeline::{self, Answer, CallError, Head, Item, Request};
use groundwork_app::settings::{AppliedFile, Embedding, FirstPass, Judge, Limits, Reranking, Role};
use groundwork_app::{App, Caller, OpenError, Settings, ledger};
use groundwork_core::access::Permissions;
use groundwork_core::clock::{Clock, Dice};
use groundwork_core::tokens::Tokenize;
use groundwork_inference::fake::Script;
use groundwork_inference::models::{self, Library};
use groundwork_inference::target;
use groundwork_retrieval::embed::{EmbedError, Embedder, Purpose};
use groundwork_retrieval::extract::sandbox::SandboxSettings;
use groundwork_retrieval::rerank::Reranker;
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const START: u64 = 1_790_000_000_000;

/// An application and what the tests turn.
pub(crate) struct House {
    pub(crate) app: App,
    pub(crate) hand: Arc<AtomicU64>,
    /// While true, the embedding model fails.
    pub(crate) embedder_is_down: Arc<AtomicBool>,
    /// While true, sentences are compared without end.
    pub(crate) comparing_hangs: Arc<AtomicBool>,
    pub(crate) folder: Arc<TempDir>,
}

/// How a house is built.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) targets: Vec<target::Settings>,
    pub(crate) applied: Vec<AppliedFile>,
    pub(crate) limits: Limits,
    pub(crate) first_pass: Option<Embedder>,
    pub(crate) reranker: Option<Reranker>,
    /// In its place a declared model.
    pub(crate) rerank_model: Option<&'static str>,
    pub(crate) folder: Arc<TempDir>,
    pub(crate) start: u64,
}

impl Plan {
    pub(crate) fn new(targets: Vec<target::Settings>) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self {
            targets,
            applied: Vec::new(),
            limits: Limits::default(),
            first_pass: None,
            reranker: None,
            rerank_model: None,
            folder,
            start: START,
        }
    }

    pub(crate) fn applying(mut self, text: &str) -> Self {
        self.applied.push(AppliedFile { name: "applied.toml".into(), text: text.into() });
        self
    }

    pub(crate) async fn build(self) -> Result<House, OpenError> {
        let (clock, hand) = Clock::fake(self.start);
        let (embedder_is_down, comparing_hangs) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let settings = Settings {
            data_dir: self.folder.path().join("data"),
            role: Role::Owner,
            calibration: self.folder.path().join("calibration.json"),
            library: Library::new(models::Settings::default(), &self.folder.path().join("models"), Vec::new()).unwrap(),
            embedding: Embedding::Given(embedder(embedder_is_down.clone(), comparing_hangs.clone())),
            first_pass: self.first_pass.map(|model| FirstPass { model: Embedding::Given(model), makes: true }),
            reranking: match (self.reranker, self.rerank_model) {
                (Some(reranker), _) => {
                    Some(Reranking { candidates: reranker.candidates, patience: reranker.patience, judge: Judge::Given(reranker) })
                }
                (None, Some(model)) => {
                    Some(Reranking { candidates: 30, patience: Duration::from_secs(10), judge: Judge::Model(model.to_owned()) })
                }
                (None, None) => None,
            },
            extractor: SandboxSettings { program: env!("CARGO_BIN_EXE_app-test-child").into(), ..SandboxSettings::default() },
            targets: self.targets,
            applied: self.applied,
            secrets: None,
            limits: self.limits,
        };
        let app = App::open(settings, clock, Dice::counting(1)).await?;
        Ok(House { app, hand, embedder_is_down, comparing_hangs, folder: self.folder })
    }
}

impl Plan {
    /// In a folder that a house was in before. A child that another test starts holds that one's lock too, from its fork to its exec.
    pub(crate) async fn build_again(self) -> House {
        loop {
            match self.clone().build().await {
                Err(OpenError::Lock(_)) => tokio::task::yield_now().await,
                opened => return opened.unwrap(),
            }
        }
    }
}

/// A house with the scripted model behind `default` and the assistant `groundwork`.
pub(crate) async fn house(script: Script) -> House {
    Plan::new(vec![fake("fake", script)]).build().await.unwrap()
}

pub(crate) fn fake(name: &str, script: Script) -> target::Settings {
    target::Settings::new(name, target::Kind::Fake(script))
}

pub(crate) fn user(name: &str) -> Caller {
    Caller { principals: [format!("user:{name}")].into(), ..Caller::local() }
}

impl House {
    pub(crate) async fn upload(&self, name: &str, text: &str) -> Document {
        match self.try_upload(name, text.as_bytes(), None).await {
            Uploaded::Live { document, .. } => *document,
            other => panic!("{name} is not live: {other:?}"),
        }
    }

    pub(crate) async fn try_upload(&self, name: &str, bytes: &[u8], permissions: Option<Permissions>) -> Uploaded {
        let upload = Upload {
            knowledge_base: "default".parse().unwrap(),
            name: name.into(),
            source: None,
            title: None,
            bytes: Bytes::copy_from_slice(bytes),
            permissions,
            attributes: None,
            wait: Duration::from_secs(60),
        };
        documents::upload(&self.app, &Caller::local(), upload).await.unwrap()
    }

    pub(crate) async fn ask(&self, model: &str, question: &str) -> Result<(Head, Value), CallError> {
        self.ask_as(&Caller::local(), body(model, question)).await
    }

    pub(crate) async fn ask_as(&self, caller: &Caller, body: Value) -> Result<(Head, Value), CallError> {
        match pipeline::run(&self.app, caller, request(body)).await? {
            Answer::Whole(head, body) => Ok((head, serde_json::from_slice(&body).unwrap())),
            Answer::Stream(..) => panic!("a stream came where none was asked for"),
        }
    }

    pub(crate) async fn stream(&self, mut body: Value) -> Result<Streamed, CallError> {
        body["stream"] = true.into();
        match pipeline::run(&self.app, &Caller::local(), request(body)).await? {
            Answer::Stream(_, items) => {
                let items: Vec<Item> = items.collect().await;
                Ok(Streamed::of(items))
            }
            Answer::Whole(..) => panic!("a whole answer came where a stream was asked for"),
        }
    }

    /// The ledger once every call that has ended is in it, and the house shut.
    pub(crate) async fn ledger_at_the_end(self) -> Vec<ledger::Entry> {
        let (app, folder) = (self.app, self.folder);
        app.shutdown(Duration::from_secs(20)).await;
        drop(app);
        let again = Plan { folder, ..Plan::new(vec![fake("fake", Script::default())]) }.build_again().await;
        let (mut entries, mut after) = (Vec::new(), None);
        loop {
            let list = ledger::List { time: 0..i64::MAX as u64, after, limit: 1000 };
            let page = ledger::list(&again.app, &Caller::local(), list).await.unwrap();
            after = page.last().map(ledger::Entry::cursor);
            entries.extend(page);
            if after.is_none() {
                break;
            }
        }
        again.app.shutdown(Duration::from_secs(20)).await;
        entries
    }
}

/// A streamed answer, put together as a client does.
#[derive(Debug)]
pub(crate) struct Streamed {
    pub(crate) chunks: Vec<Value>,
    pub(crate) text: String,
    pub(crate) annotations: Vec<Value>,
    pub(crate) is_retracted: bool,
    pub(crate) error: Option<CallError>,
}

impl Streamed {
    pub(crate) fn of(items: Vec<Item>) -> Self {
        let mut streamed = Self { chunks: Vec::new(), text: String::new(), annotations: Vec::new(), is_retracted: false, error: None };
        for item in items {
            assert!(streamed.error.is_none(), "something follows the error");
            match item {
                Item::Frame(frame) if frame.is_done() => {}
                Item::Frame(frame) => {
                    let chunk: Value = serde_json::from_slice(&frame.data).unwrap();
                    let delta = &chunk["choices"][0]["delta"];
                    streamed.text.push_str(delta["content"].as_str().unwrap_or_default());
                    streamed.annotations.extend(delta["annotations"].as_array().cloned().unwrap_or_default());
                    streamed.chunks.push(chunk);
                }
                Item::Retracted => streamed.is_retracted = true,
                Item::Error(error) => streamed.error = Some(error),
            }
        }
        streamed
    }
}

pub(crate) fn request(body: Value) -> Request {
    Request { body: body.to_string().into(), ..Request::default() }
}

pub(crate) fn body(model: &str, question: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": question }] })
}

/// Words thrown into 64 buckets: texts that share words are near each other.
pub(crate) fn embedder(is_down: Arc<AtomicBool>, comparing_hangs: Arc<AtomicBool>) -> Embedder {
    Embedder {
        model: "buckets-1".into(),
        dimensions: 64,
        window: 512,
        chunk_tokens: 60,
        chunk_overlap: 15,
        tokenizer: Arc::new(Words),
        run: Arc::new(move |purpose, texts| {
            if purpose == Purpose::Sentence && comparing_hangs.load(Ordering::SeqCst) {
                return Box::pin(std::future::pending());
            }
            let result = if is_down.load(Ordering::SeqCst) {
                Err(EmbedError::Failed { model: "buckets-1".into(), reason: "it is down".into() })
            } else {
                Ok(texts.iter().map(|text| bag_of_words(text, 64)).collect())
            };
            Box::pin(std::future::ready(result))
        }),
    }
}

pub(crate) fn bag_of_words(text: &str, buckets: usize) -> Vec<f32> {
    let mut vector = vec![0.001_f32; buckets];
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let bucket = word.to_lowercase().bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
        vector[bucket as usize % buckets] += 1.0;
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    vector.iter().map(|x| x / length).collect()
}

struct Words;

impl Tokenize for Words {
    fn count(&self, text: &str) -> usize {
        self.spans(text).len()
    }

    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let start = text.as_ptr() as usize;
        let at = |word: &str| word.as_ptr() as usize - start;
        text.split_whitespace().map(|word| at(word)..at(word) + word.len()).collect()
    }
}
