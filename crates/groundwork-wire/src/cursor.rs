//! A JSON text that is read once, from its front to its end, for a few of its fields. What a target answers passes as it came, and all of
//! it is read on the way: brackets, commas and the ends of strings are checked, what stands inside them only where it is looked at.

use crate::object::MAX_DEPTH;
use crate::raw::Raw;
use bytes::Bytes;
use memchr::memchr2;
use serde::Deserialize;
use std::borrow::Cow;
use std::ops::Range;

#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

/// The text is no JSON, or has something else than was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("byte {at} is not what stands there in such an answer")]
pub struct Unexpected {
    pub at: usize,
}

/// A value as it is spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spelled<'a> {
    bytes: &'a [u8],
    /// It is a string, and something in it is escaped.
    escaped: bool,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// Reads an object: `member` is given each key, and takes its value from the cursor.
    pub fn object(&mut self, mut member: impl FnMut(&[u8], &mut Self) -> Result<(), Unexpected>) -> Result<(), Unexpected> {
        self.listed(b'{', b'}', |cursor| {
            cursor.space();
            let key = cursor.string()?;
            cursor.take(b':')?;
            match key.escaped {
                false => member(&key.bytes[1..key.bytes.len() - 1], cursor),
                true => member(key.text().unwrap_or_default().as_bytes(), cursor),
            }
        })
    }

    /// Reads an array: `element` takes each value from the cursor.
    pub fn array(&mut self, element: impl FnMut(&mut Self) -> Result<(), Unexpected>) -> Result<(), Unexpected> {
        self.listed(b'[', b']', element)
    }

    /// Takes any value.
    pub fn value(&mut self) -> Result<Spelled<'a>, Unexpected> {
        self.space();
        let start = self.at;
        match self.text.get(start) {
            Some(b'"') => return self.string(),
            Some(b'{') => self.object(|_key, cursor| cursor.value().map(drop))?,
            Some(b'[') => self.array(|cursor| cursor.value().map(drop))?,
            _ => self.scalar()?,
        }
        Ok(Spelled { bytes: &self.text[start..self.at], escaped: false })
    }

    /// Takes any value; `None` for null.
    pub fn some(&mut self) -> Result<Option<Spelled<'a>>, Unexpected> {
        Ok(Some(self.value()?).filter(|value| value.bytes != b"null"))
    }

    /// What `read` takes; `None` for null.
    pub fn optional<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Unexpected>) -> Result<Option<T>, Unexpected> {
        self.space();
        if self.text.get(self.at) == Some(&b'n') {
            return self.scalar().map(|()| None);
        }
        read(self).map(Some)
    }

    /// Nothing but space may follow.
    pub fn end(mut self) -> Result<(), Unexpected> {
        self.space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.unexpected()) }
    }

    pub fn unexpected(&self) -> Unexpected {
        Unexpected { at: self.at }
    }

    fn listed(&mut self, open: u8, close: u8, mut one: impl FnMut(&mut Self) -> Result<(), Unexpected>) -> Result<(), Unexpected> {
        self.take(open)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.unexpected());
        }
        self.space();
        if self.text.get(self.at) != Some(&close) {
            loop {
                one(self)?;
                self.space();
                if self.text.get(self.at) != Some(&b',') {
                    break;
                }
                self.at += 1;
            }
        }
        self.depth -= 1;
        self.take(close)
    }

    fn take(&mut self, byte: u8) -> Result<(), Unexpected> {
        self.space();
        if self.text.get(self.at) != Some(&byte) {
            return Err(self.unexpected());
        }
        self.at += 1;
        Ok(())
    }

    fn space(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// With its quotes.
    fn string(&mut self) -> Result<Spelled<'a>, Unexpected> {
        let start = self.at;
        if self.text.get(start) != Some(&b'"') {
            return Err(self.unexpected());
        }
        let (mut end, mut escaped) = (start + 1, false);
        loop {
            let found = self.text.get(end..).and_then(|rest| memchr2(b'"', b'\\', rest));
            end += found.ok_or_else(|| self.unexpected())?;
            if self.text[end] == b'"' {
                break;
            }
            escaped = true;
            end += 2;
        }
        self.at = end + 1;
        Ok(Spelled { bytes: &self.text[start..self.at], escaped })
    }

    fn scalar(&mut self) -> Result<(), Unexpected> {
        let rest = &self.text[self.at..];
        self.at += match rest.first() {
            Some(b'n') if rest.starts_with(b"null") => 4,
            Some(b't') if rest.starts_with(b"true") => 4,
            Some(b'f') if rest.starts_with(b"false") => 5,
            Some(b'-' | b'0'..=b'9') => {
                let mut length = 1;
                while let Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') = rest.get(length) {
                    length += 1;
                }
                length
            }
            _ => return Err(self.unexpected()),
        };
        Ok(())
    }
}

