-- Signatures of texts, by which near-duplicates are found: two documents that share a band may be alike.
CREATE TABLE signature (
    version_no INTEGER PRIMARY KEY REFERENCES version (no) ON DELETE CASCADE,
    minima     BLOB NOT NULL
);
CREATE TABLE signature_band (
    band       INTEGER NOT NULL,
    version_no INTEGER NOT NULL REFERENCES version (no) ON DELETE CASCADE,
    PRIMARY KEY (band, version_no)
) WITHOUT ROWID;
CREATE INDEX signature_band_by_version ON signature_band (version_no);

-- Versions that were replaced and that the knowledge base's settings keep: what is known of them, and their originals.
CREATE TABLE kept_version (
    no                INTEGER PRIMARY KEY,
    knowledge_base_no INTEGER NOT NULL REFERENCES knowledge_base (no),
    document          TEXT NOT NULL,
    generation        INTEGER NOT NULL,
    name              TEXT NOT NULL,
    title             TEXT,
    media_type        TEXT NOT NULL,
    sha256            BLOB NOT NULL,
    bytes             INTEGER NOT NULL,
    pages             INTEGER,
    published_at      INTEGER NOT NULL,
    replaced_at       INTEGER NOT NULL,
    UNIQUE (document, generation)
);
CREATE INDEX kept_version_by_original ON kept_version (sha256);
