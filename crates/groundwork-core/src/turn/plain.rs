//! What is asked of those who only write text: small models of this machine, and answers that are quotes.

use super::{Dialect, Format, Turn};
use groundwork_wire::error::Invalid;

/// Fields of one dialect that ask for more than text, and what is to be said of each.
const MORE: [(Dialect, &str, &str); 4] = [
    (Dialect::Chat, "audio", "does not speak"),
    (Dialect::Chat, "web_search_options", "does not search the web"),
    (Dialect::Messages, "mcp_servers", "calls no tools"),
    (Dialect::Messages, "thread", "keeps no conversation"),
];

impl Turn {
    /// Refuses what changes an answer and cannot be done by `who`, of whom the reason speaks. Hints go unheard, as between dialects.
    pub fn check_plain(&self, who: &str) -> Result<(), Invalid> {
        let cannot = |param: &str, what: &str| Err(Invalid::Value { param: param.to_owned(), reason: format!("{who} {what}") });
        let fails = |field: &'static str, what: &str| cannot(self.param(field), what);
        if !self.tools.is_empty() {
            return fails("tools", "calls no tools");
        }
        if self.n.is_some_and(|n| n > 1) {
            return fails("n", "gives one answer");
        }
        if self.logprobs.is_some() {
            return fails("logprobs", "does not tell its probabilities");
        }
        if self.format != Format::Text {
            return fails("format", "cannot be held to a format");
        }
        if self.logit_bias.is_some() {
            return fails("logit_bias", "takes no biases");
        }
        if self.frequency_penalty.is_some_and(|penalty| penalty != 0.0) {
            return fails("frequency_penalty", "takes no penalties");
        }
        if self.presence_penalty.is_some_and(|penalty| penalty != 0.0) {
            return fails("presence_penalty", "takes no penalties");
        }
        let modes = self.rest.iter().find(|(key, _)| self.dialect == Dialect::Chat && key == "modalities");
        if modes.and_then(|(_, raw)| raw.to::<Vec<String>>()).is_some_and(|modes| modes.iter().any(|mode| mode != "text")) {
            return cannot("modalities", "does not speak");
        }
        let more = MORE.iter().find(|(dialect, key, _)| *dialect == self.dialect && self.rest.iter().any(|(named, _)| named == key));
        more.map_or(Ok(()), |(_, key, what)| cannot(key, what))
    }
}
