//! What a chat request asks.

use crate::turn::fields::Fields;
use crate::turn::{
    Dialect, Format, Function, JsonSchema, Logprobs, Media, Message, Part, Reasoning, Role, Signature, Thinking, Tool, ToolCall,
    ToolChoice, ToolKind, ToolResult, Turn,
};
use groundwork_wire::chat;
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;

impl Turn {
    /// What a chat request asks. Only what is no valid chat request is refused here; what another dialect cannot say is kept, and
    /// refused by that one.
    pub fn from_chat(body: &Object) -> Result<Self, Invalid> {
        let request = chat::Request::parse(body.to_bytes())?;
        let mut fields = Fields::of(&request.object, "");
        fields.skip(&["model", "messages", "stream", "stream_options", "max_completion_tokens", "max_tokens", "temperature", "top_p"]);
        fields.skip(&["n", "stop", "seed", "user", "metadata"]);
        // Bookkeeping, cost and speed; none of them changes what is answered.
        fields.skip(&["store", "prediction", "prompt_cache_retention", "prompt_cache_options"]);
        let mut unsaid = Vec::new();
        let tools = tools(&mut fields, &mut unsaid)?;
        let mut turn = Self {
            dialect: Dialect::Chat,
            messages: Vec::with_capacity(request.messages.len()),
            tools,
            tool_choice: tool_choice(&mut fields)?,
            parallel_tool_calls: fields.get("parallel_tool_calls", "a boolean")?,
            format: format(&mut fields)?,
            max_output_tokens: request.max_output_tokens,
            temperature: request.temperature,
            top_p: request.top_p,
            top_k: fields.get("top_k", "an integer")?,
            frequency_penalty: fields.get("frequency_penalty", "a number")?,
            presence_penalty: fields.get("presence_penalty", "a number")?,
            logit_bias: fields.raw("logit_bias").filter(|raw| raw.as_str() != "{}"),
            stop: request.stop.clone(),
            seed: request.seed,
            reasoning: fields.text("reasoning_effort")?.map(|effort| Thinking { effort: Some(effort), ..Thinking::default() }),
            n: Some(request.n).filter(|n| *n > 1),
            logprobs: logprobs(&mut fields)?,
            user: fields.text("safety_identifier")?.or(request.user.clone()),
            metadata: request.metadata.clone(),
            service_tier: fields.text("service_tier")?,
            prompt_cache_key: fields.text("prompt_cache_key")?,
            verbosity: fields.text("verbosity")?,
            rest: Vec::new(),
            unsaid,
        };
        if request.object.value("modalities").and_then(|raw| raw.to::<Vec<String>>()).is_some_and(|only| only == ["text"]) {
            fields.skip(&["modalities"]);
        }
        turn.rest = fields.rest().collect();
        for (index, message) in request.messages.iter().enumerate() {
            let message = self::message(message, &format!("messages[{index}]"), &mut turn.unsaid)?;
            turn.messages.push(message);
        }
        name_custom_results(&mut turn.messages);
        Ok(turn)
    }
}

fn tools(fields: &mut Fields<'_>, unsaid: &mut Vec<String>) -> Result<Vec<Tool>, Invalid> {
    let tools: Vec<Object> = fields.get("tools", "an array of tools")?.unwrap_or_default();
    tools.iter().enumerate().map(|(index, tool)| self::tool(tool, &format!("tools[{index}]"), unsaid)).collect()
}

