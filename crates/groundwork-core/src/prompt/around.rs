//! What stands around the passages that a search has found: it takes the room that is left when everything else has its place.

use super::packing::{Prompt, fitting_passages};
use super::{Passage, TemplateError};
use crate::tokens::Tokenize;

/// Passages that no search has found and that belong to those which one has.
#[derive(Debug, Clone, Copy, Default)]
pub struct Around<'a> {
    /// The most wanted first; what is in one group comes together or not at all.
    pub groups: &'a [Vec<Passage>],
    /// Tokens that all of them may take.
    pub tokens: usize,
}

/// Of what stands around them the groups that fit `room`.
pub(super) fn fitting_groups(prompt: &Prompt<'_>, room: usize, tokenizer: &dyn Tokenize) -> Result<Vec<Passage>, TemplateError> {
    let mut left = room;
    let mut fitting = Vec::new();
    for group in prompt.around.groups {
        let alone = Prompt { passages: group, ..*prompt };
        let (whole, rest) = fitting_passages(&alone, left, tokenizer)?;
        if whole.len() == group.len() {
            left = rest;
            fitting.extend(whole);
        }
    }
    Ok(fitting)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Budget, Message, Packed, Source, Template, pack};
    use crate::tokens::UpperBound;
    use crate::turn::Role;
    use std::ops::Range;

    const TEXT: &str = "Leave is granted. It must be asked for. The head decides. Sickness is told at once.";

    fn passage(span: Range<usize>) -> Passage {
        Passage { text: TEXT[span.clone()].to_owned(), span, pages: None, ..Source::example().passage }
    }

    /// As the upper bound counts, a token is a byte.
    fn packed(groups: &[Vec<Passage>], tokens: usize, window: usize, history: &[Message]) -> Packed {
        let template = Template::new("t".parse().unwrap(), "", "{% for s in sources %}{{ s.text }}{% endfor %}{{ question }}").unwrap();
        let passages = [passage(18..39)];
        let around = Around { groups, tokens };
        let prompt = Prompt { template: &template, assistant: "A", history, question: "Q", passages: &passages, around };
        pack(&prompt, &Budget::new(window, 0), &UpperBound).unwrap()
    }

    fn texts(packed: &Packed) -> Vec<&str> {
        packed.sources.iter().map(|source| source.passage.text.as_str()).collect()
    }

    #[test]
    fn neighbors_become_one_source_with_what_they_stand_around() {
        let groups = [vec![passage(0..17)], vec![passage(40..57)]];
        let whole = packed(&groups, 1000, 1000, &[]);
        assert_eq!(texts(&whole), [&TEXT[..57]]);
        assert_eq!((whole.sources[0].passage.span.clone(), whole.accounting.passages_dropped), (0..57, 0));
        assert_eq!(texts(&packed(&groups, 20, 1000, &[])), [&TEXT[..39]]);
        assert_eq!(texts(&packed(&groups, 0, 1000, &[])), [&TEXT[18..39]]);
    }

    #[test]
    fn a_group_comes_whole_or_not_at_all_and_a_smaller_one_may_still_come() {
        let groups = [vec![passage(0..17), passage(58..83)], vec![passage(40..57)]];
        assert_eq!(texts(&packed(&groups, 41, 1000, &[])), [&TEXT[18..57]]);
        assert_eq!(texts(&packed(&groups, 42, 1000, &[])), [&TEXT[..39], &TEXT[58..83]]);
    }

    #[test]
    fn history_that_fits_goes_before_what_was_not_found() {
        let history = [Message { role: Role::User, text: "h".repeat(60) }, Message { role: Role::Assistant, text: "yes".to_owned() }];
        let groups = [vec![passage(0..17)]];
        let narrow = packed(&groups, 1000, 110, &history);
        assert_eq!((texts(&narrow), narrow.accounting.history_messages_dropped), (vec![&TEXT[18..39]], 0));
        let wide = packed(&groups, 1000, 140, &history);
        assert_eq!((texts(&wide), wide.accounting.history_messages_dropped), (vec![&TEXT[..39]], 0));
    }
}
