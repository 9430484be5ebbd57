//! Loading a model at its first use, and what a loaded one does with one text.

use super::bert::{self, BertError, Encoder, Runner};
use super::lane::Craft;
use super::table::Table;
use super::weights::{Weights, WeightsError};
use super::{EmbedError, Purpose, Vocabulary, VocabularyError};
use crate::catalogue::{Engine as Kind, Entry};
use crate::models::{VerifyError, read_checked};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) const WEIGHTS: &str = "model.safetensors";
pub(super) const TOKENIZER: &str = "tokenizer.json";

/// How far an element of the probe's vector may be from what it should be; rounding is a thousandth of it.
const PROBE_TOLERANCE: f32 = 2e-4;

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Files(#[from] VerifyError),
    #[error("{path} cannot be used: {reason}; run `groundwork models pull {name}`, or correct the catalogue entry")]
    Content { name: String, path: PathBuf, reason: String },
    #[error("{name} computes something else on this machine than it should ({reason}), so its vectors cannot be trusted")]
    Probe { name: String, reason: String },
    #[error("no thread could be started for {name}: {source}")]
    Thread { name: String, source: std::io::Error },
}

/// Reads the tokenizer of a model.
pub(super) fn vocabulary(entry: &Entry, folder: &Path) -> Result<Vocabulary, LoadError> {
    let bytes = read_checked(entry, folder, TOKENIZER)?;
    Vocabulary::parse(&bytes).map_err(|VocabularyError { reason }| content(entry, folder, TOKENIZER, reason))
}

pub(super) fn content(entry: &Entry, folder: &Path, file: &str, reason: String) -> LoadError {
    LoadError::Content { name: entry.name.clone(), path: folder.join(file), reason }
}

/// One text to embed, and its place in the call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'t> {
    pub(super) purpose: Purpose,
    pub(super) index: usize,
    pub(super) text: &'t str,
}

