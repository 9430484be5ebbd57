//! Packing: what of history and sources goes into the prompt, so that it never passes the model's window.

use super::around::{Around, fitting_groups};
use super::source::{Passage, Source, join_neighbors};
use super::{Template, TemplateError};
use crate::tokens::Tokenize;
use crate::turn::Role;
use serde::Serialize;

/// One message of a conversation with documents, which is text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    pub role: Role,
    pub text: String,
}

/// How much room there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The model's context window, in tokens.
    pub window: usize,
    /// Kept free for the answer.
    pub reserved_output: usize,
    /// Tokens that the model's chat format adds around each message.
    pub per_message: usize,
    /// Tokens that it adds once.
    pub per_prompt: usize,
    /// Of the room that the fixed part leaves, what history may take before the sources, in percent.
    pub history_percent: u8,
}

impl Budget {
    /// The budget of a model whose chat format is that of OpenAI's models: 3 tokens around a message, and one for its role; 3 once.
    pub fn new(window: usize, reserved_output: usize) -> Self {
        Self { window, reserved_output, per_message: 4, per_prompt: 3, history_percent: 30 }
    }

    fn input(&self) -> usize {
        self.window.saturating_sub(self.reserved_output)
    }
}

/// What a prompt is made of.
#[derive(Debug, Clone, Copy)]
pub struct Prompt<'a> {
    pub template: &'a Template,
    /// The assistant's name, a value of the template.
    pub assistant: &'a str,
    /// Earlier messages, oldest first, without the question. Those of the roles system and developer are rules, and never cut.
    pub history: &'a [Message],
    pub question: &'a str,
    /// Best first.
    pub passages: &'a [Passage],
    /// What stands around them, for the room that is left when everything else has its place.
    pub around: Around<'a>,
}

/// What goes to the model, and what a citation may point at.
#[derive(Debug, Clone, PartialEq)]
pub struct Packed {
    /// The static part first, so that a provider's prompt cache hits, then history, then one message with sources and question.
    pub messages: Vec<Message>,
    /// In the order of the prompt; the n-th has the id n.
    pub sources: Vec<Source>,
    pub accounting: Accounting,
}

/// Where the tokens went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Accounting {
    /// All of the prompt, framing included; never more than window less reserved output.
    pub prompt_tokens: usize,
    pub history_tokens: usize,
    pub source_tokens: usize,
    pub history_messages_dropped: usize,
    pub passages_dropped: usize,
    /// False when counted by an upper bound.
    pub exact: bool,
}

/// The parts that are never cut, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Breakdown {
    pub rules: usize,
    pub question: usize,
    pub framing: usize,
    pub reserved_output: usize,
    pub window: usize,
}

/// Why no prompt was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error(
        "the question does not fit the model's window of {} tokens: rules {}, question {}, framing {}, reserved for the answer {}; shorten the question or choose a model with a larger window",
        .0.window, .0.rules, .0.question, .0.framing, .0.reserved_output
    )]
    FixedPartTooLarge(Breakdown),
    /// An answer without any of the sources that were found would be ungrounded.
    #[error(
        "no source fits beside the question in the model's window of {} tokens: rules {}, question {}, framing {}, reserved for the answer {}; shorten the question or choose a model with a larger window",
        .0.window, .0.rules, .0.question, .0.framing, .0.reserved_output
    )]
    NoRoomForSources(Breakdown),
}

