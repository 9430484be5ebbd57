//! A turn as a messages request.

use super::body::{Content, SchemaFormat, Source, WireMessage, WireTool};
use crate::turn::fields::{put, put_some};
use crate::turn::{
    Dialect, Format, Function, JsonSchema, Media, Message, Part, Reasoning, Role, Tool, ToolCall, ToolChoice, ToolKind, ToolResult, Turn,
};
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;
use serde_json::json;

/// What an answer may have at most when the client set no limit: the dialect demands one, and every current model can say as much.
pub const DEFAULT_MAX_TOKENS: u32 = 8_192;

const HERE: Dialect = Dialect::Messages;

impl Turn {
    /// The body for a target. Rules go first, wherever they stood; messages of one speaker in a row become one.
    pub fn to_messages(&self, model: &str, stream: bool) -> Result<Object, Invalid> {
        self.check_for(HERE)?;
        self.check_sayable()?;
        let mut body = Object::new();
        put(&mut body, "model", model)?;
        put(&mut body, "max_tokens", &self.max_tokens(model))?;
        let (system, messages) = self.wire_messages()?;
        if !system.is_empty() {
            put(&mut body, "system", &system)?;
        }
        if messages.is_empty() {
            let reason = "at least one message must say something".to_owned();
            return Err(Invalid::Value { param: self.param("messages").to_owned(), reason });
        }
        put(&mut body, "messages", &messages)?;
        self.put_tools_of_messages(&mut body)?;
        self.put_thinking(&mut body, model)?;
        put_some(&mut body, "temperature", self.temperature.as_ref())?;
        put_some(&mut body, "top_p", self.top_p.as_ref())?;
        put_some(&mut body, "top_k", self.top_k.as_ref())?;
        if !self.stop.is_empty() {
            put(&mut body, "stop_sequences", &self.stop)?;
        }
        if let Some(user) = &self.user {
            put(&mut body, "metadata", &json!({ "user_id": user }))?;
        }
        let tier = self.service_tier.as_deref().map(|tier| if tier == "default" { "standard_only" } else { tier });
        put_some(&mut body, "service_tier", tier.as_ref())?;
        if stream {
            put(&mut body, "stream", &true)?;
        }
        for (key, raw) in &self.rest {
            put(&mut body, key, raw)?;
        }
        Ok(body)
    }

    fn max_tokens(&self, model: &str) -> u32 {
        self.max_output_tokens.unwrap_or_else(|| DEFAULT_MAX_TOKENS.saturating_add(self.thinking_budget(model).unwrap_or(0)))
    }

    /// The tokens to think with, where the client or the model counts them.
    fn thinking_budget(&self, model: &str) -> Option<u32> {
        let thinking = self.reasoning.as_ref()?;
        if thinking.budget_tokens.is_some() {
            return thinking.budget_tokens;
        }
        let tokens = match thinking.effort.as_deref().filter(|_| takes_budget(model))? {
            "none" => return None,
            "minimal" | "low" => 2_048,
            "medium" => 8_192,
            _ => 24_576,
        };
        // There must be room left to answer; fewer than 1,024 are refused.
        Some(self.max_output_tokens.map_or(tokens, |limit| tokens.min(limit / 2).max(1_024)))
    }

    /// Parameters that have no counterpart, unless they say what is so anyway.
    fn check_sayable(&self) -> Result<(), Invalid> {
        let tier = self.service_tier.as_deref();
        for (field, is_set) in [
            ("n", self.n.is_some_and(|n| n > 1)),
            ("seed", self.seed.is_some()),
            ("logprobs", self.logprobs.is_some()),
            ("logit_bias", self.logit_bias.is_some()),
            ("frequency_penalty", self.frequency_penalty.is_some_and(|penalty| penalty != 0.0)),
            ("presence_penalty", self.presence_penalty.is_some_and(|penalty| penalty != 0.0)),
            ("verbosity", self.verbosity.as_deref().is_some_and(|verbosity| verbosity != "medium")),
            ("service_tier", tier.is_some_and(|tier| !["auto", "default", "standard_only"].contains(&tier))),
        ] {
            if is_set {
                return Err(HERE.cannot(self.param(field), "cannot say it"));
            }
        }
        if self.temperature.is_some_and(|temperature| temperature > 1.0) {
            return Err(HERE.cannot("temperature", "takes at most 1"));
        }
        Ok(())
    }

