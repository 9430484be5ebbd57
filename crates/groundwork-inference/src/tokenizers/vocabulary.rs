//! The tokenizer of a local model, read from its `tokenizer.json`.

use groundwork_core::tokens::Tokenize;
use std::ops::Range;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::{EncodeInput, Encoding};

/// Texts beyond this many bytes are counted piece by piece where that gives the same count, to bound the memory.
const PIECE_BYTES: usize = 64 * 1024;

/// Why a `tokenizer.json` cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("not a tokenizer: {reason}")]
pub struct VocabularyError {
    pub reason: String,
}

/// Splits text into the tokens of one local model. Truncation and padding that the file asks for are left out: what to do with a text
/// that is too long is the caller's decision.
pub struct Vocabulary {
    inner: tokenizers::Tokenizer,
    splits_at_whitespace: bool,
}

impl Vocabulary {
    pub fn parse(bytes: &[u8]) -> Result<Self, VocabularyError> {
        let wrong = |error: &dyn std::fmt::Display| VocabularyError { reason: error.to_string() };
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(|error| wrong(&error))?;
        inner.with_truncation(None).map_err(|error| wrong(&error))?;
        inner.with_padding(None);
        let splits_at_whitespace = matches!(inner.get_pre_tokenizer(), Some(PreTokenizerWrapper::BertPreTokenizer(_)));
        Ok(Self { inner, splits_at_whitespace })
    }

    /// The identifiers of a text's tokens, with or without those the model adds around it.
    pub(crate) fn ids(&self, text: &str, special: bool) -> Result<Vec<u32>, String> {
        let encoding = self.inner.encode_fast(EncodeInput::from(text), special).map_err(|error| error.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }

    /// The tokens of two texts that are read together, with those that the model adds, and which text each belongs to, 0 or 1.
    pub(crate) fn pair(&self, first: &str, second: &str) -> Result<(Vec<u32>, Vec<u32>), String> {
        let encoding = self.inner.encode_fast(EncodeInput::from((first, second)), true).map_err(|error| error.to_string())?;
        Ok((encoding.get_ids().to_vec(), encoding.get_type_ids().to_vec()))
    }

    /// How many tokens the model adds around a text.
    pub(crate) fn special_tokens(&self) -> usize {
        self.ids("", true).map_or(0, |ids| ids.len())
    }

    /// The identifier of a token, when the vocabulary has it.
    pub(crate) fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// One more than the largest identifier.
    pub(crate) fn size(&self) -> usize {
        self.inner.get_vocab(true).into_values().max().map_or(0, |largest| largest as usize + 1)
    }

    /// The count, or a number above `most` as soon as it is certain that there are more.
    pub(crate) fn count_up_to(&self, text: &str, most: usize) -> usize {
        let mut count = 0;
        for (_, piece) in self.pieces(text) {
            count += self.count_piece(piece);
            if count > most {
                break;
            }
        }
        count
    }

    /// The longest beginning of `text` that has at most `most` tokens, ending where a token ends.
    pub(crate) fn beginning<'t>(&self, text: &'t str, most: usize) -> &'t str {
        let mut ends = Vec::new();
        for (begin, piece) in self.pieces(text) {
            ends.extend(self.piece_spans(begin, piece, text).into_iter().map(|span| span.end));
            if ends.len() > most {
                break;
            }
        }
        if ends.len() <= most {
            return text;
        }
        let fits = (0..=most).rev().map(|kept| &text[..if kept == 0 { 0 } else { ends[kept - 1] }]);
        fits.into_iter().find(|beginning| self.count_up_to(beginning, most) <= most).unwrap_or_default()
    }

    fn count_piece(&self, piece: &str) -> usize {
        self.inner.encode_fast(EncodeInput::from(piece), false).map_or(piece.len(), |encoding| encoding.len())
    }

    fn piece_spans(&self, begin: usize, piece: &str, text: &str) -> Vec<Range<usize>> {
        let Some(encoding) = self.encode(piece) else {
            let whole = begin..begin + piece.len();
            return Vec::from([whole]);
        };
        let mut floor = begin;
        let mut spans = Vec::with_capacity(encoding.len());
        for (start, end) in encoding.get_offsets() {
            let start = text.floor_char_boundary(begin + start).max(floor);
            floor = text.ceil_char_boundary(begin + end).max(start);
            spans.push(start..floor);
        }
        spans
    }

    fn encode(&self, text: &str) -> Option<Encoding> {
        self.inner.encode(EncodeInput::from(text), false).ok()
    }

    /// Pieces that give the same tokens as the whole, with the place where each begins.
    fn pieces<'t>(&self, text: &'t str) -> impl Iterator<Item = (usize, &'t str)> {
        let most = if self.splits_at_whitespace { PIECE_BYTES } else { usize::MAX };
        let mut at = 0;
        std::iter::from_fn(move || {
            let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
            let piece = first_piece(rest, most);
            let begin = at;
            at += piece.len();
            Some((begin, piece))
        })
    }
}

