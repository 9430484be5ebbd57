//! `/v1/uploads`: files that come in parts.

use super::super::Front;
use super::super::body::Whole;
use super::super::error::ApiError;
use super::super::form::Form;
use super::super::given::Segments;
use super::files;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::IntoResponse;
use groundwork_app::files::File;
use groundwork_app::uploads::{self, Announcement, Completion, Upload};
use groundwork_core::access::Caller;
use groundwork_wire::error::Invalid;
use groundwork_wire::files as wire;
use groundwork_wire::object::Object;
use std::sync::Arc;

pub(in super::super) async fn create(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Whole(body): Whole,
) -> Result<impl IntoResponse, ApiError> {
    let upload = uploads::create(front.app(), &caller, announcement(&Object::parse(body)?)?).await?;
    Ok(Json(on_the_wire(&front, upload, None)))
}

fn announcement(body: &Object) -> Result<Announcement, Invalid> {
    let missing = |key: &str| Invalid::Missing { param: key.to_owned() };
    let text = |key: &str| body.get::<String>(key, "a string")?.ok_or_else(|| missing(key));
    Ok(Announcement {
        purpose: wire::purpose(&text("purpose")?)?.to_owned(),
        name: text("filename")?,
        media_type: text("mime_type")?,
        bytes: body.get("bytes", "an integer")?.ok_or_else(|| missing("bytes"))?,
        expires_after: wire::lifetime_in(body, "expires_after")?,
    })
}

pub(in super::super) async fn add_part(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
    request: Request,
) -> Result<impl IntoResponse, ApiError> {
    let begin = async || uploads::begin_part(front.app(), &caller, &id).await;
    let Form { fields: _, file } = Form::receive(&front, request, "data", begin).await?;
    let part = uploads::add_part(front.app(), &caller, &id, file.arriving).await?;
    Ok(Json(wire::Part { id: part.id.to_string(), object: wire::Kind::Part, created_at: part.created_at / 1000, upload_id: id }))
}

pub(in super::super) async fn complete(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
    Whole(body): Whole,
) -> Result<impl IntoResponse, ApiError> {
    let body = Object::parse(body)?;
    let completion = Completion {
        part_ids: body.get("part_ids", "an array of strings")?.ok_or_else(|| Invalid::Missing { param: "part_ids".to_owned() })?,
        md5: body.get("md5", "a string")?,
    };
    let (upload, file) = uploads::complete(front.app(), &caller, &id, completion).await?;
    Ok(Json(on_the_wire(&front, upload, Some(file))))
}

pub(in super::super) async fn cancel(
    State(front): State<Front>,
    caller: Arc<Caller>,
    Segments(id): Segments<String>,
) -> Result<impl IntoResponse, ApiError> {
    let upload = uploads::cancel(front.app(), &caller, &id).await?;
    Ok(Json(on_the_wire(&front, upload, None)))
}

fn on_the_wire(front: &Front, upload: Upload, file: Option<File>) -> wire::Upload {
    wire::Upload {
        id: upload.id.to_string(),
        object: wire::Kind::Upload,
        bytes: upload.bytes,
        created_at: upload.created_at / 1000,
        expires_at: upload.expires_at / 1000,
        status: uploads::status(&upload, front.0.clock.now()),
        filename: upload.name,
        purpose: upload.purpose,
        file: file.map(files::on_the_wire),
    }
}
