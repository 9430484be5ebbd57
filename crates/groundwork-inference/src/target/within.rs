//! Where an answer that is made here ends because its client wants no more of it.

use crate::tokenizers;
use groundwork_core::turn::{FinishReason, Turn};

/// Whose tokens are counted: a model that had written the answer would have read and written about as many.
pub(crate) const COUNTED_AS: &str = "gpt-4o";

/// What a client sets as the end of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Within {
    pub most_tokens: Option<u32>,
    pub stops: Vec<String>,
}

impl Within {
    pub(crate) fn of(turn: &Turn) -> Self {
        Self { most_tokens: turn.max_output_tokens, stops: turn.stop.clone() }
    }

    /// The pieces up to there, and why they end. A text is cut between two words.
    pub fn cut(&self, pieces: Vec<String>) -> (Vec<String>, FinishReason) {
        let whole = pieces.concat();
        let stop = self.stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| Some((whole.find(stop)?, stop))).min();
        let end = stop.map_or(whole.len(), |(at, _)| at);
        if let Some(end) = self.most_tokens.and_then(|most| beyond(&whole[..end], most as usize)) {
            return (up_to(pieces, end), FinishReason::Length);
        }
        match stop {
            Some((_, stop)) => (up_to(pieces, end), FinishReason::StopSequence(stop.clone())),
            None => (pieces, FinishReason::Stop),
        }
    }
}

/// Where `text` is cut that has more tokens than `most`.
fn beyond(text: &str, most: usize) -> Option<usize> {
    // No token is shorter than a byte.
    if text.len() <= most {
        return None;
    }
    let tokenizer = tokenizers::for_chat_model(COUNTED_AS);
    if tokenizer.count(text) <= most {
        return None;
    }
    let ends: Vec<usize> = text.split_inclusive(' ').scan(0, |end, word| Some(std::mem::replace(end, *end + word.len()))).collect();
    let fitting = ends.partition_point(|end| tokenizer.count(text[..*end].trim_end()) <= most);
    Some(text[..ends.get(fitting.saturating_sub(1)).copied().unwrap_or(0)].trim_end().len())
}

/// The first `end` bytes of the pieces.
fn up_to(pieces: Vec<String>, end: usize) -> Vec<String> {
    let mut left = end;
    let cut = pieces.into_iter().map_while(|mut piece| {
        let take = piece.len().min(left);
        left -= take;
        piece.truncate(take);
        (take > 0).then_some(piece)
    });
    cut.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_at_a_stop_or_at_its_most_tokens_whichever_comes_first() {
        let pieces = || ["One two\n", "> three ", "four ", "[1]\n"].map(str::to_owned).to_vec();
        let stopped = |stop: &str| FinishReason::StopSequence(stop.to_owned());
        for (most_tokens, stops, text, reason) in [
            (None, &[][..], "One two\n> three four [1]\n", FinishReason::Stop),
            (Some(1000), &[], "One two\n> three four [1]\n", FinishReason::Stop),
            (Some(2), &[], "One", FinishReason::Length),
            (Some(1), &[], "One", FinishReason::Length),
            (Some(6), &[], "One two\n> three four", FinishReason::Length),
            (None, &["four", "three"], "One two\n> ", stopped("three")),
            (None, &["", "none"], "One two\n> three four [1]\n", FinishReason::Stop),
            (None, &["One"], "", stopped("One")),
            (Some(1), &["four"], "One", FinishReason::Length),
            (Some(1000), &["four"], "One two\n> three ", stopped("four")),
        ] {
            let within = Within { most_tokens, stops: stops.iter().map(|stop| (*stop).to_owned()).collect() };
            let (cut, why) = within.cut(pieces());
            assert_eq!((cut.concat().as_str(), why), (text, reason), "{within:?}");
            assert!(cut.iter().all(|piece| !piece.is_empty()));
        }
    }
}
