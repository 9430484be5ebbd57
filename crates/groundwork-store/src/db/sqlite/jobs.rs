//! The SQL of jobs.

use crate::db::operation::Jobs;

macro_rules! job {
    () => {
        "job.id, job.kind, (SELECT t.id FROM tenant t WHERE t.no = job.tenant_no), job.payload, job.state, job.attempts, job.max_attempts,
         job.run_after, job.leased_until, job.progress, job.error, job.created_at, job.finished_at"
    };
}

pub(super) fn sql(operation: Jobs) -> &'static str {
    use Jobs as O;
    match operation {
        O::Insert => {
            "INSERT INTO job (id, kind, tenant_no, payload, state, dedupe_key, max_attempts, run_after, created_at)
             SELECT ?1, ?2, t.no, ?4, 'queued', ?5, ?6, ?7, ?8 FROM tenant t
             WHERE t.id = ?3 AND ?4 IS NOT (SELECT last.payload FROM job last
                                            WHERE last.kind = ?2 AND last.tenant_no = t.no AND last.dedupe_key = ?5
                                                AND last.state IN ('queued', 'running')
                                            ORDER BY last.no DESC LIMIT 1)"
        }
        O::LastActive => {
            "SELECT id FROM job
             WHERE kind = ?1 AND tenant_no = (SELECT no FROM tenant WHERE id = ?2) AND dedupe_key = ?3 AND state IN ('queued', 'running')
             ORDER BY no DESC LIMIT 1"
        }
        O::Lease => concat!(
            "UPDATE job SET state = 'running', attempts = attempts + 1, leased_until = ?3
             WHERE no = (SELECT j.no FROM job j
                         WHERE j.state IN ('queued', 'running') AND j.kind IN (SELECT value FROM json_each(?1)) AND j.run_after <= ?2
                            AND (j.state = 'queued' OR j.leased_until <= ?2)
                            AND NOT EXISTS (SELECT 1 FROM job earlier
                                            WHERE earlier.kind = j.kind AND earlier.tenant_no = j.tenant_no
                                                AND earlier.dedupe_key = j.dedupe_key AND earlier.state IN ('queued', 'running')
                                                AND earlier.no < j.no)
                         ORDER BY j.run_after, j.no LIMIT 1)
             RETURNING ",
            job!()
        ),
        O::GiveUpDead => {
            "UPDATE job SET state = 'failed', error = 'the last attempt stopped without a word', finished_at = ?1, leased_until = NULL
             WHERE state IN ('queued', 'running') AND state = 'running' AND leased_until <= ?1 AND attempts >= max_attempts"
        }
        O::EndLeases => "UPDATE job SET leased_until = 0 WHERE state = 'running'",
        O::KeepLease => {
            "UPDATE job SET leased_until = ?3, progress = coalesce(?4, progress) WHERE id = ?1 AND attempts = ?2 AND state = 'running'"
        }
        O::HandBack => {
            "UPDATE job SET state = 'queued', attempts = attempts - 1, run_after = ?3, error = coalesce(?4, error), leased_until = NULL
             WHERE id = ?1 AND attempts = ?2 AND state = 'running'"
        }
        O::Hurry => "UPDATE job SET run_after = ?2 WHERE id = ?1 AND state = 'queued' AND run_after > ?2",
        O::CountActive => "SELECT count(*) FROM job WHERE state IN ('queued', 'running') AND kind = ?1",
        O::Forget => {
            "DELETE FROM job WHERE no IN
                (SELECT no FROM job WHERE finished_at IS NOT NULL AND finished_at < ?1 ORDER BY finished_at LIMIT ?2)"
        }
        O::Finish => {
            "UPDATE job SET state = ?3, progress = coalesce(?4, progress), error = ?5, run_after = ?6, finished_at = ?7, leased_until = NULL
             WHERE id = ?1 AND attempts = ?2 AND state = 'running'"
        }
        O::Find => concat!("SELECT ", job!(), " FROM job WHERE job.id = ?1"),
        O::List => concat!(
            "SELECT ",
            job!(),
            " FROM job WHERE job.tenant_no = (SELECT no FROM tenant WHERE id = ?1) AND (?2 IS NULL OR job.id < ?2)
              ORDER BY job.id DESC LIMIT ?3"
        ),
    }
}
