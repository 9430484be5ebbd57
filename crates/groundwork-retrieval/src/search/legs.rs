//! The two legs over several knowledge bases, as one piece of computation without waiting.

use super::{Mode, SearchError};
use crate::index::{By, Permitted, Snapshot, search_keyword};
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_scan::{Bitmap, scan};
use groundwork_store::db::knowledge_bases::EmbeddingModel;
use std::sync::Arc;

/// A chunk among several knowledge bases: which of them, and its slot there.
pub(super) type Place = (usize, u32);

/// One knowledge base as one search sees it.
#[derive(Clone)]
pub(super) struct Ground {
    pub(super) id: KnowledgeBaseId,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) permitted: Permitted,
}

/// The embedded question, and what embedded it.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) embedding: EmbeddingModel,
    pub(super) vector: Vec<f32>,
}

/// What each leg found, best first.
#[derive(Debug, Default)]
pub(super) struct Ranked {
    pub(super) keyword: Vec<(Place, f32)>,
    pub(super) vector: Vec<(Place, f32)>,
}

/// Asks the legs for their `n` best. Without an embedded question the vector leg does not look. Where both look, each also says what it
/// thinks of what the other has found; pairs of words are only looked for there: where a pair stands, its words were found.
pub(super) fn ask(grounds: &[Ground], mode: Mode, text: &str, question: Option<&Question>, n: usize) -> Result<Ranked, SearchError> {
    let rows: Vec<&Bitmap> = grounds.iter().map(|ground| &*ground.permitted.rows).collect();
    let found = look(grounds, &rows, mode, (text, By::Words, question), n)?;
    if mode != Mode::Hybrid {
        return Ok(found);
    }
    let candidates = candidates(grounds, &found);
    let count = candidates.iter().map(Bitmap::count).sum();
    look(grounds, &candidates.iter().collect::<Vec<_>>(), mode, (text, By::WordsAndPairs, question), count)
}

/// Everything that a leg has found, for each knowledge base.
fn candidates(grounds: &[Ground], found: &Ranked) -> Vec<Bitmap> {
    let mut candidates: Vec<Bitmap> = grounds.iter().map(|ground| Bitmap::empty(ground.permitted.rows.len())).collect();
    for ((at, slot), _) in found.keyword.iter().chain(&found.vector) {
        candidates[*at].insert(*slot);
    }
    candidates
}

fn look(
    grounds: &[Ground],
    rows: &[&Bitmap],
    mode: Mode,
    (text, by, question): (&str, By, Option<&Question>),
    n: usize,
) -> Result<Ranked, SearchError> {
    let mut ranked = Ranked::default();
    if mode != Mode::Vector {
        let views: Vec<_> = grounds.iter().map(|ground| &ground.snapshot.keyword).collect();
        let found =
            search_keyword(&views, rows, (text, by), n).map_err(|error| SearchError::Leg { leg: "keyword", reason: error.to_string() })?;
        ranked.keyword = found.into_iter().map(|(ground, slot, score)| ((ground, slot), score)).collect();
    }
    if let Some(question) = question {
        for (at, (ground, rows)) in grounds.iter().zip(rows).enumerate() {
            let Some(vectors) = &ground.snapshot.vectors else { continue };
            let (has, asked) = (&vectors.embedding, &question.embedding);
            if has != asked || question.vector.len() != has.dimensions as usize {
                return Err(SearchError::OtherModel {
                    knowledge_base: ground.id.clone(),
                    has: has.model.clone(),
                    asked: asked.model.clone(),
                });
            }
            let found = scan(&vectors.matrix.read(), &question.vector, Some(*rows), n);
            ranked.vector.extend(found.into_iter().map(|hit| ((at, hit.row), hit.score)));
        }
        sort(&mut ranked.vector);
        ranked.vector.truncate(n);
    }
    Ok(ranked)
}

/// Best first, the lower place first among equals.
pub(super) fn sort(found: &mut [(Place, f32)]) {
    found.sort_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
}
