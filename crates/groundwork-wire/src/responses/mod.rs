//! OpenAI's responses: requests, items, the response object, and the typed events of its stream.

mod event;
mod include;
mod item;
mod replay;
mod request;
mod response;

pub use event::{Event, Fields, Lifecycle, Sequence, kind_of};
pub use include::{Include, THOUGHTS};
pub use item::Item;
pub use replay::replay;
pub use request::{MAX_METADATA, Request, metadata};
pub use response::{Echo, Status, failure, give_up};
