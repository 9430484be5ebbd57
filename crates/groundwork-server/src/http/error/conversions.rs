//! What each operation's errors are in HTTP. Exhaustive: a new kind of error does not compile until its answer has been decided.

use super::{ApiError, Body, INVALID_REQUEST, SERVER_ERROR};
use axum::http::StatusCode;
use groundwork_app::conversations::ConversationError;
use groundwork_app::documents::{DeleteError, FindError, ListError, PageError, UploadError, VersionError};
use groundwork_app::embeddings::EmbedError;
use groundwork_app::owned::Stranger;
use groundwork_app::pipeline::CallError;
use groundwork_app::responses::{CreateError, FindError as FindResponseError};
use groundwork_app::routing::Unavailable;
use groundwork_app::search::SearchError;
use groundwork_app::{jobs, knowledge_bases, ledger, repeats};
use groundwork_core::prompt::PackError;
use groundwork_inference::target;
use groundwork_retrieval::embed::EmbedError as Unmade;
use groundwork_retrieval::index::{LoadError, PublishError};
use groundwork_retrieval::rerank::RerankError;
use groundwork_retrieval::search::SearchError as Failure;
use groundwork_store::blobs::BlobError;
use groundwork_store::db::DbError;
use groundwork_store::db::knowledge_bases::PutKnowledgeBaseError;
use groundwork_store::wal::WalError;
use groundwork_wire::error::Invalid;
use std::time::Duration;

/// For what passes by itself soon.
pub(super) const SOON: Duration = Duration::from_secs(2);

impl From<Invalid> for ApiError {
    fn from(invalid: Invalid) -> Self {
        let body = Body::Ours(Box::new(invalid.to_error()));
        Self { status: StatusCode::BAD_REQUEST, body, retry_after: None, headers: Box::default(), cause: None }
    }
}

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        let message = error.to_string();
        match error {
            CallError::Invalid(invalid) => invalid.into(),
            CallError::UnknownModel(_) => Self::unknown_model(message),
            CallError::NotAChatModel(_) | CallError::NotSoAsked(_) => Self::invalid("model_not_supported", message).about("model"),
            CallError::TooLarge { .. } => Self::too_large_for(message).about("messages"),
            CallError::Prompt(PackError::Template(_)) => {
                let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, SERVER_ERROR, Some("template_failed"), message.clone());
                Self { cause: Some(message), ..error }
            }
            CallError::Prompt(PackError::FixedPartTooLarge(_) | PackError::NoRoomForSources(_)) => {
                Self::invalid("context_length_exceeded", message).about("messages")
            }
            CallError::Search(error) => error.into(),
            CallError::Call(error) => error.into(),
            CallError::Response(failed) => failed.error.into(),
            CallError::Unavailable(unavailable) => unavailable.into(),
            CallError::DeadlineExceeded => Self::late(message),
            CallError::ShuttingDown { retry_after } => Self::unavailable("shutting_down", message, Some(retry_after)),
            CallError::Interrupted(_) => Self::unavailable("interrupted", message, Some(SOON)),
            CallError::Books(error) => error.into(),
        }
    }
}

impl From<CreateError> for ApiError {
    fn from(error: CreateError) -> Self {
        let message = error.to_string();
        match error {
            CreateError::Call(error) => error.into(),
            CreateError::UnknownPrevious(_) => Self::invalid("previous_response_not_found", message).about("previous_response_id"),
            CreateError::PreviousRuns(..) => Self::conflict("response_in_progress", message).about("previous_response_id"),
            CreateError::UnknownConversation(_) => Self::not_found("conversation_not_found", message).about("conversation"),
            CreateError::UnknownItem(_) => Self::not_found("item_not_found", message).about("input"),
            CreateError::Busy { retry_after } => Self::unavailable("overloaded", message, Some(retry_after)),
            CreateError::NotStored(error) | CreateError::Db(error) => error.into(),
        }
    }
}

impl From<FindResponseError> for ApiError {
    fn from(error: FindResponseError) -> Self {
        let message = error.to_string();
        match error {
            FindResponseError::NotFound(_) => Self::not_found("response_not_found", message),
            FindResponseError::UnknownAfter { .. } => Self::invalid("invalid_value", message).about("after"),
            FindResponseError::NotInBackground => Self::invalid("not_in_background", message),
            FindResponseError::Interrupted(_) => Self::unavailable("interrupted", message, Some(SOON)),
            FindResponseError::Db(error) => error.into(),
        }
    }
}

