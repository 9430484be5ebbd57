//! What a target changes in a client's body, and nothing else.

use crate::target::CallError;
use bytes::Bytes;
use groundwork_wire::object::Object;

/// The body of a chat call: the target's own model name, and usage asked for when it streams, because every call is accounted.
pub(crate) fn chat_body(target: &str, body: Object, model: &str, stream: bool) -> Result<Bytes, CallError> {
    let mut body = with_model(target, body, model)?;
    set(target, &mut body, "stream", &stream)?;
    if stream {
        let mut options = body.raw("stream_options").and_then(|raw| Object::parse(raw.clone()).ok()).unwrap_or_default();
        set(target, &mut options, "include_usage", &true)?;
        let raw: Box<serde_json::value::RawValue> =
            serde_json::from_slice(&options.to_bytes()).map_err(|error| unusable(target, &error))?;
        set(target, &mut body, "stream_options", &raw)?;
    } else {
        body.remove("stream_options");
    }
    Ok(body.to_bytes())
}

pub(crate) fn with_model(target: &str, mut body: Object, model: &str) -> Result<Object, CallError> {
    set(target, &mut body, "model", model)?;
    Ok(body)
}

fn set<T: serde::Serialize + ?Sized>(target: &str, object: &mut Object, key: &str, value: &T) -> Result<(), CallError> {
    object.set(key, value).map_err(|error| unusable(target, &error))
}

fn unusable(target: &str, error: &serde_json::Error) -> CallError {
    CallError::Unsupported { target: target.to_owned(), message: format!("the request cannot be written as JSON: {error}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_must_change_is_changed() {
        let body = |text: &'static str| Object::parse(text).unwrap();
        for (given, stream, sent) in [
            (
                r#"{"model":"groundwork","seed":12345678901234567890,"x-new":{"a":1.10}}"#,
                false,
                r#"{"model":"m","seed":12345678901234567890,"x-new":{"a":1.10},"stream":false}"#,
            ),
            (
                r#"{"stream":true,"stream_options":{"include_obfuscation":false},"model":"groundwork"}"#,
                true,
                r#"{"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true},"model":"m"}"#,
            ),
        ] {
            assert_eq!(chat_body("t", body(given), "m", stream).unwrap(), sent);
        }
    }
}
