//! The step after the legs: another model reads the question with each of the best passages and puts them in order.

use super::Hit;
use crate::index::Entry;
use crate::rerank::{Outcome, RerankError, Reranked, Reranker};
use std::time::Instant;

/// Puts the first of `hits` in the reranker's order. One that is late or has too much to do leaves the order as it is; one that cannot
/// work is an error, since nobody would learn of it otherwise.
pub(super) async fn rerank(reranker: &Reranker, question: &str, hits: &mut [Hit], deadline: Instant) -> Result<Reranked, RerankError> {
    let began = Instant::now();
    let best = reranker.candidates.min(hits.len());
    let best = &mut hits[..best];
    let until = deadline.min(began + reranker.patience);
    let judging = (reranker.run)(question.to_owned(), best.iter().map(text).collect());
    let outcome = match tokio::time::timeout_at(until.into(), judging).await {
        Err(_late) => Outcome::Late,
        Ok(Err(RerankError::Busy { .. })) => Outcome::Busy,
        Ok(Err(error)) => return Err(error),
        Ok(Ok(scores)) if scores.len() == best.len() => {
            for (hit, score) in best.iter_mut().zip(scores) {
                hit.scores.rerank = Some(score);
            }
            best.sort_by(|a, b| b.scores.rerank.unwrap_or_default().total_cmp(&a.scores.rerank.unwrap_or_default()));
            Outcome::Done
        }
        Ok(Ok(scores)) => {
            let reason = format!("it judged {} passages of {}", scores.len(), best.len());
            return Err(RerankError::Failed { model: reranker.model.clone(), reason });
        }
    };
    Ok(Reranked { outcome, took: began.elapsed() })
}

/// What is read of a hit: the words above it tell what it is about.
fn text(hit: &Hit) -> String {
    format!("{}\n{}", Entry::heading(hit.title.as_deref(), &hit.name, &hit.heading_path), hit.text)
}

#[cfg(test)]
mod tests;