impl From<ConversationError> for ApiError {
    fn from(error: ConversationError) -> Self {
        let message = error.to_string();
        match error {
            ConversationError::NotFound(_) => Self::not_found("conversation_not_found", message),
            ConversationError::NoSuchItem(_) => Self::not_found("item_not_found", message),
            ConversationError::UnknownAfter { .. } => Self::invalid("invalid_value", message).about("after"),
            ConversationError::Stranger(error) => error.into(),
            ConversationError::Invalid(invalid) => invalid.into(),
            ConversationError::Interrupted(_) => Self::unavailable("interrupted", message, Some(SOON)),
            ConversationError::Db(error) => error.into(),
        }
    }
}

impl From<EmbedError> for ApiError {
    fn from(error: EmbedError) -> Self {
        let message = error.to_string();
        match error {
            EmbedError::Invalid(invalid) => invalid.into(),
            EmbedError::UnknownModel(_) => Self::unknown_model(message),
            EmbedError::NotAnEmbeddingModel(_) => Self::invalid("model_not_supported", message).about("model"),
            EmbedError::NotReady(_) => Self::unavailable("embedding_model_missing", message, None),
            EmbedError::Failed(Unmade::Busy { .. }) => Self::unavailable("embedding_busy", message, Some(SOON)),
            EmbedError::Failed(Unmade::Missing { .. }) => Self::unavailable("embedding_model_missing", message, None),
            EmbedError::Failed(Unmade::Failed { .. }) => Self::failure(message),
            EmbedError::Call(error) => error.into(),
            EmbedError::Unavailable(unavailable) => unavailable.into(),
            EmbedError::DeadlineExceeded => Self::late(message),
            EmbedError::ShuttingDown { retry_after } => Self::unavailable("shutting_down", message, Some(retry_after)),
            EmbedError::Interrupted(_) => Self::unavailable("interrupted", message, Some(SOON)),
            EmbedError::Books(error) => error.into(),
        }
    }
}

impl From<Unavailable> for ApiError {
    fn from(unavailable: Unavailable) -> Self {
        let message = unavailable.to_string();
        let error = if unavailable.is_limit() {
            Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", Some("rate_limit_exceeded"), message)
        } else {
            Self::unavailable("overloaded", message, None)
        };
        Self { retry_after: Some(unavailable.retry_after), ..error }
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        let message = error.to_string();
        match error {
            SearchError::UnknownKnowledgeBase(_) => Self::not_found("knowledge_base_not_found", message),
            SearchError::Filter(_) => Self::invalid_param("filters", message),
            SearchError::EmptyQuery => Self::missing_param("query", message),
            SearchError::TooLong { .. } => Self::too_large_for(message).about("query"),
            SearchError::IndexLoading { retry_after, .. } => Self::unavailable("index_loading", message, Some(retry_after)),
            SearchError::NotReady(_) => Self::unavailable("embedding_model_missing", message, None),
            SearchError::EmbeddingBusy { retry_after } => Self::unavailable("embedding_busy", message, Some(retry_after)),
            SearchError::TimedOut { retry_after } => Self::unavailable("search_timed_out", message, Some(retry_after)),
            // It says which file of the model is wrong and how to mend it.
            SearchError::Failed(Failure::Embed(Unmade::Missing { .. })) => Self::unavailable("embedding_model_missing", message, None),
            SearchError::Failed(Failure::Rerank(RerankError::Missing { .. })) => Self::unavailable("reranker_missing", message, None),
            SearchError::Failed(Failure::Rerank(_)) => Self::upstream(StatusCode::SERVICE_UNAVAILABLE, "reranking_failed", message),
            SearchError::Failed(Failure::Embed(_)) => Self::upstream(StatusCode::SERVICE_UNAVAILABLE, "embedding_failed", message),
            SearchError::Failed(_) | SearchError::Db(_) => {
                let public = "Search failed, so there is no answer: it would stand on nothing. The log has the cause under this answer's x-request-id.";
                let error = Self::new(StatusCode::INTERNAL_SERVER_ERROR, SERVER_ERROR, Some("search_failed"), public);
                Self { cause: Some(message), ..error }
            }
        }
    }
}

