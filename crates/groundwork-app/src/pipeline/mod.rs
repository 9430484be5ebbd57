//! The way of a call: admit → guard → cached → retrieve → route → call → settle.

mod admit;
mod annotate;
mod call;
mod chat;
mod error;
mod retrieve;
mod settle;
mod splice;
mod stream;
mod whole;

pub(crate) use admit::{now, principal};
pub use chat::{Answer, Head, Item, Request, chat};
pub use error::ChatError;
pub use groundwork_wire::chat::{Annotation, Citation};
pub(crate) use settle::{Call as SettledCall, Settlement};
