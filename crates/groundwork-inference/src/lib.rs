//! Who answers: the targets of chat and embeddings, and the models that run here.

pub mod fake;
pub mod target;
