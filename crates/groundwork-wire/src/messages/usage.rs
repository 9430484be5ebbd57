//! Tokens as Anthropic counts them: those of the cache stand beside the input, not in it.

use crate::count;
use serde::{Deserialize, Serialize};

/// Usage of a message, or, in a stream, what is known of it so far: a field that is missing stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    #[serde(deserialize_with = "count::some")]
    pub input_tokens: Option<u64>,
    #[serde(deserialize_with = "count::some")]
    pub cache_creation_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count::some")]
    pub cache_read_input_tokens: Option<u64>,
    #[serde(deserialize_with = "count::some")]
    pub output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens_details: Option<OutputDetails>,
    /// `standard`, `priority` or `batch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OutputDetails {
    #[serde(deserialize_with = "count::some")]
    pub thinking_tokens: Option<u64>,
}

impl Usage {
    /// Takes over what `later` says.
    pub fn update(&mut self, later: Self) {
        let Self { input_tokens, cache_creation_input_tokens, cache_read_input_tokens, output_tokens, output_tokens_details, service_tier } =
            later;
        self.input_tokens = input_tokens.or(self.input_tokens);
        self.cache_creation_input_tokens = cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens = cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.output_tokens = output_tokens.or(self.output_tokens);
        self.output_tokens_details = output_tokens_details.or(self.output_tokens_details);
        self.service_tier = service_tier.or(self.service_tier.take());
    }
}
