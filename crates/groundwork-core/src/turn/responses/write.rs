//! A turn as a request for a response.

use super::seal;
use crate::turn::fields::{put, put_some};
use crate::turn::{Dialect, Format, Function, Media, Part, Role, Tool, ToolCall, ToolChoice, ToolKind, ToolResult, Turn, text_of};
use groundwork_wire::error::Invalid;
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;
use serde::Serialize;
use serde_json::json;

impl Turn {
    /// The body for a target: `model`, the items, the parameters that are set, and no state at the target.
    pub fn to_responses(&self, model: &str, stream: bool) -> Result<Object, Invalid> {
        self.check_for(Dialect::Responses)?;
        self.refuse_sampling()?;
        let mut body = Object::new();
        put(&mut body, "model", model)?;
        put(&mut body, "input", &self.response_items()?)?;
        self.put_response_tools(&mut body)?;
        self.put_response_text(&mut body)?;
        put_some(&mut body, "max_output_tokens", self.max_output_tokens.as_ref())?;
        put_some(&mut body, "temperature", self.temperature.as_ref())?;
        put_some(&mut body, "top_p", self.top_p.as_ref())?;
        let mut include = Vec::new();
        if let Some(thinking) = &self.reasoning {
            put(&mut body, "reasoning", &json!({ "effort": thinking.word(), "summary": thinking.summary }))?;
            // The target keeps nothing, so that what it thought must be able to come back.
            include.push("reasoning.encrypted_content");
        }
        if let Some(logprobs) = self.logprobs {
            put_some(&mut body, "top_logprobs", logprobs.top.as_ref())?;
            include.push("message.output_text.logprobs");
        }
        if !include.is_empty() {
            put(&mut body, "include", &include)?;
        }
        put_some(&mut body, "safety_identifier", self.user.as_deref().filter(|user| user.len() <= 64))?;
        if !self.metadata.is_empty() {
            put(&mut body, "metadata", &self.metadata)?;
        }
        let tier = self.service_tier.as_deref().map(|tier| if tier == "standard_only" { "default" } else { tier });
        put_some(&mut body, "service_tier", tier)?;
        put_some(&mut body, "prompt_cache_key", self.prompt_cache_key.as_deref())?;
        put(&mut body, "store", &false)?;
        if stream {
            put(&mut body, "stream", &true)?;
        }
        for (key, raw) in &self.rest {
            put(&mut body, key, raw)?;
        }
        Ok(body)
    }

