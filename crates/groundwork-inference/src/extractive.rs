//! The answer without a chat model: the best sentences of the sources, quoted word for word, each with its citation.

#[cfg(feature = "local-chat")]
use crate::local::chat::ChatModel;
use crate::target::within::{COUNTED_AS, Within};
use crate::target::{ANSWER_HEADER, Call, CallError, Composed, Embed, Grounding, REASON_HEADER, Reply, Stage};
use crate::tokenizers;
use groundwork_core::extractive::{self, Candidate, Extract};
use groundwork_core::turn::Turn;
use http::{HeaderMap, HeaderValue};
#[cfg(feature = "local-chat")]
use std::time::Duration;
use std::time::Instant;

/// Quotes in one answer.
const QUOTES: usize = 3;

/// Of whom a refusal speaks.
pub const WHO: &str = "an answer of quotes";

/// How an answer begins whose quotes are near the question and no answer to it.
const NO_ANSWER: &str = "I found no answer to this in the documents. The nearest passages, quoted word for word:";

/// What a model gets at most to mark the words of a quote that answer; without them the quote is the answer as it is.
#[cfg(feature = "local-chat")]
const MARKING: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Extractive {
    name: String,
    #[cfg(feature = "local-chat")]
    marker: Option<ChatModel>,
}

impl Extractive {
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            #[cfg(feature = "local-chat")]
            marker: None,
        }
    }

    /// Its best quote has the words marked that answer.
    #[cfg(feature = "local-chat")]
    pub(crate) fn with_marker(self, marker: ChatModel) -> Self {
        Self { marker: Some(marker), ..self }
    }

    pub(crate) async fn call(&self, model: &str, call: Call) -> Result<Reply, CallError> {
        let heading = call.heading(model);
        let Some(grounding) = &call.grounding else {
            return Err(CallError::Unsupported {
                target: self.name.clone(),
                message: "it only quotes documents: ask an assistant that has a knowledge base, or configure a chat model".to_owned(),
            });
        };
        let turn = Turn::read(call.dialect, &call.body).and_then(|turn| turn.check_plain(WHO).map(|()| turn));
        let turn = turn.map_err(|invalid| CallError::Invalid { target: self.name.clone(), invalid })?;
        let (extract, by_words) = in_time(&self.name, grounding, call.deadline).await?;
        #[cfg(feature = "local-chat")]
        let extract = self.marked(&grounding.question, extract, call.deadline).await;
        let (pieces, finish) = Within::of(&turn).cut(extract.pieces());
        let (input_tokens, output_tokens) = count(grounding, &pieces).await;
        let kind = if extract.quotes.is_empty() { "declined" } else { "quotes" };
        let mut headers = HeaderMap::from_iter([(ANSWER_HEADER, HeaderValue::from_static(kind))]);
        if by_words {
            headers.insert(REASON_HEADER, HeaderValue::from_static("words_only"));
        }
        let (dialect, stream) = (call.dialect, call.stream);
        Ok(Composed { dialect, heading, pieces: &pieces, input_tokens, output_tokens, finish, stream, headers }.reply())
    }
}

#[cfg(feature = "local-chat")]
impl Extractive {
    /// The words of the best quote that answer, marked; as it was where the model cannot tell.
    async fn marked(&self, question: &str, mut extract: Extract, deadline: Instant) -> Extract {
        if let (Some(marker), Some(best)) = (&self.marker, extract.quotes.first_mut()) {
            let soon = (tokio::time::Instant::now() + MARKING).into_std();
            match marker.mark(question, &best.text, deadline.min(soon)).await {
                Ok(marked) => best.marked = marked,
                Err(error) => tracing::warn!(%error, "a quote stays without marks"),
            }
        }
        extract
    }
}

/// The answer of an assistant that has found nothing which fits well enough: it says so, and quotes what is nearest. No model is asked.
pub async fn decline(name: &str, call: Call, grounding: &Grounding, within: &Within) -> Result<Reply, CallError> {
    let heading = call.heading(name);
    let (extract, _by_words) = in_time(name, grounding, call.deadline).await?;
    let mut pieces = extract.pieces();
    if !extract.quotes.is_empty() {
        pieces[0] = format!("{NO_ANSWER}\n");
    }
    let (pieces, finish) = within.cut(pieces);
    let told = [(ANSWER_HEADER, "declined"), (REASON_HEADER, "below_floor")];
    let headers = told.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
    let (dialect, stream) = (call.dialect, call.stream);
    Ok(Composed { dialect, heading, pieces: &pieces, input_tokens: 0, output_tokens: 0, finish, stream, headers }.reply())
}

async fn in_time(name: &str, grounding: &Grounding, deadline: Instant) -> Result<(Extract, bool), CallError> {
    let began = Instant::now();
    let late = |_elapsed| CallError::Timeout { target: name.to_owned(), stage: Stage::End, waited: began.elapsed() };
    let (extract, by_words) = tokio::time::timeout_at(deadline.into(), quote(grounding)).await.map_err(late)?;
    let scores: Vec<f32> = extract.quotes.iter().map(|quote| quote.score).collect();
    tracing::debug!(?scores, "quotes are chosen");
    Ok((extract, by_words))
}

/// Tokens of question and sources, and of the answer.
async fn count(grounding: &Grounding, pieces: &[String]) -> (u64, u64) {
    let (question, sources, answer) = (grounding.question.clone(), grounding.sources.clone(), pieces.concat());
    let counted = tokio::task::spawn_blocking(move || {
        let tokenizer = tokenizers::for_chat_model(COUNTED_AS);
        let read: usize = sources.iter().map(|source| tokenizer.count(&source.passage.text)).sum();
        ((read + tokenizer.count(&question)) as u64, tokenizer.count(&answer) as u64)
    });
    counted.await.unwrap_or_default()
}

/// Chooses the quotes, by meaning and words where there is an embedder that works, by words alone otherwise: then it says so.
async fn quote(grounding: &Grounding) -> (Extract, bool) {
    let candidates = extractive::candidates(&grounding.sources);
    let similarities = match &grounding.embed {
        Some(embed) => similarities(embed, &grounding.question, &candidates).await,
        None => None,
    };
    let extract = extractive::choose(&grounding.question, &grounding.sources, &candidates, similarities.as_deref(), QUOTES);
    (extract, similarities.is_none())
}

async fn similarities(embed: &Embed, question: &str, candidates: &[Candidate]) -> Option<Vec<f32>> {
    let texts = std::iter::once(question.to_owned()).chain(candidates.iter().map(|candidate| candidate.text.clone())).collect();
    match embed(texts).await {
        Ok(vectors) => {
            let (question, rest) = vectors.split_first()?;
            Some(rest.iter().map(|vector| vector.iter().zip(question).map(|(a, b)| a * b).sum()).collect())
        }
        Err(reason) => {
            tracing::warn!(reason, "quotes are chosen by words alone");
            None
        }
    }
}
