//! What OpenAI's API has and this server has not: said so, and not only "not found".

use axum::http::header::UPGRADE;
use axum::http::{HeaderMap, Method};

/// What a path begins with behind `/v1/`, and what it is.
const UNSERVED: [(&str, &str); 14] = [
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
    ("messages/batches", "The message batches API"),
];

/// What stands at `path` at OpenAI; `None` when it is nothing that is known.
pub(super) fn what(path: &str) -> Option<&'static str> {
    let rest = behind_the_version(path)?;
    let begins = |name: &str| rest.strip_prefix(name).is_some_and(|more| more.is_empty() || more.starts_with('/'));
    UNSERVED.iter().find(|(name, _)| begins(name)).map(|(_, what)| *what)
}

/// What `method` is at a `path` that others of our methods have.
pub(super) fn what_method(method: &Method, path: &str) -> Option<&'static str> {
    let model = || behind_the_version(path)?.strip_prefix("models/").filter(|model| !model.contains('/'));
    (*method == Method::DELETE && model().is_some()).then_some("The deletion of fine-tuned models")
}

/// Whether a WebSocket is asked for.
pub(super) fn is_upgrade(method: &Method, headers: &HeaderMap) -> bool {
    let named = headers.get_all(UPGRADE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    *method == Method::GET && named.map(<[u8]>::trim_ascii).any(|name| name.eq_ignore_ascii_case(b"websocket"))
}

fn behind_the_version(path: &str) -> Option<&str> {
    ["/v1/", "/openai/v1/", "/openai/", "/anthropic/v1/"].iter().find_map(|prefix| path.strip_prefix(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_served_is_known_by_its_name_and_nothing_else_is() {
        for path in ["/v1/fine_tuning/jobs", "/openai/v1/realtime", "/openai/vector_stores/vs_1", "/v1/messages/batches/b/results"] {
            assert!(what(path).is_some(), "{path}");
        }
        assert!(what("/anthropic/v1/messages/batches").is_some());
        for path in ["/v1/nothing", "/v1/realtimes", "/v1/messages/other", "/fine_tuning", "/v1"] {
            assert!(what(path).is_none(), "{path}");
        }
        assert!(what_method(&Method::DELETE, "/v1/models/ft:gpt").is_some());
        assert!(what_method(&Method::POST, "/v1/models/ft:gpt").is_none() && what_method(&Method::DELETE, "/v1/models").is_none());
    }
}
