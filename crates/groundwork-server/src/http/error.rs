//! The one place that makes an HTTP error: OpenAI's object, or Anthropic's on its paths, with the status and the words that its clients act on. What a caller may
//! read and what only the log may hold are different fields.

mod conversions;
mod kept;

use super::{azure, steady, unserved};
use axum::extract::rejection::BytesRejection;
use axum::http::header::{CONTENT_LENGTH, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use groundwork_app::RefusedKey;
use groundwork_core::ids::InvalidName;
use groundwork_inference::target::Said;
use groundwork_wire::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// An error on its way to the client.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    body: Body,
    retry_after: Option<Duration>,
    headers: Box<HeaderMap>,
    /// For the log only.
    cause: Option<String>,
}

#[derive(Debug)]
enum Body {
    Ours(Box<Error>),
    /// The upstream's own error object, as it came.
    Upstream(Bytes),
}

const INVALID_REQUEST: &str = "invalid_request_error";
const SERVER_ERROR: &str = "server_error";
const OVERLOADED: u16 = 529;

impl ApiError {
    fn new(status: StatusCode, kind: &str, code: Option<&str>, message: impl Into<String>) -> Self {
        let error = Error { message: message.into(), kind: kind.to_owned(), param: None, code: code.map(str::to_owned) };
        let body = Body::Ours(Box::new(error));
        Self { status, body, retry_after: None, headers: Box::default(), cause: None }
    }