/// Packs a prompt. For any input the result has at most `window - reserved_output` tokens.
pub fn pack(prompt: &Prompt<'_>, budget: &Budget, tokenizer: &dyn Tokenize) -> Result<Packed, PackError> {
    let fixed = Fixed::of(prompt, budget, tokenizer)?;
    let room = budget.input().checked_sub(fixed.tokens).ok_or(PackError::FixedPartTooLarge(fixed.breakdown))?;

    let turns = turns(prompt.history, budget, tokenizer);
    let share = if prompt.passages.is_empty() { room } else { room / 100 * usize::from(budget.history_percent.min(100)) };
    let mut kept_turns = newest_that_fit(&turns, share);
    let (mut passages, mut left) = fitting_passages(prompt, room - tokens_of(&turns, kept_turns), tokenizer)?;
    if passages.is_empty() && !prompt.passages.is_empty() {
        (passages, left) = fitting_passages(prompt, room, tokenizer)?;
        kept_turns = 0;
    }
    let before = tokens_of(&turns, kept_turns);
    kept_turns = newest_that_fit(&turns, before + left);
    let found = passages.len();
    if found > 0 {
        let left = (before + left).saturating_sub(tokens_of(&turns, kept_turns));
        passages.extend(fitting_groups(prompt, left.min(prompt.around.tokens), tokenizer)?);
    }

    // Counts of parts need not add up to the count of the whole, so the whole decides.
    loop {
        let sources = number(&passages, tokenizer);
        let history = &turns[turns.len() - kept_turns..];
        let messages = assemble(prompt, &fixed.rules, history, &sources)?;
        let prompt_tokens = count(&messages, budget, tokenizer);
        if prompt_tokens > budget.input() {
            if kept_turns > 0 && passages.len() <= 1 {
                kept_turns -= 1;
            } else if passages.pop().is_none() {
                return Err(PackError::FixedPartTooLarge(fixed.breakdown));
            }
            continue;
        }
        if sources.is_empty() && !prompt.passages.is_empty() {
            return Err(PackError::NoRoomForSources(fixed.breakdown));
        }
        let history_kept: usize = history.iter().map(|turn| turn.messages.len()).sum();
        let accounting = Accounting {
            prompt_tokens,
            history_tokens: tokens_of(&turns, kept_turns),
            source_tokens: sources.iter().map(|source| source.tokens).sum(),
            history_messages_dropped: turns.iter().map(|turn| turn.messages.len()).sum::<usize>() - history_kept,
            passages_dropped: prompt.passages.len() - passages.len().min(found),
            exact: tokenizer.is_exact(),
        };
        return Ok(Packed { messages, sources, accounting });
    }
}

/// What is never cut: the template's rules, the caller's own, and the question.
struct Fixed {
    rules: Vec<Message>,
    tokens: usize,
    breakdown: Breakdown,
}

impl Fixed {
    fn of(prompt: &Prompt<'_>, budget: &Budget, tokenizer: &dyn Tokenize) -> Result<Self, TemplateError> {
        let system = prompt.template.render_system(prompt.assistant)?;
        let mut rules = Vec::new();
        if !system.is_empty() {
            rules.push(Message { role: Role::System, text: system });
        }
        rules.extend(prompt.history.iter().filter(|message| is_rule(message)).cloned());
        let question = prompt.template.render_question(prompt.assistant, &[], prompt.question)?;
        let breakdown = Breakdown {
            rules: rules.iter().map(|message| tokenizer.count(&message.text)).sum(),
            question: tokenizer.count(&question),
            framing: budget.per_prompt + budget.per_message * (rules.len() + 1),
            reserved_output: budget.reserved_output,
            window: budget.window,
        };
        Ok(Self { rules, tokens: breakdown.rules + breakdown.question + breakdown.framing, breakdown })
    }
}

fn is_rule(message: &Message) -> bool {
    matches!(message.role, Role::System | Role::Developer)
}

/// A question of the history with everything that answered it; history is cut between two of them only.
struct PastTurn<'a> {
    messages: Vec<&'a Message>,
    /// With framing.
    tokens: usize,
}

fn turns<'a>(history: &'a [Message], budget: &Budget, tokenizer: &dyn Tokenize) -> Vec<PastTurn<'a>> {
    let mut turns: Vec<PastTurn<'a>> = Vec::new();
    for message in history.iter().filter(|message| !is_rule(message)) {
        let tokens = tokenizer.count(&message.text) + budget.per_message;
        match turns.last_mut() {
            Some(turn) if message.role != Role::User => {
                turn.messages.push(message);
                turn.tokens += tokens;
            }
            _ => turns.push(PastTurn { messages: vec![message], tokens }),
        }
    }
    turns
}

fn newest_that_fit(turns: &[PastTurn<'_>], room: usize) -> usize {
    let mut used = 0;
    let fits = |turn: &&PastTurn<'_>| {
        used += turn.tokens;
        used <= room
    };
    turns.iter().rev().take_while(fits).count()
}

