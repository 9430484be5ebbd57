//! JSON objects of ours, written member by member. Every call writes three of them; serde_json looks at each byte of a text by itself.

use serde::Serialize;

/// The members of an object in the making. Their names are plain words.
#[derive(Debug, Default)]
pub struct Members(Vec<u8>);

impl Members {
    /// Behind what stands in `out` already.
    pub fn new(mut out: Vec<u8>) -> Self {
        out.push(b'{');
        Self(out)
    }

    pub fn text(&mut self, name: &'static str, value: &str) {
        self.name(name);
        text(&mut self.0, value);
    }

    pub fn number(&mut self, name: &'static str, value: u64) {
        self.name(name);
        digits(value, |digits| self.0.extend_from_slice(digits));
    }

    pub fn flag(&mut self, name: &'static str, value: bool) {
        self.name(name);
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub fn null(&mut self, name: &'static str) {
        self.name(name);
        self.0.extend_from_slice(b"null");
    }

    /// Anything else.
    pub fn add<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) {
        self.name(name);
        let before = self.0.len();
        if serde_json::to_writer(&mut self.0, value).is_err() {
            self.0.truncate(before);
            self.0.extend_from_slice(b"null");
        }
    }

    /// Members that are spelled already, with a comma between each two.
    pub fn spelled(&mut self, members: &str) {
        if !members.is_empty() {
            self.separate();
            self.0.extend_from_slice(members.as_bytes());
        }
    }

    /// An object inside it.
    pub fn object(&mut self, name: &'static str, write: impl FnOnce(&mut Self)) {
        self.name(name);
        self.0.push(b'{');
        write(self);
        self.0.push(b'}');
    }

    /// The object, behind what stood before it.
    pub fn close(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }

    fn name(&mut self, name: &'static str) {
        self.separate();
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn separate(&mut self) {
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
    }
}

/// Writes a JSON string. Most have nothing that must be escaped.
pub fn text(out: &mut Vec<u8>, text: &str) {
    if must_be_escaped(text.as_bytes()) {
        // Writing a string into memory has no way to fail.
        let _ = serde_json::to_writer(out, text);
        return;
    }
    out.reserve(text.len() + 2);
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

/// Whether there is a quote, a backslash or a control character in it. Eight bytes at a time: those whose high bit is borrowed from, and
/// was not set before, are smaller than what was taken away (for quote and backslash: are none different from it).
fn must_be_escaped(text: &[u8]) -> bool {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let smaller = |word: u64, than: u64| word.wrapping_sub(ONES * than) & !word;
    let (words, rest) = (text.chunks_exact(8), text.chunks_exact(8).remainder());
    let odd = |word: u64| smaller(word, 0x20) | smaller(word ^ (ONES * 0x22), 1) | smaller(word ^ (ONES * 0x5c), 1);
    let words = words.map(|eight| eight.iter().rev().fold(0, |word, byte| (word << 8) | u64::from(*byte)));
    words.fold(0, |seen, word| seen | odd(word)) & (ONES * 0x80) != 0
        || rest.iter().any(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'))
}

/// Hands over the decimal digits of a number.
pub fn digits(mut number: u64, hand: impl FnOnce(&[u8])) {
    let (mut digits, mut from) = ([b'0'; 20], 20);
    loop {
        from -= 1;
        digits[from] += (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return hand(&digits[from..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn members_stand_in_their_order_behind_what_was_there() {
        let mut members = Members::new(b"S ".to_vec());
        members.text("a", "b\"\n");
        members.object("none", |_| {});
        members.object("some", |inner| {
            inner.number("x", 0);
            inner.flag("y", true);
        });
        members.null("z");
        members.add("list", &[1.5, 2.0]);
        let text = r#"S {"a":"b\"\n","none":{},"some":{"x":0,"y":true},"z":null,"list":[1.5,2.0]}"#;
        assert_eq!(String::from_utf8(members.close()).unwrap(), text);
        assert_eq!(Members::new(Vec::new()).close(), b"{}");
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read(given in ".{0,40}", number in any::<u64>()) {
            let mut members = Members::new(Vec::new());
            members.object("inner", |inner| {
                inner.text("text", &given);
                inner.number("number", number);
            });
            let read: serde_json::Value = serde_json::from_slice(&members.close()).unwrap();
            prop_assert_eq!(&read["inner"]["number"], number);
            prop_assert_eq!(&read["inner"]["text"], &given);
        }

        #[test]
        fn what_must_be_escaped_is_seen_wherever_it_stands(at in 0usize..40, length in 40usize..60, byte in any::<u8>(), other in 0x20u8..0xff) {
            let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
            let mut text = vec![if plain(other) { other } else { b'a' }; length];
            text[at] = byte;
            prop_assert_eq!(must_be_escaped(&text), !plain(byte));
        }
    }
}
