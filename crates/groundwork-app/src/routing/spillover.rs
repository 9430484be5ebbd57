//! Azure's own spill-over: a request may name a deployment of the same resource that serves it when the one that is asked is busy. The
//! name goes on only when that deployment stands behind the same model at the same target: any other would let a caller use what it has
//! not been given.

use crate::published::{Deployment, Pool};
use groundwork_inference::target::Headers;
use http::HeaderMap;

/// The header by which a client asks for it.
const HEADER: &str = "x-ms-spillover-deployment";

/// Those of a client's headers that go on to `deployment`.
pub(crate) fn headers(given: &Headers, pool: &Pool, deployment: &Deployment) -> Headers {
    let goes_on = |(name, to): &&(String, String)| name != HEADER || may_spill(pool, deployment, to);
    given.iter().filter(goes_on).cloned().collect()
}

pub(crate) fn header_map(given: &HeaderMap, pool: &Pool, deployment: &Deployment) -> HeaderMap {
    let mut headers = given.clone();
    if headers.get(HEADER).is_some_and(|to| !to.to_str().is_ok_and(|to| may_spill(pool, deployment, to))) {
        headers.remove(HEADER);
    }
    headers
}

fn may_spill(pool: &Pool, deployment: &Deployment, to: &str) -> bool {
    pool.deployments.iter().any(|other| other.target.name() == deployment.target.name() && other.model == to)
}
