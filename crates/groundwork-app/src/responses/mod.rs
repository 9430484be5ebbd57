//! OpenAI's responses and their state. What was said before is remembered here, for its owner alone: a target is told all of it with each
//! call, and keeps nothing.
//!
//! A stored response is a row; while it runs its events are also on the [`Board`], where others can read along. One in the background
//! runs by itself, one in the foreground as long as its client listens.

mod background;
mod board;
mod cancel;
mod count;
mod create;
mod draft;
mod error;
mod failure;
mod find;
mod recall;
mod telling;
mod tidy;

pub(crate) use board::Board;
pub use cancel::{cancel, delete};
pub use count::{compact, count};
pub use create::{Answer, create};
pub use error::{CreateError, FindError};
pub use find::{Follow, find, follow, input_items};
pub(crate) use recall::{ItemError, kept};
pub(crate) use tidy::{keep, recover};
