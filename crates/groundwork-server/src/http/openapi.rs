//! `GET /openapi.json`: our surface, made from the list of routes and from what `described.json` says of each operation: its query, its
//! body and its answers.

use super::error;
use super::router::{Permission, Route, routes};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;

pub(super) async fn find() -> impl IntoResponse {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    const JSON: (HeaderName, &str) = (CONTENT_TYPE, "application/json");
    ([JSON], DOCUMENT.get_or_init(|| document(described()).to_string()).as_str())
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Described {
    /// By the module and the function of their handlers.
    operations: BTreeMap<String, Operation>,
    schemas: Map<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Operation {
    summary: String,
    /// The schemas of the query's parameters.
    query: BTreeMap<String, String>,
    body: Option<Content>,
    answer: Option<Content>,
    /// Answers with another status than 200.
    also: BTreeMap<String, Content>,
}

/// A schema of JSON, or one for each media type.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Json(String),
    By(BTreeMap<String, String>),
}

impl Content {
    fn written(&self) -> Value {
        match self {
            Self::Json(schema) => json!({ "application/json": { "schema": schema_of(schema) } }),
            Self::By(kinds) => kinds.iter().map(|(kind, schema)| (kind.clone(), json!({ "schema": schema_of(schema) }))).collect(),
        }
    }
}

fn schema_of(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A file of ours: that it can be read is tested.
fn described() -> Described {
    serde_json::from_str(include_str!("openapi/described.json")).unwrap_or_default()
}

fn document(described: Described) -> Value {
    let Described { operations, schemas } = described;
    let unknown = Operation::default();
    let mut paths = Map::new();
    for route in routes() {
        let id = operation_id(route.handler_name);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation(&route, &id, operations.get(&id).unwrap_or(&unknown));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Groundwork",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every path under /v1 but /v1/messages is also served under /openai/v1 and /openai, and where the URL may name the model under /openai/deployments/{deployment}; /v1/messages also under /anthropic.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "api-key": { "type": "apiKey", "in": "header", "name": "api-key" },
                "x-api-key": { "type": "apiKey", "in": "header", "name": "x-api-key" },
            },
            "schemas": schemas,
        },
    })
}

fn operation(route: &Route, id: &str, described: &Operation) -> Value {
    let error = schema_of(if error::is_anthropic(route.path) { "MessageError" } else { "Error" });
    let answer = |content: Option<&Content>| {
        let mut answer = json!({ "description": "the answer" });
        if let Some(content) = content {
            answer["content"] = content.written();
        }
        answer
    };
    let mut responses = json!({
        "200": answer(described.answer.as_ref()),
        "default": { "description": "an error", "content": { "application/json": { "schema": error } } },
    });
    for (status, content) in &described.also {
        responses[status] = answer(Some(content));
    }
    let mut operation = json!({
        "operationId": id,
        "summary": described.summary,
        "x-permission": route.permission.name(),
        "parameters": parameters(route.path, &described.query),
        "responses": responses,
    });
    if route.permission != Permission::Open {
        operation["security"] = json!([{ "bearer": [] }, { "api-key": [] }, { "x-api-key": [] }]);
    }
    if let Some(body) = &described.body {
        operation["requestBody"] = json!({ "required": true, "content": body.written() });
    }
    operation
}

fn parameters(path: &str, query: &BTreeMap<String, String>) -> Vec<Value> {
    let named = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    let in_path = named.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }));
    let in_query = query.iter().map(|(name, schema)| json!({ "name": name, "in": "query", "schema": schema_of(schema) }));
    in_path.chain(in_query).collect()
}

/// The module and the function of a handler: `chat.create`.
fn operation_id(handler: &str) -> String {
    let mut last: Vec<&str> = handler.rsplit("::").take(2).collect();
    last.reverse();
    last.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_route_is_an_operation_with_a_name_of_its_own() {
        let document = document(described());
        let paths = document["paths"].as_object().unwrap();
        let ids: Vec<&str> = paths
            .values()
            .flat_map(|path| path.as_object().unwrap().values())
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), routes().len());
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
        assert!(ids.contains(&"chat.create"), "{ids:?}");
        assert_eq!(paths["/v1/models/{model}"]["get"]["parameters"][0]["name"], "model");
    }

    #[test]
    fn what_is_described_is_there_and_every_schema_that_is_named() {
        let Described { operations, schemas } = serde_json::from_str(include_str!("openapi/described.json")).unwrap();
        let ids: BTreeSet<String> = routes().iter().map(|route| operation_id(route.handler_name)).collect();
        let unknown: Vec<&String> = operations.keys().filter(|id| !ids.contains(*id)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        let undescribed: Vec<&String> =
            ids.iter().filter(|id| operations.get(*id).is_none_or(|described| described.answer.is_none())).collect();
        assert!(undescribed.is_empty(), "{undescribed:?}");
        let document = document(described()).to_string();
        for rest in document.split("#/components/schemas/").skip(1) {
            let name = rest.split('"').next().unwrap();
            assert!(schemas.contains_key(name), "{name}");
        }
    }
}
