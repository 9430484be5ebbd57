//! Anthropic's messages, version 2023-06-01: a typed view of the request beside its original bytes, usage, and errors.

mod error;
mod request;
mod usage;

pub use error::Error;
pub use request::{Block, Message, Request, Role};
pub use usage::{OutputDetails, Usage};
