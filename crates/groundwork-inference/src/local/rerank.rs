//! Cross-encoders: a question and a passage are read together, which tells more than comparing their vectors and costs more.

use super::bert::{CrossEncoder, Pair, Runner, cross};
use super::engine::{self, LoadError, Once, TOKENIZER, WEIGHTS, content, enough_tokens};
use super::lane::{Craft, Lane, WhenFull};
use super::weights::Weights;
use super::{EmbedError, Options};
use crate::catalogue::{Engine, Entry};
use crate::models::read_checked;
use crate::tokenizers::Vocabulary;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const GRAPH: &str = "model.onnx";

/// Of the window, the part that a passage has at least: a longer question is read by its beginning.
const PASSAGE_SHARE: usize = 4;

/// A model that reranks. Cheap to clone; the weights are loaded at the first use, and the threads end with the last clone.
#[derive(Clone)]
pub struct Reranker {
    inner: Arc<Inner>,
}

struct Inner {
    model: String,
    lane: Lane<Judging>,
}

impl Reranker {
    /// Opens the model whose files lie in `folder`. Reads the tokenizer now, the weights at the first use. Does blocking I/O.
    pub fn open(entry: &Entry, folder: &Path, options: Options) -> Result<Self, LoadError> {
        let Engine::CrossEncoder { heads, layer_norm_epsilon } = entry.engine else {
            return Err(content(entry, folder, TOKENIZER, "the model is no cross-encoder".to_owned()));
        };
        let vocabulary = engine::vocabulary(entry, folder)?;
        let shape = cross::Shape { window: entry.window, heads, layer_norm_epsilon };
        let judging = Judging { entry: entry.clone(), folder: folder.to_owned(), shape, vocabulary, loaded: Once::default() };
        let lane = Lane::start(judging, "rerank", WhenFull::Refuse, (options.rerank_threads.get(), options.queue.get()))?;
        Ok(Self { inner: Arc::new(Inner { model: entry.name.clone(), lane }) })
    }

    /// How well each passage answers the question, from 0 to 1, in order. A question that leaves a passage less than a quarter of the
    /// model's window is read by its beginning, a passage that does not fit beside it is too. When the queue is full the call is refused;
    /// dropping the future takes its work out of the queue.
    pub async fn judge(&self, question: &str, passages: Vec<String>) -> Result<Vec<f32>, EmbedError> {
        let question: Arc<str> = question.into();
        self.inner.lane.run(passages.into_iter().map(|passage| (question.clone(), passage)).collect()).await
    }

    /// The name of the model in the catalogue.
    pub fn model(&self) -> &str {
        &self.inner.model
    }

    /// Pieces of work waiting or running now.
    pub fn queue_length(&self) -> usize {
        self.inner.lane.length()
    }
}

impl std::fmt::Debug for Reranker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reranker").field("model", &self.inner.model).finish_non_exhaustive()
    }
}

/// The work of the lane: judging passages.
struct Judging {
    entry: Entry,
    folder: PathBuf,
    shape: cross::Shape,
    vocabulary: Vocabulary,
    loaded: Once<CrossEncoder>,
}

impl Craft for Judging {
    type Item = (Arc<str>, String);
    type Made = f32;

    fn model(&self) -> &str {
        &self.entry.name
    }

    fn make(&self, runner: &Runner, _first: usize, pairs: &[Self::Item]) -> Result<Vec<f32>, EmbedError> {
        let model = self.loaded.get(|| self.load(runner)).map_err(|error| EmbedError::Load(Arc::new(error)))?;
        let failed = |reason: String| EmbedError::Failed { model: self.entry.name.clone(), reason };
        let judged = pairs.iter().map(|(question, passage)| {
            let pair = self.pair(question, passage).map_err(failed)?;
            model.logit(runner, &pair).map(probability).map_err(|error| failed(error.to_string()))
        });
        judged.collect()
    }
}

impl Judging {
    /// The tokens of both texts, cut so that they fit the window.
    fn pair(&self, question: &str, passage: &str) -> Result<Pair, String> {
        let special = self.vocabulary.pair("", "")?.0.len();
        let room = self.entry.window.saturating_sub(special);
        let question = self.vocabulary.beginning(question, room - room / PASSAGE_SHARE);
        let left = room - self.vocabulary.count_up_to(question, room).min(room);
        let (mut ids, mut types) = self.vocabulary.pair(question, self.vocabulary.beginning(passage, left))?;
        // A tokenizer that counts a text otherwise within a pair costs the pair its end.
        ids.truncate(self.entry.window);
        types.truncate(self.entry.window);
        Ok(Pair { ids, types })
    }

    fn load(&self, runner: &Runner) -> Result<CrossEncoder, LoadError> {
        let file = if self.entry.files.iter().any(|file| file.name == GRAPH) { GRAPH } else { WEIGHTS };
        let wrong = |reason: String| content(&self.entry, &self.folder, file, reason);
        let bytes = read_checked(&self.entry, &self.folder, file)?;
        let model = if file == GRAPH {
            CrossEncoder::from_onnx(bytes).map_err(|error| wrong(error.to_string()))?
        } else {
            let weights = Weights::new(bytes).map_err(|error| wrong(error.to_string()))?;
            CrossEncoder::from_weights(weights, self.shape).map_err(|error| wrong(error.to_string()))?
        };
        model.vocabulary().map_or(Ok(()), |rows| enough_tokens(rows, &self.vocabulary)).map_err(wrong)?;
        self.try_out(runner, &model).map_err(wrong)?;
        Ok(model)
    }

    /// A pair that fills the window shows whether the graph runs, reads so much, and gives one number.
    fn try_out(&self, runner: &Runner, model: &CrossEncoder) -> Result<(), String> {
        let (mut ids, mut types) = self.vocabulary.pair("a", "a")?;
        let (Some(&id), Some(&kind)) = (ids.last(), types.last()) else {
            return Err(format!("{TOKENIZER} makes no tokens of a pair"));
        };
        ids.resize(self.entry.window, id);
        types.resize(self.entry.window, kind);
        model.logit(runner, &Pair { ids, types }).map(|_logit| ()).map_err(|error| error.to_string())
    }
}

/// The logistic function: models are trained so that it tells how likely the passage answers.
fn probability(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests;
