-- Answers that a repeated request with the same idempotency key gets again.
CREATE TABLE kept_answer (
    no      INTEGER PRIMARY KEY,
    -- Hash of tenant, principal, path and key.
    scope   BLOB NOT NULL UNIQUE,
    -- Hash of the request's body.
    request BLOB NOT NULL,
    status  INTEGER NOT NULL,
    headers TEXT NOT NULL,
    body    BLOB NOT NULL,
    kept_at INTEGER NOT NULL
);
CREATE INDEX kept_answer_by_age ON kept_answer (kept_at);
