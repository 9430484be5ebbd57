//! Chat completions: a typed view of request, response and chunk beside their original bytes, and builders for our own.

mod annotation;
mod gathered;
mod limits;
mod reply;
mod request;
mod response;
pub mod stored;

pub use annotation::{Annotation, Citation, Context, ContextCitation, UrlCitation};
pub use gathered::Gathered;
pub use reply::{Reply, Stream};
pub use request::{Content, Message, Part, Request, Role, ask_usage};
pub use response::{Choice, Chunk, ChunkChoice, Delta, ParseResponseError, Response, Usage};
