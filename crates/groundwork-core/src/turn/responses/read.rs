//! What a request for a response asks.

use super::unseal;
use crate::turn::fields::Fields;
use crate::turn::{
    Dialect, Format, Function, JsonSchema, Logprobs, Media, Message, Part, Reasoning, Role, Thinking, Tool, ToolCall, ToolChoice, ToolKind,
    ToolResult, Turn,
};
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;
use groundwork_wire::responses::{Item, Request};

impl Turn {
    /// What a request for a response asks. The state around it (`previous_response_id`, `conversation`, references to items) must have
    /// been put into `input` before. Only what is no valid request is refused here; what another dialect cannot say is kept, and
    /// refused by that one.
    pub fn from_responses(body: &Object) -> Result<Self, Invalid> {
        let request = Request::of(body.clone())?;
        let mut fields = Fields::of(&request.object, "");
        fields.skip(&["model", "input", "stream", "stream_options", "store", "background", "previous_response_id", "conversation"]);
        // What to show of hosted tools, which are refused on their own, and of reasoning, which is shown as it is.
        fields.skip(&["include", "max_tool_calls", "prompt_cache_retention", "prompt_cache_options"]);
        let mut unsaid = Vec::new();
        let tools = tools(&mut fields, &mut unsaid)?;
        let (format, verbosity) = text(&mut fields, &mut unsaid)?;
        let (safety, user) = (fields.text("safety_identifier")?, fields.text("user")?);
        let instructions = fields.text("instructions")?;
        let mut turn = Self {
            dialect: Dialect::Responses,
            messages: instructions.into_iter().map(|text| Message::of_text(Role::System, text)).collect(),
            tools,
            tool_choice: tool_choice(&mut fields)?,
            parallel_tool_calls: fields.get("parallel_tool_calls", "a boolean")?,
            format,
            max_output_tokens: fields.get("max_output_tokens", "an integer")?,
            temperature: fields.get("temperature", "a number")?,
            top_p: fields.get("top_p", "a number")?,
            reasoning: reasoning(&mut fields, &mut unsaid)?,
            logprobs: logprobs(&mut fields, &request)?,
            user: safety.or(user),
            metadata: fields.get("metadata", "an object of strings")?.unwrap_or_default(),
            service_tier: fields.text("service_tier")?,
            prompt_cache_key: fields.text("prompt_cache_key")?,
            verbosity,
            unsaid,
            ..Self::default()
        };
        if request.object.get::<String>("truncation", "a string")?.as_deref() == Some("disabled") {
            fields.skip(&["truncation"]);
        }
        turn.rest = fields.rest().collect();
        for (index, item) in request.input.iter().enumerate() {
            let (role, parts) = self::item(item, &format!("input[{index}]"), &mut turn.unsaid)?;
            match turn.messages.last_mut() {
                // One answer: what the model thought, said and called.
                Some(last) if role == Role::Assistant && last.role == Role::Assistant => last.parts.extend(parts),
                _ => turn.messages.push(Message::new(role, parts)),
            }
        }
        Ok(turn)
    }
}

fn item(item: &Item, place: &str, unsaid: &mut Vec<String>) -> Result<(Role, Vec<Part>), Invalid> {
    let mut fields = Fields::of(&item.object, place);
    fields.skip(&["type", "id", "status", "created_by"]);
    let made = match item.kind() {
        "message" => {
            fields.skip(&["phase"]);
            let role = match fields.need_text("role")?.as_str() {
                "system" => Role::System,
                "developer" => Role::Developer,
                "assistant" => Role::Assistant,
                _ => Role::User,
            };
            (role, content(&mut fields, "content", unsaid)?)
        }
        "reasoning" => (Role::Assistant, vec![Part::Reasoning(thought(&mut fields)?)]),
        "function_call" => {
            let (id, name) = (fields.need_text("call_id")?, fields.need_text("name")?);
            fields.skip(&["parsed_arguments"]);
            let call = ToolCall { id, name, arguments: fields.need_text("arguments")?, kind: ToolKind::Function };
            (Role::Assistant, vec![Part::ToolCall(call)])
        }
        "custom_tool_call" => {
            let (id, name) = (fields.need_text("call_id")?, fields.need_text("name")?);
            let call = ToolCall { id, name, arguments: fields.need_text("input")?, kind: ToolKind::Custom };
            (Role::Assistant, vec![Part::ToolCall(call)])
        }
        "function_call_output" | "custom_tool_call_output" => {
            let kind = if item.kind() == "function_call_output" { ToolKind::Function } else { ToolKind::Custom };
            fields.skip(&["name"]);
            let id = fields.need_text("call_id")?;
            let result = ToolResult { id, parts: content(&mut fields, "output", unsaid)?, is_error: false, kind };
            (Role::Tool, vec![Part::ToolResult(result)])
        }
        kind => {
            let other = Part::Item { kind: kind.to_owned(), raw: Raw::from(&item.object) };
            return Ok((Role::Assistant, vec![other]));
        }
    };
    fields.unread(unsaid);
    Ok(made)
}

