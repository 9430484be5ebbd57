-- The content epoch in which a document went live or its attributes were set: who knows those of an earlier one reads what is newer.
ALTER TABLE document ADD COLUMN stirred INTEGER NOT NULL DEFAULT 0;
CREATE INDEX document_stirred ON document (knowledge_base_no, stirred);
