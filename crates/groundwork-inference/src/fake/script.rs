//! What the scripted target does: the answers to successive calls, with their delays and faults.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The first call gets the first answer, and so on; after the last one the first follows again. An empty script echoes.
/// Embeddings and what is passed through count as calls too.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Script {
    pub answers: Vec<Answer>,
    /// Each call draws its answer by the answers' weights instead: the n-th call of every run with this seed draws the same.
    pub seed: Option<u64>,
}

/// An answer: first its thoughts, then its text, then its tool calls, each in its pieces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Answer {
    /// The pieces in which the model's thoughts are streamed.
    pub reasoning: Vec<String>,
    /// The pieces in which the text is streamed; `None` echoes all messages of the request, a word at a time, unless the answer
    /// refuses or calls tools.
    pub pieces: Option<Vec<String>>,
    /// In place of text: why the model does not answer.
    pub refusal: Option<String>,
    pub tool_calls: Vec<ToolCall>,
    /// Each piece of text comes with a log probability.
    pub logprobs: bool,
    /// Why the model stops; `stop`, or `tool_calls` when it calls tools, when absent. `content_filter` takes back what was said.
    pub finish: Option<String>,
    /// What the answer says it used; counted in words when absent.
    pub usage: Option<Tokens>,
    /// The model that the answer names; the one that was asked when absent.
    pub model: Option<String>,
    /// Headers of the answer, such as `x-ratelimit-remaining-tokens` or `x-ms-deployment-name`.
    pub headers: BTreeMap<String, String>,
    /// Milliseconds before the first piece, and between two.
    pub first_token_ms: u64,
    pub chunk_ms: u64,
    /// Numbers in each vector of an answer to a request for embeddings that does not say how many it wants.
    pub dimensions: u32,
    /// How often a seeded script draws it, beside the others.
    pub weight: u32,
    pub fault: Option<Fault>,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            reasoning: Vec::new(),
            pieces: None,
            refusal: None,
            tool_calls: Vec::new(),
            logprobs: false,
            finish: None,
            usage: None,
            model: None,
            headers: BTreeMap::new(),
            first_token_ms: 0,
            chunk_ms: 0,
            dimensions: 8,
            weight: 1,
            fault: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ToolCall {
    /// Made of the call's number when absent.
    pub id: Option<String>,
    pub name: String,
    /// The pieces in which the arguments, a JSON object, are streamed.
    pub arguments: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    pub input: u64,
    pub output: u64,
    /// Of the input.
    #[serde(default)]
    pub cached: u64,
    /// Of the output.
    #[serde(default)]
    pub reasoning: u64,
}

/// What goes wrong. `after` counts pieces of any kind; 0 is before the first byte of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Refused before anything is answered.
    Refuse {
        status: u16,
        #[serde(default)]
        code: String,
        message: String,
        #[serde(default)]
        retry_after_ms: Option<u64>,
    },
    /// Nobody listens at its address.
    Unreachable,
    /// Goes silent for good after so many pieces.
    Hang { after: usize },
    /// The connection breaks after so many pieces.
    Break { after: usize },
    /// The connection breaks in the middle of the frame after so many pieces.
    Half { after: usize },
    /// An error event instead of the next piece.
    Error { after: usize, message: String },
}

impl Script {
    /// Answers `text` every time.
    pub fn say(text: &str) -> Self {
        Self::new([Answer { pieces: Some(vec![text.to_owned()]), ..Answer::default() }])
    }

    pub fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self { answers: answers.into_iter().collect(), seed: None }
    }

    /// The answer to the call number `turn`; `None` when the script is empty.
    pub(super) fn answer(&self, turn: u64) -> Option<&Answer> {
        let total: u64 = self.answers.iter().map(|answer| u64::from(answer.weight)).sum();
        let (Some(seed), 1..) = (self.seed, total) else {
            let length = self.answers.len() as u64;
            return self.answers.get(usize::try_from(turn.checked_rem(length)?).ok()?);
        };
        let hash = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(turn.to_le_bytes()).finalize();
        let drawn = hash.iter().take(8).fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
        let mut left = drawn % total;
        self.answers.iter().find(|answer| {
            let weight = u64::from(answer.weight);
            let is_drawn = left < weight;
            left = left.saturating_sub(weight);
            is_drawn
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seeded_script_draws_by_weight_and_the_same_in_every_run() {
        let weighted = |weight, text: &str| Answer { weight, ..Script::say(text).answers.remove(0) };
        let script = |seed| Script { seed, ..Script::new([weighted(7, "a"), weighted(0, "b"), weighted(3, "c")]) };
        let draw =
            |script: &Script| -> String { (0..1_000).map(|turn| script.answer(turn).unwrap().pieces.clone().unwrap().concat()).collect() };
        let drawn = draw(&script(Some(1)));
        let often = drawn.matches('a').count();
        assert!((650..750).contains(&often) && !drawn.contains('b'), "{often}");
        assert_eq!(drawn, draw(&script(Some(1))));
        assert_ne!(drawn, draw(&script(Some(2))));
        assert!(draw(&script(None)).starts_with("abcabc"));
        assert!(Script { seed: Some(1), ..Script::default() }.answer(5).is_none());
    }
}
