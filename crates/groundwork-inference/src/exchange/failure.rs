//! A refused call: its status, headers and body become the kind of error that says what can be done.

use crate::target::{CallError, Said, Throttle};
use bytes::Bytes;
use groundwork_wire::error::Error;
use groundwork_wire::object::Object;
use http::{HeaderMap, HeaderName};
use serde::Deserialize;
use std::borrow::Cow;
use std::time::Duration;

/// Who refused, and in which words.
pub(crate) struct Refusal<'a> {
    pub target: &'a str,
    pub model: &'a str,
    pub status: u16,
    pub headers: &'a HeaderMap,
    pub body: Bytes,
}

/// The longest message that is passed on when the body is no error object.
const PLAIN_TEXT: usize = 400;

/// Sorts a refusal by what can be done about it. A body that is no error object, such as a proxy's page, becomes the message.
pub(crate) fn refusal(refusal: Refusal<'_>) -> CallError {
    refusal_beside(refusal, Said::default())
}

/// The same of one that is known by more than its status.
pub(crate) fn refusal_beside(refusal: Refusal<'_>, known: Said) -> CallError {
    let Refusal { target, model, status, headers, body } = refusal;
    let retry_after = retry_after(headers);
    let error = Error::parse(&body);
    let target = target.to_owned();
    let said = Box::new(Said {
        headers: client_headers(headers),
        body: error.as_ref().map(|error| in_openais_words(error, status, &body)),
        ..known
    });
    let code = error.as_ref().and_then(|error| error.code.clone()).unwrap_or_default();
    let kind = error.as_ref().map(|error| error.kind.clone()).unwrap_or_default();
    let message = error.map_or_else(|| plain_text(status, &body), |error| error.message);
    match status {
        400..=499 if is_filtered(&code, &body) => CallError::ContentFilter { target, message, said },
        401 | 403 => CallError::Auth { target, status, message, said },
        404 => {
            let code = (!code.is_empty()).then_some(code);
            CallError::NotFound { target, model: model.to_owned(), code, message, said }
        }
        402 => CallError::QuotaExhausted { target, message, said },
        429 if [&code, &kind].into_iter().any(|word| word == "insufficient_quota" || word == "billing_error") => {
            CallError::QuotaExhausted { target, message, said }
        }
        429 | OVERLOADED => {
            CallError::RateLimited { target, status, throttle: throttle(status, &message, headers), retry_after, message, said }
        }
        400 | 413 | 422 if is_too_long(&code, &message) => CallError::TooLong { target, message, said },
        // What redirects is not where its settings say.
        ..400 | 408 | 500.. => CallError::Fault { target, status, retry_after, message, said },
        _ => CallError::Refused { target, status, message, said },
    }
}

/// The error object as it came, with all the fields that one has; one of another shape in OpenAI's.
fn in_openais_words(error: &Error, status: u16, body: &Bytes) -> Bytes {
    let kind = match status {
        429 => "rate_limit_error",
        ..500 => "invalid_request_error",
        _ => "server_error",
    };
    if is_openais(body) {
        return completed(body, kind).unwrap_or_else(|| body.clone());
    }
    let kind = Some(error.kind.clone()).filter(|kind| !kind.is_empty()).unwrap_or_else(|| kind.to_owned());
    Error { kind, ..error.clone() }.to_bytes()
}

/// With the fields that Azure and others leave out; `None` when they are all there.
fn completed(body: &Bytes, kind: &str) -> Option<Bytes> {
    let mut outer = Object::parse(body.clone()).ok()?;
    let mut error: Object = outer.get("error", "an object").ok()??;
    let missing: Vec<&str> = ["type", "param", "code"].into_iter().filter(|key| error.raw(key).is_none()).collect();
    if missing.is_empty() {
        return None;
    }
    for key in missing {
        error.set(key, &(key == "type").then_some(kind)).ok()?;
    }
    outer.set("error", &error).ok()?;
    Some(outer.to_bytes())
}

