-- Numbers (`no`) are for joins inside the database; people and other processes see the text ids.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE tenant (
    no         INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
);

CREATE TABLE principal (
    no         INTEGER PRIMARY KEY,
    tenant_no  INTEGER NOT NULL REFERENCES tenant (no),
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (tenant_no, name)
);

CREATE TABLE knowledge_base (
    no               INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    tenant_no        INTEGER NOT NULL REFERENCES tenant (no),
    name             TEXT NOT NULL,
    settings         TEXT NOT NULL,
    managed_by       TEXT NOT NULL CHECK (managed_by IN ('file', 'api')),
    created_at       INTEGER NOT NULL,
    -- Set by the first version; vectors of two models are never compared.
    embedding_model  TEXT,
    dimensions       INTEGER,
    next_slot        INTEGER NOT NULL DEFAULT 0,
    content_epoch    INTEGER NOT NULL DEFAULT 0,
    permission_epoch INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE document (
    no                INTEGER PRIMARY KEY,
    id                TEXT NOT NULL UNIQUE,
    knowledge_base_no INTEGER NOT NULL REFERENCES knowledge_base (no),
    source            TEXT NOT NULL,
    scope             TEXT NOT NULL DEFAULT 'tenant' CHECK (scope IN ('tenant', 'restricted')),
    public            INTEGER NOT NULL DEFAULT 0,
    last_generation   INTEGER NOT NULL DEFAULT 0,
    -- The pointer of the generation flip: what readers see. NULL before the first publication and after deletion.
    live_generation   INTEGER,
    created_at        INTEGER NOT NULL,
    deleted_at        INTEGER
);
-- A deleted document waits for its collection beside its successor of the same source.
CREATE UNIQUE INDEX document_by_source ON document (knowledge_base_no, source) WHERE deleted_at IS NULL;
CREATE INDEX document_by_id ON document (knowledge_base_no, id) WHERE live_generation IS NOT NULL;

CREATE TABLE permission_entry (
    document_no INTEGER NOT NULL REFERENCES document (no) ON DELETE CASCADE,
    effect      TEXT NOT NULL CHECK (effect IN ('allow', 'deny')),
    principal   TEXT NOT NULL,
    PRIMARY KEY (document_no, effect, principal)
) WITHOUT ROWID;

CREATE TABLE version (
    no           INTEGER PRIMARY KEY,
    document_no  INTEGER NOT NULL REFERENCES document (no),
    generation   INTEGER NOT NULL,
    -- The generation that was live when this one was begun.
    replaces     INTEGER,
    -- writing -> live -> dead -> (collected: the row is gone)
    state        TEXT NOT NULL CHECK (state IN ('writing', 'live', 'dead')),
    name         TEXT NOT NULL,
    title        TEXT,
    media_type   TEXT NOT NULL,
    sha256       BLOB NOT NULL,
    bytes        INTEGER NOT NULL,
    fingerprint  TEXT NOT NULL,
    pages        INTEGER,
    metadata     TEXT NOT NULL,
    chunks       INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    published_at INTEGER,
    UNIQUE (document_no, generation)
);
CREATE INDEX version_not_live ON version (state) WHERE state <> 'live';
CREATE INDEX version_by_original ON version (sha256);

CREATE TABLE page (
    version_no INTEGER NOT NULL REFERENCES version (no) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    text       TEXT NOT NULL,
    PRIMARY KEY (version_no, number)
) WITHOUT ROWID;

-- A chunk's key is (knowledge base number << 32) | slot, so that the tables below lie in the order of slots.

-- Who has which slots: `count` slots from `key` on. A range without a version may be given out again.
CREATE TABLE slot_range (
    key        INTEGER PRIMARY KEY,
    count      INTEGER NOT NULL,
    version_no INTEGER REFERENCES version (no)
);
CREATE INDEX slot_range_by_version ON slot_range (version_no, key, count);

CREATE TABLE chunk (
    key          INTEGER PRIMARY KEY,
    version_no   INTEGER NOT NULL,
    ordinal      INTEGER NOT NULL,
    text         TEXT NOT NULL,
    heading_path TEXT NOT NULL,
    first_page   INTEGER,
    last_page    INTEGER,
    span_start   INTEGER NOT NULL,
    span_end     INTEGER NOT NULL
);

-- The vector as f16, little-endian, for rescoring.
CREATE TABLE embedding (
    key    INTEGER PRIMARY KEY,
    vector BLOB NOT NULL
);

-- Codes of `count` consecutive slots from `key` on, and their scales as f32, little-endian: the scan's matrix in few rows.
CREATE TABLE code_block (
    key    INTEGER PRIMARY KEY,
    count  INTEGER NOT NULL,
    scales BLOB NOT NULL,
    codes  BLOB NOT NULL
);

-- Published objects: assistants, templates, model pools. A version never changes; `live_version` says which one counts.
CREATE TABLE object (
    no           INTEGER PRIMARY KEY,
    kind         TEXT NOT NULL,
    tenant_no    INTEGER NOT NULL REFERENCES tenant (no),
    name         TEXT NOT NULL,
    last_version INTEGER NOT NULL DEFAULT 0,
    live_version INTEGER,
    managed_by   TEXT NOT NULL CHECK (managed_by IN ('file', 'api')),
    UNIQUE (kind, tenant_no, name)
);

CREATE TABLE object_version (
    object_no  INTEGER NOT NULL REFERENCES object (no),
    version    INTEGER NOT NULL,
    body       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (object_no, version)
) WITHOUT ROWID;

CREATE TABLE job (
    no           INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    kind         TEXT NOT NULL,
    tenant_no    INTEGER NOT NULL REFERENCES tenant (no),
    payload      TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    dedupe_key   TEXT,
    attempts     INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL,
    run_after    INTEGER NOT NULL,
    leased_until INTEGER,
    progress     TEXT,
    error        TEXT,
    created_at   INTEGER NOT NULL,
    finished_at  INTEGER
);
CREATE UNIQUE INDEX job_active_key ON job (kind, tenant_no, dedupe_key)
    WHERE dedupe_key IS NOT NULL AND state IN ('queued', 'running');
CREATE INDEX job_waiting ON job (run_after, no) WHERE state IN ('queued', 'running');
CREATE INDEX job_by_tenant ON job (tenant_no, id);

CREATE TABLE ledger (
    call              TEXT PRIMARY KEY,
    request_label     TEXT,
    tenant            TEXT NOT NULL,
    principal         TEXT NOT NULL,
    operation         TEXT NOT NULL,
    model             TEXT NOT NULL,
    deployment        TEXT,
    target            TEXT,
    streamed          INTEGER NOT NULL,
    started_ms        INTEGER NOT NULL,
    first_token_ms    INTEGER,
    ended_ms          INTEGER NOT NULL,
    status            TEXT NOT NULL,
    detail            TEXT,
    input_tokens      INTEGER NOT NULL,
    output_tokens     INTEGER NOT NULL,
    cached_tokens     INTEGER NOT NULL,
    reasoning_tokens  INTEGER NOT NULL,
    estimated         INTEGER NOT NULL,
    cost_nano_dollars INTEGER,
    price_version     TEXT,
    cached            TEXT NOT NULL,
    extra             TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX ledger_by_time ON ledger (tenant, ended_ms, call);
