//! What a messages request asks.

use crate::turn::fields::Fields;
use crate::turn::{
    Dialect, Format, Function, JsonSchema, Media, Message, Part, Reasoning, Role, Signature, Thinking, Tool, ToolCall, ToolChoice,
    ToolKind, ToolResult, Turn,
};
use groundwork_wire::error::Invalid;
use groundwork_wire::messages::{self, Block};
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;

impl Turn {
    /// What a messages request asks. Only what is no valid request is refused here; what another dialect cannot say is kept, and refused
    /// by that one. The `system` field is the first message.
    pub fn from_messages(body: &Object) -> Result<Self, Invalid> {
        Self::of_messages(&messages::Request::parse(body.to_bytes())?)
    }

    /// What a request to count tokens holds.
    pub fn from_messages_count(body: &Object) -> Result<Self, Invalid> {
        Self::of_messages(&messages::Request::parse_count(body.to_bytes())?)
    }

    fn of_messages(request: &messages::Request) -> Result<Self, Invalid> {
        let mut fields = Fields::of(&request.object, "");
        fields.skip(&["model", "messages", "system", "max_tokens", "stream"]);
        // Cost and bookkeeping. What the service may forget of a long history, another one reads in full.
        fields.skip(&["cache_control", "diagnostics", "context_management"]);
        let mut turn = Self { dialect: Dialect::Messages, max_output_tokens: request.max_tokens, ..Self::default() };
        turn.temperature = between(&mut fields, "temperature")?;
        turn.top_p = between(&mut fields, "top_p")?;
        turn.top_k = fields.get("top_k", "an integer")?;
        turn.stop = fields.get("stop_sequences", "an array of strings")?.unwrap_or_default();
        turn.service_tier = fields.text("service_tier")?;
        if let Some(metadata) = fields.get::<Object>("metadata", "an object")? {
            turn.user = Fields::of(&metadata, "metadata").text("user_id")?;
        }
        let tools: Vec<Object> = fields.get("tools", "an array of tools")?.unwrap_or_default();
        for (index, tool) in tools.iter().enumerate() {
            turn.tools.push(self::tool(tool, &format!("tools[{index}]"), &mut turn.unsaid)?);
        }
        (turn.tool_choice, turn.parallel_tool_calls) = tool_choice(&mut fields)?;
        turn.thinks(&mut fields)?;
        if request.object.value("speed").and_then(|raw| raw.to::<String>()).as_deref() == Some("standard") {
            fields.skip(&["speed"]);
        }
        turn.rest = fields.rest().collect();
        if !request.system.is_empty() {
            turn.messages.push(message(Role::System, &request.system, "system", &mut turn.unsaid)?);
        }
        for (index, spoken) in request.messages.iter().enumerate() {
            let role = match spoken.role {
                messages::Role::User => Role::User,
                messages::Role::Assistant => Role::Assistant,
                messages::Role::System => Role::System,
            };
            let mut fields = Fields::of(&spoken.object, format!("messages[{index}]"));
            fields.skip(&["role", "content"]);
            fields.unread(&mut turn.unsaid);
            turn.messages.push(message(role, &spoken.content, &format!("messages[{index}].content"), &mut turn.unsaid)?);
        }
        Ok(turn)
    }

    /// `thinking` and `output_config`, which has an older name for its `format`.
    fn thinks(&mut self, fields: &mut Fields<'_>) -> Result<(), Invalid> {
        let mut reasoning = None;
        if let Some(thinking) = fields.get::<Object>("thinking", "an object")? {
            let mut thinking = Fields::of(&thinking, "thinking");
            // How much of a thought is shown is the service's own affair.
            thinking.skip(&["display"]);
            reasoning = match thinking.need_text("type")?.as_str() {
                "enabled" => Some(Thinking { budget_tokens: Some(thinking.need("budget_tokens", "an integer")?), ..Thinking::default() }),
                "disabled" => None,
                _ => Some(Thinking::default()),
            };
            thinking.unread(&mut self.unsaid);
        }
        let mut format = fields.raw("output_format");
        if let Some(config) = fields.get::<Object>("output_config", "an object")? {
            let mut config = Fields::of(&config, "output_config");
            if let Some(effort) = config.text("effort")? {
                reasoning.get_or_insert_default().effort = Some(effort);
            }
            format = config.raw("format").or(format);
            config.unread(&mut self.unsaid);
        }
        self.reasoning = reasoning;
        if let Some(raw) = format {
            self.format = self::format(raw);
        }
        Ok(())
    }
}

fn between(fields: &mut Fields<'_>, key: &'static str) -> Result<Option<f64>, Invalid> {
    match fields.get::<f64>(key, "a number")? {
        Some(value) if !(0.0..=1.0).contains(&value) => Err(fields.invalid(key, format!("{value} is not between 0 and 1"))),
        value => Ok(value),
    }
}

fn format(raw: Raw) -> Format {
    let schema =
        raw.to::<Object>().filter(|object| object.value("type").and_then(|kind| kind.to::<String>()).as_deref() == Some("json_schema"));
    match schema.and_then(|object| object.value("schema")) {
        // The answer is held to the schema, always.
        Some(schema) => Format::JsonSchema(JsonSchema { name: None, description: None, schema: Some(schema), strict: Some(true) }),
        None => Format::Other { dialect: Dialect::Messages, raw },
    }
}

