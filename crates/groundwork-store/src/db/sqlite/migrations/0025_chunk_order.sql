-- The neighbors of a chunk are found by their place in its version.
CREATE INDEX chunk_by_ordinal ON chunk (version_no, ordinal);
