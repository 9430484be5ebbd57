//! The chunks of an answer differ in their words and in hardly anything else. What is like the chunk before it need not be parsed again.

use super::chunk::Chunk;
use groundwork_wire::cursor::place_in;
use memchr::memchr2;
use std::borrow::Cow;
use std::ops::Range;

/// What stands around the words of a chunk that says nothing but words of one choice.
#[derive(Debug)]
pub(super) struct Likeness {
    choice: u32,
    /// The chunk without its words, and without the text with which OpenAI hides how long they are.
    around: Vec<u8>,
    /// Where in it they stood.
    words: usize,
    padding: Option<usize>,
    /// Where in it the value of `usage` stands.
    usage: Option<Range<usize>>,
}

/// A chunk that is like another.
pub(super) struct Alike<'a> {
    pub(super) choice: u32,
    pub(super) words: &'a str,
    /// Where the value of `usage` stands in the chunk.
    pub(super) usage: Option<Range<usize>>,
}

impl Likeness {
    /// Of a chunk that was read from `data`; `None` when it says no words, or says them in a way of its own.
    pub(super) fn of(chunk: &Chunk<'_>, data: &[u8]) -> Option<Self> {
        let [choice] = chunk.choices.as_ref()?.as_slice() else { return None };
        let Cow::Borrowed(words) = &choice.delta.as_ref()?.content.as_ref()?.text else { return None };
        let words = quoted(words.as_bytes(), data)?;
        let padding = match chunk.padding {
            Some(padding) => Some(quoted(padding.bytes().strip_prefix(b"\"")?.strip_suffix(b"\"")?, data)?),
            None => None,
        };
        let cuts = [Some(words.clone()), padding.clone()];
        let usage = chunk.usage.and_then(|usage| usage.place_in(data));
        let shifted = |at: usize| at - cuts.iter().flatten().filter(|cut| cut.end <= at).map(ExactSizeIterator::len).sum::<usize>();
        if padding.as_ref().is_some_and(|padding| padding.start < words.end) {
            return None;
        }
        let (middle, end) = match &padding {
            Some(padding) => (&data[words.end..padding.start], &data[padding.end..]),
            None => (&data[words.end..], &data[data.len()..]),
        };
        Some(Self {
            choice: choice.index,
            around: [&data[..words.start], middle, end].concat(),
            words: words.start,
            padding: padding.map(|padding| shifted(padding.start)),
            usage: usage.map(|usage| shifted(usage.start)..shifted(usage.end)),
        })
    }

    /// What `data` says, if it is the same around its words.
    pub(super) fn read<'a>(&self, data: &'a [u8]) -> Option<Alike<'a>> {
        let (before, behind) = self.around.split_at(self.words);
        let (words, rest) = string(data.strip_prefix(before)?)?;
        let padding = match self.padding {
            Some(at) => {
                let (middle, end) = behind.split_at(at - self.words);
                let (padding, rest) = string(rest.strip_prefix(middle)?)?;
                (rest == end).then_some(padding.len())?
            }
            None => (rest == behind).then_some(0)?,
        };
        let moved = |at: usize| {
            at + if at >= self.words { words.len() } else { 0 } + if self.padding.is_some_and(|gap| at >= gap) { padding } else { 0 }
        };
        Some(Alike {
            choice: self.choice,
            words: std::str::from_utf8(words).ok().filter(|words| !words.is_empty())?,
            usage: self.usage.as_ref().map(|usage| moved(usage.start)..moved(usage.end)),
        })
    }
}

/// The inside of a string in which nothing is escaped, and what follows it from its closing quote on.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr2(b'"', b'\\', text)?;
    (text[end] == b'"').then(|| text.split_at(end))
}

/// Where a string's inside, a slice of `data`, stands between its quotes.
fn quoted(inside: &[u8], data: &[u8]) -> Option<Range<usize>> {
    let place = place_in(inside, data)?;
    let quotes = [place.start.checked_sub(1).and_then(|before| data.get(before)), data.get(place.end)];
    (quotes == [Some(&b'"'); 2] && memchr2(b'"', b'\\', inside).is_none()).then_some(place)
}