    fn invalid(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, Some(code), message)
    }

    fn not_found(code: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, INVALID_REQUEST, Some(code), message)
    }

    fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, INVALID_REQUEST, Some("forbidden"), message)
    }

    fn unavailable(code: &str, message: impl Into<String>, retry_after: Option<Duration>) -> Self {
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER_ERROR, Some(code), message);
        Self { retry_after, ..error }
    }

    /// The same again would fail again: official clients retry some statuses unless they are told.
    fn in_vain(mut self) -> Self {
        self.headers.entry("x-should-retry").or_insert(HeaderValue::from_static("false"));
        self
    }

    /// What an upstream said with it: its headers, and its own error object where it sent one.
    fn told(self, said: Said) -> Self {
        let Said { headers, body, used: _, response: _ } = said;
        let body = match body {
            Some(body) if is_error_object(&body) => Body::Upstream(body),
            // An event of a stream of a response, whose clients may be of another dialect.
            Some(body) => Error::parse(&body).map_or(self.body, |error| {
                let kind = if error.kind.is_empty() { SERVER_ERROR.to_owned() } else { error.kind };
                Body::Ours(Box::new(Error { kind, ..error }))
            }),
            None => self.body,
        };
        Self { headers: Box::new(headers), body, ..self }
    }

    fn about(mut self, param: impl Into<String>) -> Self {
        if let Body::Ours(error) = &mut self.body {
            error.param = Some(param.into());
        }
        self
    }

    /// The server's own failure: the caller learns that it happened, the log learns why.
    fn failure(cause: impl Into<String>) -> Self {
        let message = "The server failed to answer. Its log has the cause under this answer's x-request-id.";
        let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, SERVER_ERROR, Some("internal_error"), message);
        Self { cause: Some(cause.into()), ..error }
    }

    pub(super) fn bug(cause: String) -> Self {
        Self::failure(cause)
    }

    pub(super) fn no_credential() -> Self {
        let message = "You didn't provide an API key. Send it in the header Authorization, as Bearer YOUR_KEY, or in api-key or x-api-key.";
        Self::unauthorized(message.to_owned())
    }

    pub(super) fn refused_key(refused: RefusedKey) -> Self {
        Self::unauthorized(refused.to_string())
    }

    fn unauthorized(message: String) -> Self {
        let error = Self::new(StatusCode::UNAUTHORIZED, INVALID_REQUEST, Some("invalid_api_key"), message);
        Self { headers: Box::new(HeaderMap::from_iter([(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))])), ..error }
    }

    pub(super) fn missing_permission(permission: &str) -> Self {
        let message = format!("You have insufficient permissions for this operation: your key lacks {permission}.");
        Self::new(StatusCode::FORBIDDEN, INVALID_REQUEST, Some("insufficient_permissions"), message)
    }

    pub(super) fn no_such_path(method: &Method, path: &str) -> Self {
        match unserved::what(path) {
            Some(what) => Self::unserved(what, method, path),
            None => Self::not_found("unknown_url", format!("Unknown request URL: {method} {path}. Check the path and the method.")),
        }
    }

    pub(super) fn unserved(what: &str, method: &Method, path: &str) -> Self {
        Self::not_found("unknown_url", format!("{what} is not served here: {method} {path}. GET /openapi.json lists what is."))
    }

    pub(super) fn no_such_method(method: &Method, path: &str) -> Self {
        if let Some(what) = unserved::what_method(method, path) {
            return Self::unserved(what, method, path);
        }
        let message = format!("Not allowed to {method} on {path}. The header Allow names the methods that are.");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, INVALID_REQUEST, Some("method_not_supported"), message)
    }

    pub(super) fn foreign_host(host: &str) -> Self {
        let message = format!(
            "This server has no authentication and answers only requests to this machine, not to {host:?}. Address it as localhost or 127.0.0.1."
        );
        Self::new(StatusCode::FORBIDDEN, INVALID_REQUEST, Some("host_not_allowed"), message)
    }

    pub(super) fn foreign_origin(origin: &str) -> Self {
        let message = format!("This server has no authentication and does not answer web pages of another origin ({origin:?}).");
        Self::new(StatusCode::FORBIDDEN, INVALID_REQUEST, Some("origin_not_allowed"), message)
    }

    pub(super) fn overloaded() -> Self {
        Self::unavailable(
            "overloaded",
            "The server is answering as many requests as it may. Try again in a moment.",
            Some(Duration::from_secs(1)),
        )
    }

    pub(super) fn deadline(deadline: Duration) -> Self {
        Self::late(format!("The request was not answered within {} seconds.", deadline.as_secs()))
    }

    fn late(message: String) -> Self {
        Self::new(StatusCode::GATEWAY_TIMEOUT, SERVER_ERROR, Some("deadline_exceeded"), message)
    }

    fn conflict(code: &str, message: String) -> Self {
        Self::new(StatusCode::CONFLICT, INVALID_REQUEST, Some(code), message).in_vain()
    }

    fn upstream(status: StatusCode, code: &str, message: String) -> Self {
        Self { cause: Some(message.clone()), ..Self::new(status, SERVER_ERROR, Some(code), message) }
    }

    fn disk_full(cause: String) -> Self {
        let message = "The server's disk is full. Free space there and try again: nothing is half done.";
        Self { cause: Some(cause), ..Self::new(StatusCode::INSUFFICIENT_STORAGE, SERVER_ERROR, Some("disk_full"), message) }
    }

    pub(super) fn unreadable_body(rejection: &BytesRejection) -> Self {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE { Self::too_large() } else { Self::broken_body(rejection) }
    }

    pub(super) fn broken_body(cause: &(dyn std::error::Error + 'static)) -> Self {
        if steady::is_stalled(cause) {
            let message = "The rest of the body did not come. Send it faster, or raise server.client_timeout.";
            return Self::new(StatusCode::REQUEST_TIMEOUT, INVALID_REQUEST, Some("request_timeout"), message);
        }
        Self::invalid("unreadable_body", "The body could not be read to its end.")
    }

    pub(super) fn no_host() -> Self {
        Self::invalid("invalid_host", "A request must name its host in one Host header.")
    }

    pub(super) fn too_large() -> Self {
        Self::too_large_for(
            "The body is larger than this server takes. Send less, or raise limits.json_body, limits.document or limits.file.",
        )
    }

    fn too_large_for(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, Some("request_too_large"), message)
    }

    pub(super) fn unsupported_encoding(encoding: &HeaderValue) -> Self {
        let message = format!("The body's content encoding {encoding:?} is not understood. Send it plain, or as gzip or zstd.");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST, Some("unsupported_content_encoding"), message)
    }

    pub(super) fn unsupported_media_type(wanted: &str) -> Self {
        let message = format!("The body must be sent as {wanted}.");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, INVALID_REQUEST, Some("unsupported_media_type"), message)
    }

    pub(super) fn invalid_json(path: Option<String>, error: &serde_json::Error) -> Self {
        let invalid = Self::invalid("invalid_json", format!("The body is not what is expected here: {error}."));
        match path.filter(|path| path != ".") {
            Some(path) => invalid.about(path),
            None => invalid,
        }
    }

    pub(super) fn invalid_body(reason: &str) -> Self {
        Self::invalid("unreadable_body", format!("The body cannot be read: {reason}."))
    }

    pub(super) fn invalid_param(param: &str, message: impl Into<String>) -> Self {
        Self::invalid("invalid_value", message).about(param)
    }

    pub(super) fn missing_param(param: &str, message: impl Into<String>) -> Self {
        Self::invalid("missing_required_parameter", message).about(param)
    }

    /// The file came in and cannot be read; `kind` says in one word why.
    pub(super) fn unreadable_document(kind: &str, reason: String) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, INVALID_REQUEST, Some(kind), reason).about("file")
    }

    pub(super) fn unknown_model(message: impl Into<String>) -> Self {
        Self::not_found("model_not_found", message).about("model")
    }

    /// A name in the path that no object can have.
    pub(super) fn impossible_name(error: &InvalidName) -> Self {
        Self::not_found("not_found", format!("There is no such thing: {error}."))
    }

    /// The data of the event that ends a stream which had begun.
    pub(super) fn into_event(self, anthropic: bool) -> Bytes {
        if let Some(cause) = &self.cause {
            tracing::error!(status = self.status.as_u16(), cause, "an answer broke off");
        }
        if anthropic { self.in_anthropics_shape(None) } else { self.in_openais_shape() }
    }

    /// The same as an event of a stream of a response.
    pub(super) fn into_responses_event(self) -> Bytes {
        let body = self.into_event(false);
        let error = Error::parse(&body).unwrap_or(Error { message: String::new(), kind: String::new(), param: None, code: None });
        let Error { message, kind: _, param, code } = error;
        serde_json::json!({ "type": "error", "code": code, "message": message, "param": param, "sequence_number": 0 }).to_string().into()
    }

    fn in_openais_shape(&self) -> Bytes {
        match &self.body {
            Body::Ours(error) => error.to_bytes(),
            Body::Upstream(body) => match anthropic_error(body) {
                Some(error) => error.to_bytes(),
                None => body.clone(),
            },
        }
    }

    fn in_anthropics_shape(&self, request_id: Option<&HeaderValue>) -> Bytes {
        const KINDS: [&str; 6] =
            ["authentication_error", "permission_error", "rate_limit_error", "overloaded_error", "timeout_error", "api_error"];
        let (message, kind, param) = match &self.body {
            Body::Upstream(body) if anthropic_error(body).is_some() => return body.clone(),
            Body::Upstream(body) => Error::parse(body).map(|error| (error.message, error.kind, None)).unwrap_or_default(),
            Body::Ours(error) => (error.message.clone(), String::new(), error.param.as_deref()),
        };
        let kind = match self.status.as_u16() {
            // The upstream's own word for it.
            _ if KINDS.contains(&kind.as_str()) => &kind,
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            503 | OVERLOADED => "overloaded_error",
            504 => "timeout_error",
            400..500 => "invalid_request_error",
            _ => "api_error",
        };
        let mut error = serde_json::json!({ "type": kind, "message": message });
        if param == Some("thread") {
            // Told so, a client that would have its conversation kept at the service sends the whole of it instead.
            error["details"] = serde_json::json!({ "error_code": "thread_unsupported_request", "unsupported": ["thread"] });
        }
        let request_id = request_id.and_then(|id| id.to_str().ok());
        serde_json::json!({ "type": "error", "error": error, "request_id": request_id }).to_string().into()
    }
}

