//! The lines of a content as it is read, none of them longer than it may be in memory.

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::BoxStream;

pub(super) struct Lines<E> {
    content: BoxStream<'static, Result<Bytes, E>>,
    held: BytesMut,
    /// Bytes of `held` in which there is no line end.
    searched: usize,
    /// The number of the last line.
    number: u32,
    limit: usize,
    ended: bool,
    /// The rest of a line that was too long.
    skipping: bool,
}

/// One line that is not blank, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// From 1, blank lines counted.
    pub(super) number: u32,
    /// `None` when it is longer than it may be.
    pub(super) text: Option<Bytes>,
}

impl<E> Lines<E> {
    pub(super) fn new(content: BoxStream<'static, Result<Bytes, E>>, limit: usize) -> Self {
        Self { content, held: BytesMut::new(), searched: 0, number: 0, limit, ended: false, skipping: false }
    }

    /// The next line that is not blank.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, E> {
        loop {
            if let Some(at) = memchr::memchr(b'\n', &self.held[self.searched..]) {
                let line = self.held.split_to(self.searched + at + 1).freeze();
                self.searched = 0;
                if std::mem::take(&mut self.skipping) {
                    continue;
                }
                self.number += 1;
                if let Some(line) = self.line(&line) {
                    return Ok(Some(line));
                }
                continue;
            }
            self.searched = self.held.len();
            if self.skipping {
                self.forget();
            } else if self.held.len() > self.limit {
                self.number += 1;
                self.skipping = true;
                self.forget();
                return Ok(Some(Line { number: self.number, text: None }));
            }
            if self.ended {
                let rest = std::mem::take(&mut self.held).freeze();
                self.searched = 0;
                if rest.is_empty() || std::mem::take(&mut self.skipping) {
                    return Ok(None);
                }
                self.number += 1;
                return Ok(self.line(&rest));
            }
            match self.content.next().await {
                Some(piece) => self.held.extend_from_slice(&piece?),
                None => self.ended = true,
            }
        }
    }

    fn forget(&mut self) {
        self.held.clear();
        self.searched = 0;
    }

    /// `None` for a blank one.
    fn line(&self, text: &Bytes) -> Option<Line> {
        let trimmed = text.trim_ascii();
        if trimmed.is_empty() {
            return None;
        }
        let text = (trimmed.len() <= self.limit).then(|| text.slice_ref(trimmed));
        Some(Line { number: self.number, text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::stream;
    use std::convert::Infallible;

    async fn lines(text: &str, cut: usize, limit: usize) -> Vec<(u32, Option<String>)> {
        let pieces: Vec<Result<Bytes, Infallible>> = text.as_bytes().chunks(cut).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let mut lines = Lines::new(stream::iter(pieces).boxed(), limit);
        let mut found = Vec::new();
        while let Ok(Some(Line { number, text })) = lines.next().await {
            found.push((number, text.map(|text| String::from_utf8_lossy(&text).into_owned())));
        }
        found
    }

    #[tokio::test]
    async fn lines_are_the_same_wherever_a_content_is_cut() {
        let text = "a\r\n\n  \nbcé\n toolongtoolong\nd\n\ne";
        let some = |text: &str| Some(text.to_owned());
        let expected = [(1, some("a")), (4, some("bcé")), (5, None), (6, some("d")), (8, some("e"))];
        for cut in 1..=text.len() {
            assert_eq!(lines(text, cut, 8).await, expected, "cut at {cut}");
        }
    }

    #[tokio::test]
    async fn a_last_line_that_is_too_long_and_an_empty_content_end_too() {
        for cut in 1..20 {
            assert_eq!(lines("a\ntoolongtoolong", cut, 8).await, [(1, Some("a".to_owned())), (2, None)], "cut at {cut}");
            assert_eq!(lines("\n \n", cut, 8).await, []);
        }
        assert_eq!(lines("", 1, 8).await, []);
    }
}
