//! A form with one large part, which goes to the disk as it comes and is never whole in memory.

use super::Front;
use super::error::ApiError;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
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
                let (file_name, media_type) = (field.file_name().map(str::to_owned), field.content_type().map(str::to_owned));
                let mut arriving = begin().await.map_err(Into::into)?;
                while let Some(piece) = field.chunk().await.map_err(unreadable)? {
                    arriving.write(piece).await?;
                }
                file = Some(Sent { arriving, name: file_name, media_type });
            } else {
                let text = small_part(field, &mut small).await?;
                fields.insert(name, text);
            }
        }
        let file = file.ok_or_else(|| ApiError::missing_param(part, format!("Missing required parameter: '{part}'.")))?;
        Ok(Self { fields, file })
    }
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
    } else {
        ApiError::invalid_param("body", format!("the form could not be read: {}", error.body_text()))
    }
}
