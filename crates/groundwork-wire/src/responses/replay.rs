//! The events of a response that is whole: for a client that wants a stream of what was not streamed.

use super::{Event, Fields, Sequence, Status};
use crate::object::Object;
use serde_json::json;
use serde_json::value::RawValue;

/// The stream of a response that has ended.
pub fn replay(response: &Object) -> Vec<Event> {
    let mut events = Replay { sequence: Sequence::default(), events: Vec::new() };
    let mut begun = response.clone();
    for (key, value) in [
        ("status", json!(Status::InProgress.as_str())),
        ("output", json!([])),
        ("usage", json!(null)),
        ("error", json!(null)),
        ("incomplete_details", json!(null)),
    ] {
        let _ = begun.set(key, &value);
    }
    begun.remove("completed_at");
    events.say("response.created", &Fields { response: Some(&begun), ..Fields::default() });
    events.say("response.in_progress", &Fields { response: Some(&begun), ..Fields::default() });
    for (index, item) in list(response, "output").iter().enumerate() {
        events.item(index, item);
    }
    let status = response.get::<String>("status", "a string").ok().flatten();
    let end = match status.as_deref() {
        Some("incomplete") => "response.incomplete",
        Some("failed") => "response.failed",
        Some("cancelled") => "response.cancelled",
        _ => "response.completed",
    };
    events.say(end, &Fields { response: Some(response), ..Fields::default() });
    events.events
}

struct Replay {
    sequence: Sequence,
    events: Vec<Event>,
}

impl Replay {
    fn say(&mut self, kind: &'static str, fields: &Fields<'_>) {
        self.events.push(self.sequence.event(kind, fields));
    }

    fn item(&mut self, index: usize, item: &Object) {
        let text = |key: &str| item.get::<String>(key, "a string").ok().flatten().unwrap_or_default();
        let (id, kind) = (text("id"), text("type"));
        let mut begun = item.clone();
        let empty = match kind.as_str() {
            "message" => ("content", json!([])),
            "reasoning" => ("summary", json!([])),
            "function_call" => ("arguments", json!("")),
            "custom_tool_call" => ("input", json!("")),
            _ => ("type", json!(kind)),
        };
        let _ = begun.set(empty.0, &empty.1);
        if begun.has("status") {
            let _ = begun.set("status", "in_progress");
        }
        let at = || Fields { item_id: Some(&id), output_index: Some(index), ..Fields::default() };
        self.say("response.output_item.added", &Fields { output_index: Some(index), item: Some(&begun), ..Fields::default() });
        match kind.as_str() {
            "message" | "reasoning" => {
                for (part_index, part) in list(item, "summary").iter().enumerate() {
                    self.summary(&Fields { summary_index: Some(part_index), ..at() }, part);
                }
                for (part_index, part) in list(item, "content").iter().enumerate() {
                    self.part(&Fields { content_index: Some(part_index), ..at() }, part);
                }
            }
            "function_call" => {
                let (name, arguments) = (text("name"), text("arguments"));
                self.say("response.function_call_arguments.delta", &Fields { delta: Some(&arguments), ..at() });
                self.say("response.function_call_arguments.done", &Fields { name: Some(&name), arguments: Some(&arguments), ..at() });
            }
            "custom_tool_call" => {
                let input = text("input");
                self.say("response.custom_tool_call_input.delta", &Fields { delta: Some(&input), ..at() });
                self.say("response.custom_tool_call_input.done", &Fields { input: Some(&input), ..at() });
            }
            _ => {}
        }
        self.say("response.output_item.done", &Fields { output_index: Some(index), item: Some(item), ..Fields::default() });
    }

    fn summary(&mut self, at: &Fields<'_>, part: &Object) {
        let text: String = part.get("text", "a string").ok().flatten().unwrap_or_default();
        let mut begun = part.clone();
        let _ = begun.set("text", "");
        self.say("response.reasoning_summary_part.added", &Fields { part: Some(&begun), ..*at });
        self.say("response.reasoning_summary_text.delta", &Fields { delta: Some(&text), ..*at });
        self.say("response.reasoning_summary_text.done", &Fields { text: Some(&text), ..*at });
        self.say("response.reasoning_summary_part.done", &Fields { part: Some(part), ..*at });
    }

