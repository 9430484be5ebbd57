//! What an `App` is opened with: plain values, parsed and read from wherever they came by the caller.

use crate::keys::Secrets;
use groundwork_inference::models::Library;
use groundwork_inference::target;
use groundwork_retrieval::embed::Embedder;
use groundwork_retrieval::extract::sandbox::SandboxSettings;
use groundwork_retrieval::rerank::Reranker;
use std::path::PathBuf;
use std::time::Duration;

/// Everything `App::open` needs to know.
pub struct Settings {
    /// The folder of the database, the originals and the derived indexes. Made if it is missing.
    pub data_dir: PathBuf,
    pub role: Role,
    /// The file of the calibrated floor, which need not be there.
    pub calibration: PathBuf,
    /// The local models and where their files are.
    pub library: Library,
    pub embedding: Embedding,
    /// Without one a document is found once `embedding` has embedded it.
    pub first_pass: Option<FirstPass>,
    /// Without one the order of the legs is the last.
    pub reranking: Option<Reranking>,
    pub extractor: SandboxSettings,
    /// The targets that pools may name, in order of preference; the built-in pool `default` uses them in this order.
    pub targets: Vec<target::Settings>,
    /// Files that declare assistants, templates, models and knowledge bases.
    pub applied: Vec<AppliedFile>,
    /// Reads the values of declared keys. Without it no key is asked for: nobody but this user may get in then.
    pub secrets: Option<Secrets>,
    pub limits: Limits,
}

/// How much of the data folder this process has for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Alone in the folder; runs the jobs: `serve`, `ingest` without a server.
    Owner,
    /// Beside other visitors, never beside an owner: asks and searches, changes no documents.
    Visitor,
}

/// Which model embeds documents and questions.
pub enum Embedding {
    /// A model of the library by its name. When its files are missing, search says so and the rest works; they are looked for again
    /// at each use.
    Catalogue(String),
    /// An embedder that is ready.
    Given(Embedder),
}

/// A fast model whose vectors a new document is found by until those of the embedding model are there.
pub struct FirstPass {
    pub model: Embedding,
    /// Whether this process brings documents in that way, because it stays to make the second pass. It searches what is there in any case.
    pub makes: bool,
}

/// The model that reads the best of what the legs find together with the question.
pub struct Reranking {
    pub judge: Judge,
    /// How many of the best it reads.
    pub candidates: usize,
    /// How long a search waits for it.
    pub patience: Duration,
}

pub enum Judge {
    /// A cross-encoder of the library by its name. When its files are missing, a search that wants it says so.
    Catalogue(String),
    /// A declared model by its name, whose deployments rerank over HTTP.
    Model(String),
    /// One that is ready.
    Given(Reranker),
}

/// A file of declarations: its name for messages, and its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedFile {
    pub name: String,
    pub text: String,
}

/// Sizes and times beyond which a request is refused.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of an uploaded file.
    pub upload_bytes: usize,
    /// Bytes of a file that comes in one piece.
    pub file_bytes: u64,
    /// Bytes of a file that comes in parts.
    pub upload_in_parts_bytes: u64,
    /// Bytes of all messages of a chat request.
    pub question_bytes: usize,
    /// How long a call may take when the client names no deadline.
    pub call_timeout: Duration,
    /// How long a search waits for an index that is still loading, or for a place in the queue.
    pub search_timeout: Duration,
    /// Jobs that run at the same time.
    pub jobs: usize,
    /// Responses in the background that are worked on at the same time; sixteen times as many may wait.
    pub background_responses: usize,
    /// How long one of them may take.
    pub background_timeout: Duration,
    /// Calls that batches may have running at the same time; each call that somebody waits for takes the place of one.
    pub batch_calls: usize,
    /// Calls whose tokens are counted at the same time, where the target does not tell them; of one more the most that they can be is booked.
    pub counts: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            upload_bytes: 256 << 20,
            file_bytes: 512 << 20,
            upload_in_parts_bytes: 8 << 30,
            question_bytes: 4 << 20,
            call_timeout: Duration::from_secs(600),
            search_timeout: Duration::from_secs(10),
            jobs: 8,
            background_responses: 64,
            background_timeout: Duration::from_secs(3600),
            batch_calls: 16,
            counts: 256,
        }
    }
}