/// What is loaded when it is first needed; what failed is tried again at the next need, since a pull may have mended it.
pub(super) struct Once<T>(Mutex<Option<Arc<T>>>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Once<T> {
    /// What `load` gives, loaded now if it is not yet. Threads that come meanwhile wait.
    pub(super) fn get(&self, load: impl FnOnce() -> Result<T, LoadError>) -> Result<Arc<T>, LoadError> {
        let mut loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = &*loaded {
            return Ok(loaded.clone());
        }
        let now = Arc::new(load()?);
        *loaded = Some(now.clone());
        Ok(now)
    }
}

/// An embedding model and what it is loaded from.
pub(super) struct Loader {
    entry: Entry,
    folder: PathBuf,
    vocabulary: Arc<Vocabulary>,
    loaded: Once<Engine>,
}

/// The work of a lane: embedding for one purpose.
pub(super) struct Embedding {
    pub(super) loader: Arc<Loader>,
    pub(super) purpose: Purpose,
}

impl Craft for Embedding {
    type Item = String;
    type Made = Vec<f32>;

    fn model(&self) -> &str {
        &self.loader.entry.name
    }

    fn make(&self, runner: &Runner, first: usize, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let engine = self.loader.engine().map_err(|error| EmbedError::Load(Arc::new(error)))?;
        let texts = texts.iter().zip(first..).map(|(text, index)| Text { purpose: self.purpose, index, text });
        texts.map(|text| self.loader.embed(&engine, runner, text)).collect()
    }
}

impl Loader {
    pub(super) fn new(entry: Entry, folder: PathBuf, vocabulary: Arc<Vocabulary>) -> Self {
        Self { entry, folder, vocabulary, loaded: Once::default() }
    }

    /// Tokens of a text that fit beside what the model adds.
    pub(super) fn room(&self, purpose: Purpose) -> usize {
        let special = if self.adds_special() { self.vocabulary.special_tokens() } else { 0 };
        let prefix = self.vocabulary.count_up_to(self.prefix(purpose), usize::MAX);
        self.entry.window.saturating_sub(special + prefix)
    }

    fn engine(&self) -> Result<Arc<Engine>, LoadError> {
        self.loaded.get(|| self.load())
    }

    /// Keeps every thread from getting on until what it returns is dropped.
    #[cfg(test)]
    pub(super) fn hold(self: &Arc<Self>) -> std::sync::mpsc::Sender<()> {
        let (release, released) = std::sync::mpsc::channel();
        let (held, holding) = std::sync::mpsc::channel();
        let loader = self.clone();
        std::thread::spawn(move || {
            let _guard = loader.loaded.0.lock().expect("no test breaks it");
            held.send(()).expect("the test waits");
            let _ = released.recv();
        });
        holding.recv().expect("the thread holds");
        release
    }

    fn embed(&self, engine: &Engine, runner: &Runner, text: Text<'_>) -> Result<Vec<f32>, EmbedError> {
        let Text { purpose, index, text } = text;
        let failed = |reason: String| EmbedError::Failed { model: self.entry.name.clone(), reason };
        let prefix = self.prefix(purpose);
        let prefixed = if prefix.is_empty() { None } else { Some(format!("{prefix}{text}")) };
        let text = prefixed.as_deref().unwrap_or(text);
        let special = if self.adds_special() { self.vocabulary.special_tokens() } else { 0 };
        let window = self.entry.window;
        let tokens = special + self.vocabulary.count_up_to(text, window.saturating_sub(special));
        if tokens > window {
            return Err(EmbedError::TooLong { model: self.entry.name.clone(), index, tokens, window });
        }
        let ids = self.vocabulary.ids(text, self.adds_special()).map_err(failed)?;
        engine.embed(runner, &ids).map_err(|error| EmbedError::Failed { model: self.entry.name.clone(), reason: error.to_string() })
    }

    fn prefix(&self, purpose: Purpose) -> &str {
        match purpose {
            Purpose::Query => &self.entry.query_prefix,
            Purpose::Passage | Purpose::Sentence => &self.entry.passage_prefix,
        }
    }

    fn adds_special(&self) -> bool {
        matches!(self.entry.engine, Kind::Bert { .. })
    }

    fn load(&self) -> Result<Engine, LoadError> {
        let entry = &self.entry;
        let wrong = |reason: String| content(entry, &self.folder, WEIGHTS, reason);
        let weights = Weights::new(read_checked(entry, &self.folder, WEIGHTS)?).map_err(|error| wrong(error.to_string()))?;
        let engine = Engine::new(entry, weights, &self.vocabulary).map_err(|error| wrong(error.to_string()))?;
        enough_tokens(engine.vocabulary(), &self.vocabulary).map_err(wrong)?;
        self.probe(&engine)?;
        Ok(engine)
    }

    /// One known vector shows that the file, the graph and the kernels of this processor agree with the original.
    fn probe(&self, engine: &Engine) -> Result<(), LoadError> {
        let Some(probe) = &self.entry.probe else { return Ok(()) };
        let wrong = |reason: String| LoadError::Probe { name: self.entry.name.clone(), reason };
        let ids = self.vocabulary.ids(&probe.text, self.adds_special()).map_err(wrong)?;
        let vector = engine.embed(&Runner::new(), &ids).map_err(|error| wrong(error.to_string()))?;
        let far =
            probe.head.iter().zip(&vector).find(|(want, have)| (*want - *have).abs().is_nan() || (*want - *have).abs() > PROBE_TOLERANCE);
        match far {
            Some((want, have)) => Err(wrong(format!("{have} instead of {want}"))),
            None => Ok(()),
        }
    }
}

/// Whether weights that hold `rows` tokens know all that the tokenizer may name.
pub(super) fn enough_tokens(rows: usize, vocabulary: &Vocabulary) -> Result<(), String> {
    if rows < vocabulary.size() {
        return Err(format!("it holds {rows} tokens, {TOKENIZER} has {}", vocabulary.size()));
    }
    Ok(())
}

/// A loaded model.
pub(super) enum Engine {
    Bert(Box<Encoder>),
    Static(Table),
}

#[derive(Debug, thiserror::Error)]
pub(super) enum EngineError {
    #[error(transparent)]
    Bert(#[from] BertError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    #[error("it is no embedding model")]
    NoEmbedder,
}

impl Engine {
    fn new(entry: &Entry, weights: Weights, vocabulary: &Vocabulary) -> Result<Self, EngineError> {
        match entry.engine {
            Kind::Bert { heads, layer_norm_epsilon, pooling } => {
                let Entry { dimensions, window, .. } = *entry;
                let settings = bert::Settings { dimensions, window, heads, layer_norm_epsilon, pooling };
                Ok(Self::Bert(Box::new(Encoder::new(weights, settings)?)))
            }
            Kind::Static => Ok(Self::Static(Table::new(&weights, entry.dimensions, vocabulary.id("[UNK]"))?)),
            Kind::Gguf | Kind::CrossEncoder { .. } => Err(EngineError::NoEmbedder),
        }
    }

    fn vocabulary(&self) -> usize {
        match self {
            Self::Bert(encoder) => encoder.vocabulary(),
            Self::Static(table) => table.vocabulary(),
        }
    }

    fn embed(&self, runner: &Runner, tokens: &[u32]) -> Result<Vec<f32>, EngineError> {
        match self {
            Self::Bert(encoder) => Ok(encoder.embed(runner, tokens)?),
            Self::Static(table) => Ok(table.embed(tokens)),
        }
    }
}
