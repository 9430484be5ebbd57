//! Secrets by reference: a setting names where the secret stands and never holds it.

use super::Environment;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};
use std::path::PathBuf;

/// Where a secret stands: `{ env = "NAME" }` or `{ file = "path" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretRef {
    /// The value of an environment variable.
    Env(String),
    /// The content of a file, without white space at its ends.
    File(PathBuf),
}

/// Why a secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the environment variable {name} is not set; set it, or name another")]
    NotSet { name: String },
    #[error("{} cannot be read ({source}); write the secret there, readable for this user only", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("the secret in {place} is empty")]
    Empty { place: String },
}

/// By hand, because the usual messages repeat what they refuse, and that may be the secret itself.
impl<'de> Deserialize<'de> for SecretRef {
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
            Written::Other(_) => Err(D::Error::custom("a secret is named, not written down: { env = \"NAME\" } or { file = \"path\" }")),
        }
    }
}

impl SecretRef {
    pub fn resolve(&self, environment: &Environment) -> Result<SecretString, SecretError> {
        let (text, place) = match self {
            Self::Env(name) => {
                let value = environment.get(name).ok_or_else(|| SecretError::NotSet { name: name.clone() })?;
                (value.to_owned(), format!("the environment variable {name}"))
            }
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|source| SecretError::Unreadable { path: path.clone(), source })?;
                (text, path.display().to_string())
            }
        };
        match text.trim() {
            "" => Err(SecretError::Empty { place }),
            secret => Ok(SecretString::from(secret)),
        }
    }
}
