//! Which words of a quote answer a question: the model may say nothing but words of the quote, in their order, and of all such answers
//! the likeliest is marked. So what is marked is verbatim whatever the model would rather say.

use super::decoder::{Decoder, Memory, READ_AT_ONCE};
use super::gguf::Unusable;
use super::template::{Message, Template};
use super::vocabulary::Tokens;
use std::ops::Range;

/// Places where an answer may begin that are followed up: the likeliest.
const BEGINNINGS: usize = 6;
/// Words of an answer, at most.
const WORDS: usize = 16;

/// Marks answers in quotes.
pub(super) struct Marker<'m> {
    pub(super) decoder: &'m Decoder,
    pub(super) tokens: &'m Tokens,
    pub(super) template: &'m Template,
}

/// A piece of a quote and how likely it is as an answer, by token.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Marked {
    pub(super) at: Range<usize>,
    pub(super) score: f32,
}

impl Marker<'_> {
    /// Bytes of `quote`; `None` when it has no words, does not fit, or nobody waits any more.
    pub(super) fn mark(&self, question: &str, quote: &str, wanted: &impl Fn() -> bool) -> Result<Option<Marked>, Unusable> {
        let words = words(quote);
        let prompt = self.prompt(question, quote)?;
        if words.is_empty() || prompt.len() + READ_AT_ONCE > self.decoder.window() {
            return Ok(None);
        }
        let mut memory = self.decoder.memory();
        let mut first = Vec::new();
        for piece in prompt.chunks(READ_AT_ONCE) {
            if !wanted() {
                return Ok(None);
            }
            first = self.decoder.next(piece, &mut memory)?;
        }
        let first = Likelihoods::of(&first);
        let mut beginnings = Vec::with_capacity(words.len());
        for at in 0..words.len() {
            let answer = self.answer(quote, &words[at..])?;
            if let Some(token) = answer.tokens.first() {
                beginnings.push((first.of_token(*token), answer));
            }
        }
        beginnings.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut best: Option<Marked> = None;
        for (likelihood, answer) in beginnings.into_iter().take(BEGINNINGS) {
            if !wanted() {
                return Ok(None);
            }
            let marked = self.follow(&answer, likelihood, memory.clone())?;
            if marked.as_ref().map(|marked| marked.score) > best.as_ref().map(|best| best.score) {
                best = marked;
            }
        }
        Ok(best)
    }

    pub(super) fn prompt(&self, question: &str, quote: &str) -> Result<Vec<u32>, Unusable> {
        let content = format!("{quote}\n\nQuestion: {question}\nAnswer with a few words of the text above, and nothing else.");
        let messages = [Message { role: "user".to_owned(), content: self.tokens.harmless(&content) }];
        self.tokens.of(&self.template.prompt(&messages)?)
    }

    /// The longest answer that begins with the first of `words`, and where each of its words ends. It stays on its line.
    fn answer(&self, quote: &str, words: &[Range<usize>]) -> Result<Answer, Unusable> {
        let start = words.first().map_or(0, |word| word.start);
        let mut answer = Answer { start, tokens: Vec::new(), ends: Vec::new() };
        let mut before = start;
        for word in words.iter().take(WORDS) {
            let piece = &quote[before..word.end];
            let tokens = self.tokens.plain(piece)?;
            if piece.contains('\n') || answer.tokens.len() + tokens.len() > READ_AT_ONCE {
                break;
            }
            answer.tokens.extend(tokens);
            answer.ends.push((answer.tokens.len(), word.end));
            before = word.end;
        }
        Ok(answer)
    }

    /// The likeliest end of an answer whose first token has this likelihood.
    fn follow(&self, answer: &Answer, likelihood: f32, mut memory: Memory) -> Result<Option<Marked>, Unusable> {
        let scores = self.decoder.each(&answer.tokens, &mut memory)?;
        let after: Vec<Likelihoods> = scores.iter().map(|scores| Likelihoods::of(scores)).collect();
        // The likelihood of the first so many tokens.
        let mut sums = vec![0.0, likelihood];
        for (seen, token) in after.iter().zip(answer.tokens.iter().skip(1)) {
            sums.push(sums[sums.len() - 1] + seen.of_token(*token));
        }
        let marked = answer.ends.iter().filter_map(|(count, end)| {
            let ended = after.get(count.checked_sub(1)?)?.of_end(self.tokens);
            Some(Marked { at: answer.start..*end, score: (sums.get(*count)? + ended) / (*count + 1) as f32 })
        });
        Ok(marked.max_by(|a, b| a.score.total_cmp(&b.score)))
    }
}

struct Answer {
    start: usize,
    tokens: Vec<u32>,
    /// Of each word: tokens up to its end, and the byte of the quote where it ends.
    ends: Vec<(usize, usize)>,
}

/// How likely each token is, as logarithms.
pub(super) struct Likelihoods<'s> {
    scores: &'s [f32],
    whole: f32,
}

impl<'s> Likelihoods<'s> {
    pub(super) fn of(scores: &'s [f32]) -> Self {
        let best = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        Self { scores, whole: best + scores.iter().map(|score| (score - best).exp()).sum::<f32>().ln() }
    }

    pub(super) fn of_token(&self, token: u32) -> f32 {
        self.scores.get(token as usize).map_or(f32::NEG_INFINITY, |score| score - self.whole)
    }

    /// That the answer ends here: with its turn.
    pub(super) fn of_end(&self, tokens: &Tokens) -> f32 {
        (0..self.scores.len() as u32)
            .filter(|token| tokens.ends(*token))
            .map(|token| self.of_token(token))
            .fold(f32::NEG_INFINITY, f32::max)
    }
}

/// The words of a text without the punctuation around them.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut next = 0;
    for piece in text.split_inclusive(char::is_whitespace) {
        let (start, word) = (next, piece.trim_end());
        next += piece.len();
        let bare = word.trim_start_matches(|c: char| !c.is_alphanumeric() && !"$€£".contains(c));
        let from = start + word.len() - bare.len();
        let bare = bare.trim_end_matches(|c: char| !c.is_alphanumeric() && !"%)".contains(c));
        if !bare.is_empty() {
            words.push(from..from + bare.len());
        }
    }
    words
}
