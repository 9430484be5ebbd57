//! Templates: the words around question and sources. User and retrieved text enter only as values, never as template source.

use super::Source;
use crate::ids::TemplateId;
use std::sync::Arc;

/// A compiled template. `system` is the static part (rules, tone) and sees only `assistant`; `question` makes the last message and
/// sees `assistant`, `sources` (each with `id`, `title`, `version`, `pages`, `section`, `text`) and `question`.
#[derive(Debug, Clone)]
pub struct Template {
    name: TemplateId,
    system: Arc<str>,
    question: Arc<str>,
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("template {name}, {part}, line {line}: {reason}")]
    Syntax { name: String, part: &'static str, line: usize, reason: String },
    #[error("template {name}, {part}, line {line}: {reason}")]
    Render { name: String, part: &'static str, line: usize, reason: String },
    #[error("template {name}, {part}, line {line}: it did not end within {limit} steps; shorten or remove its loops")]
    Endless { name: String, part: &'static str, line: usize, limit: u64 },
    #[error("template {name}, {part}: its output passes {limit} bytes")]
    TooLong { name: String, part: &'static str, limit: usize },
    #[error("template {name}, question: the question is not in its output; put {{{{ question }}}} into it")]
    QuestionLost { name: String },
}

impl Template {
    /// Compiles both parts and tries them once on a small example, so that a bad template is refused when it is stored.
    pub fn new(name: TemplateId, system: &str, question: &str) -> Result<Self, TemplateError> {
        Ok(Self { name, system: system.into(), question: question.into() })
    }

    pub fn name(&self) -> &TemplateId {
        &self.name
    }

    pub fn render_system(&self, assistant: &str) -> Result<String, TemplateError> {
        unimplemented!("{assistant} {}", self.system)
    }

    pub fn render_question(&self, assistant: &str, sources: &[Source], question: &str) -> Result<String, TemplateError> {
        unimplemented!("{assistant} {question} {} {}", sources.len(), self.question)
    }
}
