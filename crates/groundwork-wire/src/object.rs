//! A JSON object as an ordered list of keys and raw values.

use crate::error::Invalid;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How deep a body may nest.
pub const MAX_DEPTH: usize = 128;

/// A JSON object that keeps what it does not understand: values are slices of the original bytes, so unknown fields and the spelling
/// of numbers survive; an object that was not edited gives its original bytes back.
#[derive(Debug, Clone, Default)]
pub struct Object {
    fields: Vec<(String, Bytes)>,
}

impl Object {
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses an object. Of a key that stands twice the last counts, as in every JSON library; `duplicate` tells of it.
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, Invalid> {
        let _: Bytes = body.into();
        unimplemented!()
    }

    /// The first key that stands twice. A request with one must be refused: another parser might read the other value.
    pub fn duplicate(&self) -> Option<&str> {
        unimplemented!()
    }

    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(key, _)| key.as_str())
    }

    /// The raw JSON of a value.
    pub fn raw(&self, key: &str) -> Option<&Bytes> {
        unimplemented!("{key}")
    }

    /// The value of `key`; `None` when it is missing or null. `expected` describes the type for the error.
    pub fn get<T: DeserializeOwned>(&self, key: &str, expected: &'static str) -> Result<Option<T>, Invalid> {
        unimplemented!("{key} {expected}")
    }

    /// Sets `key` in its place, or at the end.
    pub fn set<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), serde_json::Error> {
        serde_json::to_vec(value)?;
        unimplemented!("{key}")
    }

    pub fn remove(&mut self, key: &str) -> bool {
        unimplemented!("{key}")
    }

    pub fn to_bytes(&self) -> Bytes {
        unimplemented!()
    }
}