fn tokens_of(turns: &[PastTurn<'_>], newest: usize) -> usize {
    turns[turns.len() - newest..].iter().map(|turn| turn.tokens).sum()
}

/// The best passages that fit `room`, each counted as the template writes it, and what they leave of it.
pub(super) fn fitting_passages(prompt: &Prompt<'_>, room: usize, tokenizer: &dyn Tokenize) -> Result<(Vec<Passage>, usize), TemplateError> {
    let render = |sources: &[Source]| prompt.template.render_question(prompt.assistant, sources, "");
    let bare = tokenizer.count(&render(&[])?);
    let mut left = room;
    let mut fitting = Vec::new();
    for passage in prompt.passages {
        let alone = Source { id: 1, passage: passage.clone(), tokens: 0 };
        let tokens = tokenizer.count(&render(std::slice::from_ref(&alone))?).saturating_sub(bare);
        if tokens <= left {
            left -= tokens;
            fitting.push(alone.passage);
        }
    }
    Ok((fitting, left))
}

fn number(passages: &[Passage], tokenizer: &dyn Tokenize) -> Vec<Source> {
    let source = |(id, passage): (u32, Passage)| Source { id, tokens: tokenizer.count(&passage.text), passage };
    (1..).zip(join_neighbors(passages)).map(source).collect()
}

fn assemble(prompt: &Prompt<'_>, rules: &[Message], history: &[PastTurn<'_>], sources: &[Source]) -> Result<Vec<Message>, TemplateError> {
    let mut messages = rules.to_vec();
    messages.extend(history.iter().flat_map(|turn| turn.messages.iter().copied().cloned()));
    let text = prompt.template.render_question(prompt.assistant, sources, prompt.question)?;
    messages.push(Message { role: Role::User, text });
    Ok(messages)
}