/// Anthropic's says beside the error that it is one, and a response that failed has one among all that it is.
fn is_openais(body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Outer<'a> {
        #[serde(borrow, rename = "type")]
        kind: Option<Cow<'a, str>>,
        #[serde(borrow)]
        object: Option<Cow<'a, str>>,
        #[serde(rename = "error")]
        _error: Inner,
    }
    #[derive(Deserialize)]
    struct Inner {}
    serde_json::from_slice::<Outer<'_>>(body)
        .is_ok_and(|body| body.kind.as_deref() != Some("error") && body.object.as_deref() != Some("response"))
}

/// Anthropic's own status for a service that is busy.
const OVERLOADED: u16 = 529;

/// Azure's code for a filtered prompt stands in one of three places; images have a word of their own.
fn is_filtered(code: &str, body: &[u8]) -> bool {
    const FILTERED: [&str; 3] = ["content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation"];
    #[derive(Deserialize)]
    struct Body {
        error: Outer,
    }
    #[derive(Deserialize)]
    struct Outer {
        innererror: Option<Inner>,
    }
    #[derive(Deserialize)]
    struct Inner {
        code: Option<String>,
    }
    let inner = || serde_json::from_slice::<Body>(body).ok()?.error.innererror?.code;
    FILTERED.contains(&code) || inner().is_some_and(|code| FILTERED.contains(&code.as_str()))
}

/// Only provisioned deployments tell their utilization; the rest is told by words.
fn throttle(status: u16, message: &str, headers: &HeaderMap) -> Throttle {
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|words| message.contains(words));
    if headers.contains_key("azure-openai-deployment-utilization") || says(&["provisioned"]) {
        Throttle::Provisioned
    } else if status == OVERLOADED || says(&["temporarily unable to process", "high demand", "overloaded", "no capacity", "at capacity"]) {
        Throttle::Capacity
    } else {
        Throttle::Quota
    }
}

/// Compatible servers do not all send OpenAI's code, so the words decide too.
fn is_too_long(code: &str, message: &str) -> bool {
    let message = message.to_lowercase();
    matches!(code, "context_length_exceeded" | "string_above_max_length")
        || ["maximum context length", "context window", "context length", "exceed_context_size", "prompt is too long"]
            .iter()
            .any(|words| message.contains(words))
}