impl From<target::CallError> for ApiError {
    fn from(error: target::CallError) -> Self {
        let (message, code) = (error.to_string(), error.kind());
        let status = StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::BAD_GATEWAY);
        match error {
            target::CallError::RateLimited { retry_after, said, .. } => {
                let error = Self::new(status, "rate_limit_error", Some("rate_limit_exceeded"), message).told(*said);
                Self { retry_after, ..error }
            }
            target::CallError::QuotaExhausted { said, .. } => {
                Self::new(status, "insufficient_quota", Some("insufficient_quota"), message).told(*said).in_vain()
            }
            target::CallError::ContentFilter { said, .. } | target::CallError::Refused { said, .. } => {
                Self::new(status, INVALID_REQUEST, Some(code), message).told(*said)
            }
            target::CallError::TooLong { said, .. } => {
                Self::new(status, INVALID_REQUEST, Some(code), message).about("messages").told(*said)
            }
            target::CallError::Unsupported { .. } => Self::new(status, INVALID_REQUEST, Some(code), message),
            target::CallError::Invalid { invalid, .. } => invalid.into(),
            target::CallError::Fault { retry_after, said, .. } => Self { retry_after, ..Self::upstream(status, code, message).told(*said) },
            target::CallError::MidStream { said, .. } => Self::upstream(status, code, message).told(*said),
            // The caller's own credential was right: a refused one is ours, and what the target says of it is not for the caller.
            target::CallError::Auth { said, .. } | target::CallError::NotFound { said, .. } => {
                Self::upstream(status, code, message).told(target::Said { body: None, ..*said })
            }
            target::CallError::Unreachable { .. } | target::CallError::Timeout { .. } | target::CallError::Broken { .. } => {
                Self::upstream(status, code, message)
            }
        }
    }
}

impl From<repeats::BeginError> for ApiError {
    fn from(error: repeats::BeginError) -> Self {
        let message = error.to_string();
        match error {
            repeats::BeginError::OtherBody => Self::conflict("idempotency_key_reused", message).about("Idempotency-Key"),
            repeats::BeginError::Running => Self {
                retry_after: Some(SOON),
                headers: Box::default(),
                ..Self::conflict("idempotency_key_in_use", message).about("Idempotency-Key")
            },
            repeats::BeginError::Db(error) => error.into(),
        }
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        let message = error.to_string();
        match error {
            DbError::Full { .. } => Self::disk_full(message),
            DbError::Busy { .. } => Self {
                cause: Some(message),
                ..Self::unavailable("database_busy", "The database is busy. Try again in a moment.", Some(SOON))
            },
            DbError::Closed => Self::unavailable("shutting_down", "The server is shutting down.", Some(SOON)),
            DbError::NotADatabase { .. }
            | DbError::Corrupt { .. }
            | DbError::Newer { .. }
            | DbError::ChangedMigration { .. }
            | DbError::ReadOnly { .. }
            | DbError::CannotOpen { .. }
            | DbError::Unexpected { .. } => Self::failure(message),
        }
    }
}

impl From<WalError> for ApiError {
    fn from(error: WalError) -> Self {
        let message = error.to_string();
        match error {
            WalError::Full { .. } => Self::disk_full(message),
            WalError::Ledger(error @ DbError::Full { .. }) => error.into(),
            WalError::Io { .. } | WalError::Behind { .. } | WalError::Ledger(_) => Self::unavailable("not_recorded", message, Some(SOON)),
        }
    }
}

impl From<BlobError> for ApiError {
    fn from(error: BlobError) -> Self {
        let message = error.to_string();
        match error {
            BlobError::Full => Self::disk_full(message),
            BlobError::Missing(_) | BlobError::Damaged(_) | BlobError::Folder { .. } | BlobError::Store(_) => Self::failure(message),
        }
    }
}

impl From<UploadError> for ApiError {
    fn from(error: UploadError) -> Self {
        let message = error.to_string();
        match error {
            UploadError::Forbidden => Self::forbidden(message),
            UploadError::Visitor => Self::failure(message),
            UploadError::UnknownKnowledgeBase(_) => Self::not_found("knowledge_base_not_found", message),
            UploadError::Attributes(_) => Self::invalid_param("attributes", message),
            UploadError::Empty { .. } => Self::invalid("empty", message).about("file"),
            UploadError::InvalidName { .. } => Self::invalid("invalid_value", message).about("name"),
            UploadError::TooLarge { .. } => Self::too_large_for(message).about("file"),
            UploadError::DiskFull(_) => Self::disk_full(message),
            UploadError::NoEmbeddingModel(_) => Self::unavailable("embedding_model_missing", message, None),
            UploadError::Busy { retry_after, .. } => Self::unavailable("overloaded", message, Some(retry_after)),
            UploadError::Blob(error) => error.into(),
            UploadError::Db(error) => error.into(),
            UploadError::Json(_) => Self::failure(message),
        }
    }
}

