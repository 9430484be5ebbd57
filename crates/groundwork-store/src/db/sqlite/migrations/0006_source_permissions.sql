-- The row of a deleted document stays, without any version, where it holds permissions that are not the default: they belong to the
-- source, so that a file that vanishes and comes back is not open to more people than before. The next document of the source takes
-- them over, and the row goes.
CREATE INDEX document_deleted ON document (knowledge_base_no, source, no) WHERE deleted_at IS NOT NULL;
