//! Answers that are made here and not by a server.

use super::{CallError, Headers, Reply};
use futures::StreamExt;
use futures::stream;
use groundwork_core::clock::UnixMs;
use groundwork_wire::chat::{self, Chunk, Response, Usage};

/// A text in the pieces in which it is streamed, and how it is to be sent.
pub struct Composed<'a> {
    /// Of the answer: `chatcmpl-…`.
    pub id: &'a str,
    pub now: UnixMs,
    pub model: &'a str,
    pub pieces: &'a [String],
    pub input_tokens: u64,
    pub output_tokens: u64,
    pub stream: bool,
    pub headers: Headers,
}

impl Composed<'_> {
    /// The answer of `target`, as if a server had sent it, usage included.
    pub fn reply(self, target: &str) -> Result<Reply, CallError> {
        let unreadable = |error: chat::ParseResponseError| CallError::Broken { target: target.to_owned(), message: error.to_string() };
        let usage = Usage {
            prompt_tokens: self.input_tokens,
            completion_tokens: self.output_tokens,
            total_tokens: self.input_tokens + self.output_tokens,
            ..Usage::default()
        };
        if self.stream {
            let made = chat::Stream { id: self.id.to_owned(), created: self.now / 1000, model: self.model.to_owned(), include_usage: true };
            let texts = self.pieces.iter().map(|piece| made.text(piece));
            let parts = std::iter::once(made.role()).chain(texts).chain([made.finish("stop")]).chain(made.usage(&usage));
            let chunks = parts.map(Chunk::parse).collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
            return Ok(Reply::Stream { headers: self.headers, chunks: stream::iter(chunks.into_iter().map(Ok)).boxed() });
        }
        let body = chat::Reply {
            id: self.id,
            created: self.now / 1000,
            model: self.model,
            content: &self.pieces.concat(),
            annotations: &[],
            context: None,
            finish_reason: "stop",
            usage,
        }
        .to_bytes();
        Ok(Reply::Whole { headers: self.headers, response: Box::new(Response::parse(body).map_err(unreadable)?) })
    }
}