fn tool(tool: &Object, place: &str, unsaid: &mut Vec<String>) -> Result<Tool, Invalid> {
    let mut fields = Fields::of(tool, place);
    let kind = fields.need_text("type")?;
    if kind != "function" && kind != "custom" {
        return Ok(Tool::Hosted { dialect: Dialect::Chat, kind, raw: Raw::from(tool) });
    }
    let cache = fields.raw("cache_control");
    let body: Object = fields.need(if kind == "function" { "function" } else { "custom" }, "an object")?;
    fields.unread(unsaid);
    let mut fields = Fields::of(&body, format!("{place}.{kind}"));
    let (name, description) = (fields.need_text("name")?, fields.text("description")?);
    let made = if kind == "function" {
        let (parameters, strict) = (fields.raw("parameters"), fields.get("strict", "a boolean")?);
        Tool::Function(Function { name, description, parameters, strict, cache })
    } else {
        Tool::Custom { name, description, format: fields.raw("format") }
    };
    fields.unread(unsaid);
    Ok(made)
}

fn tool_choice(fields: &mut Fields<'_>) -> Result<Option<ToolChoice>, Invalid> {
    let Some(raw) = fields.raw("tool_choice") else { return Ok(None) };
    let wrong = || fields.invalid("tool_choice", "it is none of none, auto, required, a named tool or allowed_tools");
    if let Some(word) = raw.to::<String>() {
        return match word.as_str() {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" => Ok(Some(ToolChoice::Required)),
            _ => Err(wrong()),
        };
    }
    let object = raw.to::<Object>().ok_or_else(wrong)?;
    let named = |object: &Object, key| {
        object.get::<Object>(key, "an object").ok().flatten().and_then(|inner| inner.get::<String>("name", "a string").ok().flatten())
    };
    let kind: Option<String> = object.get("type", "a string").ok().flatten();
    Ok(Some(match kind.as_deref() {
        Some("function") => ToolChoice::Named { name: named(&object, "function").ok_or_else(wrong)?, kind: ToolKind::Function },
        Some("custom") => ToolChoice::Named { name: named(&object, "custom").ok_or_else(wrong)?, kind: ToolKind::Custom },
        Some("allowed_tools") => {
            let allowed: Object = object.get("allowed_tools", "an object").ok().flatten().ok_or_else(wrong)?;
            let tools: Vec<Object> = allowed.get("tools", "an array").ok().flatten().ok_or_else(wrong)?;
            let names = tools.iter().map(|tool| named(tool, "function").or_else(|| named(tool, "custom"))).collect::<Option<Vec<_>>>();
            let required = allowed.get::<String>("mode", "a string").ok().flatten().as_deref() == Some("required");
            match names {
                Some(names) => ToolChoice::Allowed { names, required },
                None => ToolChoice::Other { dialect: Dialect::Chat, raw },
            }
        }
        _ => ToolChoice::Other { dialect: Dialect::Chat, raw },
    }))
}

fn format(fields: &mut Fields<'_>) -> Result<Format, Invalid> {
    let Some(raw) = fields.raw("response_format") else { return Ok(Format::Text) };
    let object: Object = raw.to().ok_or_else(|| fields.invalid("response_format", "it must be an object"))?;
    let mut format = Fields::of(&object, "response_format");
    Ok(match format.need_text("type")?.as_str() {
        "text" => Format::Text,
        "json_object" => Format::JsonObject,
        "json_schema" => {
            let schema: Object = format.need("json_schema", "an object")?;
            let mut fields = Fields::of(&schema, "response_format.json_schema");
            Format::JsonSchema(JsonSchema {
                name: Some(fields.need_text("name")?),
                description: fields.text("description")?,
                schema: fields.raw("schema"),
                strict: fields.get("strict", "a boolean")?,
            })
        }
        _ => Format::Other { dialect: Dialect::Chat, raw },
    })
}

fn logprobs(fields: &mut Fields<'_>) -> Result<Option<Logprobs>, Invalid> {
    let top = fields.get("top_logprobs", "an integer from 0 to 20")?;
    Ok(fields.get("logprobs", "a boolean")?.unwrap_or(false).then_some(Logprobs { top }))
}