impl Tokenize for Vocabulary {
    fn count(&self, text: &str) -> usize {
        self.count_up_to(text, usize::MAX)
    }

    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        self.pieces(text).flat_map(|(begin, piece)| self.piece_spans(begin, piece, text)).collect()
    }

    fn adds_up(&self) -> bool {
        self.splits_at_whitespace
    }
}

/// The beginning of `text`, at most about `most` bytes, ending before whitespace or else before a sign that is a token of its own.
fn first_piece(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let limit = text.floor_char_boundary(most);
    let back = |end: fn(char) -> bool| text[..limit].rfind(end).filter(|at| *at > 0);
    let ahead = || text[limit..].find(|c| char::is_whitespace(c) || is_sign(c)).map(|at| limit + at);
    back(char::is_whitespace).or_else(|| back(is_sign)).or_else(ahead).map_or(text, |end| &text[..end])
}

fn is_sign(c: char) -> bool {
    c.is_ascii_punctuation() || matches!(c, '\u{3001}'..='\u{3003}' | '\u{ff01}'..='\u{ff0f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::tests::made::tokenizer;
    use proptest::prelude::*;

    fn vocabulary() -> Vocabulary {
        Vocabulary::parse(tokenizer().as_bytes()).expect("a tokenizer")
    }

    #[test]
    fn neither_truncation_nor_padding_of_the_file_is_obeyed() {
        assert_eq!(vocabulary().count("red green blue sky the words of a b c"), 10);
        assert_eq!(vocabulary().ids("red", true), Ok(vec![2, 5, 3]));
        assert_eq!((vocabulary().special_tokens(), vocabulary().count("")), (2, 0));
    }

    #[test]
    fn a_long_text_counts_in_pieces_what_it_counts_whole() {
        let vocabulary = vocabulary();
        let endless = "x".repeat(3 * PIECE_BYTES);
        for text in ["red words, b! \u{65e5}\u{672c} unheard ".repeat(8_000), "\u{65e5}\u{3002}sky,".repeat(20_000), endless] {
            let whole = vocabulary.encode(&text).expect("it encodes");
            assert!(text.len() > 2 * PIECE_BYTES);
            assert_eq!(vocabulary.count(&text), whole.len());
            let spans: Vec<_> = whole.get_offsets().iter().map(|(start, end)| *start..*end).collect();
            assert_eq!(vocabulary.spans(&text), spans);
        }
    }

    #[test]
    fn counting_up_to_a_number_stops_early_and_is_exact_below() {
        let text = "red sky ".repeat(100_000);
        assert_eq!(vocabulary().count_up_to("red sky", 5), 2);
        assert!((11..100_000).contains(&vocabulary().count_up_to(&text, 10)));
        assert_eq!(vocabulary().beginning(&text, 3), "red sky red");
    }

    proptest! {
        #[test]
        fn what_whitespace_keeps_apart_adds_up(one in "[a-c ,!\u{e9}\u{300}\u{65e5}\u{1f600}]{0,20}", other in "[a-c ,!\u{e9}\u{300}\u{65e5}\u{1f600}\\n]{0,20}") {
            let vocabulary = vocabulary();
            prop_assert!(vocabulary.adds_up());
            prop_assert_eq!(vocabulary.count(&format!("{one}\n{other}")), vocabulary.count(&one) + vocabulary.count(&other));
        }

        #[test]
        fn spans_are_as_many_as_the_count_and_ascend_on_characters(text in "[a-c ,!\u{e9}\u{300}\u{65e5}\u{1f600}\\n]{0,40}") {
            let vocabulary = vocabulary();
            let spans = vocabulary.spans(&text);
            prop_assert_eq!(spans.len(), vocabulary.count(&text));
            let mut at = 0;
            for span in spans {
                prop_assert!(at <= span.start && span.start <= span.end);
                prop_assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end));
                at = span.end;
            }
        }

        #[test]
        fn a_beginning_fits_and_nothing_longer_would(text in "(red|sky|skys|unheard|,|\u{65e5}| ){0,30}", most in 0usize..20) {
            let vocabulary = vocabulary();
            let kept = vocabulary.beginning(&text, most);
            prop_assert!(text.starts_with(kept));
            let count = vocabulary.count(kept);
            prop_assert_eq!(count, most.min(vocabulary.count(&text)));
        }
    }
}
