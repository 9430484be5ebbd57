//! Reading an object key by key, so that nothing of it goes unseen; and writing one.

use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An object at its place in a request, and which of its keys have been read.
pub(super) struct Fields<'a> {
    object: &'a Object,
    /// As `messages[0]`; empty for the whole body.
    place: String,
    read: Vec<&'a str>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(object: &'a Object, place: impl Into<String>) -> Self {
        Self { object, place: place.into(), read: Vec::new() }
    }

    /// The value of `key`; `None` when it is missing or null. `expected` describes the type for the error.
    pub(super) fn get<T: DeserializeOwned>(&mut self, key: &'a str, expected: &'static str) -> Result<Option<T>, Invalid> {
        self.read.push(key);
        self.object.get(key, expected).map_err(|error| self.locate(error))
    }

    pub(super) fn need<T: DeserializeOwned>(&mut self, key: &'a str, expected: &'static str) -> Result<T, Invalid> {
        self.get(key, expected)?.ok_or_else(|| Invalid::Missing { param: self.name(key) })
    }

    /// The value as it is spelled; `None` when it is missing or null.
    pub(super) fn raw(&mut self, key: &'a str) -> Option<Raw> {
        self.read.push(key);
        self.object.value(key)
    }

    pub(super) fn text(&mut self, key: &'a str) -> Result<Option<String>, Invalid> {
        self.get(key, "a string")
    }

    pub(super) fn need_text(&mut self, key: &'a str) -> Result<String, Invalid> {
        self.need(key, "a string")
    }

    /// Keys that are left out on purpose.
    pub(super) fn skip(&mut self, keys: &[&'a str]) {
        self.read.extend_from_slice(keys);
    }

    /// The name of `key` in an error.
    pub(super) fn name(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    pub(super) fn locate(&self, error: Invalid) -> Invalid {
        if self.place.is_empty() { error } else { error.within(&self.place) }
    }

    pub(super) fn invalid(&self, key: &str, reason: impl Into<String>) -> Invalid {
        Invalid::Value { param: self.name(key), reason: reason.into() }
    }

    /// What nobody has read, but for nulls.
    pub(super) fn rest(self) -> impl Iterator<Item = (String, Raw)> {
        let Self { object, place: _, read } = self;
        object.keys().filter(move |key| !read.contains(key)).filter_map(|key| Some((key.to_owned(), object.value(key)?)))
    }

    /// The full names of what nobody has read.
    pub(super) fn unread(self, into: &mut Vec<String>) {
        let place = self.place.clone();
        into.extend(self.rest().map(|(key, _)| if place.is_empty() { key } else { format!("{place}.{key}") }));
    }
}

/// Sets a field of a body that is being written.
pub(super) fn put<T: Serialize + ?Sized>(body: &mut Object, key: &str, value: &T) -> Result<(), Invalid> {
    body.set(key, value).map_err(|error| Invalid::Value { param: key.to_owned(), reason: error.to_string() })
}

/// Sets it if there is a value.
pub(super) fn put_some<T: Serialize + ?Sized>(body: &mut Object, key: &str, value: Option<&T>) -> Result<(), Invalid> {
    value.map_or(Ok(()), |value| put(body, key, value))
}
