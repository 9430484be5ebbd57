//! The SQL of files, uploads, batches and stored completions.

use crate::db::operation::Kept;

macro_rules! file {
    ($rest:literal) => {
        concat!(
            "SELECT id, purpose, name, media_type, bytes, created_at, expires_at FROM file
             WHERE tenant_no = (SELECT no FROM tenant WHERE id = ?1) AND owner = ?2 AND deleted_at IS NULL ",
            $rest
        )
    };
}

macro_rules! batch {
    ($rest:literal) => {
        concat!(
            "SELECT b.id, t.id, b.owner, b.caller, b.endpoint, b.input_file, b.metadata, b.expires_after, b.state, b.model, b.errors, b.total,
                    b.completed, b.failed, b.input_tokens, b.cached_tokens, b.output_tokens, b.reasoning_tokens, b.output_file, b.error_file,
                    b.created_at, b.expires_at, b.in_progress_at, b.finalizing_at, b.cancelling_at, b.ended_at, b.upstream
             FROM batch b JOIN tenant t ON t.no = b.tenant_no ",
            $rest
        )
    };
}

macro_rules! completion {
    ($rest:literal) => {
        concat!(
            "SELECT id, model, metadata, messages, answer, created_at FROM completion
             WHERE tenant_no = (SELECT no FROM tenant WHERE id = ?1) AND owner = ?2 ",
            $rest
        )
    };
}

/// The completions that a list is of, after its page's beginning.
macro_rules! completions {
    ($rest:literal) => {
        concat!(
            completion!(
                "AND (?5 IS NULL OR model = ?5 OR json_extract(answer, '$.model') = ?5)
                 AND NOT EXISTS (SELECT 1 FROM json_each(?6) wanted
                                 WHERE NOT EXISTS (SELECT 1 FROM json_each(completion.metadata) given
                                                   WHERE given.key = wanted.key AND given.value = wanted.value)) "
            ),
            $rest
        )
    };
}