    fn part(&mut self, at: &Fields<'_>, part: &Object) {
        let kind: String = part.get("type", "a string").ok().flatten().unwrap_or_default();
        let field = if kind == "refusal" { "refusal" } else { "text" };
        let text: String = part.get(field, "a string").ok().flatten().unwrap_or_default();
        let logprobs: Vec<Box<RawValue>> = part.get("logprobs", "an array").ok().flatten().unwrap_or_default();
        let mut begun = part.clone();
        let _ = begun.set(field, "");
        for key in ["annotations", "logprobs"] {
            if begun.has(key) {
                let _ = begun.set(key, &json!([]));
            }
        }
        self.say("response.content_part.added", &Fields { part: Some(&begun), ..*at });
        match kind.as_str() {
            "output_text" => {
                self.say("response.output_text.delta", &Fields { delta: Some(&text), logprobs: Some(&logprobs), ..*at });
                let annotations: Vec<Box<RawValue>> = part.get("annotations", "an array").ok().flatten().unwrap_or_default();
                for (index, annotation) in annotations.iter().enumerate() {
                    let fields = Fields { annotation_index: Some(index), annotation: Some(annotation), ..*at };
                    self.say("response.output_text.annotation.added", &fields);
                }
                self.say("response.output_text.done", &Fields { text: Some(&text), logprobs: Some(&logprobs), ..*at });
            }
            "refusal" => {
                self.say("response.refusal.delta", &Fields { delta: Some(&text), ..*at });
                self.say("response.refusal.done", &Fields { refusal: Some(&text), ..*at });
            }
            "reasoning_text" => {
                self.say("response.reasoning_text.delta", &Fields { delta: Some(&text), ..*at });
                self.say("response.reasoning_text.done", &Fields { text: Some(&text), ..*at });
            }
            _ => {}
        }
        self.say("response.content_part.done", &Fields { part: Some(part), ..*at });
    }
}

fn list(object: &Object, key: &str) -> Vec<Object> {
    object.get(key, "an array").ok().flatten().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_response_is_told_in_the_official_order() {
        let response = Object::parse(
            r#"{"id":"resp_1","status":"completed","completed_at":9,"usage":{"input_tokens":1},"output":[
                {"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"e"},
                {"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[
                    {"type":"output_text","text":"hi","annotations":[{"type":"url_citation"}],"logprobs":[]},{"type":"refusal","refusal":"no"}]},
                {"id":"fc_1","type":"function_call","call_id":"c","name":"f","arguments":"{}","status":"completed"},
                {"id":"ws_1","type":"web_search_call","status":"completed"}]}"#,
        )
        .unwrap();
        let told: Vec<String> = replay(&response)
            .iter()
            .enumerate()
            .map(|(index, event)| {
                assert_eq!(event.sequence, index as u64);
                let data: serde_json::Value = serde_json::from_slice(&event.data).unwrap();
                assert_eq!(data["type"], event.kind.as_ref());
                format!("{} {}", event.kind.trim_start_matches("response."), data["output_index"]).replace(" null", "")
            })
            .collect();
        assert_eq!(
            told.join("\n"),
            "created\nin_progress\n\
             output_item.added 0\nreasoning_summary_part.added 0\nreasoning_summary_text.delta 0\nreasoning_summary_text.done 0\n\
             reasoning_summary_part.done 0\noutput_item.done 0\n\
             output_item.added 1\ncontent_part.added 1\noutput_text.delta 1\noutput_text.annotation.added 1\noutput_text.done 1\n\
             content_part.done 1\ncontent_part.added 1\nrefusal.delta 1\nrefusal.done 1\ncontent_part.done 1\noutput_item.done 1\n\
             output_item.added 2\nfunction_call_arguments.delta 2\nfunction_call_arguments.done 2\noutput_item.done 2\n\
             output_item.added 3\noutput_item.done 3\ncompleted"
        );
    }
}
