//! The answer without a chat model: the best sentences of the sources, quoted word for word, each with its citation.

use crate::target::{Call, CallError, Embed, Grounding, Headers, Reply};
use futures::StreamExt;
use futures::stream;
use groundwork_core::extractive::{self, Candidate, Extract};
use groundwork_wire::chat::{self, Chunk, Response, Usage};

/// Quotes in one answer.
const QUOTES: usize = 3;

#[derive(Debug)]
pub(crate) struct Extractive {
    name: String,
}

impl Extractive {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    pub(crate) async fn chat(&self, model: &str, call: Call) -> Result<Reply, CallError> {
        let Some(grounding) = call.grounding else {
            return Err(CallError::Unsupported {
                target: self.name.clone(),
                message: "it only quotes documents: ask an assistant that has a knowledge base, or configure a chat model".to_owned(),
            });
        };
        let pieces = quote(&grounding).await.pieces();
        let words = |text: &str| text.split_whitespace().count() as u64;
        let usage = Usage {
            prompt_tokens: grounding.sources.iter().map(|source| source.tokens as u64).sum::<u64>() + words(&grounding.question),
            completion_tokens: pieces.iter().map(|piece| words(piece)).sum(),
            ..Usage::default()
        };
        let usage = Usage { total_tokens: usage.prompt_tokens + usage.completion_tokens, ..usage };
        let chunks = chat::Stream { id: call.id, created: call.now / 1000, model: model.to_owned(), include_usage: true };
        if call.stream { self.stream(&chunks, &pieces, &usage) } else { self.whole(&chunks, &pieces, usage) }
    }

    fn whole(&self, made: &chat::Stream, pieces: &[String], usage: Usage) -> Result<Reply, CallError> {
        let body = chat::Reply {
            id: &made.id,
            created: made.created,
            model: &made.model,
            content: &pieces.concat(),
            annotations: &[],
            context: None,
            finish_reason: "stop",
            usage,
        }
        .to_bytes();
        let response = Response::parse(body).map_err(|error| self.broken(&error))?;
        Ok(Reply::Whole { headers: Headers::new(), response: Box::new(response) })
    }

    fn stream(&self, made: &chat::Stream, pieces: &[String], usage: &Usage) -> Result<Reply, CallError> {
        let texts = pieces.iter().map(|piece| made.text(piece));
        let parts = std::iter::once(made.role()).chain(texts).chain([made.finish("stop")]).chain(made.usage(usage));
        let chunks: Result<Vec<Chunk>, _> = parts.map(Chunk::parse).collect();
        let chunks = chunks.map_err(|error| self.broken(&error))?;
        Ok(Reply::Stream { headers: Headers::new(), chunks: stream::iter(chunks.into_iter().map(Ok)).boxed() })
    }

    fn broken(&self, error: &chat::ParseResponseError) -> CallError {
        CallError::Broken { target: self.name.clone(), message: error.to_string() }
    }
}

/// Chooses the quotes, by meaning and words where there is an embedder that works, by words alone otherwise.
async fn quote(grounding: &Grounding) -> Extract {
    let candidates = extractive::candidates(&grounding.sources);
    let similarities = match &grounding.embed {
        Some(embed) => similarities(embed, &grounding.question, &candidates).await,
        None => None,
    };
    extractive::choose(&grounding.question, &grounding.sources, &candidates, similarities.as_deref(), QUOTES)
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