fn message(message: &chat::Message, place: &str, unsaid: &mut Vec<String>) -> Result<Message, Invalid> {
    let mut fields = Fields::of(&message.object, place);
    fields.skip(&["role", "content"]);
    let mut made = Message { role: message.role.into(), name: fields.text("name")?, ..Message::default() };
    if message.role == chat::Role::Assistant {
        made.parts.extend(thoughts(&mut fields)?);
    }
    match &message.content {
        chat::Content::Empty => {}
        chat::Content::Text(text) if text.is_empty() && message.role == chat::Role::Assistant => {}
        chat::Content::Text(text) => made.parts.push(Part::Text(text.clone())),
        chat::Content::Parts(parts) => {
            for (index, part) in parts.iter().enumerate() {
                let (part, cache) = self::part(part, &format!("{place}.content[{index}]"), unsaid)?;
                made.cache.extend(cache.map(|mark| (made.parts.len(), mark)));
                made.parts.push(part);
            }
        }
    }
    if let Some(mark) = fields.raw("cache_control")
        && let Some(last) = made.parts.len().checked_sub(1)
    {
        made.cache.insert(last, mark);
    }
    match message.role {
        chat::Role::Assistant => {
            made.parts.extend(fields.text("refusal")?.map(Part::Refusal));
            let calls: Vec<Object> = fields.get("tool_calls", "an array of tool calls")?.unwrap_or_default();
            for (index, call) in calls.iter().enumerate() {
                made.parts.push(Part::ToolCall(tool_call(call, &format!("{place}.tool_calls[{index}]"), unsaid)?));
            }
            // What clients send back of an answer: notes about it, which no model reads.
            fields.skip(&["annotations", "context", "parsed", "reasoning", "reasoning_details", "provider_specific_fields"]);
            fields.skip(&["content_filter_results", "end_turn"]);
        }
        chat::Role::Tool => {
            let result = ToolResult {
                id: fields.need_text("tool_call_id")?,
                parts: std::mem::take(&mut made.parts),
                is_error: false,
                kind: ToolKind::Function,
            };
            made.parts = vec![Part::ToolResult(result)];
            made.cache = made.cache.into_values().next_back().map(|mark| (0, mark)).into_iter().collect();
            // Some clients name the tool again.
            made.name = None;
        }
        chat::Role::Function => unsaid.push(format!("{place}.role")),
        chat::Role::System | chat::Role::Developer | chat::Role::User => {}
    }
    fields.unread(unsaid);
    Ok(made)
}

/// Reasoning that an answer came with: `thinking_blocks` with their signatures where the target sent some, else `reasoning_content`.
fn thoughts(fields: &mut Fields<'_>) -> Result<Vec<Part>, Invalid> {
    let blocks: Vec<Object> = fields.get("thinking_blocks", "an array of objects")?.unwrap_or_default();
    let text = fields.text("reasoning_content")?.unwrap_or_default();
    if blocks.is_empty() {
        return Ok((!text.is_empty()).then(|| Part::Reasoning(Reasoning { text, ..Reasoning::default() })).into_iter().collect());
    }
    let place = fields.name("thinking_blocks");
    let block = |(index, block): (usize, &Object)| {
        let mut fields = Fields::of(block, format!("{place}[{index}]"));
        let redacted = fields.text("type")?.as_deref() == Some("redacted_thinking");
        let text = fields.text("thinking")?.unwrap_or_default();
        let (id, signature) = match fields.text(if redacted { "data" } else { "signature" })? {
            Some(value) if redacted => (None, Some(Signature { dialect: Dialect::Messages, value })),
            value => value.map(Signature::open).map_or((None, None), |(id, signature)| (id, Some(signature))),
        };
        Ok(Part::Reasoning(Reasoning { id, text, signature, redacted, ..Reasoning::default() }))
    };
    blocks.iter().enumerate().map(block).collect()
}

