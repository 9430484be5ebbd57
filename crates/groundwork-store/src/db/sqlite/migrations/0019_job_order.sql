-- Jobs with one key follow each other, so there may be several that have not ended; those that have are found by when.
DROP INDEX job_active_key;
CREATE INDEX job_active_key ON job (kind, tenant_no, dedupe_key, no) WHERE dedupe_key IS NOT NULL AND state IN ('queued', 'running');
CREATE INDEX job_ended ON job (finished_at) WHERE finished_at IS NOT NULL;
