//! A turn as a chat request.

use super::THOUGHT_ALOUD;
use super::message::{Content, File, ImageUrl, InputAudio, JsonSchema, ResponseFormat, Wire, WireCustom, WireFunction, WireTool};
use crate::turn::fields::{put, put_some};
use crate::turn::{Dialect, Format, Function, Media, Part, Role, Thinking, Tool, ToolChoice, ToolKind, ToolResult, Turn, text_of};
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use serde_json::json;

/// The longest name of a user that OpenAI takes.
const LONGEST_USER: usize = 64;

impl Turn {
    /// The body for a target: `model`, the messages, the parameters that are set, `stream`, and usage asked for when streaming.
    pub fn to_chat(&self, model: &str, stream: bool) -> Result<Object, Invalid> {
        self.check_for(Dialect::Chat)?;
        let mut body = Object::new();
        put(&mut body, "model", model)?;
        put(&mut body, "messages", &self.chat_messages()?)?;
        self.put_tools(&mut body)?;
        self.put_sampling(&mut body)?;
        self.put_labels(&mut body)?;
        if stream {
            put(&mut body, "stream", &true)?;
            put(&mut body, "stream_options", &json!({ "include_usage": true }))?;
        }
        for (key, raw) in &self.rest {
            put(&mut body, key, raw)?;
        }
        Ok(body)
    }

    fn put_tools(&self, body: &mut Object) -> Result<(), Invalid> {
        if self.tools.is_empty() {
            return Ok(());
        }
        let tools: Vec<_> = self.tools.iter().enumerate().map(tool).collect::<Result<_, _>>()?;
        put(body, "tools", &tools)?;
        if let Some(choice) = &self.tool_choice {
            put(body, "tool_choice", &tool_choice(choice, &self.tools)?)?;
        }
        put_some(body, "parallel_tool_calls", self.parallel_tool_calls.as_ref())
    }

    fn put_sampling(&self, body: &mut Object) -> Result<(), Invalid> {
        match &self.format {
            Format::Text => {}
            Format::JsonObject => put(body, "response_format", &json!({ "type": "json_object" }))?,
            Format::JsonSchema(schema) => {
                let named = JsonSchema {
                    name: schema.name.as_deref().unwrap_or("answer"),
                    description: schema.description.as_deref(),
                    schema: schema.schema.as_ref(),
                    strict: schema.strict,
                };
                put(body, "response_format", &ResponseFormat { kind: "json_schema", json_schema: named })?;
            }
            Format::Other { dialect: Dialect::Chat, raw } => put(body, "response_format", raw)?,
            Format::Other { .. } => return Err(Dialect::Chat.cannot(self.param("format"), "knows no such form of an answer")),
        }
        if self.max_output_tokens == Some(0) {
            return Err(Dialect::Chat.cannot(self.param("max_output_tokens"), "must be let to answer at least one token"));
        }
        put_some(body, "max_completion_tokens", self.max_output_tokens.as_ref())?;
        put_some(body, "temperature", self.temperature.as_ref())?;
        put_some(body, "top_p", self.top_p.as_ref())?;
        match self.top_k {
            Some(_) if self.dialect != Dialect::Chat => return Err(Dialect::Chat.cannot("top_k", "has no such field")),
            top_k => put_some(body, "top_k", top_k.as_ref())?,
        }
        put_some(body, "frequency_penalty", self.frequency_penalty.as_ref())?;
        put_some(body, "presence_penalty", self.presence_penalty.as_ref())?;
        put_some(body, "logit_bias", self.logit_bias.as_ref())?;
        if !self.stop.is_empty() {
            put(body, "stop", &self.stop)?;
        }
        put_some(body, "seed", self.seed.as_ref())?;
        put_some(body, "n", self.n.as_ref())?;
        if let Some(logprobs) = self.logprobs {
            put(body, "logprobs", &true)?;
            put_some(body, "top_logprobs", logprobs.top.as_ref())?;
        }
        let effort = self.reasoning.as_ref().and_then(Thinking::word);
        put_some(body, "reasoning_effort", effort.as_ref())?;
        put_some(body, "verbosity", self.verbosity.as_ref())
    }

