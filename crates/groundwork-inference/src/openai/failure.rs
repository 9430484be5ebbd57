//! A refused call: its status, headers and body become the kind of error that says what can be done.

use crate::target::{CallError, Headers};
use bytes::Bytes;
use groundwork_wire::error::Error;
use http::HeaderMap;
use std::time::Duration;

/// Who refused, and in which words.
pub(crate) struct Refusal<'a> {
    pub target: &'a str,
    pub model: &'a str,
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub headers: Headers,
    pub body: Bytes,
}

/// The longest message that is passed on when the body is no error object.
const PLAIN_TEXT: usize = 400;

/// Sorts a refusal by what can be done about it. A body that is no error object, such as a proxy's page, becomes the message.
pub(crate) fn refusal(refusal: Refusal<'_>) -> CallError {
    let Refusal { target, model, status, retry_after, headers, body } = refusal;
    let error = Error::parse(&body);
    let target = target.to_owned();
    let code = error.as_ref().and_then(|error| error.code.clone()).unwrap_or_default();
    let kind = error.as_ref().map(|error| error.kind.clone()).unwrap_or_default();
    let message = error.map_or_else(|| plain_text(status, &body), |error| error.message);
    match status {
        401 | 403 => CallError::Auth { target, status, message },
        404 => CallError::NotFound { target, model: model.to_owned(), message },
        402 => CallError::QuotaExhausted { target, message },
        429 if code == "insufficient_quota" || kind == "insufficient_quota" => CallError::QuotaExhausted { target, message },
        429 => CallError::RateLimited { target, retry_after, message, headers },
        400..=499 if matches!(code.as_str(), "content_filter" | "content_policy_violation") => {
            CallError::ContentFilter { target, message, body }
        }
        400 | 413 | 422 if is_too_long(&code, &message) => CallError::TooLong { target, message },
        408 | 500.. => CallError::Fault { target, status, retry_after, message },
        _ => CallError::Refused { target, status, message, body },
    }
}

/// Compatible servers do not all send OpenAI's code, so the words decide too.
fn is_too_long(code: &str, message: &str) -> bool {
    let message = message.to_lowercase();
    matches!(code, "context_length_exceeded" | "string_above_max_length")
        || ["maximum context length", "context window", "context length", "exceed_context_size"].iter().any(|words| message.contains(words))
}

fn plain_text(status: u16, body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(PLAIN_TEXT) {
        _ if text.is_empty() => format!("status {status} without a message"),
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
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

/// The headers of an answer that are the client's too. The id of the upstream's own request goes out under another name, because
/// `x-request-id` is ours.
pub(crate) fn client_headers(headers: &HeaderMap) -> Headers {
    let mut kept = Headers::new();
    for (name, value) in headers {
        let name = name.as_str();
        let Ok(value) = value.to_str() else { continue };
        if name.starts_with("x-ratelimit-")
            || name.starts_with("x-ms-")
            || matches!(
                name,
                "retry-after" | "retry-after-ms" | "openai-processing-ms" | "openai-version" | "apim-request-id" | "azureml-model-session"
            )
        {
            kept.push((name.to_owned(), value.to_owned()));
        } else if name == "x-request-id" {
            kept.push(("x-upstream-request-id".to_owned(), value.to_owned()));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(status: u16, body: &'static str) -> String {
        let error = refusal(Refusal {
            target: "t",
            model: "m",
            status,
            retry_after: None,
            headers: Headers::new(),
            body: Bytes::from_static(body.as_bytes()),
        });
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
            (500, "", "Fault"),
            (503, r#"{"error":{"message":"The engine is overloaded"}}"#, "Fault"),
            (408, "", "Fault"),
            (418, "{", "Refused"),
        ] {
            assert_eq!(kind_of(status, body), kind, "{status} {body}");
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
        assert_eq!(plain_text(502, "é".repeat(1000).as_bytes()).chars().count(), PLAIN_TEXT + 1);
    }
}