fn is_error_object(body: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Outer {
        #[serde(rename = "error")]
        _error: Inner,
    }
    #[derive(serde::Deserialize)]
    struct Inner {}
    serde_json::from_slice::<Outer>(body).is_ok()
}

/// Whether errors at `path` are in Anthropic's shape.
pub(super) fn is_anthropic(path: &str) -> bool {
    path.starts_with(azure::ANTHROPIC) || path.starts_with("/v1/messages")
}

/// What an upstream that speaks Anthropic's dialect says is wrong.
fn anthropic_error(body: &[u8]) -> Option<Error> {
    #[derive(serde::Deserialize)]
    struct Outer {
        r#type: String,
        error: Inner,
    }
    #[derive(serde::Deserialize)]
    struct Inner {
        r#type: String,
        message: String,
    }
    let Outer { r#type, error } = serde_json::from_slice(body).ok()?;
    (r#type == "error").then_some(Error { message: error.message, kind: error.r#type, param: None, code: None })
}

/// An error of ours in the shape of its path, logged once with the request's id. Everything else is as it was.
pub(super) fn shaped(mut response: Response, anthropic: bool, request_id: Option<&HeaderValue>) -> Response {
    let Some(error) = response.extensions_mut().remove::<Arc<ApiError>>() else { return response };
    if let Some(cause) = &error.cause {
        let request_id = request_id.and_then(|id| id.to_str().ok()).unwrap_or_default();
        tracing::error!(status = error.status.as_u16(), request_id, cause, "a request failed");
    }
    if anthropic {
        *response.status_mut() = error.status;
        response.headers_mut().remove(CONTENT_LENGTH);
        *response.body_mut() = error.in_anthropics_shape(request_id).into();
    }
    response
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // Anthropic's own status for a service that is busy; OpenAI's clients know another.
        let status = if self.status.as_u16() == OVERLOADED { StatusCode::SERVICE_UNAVAILABLE } else { self.status };
        let mut response = (status, [("content-type", "application/json")], self.in_openais_shape()).into_response();
        let headers = response.headers_mut();
        headers.extend(HeaderMap::clone(&self.headers));
        if let Some(wait) = self.retry_after {
            let millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            headers.entry(RETRY_AFTER).or_insert_with(|| HeaderValue::from(millis.div_ceil(1000).max(1)));
            headers.entry("retry-after-ms").or_insert_with(|| HeaderValue::from(millis.max(1)));
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, body: &'static str) -> ApiError {
        let status = StatusCode::from_u16(status).unwrap();
        ApiError::upstream(status, "upstream_fault", "our words".to_owned()).told(Said { body: Some(body.into()), ..Said::default() })
    }

    #[test]
    fn what_an_upstream_says_goes_on_in_the_words_of_the_client() {
        const OBJECT: &str = r#"{"error":{"message":"m","type":"t","new":1}}"#;
        let ours = |code: &str| format!(r#"{{"error":{{"message":"m","type":"server_error","param":null,"code":"{code}"}}}}"#);
        for (body, openais) in [
            (OBJECT, OBJECT.to_owned()),
            (r#"{"type":"error","code":"c","message":"m","param":null}"#, ours("c")),
            (r#"{"type":"response.failed","response":{"error":{"code":"c","message":"m"}}}"#, ours("c")),
            (r#"{"error":"m"}"#, ours("c").replace(r#""c""#, "null")),
            ("{}", ours("upstream_fault").replace("\"m\"", "\"our words\"")),
        ] {
            assert_eq!(told(500, body).into_event(false), openais, "{body}");
        }
        for (status, kind, expected) in [
            (429, "invalid_request_error", "rate_limit_error"),
            (400, "invalid_request_error", "invalid_request_error"),
            (500, "overloaded_error", "overloaded_error"),
        ] {
            let error =
                ApiError { body: Body::Upstream(format!(r#"{{"error":{{"message":"m","type":"{kind}"}}}}"#).into()), ..told(status, "{}") };
            let event = error.into_event(true);
            assert_eq!(serde_json::from_slice::<serde_json::Value>(&event).unwrap()["error"]["type"], expected, "{status} {kind}");
        }
    }
}