impl From<ListError> for ApiError {
    fn from(error: ListError) -> Self {
        let message = error.to_string();
        match error {
            ListError::UnknownKnowledgeBase(_) => Self::not_found("knowledge_base_not_found", message),
            ListError::Db(error) => error.into(),
        }
    }
}

impl From<FindError> for ApiError {
    fn from(error: FindError) -> Self {
        let message = error.to_string();
        match error {
            FindError::NotFound { .. } => Self::not_found("document_not_found", message),
            FindError::Blob(error) => error.into(),
            FindError::Db(error) => error.into(),
        }
    }
}

impl From<DeleteError> for ApiError {
    fn from(error: DeleteError) -> Self {
        let message = error.to_string();
        match error {
            DeleteError::Forbidden => Self::forbidden(message),
            DeleteError::Inside { .. } => Self::conflict("document_inside_another", message),
            DeleteError::NotFound { .. } => Self::not_found("document_not_found", message),
            DeleteError::Db(error) | DeleteError::Index(PublishError::Db(error)) => error.into(),
            DeleteError::Index(PublishError::Full(_)) => Self::disk_full(message),
            DeleteError::Index(PublishError::Load(LoadError::Loading(_))) => Self::unavailable("index_loading", message, Some(SOON)),
            DeleteError::Visitor | DeleteError::Index(_) => Self::failure(message),
        }
    }
}

impl From<VersionError> for ApiError {
    fn from(error: VersionError) -> Self {
        let message = error.to_string();
        match error {
            VersionError::Document(error) => error.into(),
            VersionError::NoSuchVersion { .. } => Self::not_found("version_not_found", message),
        }
    }
}

impl From<PageError> for ApiError {
    fn from(error: PageError) -> Self {
        let message = error.to_string();
        match error {
            PageError::Document(error) => error.into(),
            PageError::NoSuchPage { .. } => Self::not_found("page_not_found", message),
        }
    }
}

impl From<knowledge_bases::ListError> for ApiError {
    fn from(error: knowledge_bases::ListError) -> Self {
        match error {
            knowledge_bases::ListError::Db(error) => error.into(),
        }
    }
}

impl From<knowledge_bases::PutError> for ApiError {
    fn from(error: knowledge_bases::PutError) -> Self {
        let message = error.to_string();
        match error {
            knowledge_bases::PutError::Forbidden => Self::forbidden(message),
            knowledge_bases::PutError::TitleTooLong(_) => Self::invalid("invalid_value", message).about("title"),
            knowledge_bases::PutError::Store(PutKnowledgeBaseError::ManagedByFile(_)) => Self::conflict("managed_by_file", message),
            knowledge_bases::PutError::Store(PutKnowledgeBaseError::OtherTenant(_)) => Self::conflict("name_taken", message),
            knowledge_bases::PutError::Store(PutKnowledgeBaseError::Db(error)) => error.into(),
        }
    }
}

impl From<jobs::FindError> for ApiError {
    fn from(error: jobs::FindError) -> Self {
        let message = error.to_string();
        match error {
            jobs::FindError::NotFound(_) => Self::not_found("job_not_found", message),
            jobs::FindError::Db(error) => error.into(),
        }
    }
}

impl From<jobs::ListError> for ApiError {
    fn from(error: jobs::ListError) -> Self {
        let message = error.to_string();
        match error {
            jobs::ListError::Forbidden => Self::forbidden(message),
            jobs::ListError::Db(error) => error.into(),
        }
    }
}

impl From<ledger::ListError> for ApiError {
    fn from(error: ledger::ListError) -> Self {
        let message = error.to_string();
        match error {
            ledger::ListError::Forbidden => Self::forbidden(message),
            ledger::ListError::Db(error) => error.into(),
        }
    }
}

impl From<Stranger> for ApiError {
    fn from(error: Stranger) -> Self {
        Self::forbidden(error.to_string())
    }
}