fn part(part: &chat::Part, place: &str, unsaid: &mut Vec<String>) -> Result<(Part, Option<Raw>), Invalid> {
    let (kind, object) = match part {
        chat::Part::Text { text, object } => return Ok((Part::Text(text.clone()), object.value("cache_control"))),
        chat::Part::Refusal(text) => return Ok((Part::Refusal(text.clone()), None)),
        chat::Part::Other { kind, object } => (kind, object),
    };
    let mut fields = Fields::of(object, place);
    // Where a prompt cache may begin is a hint.
    fields.skip(&["type", "prompt_cache_breakpoint"]);
    let cache = fields.raw("cache_control");
    let made = match kind.as_str() {
        "image_url" => {
            let image: Object = fields.need("image_url", "an object")?;
            let mut image = Fields::of(&image, fields.name("image_url"));
            let made = Part::Image { media: Media::from_url(&image.need_text("url")?), detail: image.text("detail")? };
            image.unread(unsaid);
            made
        }
        "input_audio" => {
            let audio: Object = fields.need("input_audio", "an object")?;
            let mut audio = Fields::of(&audio, fields.name("input_audio"));
            let made = Part::Audio { data: audio.need_text("data")?, format: audio.need_text("format")? };
            audio.unread(unsaid);
            made
        }
        "file" => {
            let file: Object = fields.need("file", "an object")?;
            let mut file = Fields::of(&file, fields.name("file"));
            let (data, id, name) = (file.text("file_data")?, file.text("file_id")?, file.text("filename")?);
            let media = match (data, id) {
                (Some(data), _) if data.starts_with("data:") => Media::from_url(&data),
                (Some(data), _) => Media::Base64 { media_type: "application/pdf".to_owned(), data },
                (None, Some(id)) => Media::Id(id),
                (None, None) => return Err(file.invalid("file_data", "a file needs file_data or file_id")),
            };
            file.unread(unsaid);
            Part::File { media, name }
        }
        _ => return Ok((Part::Other { dialect: Dialect::Chat, kind: kind.clone(), raw: Raw::from(object) }, None)),
    };
    fields.unread(unsaid);
    Ok((made, cache))
}

fn tool_call(call: &Object, place: &str, unsaid: &mut Vec<String>) -> Result<ToolCall, Invalid> {
    let mut fields = Fields::of(call, place);
    fields.skip(&["index"]);
    let id = fields.need_text("id")?;
    let kind = if fields.text("type")?.as_deref() == Some("custom") { ToolKind::Custom } else { ToolKind::Function };
    let (key, text) = match kind {
        ToolKind::Function => ("function", "arguments"),
        ToolKind::Custom => ("custom", "input"),
    };
    let body: Object = fields.need(key, "an object")?;
    let mut inner = Fields::of(&body, fields.name(key));
    inner.skip(&["parsed_arguments"]);
    let made = ToolCall { id, name: inner.need_text("name")?, arguments: inner.text(text)?.unwrap_or_default(), kind };
    inner.unread(unsaid);
    fields.unread(unsaid);
    Ok(made)
}

/// Chat's results do not say of what kind of tool they are; the call does.
fn name_custom_results(messages: &mut [Message]) {
    let is_custom = |part: &Part| match part {
        Part::ToolCall(ToolCall { id, kind: ToolKind::Custom, .. }) => Some(id.clone()),
        _ => None,
    };
    let custom: Vec<String> = messages.iter().flat_map(|message| &message.parts).filter_map(is_custom).collect();
    for part in messages.iter_mut().flat_map(|message| &mut message.parts) {
        if let Part::ToolResult(result) = part
            && custom.contains(&result.id)
        {
            result.kind = ToolKind::Custom;
        }
    }
}

impl From<chat::Role> for Role {
    fn from(role: chat::Role) -> Self {
        match role {
            chat::Role::System => Self::System,
            chat::Role::Developer => Self::Developer,
            chat::Role::User => Self::User,
            chat::Role::Assistant => Self::Assistant,
            chat::Role::Tool | chat::Role::Function => Self::Tool,
        }
    }
}
