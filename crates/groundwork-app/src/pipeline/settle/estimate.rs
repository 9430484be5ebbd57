//! What a call's tokens are estimated from when the target does not report them.

use crate::pipeline::asked::Asked;
use crate::pipeline::text::text;
use crate::published::Pool;
use groundwork_core::tokens::Tokenizer;
use groundwork_core::turn::Usage;
use groundwork_wire::object::Object;
use std::sync::Arc;

pub(crate) struct Estimate {
    /// Bounds that need no counting: what would be booked if nothing were ever heard of the call again.
    pub(super) most_input: u64,
    pub(super) most_output: u64,
    /// Counts what the model is to read.
    input: Box<dyn FnOnce() -> usize + Send>,
    tokenizer: Tokenizer,
}

/// What was counted off the executor.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    pub(super) input: u64,
    pub(super) output: u64,
}

impl Estimate {
    pub(in crate::pipeline) fn of_turn(pool: &Arc<Pool>, asked: &Arc<Asked>) -> Self {
        let (reader, read) = (pool.clone(), asked.clone());
        Self {
            most_input: asked.most_tokens as u64,
            most_output: most_output(&asked.object).unwrap_or(pool.window as u64),
            input: Box::new(move || reader.tokenizer.count(&text(&read.object))),
            tokenizer: pool.tokenizer.clone(),
        }
    }

    /// Of a request that says nothing of its answer's length. `input` counts by the model's tokenizer.
    pub(crate) fn of_input(
        pool: &Pool,
        (most_input, most_output): (usize, Option<u64>),
        input: impl FnOnce(&Tokenizer) -> usize + Send + 'static,
    ) -> Self {
        let tokenizer = pool.tokenizer.clone();
        Self {
            most_input: most_input as u64,
            most_output: most_output.unwrap_or(0),
            input: Box::new(move || input(&tokenizer)),
            tokenizer: pool.tokenizer.clone(),
        }
    }

    /// Counts what was read, unless it is known, and what was said.
    pub(super) fn count(self, known: Option<u64>, answer: &str) -> Counted {
        let input = known.unwrap_or_else(|| (self.input)() as u64);
        Counted { input, output: if answer.is_empty() { 0 } else { self.tokenizer.count(answer) as u64 } }
    }
}

/// As the client limits it, in any dialect, for every answer that it asks for.
pub(crate) fn most_output(body: &Object) -> Option<u64> {
    let number = |key: &str| body.get::<u64>(key, "a number").ok().flatten();
    let most = ["max_completion_tokens", "max_output_tokens", "max_tokens"].into_iter().find_map(number)?;
    Some(most.saturating_mul(number("n").unwrap_or(1).max(1)))
}

impl Counted {
    pub(super) fn usage(self) -> Usage {
        Usage { input_tokens: self.input, output_tokens: self.output, ..Usage::default() }
    }
}
