//! Active probes: a deployment that rests after failures is asked now and then whether it can be reached. If it can, the next call may
//! find out the rest, without waiting for the whole of its rest.

use crate::App;
use crate::pipeline::now;
use crate::published::Deployment;
use bytes::Bytes;
use groundwork_inference::target::{CallError, Forward};
use http::Method;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often it is looked whether a probe is due.
const LOOK: Duration = Duration::from_secs(1);
/// What a probe may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs until the application stops.
pub(crate) async fn keep_probing(app: App) {
    let mut probed: BTreeMap<usize, Instant> = BTreeMap::new();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = app.stopping().cancelled() => return,
        }
        let (now, published) = (now(), app.published());
        let probes = published.pools.values().filter_map(|pool| Some((pool, pool.probe?)));
        let deployments = probes.flat_map(|(pool, every)| pool.deployments.iter().map(move |deployment| (deployment, every)));
        let mut due: Vec<&Deployment> = Vec::new();
        for (deployment, every) in deployments {
            let last = probed.get(&deployment.slot);
            if last.is_none_or(|last| now.duration_since(*last) >= every) && app.inner().switchboard.rests_after_failures(deployment.slot) {
                probed.insert(deployment.slot, now);
                due.push(deployment);
            }
        }
        futures::future::join_all(due.into_iter().map(|deployment| probe(&app, deployment))).await;
    }
}

/// A list of models costs nothing, and every service has one; where it has not, that it says so is an answer too.
async fn probe(app: &App, deployment: &Deployment) {
    let forward = Forward {
        method: Method::GET,
        path: "/models".to_owned(),
        query: None,
        headers: Arc::default(),
        body: Bytes::new(),
        model: None,
        deadline: now() + PATIENCE,
    };
    let answers = match deployment.target.forward(forward).await {
        Ok(_) => true,
        Err(CallError::Fault { .. } | CallError::Unreachable { .. } | CallError::Timeout { .. } | CallError::Broken { .. }) => false,
        Err(_refused) => true,
    };
    tracing::debug!(deployment = deployment.label(), answers, "a deployment that rests was probed");
    if answers {
        app.inner().switchboard.reached(deployment.slot);
    }
}