    fn wire_messages(&self) -> Result<(Vec<Content<'_>>, Vec<WireMessage<'_>>), Invalid> {
        let mut system = Vec::new();
        let mut messages: Vec<WireMessage<'_>> = Vec::with_capacity(self.messages.len());
        for (index, message) in self.messages.iter().enumerate() {
            let place = self.place(index);
            if message.name.is_some() {
                return Err(HERE.cannot(format!("{place}.name"), "does not name participants"));
            }
            let content = self.contents(index, message)?;
            let role = match message.role {
                Role::System | Role::Developer => {
                    system.extend(content);
                    continue;
                }
                Role::User | Role::Tool => "user",
                Role::Assistant => "assistant",
            };
            match messages.last_mut() {
                _ if content.is_empty() => {}
                Some(last) if last.role == role => last.content.extend(content),
                _ => messages.push(WireMessage { role, content }),
            }
        }
        Ok((system, messages))
    }

    fn contents<'a>(&self, index: usize, message: &'a Message) -> Result<Vec<Content<'a>>, Invalid> {
        let mut contents = Vec::with_capacity(message.parts.len());
        for (at, part) in message.parts.iter().enumerate() {
            if let Some(mut content) = content(part, &self.part_place(index, at))? {
                content.mark(message.cache.get(&at));
                contents.push(content);
            }
        }
        Ok(contents)
    }

    fn put_tools_of_messages(&self, body: &mut Object) -> Result<(), Invalid> {
        if self.tools.is_empty() {
            return Ok(());
        }
        let offered = |tool: &Tool| match &self.tool_choice {
            Some(ToolChoice::Allowed { names, .. }) => tool.name().is_none_or(|name| names.iter().any(|allowed| allowed == name)),
            _ => true,
        };
        let offered = self.tools.iter().enumerate().filter(|(_, tool)| offered(tool));
        put(body, "tools", &offered.map(tool).collect::<Result<Vec<_>, _>>()?)?;
        let one_only = self.parallel_tool_calls == Some(false);
        let mut choice = match &self.tool_choice {
            None if !one_only => return Ok(()),
            None | Some(ToolChoice::Auto | ToolChoice::Allowed { required: false, .. }) => json!({ "type": "auto" }),
            Some(ToolChoice::Required | ToolChoice::Allowed { required: true, .. }) => json!({ "type": "any" }),
            Some(ToolChoice::None) => return put(body, "tool_choice", &json!({ "type": "none" })),
            Some(ToolChoice::Named { name, .. }) => json!({ "type": "tool", "name": name }),
            Some(ToolChoice::Other { dialect: HERE, raw }) => return put(body, "tool_choice", raw),
            Some(ToolChoice::Other { .. }) => return Err(HERE.cannot("tool_choice", "knows no such choice")),
        };
        if one_only {
            choice["disable_parallel_tool_use"] = json!(true);
        }
        put(body, "tool_choice", &choice)
    }

    /// The form of the answer, and how much is thought before it.
    fn put_thinking(&self, body: &mut Object, model: &str) -> Result<(), Invalid> {
        let mut config = Object::new();
        match &self.format {
            Format::Text => {}
            Format::JsonSchema(JsonSchema { schema: Some(schema), .. }) => {
                put(&mut config, "format", &SchemaFormat { kind: "json_schema", schema })?;
            }
            Format::JsonSchema(_) | Format::JsonObject => {
                return Err(HERE.cannot(self.param("format"), "holds an answer to a JSON schema only"));
            }
            Format::Other { dialect: HERE, raw } => put(&mut config, "format", raw)?,
            Format::Other { .. } => return Err(HERE.cannot(self.param("format"), "knows no such form of an answer")),
        }
        let effort = self.reasoning.as_ref().and_then(|thinking| thinking.effort.as_deref());
        let kind = match (self.thinking_budget(model), effort) {
            (Some(budget_tokens), _) => Some(json!({ "type": "enabled", "budget_tokens": budget_tokens })),
            (None, Some("none")) => Some(json!({ "type": "disabled" })),
            // Another dialect that says nothing of how much leaves it to the model.
            (None, None) if self.dialect != HERE => None,
            (None, _) => self.reasoning.as_ref().map(|_| json!({ "type": "adaptive" })),
        };
        put_some(body, "thinking", kind.as_ref())?;
        let effort = effort.filter(|effort| *effort != "none" && !takes_budget(model));
        // The least that there is.
        let effort = effort.map(|effort| if effort == "minimal" { "low" } else { effort });
        put_some(&mut config, "effort", effort.as_ref())?;
        if config.keys().next().is_some() {
            put(body, "output_config", &config)?;
        }
        Ok(())
    }
}

