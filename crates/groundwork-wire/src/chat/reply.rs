//! Our own answers: a response, or the chunks of a stream.

use crate::chat::{Annotation, Context, Usage};
use bytes::Bytes;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Reply<'a> {
    pub id: &'a str,
    /// Seconds since 1970.
    pub created: u64,
    pub model: &'a str,
    pub content: &'a str,
    pub annotations: &'a [Annotation],
    pub context: Option<&'a Context>,
    pub finish_reason: &'a str,
    pub usage: Usage,
}

impl Reply<'_> {
    pub fn to_bytes(&self) -> Bytes {
        unimplemented!()
    }
}

/// Makes the chunks of one streamed answer; each is the JSON of a frame's data (`sse::encode(None, …)`).
#[derive(Debug, Clone)]
pub struct Stream {
    pub id: String,
    /// Seconds since 1970.
    pub created: u64,
    pub model: String,
    /// Whether the client asked for usage: then every chunk has `usage`, null but for the last.
    pub include_usage: bool,
}

impl Stream {
    /// The first chunk: the role.
    pub fn role(&self) -> String {
        unimplemented!()
    }

    pub fn text(&self, delta: &str) -> String {
        unimplemented!("{delta}")
    }

    /// Annotations and Azure's context, before the finish.
    pub fn citations(&self, annotations: &[Annotation], context: Option<&Context>) -> String {
        unimplemented!("{} {}", annotations.len(), context.is_some())
    }

    pub fn finish(&self, reason: &str) -> String {
        unimplemented!("{reason}")
    }

    /// The last chunk, without choices; `None` when the client did not ask for it.
    pub fn usage(&self, usage: &Usage) -> Option<String> {
        self.include_usage.then(|| unimplemented!("{usage:?}"))
    }
}
