//! Parameters that are only looked at: what OpenAI's API refuses is refused here too, by name, whoever answers.

use crate::error::Invalid;
use crate::object::Object;
use crate::raw::Raw;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// Refuses what no server of this API takes.
pub(super) fn check(object: &Object) -> Result<(), Invalid> {
    object.keys().try_for_each(|key| match key {
        "frequency_penalty" | "presence_penalty" => within(object, key, -2.0, 2.0),
        "top_logprobs" => within(object, key, 0.0, 20.0).and(object.get::<u32>(key, "an integer").map(drop)),
        "logprobs" | "parallel_tool_calls" | "store" => object.get::<bool>(key, "a boolean").map(drop),
        "reasoning_effort" | "service_tier" | "verbosity" | "prompt_cache_key" | "prompt_cache_retention" | "safety_identifier" => {
            object.get::<String>(key, "a string").map(drop)
        }
        "audio" | "moderation" | "prediction" | "prompt_cache_options" | "web_search_options" => {
            object.get::<Object>(key, "an object").map(drop)
        }
        "logit_bias" => object.get::<BTreeMap<String, IgnoredAny>>(key, "an object").map(drop),
        "modalities" => object.get::<Vec<String>>(key, "an array of strings").map(drop),
        "tool_choice" | "function_call" if object.get::<String>(key, "a string").is_err() => {
            object.get::<Object>(key, "a string or an object").map(drop)
        }
        "tools" => tools(object),
        "response_format" => format(object),
        _ => Ok(()),
    })
}

fn within(object: &Object, key: &str, least: f64, most: f64) -> Result<(), Invalid> {
    match object.get::<f64>(key, "a number")? {
        Some(value) if !(least..=most).contains(&value) => {
            Err(Invalid::Value { param: key.to_owned(), reason: format!("{value} is not between {least} and {most}") })
        }
        _ => Ok(()),
    }
}

fn tools(object: &Object) -> Result<(), Invalid> {
    let Some(tools) = object.get::<Vec<Raw>>("tools", "an array of tools")? else { return Ok(()) };
    let check = |(index, tool): (usize, Raw)| {
        let check = || {
            let tool = Object::parse(tool.bytes().clone())?;
            let kind: String = tool.get("type", "a string")?.ok_or_else(|| missing("type"))?;
            if kind != "function" {
                return Ok(());
            }
            let function: Object = tool.get("function", "an object")?.ok_or_else(|| missing("function"))?;
            let name: Option<String> = function.get("name", "a string").map_err(|error: Invalid| error.within("function"))?;
            name.map(drop).ok_or_else(|| missing("function.name"))
        };
        check().map_err(|error: Invalid| error.within(&format!("tools[{index}]")))
    };
    tools.into_iter().enumerate().try_for_each(check)
}

fn format(object: &Object) -> Result<(), Invalid> {
    let Some(format) = object.get::<Object>("response_format", "an object")? else { return Ok(()) };
    let check = || {
        let kind: String = format.get("type", "a string")?.ok_or_else(|| missing("type"))?;
        if kind == "json_schema" {
            let schema: Object = format.get("json_schema", "an object")?.ok_or_else(|| missing("json_schema"))?;
            let name: Option<String> = schema.get("name", "a string").map_err(|error: Invalid| error.within("json_schema"))?;
            name.ok_or_else(|| missing("json_schema.name"))?;
        }
        Ok(())
    };
    check().map_err(|error: Invalid| error.within("response_format"))
}

fn missing(param: &str) -> Invalid {
    Invalid::Missing { param: param.to_owned() }
}
