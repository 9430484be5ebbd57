//! A key that callers come with: declared by where its value stands, never by the value itself.

use groundwork_core::access::Role;
use schemars::JsonSchema;
use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;

/// Once a key is declared, every request needs one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    pub value: Reference,
    /// Who comes with the key; `user:` and the key's name unless given.
    #[serde(default)]
    pub principal: Option<String>,
    /// The groups that the principal is in, such as `group:hr`.
    #[serde(default)]
    pub groups: Vec<String>,
    /// `user` or `admin`.
    #[serde(default)]
    #[schemars(with = "String", extend("enum" = ["user", "admin"]))]
    pub role: Role,
    /// The models and assistants that it may use; all of them unless given.
    #[serde(default)]
    pub models: Option<Vec<String>>,
    /// When it ends, such as `2027-01-31T00:00:00Z`.
    #[serde(default)]
    pub expires: Option<String>,
}

/// Where a value stands: `{ env = "NAME" }` or `{ file = "path" }`; a relative path starts where the program was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reference {
    /// The value of an environment variable.
    Env(String),
    /// The content of a file, without white space at its ends.
    File(PathBuf),
}

/// By hand, because the usual messages repeat what they refuse, and that may be the key itself.
impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, deny_unknown_fields)]
        enum Written {
            Env { env: String },
            File { file: PathBuf },
            Other(IgnoredAny),
        }
        match Written::deserialize(deserializer)? {
            Written::Env { env } => Ok(Self::Env(env)),
            Written::File { file } => Ok(Self::File(file)),
            Written::Other(_) => Err(D::Error::custom("a key is named, not written down: { env = \"NAME\" } or { file = \"path\" }")),
        }
    }
}

impl Key {
    /// The principal, by `name` of the key when none is given.
    pub(crate) fn principal(&self, name: &str) -> String {
        self.principal.clone().unwrap_or_else(|| format!("user:{name}"))
    }
}
