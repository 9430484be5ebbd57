-- Responses and conversations, and the items that both stand on. An item is stored once, in the words in which it came, however many
-- responses and conversations it is part of; it goes with the last of them.

CREATE TABLE item (
    no        INTEGER PRIMARY KEY,
    -- Ours, or the target's own: then it may stand more than once.
    id        TEXT NOT NULL,
    tenant_no INTEGER NOT NULL REFERENCES tenant (no),
    owner     TEXT NOT NULL,
    body      TEXT NOT NULL
);
CREATE INDEX item_by_id ON item (tenant_no, owner, id);

CREATE TABLE response (
    no          INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    tenant_no   INTEGER NOT NULL REFERENCES tenant (no),
    owner       TEXT NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('queued', 'in_progress', 'completed', 'incomplete', 'failed', 'cancelled')),
    background  INTEGER NOT NULL,
    streamed    INTEGER NOT NULL,
    deployment  TEXT,
    -- The response object, as every read shows it.
    body        TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER
);
CREATE INDEX response_open ON response (no) WHERE status IN ('queued', 'in_progress');
CREATE INDEX response_by_age ON response (created_at);

-- The events of a stream, to be read again for a while: a compressed text.
CREATE TABLE response_events (
    response_no INTEGER PRIMARY KEY REFERENCES response (no) ON DELETE CASCADE,
    events      BLOB NOT NULL,
    stored_at   INTEGER NOT NULL
);
CREATE INDEX response_events_by_age ON response_events (stored_at);

-- part: 0 what was said before this response, 1 its own input, 2 its output.
CREATE TABLE response_item (
    response_no INTEGER NOT NULL REFERENCES response (no) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    item_no     INTEGER NOT NULL REFERENCES item (no) ON DELETE CASCADE,
    part        INTEGER NOT NULL CHECK (part IN (0, 1, 2)),
    PRIMARY KEY (response_no, position)
) WITHOUT ROWID;
CREATE INDEX response_item_by_item ON response_item (item_no);

CREATE TABLE conversation (
    no         INTEGER PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    tenant_no  INTEGER NOT NULL REFERENCES tenant (no),
    owner      TEXT NOT NULL,
    metadata   TEXT NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE conversation_item (
    conversation_no INTEGER NOT NULL REFERENCES conversation (no) ON DELETE CASCADE,
    position        INTEGER NOT NULL,
    item_no         INTEGER NOT NULL REFERENCES item (no) ON DELETE CASCADE,
    PRIMARY KEY (conversation_no, position)
) WITHOUT ROWID;
CREATE INDEX conversation_item_by_item ON conversation_item (item_no);
