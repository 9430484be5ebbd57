//! A JSON value as the bytes that spell it.

use crate::error::Invalid;
use crate::object::{MAX_DEPTH, Object, too_deep};
use bytes::Bytes;
use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Any JSON value, kept as it was spelled: numbers past 2^53, their digits, the order of keys. Equal when spelled equally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw(Bytes);

impl Raw {
    /// Takes bytes that hold one JSON value.
    pub fn parse(body: impl Into<Bytes>) -> Result<Self, Invalid> {
        let body: Bytes = body.into();
        if too_deep(&body) {
            return Err(Invalid::TooDeep { limit: MAX_DEPTH });
        }
        let value: &RawValue = serde_json::from_slice(&body).map_err(|error| Invalid::json(&error))?;
        Ok(Self(body.slice_ref(value.get().as_bytes())))
    }

    /// Bytes that are known to be one JSON value.
    pub(crate) fn known(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// What `value` is in JSON.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_vec(value).map(|bytes| Self(bytes.into()))
    }

    /// `{}`.
    pub fn empty_object() -> Self {
        Self(Bytes::from_static(b"{}"))
    }

    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    pub fn as_str(&self) -> &str {
        // What was parsed as JSON is UTF-8.
        std::str::from_utf8(&self.0).unwrap_or("null")
    }

    pub fn is_null(&self) -> bool {
        self.0.as_ref() == b"null"
    }

    pub fn is_object(&self) -> bool {
        self.0.first() == Some(&b'{')
    }

    /// The value in another type; `None` when it does not fit.
    pub fn to<T: DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.0).ok()
    }
}

impl Default for Raw {
    fn default() -> Self {
        Self(Bytes::from_static(b"null"))
    }
}

impl From<&RawValue> for Raw {
    fn from(raw: &RawValue) -> Self {
        Self(Bytes::copy_from_slice(raw.get().as_bytes()))
    }
}

impl From<&Object> for Raw {
    fn from(object: &Object) -> Self {
        Self(object.to_bytes())
    }
}

impl Serialize for Raw {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        serde_json::from_slice::<&RawValue>(&self.0).map_err(S::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(Box::<str>::from(raw).into_string().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_keeps_its_spelling_wherever_it_is_put() {
        let list: Vec<Raw> = serde_json::from_str(r#"[ 9007199254740993, {"b":1.10, "a":null} ,"\u00e9"]"#).unwrap();
        assert_eq!(serde_json::to_string(&list).unwrap(), r#"[9007199254740993,{"b":1.10, "a":null},"\u00e9"]"#);
        assert_eq!((list[1].is_object(), list[2].to::<String>().as_deref()), (true, Some("é")));
        assert_eq!(Raw::parse(" 1.0 ").unwrap().as_str(), "1.0");
        assert!(Raw::parse("{} {}").is_err() && Raw::parse("").is_err());
        assert_eq!(Raw::parse("[".repeat(200)).unwrap_err(), Invalid::TooDeep { limit: MAX_DEPTH });
    }
}
