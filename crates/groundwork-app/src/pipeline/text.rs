//! What of a request's body is text, for its limit and for an estimate of its tokens. Whatever the dialect: texts are strings, and so are
//! the other things that a model reads, but for pictures, sound and files.

use groundwork_wire::object::Object;
use memchr::memchr2;
use serde_json::Value;

/// Where a model reads, in every dialect.
const READ: [&str; 8] = ["messages", "system", "input", "instructions", "prompt", "tools", "functions", "response_format"];

/// What data stands under: the picture, sound or file itself, or what a model sealed for itself.
const DATA: [&str; 8] = ["url", "image_url", "data", "file_data", "b64_json", "result", "signature", "encrypted_content"];

/// Characters below which a string under such a key is a name or an address.
const SHORT: usize = 64;

/// Bytes of a body that is small enough to be taken for text without a look.
const SMALL: usize = 64 << 10;

/// Tokens that no model counts more of for one picture.
const MOST_OF_PICTURE: usize = 1 << 16;

/// How much a model is to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    /// Bytes of text, and at most of what stands around it.
    pub(super) text: usize,
    /// At most: a token covers a byte of text or of a file, or more.
    pub(super) most_tokens: usize,
}

impl Size {
    pub(super) fn of(body: &Object) -> Self {
        let raw = READ.iter().filter_map(|key| body.raw(key));
        let all: usize = raw.clone().map(bytes::Bytes::len).sum();
        let mut size = Self { text: all, most_tokens: all };
        if all > SMALL {
            for data in raw.flat_map(|raw| Strings { rest: raw, key: b"" }).filter(|(key, value)| is_data(key, value)).map(|(_, data)| data)
            {
                size.text -= data.len();
                if is_picture(data) {
                    size.most_tokens -= data.len().saturating_sub(MOST_OF_PICTURE);
                }
            }
        }
        size
    }
}

/// What the model is to read has no more.
pub(crate) fn most_tokens(body: &Object) -> usize {
    Size::of(body).most_tokens
}

pub(crate) fn text(body: &Object) -> String {
    let mut text = String::new();
    for value in READ.iter().filter_map(|key| serde_json::from_slice(body.raw(key)?).ok()) {
        collect("", &value, &mut text);
    }
    text
}

fn collect(key: &str, value: &Value, text: &mut String) {
    match value {
        Value::String(string) if is_data(key.as_bytes(), string.as_bytes()) => {}
        Value::String(string) => {
            text.push_str(string);
            text.push('\n');
        }
        Value::Array(values) => values.iter().for_each(|value| collect(key, value, text)),
        Value::Object(fields) => fields.iter().for_each(|(key, value)| collect(key, value, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn is_data(key: &[u8], value: &[u8]) -> bool {
    value.len() > SHORT && DATA.iter().any(|name| name.as_bytes() == key) && coded(value).iter().all(|&byte| is_base64(byte))
}

/// A data URL is known by its head, and some JSON writers escape each slash.
fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'\\' | b'-' | b'_' | b'=')
}

/// What is coded, without the head of a data URL.
fn coded(value: &[u8]) -> &[u8] {
    const HEAD: usize = 128;
    let comma = || value.iter().take(HEAD).position(|byte| *byte == b',');
    if value.starts_with(b"data:") { comma().map_or(value, |at| &value[at + 1..]) } else { value }
}

/// By the first bytes of the formats that models see, in base64.
fn is_picture(data: &[u8]) -> bool {
    let coded = coded(data);
    [b"iVBORw0KGgo".as_slice(), b"/9j/", b"\\/9j\\/", b"R0lGOD"].iter().any(|begin| coded.starts_with(begin))
        || (coded.starts_with(b"UklGR") && coded.get(12..16) == Some(b"RUJQ"))
}

/// The strings of a JSON text that is known to be one, each with the key that it stands under. Written for bodies of many megabytes, most
/// of which is one string.
struct Strings<'a> {
    rest: &'a [u8],
    key: &'a [u8],
}

impl<'a> Iterator for Strings<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let begin = self.rest.iter().position(|byte| *byte == b'"')? + 1;
            let string = &self.rest[begin..];
            let mut end = 0;
            loop {
                end += memchr2(b'"', b'\\', &string[end..])?;
                if string[end] == b'"' {
                    break;
                }
                end = (end + 2).min(string.len());
            }
            self.rest = &string[end + 1..];
            if self.rest.trim_ascii_start().starts_with(b":") {
                self.key = &string[..end];
                continue;
            }
            return Some((self.key, &string[..end]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(picture: &str, said: &str) -> Object {
        let body = format!(
            r#"{{"model":"m","system":"be kind","messages":[{{"role":"user","content":[{{"type":"text","text":"look \"here\"\\{said}"}},{{"type":"image_url","image_url":{{"url":"{picture}"}}}}]}}]}}"#
        );
        Object::parse(body).unwrap()
    }

    #[test]
    fn pictures_are_no_text() {
        let picture = |head: &str, bytes: usize| format!("{head}{}", "A".repeat(bytes));
        let text = text(&asks(&picture("data:image/png;base64,iVBORw0KGgo", 500), ""));
        assert!(text.contains("look \"here\"") && text.contains("be kind") && !text.contains("AAAA") && text.len() < 100, "{text}");
        for head in ["data:image/png;base64,iVBORw0KGgo", "data:image/jpeg;base64,/9j/", r"data:image/jpeg;base64,\/9j\/", "R0lGOD"] {
            let Size { text, most_tokens } = Size::of(&asks(&picture(head, 4 << 20), ""));
            assert!(text < 1000 && most_tokens < MOST_OF_PICTURE + 1000, "{head}: {text}, {most_tokens}");
        }
        // A file may be all text.
        let Size { text, most_tokens } = Size::of(&asks(&picture("data:application/pdf;base64,JVBERi0", 4 << 20), ""));
        assert!(text < 1000 && most_tokens > 4 << 20);
    }

    #[test]
    fn text_is_text_wherever_it_stands_and_without_spaces_too() {
        for said in ["字".repeat(100_000), "a".repeat(300_000), "a ".repeat(150_000)] {
            let text = Size::of(&asks("https://example.org/a.png", &said)).text;
            assert!((300_000..300_500).contains(&text), "{text}");
        }
        let plain = "word ".repeat(60_000);
        assert!(Size::of(&asks(&plain, "")).text > 300_000);
    }

    #[test]
    fn a_small_body_counts_as_it_is() {
        let object = Object::parse(r#"{"messages":[{"role":"user","content":"hi"}],"model":"m"}"#).unwrap();
        assert_eq!(Size::of(&object), Size { text: 32, most_tokens: 32 });
    }
}
