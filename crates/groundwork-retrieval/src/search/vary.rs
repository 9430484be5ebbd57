//! The step that lets hits differ from each other.

use super::legs::Model;
use super::run::Search;
use super::{Hit, SearchError};
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_core::variety::{Candidate, Variety, vary};
use groundwork_scan::rescore;
use half::f16;
use std::collections::{BTreeMap, HashMap};

/// By knowledge base and slot, in two precisions.
type Vectors = HashMap<(KnowledgeBaseId, u32), (Vec<f32>, Vec<f16>)>;

/// Whose vectors find it.
fn model(hit: &Hit) -> Model {
    if hit.scores.first.is_some() { Model::First } else { Model::Own }
}

impl Search<'_> {
    /// The best of `hits` that differ as is wanted.
    pub(super) async fn varied(&self, hits: Vec<Hit>, variety: Variety) -> Result<Vec<Hit>, SearchError> {
        let vectors = if variety.weight > 0.0 { self.vectors(&hits).await? } else { Vectors::new() };
        let of: Vec<_> = hits.iter().map(|hit| vectors.get(&(hit.knowledge_base.clone(), hit.slot))).collect();
        let likeness = |one: usize, other: usize| match (of[one], of[other]) {
            // What two models say does not compare.
            (Some((full, _)), Some((_, half))) if model(&hits[one]) == model(&hits[other]) => {
                f64::from(rescore(full, half)).clamp(0.0, 1.0)
            }
            _ => 0.0,
        };
        let judged = hits.iter().any(|hit| hit.scores.rerank.is_some());
        let score = |hit: &Hit| if judged { hit.scores.rerank.unwrap_or_default().into() } else { hit.scores.fused };
        let candidates: Vec<_> = hits.iter().map(|hit| Candidate { document: &hit.document, score: score(hit) }).collect();
        let chosen = vary(&candidates, self.query.k, variety, likeness);
        let mut hits: Vec<Option<Hit>> = hits.into_iter().map(Some).collect();
        Ok(chosen.into_iter().filter_map(|at| hits[at].take()).collect())
    }

    async fn vectors(&self, hits: &[Hit]) -> Result<Vectors, SearchError> {
        let mut slots: BTreeMap<_, Vec<u32>> = BTreeMap::new();
        hits.iter().for_each(|hit| slots.entry((&hit.knowledge_base, model(hit))).or_default().push(hit.slot));
        let mut vectors = Vectors::new();
        for ((id, model), slots) in slots {
            for (slot, vector) in self.stored(model, id, &slots).await? {
                vectors.insert((id.clone(), slot), (vector.iter().map(|element| element.to_f32()).collect(), vector));
            }
        }
        Ok(vectors)
    }
}