    fn put_labels(&self, body: &mut Object) -> Result<(), Invalid> {
        let user = self.user.as_deref().filter(|user| self.dialect == Dialect::Chat || user.len() <= LONGEST_USER);
        put_some(body, "user", user.as_ref())?;
        if !self.metadata.is_empty() {
            put(body, "metadata", &self.metadata)?;
        }
        let tier = self.service_tier.as_deref().map(|tier| if tier == "standard_only" { "default" } else { tier });
        put_some(body, "service_tier", tier.as_ref())?;
        put_some(body, "prompt_cache_key", self.prompt_cache_key.as_ref())
    }

    fn chat_messages(&self) -> Result<Vec<Wire<'_>>, Invalid> {
        let mut messages: Vec<Wire<'_>> = Vec::with_capacity(self.messages.len());
        // Nothing may stand between an answer's calls and the last of their results.
        let mut moved = Vec::new();
        for (index, message) in self.messages.iter().enumerate() {
            if !matches!(message.role, Role::Tool | Role::User) {
                messages.extend(shown_by_user(&mut moved));
            }
            let mut spoken = Wire::of(message.role);
            spoken.name = message.name.as_deref();
            for (at, part) in message.parts.iter().enumerate() {
                let place = self.part_place(index, at);
                match part {
                    Part::ToolResult(result) => messages.push(self.tool_message(result, &place, &mut moved)?),
                    Part::ToolCall(call) => spoken.tool_calls.push(call.into()),
                    Part::Refusal(text) if message.role == Role::Assistant => spoken.refusal = Some(text),
                    Part::Reasoning(thought) => {
                        let aloud = self.dialect == Dialect::Chat
                            || thought.signature.as_ref().is_some_and(|signature| signature.value == THOUGHT_ALOUD);
                        if aloud && !thought.text.is_empty() {
                            spoken.reasoning_content.get_or_insert_default().push_str(&thought.text);
                        }
                    }
                    part => spoken.parts.push(content(part, &place)?),
                }
            }
            let only_results = spoken.is_empty() && message.parts.iter().any(|part| matches!(part, Part::ToolResult(_)));
            if message.role == Role::User {
                // What tools returned comes before what is said about it.
                spoken.parts.splice(0..0, moved.drain(..));
            }
            match messages.last_mut() {
                // Other dialects part what one answer said and called; the results must follow on all of its calls.
                Some(last) if self.dialect != Dialect::Chat && last.role == "assistant" && spoken.role == "assistant" => last.join(spoken),
                _ if only_results && spoken.parts.is_empty() => {}
                _ => messages.push(spoken),
            }
        }
        messages.extend(shown_by_user(&mut moved));
        Ok(messages)
    }

    /// What a tool returned. A chat model reads its texts only: its images and files are `moved` into a message of the user that follows,
    /// unless the client itself has put them here.
    fn tool_message<'a>(&self, result: &'a ToolResult, place: &str, moved: &mut Vec<Content<'a>>) -> Result<Wire<'a>, Invalid> {
        let mut message = Wire::of(Role::Tool);
        message.tool_call_id = Some(&result.id);
        let said = |(at, part)| content(part, &format!("{place}.content[{at}]"));
        let is_text = |part: &Part| matches!(part, Part::Text(_) | Part::Refusal(_) | Part::File { media: Media::Text(_), .. });
        let parts = result.parts.iter().enumerate();
        if self.dialect == Dialect::Chat && !result.parts.iter().all(is_text) {
            message.parts = parts.map(said).collect::<Result<_, _>>()?;
            return Ok(message);
        }
        let (mut texts, mut others) = (Vec::new(), Vec::new());
        for (at, part) in parts {
            match part {
                Part::Text(text) | Part::Refusal(text) => texts.push(text.as_str()),
                Part::File { media: Media::Text(text), .. } => texts.push(text),
                other => others.push(said((at, other))?),
            }
        }
        if !others.is_empty() {
            moved.push(Content::Text { text: format!("What the tool call {} returned beside its text:", result.id).into() });
            moved.append(&mut others);
        }
        let joined = text_of(&result.parts).unwrap_or_else(|| texts.join("\n"));
        // There is no other way to say it.
        let text = if result.is_error && !joined.to_ascii_lowercase().starts_with("error") { format!("Error: {joined}") } else { joined };
        message.parts.push(Content::Text { text: text.into() });
        Ok(message)
    }
}

