//! A form with one large part, which goes to the disk as it comes and is never whole in memory.

use super::error::ApiError;
use super::{Front, steady};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use groundwork_app::files::Arriving;
use std::collections::BTreeMap;

/// A form that has come in whole.
pub(super) struct Form {
    /// The small parts, by name.
    pub(super) fields: BTreeMap<String, String>,
    pub(super) file: Sent,
}

/// The large part.
pub(super) struct Sent {
    pub(super) arriving: Arriving,
    pub(super) name: Option<String>,
    pub(super) media_type: Option<String>,
}

/// Bytes of all small parts together.
const SMALL_PARTS: usize = 64 << 10;

impl Form {
    /// Reads a form whose large part is named `part`; `begin` makes the place where it goes.
    pub(super) async fn receive<E: Into<ApiError>>(
        front: &Front,
        request: Request,
        part: &str,
        begin: impl AsyncFnOnce() -> Result<Arriving, E>,
    ) -> Result<Self, ApiError> {
        let kind = request.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase()).unwrap_or_default();
        if !kind.starts_with(b"multipart/form-data") {
            return Err(ApiError::unsupported_media_type("multipart/form-data"));
        }
        let mut form = Multipart::from_request(request, front).await.map_err(|error| ApiError::invalid_param("body", error.body_text()))?;
        let (mut fields, mut small, mut begin, mut file) = (BTreeMap::new(), 0, Some(begin), None);
        while let Some(mut field) = form.next_field().await.map_err(unreadable)? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == part {
                let begin = begin.take().ok_or_else(|| ApiError::invalid_param(part, format!("the form has several parts `{part}`")))?;
                let (file_name, media_type) = (file_name(&field), field.content_type().map(str::to_owned));
                let mut arriving = begin().await.map_err(Into::into)?;
                while let Some(piece) = field.chunk().await.map_err(unreadable)? {
                    arriving.write(piece).await?;
                }
                file = Some(Sent { arriving, name: file_name, media_type });
            } else {
                let text = small_part(field, &mut small).await?;
                if fields.insert(name.clone(), text).is_some() {
                    return Err(ApiError::invalid_param(&name, format!("the form has several parts `{name}`")));
                }
            }
        }
        let file = file.ok_or_else(|| ApiError::missing_param(part, format!("Missing required parameter: '{part}'.")))?;
        Ok(Self { fields, file })
    }
}

/// The name of a file. Clients of .NET write one that has more than ASCII by RFC 5987, and beside it a stand-in for the old.
pub(super) fn file_name(field: &Field<'_>) -> Option<String> {
    let disposition = field.headers().get(CONTENT_DISPOSITION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    extended_name(disposition).or_else(|| field.file_name().map(str::to_owned))
}

fn extended_name(disposition: &str) -> Option<String> {
    let at = disposition.to_ascii_lowercase().find("filename*=")?;
    let value = disposition.get(at + "filename*=".len()..)?.split(';').next()?.trim().trim_matches('"');
    let (charset, encoded) = value.split_once('\'').and_then(|(charset, rest)| Some((charset, rest.split_once('\'')?.1)))?;
    charset.eq_ignore_ascii_case("utf-8").then(|| percent_decoded(encoded)).flatten()
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match first {
            b'%' => {
                let (code, after) = rest.split_at_checked(2)?;
                rest = after;
                u8::from_str_radix(str::from_utf8(code).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

async fn small_part(mut field: Field<'_>, together: &mut usize) -> Result<String, ApiError> {
    let name = field.name().unwrap_or_default().to_owned();
    let mut bytes = Vec::new();
    while let Some(piece) = field.chunk().await.map_err(unreadable)? {
        *together += piece.len();
        if *together > SMALL_PARTS {
            return Err(ApiError::invalid_param(&name, "the form has too much beside the file"));
        }
        bytes.extend_from_slice(&piece);
    }
    String::from_utf8(bytes).map_err(|_| ApiError::invalid_param(&name, "this part is not UTF-8"))
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that map_err wants")]
pub(super) fn unreadable(error: MultipartError) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::too_large()
    } else if steady::is_stalled(&error) {
        ApiError::broken_body(&error)
    } else {
        ApiError::invalid_param("body", format!("the form could not be read: {}", error.body_text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_beyond_ascii_may_be_written_by_rfc_5987() {
        for (disposition, name) in [
            (r#"form-data; name="file"; filename="=?utf-8?B?R3LDtsOfZS50eHQ=?="; filename*=utf-8''Gr%C3%B6%C3%9Fe.txt"#, Some("Größe.txt")),
            ("form-data; name=file; FileName*=UTF-8'de'a%20b.txt; size=1", Some("a b.txt")),
            (r#"form-data; name="file"; filename="a%20b.txt""#, None),
            ("form-data; filename*=utf-8''a%2", None),
            ("form-data; filename*=utf-8''%ff", None),
            ("form-data; filename*=latin1''a", None),
            ("form-data; filename*=a", None),
            ("", None),
        ] {
            assert_eq!(extended_name(disposition).as_deref(), name, "{disposition}");
        }
    }
}