fn thought(fields: &mut Fields<'_>) -> Result<Reasoning, Invalid> {
    let texts = |parts: Vec<Object>| -> Result<Vec<String>, Invalid> {
        parts.iter().map(|part| part.get("text", "a string").map(Option::unwrap_or_default)).collect()
    };
    let summary = texts(fields.get("summary", "an array of summaries")?.unwrap_or_default())?;
    let text = texts(fields.get("content", "an array of texts")?.unwrap_or_default())?.concat();
    let id = fields.text("id")?;
    Ok(unseal(fields.text("encrypted_content")?, Reasoning { id, text, summary, ..Reasoning::default() }))
}

/// A text, or parts.
fn content(fields: &mut Fields<'_>, key: &'static str, unsaid: &mut Vec<String>) -> Result<Vec<Part>, Invalid> {
    let place = fields.name(key);
    let Some(raw) = fields.raw(key) else { return Ok(Vec::new()) };
    if let Some(text) = raw.to::<String>() {
        return Ok(vec![Part::Text(text)]);
    }
    let parts: Vec<Object> =
        raw.to().ok_or_else(|| Invalid::Type { param: place.clone(), expected: "a string or an array of content parts" })?;
    parts.iter().enumerate().map(|(index, part)| self::part(part, &format!("{place}[{index}]"), unsaid)).collect()
}

fn part(part: &Object, place: &str, unsaid: &mut Vec<String>) -> Result<Part, Invalid> {
    let mut fields = Fields::of(part, place);
    // Where a prompt cache may begin is a hint; the rest are notes about an answer, which no model reads.
    fields.skip(&["prompt_cache_breakpoint", "annotations", "logprobs", "parsed"]);
    let kind = fields.need_text("type")?;
    let made = match kind.as_str() {
        "input_text" | "output_text" | "text" => Part::Text(fields.need_text("text")?),
        "refusal" => Part::Refusal(fields.need_text("refusal")?),
        "input_image" => {
            let media = match (fields.text("image_url")?, fields.text("file_id")?) {
                (Some(url), _) => Media::from_url(&url),
                (None, Some(id)) => Media::Id(id),
                (None, None) => return Err(fields.invalid("image_url", "an image needs image_url or file_id")),
            };
            // This dialect wants a word in any case; this one says nothing.
            Part::Image { media, detail: fields.text("detail")?.filter(|detail| detail != "auto") }
        }
        "input_file" => {
            fields.skip(&["detail"]);
            let media = match (fields.text("file_data")?, fields.text("file_id")?, fields.text("file_url")?) {
                (Some(data), _, _) if data.starts_with("data:") => Media::from_url(&data),
                (Some(data), _, _) => Media::Base64 { media_type: "application/pdf".to_owned(), data },
                (None, Some(id), _) => Media::Id(id),
                (None, None, Some(url)) => Media::Url(url),
                (None, None, None) => return Err(fields.invalid("file_data", "a file needs file_data, file_id or file_url")),
            };
            Part::File { media, name: fields.text("filename")? }
        }
        "input_audio" => {
            let audio: Object = fields.need("input_audio", "an object")?;
            let mut audio = Fields::of(&audio, fields.name("input_audio"));
            Part::Audio { data: audio.need_text("data")?, format: audio.need_text("format")? }
        }
        _ => return Ok(Part::Other { dialect: Dialect::Responses, kind, raw: Raw::from(part) }),
    };
    fields.unread(unsaid);
    Ok(made)
}

