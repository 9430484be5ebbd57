-- Objects that callers make through OpenAI's API. `owner` is the principal that made one: to everybody else it does not exist.

CREATE TABLE file (
    no         INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    tenant_no  INTEGER NOT NULL REFERENCES tenant (no),
    owner      TEXT NOT NULL,
    purpose    TEXT NOT NULL,
    name       TEXT NOT NULL,
    media_type TEXT NOT NULL,
    bytes      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    -- The row goes with the content, which a job removes.
    deleted_at INTEGER
);
CREATE INDEX file_by_owner ON file (tenant_no, owner, id);

CREATE TABLE upload (
    no            INTEGER PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    tenant_no     INTEGER NOT NULL REFERENCES tenant (no),
    owner         TEXT NOT NULL,
    purpose       TEXT NOT NULL,
    name          TEXT NOT NULL,
    media_type    TEXT NOT NULL,
    -- As announced; the parts together must have as many.
    bytes         INTEGER NOT NULL,
    -- Seconds that the file shall live.
    expires_after INTEGER,
    state         TEXT NOT NULL CHECK (state IN ('pending', 'completed', 'cancelled')),
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER NOT NULL,
    file          TEXT
);

CREATE TABLE upload_part (
    no         INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    upload_no  INTEGER NOT NULL REFERENCES upload (no) ON DELETE CASCADE,
    bytes      INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX upload_part_by_upload ON upload_part (upload_no);

CREATE TABLE batch (
    no               INTEGER PRIMARY KEY,
    id               TEXT NOT NULL UNIQUE,
    tenant_no        INTEGER NOT NULL REFERENCES tenant (no),
    owner            TEXT NOT NULL,
    -- As whom its lines are run.
    caller           TEXT NOT NULL,
    endpoint         TEXT NOT NULL,
    input_file       TEXT NOT NULL,
    metadata         TEXT,
    -- Seconds that its output and error files shall live.
    expires_after    INTEGER NOT NULL,
    state            TEXT NOT NULL CHECK (state IN ('validating', 'in_progress', 'finalizing', 'cancelling',
                                                    'completed', 'failed', 'expired', 'cancelled')),
    model            TEXT,
    -- Why validation failed.
    errors           TEXT,
    total            INTEGER NOT NULL DEFAULT 0,
    completed        INTEGER NOT NULL DEFAULT 0,
    failed           INTEGER NOT NULL DEFAULT 0,
    input_tokens     INTEGER NOT NULL DEFAULT 0,
    cached_tokens    INTEGER NOT NULL DEFAULT 0,
    output_tokens    INTEGER NOT NULL DEFAULT 0,
    reasoning_tokens INTEGER NOT NULL DEFAULT 0,
    output_file      TEXT,
    error_file       TEXT,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    in_progress_at   INTEGER,
    finalizing_at    INTEGER,
    cancelling_at    INTEGER,
    -- When it reached the state in which it stays.
    ended_at         INTEGER
);
CREATE INDEX batch_by_owner ON batch (tenant_no, owner, id);
CREATE INDEX batch_by_input ON batch (input_file) WHERE ended_at IS NULL;

-- What came of the lines of a batch that has not ended; key is (batch number << 32) | line. A line that stands here is not run again.
CREATE TABLE batch_result (
    key       INTEGER PRIMARY KEY,
    succeeded INTEGER NOT NULL,
    -- The line of the output or error file.
    text      TEXT NOT NULL
);

-- Chat completions that were asked to be stored.
CREATE TABLE completion (
    no         INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    tenant_no  INTEGER NOT NULL REFERENCES tenant (no),
    owner      TEXT NOT NULL,
    -- As it was asked for; the answer names the model that gave it.
    model      TEXT NOT NULL,
    metadata   TEXT NOT NULL,
    messages   TEXT NOT NULL,
    answer     TEXT NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX completion_by_owner ON completion (tenant_no, owner, id);
