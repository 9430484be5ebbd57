//! Bytes to types and back: OpenAI's chat completions, embeddings, models, files, batches and errors, Azure's extensions, Anthropic's messages, server-sent
//! events.
//! serde only, no I/O. Unknown fields and the spelling of numbers survive: a body is its original bytes with a parsed view beside.

pub mod batches;
pub mod chat;
pub mod count;
pub mod cursor;
pub mod embeddings;
pub mod error;
pub mod files;
pub mod list;
pub mod members;
pub mod messages;
pub mod models;
pub mod object;
pub mod raw;
pub mod responses;
pub mod sse;

#[cfg(test)]
mod round_trips;
