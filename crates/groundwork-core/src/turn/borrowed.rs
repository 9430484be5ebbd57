//! Values that are read out of a frame without copying what need not be.

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A string that borrows when nothing in it is escaped. Half a surrogate pair, which some servers make of a character that they cut, is no
/// reason to lose an answer: it reads as the replacement character.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl Text<'_> {
    /// The text, unless there is none.
    pub(super) fn said(text: Option<&Self>) -> Option<&str> {
        text.map(|text| text.0.as_ref()).filter(|text| !text.is_empty())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E: Error>(self, text: &'de [u8]) -> Result<Self::Value, E> {
                Ok(String::from_utf8_lossy(text))
            }

            fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<Self::Value, E> {
                Ok(Cow::Owned(String::from_utf8_lossy(text).into_owned()))
            }

            /// Content in parts, of which the texts are the answer.
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                #[derive(Deserialize)]
                struct Part {
                    text: Option<String>,
                }
                let mut whole = String::new();
                while let Some(part) = parts.next_element::<Part>()? {
                    whole.push_str(part.text.as_deref().unwrap_or_default());
                }
                Ok(Cow::Owned(whole))
            }
        }
        deserializer.deserialize_bytes(Visit).map(Self)
    }
}

/// A value in a type; `None` when it is null or of another.
pub(super) fn lenient<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}
