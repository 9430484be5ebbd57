//! What is shown of a response only to those who ask for it by `include`.

use crate::object::Object;

/// The ciphertext of what a model thought. A target gives it so that the thought can come back to it; a client sees it when it asks.
pub const THOUGHTS: &str = "reasoning.encrypted_content";

const CIPHERTEXT: &str = "encrypted_content";

/// What a client wants to see. The rest of what `include` may name is the target's to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Include {
    pub thoughts: bool,
}

impl Include {
    pub fn of<T: AsRef<str>>(names: &[T]) -> Self {
        Self { thoughts: names.iter().any(|name| name.as_ref() == THOUGHTS) }
    }

    /// A response as it is to be seen.
    pub fn response(self, response: &Object) -> Object {
        let mut shown = response.clone();
        if let Some(output) = self.changed(response) {
            let _ = shown.set("output", &output);
        }
        shown
    }

    /// An item as it is to be seen.
    pub fn item(self, item: &Object) -> Object {
        let mut shown = item.clone();
        if self.hides(item) {
            shown.remove(CIPHERTEXT);
        }
        shown
    }

    /// Whether an item is to be seen otherwise than it is.
    pub fn hides(self, item: &Object) -> bool {
        !self.thoughts && item.has(CIPHERTEXT) && item.get::<String>("type", "a string") == Ok(Some("reasoning".to_owned()))
    }

    /// The output as it is to be seen, where that is otherwise than it is.
    fn changed(self, response: &Object) -> Option<Vec<Object>> {
        let output = response.get::<Vec<Object>>("output", "an array of items").ok().flatten().filter(|_| !self.thoughts)?;
        output.iter().any(|item| self.hides(item)).then(|| output.iter().map(|item| self.item(item)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphertext_is_seen_by_who_asks_and_nothing_else_is_touched() {
        const RESPONSE: &str =
            r#"{"id":"r", "output":[{"type":"reasoning","encrypted_content":"e","n":1.50},{"type":"compaction","encrypted_content":"c"}]}"#;
        let response = Object::parse(RESPONSE).unwrap();
        assert_eq!(Include::of(&["message.output_text.logprobs", THOUGHTS]).response(&response).to_bytes(), RESPONSE);
        assert_eq!(
            Include::of::<&str>(&[]).response(&response).to_bytes(),
            r#"{"id":"r","output":[{"type":"reasoning","n":1.50},{"type":"compaction","encrypted_content":"c"}]}"#
        );
        let plain = Object::parse(r#"{ "output": [ {"type":"reasoning"} ] }"#).unwrap();
        assert_eq!(Include::of::<&str>(&[]).response(&plain).to_bytes(), plain.to_bytes());
    }
}