fn plain_text(status: u16, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let text = title(&text).unwrap_or(&text);
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(PLAIN_TEXT) {
        _ if text.is_empty() => format!("status {status} without a message"),
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What stands in the title of an HTML page.
fn title(page: &str) -> Option<&str> {
    let lower = page.to_ascii_lowercase();
    let from = lower.find("<title")?;
    let from = from + lower[from..].find('>')? + 1;
    let to = from + lower[from..].find("</title")?;
    page.get(from..to).filter(|title| !title.trim().is_empty())
}

/// How long the target asks us to wait: milliseconds where it says so, else seconds, else a date (read against the answer's own
/// `date`, so that no clock of ours is needed).
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |name: &str| text(name).and_then(|value| value.parse::<f64>().ok()).filter(|value| value.is_finite() && *value >= 0.0);
    if let Some(millis) = number("retry-after-ms").or_else(|| number("x-ms-retry-after-ms")) {
        return Some(Duration::from_secs_f64((millis / 1000.0).min(MAX_WAIT)));
    }
    if let Some(seconds) = number("retry-after") {
        return Some(Duration::from_secs_f64(seconds.min(MAX_WAIT)));
    }
    let date = |name: &str| text(name).and_then(|value| jiff::fmt::rfc2822::parse(value).ok()).map(|zoned| zoned.timestamp());
    let wait = date("retry-after")?.duration_since(date("date")?);
    Some(Duration::try_from(wait).unwrap_or(Duration::ZERO))
}

/// Seconds: an hour and a day are the same to a caller that waits.
const MAX_WAIT: f64 = 86_400.0;

const UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");
/// Headers that an answer may have, about.
const ROOM: usize = 16;

/// The headers of an answer that are the client's too. The id of the upstream's own request goes out under another name, because
/// `x-request-id` is ours.
pub(crate) fn client_headers(headers: &HeaderMap) -> HeaderMap {
    // With room for those that every answer gets beside them.
    let mut kept = HeaderMap::with_capacity(ROOM);
    for (header, value) in headers {
        let name = header.as_str();
        if name.starts_with("x-ratelimit-")
            || name.starts_with("x-ms-")
            || name.starts_with("azure-openai-")
            || name.starts_with("anthropic-ratelimit-")
            || matches!(
                name,
                "retry-after"
                    | "retry-after-ms"
                    | "x-should-retry"
                    | "openai-processing-ms"
                    | "openai-version"
                    | "openai-model"
                    | "apim-request-id"
                    | "azureml-model-session"
            )
        {
            kept.append(header, value.clone());
        } else if matches!(name, "x-request-id" | "request-id") {
            kept.append(UPSTREAM_REQUEST_ID, value.clone());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(status: u16, body: &'static str) -> String {
        let error =
            refusal(Refusal { target: "t", model: "m", status, headers: &HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) });
        format!("{error:?}").split([' ', '{']).next().unwrap().to_owned()
    }

    #[test]
    fn each_refusal_has_its_kind() {
        for (status, body, kind) in [
            (
                401,
                r#"{"error":{"message":"Incorrect API key","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
                "Auth",
            ),
            (401, r#"{"error":{"code":"401","message":"Access denied due to invalid subscription key"}}"#, "Auth"),
            (403, "<html>blocked by the firewall</html>", "Auth"),
            (
                404,
                r#"{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist."}}"#,
                "NotFound",
            ),
            (404, r#"{"detail":"Not Found"}"#, "NotFound"),
            (429, r#"{"error":{"message":"Rate limit reached","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#, "RateLimited"),
            (
                429,
                r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#,
                "QuotaExhausted",
            ),
            (
                400,
                r#"{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}"#,
                "ContentFilter",
            ),
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
                "TooLong",
            ),
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 4096 tokens","type":"BadRequestError","code":400}}"#,
                "TooLong",
            ),
            (
                400,
                r#"{"error":{"message":"Unsupported parameter: 'temperature'","type":"invalid_request_error","param":"temperature","code":"unsupported_parameter"}}"#,
                "Refused",
            ),
            (301, "<html><title>Moved</title></html>", "Fault"),
            (304, "", "Fault"),
            (500, "", "Fault"),
            (503, r#"{"error":{"message":"The engine is overloaded"}}"#, "Fault"),
            (408, "", "Fault"),
            (418, "{", "Refused"),
            (400, r#"{"error":{"message":"blocked","code":"400","innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#, "ContentFilter"),
            (400, r#"{"error":{"message":"blocked","type":"invalid_request_error","code":"content_policy_violation"}}"#, "ContentFilter"),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
                "TooLong",
            ),
            (529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#, "RateLimited"),
        ] {
            assert_eq!(kind_of(status, body), kind, "{status} {body}");
        }
    }

    #[test]
    fn a_limit_says_what_is_short() {
        let utilization: HeaderMap =
            [(HeaderName::from_static("azure-openai-deployment-utilization"), http::HeaderValue::from_static("104.1%"))]
                .into_iter()
                .collect();
        for (status, message, headers, short) in [
            (429, "Requests to the ChatCompletions_Create Operation have been limited", HeaderMap::new(), Throttle::Quota),
            (429, "Rate limit is exceeded. Try again in 3 seconds.", HeaderMap::new(), Throttle::Quota),
            (429, "The system is experiencing high demand", HeaderMap::new(), Throttle::Capacity),
            (429, "We are temporarily unable to process your request", HeaderMap::new(), Throttle::Capacity),
            (529, "Overloaded", HeaderMap::new(), Throttle::Capacity),
            (429, "Too many requests", utilization, Throttle::Provisioned),
            (429, "The provisioned-managed deployment exceeds its capacity", HeaderMap::new(), Throttle::Provisioned),
        ] {
            let body = serde_json::json!({ "error": { "message": message } }).to_string().into();
            match refusal(Refusal { target: "t", model: "m", status, headers: &headers, body }) {
                CallError::RateLimited { throttle, .. } => assert_eq!(throttle, short, "{message}"),
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn an_error_of_another_dialect_goes_on_in_openais_words() {
        let body = Bytes::from_static(br#"{"type":"error","error":{"type":"invalid_request_error","message":"no"},"request_id":"req_1"}"#);
        match refusal(Refusal { target: "t", model: "m", status: 400, headers: &HeaderMap::new(), body }) {
            CallError::Refused { said, .. } => {
                assert_eq!(said.body.unwrap(), r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}"#);
            }
            other => panic!("{other}"),
        }
    }

    #[test]
    fn an_error_object_goes_on_as_it_came_but_for_the_fields_that_every_one_has() {
        for (status, body, expected) in [
            (400, r#"{"error":{"type":null, "code":"c","message":"m","param":"p","new":1.50}}"#, None),
            (
                429,
                r#"{"error":{"code":"429","message":"m","new":1.50}}"#,
                Some(r#"{"error":{"code":"429","message":"m","new":1.50,"type":"rate_limit_error","param":null}}"#),
            ),
            (
                400,
                r#"{"x":1,"error":{"message":"m"}}"#,
                Some(r#"{"x":1,"error":{"message":"m","type":"invalid_request_error","param":null,"code":null}}"#),
            ),
        ] {
            let error =
                refusal(Refusal { target: "t", model: "m", status, headers: &HeaderMap::new(), body: Bytes::from_static(body.as_bytes()) });
            assert_eq!(error.said().unwrap().body.as_deref(), Some(expected.unwrap_or(body).as_bytes()));
        }
    }

    #[test]
    fn a_response_that_failed_goes_on_as_its_error() {
        for body in [
            r#"{"id":"resp_1","object":"response","status":"failed","error":{"code":"server_error","message":"boom"},"output":[]}"#,
            r#"{"type":"response.failed","response":{"id":"resp_1","status":"failed","error":{"code":"server_error","message":"boom"}}}"#,
            r#"{"type":"error","sequence_number":1,"code":"server_error","message":"boom","param":null}"#,
        ] {
            let body = Bytes::from_static(body.as_bytes());
            match refusal(Refusal { target: "t", model: "m", status: 500, headers: &HeaderMap::new(), body }) {
                CallError::Fault { said, message, .. } => {
                    assert_eq!(message, "boom");
                    assert_eq!(
                        said.body.unwrap(),
                        r#"{"error":{"message":"boom","type":"server_error","param":null,"code":"server_error"}}"#
                    );
                }
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn every_form_of_retry_after_is_understood() {
        let wait = |pairs: &[(&'static str, &'static str)]| {
            let headers: HeaderMap = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            retry_after(&headers).map(|wait| wait.as_millis())
        };
        assert_eq!(wait(&[("retry-after-ms", "1500"), ("retry-after", "2")]), Some(1500));
        assert_eq!(wait(&[("retry-after", "2")]), Some(2000));
        assert_eq!(wait(&[("retry-after", "0.25")]), Some(250));
        assert_eq!(wait(&[("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT"), ("date", "Wed, 21 Oct 2026 07:28:00 GMT")]), Some(30_000));
        assert_eq!(wait(&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT"), ("date", "Wed, 21 Oct 2026 07:28:30 GMT")]), Some(0));
        assert_eq!(wait(&[("retry-after", "-3")]), None);
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[("retry-after", "1e300")]), Some(86_400_000));
    }

    #[test]
    fn a_page_instead_of_an_error_object_is_cut_and_passed_on() {
        assert_eq!(plain_text(502, b""), "status 502 without a message");
        assert_eq!(plain_text(502, b" Bad \n gateway "), "Bad gateway");
        assert_eq!(plain_text(502, b"<html><head><TITLE>502 Bad\nGateway</title></head><body>nginx</body></html>"), "502 Bad Gateway");
        assert_eq!(plain_text(502, "é".repeat(1000).as_bytes()).chars().count(), PLAIN_TEXT + 1);
    }
}
