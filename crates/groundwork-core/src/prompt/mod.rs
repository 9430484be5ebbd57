//! Prompts: templates, and packing of history and sources under an exact token budget.

mod packing;
mod template;

pub use packing::{Accounting, Budget, Breakdown, PackError, Packed, Passage, Prompt, Source, pack};
pub use template::{Template, TemplateError};
