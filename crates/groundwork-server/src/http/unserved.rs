//! What OpenAI's API has and this server has not: said so, and not only "not found".

/// The first part of the path behind `/v1/`, and what it is.
const UNSERVED: [(&str, &str); 13] = [
    ("realtime", "The realtime API"),
    ("fine_tuning", "Fine-tuning"),
    ("fine-tunes", "Fine-tuning"),
    ("vector_stores", "The vector store API"),
    ("assistants", "The assistants API"),
    ("threads", "The assistants API"),
    ("evals", "The evaluation API"),
    ("containers", "The container API"),
    ("videos", "The video API"),
    ("organization", "The administration API"),
    ("chatkit", "ChatKit"),
    ("edits", "The edits API"),
    ("skills", "The skills API"),
];

/// What stands at `path` at OpenAI; `None` when it is nothing that is known.
pub(super) fn what(path: &str) -> Option<&'static str> {
    let rest = ["/v1/", "/openai/v1/", "/openai/"].iter().find_map(|prefix| path.strip_prefix(prefix))?;
    let first = rest.split('/').next().unwrap_or_default();
    UNSERVED.iter().find(|(name, _)| *name == first).map(|(_, what)| *what)
}
