//! The two legs over several knowledge bases, as one piece of computation without waiting.

use super::{Mode, SearchError};
use crate::index::{By, First, Permitted, Snapshot, Weighed, weigh};
use groundwork_core::ids::KnowledgeBaseId;
use groundwork_scan::{Bitmap, scan};
use groundwork_store::db::knowledge_bases::EmbeddingModel;
use std::collections::HashMap;
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

/// Whose vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Model {
    /// The one that a knowledge base was made with.
    Own,
    /// The fast one of a first pass.
    First,
}

/// The question as the models have it whose vectors find something.
#[derive(Debug, Clone, Default)]
pub(super) struct Questions {
    /// By the model of the knowledge bases.
    pub(super) own: Option<Question>,
    /// By the fast model of first passes.
    pub(super) first: Option<Question>,
}

/// What each leg found, best first. What is in `first` is not in `vector`.
#[derive(Debug, Default)]
pub(super) struct Ranked {
    pub(super) keyword: Vec<(Place, f32)>,
    pub(super) vector: Vec<(Place, f32)>,
    pub(super) first: Vec<(Place, f32)>,
}

/// Asks the legs for their `n` best. Without an embedded question the vector leg does not look. Where both look, each also says what it
/// thinks of what the other has found; pairs of words are only looked for there: where a pair stands, its words were found.
pub(super) fn ask(grounds: &[Ground], mode: Mode, text: &str, questions: &Questions, n: usize) -> Result<Ranked, SearchError> {
    let rows: Vec<&Bitmap> = grounds.iter().map(|ground| &*ground.permitted.rows).collect();
    let words = if mode == Mode::Vector { None } else { Some(by_words(grounds, &rows, (text, By::Words))?) };
    let keyword = words.as_ref().map_or(Vec::new(), |words| places(words.best(n)).collect());
    let found = Ranked { keyword, ..by_meanings(grounds, &rows, questions, n)? };
    match words {
        Some(words) if mode == Mode::Hybrid => each_of_all(grounds, &words, (text, questions), found),
        _ => Ok(found),
    }
}

/// What both legs think of everything that one of them has found.
fn each_of_all(
    grounds: &[Ground],
    words: &Weighed<'_>,
    (text, questions): (&str, &Questions),
    found: Ranked,
) -> Result<Ranked, SearchError> {
    let mut keyword: HashMap<Place, f32> = found.keyword.into_iter().collect();
    let by_meaning = || found.vector.iter().chain(&found.first).map(|(place, _)| place);
    for place in by_meaning() {
        if let Some(score) = words.of(place.0, place.1) {
            keyword.insert(*place, score);
        }
    }
    let all = bitmaps(grounds, keyword.keys().chain(by_meaning()));
    let (rows, count) = (all.iter().collect::<Vec<_>>(), all.iter().map(Bitmap::count).sum());
    for (place, score) in places(by_words(grounds, &rows, (text, By::Pairs))?.best(count)) {
        *keyword.entry(place).or_default() += score;
    }
    let mut keyword: Vec<_> = keyword.into_iter().collect();
    sort(&mut keyword);
    Ok(Ranked { keyword, ..by_meanings(grounds, &rows, questions, count)? })
}

/// Places as a bitmap for each knowledge base.
fn bitmaps<'a>(grounds: &[Ground], places: impl Iterator<Item = &'a Place>) -> Vec<Bitmap> {
    let mut bitmaps: Vec<Bitmap> = grounds.iter().map(|ground| Bitmap::empty(ground.permitted.rows.len())).collect();
    for (at, slot) in places {
        bitmaps[*at].insert(*slot);
    }
    bitmaps
}

fn by_words<'a>(grounds: &'a [Ground], rows: &[&'a Bitmap], question: (&str, By)) -> Result<Weighed<'a>, SearchError> {
    let views: Vec<_> = grounds.iter().map(|ground| &ground.snapshot.keyword).collect();
    weigh(&views, rows, question).map_err(|error| SearchError::Leg { leg: "keyword", reason: error.to_string() })
}

fn places(found: Vec<(usize, u32, f32)>) -> impl Iterator<Item = (Place, f32)> {
    found.into_iter().map(|(ground, slot, score)| ((ground, slot), score))
}

/// Each model's vectors by themselves: what two models say does not compare.
fn by_meanings(grounds: &[Ground], rows: &[&Bitmap], questions: &Questions, n: usize) -> Result<Ranked, SearchError> {
    let vector = questions.own.as_ref().map_or(Ok(Vec::new()), |question| by_meaning(grounds, rows, question, n))?;
    let first = questions.first.as_ref().map_or(Vec::new(), |question| by_first_pass(grounds, rows, question, n));
    Ok(Ranked { keyword: Vec::new(), vector, first })
}

fn by_first_pass(grounds: &[Ground], rows: &[&Bitmap], question: &Question, n: usize) -> Vec<(Place, f32)> {
    let mut ranked = Vec::new();
    for (at, (ground, rows)) in grounds.iter().zip(rows).enumerate() {
        for First { vectors, slots } in ground.snapshot.firsts.iter().filter(|first| first.vectors.embedding == question.embedding) {
            let mut rows = (*rows).clone();
            rows.and(slots);
            let found = scan(&vectors.matrix.read(), &question.vector, Some(&rows), n);
            ranked.extend(found.into_iter().map(|hit| ((at, hit.row), hit.score)));
        }
    }
    sort(&mut ranked);
    ranked.truncate(n);
    ranked
}

fn by_meaning(grounds: &[Ground], rows: &[&Bitmap], question: &Question, n: usize) -> Result<Vec<(Place, f32)>, SearchError> {
    let mut ranked = Vec::new();
    for (at, (ground, rows)) in grounds.iter().zip(rows).enumerate() {
        let Some(vectors) = &ground.snapshot.vectors else { continue };
        let (has, asked) = (&vectors.embedding, &question.embedding);
        if has != asked || question.vector.len() != has.dimensions as usize {
            return Err(SearchError::OtherModel { knowledge_base: ground.id.clone(), has: has.model.clone(), asked: asked.model.clone() });
        }
        let found = scan(&vectors.matrix.read(), &question.vector, Some(&ground.snapshot.own(rows)), n);
        ranked.extend(found.into_iter().map(|hit| ((at, hit.row), hit.score)));
    }
    sort(&mut ranked);
    ranked.truncate(n);
    Ok(ranked)
}

/// Best first, the lower place first among equals.
pub(super) fn sort(found: &mut [(Place, f32)]) {
    found.sort_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
}