    /// What other dialects may ask for and this one has no word for.
    fn refuse_sampling(&self) -> Result<(), Invalid> {
        let cannot = |field: &'static str, is_set: bool| match is_set {
            true => Err(Dialect::Responses.cannot(self.param(field), "has no such field")),
            false => Ok(()),
        };
        cannot("n", self.n.is_some())?;
        cannot("stop", !self.stop.is_empty())?;
        cannot("seed", self.seed.is_some())?;
        cannot("top_k", self.top_k.is_some())?;
        cannot("frequency_penalty", self.frequency_penalty.is_some_and(|penalty| penalty != 0.0))?;
        cannot("presence_penalty", self.presence_penalty.is_some_and(|penalty| penalty != 0.0))?;
        cannot("logit_bias", self.logit_bias.is_some())
    }

    fn response_items(&self) -> Result<Vec<Raw>, Invalid> {
        let mut items = Vec::with_capacity(self.messages.len());
        for (index, message) in self.messages.iter().enumerate() {
            let place = self.place(index);
            let (role, ours) = match message.role {
                Role::System => ("system", false),
                Role::Developer => ("developer", false),
                Role::Assistant => ("assistant", true),
                Role::User | Role::Tool => ("user", false),
            };
            let mut said: Vec<Raw> = Vec::new();
            let close = |said: &mut Vec<Raw>, items: &mut Vec<Raw>| {
                if !said.is_empty() {
                    items.push(Json::of("message").with("role", role).with("content", &std::mem::take(said)).raw());
                }
            };
            for (at, part) in message.parts.iter().enumerate() {
                let place = format!("{place}.content[{at}]");
                match part {
                    Part::ToolCall(call) => {
                        close(&mut said, &mut items);
                        items.push(tool_call(call));
                    }
                    Part::ToolResult(result) => {
                        close(&mut said, &mut items);
                        items.push(tool_result(result, &place)?);
                    }
                    Part::Reasoning(thought) => {
                        // Only this service can read its own, and it takes no thoughts of others.
                        let own = thought.signature.as_ref().is_some_and(|signature| signature.dialect == Dialect::Responses);
                        if own {
                            close(&mut said, &mut items);
                            let summary: Vec<_> =
                                thought.summary.iter().map(|text| json!({ "type": "summary_text", "text": text })).collect();
                            let sealed = seal(thought.signature.as_ref(), thought.redacted);
                            let item = Json::of("reasoning").maybe("id", thought.id.as_ref()).with("summary", &summary);
                            items.push(item.with("encrypted_content", &sealed).raw());
                        }
                    }
                    Part::Item { raw, .. } => {
                        close(&mut said, &mut items);
                        items.push(raw.clone());
                    }
                    part => said.push(content(part, ours, &place)?),
                }
            }
            close(&mut said, &mut items);
        }
        Ok(items)
    }

    fn put_response_tools(&self, body: &mut Object) -> Result<(), Invalid> {
        if self.tools.is_empty() {
            return Ok(());
        }
        let tools: Vec<Raw> = self.tools.iter().enumerate().map(tool).collect::<Result<_, _>>()?;
        put(body, "tools", &tools)?;
        if let Some(choice) = &self.tool_choice {
            put(body, "tool_choice", &tool_choice(choice, &self.tools)?)?;
        }
        put_some(body, "parallel_tool_calls", self.parallel_tool_calls.as_ref())
    }

    fn put_response_text(&self, body: &mut Object) -> Result<(), Invalid> {
        let format = match &self.format {
            Format::Text => None,
            Format::JsonObject => Some(Json::of("json_object").raw()),
            Format::JsonSchema(schema) => {
                let format = Json::of("json_schema").with("name", schema.name.as_deref().unwrap_or("answer"));
                let format = format.maybe("description", schema.description.as_ref()).with("schema", &schema.schema);
                Some(format.maybe("strict", schema.strict.as_ref()).raw())
            }
            Format::Other { dialect: Dialect::Responses, raw } => Some(raw.clone()),
            Format::Other { .. } => return Err(Dialect::Responses.cannot(self.param("format"), "knows no such form of an answer")),
        };
        if format.is_none() && self.verbosity.is_none() {
            return Ok(());
        }
        put(body, "text", &Json::default().maybe("format", format.as_ref()).maybe("verbosity", self.verbosity.as_ref()).raw())
    }
}

fn tool_call(ToolCall { id, name, arguments, kind }: &ToolCall) -> Raw {
    let call = |kind: &str| Json::of(kind).with("call_id", id).with("name", name);
    match kind {
        ToolKind::Function => call("function_call").with("arguments", if arguments.is_empty() { "{}" } else { arguments }).raw(),
        ToolKind::Custom => call("custom_tool_call").with("input", arguments).raw(),
    }
}

fn tool_result(result: &ToolResult, place: &str) -> Result<Raw, Invalid> {
    let ToolResult { id, parts, is_error, kind } = result;
    let item = Json::of(match kind {
        ToolKind::Function => "function_call_output",
        ToolKind::Custom => "custom_tool_call_output",
    });
    let item = item.with("call_id", id);
    Ok(match text_of(parts) {
        // There is no other way to say it.
        Some(text) if *is_error && !text.to_ascii_lowercase().starts_with("error") => item.with("output", &format!("Error: {text}")).raw(),
        Some(text) => item.with("output", &text).raw(),
        None => {
            let parts = parts.iter().enumerate().map(|(at, part)| content(part, false, &format!("{place}.content[{at}]")));
            item.with("output", &parts.collect::<Result<Vec<_>, _>>()?).raw()
        }
    })
}

