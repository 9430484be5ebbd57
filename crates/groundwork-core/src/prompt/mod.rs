//! Prompts: templates, and packing of history and sources under an exact token budget.

mod around;
mod packing;
mod source;
mod template;

pub use around::Around;
pub use packing::{Accounting, Breakdown, Budget, Message, PackError, Packed, Prompt, count, pack};
pub use source::{Passage, Source};
pub use template::{BUILT_IN_QUESTION, BUILT_IN_SYSTEM, Template, TemplateError};
