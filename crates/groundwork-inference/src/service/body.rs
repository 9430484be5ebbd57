//! What is changed in a client's body, and nothing else.

use crate::target::{Call, CallError};
use bytes::{Bytes, BytesMut};
use groundwork_core::turn::{Dialect, translate};
use groundwork_wire::object::Object;
use groundwork_wire::raw::Raw;
use http::HeaderValue;
use serde::Serialize;

/// The body that goes out. Usage is asked for in any case, because every call is accounted; a client that did not ask does not see it.
pub(super) fn prepare(target: &str, call: &Call, spoken: Dialect, model: &str) -> Result<Bytes, CallError> {
    let mut body = if spoken == call.dialect {
        call.body.clone()
    } else {
        translate::request(call.dialect, spoken, &call.body, model, call.stream)
            .map_err(|invalid| CallError::Invalid { target: target.to_owned(), invalid })?
    };
    set(target, &mut body, "model", model)?;
    match spoken {
        Dialect::Chat => chat(target, &mut body, call.stream)?,
        Dialect::Responses => {
            // What is to be remembered is remembered here, for its owner alone.
            set(target, &mut body, "store", &false)?;
            stream(target, &mut body, call.stream)?;
        }
        Dialect::Messages => stream(target, &mut body, call.stream)?,
    }
    Ok(body.to_bytes())
}

pub(super) fn with_model(target: &str, mut body: Object, model: &str) -> Result<Object, CallError> {
    set(target, &mut body, "model", model)?;
    Ok(body)
}

fn chat(target: &str, body: &mut Object, streams: bool) -> Result<(), CallError> {
    stream(target, body, streams)?;
    if !streams {
        body.remove("stream_options");
        return Ok(());
    }
    let mut options = body.raw("stream_options").and_then(|raw| Object::parse(raw.clone()).ok()).unwrap_or_default();
    set(target, &mut options, "include_usage", &true)?;
    set(target, body, "stream_options", &options)
}

fn stream(target: &str, body: &mut Object, streams: bool) -> Result<(), CallError> {
    if streams || body.has("stream") { set(target, body, "stream", &streams) } else { Ok(()) }
}

/// Sets a field that is not already so; an untouched body goes on without being written anew.
fn set<T: Serialize + ?Sized>(target: &str, object: &mut Object, key: &str, value: &T) -> Result<(), CallError> {
    let unusable = |error: serde_json::Error| CallError::Unsupported {
        target: target.to_owned(),
        message: format!("the request cannot be written as JSON: {error}"),
    };
    let value = Raw::of(value).map_err(unusable)?;
    if object.raw(key) == Some(value.bytes()) {
        return Ok(());
    }
    object.put(key, &value);
    Ok(())
}

/// The body of a request that goes on as it came but for its model: JSON, or a form with a part of that name. Others have none.
pub(super) fn rewrite_model(target: &str, body: Bytes, content_type: Option<&HeaderValue>, model: &str) -> Result<Bytes, CallError> {
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/json" => {
            let object = Object::parse(body).map_err(|invalid| CallError::Invalid { target: target.to_owned(), invalid })?;
            Ok(with_model(target, object, model)?.to_bytes())
        }
        "multipart/form-data" => Ok(rewrite_part(&body, model).unwrap_or(body)),
        _ => Ok(body),
    }
}

/// Puts `model` in the place of the value of the part that is named so.
fn rewrite_part(body: &Bytes, model: &str) -> Option<Bytes> {
    let find = |from: usize, what: &[u8]| memchr::memmem::find(&body[from..], what).map(|at| from + at);
    // The boundary is the body's own first line, and stands on a line of its own between parts.
    let boundary = [b"\r\n".as_slice(), &body[..find(0, b"\r\n")?]].concat();
    let mut part = 0;
    loop {
        let value = find(part, b"\r\n\r\n")? + 4;
        let end = find(value - 2, &boundary)?.max(value);
        if memchr::memmem::find(&body[part..value], b"name=\"model\"").is_some() {
            let mut out = BytesMut::with_capacity(body.len() + model.len());
            out.extend_from_slice(&body[..value]);
            out.extend_from_slice(model.as_bytes());
            out.extend_from_slice(&body[end..]);
            return Some(out.freeze());
        }
        part = end + boundary.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_must_change_is_changed() {
        let body = |text: &'static str| Object::parse(text).unwrap();
        for (given, streams, sent) in [
            (
                r#"{"model":"groundwork","seed":12345678901234567890,"x-new":{"a":1.10}}"#,
                false,
                r#"{"model":"m","seed":12345678901234567890,"x-new":{"a":1.10}}"#,
            ),
            (r#"{ "model" : "m", "stream":false }"#, false, r#"{ "model" : "m", "stream":false }"#),
            (
                r#"{"stream":true,"stream_options":{"include_obfuscation":false},"model":"groundwork"}"#,
                true,
                r#"{"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true},"model":"m"}"#,
            ),
            (r#"{"model":"m","stream_options":{"include_usage":true}}"#, false, r#"{"model":"m"}"#),
        ] {
            let mut object = with_model("t", body(given), "m").unwrap();
            chat("t", &mut object, streams).unwrap();
            assert_eq!(object.to_bytes(), sent);
        }
    }

    #[test]
    fn the_model_of_a_form_is_its_own_part_and_nothing_else() {
        let form = |model: &str| {
            format!(
                "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nhello\r\n--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}\r\n--b--\r\n"
            )
        };
        let kind = HeaderValue::from_static("multipart/form-data; boundary=b");
        let rewritten = |body: String| rewrite_model("t", body.into(), Some(&kind), "whisper").unwrap();
        assert_eq!(rewritten(form("ours")), form("whisper"));
        let tricky = |model: &str| form(model).replace("hello", "name=\"model\"\r\n\r\nx");
        assert_eq!(rewritten(tricky("ours")), tricky("whisper"));
        assert_eq!(rewritten(form("ours").replace("\"model\"", "\"purpose\"")), form("ours").replace("\"model\"", "\"purpose\""));
        for broken in ["", "--b", "--b\r\n\r\n", "--b\r\nname=\"model\"\r\n\r\n"] {
            assert_eq!(rewritten(broken.to_owned()), broken);
        }
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        assert_eq!(rewrite_model("t", "{\"model\":\"a\",\"n\":1.0}".into(), Some(&json), "b").unwrap(), "{\"model\":\"b\",\"n\":1.0}");
    }
}