fn content(part: &Part, ours: bool, place: &str) -> Result<Raw, Invalid> {
    let cannot = |what: &str| Err(Dialect::Responses.cannot(place, what));
    let text = |text: &str| Json::of("input_text").with("text", text).raw();
    Ok(match part {
        Part::Text(said) if ours => Json::of("output_text").with("text", said).with("annotations", &[(); 0]).raw(),
        Part::Refusal(said) if ours => Json::of("refusal").with("refusal", said).raw(),
        Part::Text(said) | Part::Refusal(said) => text(said),
        Part::Image { media, detail } => {
            let image = match (media, media.to_url()) {
                (Media::Id(id), _) => Json::of("input_image").with("file_id", id),
                (_, Some(url)) => Json::of("input_image").with("image_url", &url),
                (_, None) => return cannot("shows no text as an image"),
            };
            image.with("detail", detail.as_deref().unwrap_or("auto")).raw()
        }
        Part::File { media, name } => match media {
            Media::Id(id) => Json::of("input_file").with("file_id", id).raw(),
            Media::Url(url) => Json::of("input_file").with("file_url", url).maybe("filename", name.as_ref()).raw(),
            Media::Text(said) => match name {
                Some(name) => text(&format!("{name}\n\n{said}")),
                None => text(said),
            },
            // A file in the request must have a name.
            Media::Base64 { .. } => {
                let name = name.as_deref().unwrap_or("document.pdf");
                Json::of("input_file").with("filename", name).with("file_data", &media.to_url()).raw()
            }
        },
        Part::Audio { .. } => return cannot("hears no sound"),
        Part::Other { dialect: Dialect::Responses, raw, .. } => raw.clone(),
        Part::Other { kind, .. } | Part::Item { kind, .. } => return cannot(&format!("has nothing like {kind:?}")),
        Part::Reasoning(_) | Part::ToolCall(_) | Part::ToolResult(_) => return cannot("has no tool call inside a tool's result"),
    })
}

fn tool((index, tool): (usize, &Tool)) -> Result<Raw, Invalid> {
    Ok(match tool {
        Tool::Function(Function { name, description, parameters, strict, cache: _ }) => {
            let function = Json::of("function").with("name", name).maybe("description", description.as_ref());
            // Without a word this dialect would take a schema for a strict one, which others do not.
            function.with("parameters", parameters).with("strict", &strict.unwrap_or(false)).raw()
        }
        Tool::Custom { name, description, format } => {
            let custom = Json::of("custom").with("name", name).maybe("description", description.as_ref());
            custom.maybe("format", format.as_ref().map(flatten_grammar).as_ref()).raw()
        }
        Tool::Hosted { dialect: Dialect::Responses, raw, .. } => raw.clone(),
        Tool::Hosted { kind, .. } => {
            return Err(Dialect::Responses.cannot(format!("tools[{index}]"), &format!("has no tool of the type {kind:?}")));
        }
    })
}

/// The format of a custom tool as this dialect spells it: the fields of a grammar stand beside its type.
fn flatten_grammar(format: &Raw) -> Raw {
    let grammar = format.to::<Object>().and_then(|format| format.get::<Object>("grammar", "an object").ok().flatten());
    grammar.map_or_else(
        || format.clone(),
        |mut grammar| {
            let _ = grammar.set("type", "grammar");
            Raw::from(&grammar)
        },
    )
}

fn tool_choice(choice: &ToolChoice, tools: &[Tool]) -> Result<Raw, Invalid> {
    let named = |name: &str, kind: ToolKind| {
        let kind = if kind == ToolKind::Custom { "custom" } else { "function" };
        Json::of(kind).with("name", name).raw()
    };
    let word = |word: &str| Raw::of(word).unwrap_or_default();
    let kind_of = |wanted: &str| {
        let is_custom = |tool: &Tool| matches!(tool, Tool::Custom { name, .. } if name == wanted);
        if tools.iter().any(is_custom) { ToolKind::Custom } else { ToolKind::Function }
    };
    Ok(match choice {
        ToolChoice::Auto => word("auto"),
        ToolChoice::None => word("none"),
        ToolChoice::Required => word("required"),
        ToolChoice::Named { name, kind } => named(name, *kind),
        ToolChoice::Allowed { names, required } => {
            let tools: Vec<_> = names.iter().map(|name| named(name, kind_of(name))).collect();
            Json::of("allowed_tools").with("mode", if *required { "required" } else { "auto" }).with("tools", &tools).raw()
        }
        ToolChoice::Other { dialect: Dialect::Responses, raw } => raw.clone(),
        ToolChoice::Other { .. } => return Err(Dialect::Responses.cannot("tool_choice", "knows no such choice")),
    })
}

/// An object in the making that keeps the spelling of what is put into it.
#[derive(Default)]
struct Json(Object);

impl Json {
    fn of(kind: &str) -> Self {
        Self::default().with("type", kind)
    }

    fn with<T: Serialize + ?Sized>(mut self, key: &str, value: &T) -> Self {
        // Texts, numbers and raw JSON always have a form in JSON.
        let _ = self.0.set(key, value);
        self
    }

    fn maybe<T: Serialize + ?Sized>(self, key: &str, value: Option<&T>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    fn raw(self) -> Raw {
        Raw::from(&self.0)
    }
}