/// Models from before efforts had words, by the names that Anthropic gave them: they are told a number of tokens.
fn takes_budget(model: &str) -> bool {
    ["3-7-", "-4-0", "-4-1", "-4-2025", "sonnet-4-5", "haiku-4-5"].iter().any(|old| model.contains(old))
}

/// `None` for what says nothing: blocks without text are refused there, and thoughts of other models cannot be read.
fn content<'a>(part: &'a Part, place: &str) -> Result<Option<Content<'a>>, Invalid> {
    let cannot = |what: &str| Err(HERE.cannot(place, what));
    Ok(Some(match part {
        Part::Text(text) | Part::Refusal(text) if text.trim().is_empty() => return Ok(None),
        Part::Text(text) | Part::Refusal(text) => Content::text(text),
        Part::Image { media, .. } => match source(media) {
            Source::Text { .. } => return cannot("has no image that is text"),
            source => Content::Image { source, cache_control: None },
        },
        Part::File { media, name } => Content::Document { source: source(media), title: name.as_deref(), cache_control: None },
        Part::Audio { .. } => return cannot("does not hear"),
        Part::Reasoning(Reasoning { text, signature: Some(signature), redacted, .. }) if signature.dialect == HERE => match redacted {
            true => Content::RedactedThinking { data: &signature.value },
            false => Content::Thinking { thinking: text.as_str().into(), signature: signature.value.as_str().into() },
        },
        Part::Reasoning(_) => return Ok(None),
        Part::ToolCall(ToolCall { kind: ToolKind::Custom, .. }) => return cannot("has no tools that take free text"),
        Part::ToolCall(ToolCall { id, name, arguments, .. }) => {
            let Some(input) = input(arguments) else { return cannot("takes the arguments of a tool call as a JSON object") };
            Content::ToolUse { id, name, input, cache_control: None }
        }
        Part::ToolResult(ToolResult { id, parts, is_error, .. }) => {
            let mut content = Vec::with_capacity(parts.len());
            for (index, part) in parts.iter().enumerate() {
                content.extend(self::content(part, &format!("{place}.content[{index}]"))?);
            }
            Content::ToolResult { tool_use_id: id, content, is_error: is_error.then_some(true), cache_control: None }
        }
        Part::Other { dialect: HERE, raw, .. } => Content::Raw(raw),
        Part::Other { kind, .. } | Part::Item { kind, .. } => return cannot(&format!("has nothing like {kind:?}")),
    }))
}

fn source(media: &Media) -> Source<'_> {
    match media {
        Media::Url(url) => Source::Url { url },
        Media::Base64 { media_type, data } => Source::Base64 { media_type, data },
        Media::Id(file_id) => Source::File { file_id },
        Media::Text(data) => Source::Text { media_type: "text/plain", data },
    }
}

/// The arguments of a call as an object; none at all are an empty one.
pub(super) fn input(arguments: &str) -> Option<Raw> {
    if arguments.trim().is_empty() {
        return Some(Raw::empty_object());
    }
    Raw::parse(arguments.to_owned()).ok().filter(Raw::is_object)
}

fn tool((index, tool): (usize, &Tool)) -> Result<WireTool<'_>, Invalid> {
    Ok(match tool {
        Tool::Function(Function { name, description, parameters, strict, cache }) => WireTool::Function {
            name,
            description: description.as_deref(),
            input_schema: parameters.clone().unwrap_or_else(any_object),
            strict: strict.filter(|strict| *strict),
            cache_control: cache.as_ref(),
        },
        Tool::Hosted { dialect: HERE, raw, .. } => WireTool::Raw(raw),
        Tool::Custom { .. } => return Err(HERE.cannot(format!("tools[{index}]"), "has no tools that take free text")),
        Tool::Hosted { kind, .. } => {
            return Err(HERE.cannot(format!("tools[{index}]"), &format!("has no tool of the type {kind:?}")));
        }
    })
}

/// The schema of a tool that takes nothing.
fn any_object() -> Raw {
    Raw::of(&json!({ "type": "object", "properties": {} })).unwrap_or_default()
}
