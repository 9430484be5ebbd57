//! `GET /openapi.json`: our surface, made from the list of routes. Bodies are OpenAI's and Anthropic's own, so they are not repeated.

use super::router::{Cost, Permission, Route, routes};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

pub(super) async fn find() -> impl IntoResponse {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    const JSON: (HeaderName, &str) = (CONTENT_TYPE, "application/json");
    ([JSON], DOCUMENT.get_or_init(|| document().to_string()).as_str())
}

fn document() -> Value {
    let mut paths = Map::new();
    for route in routes() {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation(&route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Groundwork",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Every path under /v1 but /v1/messages is also served under /openai/v1 and /openai, and where the URL may name the model under /openai/deployments/{deployment}.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer" },
                "api-key": { "type": "apiKey", "in": "header", "name": "api-key" },
                "x-api-key": { "type": "apiKey", "in": "header", "name": "x-api-key" },
            },
            "schemas": {
                "Error": {
                    "type": "object",
                    "required": ["error"],
                    "properties": { "error": {
                        "type": "object",
                        "required": ["message", "type", "param", "code"],
                        "properties": {
                            "message": { "type": "string" },
                            "type": { "type": "string" },
                            "param": { "type": ["string", "null"] },
                            "code": { "type": ["string", "null"] },
                        },
                    } },
                },
            },
        },
    })
}

fn operation(route: &Route) -> Value {
    let error =
        json!({ "description": "an error", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } } });
    let mut operation = json!({
        "operationId": operation_id(route.handler_name),
        "x-permission": route.permission.name(),
        "parameters": parameters(route.path),
        "responses": { "200": { "description": "the answer" }, "default": error },
    });
    if route.permission != Permission::Open {
        operation["security"] = json!([{ "bearer": [] }, { "api-key": [] }, { "x-api-key": [] }]);
    }
    if matches!(route.method.as_str(), "POST" | "PUT" | "PATCH") {
        let kind = if matches!(route.cost, Cost::Upload | Cost::Media) { "multipart/form-data" } else { "application/json" };
        operation["requestBody"] = json!({ "content": { kind: { "schema": { "type": "object" } } } });
    }
    operation
}

fn parameters(path: &str) -> Vec<Value> {
    let named = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    named.map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })).collect()
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
        let document = document();
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
}
