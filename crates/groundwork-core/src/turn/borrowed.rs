//! Values that are read out of a frame without copying what need not be.

use super::Event;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// A string that borrows when nothing in it is escaped. Half a surrogate pair, which some servers make of a character that they cut, is no
/// reason to lose an answer: it reads as the replacement character.
pub(super) struct Text<'a> {
    pub(super) text: Cow<'a, str>,
    /// What a replacement character at the beginning stands for: the second half of a pair.
    second: Option<u16>,
    /// The same at the end: the first half.
    first: Option<u16>,
}

impl<'a> Text<'a> {
    pub(super) fn whole(text: Cow<'a, str>) -> Self {
        Self { text, second: None, first: None }
    }

    /// The text, unless there is none.
    pub(super) fn said(text: Option<&Self>) -> Option<&str> {
        text.map(|text| text.text.as_ref()).filter(|text| !text.is_empty())
    }

    /// Of bytes in which half a pair is spelled as UTF-8 would spell its number.
    fn generalized(bytes: &[u8]) -> Self {
        let mut text = String::with_capacity(bytes.len());
        let (mut second, mut first, mut rest) = (None, None, bytes);
        while let Some(chunk) = rest.utf8_chunks().next() {
            text.push_str(chunk.valid());
            let wrong = &rest[chunk.valid().len()..];
            rest = &wrong[chunk.invalid().len()..];
            if let [0xED, high @ 0xA0..=0xBF, low, after @ ..] = wrong {
                let half = 0xD000 | u16::from(high & 0x3F) << 6 | u16::from(low & 0x3F);
                second = second.or_else(|| (text.is_empty() && half >= 0xDC00).then_some(half));
                first = (after.is_empty() && half < 0xDC00).then_some(half);
                rest = after;
            }
            if !chunk.invalid().is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        Self { text: text.into(), second, first }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E: Error>(self, text: &'de [u8]) -> Result<Self::Value, E> {
                Ok(std::str::from_utf8(text).map_or_else(|_| Text::generalized(text), |text| Text::whole(text.into())))
            }

            fn visit_bytes<E: Error>(self, text: &[u8]) -> Result<Self::Value, E> {
                Ok(std::str::from_utf8(text).map_or_else(|_| Text::generalized(text), |text| Text::whole(text.to_owned().into())))
            }

            /// Content in parts, of which the texts are the answer.
            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                #[derive(Deserialize)]
                struct Part<'a> {
                    #[serde(borrow)]
                    text: Option<Text<'a>>,
                }
                let mut whole = String::new();
                while let Some(part) = parts.next_element::<Part<'de>>()? {
                    whole.push_str(Text::said(part.text.as_ref()).unwrap_or_default());
                }
                Ok(Text::whole(Cow::Owned(whole)))
            }
        }
        deserializer.deserialize_bytes(Visit)
    }
}

/// First halves of an answer's characters of which the second has not come yet, each with the event that will say it.
#[derive(Debug, Default)]
pub(super) struct Halves(Vec<(Event, u16)>);

impl Halves {
    /// `event`, which has a text, with `text` as its text; what was held back of the same text comes first. `None` when there is nothing
    /// to say yet.
    pub(super) fn say(&mut self, mut event: Event, text: Option<&Text<'_>>) -> Option<Event> {
        let text = text?;
        if self.0.is_empty() && text.first.is_none() {
            return fill(&mut event, text.text.as_ref()).then_some(event);
        }
        let mut said = text.text.as_ref();
        let mut whole = String::with_capacity(said.len() + char::MAX.len_utf8());
        if let Some(at) = self.0.iter().position(|(held, _)| *held == event) {
            let (_, first) = self.0.swap_remove(at);
            let mended = text.second.and_then(|second| char::decode_utf16([first, second]).next()?.ok());
            whole.push(mended.unwrap_or(char::REPLACEMENT_CHARACTER));
            said = said.strip_prefix(char::REPLACEMENT_CHARACTER).filter(|_| mended.is_some()).unwrap_or(said);
        }
        if let Some(first) = text.first {
            said = said.strip_suffix(char::REPLACEMENT_CHARACTER).unwrap_or(said);
            self.0.push((event.clone(), first));
        }
        whole.push_str(said);
        fill(&mut event, &whole).then_some(event)
    }

    /// What is left when nothing more comes.
    pub(super) fn rest(&mut self) -> impl Iterator<Item = Event> {
        self.0.drain(..).map(|(mut event, _)| {
            fill(&mut event, "\u{fffd}");
            event
        })
    }
}

fn fill(event: &mut Event, said: &str) -> bool {
    if let Some(text) = text_of(event) {
        said.clone_into(text);
    }
    !said.is_empty()
}

fn text_of(event: &mut Event) -> Option<&mut String> {
    match event {
        Event::Text { text, .. }
        | Event::Refusal { text, .. }
        | Event::Reasoning { text, .. }
        | Event::ReasoningSummary { text, .. }
        | Event::ToolArguments { fragment: text, .. } => Some(text),
        _ => None,
    }
}

/// A value in a type; `None` when it is null or of another.
pub(super) fn lenient<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of these pieces, which are JSON, and of the end.
    fn said(pieces: &[&str]) -> Vec<String> {
        let mut halves = Halves::default();
        let event = || Event::Text { choice: 0, text: String::new() };
        let mut events: Vec<Event> =
            pieces.iter().filter_map(|piece| halves.say(event(), Some(&serde_json::from_str(piece).unwrap()))).collect();
        events.extend(halves.rest());
        assert_eq!(halves.rest().count(), 0);
        events.iter_mut().map(|event| text_of(event).unwrap().clone()).collect()
    }

    #[test]
    fn a_character_in_two_halves_is_said_when_it_is_whole() {
        for (pieces, expected) in [
            (&[r#""a\ud83d""#, r#""\ude00b""#][..], &["a", "😀b"][..]),
            (&[r#""\ud83d""#, r#""\ude00\ud83d""#, r#""\ude01""#], &["😀", "😁"]),
            (&[r#""\ud83d""#, r#""""#, r#""b""#], &["\u{fffd}", "b"]),
            (&[r#""\ud83d""#, r#""b""#], &["\u{fffd}b"]),
            (&[r#""a\ud83d""#], &["a", "\u{fffd}"]),
            (&[r#""\ude00a""#], &["\u{fffd}a"]),
            (&[r#""\ud83d""#, r#""\ud83d""#, r#""\ude00""#], &["\u{fffd}", "😀"]),
            (&[r#""\ud83da\ude00""#], &["\u{fffd}a\u{fffd}"]),
            (&[r#""\ufffd""#, r#""\ude00""#], &["\u{fffd}", "\u{fffd}"]),
            (&["\"gr\u{fc}\u{df}e\""], &["gr\u{fc}\u{df}e"]),
        ] {
            assert_eq!(said(pieces), expected, "{pieces:?}");
        }
    }
}
