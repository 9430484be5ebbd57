//! What is counted of every call, found by the call's kind once: labels are made and looked up for the first of a kind only.

use groundwork_core::call::Labels;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::Histogram;
use rustc_hash::FxHashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// The labels of a call, and whether its tokens are estimated.
type Kind = (Labels, bool);

/// By kind, of which configuration bounds the number.
#[derive(Default)]
pub(super) struct Usual(RwLock<FxHashMap<Kind, Arc<Counted>>>);

pub(super) struct Counted {
    pub(super) duration: Histogram,
    pub(super) input: Histogram,
    pub(super) output: Histogram,
    /// These are made when there is something to count: a cost that is not known is no zero.
    pub(super) first_token: OnceLock<Histogram>,
    pub(super) cost: OnceLock<Counter>,
    pub(super) unpriced: OnceLock<Counter>,
}

impl Usual {
    pub(super) fn find(&self, labels: &Labels, estimated: bool, make: impl FnOnce() -> Counted) -> Arc<Counted> {
        let kind = (labels.clone(), estimated);
        if let Some(counted) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&kind) {
            return counted.clone();
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(kind).or_insert_with(|| Arc::new(make())).clone()
    }
}
