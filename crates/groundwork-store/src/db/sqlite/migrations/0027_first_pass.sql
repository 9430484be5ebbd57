-- Versions that are found by the vectors of a fast model as long as those of their knowledge base's own are not all there; and these vectors
-- as f16, little-endian, each with the text that the other model is yet to embed.
CREATE TABLE first_pass (
    version_no INTEGER PRIMARY KEY REFERENCES version (no) ON DELETE CASCADE,
    model      TEXT NOT NULL,
    dimensions INTEGER NOT NULL
);
CREATE TABLE first_vector (
    key        INTEGER PRIMARY KEY,
    version_no INTEGER NOT NULL REFERENCES version (no) ON DELETE CASCADE,
    vector     BLOB NOT NULL,
    text       TEXT NOT NULL
);
CREATE INDEX first_vector_by_version ON first_vector (version_no, key);