impl<'a> Spelled<'a> {
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Where it stands in the text that it was read from.
    pub fn place_in(self, text: &[u8]) -> Option<Range<usize>> {
        place_in(self.bytes, text)
    }

    /// The value in a type; `None` when it is of another.
    pub fn to<T: Deserialize<'a>>(self) -> Option<T> {
        serde_json::from_slice(self.bytes).ok()
    }

    /// A string's text; `None` for another value.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self.plain() {
            Some(text) => Some(text),
            None => self.to::<String>().map(Cow::Owned),
        }
    }

    /// The text of a string in which nothing is escaped. What is no UTF-8 in it is replaced.
    pub fn plain(self) -> Option<Cow<'a, str>> {
        let inner = self.bytes.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        let text = || std::str::from_utf8(inner).map_or_else(|_| String::from_utf8_lossy(inner), Cow::Borrowed);
        (!self.escaped).then(text)
    }

    /// A whole number that is not negative; `None` for another value.
    pub fn number(self) -> Option<u64> {
        // With more digits it may be too large, which is seen when it is read with more care.
        if self.bytes.len() > 18 || !self.bytes.iter().all(u8::is_ascii_digit) {
            return self.to();
        }
        Some(self.bytes.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }
}

/// Where `part`, a slice of `text`, stands in it; `None` when it is none.
pub fn place_in(part: &[u8], text: &[u8]) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    (start + part.len() <= text.len()).then(|| start..start + part.len())
}

impl From<Spelled<'_>> for Raw {
    fn from(value: Spelled<'_>) -> Self {
        Self::known(Bytes::copy_from_slice(value.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(text: &str) -> Result<&[u8], Unexpected> {
        let mut cursor = Cursor::new(text.as_bytes());
        let value = cursor.value()?;
        cursor.end().map(|()| value.bytes())
    }

    #[test]
    fn the_members_of_an_object_come_in_their_order() {
        let text = br#" { "a" : [1, {"x":[]} ,"]"] , "\u0062":"\"}", "c":null,"d":-1.5e3 } "#;
        let (mut cursor, mut seen) = (Cursor::new(text), Vec::new());
        cursor
            .object(|key, cursor| {
                seen.push(format!(
                    "{}={:?}",
                    String::from_utf8_lossy(key),
                    cursor.some()?.map(|value| String::from_utf8_lossy(value.bytes()))
                ));
                Ok(())
            })
            .unwrap();
        assert_eq!(cursor.end(), Ok(()));
        assert_eq!(seen, [r#"a=Some("[1, {\"x\":[]} ,\"]\"]")"#, r#"b=Some("\"\\\"}\"")"#, "c=None", r#"d=Some("-1.5e3")"#]);
    }

    #[test]
    fn what_is_cut_or_torn_is_no_value() {
        let whole = r#"{"a":[1,{"b":"c\\"}],"d":true}"#;
        assert!(value(whole).is_ok());
        for end in 0..whole.len() {
            assert!(value(&whole[..end]).is_err(), "{}", &whole[..end]);
        }
        for torn in
            ["{} x", "[1,]", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1 \"b\":2}", "[1}", "nul", "truex", "<html>", "", "{a:1}", "\"\\"]
        {
            assert!(value(torn).is_err(), "{torn}");
        }
        assert!(value(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn a_number_and_a_text_are_read_whatever_their_spelling() {
        let read = |text: &'static str| Cursor::new(text.as_bytes()).value().unwrap();
        assert_eq!((read("0").number(), read("42").number(), read("18446744073709551615").number()), (Some(0), Some(42), Some(u64::MAX)));
        assert_eq!(
            (read("-1").number(), read("1.0").number(), read("null").number(), read("99999999999999999999").number()),
            (None, None, None, None)
        );
        assert_eq!(
            (read(r#""a\n""#).text().as_deref(), read(r#""a""#).text().as_deref(), read("1").text()),
            (Some("a\n"), Some("a"), None)
        );
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f32>().prop_map(|number| f64::from(number).into()),
            "\\PC{0,12}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::btree_map("\\PC{0,6}", inner, 0..5).prop_map(|members| members.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_json_text_is_a_value(json in json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) }.unwrap();
            prop_assert_eq!(value(&text), Ok(text.as_bytes()));
        }

        #[test]
        fn whatever_bytes_come_nothing_panics(bytes in prop::collection::vec(prop::sample::select(b"{}[],:\"\\ 1-ntrueabc\xff".to_vec()), 0..40)) {
            let mut cursor = Cursor::new(&bytes);
            if cursor.value().is_ok() {
                let _ = cursor.end();
            }
        }
    }
}
