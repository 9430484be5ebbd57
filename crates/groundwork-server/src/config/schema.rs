//! The JSON Schema of the settings, generated from their types. It is committed for editors, and tells what kind of value an
//! environment variable stands for.

use super::Config;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The schema as it is committed in `docs/config.schema.json`.
pub fn json_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_deserialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Config>().to_value();
    // The folder is found when the settings are read; an empty default would say otherwise.
    if let Some(data_dir) = schema.pointer_mut("/properties/data_dir").and_then(Value::as_object_mut) {
        data_dir.remove("default");
    }
    schema
}

/// What a setting is made of, as far as it matters for a value given as text.
pub(super) enum Kind {
    /// Taken as it stands.
    Text,
    /// Written in TOML: numbers, booleans, lists.
    Toml,
}

/// Looks a path of keys up in the schema. `Err` names the first key that does not exist and those that do.
pub(super) fn kind_at(path: &[String]) -> Result<Kind, (String, Vec<String>)> {
    let schema = SchemaSettings::draft2020_12().for_deserialize().with(|settings| settings.inline_subschemas = true);
    let schema = schema.into_generator().into_root_schema_for::<Config>().to_value();
    let mut here = &schema;
    for (depth, key) in path.iter().enumerate() {
        let properties = here.get("properties").and_then(Value::as_object);
        match properties.and_then(|properties| properties.get(key)) {
            Some(next) => here = next,
            None => {
                let known = properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default();
                return Err((path[..=depth].join("."), known));
            }
        }
    }
    let text = here.get("enum").is_some() || here.get("oneOf").is_some() || mentions_string(here.get("type"));
    Ok(if text { Kind::Text } else { Kind::Toml })
}

fn mentions_string(kind: Option<&Value>) -> bool {
    match kind {
        Some(Value::String(kind)) => kind == "string",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
        _ => false,
    }
}
