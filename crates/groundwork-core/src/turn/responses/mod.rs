//! OpenAI's responses: a request of typed items, an answer of typed items, a stream of typed events.

mod item;
mod read;
mod reader;
mod write;
mod writer;

#[cfg(test)]
mod tests;

pub use reader::{Reader, failed, read};
pub use writer::{Writer, write};

use super::chat::THOUGHT_ALOUD;
use super::{Dialect, Reasoning, Signature};

/// How a proof of another service travels in `encrypted_content`, which clients hand back unread.
const CARRIED: &[(Dialect, bool, &str)] =
    &[(Dialect::Messages, false, "groundwork:messages:"), (Dialect::Messages, true, "groundwork:messages-redacted:")];

/// `encrypted_content` for a thought.
fn seal(signature: Option<&Signature>, redacted: bool) -> Option<String> {
    let signature = signature.filter(|signature| signature.value != THOUGHT_ALOUD)?;
    let carried = CARRIED.iter().find(|(dialect, hidden, _)| *dialect == signature.dialect && *hidden == redacted);
    Some(carried.map_or_else(|| signature.value.clone(), |(_, _, prefix)| format!("{prefix}{}", signature.value)))
}

/// What `encrypted_content` proves. A thought that came in the open, from a model that may want it back, has none.
fn unseal(encrypted: Option<String>, thought: Reasoning) -> Reasoning {
    let Some(value) = encrypted else {
        let aloud = || Signature { dialect: Dialect::Chat, value: THOUGHT_ALOUD.to_owned() };
        return Reasoning { signature: (!thought.text.is_empty()).then(aloud), ..thought };
    };
    for (dialect, redacted, prefix) in CARRIED {
        if let Some(value) = value.strip_prefix(prefix) {
            let signature = Some(Signature { dialect: *dialect, value: value.to_owned() });
            return Reasoning { signature, redacted: *redacted, ..thought };
        }
    }
    Reasoning { signature: Some(Signature { dialect: Dialect::Responses, value }), ..thought }
}
