//! The SQL of every operation. Parameters are bound by position; the functions that ask say what they are.

use crate::db::operation::Operation;

macro_rules! document {
    ($rest:literal) => {
        concat!(
            "SELECT d.id, k.id, t.id, d.source, (SELECT p.id FROM document p WHERE p.no = d.parent_no), d.created_at,
                    (SELECT o.attributes FROM document o WHERE o.no = coalesce(d.parent_no, d.no)), v.generation, v.name, v.title, v.media_type, v.sha256, v.bytes, v.fingerprint,
                    v.pages, v.metadata, v.chunks, v.published_at, (SELECT p.model FROM first_pass p WHERE p.version_no = v.no)
             FROM document d
             JOIN knowledge_base k ON k.no = d.knowledge_base_no
             JOIN tenant t ON t.no = k.tenant_no
             JOIN version v ON v.document_no = d.no AND v.generation = d.live_generation ",
            $rest
        )
    };
}

macro_rules! knowledge_base {
    ($rest:literal) => {
        concat!(
            "SELECT k.id, t.id, k.name, k.settings, k.managed_by, k.created_at, k.embedding_model, k.dimensions, k.content_epoch,
                    k.permission_epoch
             FROM knowledge_base k JOIN tenant t ON t.no = k.tenant_no ",
            $rest
        )
    };
}

macro_rules! object {
    ($version:literal, $rest:literal) => {
        concat!(
            "SELECT t.id, o.name, v.version, v.body, o.managed_by, v.created_at
             FROM object o JOIN tenant t ON t.no = o.tenant_no JOIN object_version v ON v.object_no = o.no AND v.version = ",
            $version,
            " WHERE o.kind = ?1 AND t.id = ?2 ",
            $rest
        )
    };
}

/// A chunk `c` with what there is of its version `v` and its document `d`.
macro_rules! chunk {
    ($rest:literal) => {
        concat!(
            "SELECT c.key, c.ordinal, c.text, c.heading_path, c.first_page, c.last_page, c.span_start, c.span_end, c.place, d.id, v.generation,
                    d.source, v.name, v.title, v.media_type ",
            $rest
        )
    };
}

/// The document that is there under a source, else the last one that was.
macro_rules! last_of_source {
    () => {
        "(SELECT no FROM document WHERE knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND source = ?2
          ORDER BY deleted_at IS NOT NULL, no DESC LIMIT 1)"
    };
}

/// The document of knowledge base ?1 and source ?2 that is not deleted.
macro_rules! of_source {
    () => {
        "knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND source = ?2 AND deleted_at IS NULL"
    };
}

/// The number of the last document of knowledge base ?1 and source ?2 that was deleted.
macro_rules! last_deleted {
    () => {
        "(SELECT max(no) FROM document
          WHERE knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND source = ?2 AND deleted_at IS NOT NULL)"
    };
}

/// The number of the version of document ?1 and generation ?2, if it is live and found by a first pass.
macro_rules! passing {
    () => {
        "(SELECT p.version_no FROM document d JOIN version v ON v.document_no = d.no AND v.generation = d.live_generation
          JOIN first_pass p ON p.version_no = v.no WHERE d.id = ?1 AND v.generation = ?2)"
    };
}

