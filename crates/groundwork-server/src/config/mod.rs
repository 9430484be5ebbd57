//! Process settings: defaults in code < `groundwork.toml` < `GROUNDWORK__SECTION__KEY`. Everything here is parsed into its final type
//! before anything starts; what is wrong is reported with its key, where it stands, and what to write instead.
//!
//! Only settings of the process live here. Assistants, templates, model pools and knowledge bases are data; files of them are named in
//! `apply`.

mod environment;
mod extract;
mod load;
mod schema;
mod secret;
mod target;
mod units;

pub use environment::Environment;
pub use extract::{ExtractConfig, OcrConfig};
pub use load::{ConfigError, Source, load};
pub use schema::json_schema;
pub use secret::{SecretError, SecretRef};
pub use target::{
    Api, ConnectionError, HangUpConfig, IdentityConfig, IdentityError, TargetConfig, TargetError, TimeoutsConfig, UnfilteredConfig,
    discover,
};
pub use units::{ByteSize, Span};

use groundwork_inference::catalogue::{DEFAULT_EMBEDDER, Entry};
use groundwork_inference::models;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Settings of one Groundwork process.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The folder that holds everything Groundwork remembers: database, original files, indexes, socket. By default
    /// `$XDG_DATA_HOME/groundwork`, else `~/.local/share/groundwork`. A relative path is taken from the folder of the file it stands in.
    pub data_dir: PathBuf,
    /// Files that declare assistants, templates, model pools and knowledge bases; applied at every start.
    pub apply: Vec<PathBuf>,
    pub server: ServerConfig,
    pub limits: LimitsConfig,
    /// Model files: where they are kept, and how they are fetched. The cache is `$XDG_CACHE_HOME/groundwork/models` by default, else
    /// `~/.cache/groundwork/models`.
    pub models: models::Settings,
    pub embedding: EmbeddingConfig,
    pub retrieval: RetrievalConfig,
    /// Models of your own beside the built-in ones, or in their place when they have the same name.
    pub catalogue: Vec<Entry>,
    /// Who answers, in order of preference. Without any, answers are quotes from the sources.
    pub targets: Vec<TargetConfig>,
    pub extract: ExtractConfig,
    pub log: LogConfig,
}

/// How the server is reached, and how it ends.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port to listen on. Without declared keys only a loopback address is allowed. Port 0 takes any free port.
    pub listen: SocketAddr,
    /// How long running answers may take to finish after SIGTERM or SIGINT; a second signal ends them at once.
    pub shutdown_grace: Span,
    /// The pause after which a silent stream gets a comment, so that nothing on the way takes it for dead.
    pub heartbeat: Span,
    /// How long a client may take to send the headers of a request.
    pub header_timeout: Span,
    /// How long a client may send nothing of a body that it has begun, or take nothing of what is there for it.
    pub client_timeout: Span,
    /// Origins such as `https://console.example` whose web pages may ask this server from a browser; `*` for all, where keys are asked for.
    pub allowed_origins: Vec<String>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            shutdown_grace: Span::from_secs(30),
            heartbeat: Span::from_secs(15),
            header_timeout: Span::from_secs(30),
            client_timeout: Span::from_secs(60),
            allowed_origins: Vec::new(),
        }
    }
}

