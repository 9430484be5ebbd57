//! What the errors of operations on what callers own are in HTTP: files, uploads, batches, stored completions.

use super::ApiError;
use super::conversions::SOON;
use groundwork_app::batches::BatchError;
use groundwork_app::completions::CompletionError;
use groundwork_app::documents::AttachError;
use groundwork_app::files::FileError;
use groundwork_app::uploads;
use groundwork_store::contents::ContentError;

impl From<AttachError> for ApiError {
    fn from(error: AttachError) -> Self {
        let message = error.to_string();
        match error {
            AttachError::File(error) => error.into(),
            AttachError::Purpose { .. } => Self::invalid_param("file_id", message),
            AttachError::TooLarge { .. } => Self::too_large_for(message).about("file_id"),
        }
    }
}

impl From<ContentError> for ApiError {
    fn from(error: ContentError) -> Self {
        let message = error.to_string();
        match error {
            ContentError::Full => Self::disk_full(message),
            ContentError::Missing(_) | ContentError::Folder { .. } | ContentError::Store(_) => Self::failure(message),
        }
    }
}

impl From<FileError> for ApiError {
    fn from(error: FileError) -> Self {
        let message = error.to_string();
        match error {
            FileError::Stranger(error) => error.into(),
            FileError::NotFound(_) => Self::not_found("file_not_found", message).about("file_id"),
            FileError::Empty => Self::invalid("empty", message).about("file"),
            FileError::TooLarge { .. } => Self::too_large_for(message).about("file"),
            FileError::Name(_) => Self::invalid_param("filename", message),
            FileError::Content(error) => error.into(),
            FileError::Db(error) => error.into(),
            FileError::Interrupted(_) => Self::unavailable("interrupted", message, Some(SOON)),
        }
    }
}

impl From<uploads::UploadError> for ApiError {
    fn from(error: uploads::UploadError) -> Self {
        let message = error.to_string();
        match error {
            uploads::UploadError::Stranger(error) => error.into(),
            uploads::UploadError::Invalid(invalid) => invalid.into(),
            uploads::UploadError::NotFound(_) => Self::not_found("upload_not_found", message).about("upload_id"),
            uploads::UploadError::NotPending { .. } => Self::invalid("upload_not_pending", message).about("upload_id"),
            uploads::UploadError::TooMuch(_) => Self::invalid_param("data", message),
            uploads::UploadError::File(error) => error.into(),
            uploads::UploadError::Db(error) => error.into(),
        }
    }
}

impl From<CompletionError> for ApiError {
    fn from(error: CompletionError) -> Self {
        let message = error.to_string();
        match error {
            CompletionError::Stranger(error) => error.into(),
            CompletionError::NotFound(_) => Self::not_found("completion_not_found", message).about("completion_id"),
            CompletionError::Db(error) => error.into(),
        }
    }
}

impl From<BatchError> for ApiError {
    fn from(error: BatchError) -> Self {
        let message = error.to_string();
        match error {
            BatchError::Stranger(error) => error.into(),
            BatchError::Invalid(invalid) => invalid.into(),
            BatchError::NotFound(_) => Self::not_found("batch_not_found", message).about("batch_id"),
            BatchError::Ended { .. } => Self::invalid("batch_ended", message).about("batch_id"),
            BatchError::File(error) => Self::from(error).about("input_file_id"),
            BatchError::Db(error) => error.into(),
        }
    }
}