fn tool(tool: &Object, place: &str, unsaid: &mut Vec<String>) -> Result<Tool, Invalid> {
    let mut fields = Fields::of(tool, place);
    if let Some(kind) = fields.text("type")?.filter(|kind| kind != "custom") {
        return Ok(Tool::Hosted { dialect: Dialect::Messages, kind, raw: Raw::from(tool) });
    }
    // How its input is streamed, and when it is loaded.
    fields.skip(&["eager_input_streaming", "defer_loading"]);
    let callers = fields.get::<Vec<String>>("allowed_callers", "an array of strings")?;
    if callers.is_some_and(|callers| callers != ["direct"]) {
        unsaid.push(fields.name("allowed_callers"));
    }
    let function = Function {
        name: fields.need_text("name")?,
        description: fields.text("description")?,
        parameters: fields.raw("input_schema"),
        strict: fields.get("strict", "a boolean")?,
        cache: fields.raw("cache_control"),
    };
    fields.unread(unsaid);
    Ok(Tool::Function(function))
}

/// The choice, and whether several tools may be called at once.
fn tool_choice(fields: &mut Fields<'_>) -> Result<(Option<ToolChoice>, Option<bool>), Invalid> {
    let Some(object) = fields.get::<Object>("tool_choice", "an object")? else { return Ok((None, None)) };
    let mut choice = Fields::of(&object, "tool_choice");
    let one = choice.get::<bool>("disable_parallel_tool_use", "a boolean")?;
    let made = match choice.need_text("type")?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named { name: choice.need_text("name")?, kind: ToolKind::Function },
        _ => ToolChoice::Other { dialect: Dialect::Messages, raw: Raw::from(&object) },
    };
    Ok((Some(made), one.map(|one| !one)))
}

fn message(role: Role, blocks: &[Block], place: &str, unsaid: &mut Vec<String>) -> Result<Message, Invalid> {
    let mut message = Message::new(role, Vec::with_capacity(blocks.len()));
    for (index, block) in blocks.iter().enumerate() {
        let (part, cache) = part(block, &format!("{place}[{index}]"), unsaid)?;
        message.cache.extend(cache.map(|mark| (index, mark)));
        message.parts.push(part);
    }
    Ok(message)
}

fn part(block: &Block, place: &str, unsaid: &mut Vec<String>) -> Result<(Part, Option<Raw>), Invalid> {
    let mut fields = Fields::of(&block.object, place);
    fields.skip(&["type"]);
    let cache = fields.raw("cache_control");
    let other = || Part::Other { dialect: Dialect::Messages, kind: block.kind.clone(), raw: Raw::from(&block.object) };
    let part = match block.kind.as_str() {
        "text" => {
            // Where an earlier answer took its words from.
            fields.skip(&["citations"]);
            Part::Text(fields.need_text("text")?)
        }
        "thinking" => {
            let (id, signature) = fields.text("signature")?.map(Signature::open).unzip();
            Part::Reasoning(Reasoning { id: id.flatten(), text: fields.need_text("thinking")?, signature, ..Reasoning::default() })
        }
        "redacted_thinking" => {
            let signature = Signature { dialect: Dialect::Messages, value: fields.need_text("data")? };
            Part::Reasoning(Reasoning { signature: Some(signature), redacted: true, ..Reasoning::default() })
        }
        "image" => match media(&fields.need("source", "an object")?, &fields.name("source"))? {
            Some(media) => Part::Image { media, detail: None },
            None => return Ok((other(), None)),
        },
        "document" => {
            let cites = fields.get::<Object>("citations", "an object")?.and_then(|citations| citations.value("enabled")?.to::<bool>());
            if cites == Some(true) {
                unsaid.push(fields.name("citations"));
            }
            match media(&fields.need("source", "an object")?, &fields.name("source"))? {
                Some(media) => Part::File { media, name: fields.text("title")? },
                None => return Ok((other(), None)),
            }
        }
        "tool_use" => {
            // Who called; it can only be the model itself.
            fields.skip(&["caller"]);
            let arguments = fields.raw("input").map_or_else(|| "{}".to_owned(), |input| input.as_str().to_owned());
            Part::ToolCall(ToolCall { id: fields.need_text("id")?, name: fields.need_text("name")?, arguments, kind: ToolKind::Function })
        }
        "tool_result" => {
            let place = fields.name("content");
            let blocks = fields.raw("content").map(|content| Block::parse_all(&content, &place)).transpose()?.unwrap_or_default();
            let mut parts = Vec::with_capacity(blocks.len());
            for (index, block) in blocks.iter().enumerate() {
                parts.push(part(block, &format!("{place}[{index}]"), unsaid)?.0);
            }
            let is_error = fields.get("is_error", "a boolean")?.unwrap_or(false);
            Part::ToolResult(ToolResult { id: fields.need_text("tool_use_id")?, parts, is_error, kind: ToolKind::Function })
        }
        _ => return Ok((other(), None)),
    };
    fields.unread(unsaid);
    Ok((part, cache))
}

/// `None` for a kind of source that only this dialect has.
fn media(source: &Object, place: &str) -> Result<Option<Media>, Invalid> {
    let mut fields = Fields::of(source, place);
    Ok(Some(match fields.need_text("type")?.as_str() {
        "base64" => Media::Base64 { media_type: fields.need_text("media_type")?, data: fields.need_text("data")? },
        "url" => Media::Url(fields.need_text("url")?),
        "file" => Media::Id(fields.need_text("file_id")?),
        "text" => Media::Text(fields.need_text("data")?),
        "content" => {
            let blocks = fields.raw("content").map(|content| Block::parse_all(&content, &fields.name("content"))).transpose()?;
            let text = |block: &Block| (block.kind == "text").then(|| block.object.value("text")?.to::<String>()).flatten();
            match blocks.unwrap_or_default().iter().map(text).collect::<Option<Vec<_>>>() {
                Some(texts) => Media::Text(texts.join("\n")),
                None => return Ok(None),
            }
        }
        _ => return Ok(None),
    }))
}
