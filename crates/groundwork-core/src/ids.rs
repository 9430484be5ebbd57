//! Names of things: newtypes, so that a document's id is never taken for a tenant's.
//!
//! Ids that people choose (tenant, knowledge base, model, template) are slugs; ids that we make are a prefix and 26 characters of
//! Crockford base 32 (48 bits of milliseconds, 80 bits of dice), so that they sort by the time of their making.

use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// Why a text is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {given:?} is not a valid name: use 1 to {longest} of a-z, A-Z, 0-9, {marks} and begin with a letter or digit", longest = form.longest, marks = form.marks())]
pub struct InvalidName {
    pub what: &'static str,
    pub given: String,
    form: Form,
}

/// What a name may look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form {
    longest: usize,
    /// Beside letters and digits, behind the first character.
    marks: &'static str,
}

const SLUG: Form = Form { longest: 64, marks: "-_." };
/// Vendors call theirs `meta-llama/Llama-3.3-70B-Instruct` and `qwen3:8b`.
const MODEL: Form = Form { longest: 128, marks: "-_./:" };

impl Form {
    fn allows(self, name: &str) -> bool {
        (1..=self.longest).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || self.marks.as_bytes().contains(&byte))
            && name.as_bytes()[0].is_ascii_alphanumeric()
    }

    fn marks(self) -> String {
        self.marks.chars().map(|mark| format!("'{mark}'")).collect::<Vec<_>>().join(", ")
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        name!($(#[$doc])* $name, $what, SLUG);
    };
    ($(#[$doc:meta])* $name:ident, $what:literal, $form:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(given: String) -> Result<Self, InvalidName> {
                if $form.allows(&given) { Ok(Self(given.into())) } else { Err(InvalidName { what: $what, given, form: $form }) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;

            fn from_str(given: &str) -> Result<Self, InvalidName> {
                given.to_owned().try_into()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(/** The customer whose data never meets another's. */ TenantId, "tenant");
name!(/** A set of documents that is searched together. */ KnowledgeBaseId, "knowledge base");
name!(/** A document, the same through all its versions: `doc_…`. */ DocumentId, "document");
name!(/** One call to a model, made by us; the client's request id is only a label: `call_…`. */ CallId, "call");
name!(/** The name clients put in `model`: an assistant, a pool or an embedding model. */ ModelName, "model", MODEL);
name!(/** A prompt template. */ TemplateId, "template");
name!(/** A piece of background work: `job_…`. */ JobId, "job");
name!(/** A file of a caller: `file-…`. */ FileId, "file");
name!(/** A file that comes in parts: `upload_…`. */ UploadId, "upload");
name!(/** One part of an upload: `part_…`. */ PartId, "part");
name!(/** A batch of requests: `batch_…`. */ BatchId, "batch");
name!(/** A stored chat completion: `chatcmpl-…`. */ CompletionId, "chat completion");
name!(/** A stored response, the same at every read: `resp_…`. */ ResponseId, "response");
name!(/** An item that is kept for its owner: `msg_…`, `fc_…`, `rs_…`. */ ItemId, "item");
name!(/** Items that go on from response to response: `conv_…`. */ ConversationId, "conversation");

/// Makes an id of `prefix` (`doc`, `call`, `job`, …) from the time in milliseconds since 1970 and 80 random bits. A prefix that ends with
/// `-` (`file-`) is followed by them at once, any other by `_`.
pub fn make<T: TryFrom<String, Error = InvalidName>>(prefix: &str, unix_ms: u64, dice: u128) -> Result<T, InvalidName> {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let value = (u128::from(unix_ms) << 80) | (dice & ((1 << 80) - 1));
    let mut id = String::with_capacity(prefix.len() + 27);
    id.push_str(prefix);
    if !prefix.ends_with('-') {
        id.push('_');
    }
    for shift in (0..26).rev() {
        id.push(char::from(ALPHABET[((value >> (shift * 5)) & 31) as usize]));
    }
    id.try_into()
}

impl DocumentId {
    /// The id of the made-up document that new templates are tried on.
    pub(crate) fn example() -> Self {
        Self("doc_example".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_may_be_called_what_its_vendor_calls_it_and_other_names_are_plain() {
        let long = "m".repeat(128);
        for name in ["gpt-5-mini", "meta-llama/Llama-3.3-70B-Instruct", "qwen3:8b", &long] {
            assert_eq!(name.parse::<ModelName>().unwrap().as_str(), name);
        }
        for name in ["", "/etc", ":a", "a b", "a\\b", "a%2Fb", "é", &format!("{long}m")] {
            assert!(name.parse::<ModelName>().is_err(), "{name}");
        }
        assert_eq!(
            "a/b".parse::<KnowledgeBaseId>().unwrap_err().to_string(),
            r#"knowledge base "a/b" is not a valid name: use 1 to 64 of a-z, A-Z, 0-9, '-', '_', '.' and begin with a letter or digit"#
        );
    }
}