#[expect(clippy::too_many_lines, reason = "a table of statements")]
pub(super) fn sql(operation: Kept) -> &'static str {
    use Kept as O;
    match operation {
        O::InsertFile => {
            "INSERT INTO file (id, tenant_no, owner, purpose, name, media_type, bytes, created_at, expires_at)
             SELECT ?3, no, ?2, ?4, ?5, ?6, ?7, ?8, ?9 FROM tenant WHERE id = ?1"
        }
        O::File => file!("AND id = ?3 AND (expires_at IS NULL OR expires_at > ?4)"),
        O::FilesOldestFirst => file!(
            "AND (?3 IS NULL OR id > ?3) AND (?5 IS NULL OR purpose = ?5) AND (expires_at IS NULL OR expires_at > ?6) ORDER BY id LIMIT ?4"
        ),
        O::FilesNewestFirst => file!(
            "AND (?3 IS NULL OR id < ?3) AND (?5 IS NULL OR purpose = ?5) AND (expires_at IS NULL OR expires_at > ?6)
             ORDER BY id DESC LIMIT ?4"
        ),
        O::DeleteFile => {
            "UPDATE file SET deleted_at = ?4
             WHERE tenant_no = (SELECT no FROM tenant WHERE id = ?1) AND owner = ?2 AND id = ?3 AND deleted_at IS NULL
                AND (expires_at IS NULL OR expires_at > ?4)"
        }
        O::FileIsRemovable => {
            "SELECT 1 FROM file WHERE id = ?1 AND (deleted_at IS NOT NULL OR expires_at <= ?2)
             AND NOT EXISTS (SELECT 1 FROM batch WHERE input_file = ?1 AND ended_at IS NULL)"
        }
        O::RemoveFile => "DELETE FROM file WHERE id = ?1",
        O::KnownContents => {
            "SELECT value FROM json_each(?1)
             WHERE EXISTS (SELECT 1 FROM file WHERE id = value) OR EXISTS (SELECT 1 FROM upload_part WHERE id = value)"
        }

        O::InsertUpload => {
            "INSERT INTO upload (id, tenant_no, owner, purpose, name, media_type, bytes, expires_after, state, created_at, expires_at)
             SELECT ?3, no, ?2, ?4, ?5, ?6, ?7, ?8, 'pending', ?9, ?10 FROM tenant WHERE id = ?1"
        }
        O::Upload => {
            "SELECT id, purpose, name, media_type, bytes, expires_after, state, created_at, expires_at, file FROM upload
             WHERE tenant_no = (SELECT no FROM tenant WHERE id = ?1) AND owner = ?2 AND id = ?3"
        }
        // A part may come twice, when the client did not hear that it had arrived.
        O::InsertUploadPart => {
            "INSERT INTO upload_part (id, upload_no, bytes, created_at)
             SELECT ?2, u.no, ?3, ?4 FROM upload u
             WHERE u.id = ?1 AND u.state = 'pending' AND u.expires_at > ?4
                AND ?3 + (SELECT coalesce(sum(p.bytes), 0) FROM upload_part p WHERE p.upload_no = u.no) <= 2 * u.bytes"
        }
        O::UploadParts => {
            "SELECT p.id, p.bytes, p.created_at FROM upload u JOIN upload_part p ON p.upload_no = u.no WHERE u.id = ?1 ORDER BY p.no"
        }
        O::CompleteUpload => {
            "UPDATE upload SET state = 'completed', file = ?2 WHERE id = ?1 AND state = 'pending' AND expires_at > ?3"
        }
        O::CancelUpload => "UPDATE upload SET state = 'cancelled' WHERE id = ?1 AND state = 'pending' AND expires_at > ?2",
        O::EndedUploadParts => {
            "SELECT p.id FROM upload u JOIN upload_part p ON p.upload_no = u.no
             WHERE u.id = ?1 AND (u.state <> 'pending' OR u.expires_at <= ?2)"
        }
        O::RemoveUploadParts => {
            "DELETE FROM upload_part
             WHERE upload_no = (SELECT no FROM upload WHERE id = ?1 AND (state <> 'pending' OR expires_at <= ?2))"
        }

        O::InsertBatch => {
            "INSERT INTO batch (id, tenant_no, owner, caller, endpoint, input_file, metadata, expires_after, state, created_at, expires_at)
             SELECT ?3, no, ?2, ?4, ?5, ?6, ?7, ?8, 'validating', ?9, ?10 FROM tenant WHERE id = ?1"
        }
        O::Batch => batch!("WHERE t.id = ?1 AND b.owner = ?2 AND b.id = ?3"),
        O::BatchToRun => batch!("WHERE b.id = ?1"),
        O::Batches => batch!(
            "WHERE b.tenant_no = (SELECT no FROM tenant WHERE id = ?1) AND b.owner = ?2 AND (?3 IS NULL OR b.id < ?3)
             ORDER BY b.id DESC LIMIT ?4"
        ),
        O::SetBatchUpstream => "UPDATE batch SET upstream = ?2 WHERE id = ?1 AND ended_at IS NULL",
        O::NameBatchModel => "UPDATE batch SET model = ?2 WHERE id = ?1 AND state = 'validating'",
        O::BeginBatch => {
            "UPDATE batch SET state = 'in_progress', total = ?2, model = ?3, in_progress_at = ?4 WHERE id = ?1 AND state = 'validating'"
        }
        O::FailBatch => {
            "UPDATE batch SET state = 'failed', errors = ?2, ended_at = ?3 WHERE id = ?1 AND state IN ('validating', 'in_progress')"
        }
        O::CancelBatch => {
            "UPDATE batch SET state = 'cancelling', cancelling_at = ?4
             WHERE tenant_no = (SELECT no FROM tenant WHERE id = ?1) AND owner = ?2 AND id = ?3 AND state IN ('validating', 'in_progress')"
        }
        O::FinalizeBatch => "UPDATE batch SET state = 'finalizing', finalizing_at = ?2 WHERE id = ?1 AND state = 'in_progress'",
        O::EndBatch => {
            "UPDATE batch SET state = ?2, output_file = ?3, error_file = ?4, failed = failed + ?5, ended_at = ?6
             WHERE id = ?1 AND state IN ('finalizing', 'cancelling')"
        }
        O::CountBatchResult => {
            "UPDATE batch SET completed = completed + ?2, failed = failed + 1 - ?2, input_tokens = input_tokens + ?3,
                              cached_tokens = cached_tokens + ?4, output_tokens = output_tokens + ?5, reasoning_tokens = reasoning_tokens + ?6
             WHERE id = ?1 AND state IN ('in_progress', 'cancelling')"
        }
        O::InsertBatchResult => {
            "INSERT INTO batch_result (key, succeeded, text) SELECT (no << 32) + ?2, ?3, ?4 FROM batch WHERE id = ?1 ON CONFLICT DO NOTHING"
        }
        O::BatchResults => {
            "SELECT r.key & 4294967295, r.succeeded, r.text
             FROM batch b JOIN batch_result r ON r.key > (b.no << 32) + ?2 AND r.key < (b.no + 1) << 32
             WHERE b.id = ?1 ORDER BY r.key LIMIT ?3"
        }
        O::BatchLinesDone => {
            "SELECT r.key & 4294967295 FROM batch b JOIN batch_result r ON r.key >= b.no << 32 AND r.key < (b.no + 1) << 32 WHERE b.id = ?1"
        }
        O::RemoveBatchResults => {
            "DELETE FROM batch_result
             WHERE key IN (SELECT r.key FROM batch b JOIN batch_result r ON r.key >= b.no << 32 AND r.key < (b.no + 1) << 32
                           WHERE b.id = ?1 AND b.ended_at IS NOT NULL LIMIT ?2)"
        }

        O::InsertCompletion => {
            "INSERT INTO completion (id, tenant_no, owner, model, metadata, messages, answer, created_at)
             SELECT ?3, no, ?2, ?4, ?5, ?6, ?7, ?8 FROM tenant WHERE id = ?1"
        }
        O::Completion => completion!("AND id = ?3"),
        O::CompletionsOldestFirst => completions!("AND (?3 IS NULL OR id > ?3) ORDER BY id LIMIT ?4"),
        O::CompletionsNewestFirst => completions!("AND (?3 IS NULL OR id < ?3) ORDER BY id DESC LIMIT ?4"),
        O::UpdateCompletion => {
            "UPDATE completion SET metadata = ?4 WHERE tenant_no = (SELECT no FROM tenant WHERE id = ?1) AND owner = ?2 AND id = ?3"
        }
        O::RemoveCompletion => {
            "DELETE FROM completion WHERE tenant_no = (SELECT no FROM tenant WHERE id = ?1) AND owner = ?2 AND id = ?3"
        }
    }
}
