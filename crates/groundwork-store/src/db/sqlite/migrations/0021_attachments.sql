-- A file inside a file (of a mail) is a document of its own that its parent's permissions are asked for, and that appears, is replaced and
-- goes with its parent. A file inside a file inside a file has the outermost for its parent.
ALTER TABLE document ADD COLUMN parent_no INTEGER REFERENCES document (no) ON DELETE SET NULL;
CREATE INDEX document_by_parent ON document (parent_no) WHERE parent_no IS NOT NULL;