#[expect(clippy::too_many_lines, reason = "a table of statements")]
pub(super) fn sql(operation: Operation) -> &'static str {
    use Operation as O;
    match operation {
        O::Ping => "SELECT 1",
        O::Beat => "INSERT INTO meta (key, value) VALUES ('beat', ?1) ON CONFLICT (key) DO UPDATE SET value = excluded.value",

        O::EnsureTenant => "INSERT INTO tenant (id, created_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        O::EnsurePrincipal => {
            "INSERT INTO principal (tenant_no, name, created_at) SELECT no, ?2, ?3 FROM tenant WHERE id = ?1 ON CONFLICT DO NOTHING"
        }

        O::PutKnowledgeBase => {
            "INSERT INTO knowledge_base (id, tenant_no, name, settings, managed_by, created_at)
             SELECT ?1, no, ?3, ?4, ?5, ?6 FROM tenant WHERE id = ?2
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, settings = excluded.settings, managed_by = excluded.managed_by
             WHERE knowledge_base.tenant_no = excluded.tenant_no AND (knowledge_base.managed_by = 'api' OR excluded.managed_by = 'file')"
        }
        O::KnowledgeBase => knowledge_base!("WHERE k.id = ?1"),
        O::KnowledgeBases => knowledge_base!("WHERE ?1 IS NULL OR t.id = ?1 ORDER BY k.id"),
        O::Epochs => "SELECT content_epoch, permission_epoch FROM knowledge_base WHERE id = ?1",
        O::BumpContentEpoch => {
            "UPDATE knowledge_base SET content_epoch = content_epoch + 1 WHERE id = ?1 RETURNING content_epoch, permission_epoch"
        }
        O::BumpPermissionEpoch => {
            "UPDATE knowledge_base SET permission_epoch = permission_epoch + 1 WHERE id = ?1 RETURNING content_epoch, permission_epoch"
        }
        O::ClaimEmbedding => {
            "UPDATE knowledge_base SET embedding_model = ?2, dimensions = ?3
             WHERE id = ?1 AND (embedding_model IS NULL OR (embedding_model = ?2 AND dimensions = ?3)
                OR NOT EXISTS (SELECT 1 FROM document d JOIN version v ON v.document_no = d.no WHERE d.knowledge_base_no = knowledge_base.no))"
        }

        O::InsertDocument => {
            "INSERT INTO document (id, knowledge_base_no, source, created_at, parent_no)
             SELECT ?3, no, ?2, ?4, (SELECT no FROM document WHERE id = ?5) FROM knowledge_base WHERE id = ?1 ON CONFLICT DO NOTHING"
        }
        // A file inside a file and a file of its own never take each other's place.
        O::NextGeneration => concat!(
            "UPDATE document SET last_generation = last_generation + 1 WHERE ",
            of_source!(),
            " AND parent_no IS (SELECT no FROM document WHERE id = ?3) RETURNING id, last_generation, live_generation"
        ),
        O::Document => document!("WHERE k.id = ?1 AND d.id = ?2"),
        O::DocumentBySource => document!("WHERE k.id = ?1 AND d.source = ?2 AND d.deleted_at IS NULL"),
        O::Documents => document!(
            "WHERE d.knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND d.live_generation IS NOT NULL AND d.id > ?2
             ORDER BY d.id LIMIT ?3"
        ),
        O::HideDocument => {
            "UPDATE document SET live_generation = NULL, deleted_at = ?3
             WHERE id = ?2 AND knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND live_generation IS NOT NULL"
        }
        O::RemoveEmptyDocument => {
            "DELETE FROM document WHERE id = ?1 AND live_generation IS NULL
             AND NOT EXISTS (SELECT 1 FROM version WHERE document_no = document.no)
             AND (parent_no IS NOT NULL OR scope = 'tenant' AND NOT public AND NOT EXISTS (SELECT 1 FROM permission_entry WHERE document_no = document.no)
                OR EXISTS (SELECT 1 FROM document later WHERE later.knowledge_base_no = document.knowledge_base_no
                           AND later.source = document.source AND later.no > document.no))"
        }
        O::BlobIsUsed => {
            "SELECT 1 FROM version WHERE sha256 = ?1
             UNION ALL
             SELECT 1 FROM kept_version WHERE sha256 = ?1
             UNION ALL
             SELECT 1 FROM job WHERE state IN ('queued', 'running') AND json_extract(payload, '$.original') = lower(hex(?1))
             LIMIT 1"
        }

        O::InheritScope => concat!(
            "UPDATE document SET (scope, public) = (SELECT scope, public FROM document WHERE no = ",
            last_deleted!(),
            ") WHERE ",
            of_source!(),
            " AND last_generation = 0 AND ",
            last_deleted!(),
            " IS NOT NULL"
        ),
        O::InheritEntries => concat!(
            "INSERT OR IGNORE INTO permission_entry (document_no, effect, principal)
             SELECT (SELECT no FROM document WHERE ",
            of_source!(),
            "), e.effect, e.principal FROM permission_entry e WHERE e.document_no = ",
            last_deleted!(),
            " AND EXISTS (SELECT 1 FROM document WHERE ",
            of_source!(),
            " AND last_generation = 0)"
        ),
        O::ForgetDeleted => {
            "DELETE FROM document
             WHERE knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND source = ?2 AND deleted_at IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM version WHERE document_no = document.no)"
        }
        O::ResetUnpublishedScope => {
            concat!("UPDATE document SET scope = ?3, public = ?4 WHERE ", of_source!(), " AND live_generation IS NULL")
        }
        O::ClearUnpublishedEntries => concat!(
            "DELETE FROM permission_entry WHERE document_no IN (SELECT no FROM document WHERE ",
            of_source!(),
            " AND live_generation IS NULL)"
        ),
        O::AddUnpublishedEntry => concat!(
            "INSERT INTO permission_entry (document_no, effect, principal) SELECT no, ?3, ?4 FROM document WHERE ",
            of_source!(),
            " AND live_generation IS NULL"
        ),
        O::SetScope => {
            "UPDATE document SET scope = ?3, public = ?4
             WHERE id = ?2 AND parent_no IS NULL AND knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND live_generation IS NOT NULL"
        }
        O::ClearEntries => "DELETE FROM permission_entry WHERE document_no = (SELECT no FROM document WHERE id = ?1)",
        O::AddEntry => "INSERT INTO permission_entry (document_no, effect, principal) SELECT no, ?2, ?3 FROM document WHERE id = ?1",
        O::ScopeOfDocument => {
            "SELECT d.id, o.scope, o.public
             FROM document d JOIN document o ON o.no = coalesce(d.parent_no, d.no) JOIN knowledge_base k ON k.no = d.knowledge_base_no
             WHERE k.id = ?1 AND d.id = ?2 AND d.live_generation IS NOT NULL"
        }
        O::EntriesOfDocument => {
            "SELECT d.id, e.effect, e.principal FROM document d JOIN permission_entry e ON e.document_no = coalesce(d.parent_no, d.no)
             WHERE d.id = ?1"
        }
        O::ScopeOfSource => concat!("SELECT id, scope, public FROM document WHERE no = ", last_of_source!()),
        O::EntriesOfSource => concat!(
            "SELECT d.id, e.effect, e.principal FROM document d JOIN permission_entry e ON e.document_no = d.no WHERE d.no = ",
            last_of_source!()
        ),
        O::Scopes => {
            "SELECT d.id, o.scope, o.public FROM document d JOIN document o ON o.no = coalesce(d.parent_no, d.no)
             WHERE d.knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND d.live_generation IS NOT NULL ORDER BY d.id"
        }
        O::Entries => {
            "SELECT d.id, e.effect, e.principal FROM document d JOIN permission_entry e ON e.document_no = coalesce(d.parent_no, d.no)
             WHERE d.knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND d.live_generation IS NOT NULL"
        }
        O::ScopesOf => {
            "SELECT d.id, d.scope, d.public FROM json_each(?2) j CROSS JOIN document d ON d.id = j.value
             WHERE d.knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND d.live_generation IS NOT NULL ORDER BY d.id"
        }
        O::EntriesOf => {
            "SELECT d.id, e.effect, e.principal
             FROM json_each(?1) j CROSS JOIN document d ON d.id = j.value JOIN permission_entry e ON e.document_no = d.no"
        }

        O::SetUnpublishedAttributes => {
            concat!("UPDATE document SET attributes = ?3 WHERE ", of_source!(), " AND live_generation IS NULL")
        }
        O::SetAttributes => {
            "UPDATE document SET attributes = ?3
             WHERE id = ?2 AND parent_no IS NULL AND knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND live_generation IS NOT NULL"
        }
        // A file inside a document has those of the document.
        O::StirAttributes => {
            "UPDATE document SET stirred = (SELECT content_epoch FROM knowledge_base WHERE id = ?1)
             WHERE no IN (SELECT no FROM document WHERE id = ?2
                          UNION ALL SELECT c.no FROM document c JOIN document d ON c.parent_no = d.no WHERE d.id = ?2)"
        }
        O::Attributes => {
            "SELECT d.id, o.attributes FROM document d JOIN document o ON o.no = coalesce(d.parent_no, d.no)
             WHERE d.knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND d.live_generation IS NOT NULL
               AND o.attributes IS NOT NULL"
        }
        O::AttributesSince => {
            "SELECT d.id, o.attributes FROM document d JOIN document o ON o.no = coalesce(d.parent_no, d.no)
             WHERE d.knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND d.stirred >= ?2 AND d.live_generation IS NOT NULL"
        }

        O::InsertVersion => concat!(
            "INSERT INTO version (document_no, generation, replaces, state, name, title, media_type, sha256, bytes, fingerprint, pages, metadata,
                                  created_at)
             SELECT no, last_generation, live_generation, 'writing', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 FROM document WHERE ",
            of_source!(),
            " RETURNING no"
        ),
        O::Version => {
            "SELECT v.generation, v.name, v.title, v.media_type, v.sha256, v.bytes, v.fingerprint, v.pages, v.metadata, v.chunks,
                    v.published_at, (SELECT p.model FROM first_pass p WHERE p.version_no = v.no)
             FROM version v JOIN document d ON d.no = v.document_no WHERE d.id = ?1 AND v.generation = ?2"
        }
        O::VersionProgress => {
            "SELECT v.state, d.deleted_at,
                    (SELECT count(*) FROM slot_range s JOIN chunk c ON c.key >= s.key AND c.key < s.key + s.count AND c.version_no = v.no
                     WHERE s.version_no = v.no)
             FROM version v JOIN document d ON d.no = v.document_no WHERE v.no = ?1"
        }
        O::RequireDraft => "SELECT 1 FROM version WHERE no = ?1 AND state = 'writing'",
        O::MarkPublished => {
            "UPDATE version SET state = 'live', chunks = ?2, published_at = ?3
             WHERE no = ?1 AND state = 'writing' AND ?2 =
                (SELECT count(*) FROM slot_range s JOIN chunk c ON c.key >= s.key AND c.key < s.key + s.count AND c.version_no = ?1
                 WHERE s.version_no = ?1)"
        }
        O::MoveLivePointer => {
            "UPDATE document SET live_generation = (SELECT generation FROM version WHERE no = ?1),
                stirred = (SELECT content_epoch FROM knowledge_base k WHERE k.no = knowledge_base_no)
             WHERE no = (SELECT document_no FROM version WHERE no = ?1) AND deleted_at IS NULL AND live_generation IS ?2"
        }
        O::MarkReplaced => {
            "UPDATE version SET state = 'dead'
             WHERE document_no = (SELECT document_no FROM version WHERE no = ?1) AND no <> ?1 AND state = 'live'"
        }
        O::MarkHidden => {
            "UPDATE version SET state = 'dead' WHERE document_no = (SELECT no FROM document WHERE id = ?1) AND state = 'live'"
        }
        O::OtherInner => {
            "SELECT d.id, s.key, s.count FROM document d JOIN version v ON v.document_no = d.no AND v.generation = d.live_generation
             LEFT JOIN slot_range s ON s.version_no = v.no
             WHERE d.parent_no = (SELECT no FROM document WHERE id = ?1) AND d.live_generation IS NOT NULL
                AND d.id NOT IN (SELECT value FROM json_each(?2)) ORDER BY d.id, s.key"
        }
        O::HideOtherInner => {
            "UPDATE document SET live_generation = NULL, deleted_at = ?3
             WHERE parent_no = (SELECT no FROM document WHERE id = ?1) AND live_generation IS NOT NULL
                AND id NOT IN (SELECT value FROM json_each(?2))"
        }
        O::MarkHiddenInner => {
            "UPDATE version SET state = 'dead'
             WHERE state = 'live' AND document_no IN
                (SELECT no FROM document WHERE parent_no = (SELECT no FROM document WHERE id = ?1) AND live_generation IS NULL)"
        }
        O::MarkDiscarded => "UPDATE version SET state = 'dead' WHERE no = ?1 AND state = 'writing'",
        O::Orphans => {
            "SELECT k.id, d.id, v.generation, v.replaces, k.dimensions, v.no
             FROM version v JOIN document d ON d.no = v.document_no JOIN knowledge_base k ON k.no = d.knowledge_base_no
             WHERE v.state = 'writing' AND v.state <> 'live' ORDER BY v.no"
        }
        O::DeadVersions => {
            "SELECT v.no, k.no, k.id, d.id, v.generation, s.key, s.count
             FROM version v JOIN document d ON d.no = v.document_no JOIN knowledge_base k ON k.no = d.knowledge_base_no
             LEFT JOIN slot_range s ON s.version_no = v.no
             WHERE v.state = 'dead' AND v.state <> 'live' ORDER BY v.no, s.key"
        }
        O::RequireDead => "SELECT 1 FROM version WHERE no = ?1 AND state = 'dead'",
        O::KeepVersion => {
            "INSERT OR IGNORE INTO kept_version (knowledge_base_no, document, generation, name, title, media_type, sha256, bytes, pages,
                                                 published_at, replaced_at)
             SELECT k.no, d.id, v.generation, v.name, v.title, v.media_type, v.sha256, v.bytes, v.pages, v.published_at, ?2
             FROM version v JOIN document d ON d.no = v.document_no JOIN knowledge_base k ON k.no = d.knowledge_base_no
             WHERE v.no = ?1 AND v.state = 'dead' AND v.published_at IS NOT NULL AND d.live_generation IS NOT NULL
                AND json_extract(k.settings, '$.history') IS NOT NULL"
        }
        O::KeptVersions => {
            "SELECT h.generation, h.name, h.title, h.media_type, h.sha256, h.bytes, h.pages, h.published_at, h.replaced_at
             FROM kept_version h JOIN knowledge_base k ON k.no = h.knowledge_base_no
             WHERE h.document = ?1 AND (json_extract(k.settings, '$.history.days') IS NULL
                OR h.replaced_at >= ?2 - json_extract(k.settings, '$.history.days') * 86400000)
             ORDER BY h.generation DESC LIMIT coalesce((SELECT json_extract(b.settings, '$.history.versions')
                FROM knowledge_base b JOIN kept_version o ON o.knowledge_base_no = b.no WHERE o.document = ?1), 1000)"
        }
        O::ForgetVersions => {
            "DELETE FROM kept_version WHERE no IN
                (SELECT h.no FROM
                    (SELECT no, document, knowledge_base_no, replaced_at,
                            row_number() OVER (PARTITION BY document ORDER BY generation DESC) AS place FROM kept_version) h
                 JOIN knowledge_base k ON k.no = h.knowledge_base_no
                 WHERE k.id = ?1 AND (json_extract(k.settings, '$.history') IS NULL
                    OR h.place > coalesce(json_extract(k.settings, '$.history.versions'), h.place)
                    OR h.replaced_at < ?2 - coalesce(json_extract(k.settings, '$.history.days'), 1000000) * 86400000
                    OR NOT EXISTS (SELECT 1 FROM document d WHERE d.id = h.document AND d.live_generation IS NOT NULL)))
             RETURNING sha256"
        }
        O::PutSignature => "INSERT OR REPLACE INTO signature (version_no, minima) VALUES (?1, ?2)",
        O::PutBand => "INSERT OR IGNORE INTO signature_band (band, version_no) VALUES (?1, ?2)",
        // The document itself is among them.
        O::Near => {
            "SELECT DISTINCT d.id, s.minima
             FROM document own JOIN version v ON v.document_no = own.no AND v.generation = ?2
             JOIN signature_band b ON b.version_no = v.no JOIN signature_band o ON o.band = b.band
             JOIN version other ON other.no = o.version_no
             JOIN document d ON d.no = other.document_no AND d.live_generation = other.generation
                AND d.knowledge_base_no = own.knowledge_base_no
             JOIN signature s ON s.version_no = other.no WHERE own.id = ?1
             ORDER BY d.id <> ?1 LIMIT ?3"
        }
        O::RemoveVersion => "DELETE FROM version WHERE no = ?1",
        O::PutPage => {
            "INSERT INTO page (version_no, number, text, start) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (version_no, number) DO UPDATE SET text = excluded.text, start = excluded.start"
        }
        O::PutPageWords => {
            "INSERT INTO page_words (version_no, number, words) VALUES (?1, ?2, ?3)
             ON CONFLICT (version_no, number) DO UPDATE SET words = excluded.words"
        }
        O::PageWords => {
            "SELECT w.words FROM document d JOIN version v ON v.document_no = d.no AND v.generation = ?2
             JOIN page_words w ON w.version_no = v.no AND w.number = ?3 WHERE d.id = ?1"
        }
        O::Page => {
            "SELECT p.text, p.start FROM document d JOIN version v ON v.document_no = d.no AND v.generation = ?2
             JOIN page p ON p.version_no = v.no AND p.number = ?3 WHERE d.id = ?1"
        }

        O::FreeSlots => {
            "SELECT s.key, s.count FROM knowledge_base k JOIN slot_range s ON s.version_no IS NULL AND s.key >= k.no << 32
                AND s.key < (k.no + 1) << 32 WHERE k.id = ?1 ORDER BY s.key LIMIT ?2"
        }
        O::TakeFreeSlots => "UPDATE slot_range SET version_no = ?3, count = ?4 WHERE key = ?1 AND count = ?2 AND version_no IS NULL",
        O::LeaveFreeSlots => "INSERT INTO slot_range (key, count) VALUES (?1, ?2)",
        O::AdvanceSlots => "UPDATE knowledge_base SET next_slot = next_slot + ?2 WHERE id = ?1 AND next_slot + ?2 <= 4294967295",
        O::RecordSlots => {
            "INSERT INTO slot_range (key, count, version_no)
             SELECT (no << 32) + next_slot - ?2, ?2, ?3 FROM knowledge_base WHERE id = ?1 RETURNING key, count"
        }
        O::CountUpChunks => "UPDATE version SET chunks = chunks + ?2 WHERE no = ?1 AND state = 'writing' RETURNING chunks - ?2",
        O::SlotsOfVersion => "SELECT key, count FROM slot_range WHERE version_no = ?1 ORDER BY key",
        O::SlotsOfLive => {
            "SELECT s.key, s.count FROM document d JOIN version v ON v.document_no = d.no AND v.generation = d.live_generation
             JOIN slot_range s ON s.version_no = v.no WHERE d.id = ?1 ORDER BY s.key"
        }
        O::ReleaseSlots => "UPDATE slot_range SET version_no = NULL WHERE version_no = ?1",
        O::InsertChunk => {
            "INSERT INTO chunk (key, version_no, ordinal, text, heading_path, first_page, last_page, span_start, span_end, place)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        }
        O::InsertVector => "INSERT INTO embedding (key, vector) VALUES (?1, ?2)",
        O::InsertCodes => "INSERT INTO code_block (key, count, scales, codes) VALUES (?1, ?2, ?3, ?4)",
        O::RemoveChunks => "DELETE FROM chunk WHERE key >= ?1 AND key < ?2",
        O::RemoveVectors => "DELETE FROM embedding WHERE key >= ?1 AND key < ?2",
        O::RemoveCodes => "DELETE FROM code_block WHERE key >= ?1 AND key < ?2",
        O::SlotSummary => "SELECT content_epoch, permission_epoch, next_slot, dimensions FROM knowledge_base WHERE id = ?1",
        O::LiveSlots => {
            "SELECT d.id, v.generation, s.key, s.count
             FROM document d JOIN version v ON v.document_no = d.no AND v.generation = d.live_generation
             LEFT JOIN slot_range s ON s.version_no = v.no
             WHERE d.knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND d.live_generation IS NOT NULL
             ORDER BY d.id, s.key"
        }
        O::Codes => {
            "SELECT b.key, b.scales, b.codes FROM knowledge_base k JOIN code_block b ON b.key >= (k.no << 32) + ?2
                AND b.key < (k.no + 1) << 32 WHERE k.id = ?1 ORDER BY b.key LIMIT ?3"
        }
        O::Texts => {
            "SELECT c.key, v.title, v.name, c.heading_path, c.text, c.place
             FROM knowledge_base k JOIN chunk c ON c.key >= (k.no << 32) + ?2 AND c.key < (k.no + 1) << 32
             JOIN version v ON v.no = c.version_no WHERE k.id = ?1 ORDER BY c.key LIMIT ?3"
        }
        O::Chunks => chunk!(
            "FROM json_each(?2) j CROSS JOIN chunk c ON c.key = (SELECT no << 32 FROM knowledge_base WHERE id = ?1) + j.value
             JOIN version v ON v.no = c.version_no JOIN document d ON d.no = v.document_no ORDER BY j.key"
        ),
        O::ChunksOf => chunk!(
            "FROM json_each(?2) j
             CROSS JOIN document d ON d.knowledge_base_no = (SELECT no FROM knowledge_base WHERE id = ?1) AND d.id = j.value ->> 0
                AND d.live_generation IS NOT NULL
             CROSS JOIN version v ON v.document_no = d.no AND v.generation = j.value ->> 1
             CROSS JOIN chunk c ON c.version_no = v.no AND c.ordinal >= j.value ->> 2 AND c.ordinal < j.value ->> 3
             ORDER BY j.key, c.ordinal"
        ),
        O::Vectors => {
            "SELECT e.key, e.vector
             FROM json_each(?2) j CROSS JOIN embedding e ON e.key = (SELECT no << 32 FROM knowledge_base WHERE id = ?1) + j.value
             ORDER BY j.key"
        }

        O::InsertFirstPass => concat!(
            "INSERT INTO first_pass (version_no, model, dimensions)
             SELECT v.no, ?3, ?4 FROM version v JOIN document d ON d.no = v.document_no AND d.last_generation = v.generation WHERE ",
            of_source!()
        ),
        O::InsertFirstVector => "INSERT INTO first_vector (key, version_no, vector, text) VALUES (?1, ?2, ?3, ?4)",
        O::FirstVectorsFrom => {
            "SELECT f.key, p.model, p.dimensions, f.vector FROM knowledge_base k JOIN first_vector f ON f.key >= (k.no << 32) + ?2
                AND f.key < (k.no + 1) << 32 JOIN first_pass p ON p.version_no = f.version_no WHERE k.id = ?1 ORDER BY f.key LIMIT ?3"
        }
        O::FirstVectors => {
            "SELECT f.key, f.vector
             FROM json_each(?2) j CROSS JOIN first_vector f ON f.key = (SELECT no << 32 FROM knowledge_base WHERE id = ?1) + j.value
             ORDER BY j.key"
        }
        O::Unembedded => concat!(
            "SELECT f.key, f.text FROM first_vector f WHERE f.version_no = ",
            passing!(),
            " AND NOT EXISTS (SELECT 1 FROM embedding e WHERE e.key = f.key) ORDER BY f.key LIMIT ?3"
        ),
        O::RequireFirstPass => concat!("SELECT 1 FROM first_pass WHERE version_no = ", passing!()),
        O::RequireUnembedded => "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM embedding WHERE key = ?1)",
        O::CodesOfVersion => concat!(
            "SELECT b.key, b.scales, b.codes FROM slot_range s JOIN code_block b ON b.key >= s.key AND b.key < s.key + s.count
             WHERE s.version_no = ",
            passing!(),
            " ORDER BY b.key"
        ),
        O::EndFirstPass => concat!(
            "DELETE FROM first_pass WHERE version_no = ",
            passing!(),
            " AND (SELECT chunks FROM version WHERE no = first_pass.version_no) =
                (SELECT count(*) FROM first_vector f JOIN embedding e ON e.key = f.key WHERE f.version_no = first_pass.version_no)
             RETURNING version_no"
        ),
        O::RemoveFirstVectors => {
            "DELETE FROM first_vector WHERE version_no =
                (SELECT v.no FROM document d JOIN version v ON v.document_no = d.no WHERE d.id = ?1 AND v.generation = ?2)"
        }
        O::WaitingPasses => {
            "SELECT t.id, k.id, d.id, v.generation
             FROM first_pass p JOIN version v ON v.no = p.version_no JOIN document d ON d.no = v.document_no AND d.live_generation = v.generation
             JOIN knowledge_base k ON k.no = d.knowledge_base_no JOIN tenant t ON t.no = k.tenant_no ORDER BY v.no"
        }

        O::LiveObject => object!("o.live_version", "AND o.name = ?3"),
        O::LiveObjects => object!("o.live_version", "ORDER BY o.name"),
        O::ObjectVersion => object!("?4", "AND o.name = ?3"),
        O::InsertObject => {
            "INSERT INTO object (kind, tenant_no, name, managed_by) SELECT ?1, no, ?3, ?4 FROM tenant WHERE id = ?2 ON CONFLICT DO NOTHING"
        }
        O::AdvanceObject => {
            "UPDATE object SET last_version = last_version + 1, live_version = last_version + 1, managed_by = ?4
             WHERE kind = ?1 AND tenant_no = (SELECT no FROM tenant WHERE id = ?2) AND name = ?3
                AND (managed_by = 'api' OR live_version IS NULL OR ?4 = 'file')"
        }
        O::InsertObjectVersion => {
            "INSERT INTO object_version (object_no, version, body, created_at)
             SELECT no, last_version, ?4, ?5 FROM object
             WHERE kind = ?1 AND tenant_no = (SELECT no FROM tenant WHERE id = ?2) AND name = ?3 RETURNING version"
        }
        O::RetireObject => {
            "UPDATE object SET live_version = NULL
             WHERE kind = ?1 AND tenant_no = (SELECT no FROM tenant WHERE id = ?2) AND name = ?3 AND live_version IS NOT NULL
                AND (managed_by = 'api' OR ?4 = 'file')"
        }

        O::KeptAnswer => "SELECT request, status, headers, body FROM kept_answer WHERE scope = ?1 AND kept_at > ?2",
        O::KeepAnswer => {
            "INSERT OR REPLACE INTO kept_answer (scope, request, status, headers, body, kept_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
        }
        O::ForgetAnswers => "DELETE FROM kept_answer WHERE kept_at <= ?1",
        O::TrimAnswers => {
            "DELETE FROM kept_answer WHERE no IN
                (SELECT no FROM (SELECT no, sum(length(body)) OVER (ORDER BY no DESC) AS together FROM kept_answer) WHERE together > ?1)"
        }

        O::Settle => {
            "INSERT INTO ledger (call, request_label, tenant, principal, operation, model, deployment, target, served_model, streamed,
                                 started_ms, first_token_ms, ended_ms, status, detail, input_tokens, output_tokens, cached_tokens,
                                 reasoning_tokens, estimated, failed_attempts, lost_input_tokens, lost_output_tokens, cost_nano_dollars,
                                 price_version, cached, extra)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25,
                     ?26, ?27)
             ON CONFLICT DO NOTHING"
        }
        O::Jobs(operation) => super::jobs::sql(operation),
        O::Dialogue(operation) => super::dialogue::sql(operation),
        O::Kept(operation) => super::kept::sql(operation),
        O::Ledger => {
            "SELECT call, request_label, tenant, principal, operation, model, deployment, target, served_model, streamed, started_ms,
                    first_token_ms, ended_ms, status, detail, input_tokens, output_tokens, cached_tokens, reasoning_tokens, estimated,
                    failed_attempts, lost_input_tokens, lost_output_tokens, cost_nano_dollars, price_version, cached, extra
             FROM ledger WHERE tenant = ?1 AND ended_ms >= ?2 AND ended_ms < ?3 AND (ended_ms, call) > (?4, ?5)
             ORDER BY ended_ms, call LIMIT ?6"
        }
    }
}
