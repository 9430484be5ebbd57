//! The way of a call: admit → guard → cached → retrieve → route → call → settle.

mod admit;
mod annotate;
mod asked;
mod call;
mod check;
mod count;
mod error;
mod other_dialect;
mod retrieve;
mod run;
mod seek;
mod settle;
mod splice;
mod stream;
mod talk;
mod text;
mod whole;

pub(crate) use admit::{Model, model, now, principal};
pub(crate) use check::{Stated, check};
pub use count::{Counted, count_tokens};
pub use error::{CallError, FailedResponse};
pub use groundwork_wire::chat::{Annotation, Citation};
pub use run::{Answer, Head, Item, Request, run};
pub(crate) use run::{SHUTDOWN_RETRY, shutting_down};
pub(crate) use settle::{Asking, Booking, Call as SettledCall, Echo, Estimate, Heard, Settlement, most_output};
pub(crate) use text::{most_tokens, text};
