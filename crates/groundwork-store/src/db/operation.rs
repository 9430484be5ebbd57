//! Every statement the program can ask of a database, by name. A back-end maps each to its SQL in one exhaustive match.

use super::DbError;
use super::value::{Row, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    // Health.
    Ping,
    Beat,
    // Tenants.
    EnsureTenant,
    EnsurePrincipal,
    // Knowledge bases.
    PutKnowledgeBase,
    KnowledgeBase,
    KnowledgeBases,
    Epochs,
    BumpContentEpoch,
    BumpPermissionEpoch,
    ClaimEmbedding,
    // Documents.
    InsertDocument,
    NextGeneration,
    Document,
    DocumentBySource,
    Documents,
    HideDocument,
    RemoveEmptyDocument,
    BlobIsUsed,
    // Permissions.
    InheritScope,
    InheritEntries,
    ForgetDeleted,
    ResetUnpublishedScope,
    ClearUnpublishedEntries,
    AddUnpublishedEntry,
    SetScope,
    ClearEntries,
    AddEntry,
    ScopeOfDocument,
    EntriesOfDocument,
    ScopeOfSource,
    EntriesOfSource,
    Scopes,
    Entries,
    ScopesOf,
    EntriesOf,
    // Attributes.
    SetUnpublishedAttributes,
    SetAttributes,
    StirAttributes,
    Attributes,
    AttributesSince,
    // Versions and their pages.
    InsertVersion,
    Version,
    VersionProgress,
    RequireDraft,
    MarkPublished,
    MoveLivePointer,
    MarkReplaced,
    MarkHidden,
    OtherInner,
    HideOtherInner,
    MarkHiddenInner,
    MarkDiscarded,
    Orphans,
    DeadVersions,
    RequireDead,
    KeepVersion,
    KeptVersions,
    ForgetVersions,
    PutSignature,
    PutBand,
    Near,
    RemoveVersion,
    PutPage,
    PutPageWords,
    PageWords,
    Page,
    // Slots and chunks.
    FreeSlots,
    TakeFreeSlots,
    LeaveFreeSlots,
    AdvanceSlots,
    RecordSlots,
    CountUpChunks,
    SlotsOfVersion,
    SlotsOfLive,
    ReleaseSlots,
    InsertChunk,
    InsertVector,
    InsertCodes,
    RemoveChunks,
    RemoveVectors,
    RemoveCodes,
    SlotSummary,
    LiveSlots,
    Codes,
    Texts,
    Chunks,
    ChunksOf,
    Vectors,
    // Versions that are found by a first pass.
    InsertFirstPass,
    InsertFirstVector,
    FirstVectorsFrom,
    FirstVectors,
    Unembedded,
    RequireFirstPass,
    RequireUnembedded,
    CodesOfVersion,
    EndFirstPass,
    RemoveFirstVectors,
    WaitingPasses,
    // Published objects.
    LiveObject,
    LiveObjects,
    ObjectVersion,
    InsertObject,
    AdvanceObject,
    InsertObjectVersion,
    RetireObject,
    // Kept answers.
    KeptAnswer,
    KeepAnswer,
    ForgetAnswers,
    TrimAnswers,
    // Ledger.
    Settle,
    Ledger,
    // Jobs.
    Jobs(Jobs),
    // Responses and conversations.
    Dialogue(Dialogue),
    // Files, uploads, batches and stored completions.
    Kept(Kept),
}

/// Statements about jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Jobs {
    Insert,
    LastActive,
    Lease,
    GiveUpDead,
    EndLeases,
    KeepLease,
    HandBack,
    Hurry,
    Finish,
    CountActive,
    Forget,
    Find,
    List,
}

impl From<Jobs> for Operation {
    fn from(operation: Jobs) -> Self {
        Self::Jobs(operation)
    }
}

/// Statements about responses, conversations and their items.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Dialogue {
    // Items.
    InsertItem,
    Item,
    DeleteUnusedItem,
    // Responses.
    InsertResponse,
    AddToResponse,
    FollowResponse,
    FollowConversation,
    Response,
    RequireResponse,
    ResponseEvents,
    ResponseItems,
    PlaceInResponse,
    ChangeResponse,
    KeepEvents,
    OpenResponses,
    DeleteItemsOfResponse,
    DeleteResponse,
    OldResponses,
    DropOldEvents,
    // Conversations.
    InsertConversation,
    Conversation,
    RequireConversation,
    SetConversationMetadata,
    AddToConversation,
    AddResponseToConversation,
    ConversationItems,
    PlaceInConversation,
    TakeFromConversation,
    DeleteItemsOfConversation,
    DeleteConversation,
}

impl From<Dialogue> for Operation {
    fn from(operation: Dialogue) -> Self {
        Self::Dialogue(operation)
    }
}

/// Statements about files, uploads, batches and stored completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kept {
    // Files.
    InsertFile,
    File,
    FilesOldestFirst,
    FilesNewestFirst,
    DeleteFile,
    FileIsRemovable,
    RemoveFile,
    KnownContents,
    // Uploads.
    InsertUpload,
    Upload,
    InsertUploadPart,
    UploadParts,
    CompleteUpload,
    CancelUpload,
    EndedUploadParts,
    RemoveUploadParts,
    // Batches.
    InsertBatch,
    Batch,
    BatchToRun,
    Batches,
    SetBatchUpstream,
    NameBatchModel,
    BeginBatch,
    FailBatch,
    CancelBatch,
    FinalizeBatch,
    EndBatch,
    CountBatchResult,
    InsertBatchResult,
    BatchResults,
    BatchLinesDone,
    RemoveBatchResults,
    // Stored chat completions.
    InsertCompletion,
    Completion,
    CompletionsOldestFirst,
    CompletionsNewestFirst,
    UpdateCompletion,
    RemoveCompletion,
}

impl From<Kept> for Operation {
    fn from(operation: Kept) -> Self {
        Self::Kept(operation)
    }
}

/// One statement of a transaction.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) operation: Operation,
    pub(crate) parameters: Vec<Value>,
    pub(crate) expect: Expect,
}

/// What a step must have changed or returned; otherwise the whole transaction is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    Anything,
    OneRow,
}

/// A step that may change or return any number of rows.
pub(crate) fn step(operation: Operation, parameters: Vec<Value>) -> Step {
    Step { operation, parameters, expect: Expect::Anything }
}

/// A step that must change or return exactly one row.
pub(crate) fn guard(operation: Operation, parameters: Vec<Value>) -> Step {
    Step { operation, parameters, expect: Expect::OneRow }
}

/// What a step gave back.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Rows changed, or returned by a query.
    pub(crate) count: u64,
    pub(crate) rows: Vec<Row>,
}

/// The one row of a transaction's last step, which was guarded.
pub(crate) fn last_row(mut outcomes: Vec<Outcome>) -> Result<Row, DbError> {
    row_of(outcomes.pop())
}

/// The one row of a guarded step.
pub(crate) fn row_of(outcome: Option<Outcome>) -> Result<Row, DbError> {
    let row = outcome.and_then(|outcome| outcome.rows.into_iter().next());
    row.ok_or_else(|| DbError::Unexpected { operation: "a transaction".to_owned(), detail: "a step returned no row".to_owned() })
}

/// When a transaction must be safe against a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Before the caller hears of it.
    Now,
    /// Together with the next that is: for what is invisible until then, such as a draft.
    Later,
}
