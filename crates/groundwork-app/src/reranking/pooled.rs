//! A reranker behind a declared model: its deployments are asked over HTTP, in the shape that Cohere, Jina, vLLM and LiteLLM share.

use crate::App;
use crate::forward::{self, Body, Request, pass};
use crate::pipeline::{CallError, now};
use crate::published::Pool;
use futures::TryStreamExt;
use groundwork_core::call::Operation;
use groundwork_retrieval::rerank::RerankError;
use http::HeaderMap;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of an answer that are read.
const MOST_BYTES: usize = 4 << 20;

#[derive(Deserialize)]
struct Answered {
    results: Vec<Judged>,
}

#[derive(Deserialize)]
struct Judged {
    index: usize,
    relevance_score: f32,
}

/// Asks a deployment of `pool` for `asker`. The call is booked like every other.
pub(super) async fn judge(
    app: &App,
    (pool, asker): (Arc<Pool>, String),
    (question, passages): (&str, &[String]),
    patience: Duration,
) -> Result<Vec<f32>, RerankError> {
    let model = pool.name.to_string();
    let body = serde_json::json!({
        "model": model, "query": question, "documents": passages, "top_n": passages.len(), "return_documents": false,
    });
    let request = Request {
        operation: Operation::Rerank,
        path: "/rerank",
        headers: forward::with_json(&HeaderMap::new()),
        body: body.to_string().into(),
        model: model.clone(),
        only: None,
        deadline: now() + patience,
        request_id: None,
    };
    let failed = |reason: String| RerankError::Failed { model: model.clone(), reason };
    let answer = pass(app, pool, asker, request).await.map_err(|error| refused(&model, &error))?;
    let Body::Bytes(bytes) = answer.body else { return Err(failed("it streams".to_owned())) };
    let whole = bytes.try_fold(Vec::new(), async |mut whole: Vec<u8>, piece| {
        whole.extend_from_slice(&piece[..piece.len().min(MOST_BYTES.saturating_sub(whole.len()))]);
        Ok(whole)
    });
    let whole = whole.await.map_err(|error| refused(&model, &error))?;
    let Answered { results } = serde_json::from_slice(&whole).map_err(|error| failed(format!("its answer cannot be read: {error}")))?;
    scores(&results, passages.len()).ok_or_else(|| failed("it did not judge every passage once".to_owned()))
}

/// By passage.
fn scores(results: &[Judged], passages: usize) -> Option<Vec<f32>> {
    let mut scores = vec![None; passages];
    for judged in results {
        let score = scores.get_mut(judged.index)?;
        if score.replace(judged.relevance_score).is_some() || !judged.relevance_score.is_finite() {
            return None;
        }
    }
    let scores: Vec<f32> = scores.into_iter().collect::<Option<_>>()?;
    // Some say the number before the logistic function.
    let logistic = scores.iter().any(|score| !(0.0..=1.0).contains(score));
    Some(if logistic { scores.into_iter().map(|score| 1.0 / (1.0 + (-score).exp())).collect() } else { scores })
}

/// What will not pass by itself is an error of the search, anything else leaves its order.
fn refused(model: &str, error: &CallError) -> RerankError {
    let (model, reason) = (model.to_owned(), error.to_string());
    match error.http_status() {
        400..=407 | 410..=428 => RerankError::Missing { model, reason },
        _ => RerankError::Busy { model, reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(of: &[(usize, f32)]) -> Vec<Judged> {
        of.iter().map(|&(index, relevance_score)| Judged { index, relevance_score }).collect()
    }

    #[test]
    fn every_passage_is_judged_once_or_nothing_is_taken() {
        assert_eq!(scores(&judged(&[(1, 0.9), (0, 0.1)]), 2), Some(vec![0.1, 0.9]));
        for wrong in [&[(0, 0.1)][..], &[(0, 0.1), (0, 0.2)], &[(0, 0.1), (2, 0.2)], &[(0, f32::NAN), (1, 0.2)]] {
            assert_eq!(scores(&judged(wrong), 2), None);
        }
        let logits = scores(&judged(&[(0, -3.0), (1, 3.0)]), 2).unwrap();
        assert!(logits[0] > 0.0 && logits[0] < 0.1 && logits[1] > 0.9 && logits[1] < 1.0);
    }
}