fn tools(fields: &mut Fields<'_>, unsaid: &mut Vec<String>) -> Result<Vec<Tool>, Invalid> {
    let tools: Vec<Object> = fields.get("tools", "an array of tools")?.unwrap_or_default();
    let tool = |(index, tool): (usize, &Object)| {
        let mut fields = Fields::of(tool, format!("tools[{index}]"));
        let kind = fields.need_text("type")?;
        let made = match kind.as_str() {
            "function" => Tool::Function(Function {
                name: fields.need_text("name")?,
                description: fields.text("description")?,
                parameters: fields.raw("parameters"),
                strict: fields.get("strict", "a boolean")?,
                cache: None,
            }),
            "custom" => Tool::Custom {
                name: fields.need_text("name")?,
                description: fields.text("description")?,
                format: fields.raw("format").map(|format| nest_grammar(&format)),
            },
            _ => return Ok(Tool::Hosted { dialect: Dialect::Responses, kind, raw: Raw::from(tool) }),
        };
        fields.unread(unsaid);
        Ok(made)
    };
    tools.iter().enumerate().map(tool).collect()
}

/// The format of a custom tool as chat completions spell it: a grammar is an object of its own.
fn nest_grammar(format: &Raw) -> Raw {
    let nested = format.to::<Object>().filter(|format| format.get::<String>("type", "a string") == Ok(Some("grammar".to_owned())));
    let nested = nested.and_then(|mut grammar| {
        grammar.remove("type");
        let mut nested = Object::new();
        nested.set("type", "grammar").and(nested.set("grammar", &grammar)).ok()?;
        Some(Raw::from(&nested))
    });
    nested.unwrap_or_else(|| format.clone())
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
    let text = |object: &Object, key: &str| object.get::<String>(key, "a string").ok().flatten();
    Ok(Some(match text(&object, "type").as_deref() {
        Some("function") => ToolChoice::Named { name: text(&object, "name").ok_or_else(wrong)?, kind: ToolKind::Function },
        Some("custom") => ToolChoice::Named { name: text(&object, "name").ok_or_else(wrong)?, kind: ToolKind::Custom },
        Some("allowed_tools") => {
            let tools: Vec<Object> = object.get("tools", "an array of tools").ok().flatten().ok_or_else(wrong)?;
            let required = text(&object, "mode").as_deref() == Some("required");
            match tools.iter().map(|tool| text(tool, "name")).collect::<Option<Vec<_>>>() {
                Some(names) => ToolChoice::Allowed { names, required },
                None => ToolChoice::Other { dialect: Dialect::Responses, raw },
            }
        }
        _ => ToolChoice::Other { dialect: Dialect::Responses, raw },
    }))
}

/// The form of the answer, and how many words it takes.
fn text(fields: &mut Fields<'_>, unsaid: &mut Vec<String>) -> Result<(Format, Option<String>), Invalid> {
    let Some(text) = fields.get::<Object>("text", "an object")? else { return Ok((Format::Text, None)) };
    let mut fields = Fields::of(&text, "text");
    let verbosity = fields.text("verbosity")?;
    let format = match fields.raw("format") {
        None => Format::Text,
        Some(raw) => {
            let object: Object = raw.to().ok_or_else(|| fields.invalid("format", "it must be an object"))?;
            let mut format = Fields::of(&object, "text.format");
            match format.need_text("type")?.as_str() {
                "text" => Format::Text,
                "json_object" => Format::JsonObject,
                "json_schema" => Format::JsonSchema(JsonSchema {
                    name: Some(format.need_text("name")?),
                    description: format.text("description")?,
                    schema: Some(format.raw("schema").ok_or_else(|| Invalid::Missing { param: "text.format.schema".to_owned() })?),
                    strict: format.get("strict", "a boolean")?,
                }),
                _ => Format::Other { dialect: Dialect::Responses, raw },
            }
        }
    };
    fields.unread(unsaid);
    Ok((format, verbosity))
}

fn reasoning(fields: &mut Fields<'_>, unsaid: &mut Vec<String>) -> Result<Option<Thinking>, Invalid> {
    let Some(reasoning) = fields.get::<Object>("reasoning", "an object")? else { return Ok(None) };
    let mut fields = Fields::of(&reasoning, "reasoning");
    let (effort, summary, old) = (fields.text("effort")?, fields.text("summary")?, fields.text("generate_summary")?);
    fields.unread(unsaid);
    let thinking = Thinking { effort, summary: summary.or(old), budget_tokens: None };
    Ok(Some(thinking).filter(|thinking| *thinking != Thinking::default()))
}

fn logprobs(fields: &mut Fields<'_>, request: &Request) -> Result<Option<Logprobs>, Invalid> {
    let top: Option<u8> = fields.get("top_logprobs", "an integer from 0 to 20")?.filter(|top| *top > 0);
    let wanted = top.is_some() || request.include.iter().any(|shown| shown == "message.output_text.logprobs");
    Ok(wanted.then_some(Logprobs { top }))
}