/// The tokens of a whole prompt.
pub fn count(messages: &[Message], budget: &Budget, tokenizer: &dyn Tokenize) -> usize {
    let texts: usize = messages.iter().map(|message| tokenizer.count(&message.text) + budget.per_message).sum();
    texts + budget.per_prompt
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::UpperBound;
    use proptest::prelude::*;
    use std::ops::Range;

    /// Words and single other characters: exact for this test's model, and the count of a whole differs from that of its parts.
    struct Words;

    impl Tokenize for Words {
        fn count(&self, text: &str) -> usize {
            self.spans(text).len()
        }

        fn spans(&self, text: &str) -> Vec<Range<usize>> {
            let mut spans: Vec<Range<usize>> = Vec::new();
            for (at, c) in text.char_indices() {
                match spans.last_mut() {
                    Some(last) if c.is_alphanumeric() && last.end == at && text[last.clone()].chars().all(char::is_alphanumeric) => {
                        last.end += c.len_utf8();
                    }
                    _ => spans.push(at..at + c.len_utf8()),
                }
            }
            spans
        }
    }

    fn template() -> Template {
        let question = "{% for s in sources %}[{{ s.id }}] {{ s.text }}\n{% endfor %}Q: {{ question }}";
        Template::new("t".parse().unwrap(), "Rules of {{ assistant }}.", question).unwrap()
    }

    fn message(role: Role, text: &str) -> Message {
        Message { role, text: text.to_owned() }
    }

    fn passage(at: usize, text: &str) -> Passage {
        let start = at * 1_000;
        Passage { span: start..start + text.chars().count(), text: text.to_owned(), ..Source::example().passage }
    }

    fn packed(history: &[Message], question: &str, passages: &[Passage], window: usize) -> Result<Packed, PackError> {
        let prompt = Prompt { template: &template(), assistant: "A", history, question, passages, around: Around::default() };
        pack(&prompt, &Budget::new(window, 10), &Words)
    }

    fn texts(packed: &Packed) -> Vec<&str> {
        packed.messages.iter().map(|message| message.text.as_str()).collect()
    }

    #[test]
    fn with_room_everything_is_there_in_the_order_that_caches_like() {
        let history = [message(Role::User, "hello"), message(Role::Developer, "be brief"), message(Role::Assistant, "hi")];
        let packed = packed(&history, "how many", &[passage(1, "seven days"), passage(0, "no more")], 1_000).unwrap();
        assert_eq!(texts(&packed), ["Rules of A.", "be brief", "hello", "hi", "[1] seven days\n[2] no more\nQ: how many"]);
        assert_eq!(packed.sources.iter().map(|source| source.id).collect::<Vec<_>>(), [1, 2]);
        let Accounting { history_messages_dropped, passages_dropped, exact, source_tokens, .. } = packed.accounting;
        assert_eq!((history_messages_dropped, passages_dropped, exact, source_tokens), (0, 0, true, 6));
    }

    #[test]
    fn history_goes_oldest_first_and_by_whole_turns() {
        let mut history = Vec::new();
        for turn in 0..20 {
            history.push(message(Role::User, &format!("question {turn}")));
            history.push(message(Role::Assistant, &format!("answer {turn}")));
        }
        let packed = packed(&history, "how many", &[], 80).unwrap();
        let kept = texts(&packed);
        assert_eq!(kept[0], "Rules of A.");
        assert!(kept[1].starts_with("question"), "{kept:?}");
        assert_eq!(kept[kept.len() - 2], "answer 19");
        assert_eq!(packed.accounting.history_messages_dropped, 40 - (kept.len() - 2));
    }

    #[test]
    fn sources_come_before_old_history_and_the_best_source_comes_first() {
        let history = [message(Role::User, &"old ".repeat(30)), message(Role::Assistant, "yes")];
        let passages = [passage(0, &"good ".repeat(10)), passage(1, &"bad ".repeat(40)), passage(2, "short")];
        let packed = packed(&history, "how many", &passages, 90).unwrap();
        assert_eq!(packed.sources.iter().map(|source| source.passage.span.start).collect::<Vec<_>>(), [0, 2_000]);
        assert_eq!((packed.accounting.history_messages_dropped, packed.accounting.passages_dropped), (2, 1));
    }

    #[test]
    fn a_joined_source_still_tells_the_page_of_each_part() {
        let text = "one two three four";
        let part = |span: Range<usize>, page| Passage {
            text: text[span.clone()].to_owned(),
            span,
            pages: Some((page, page)),
            ..Source::example().passage
        };
        let packed = packed(&[], "how many", &[part(8..18, 4), part(0..9, 3)], 1_000).unwrap();
        let [source] = packed.sources.as_slice() else { panic!("{packed:?}") };
        assert_eq!((source.passage.text.as_str(), source.passage.pages), (text, Some((3, 4))));
        assert_eq!([0..3, 9..18, 0..18].map(|span| source.pages_of(&span)), [Some((3, 3)), Some((4, 4)), Some((3, 4))]);
    }

    #[test]
    fn a_question_that_does_not_fit_is_refused_with_a_breakdown() {
        let error = packed(&[], &"why ".repeat(100), &[], 60).unwrap_err();
        let PackError::FixedPartTooLarge(breakdown) = &error else { panic!("{error}") };
        assert_eq!(*breakdown, Breakdown { rules: 6, question: 203, framing: 11, reserved_output: 10, window: 60 });
        assert!(error.to_string().contains("rules 6, question 203"), "{error}");
    }

    #[test]
    fn without_room_for_any_source_there_is_no_ungrounded_prompt() {
        let error = packed(&[], "why", &[passage(0, &"long ".repeat(100))], 60).unwrap_err();
        assert!(matches!(error, PackError::NoRoomForSources(_)), "{error}");
    }

    proptest! {
        #[test]
        fn a_prompt_never_passes_the_budget_and_never_loses_the_question(
            history in prop::collection::vec((0usize..4, "\\PC{0,30}"), 0..8),
            question in "\\PC{0,30}",
            passages in prop::collection::vec((0usize..6, "[a-zé .]{0,60}"), 0..8),
            around in prop::collection::vec(prop::collection::vec((6usize..12, "[a-zé .]{0,60}"), 0..3), 0..4),
            tokens in 0usize..100,
            window in 0usize..400,
            reserved_output in 0usize..50,
            exact in any::<bool>(),
        ) {
            let roles = [Role::User, Role::Assistant, Role::System, Role::Tool];
            let history: Vec<_> = history.iter().map(|(role, text)| message(roles[*role], text)).collect();
            let passages: Vec<_> = passages.iter().map(|(at, text)| passage(*at, text)).collect();
            let groups: Vec<Vec<Passage>> =
                around.iter().map(|group| group.iter().map(|(at, text)| passage(*at, text)).collect()).collect();
            let around = Around { groups: &groups, tokens };
            let prompt = Prompt { template: &template(), assistant: "A", history: &history, question: &question, passages: &passages, around };
            let budget = Budget::new(window, reserved_output);
            let tokenizer: &dyn Tokenize = if exact { &Words } else { &UpperBound };
            if let Ok(packed) = pack(&prompt, &budget, tokenizer) {
                prop_assert!(count(&packed.messages, &budget, tokenizer) + reserved_output <= window);
                prop_assert_eq!(packed.accounting.prompt_tokens, count(&packed.messages, &budget, tokenizer));
                prop_assert!(packed.messages.last().unwrap().text.ends_with(&question));
                let rules = history.iter().filter(|message| message.role == Role::System);
                prop_assert!(rules.clone().all(|rule| packed.messages.contains(rule)));
                prop_assert_eq!(packed.accounting.exact, exact);
                for source in &packed.sources {
                    prop_assert!(packed.messages.last().unwrap().text.contains(&source.passage.text));
                }
            }
        }
    }
}
