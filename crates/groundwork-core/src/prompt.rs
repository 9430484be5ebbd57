//! Prompts: templates, packing of sources and history under an exact token budget.
