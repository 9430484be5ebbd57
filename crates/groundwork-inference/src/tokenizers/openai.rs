//! The vocabularies of OpenAI's models, loaded at the first use.

use groundwork_core::tokens::Tokenize;
use std::ops::Range;

/// Models that share a vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// gpt-4o and everything since, and the reasoning models.
    O200k,
    /// gpt-4, gpt-3.5 and the embedding models.
    Cl100k,
}

/// Checked in this order: `gpt-4o` before `gpt-4`.
const NAMES: [(&str, Family); 16] = [
    ("gpt-oss", Family::O200k),
    ("gpt-5", Family::O200k),
    ("gpt-5.", Family::O200k),
    ("gpt-4o", Family::O200k),
    ("gpt-4.1", Family::O200k),
    ("gpt-4.5", Family::O200k),
    ("chatgpt-4o", Family::O200k),
    ("codex-mini", Family::O200k),
    ("o1", Family::O200k),
    ("o3", Family::O200k),
    ("o4", Family::O200k),
    ("gpt-4", Family::Cl100k),
    ("gpt-3.5", Family::Cl100k),
    ("gpt-35", Family::Cl100k),
    ("text-embedding-3", Family::Cl100k),
    ("text-embedding-ada", Family::Cl100k),
];

impl Family {
    /// The family of a model's name, with or without a vendor before it and a version behind it.
    pub(super) fn of(name: &str) -> Option<Self> {
        let name = name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
        let named = |prefix: &str| {
            name.strip_prefix(prefix).is_some_and(|rest| prefix.ends_with('.') || rest.is_empty() || rest.starts_with(['-', ':', '_', '@']))
        };
        NAMES.iter().find(|(prefix, _)| named(prefix)).map(|(_, family)| *family)
    }

    fn vocabulary(self) -> &'static bpe_openai::Tokenizer {
        match self {
            Self::O200k => bpe_openai::o200k_base(),
            Self::Cl100k => bpe_openai::cl100k_base(),
        }
    }
}

impl Tokenize for Family {
    fn count(&self, text: &str) -> usize {
        self.vocabulary().count(text)
    }

    /// Tokens may end inside a character: the first of them has the whole character, the others of it are empty.
    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let vocabulary = self.vocabulary();
        let mut end = 0;
        let mut start = 0;
        let mut spans = Vec::new();
        for token in vocabulary.encode(text) {
            end += vocabulary.bpe.token_len(token);
            let boundary = text.ceil_char_boundary(end);
            spans.push(start..boundary);
            start = boundary;
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_leads_to_its_family_and_an_unknown_one_to_none() {
        let cases = [
            ("gpt-4o", Some(Family::O200k)),
            ("gpt-4o-mini-2024-07-18", Some(Family::O200k)),
            ("openai/gpt-4.1-nano", Some(Family::O200k)),
            ("gpt-5", Some(Family::O200k)),
            ("gpt-5.1-codex", Some(Family::O200k)),
            ("GPT-5-mini", Some(Family::O200k)),
            ("o1", Some(Family::O200k)),
            ("o3-mini", Some(Family::O200k)),
            ("o4-mini-2025-04-16", Some(Family::O200k)),
            ("gpt-4", Some(Family::Cl100k)),
            ("gpt-4-turbo", Some(Family::Cl100k)),
            ("gpt-35-turbo", Some(Family::Cl100k)),
            ("gpt-3.5-turbo-16k", Some(Family::Cl100k)),
            ("text-embedding-3-small", Some(Family::Cl100k)),
            ("text-embedding-004", None),
            ("gpt-4.9", None),
            ("o10", None),
            ("gpt-40", None),
            ("gpt-2", None),
            ("llama-3.1-8b", None),
            ("openchat", None),
            ("", None),
        ];
        for (name, family) in cases {
            assert_eq!(Family::of(name), family, "{name}");
        }
    }

    /// Counts of the reference implementation, tiktoken 0.12.
    #[test]
    fn counts_are_those_of_the_reference_implementation() {
        let cases = [
            ("The parental leave policy changed on 1 March 2024.", O200K[0], CL100K[0]),
            ("Überstunden werden im Folgemonat vergütet – mit 25\u{a0}% Zuschlag.", O200K[1], CL100K[1]),
            ("日本語の文章と 😀 emoji, and\n\n\ttabs\r\nand   spaces  ", O200K[2], CL100K[2]),
            ("fn main() { println!(\"{:>8.3}\", 12345.678); }", O200K[3], CL100K[3]),
            ("", 0, 0),
        ];
        for (text, o200k, cl100k) in cases {
            assert_eq!((Family::O200k.count(text), Family::Cl100k.count(text)), (o200k, cl100k), "{text:?}");
        }
    }

    const O200K: [usize; 4] = [13, 20, 17, 19];
    const CL100K: [usize; 4] = [13, 23, 19, 18];

    proptest! {
        #[test]
        fn spans_are_as_many_as_the_count_and_cover_the_text_in_order(text in "[a-z \u{e9}\u{65e5}\u{1f600}\\n]{0,60}") {
            let spans = Family::O200k.spans(&text);
            prop_assert_eq!(spans.len(), Family::O200k.count(&text));
            let mut at = 0;
            for span in &spans {
                prop_assert_eq!(span.start, at);
                prop_assert!(text.is_char_boundary(span.end));
                at = span.end;
            }
            prop_assert_eq!(at, text.len());
        }
    }
}