/// What one request may cost.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// The largest JSON body.
    pub json_body: ByteSize,
    /// The largest uploaded document.
    pub document: ByteSize,
    /// Memory for the bodies of all requests together, those of up to 64 KiB left out; what would go beyond waits a moment and is
    /// refused with 503 and `Retry-After`.
    pub body_memory: ByteSize,
    /// The largest file of `/v1/files` that comes in one piece.
    pub file: ByteSize,
    /// The largest file that comes in parts, by `/v1/uploads`.
    pub upload: ByteSize,
    /// The longest question, in bytes of UTF-8.
    pub question: ByteSize,
    /// Requests that are answered at the same time; more are refused with 503 and `Retry-After`.
    pub concurrent_requests: NonZeroUsize,
    /// Calls that batches may have running at the same time; each call that somebody waits for takes the place of one.
    pub batch_calls: NonZeroUsize,
    /// Connections that are open at the same time; more wait to be accepted.
    pub connections: NonZeroUsize,
    /// How long a whole answer may take, streams included.
    pub request: Span,
    /// Responses in the background that are worked on at the same time; sixteen times as many may wait, and more are refused with 503.
    pub background_responses: NonZeroUsize,
    /// How long one of them may take.
    pub background: Span,
    /// How long a search may take, with its wait for indexes that are still loading.
    pub search: Span,
    /// Jobs that run at the same time: documents that are read, embedded and indexed.
    pub jobs: NonZeroUsize,
    /// How long reading, embedding and storing one uploaded document may take.
    pub ingest: Span,
    /// How long a file may take to come in, or to be put together from its parts.
    pub transfer: Span,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            json_body: ByteSize::from_mib(16),
            document: ByteSize::from_mib(128),
            body_memory: ByteSize::from_mib(1024),
            file: ByteSize::from_mib(512),
            upload: ByteSize::from_mib(8192),
            question: ByteSize::from_mib(1),
            concurrent_requests: count(512),
            batch_calls: count(16),
            connections: count(4096),
            request: Span::from_secs(600),
            background_responses: count(64),
            background: Span::from_secs(3600),
            search: Span::from_secs(10),
            jobs: count(8),
            ingest: Span::from_secs(600),
            transfer: Span::from_secs(1800),
        }
    }
}

const fn count(n: usize) -> NonZeroUsize {
    match NonZeroUsize::new(n) {
        Some(n) => n,
        None => NonZeroUsize::MIN,
    }
}

/// How documents and questions become vectors.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddingConfig {
    /// The embedding model, by its name in `groundwork models list`.
    pub model: String,
    /// A fast embedding model, such as `potion-base-8M`: documents that are brought to a running server are found by its vectors within
    /// moments, until those of `model` have been made in the background. Without one they are found once `model` has embedded them.
    pub first_pass: Option<String>,
}

impl Default for EmbeddingConfig {
    fn default() -> Self {
        Self { model: DEFAULT_EMBEDDER.to_owned(), first_pass: None }
    }
}

/// How what a search finds is put in order.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetrievalConfig {
    /// A cross-encoder, by its name in `groundwork models list`, that reads the best of what the words and the vectors find together with
    /// the question. Without one their order is the last.
    pub reranker: Option<String>,
    /// In its place a model that an applied file declares: its deployments are asked by `POST …/rerank`, as Cohere, Jina, vLLM and LiteLLM
    /// have it.
    pub rerank_model: Option<String>,
    /// How many of the best it reads, at most 200; what stands behind them keeps its order.
    pub rerank_candidates: NonZeroUsize,
    /// How long a search waits for it. When it is late, the order is that of the search, and the answer says so.
    pub rerank_deadline: Span,
}

impl Default for RetrievalConfig {
    fn default() -> Self {
        Self { reranker: None, rerank_model: None, rerank_candidates: count(30), rerank_deadline: Span::from_secs(2) }
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    pub format: LogFormat,
    /// A level (`error`, `warn`, `info`, `debug`, `trace`), or a list like `info,groundwork_retrieval=debug`. By default `info` for
    /// `serve` and `warn` for every other command.
    pub filter: Option<LogFilter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON lines otherwise.
    #[default]
    Auto,
    Text,
    Json,
}

/// A filter in the language of `tracing`, checked when it is read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct LogFilter(String);

impl LogFilter {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for LogFilter {
    type Error = String;

    fn try_from(given: String) -> Result<Self, String> {
        match tracing_subscriber::EnvFilter::try_new(&given) {
            Ok(_) => Ok(Self(given)),
            Err(reason) => Err(format!(
                "{given:?} is not a log filter ({reason}); write a level like \"info\" or a list like \"info,groundwork_app=debug\""
            )),
        }
    }
}

impl From<LogFilter> for String {
    fn from(filter: LogFilter) -> String {
        filter.0
    }
}
