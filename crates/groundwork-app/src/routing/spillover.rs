//! Azure's own spill-over: a request may name a deployment of the same resource that serves it when the one that is asked is busy. The
//! name goes on only when that deployment stands behind the same model at the same target: any other would let a caller use what it has
//! not been given.

use crate::published::{Deployment, Pool};
use http::{HeaderMap, HeaderName};
use std::sync::Arc;

/// The header by which a client asks for it.
const HEADER: HeaderName = HeaderName::from_static("x-ms-spillover-deployment");

/// Those of a client's headers that go on to `deployment`.
pub(crate) fn headers(given: &Arc<HeaderMap>, pool: &Pool, deployment: &Deployment) -> Arc<HeaderMap> {
    if given.get_all(HEADER).iter().all(|to| to.to_str().is_ok_and(|to| may_spill(pool, deployment, to))) {
        return given.clone();
    }
    let mut headers = HeaderMap::clone(given);
    headers.remove(HEADER);
    Arc::new(headers)
}

fn may_spill(pool: &Pool, deployment: &Deployment, to: &str) -> bool {
    pool.deployments.iter().any(|other| other.target.name() == deployment.target.name() && other.model == to)
}