/// What tools returned that only a user can show, when there is any.
fn shown_by_user<'a>(moved: &mut Vec<Content<'a>>) -> Option<Wire<'a>> {
    let parts = std::mem::take(moved);
    (!parts.is_empty()).then(|| Wire { parts, ..Wire::of(Role::User) })
}

fn tool((index, tool): (usize, &Tool)) -> Result<WireTool<'_>, Invalid> {
    Ok(match tool {
        Tool::Function(Function { name, description, parameters, strict, cache: _ }) => {
            let function = WireFunction { name, description: description.as_deref(), parameters: parameters.as_ref(), strict: *strict };
            WireTool::Function { function }
        }
        Tool::Custom { name, description, format } => {
            WireTool::Custom { custom: WireCustom { name, description: description.as_deref(), format: format.as_ref() } }
        }
        Tool::Hosted { dialect: Dialect::Chat, raw, .. } => WireTool::Raw(raw),
        Tool::Hosted { kind, .. } => {
            return Err(Dialect::Chat.cannot(format!("tools[{index}]"), &format!("has no tool of the type {kind:?}")));
        }
    })
}

fn tool_choice(choice: &ToolChoice, tools: &[Tool]) -> Result<serde_json::Value, Invalid> {
    let named = |name: &str, kind: ToolKind| match kind {
        ToolKind::Function => json!({ "type": "function", "function": { "name": name } }),
        ToolKind::Custom => json!({ "type": "custom", "custom": { "name": name } }),
    };
    let kind_of = |wanted: &str| {
        let is_custom = |tool: &Tool| matches!(tool, Tool::Custom { name, .. } if name == wanted);
        if tools.iter().any(is_custom) { ToolKind::Custom } else { ToolKind::Function }
    };
    Ok(match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Named { name, kind } => named(name, *kind),
        ToolChoice::Allowed { names, required } => {
            let tools: Vec<_> = names.iter().map(|name| named(name, kind_of(name))).collect();
            let mode = if *required { "required" } else { "auto" };
            json!({ "type": "allowed_tools", "allowed_tools": { "mode": mode, "tools": tools } })
        }
        ToolChoice::Other { dialect: Dialect::Chat, raw } => raw.to().unwrap_or_default(),
        ToolChoice::Other { .. } => return Err(Dialect::Chat.cannot("tool_choice", "knows no such choice")),
    })
}

fn content<'a>(part: &'a Part, place: &str) -> Result<Content<'a>, Invalid> {
    let cannot = |what: &str| Err(Dialect::Chat.cannot(place, what));
    Ok(match part {
        Part::Text(text) | Part::Refusal(text) => Content::Text { text: text.as_str().into() },
        Part::Image { media, detail } => match media.to_url() {
            Some(url) => Content::ImageUrl { image_url: ImageUrl { url, detail: detail.as_deref() } },
            None => return cannot("shows images by address or in the request, not by the id of a file"),
        },
        Part::Audio { data, format } => Content::InputAudio { input_audio: InputAudio { data, format } },
        Part::File { media, name } => {
            let filename = name.as_deref();
            match media {
                Media::Base64 { .. } => {
                    // A file in the request must have a name.
                    let filename = Some(filename.unwrap_or("document.pdf"));
                    Content::File { file: File { filename, file_data: media.to_url(), file_id: None } }
                }
                Media::Id(id) => Content::File { file: File { filename, file_data: None, file_id: Some(id) } },
                Media::Text(text) => match filename {
                    Some(name) => Content::Text { text: format!("{name}\n\n{text}").into() },
                    None => Content::Text { text: text.as_str().into() },
                },
                Media::Url(_) => return cannot("reads files that are in the request, not those at an address"),
            }
        }
        Part::Other { dialect: Dialect::Chat, raw, .. } => Content::Raw(raw),
        Part::Other { kind, .. } | Part::Item { kind, .. } => return cannot(&format!("has nothing like {kind:?}")),
        Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => return cannot("has no tool call inside a tool's result"),
    })
}
