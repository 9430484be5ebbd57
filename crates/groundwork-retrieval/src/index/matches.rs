//! The best of the documents that match and are permitted. The filter works inside the search, so that `n` are found whenever `n` are there.

use super::keyword::{View, any};
use groundwork_scan::Bitmap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use tantivy::query::{Bm25StatisticsProvider, EnableScoring, Query};
use tantivy::schema::Field;
use tantivy::{DocSet, Score, Searcher, TERMINATED, Term};

/// Up to this many permitted slots each word's list is asked for them one by one.
const FEW: usize = 4096;
/// Up to one permitted slot in so many, all that a word's list has is gone through and only what is permitted is scored: what is not
/// permitted cannot raise the threshold, so that the engine's own way of leaving out hopeless blocks leaves out little.
const SPARSE: usize = 4;

/// One knowledge base of a search: its number among those that are searched, and the slots that may be found.
pub(super) struct Ground<'a> {
    pub(super) at: usize,
    pub(super) view: &'a View,
    pub(super) rows: &'a Bitmap,
}

/// The `n` best so far.
pub(super) struct Matches {
    n: usize,
    best: BinaryHeap<Reverse<Match>>,
}

/// Ordered by score, then by the lower place.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Match {
    score: Score,
    view: usize,
    slot: u32,
}

impl Eq for Match {}

impl PartialOrd for Match {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Match {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.score.total_cmp(&other.score).then_with(|| (other.view, other.slot).cmp(&(self.view, self.slot)))
    }
}

impl Matches {
    pub(super) fn new(n: usize) -> Self {
        Self { n, best: BinaryHeap::new() }
    }

    /// Adds what of `ground` matches any of `parts`.
    pub(super) fn collect(&mut self, ground: &Ground<'_>, parts: &[Box<dyn Query>], statistics: &Statistics<'_>) -> tantivy::Result<()> {
        if self.n == 0 {
            return Ok(());
        }
        let scoring = EnableScoring::enabled_from_statistics_provider(statistics, &ground.view.searcher);
        let permitted = ground.rows.count();
        let all: u64 = ground.view.searcher.segment_readers().iter().map(|segment| u64::from(segment.max_doc())).sum();
        if permitted <= FEW {
            self.ask_for_each(ground, parts, scoring)
        } else if (permitted * SPARSE) as u64 <= all {
            self.add_up_words(ground, parts, scoring)
        } else {
            self.test_each_match(ground, parts, scoring)
        }
    }

    fn test_each_match(&mut self, ground: &Ground<'_>, parts: &[Box<dyn Query>], scoring: EnableScoring<'_>) -> tantivy::Result<()> {
        let weight = any(parts).weight(scoring)?;
        for (segment, places) in ground.view.searcher.segment_readers().iter().zip(&ground.view.places) {
            weight.for_each_pruning(self.threshold(), segment, &mut |doc, score| {
                let slot = places.slot(doc);
                if ground.rows.contains(slot) {
                    self.push(Match { score, view: ground.at, slot });
                }
                self.threshold()
            })?;
        }
        Ok(())
    }

    fn add_up_words(&mut self, ground: &Ground<'_>, parts: &[Box<dyn Query>], scoring: EnableScoring<'_>) -> tantivy::Result<()> {
        let weights = parts.iter().map(|part| part.weight(scoring)).collect::<tantivy::Result<Vec<_>>>()?;
        for (segment, places) in ground.view.searcher.segment_readers().iter().zip(&ground.view.places) {
            let mut scores = vec![0.0; segment.max_doc() as usize];
            for weight in &weights {
                let mut scorer = weight.scorer(segment, 1.0)?;
                let mut doc = scorer.doc();
                while doc != TERMINATED {
                    if ground.rows.contains(places.slot(doc)) {
                        scores[doc as usize] += scorer.score();
                    }
                    doc = scorer.advance();
                }
            }
            for (doc, score) in (0..).zip(scores) {
                if score > self.threshold().max(0.0) {
                    self.push(Match { score, view: ground.at, slot: places.slot(doc) });
                }
            }
        }
        Ok(())
    }

    fn ask_for_each(&mut self, ground: &Ground<'_>, parts: &[Box<dyn Query>], scoring: EnableScoring<'_>) -> tantivy::Result<()> {
        let slots: Vec<u32> = ground.rows.iter().collect();
        let weights = parts.iter().map(|part| part.weight(scoring)).collect::<tantivy::Result<Vec<_>>>()?;
        for (segment, places) in ground.view.searcher.segment_readers().iter().zip(&ground.view.places) {
            let docs = places.find(&slots);
            let mut scores = vec![0.0; docs.len()];
            for weight in &weights {
                let mut scorer = weight.scorer(segment, 1.0)?;
                for (&(doc, _), score) in docs.iter().zip(&mut scores) {
                    if scorer.doc() < doc {
                        scorer.seek(doc);
                    }
                    if scorer.doc() == doc {
                        *score += scorer.score();
                    }
                }
            }
            for (&(_, slot), score) in docs.iter().zip(scores) {
                if score > 0.0 {
                    self.push(Match { score, view: ground.at, slot });
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, found: Match) {
        self.best.push(Reverse(found));
        if self.best.len() > self.n {
            self.best.pop();
        }
    }

    /// What a match must exceed to be among the best.
    fn threshold(&self) -> Score {
        match self.best.peek() {
            Some(Reverse(worst)) if self.best.len() == self.n => worst.score,
            _ => Score::MIN,
        }
    }

    pub(super) fn into_sorted(self) -> Vec<(usize, u32, Score)> {
        self.best.into_sorted_vec().into_iter().map(|Reverse(found)| (found.view, found.slot, found.score)).collect()
    }
}

/// Word statistics over several knowledge bases together, so that their scores compare.
pub(super) struct Statistics<'a>(pub(super) Vec<&'a Searcher>);

impl Statistics<'_> {
    pub(super) fn document_frequency(&self, term: &Term) -> tantivy::Result<u64> {
        self.doc_freq(term)
    }
}

impl Bm25StatisticsProvider for Statistics<'_> {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        self.0.iter().map(|searcher| searcher.total_num_tokens(field)).sum()
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        self.0.iter().map(|searcher| searcher.total_num_docs()).sum()
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        self.0.iter().map(|searcher| Bm25StatisticsProvider::doc_freq(*searcher, term)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::keyword::{By, Entry, Keyword, parts};

    type Way = fn(&mut Matches, &Ground<'_>, &[Box<dyn Query>], EnableScoring<'_>) -> tantivy::Result<()>;

    #[test]
    fn all_ways_find_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let mut keyword = Keyword::open(folder.path()).unwrap();
        let words = ["harbor", "crane", "tide", "rope", "anchor"];
        let text = |slot: usize| (0..slot % 7 + 2).map(|at| words[(slot * 3 + at * at) % 5]).collect::<Vec<_>>().join(" ");
        let entry =
            |slot: usize| Entry { slot: slot as u32, stamp: 0, heading: words[slot % 5].to_owned(), text: text(slot), language: None };
        for some in (0..300).collect::<Vec<_>>().chunks(100) {
            keyword.commit(&[], some.iter().map(|slot| entry(*slot)).collect()).unwrap();
        }
        keyword.commit(&[9, 12, 150], Vec::new()).unwrap();
        let view = keyword.view().unwrap();
        let mut rows = Bitmap::empty(300);
        (0..300).step_by(3).for_each(|slot| rows.insert(slot));
        let ground = Ground { at: 0, view: &view, rows: &rows };
        let statistics = Statistics(vec![&view.searcher]);
        let parts = parts(&[&view], &statistics, ("the crane and the anchor", By::Words)).unwrap();
        let by = |way: Way, n| {
            let mut matches = Matches::new(n);
            way(&mut matches, &ground, &parts, EnableScoring::enabled_from_statistics_provider(&statistics, &view.searcher)).unwrap();
            matches.into_sorted().into_iter().map(|(_, slot, score)| (slot, (score * 1e4).round())).collect::<Vec<_>>()
        };
        let all = by(Matches::ask_for_each, 300);
        assert!(all.len() > 50 && all.iter().all(|(slot, _)| slot % 3 == 0 && ![9, 12, 150].contains(slot)));
        assert_eq!(by(Matches::add_up_words, 300), all);
        assert_eq!(by(Matches::test_each_match, 300), all);
        let scores = |found: Vec<(u32, f32)>| found.into_iter().map(|(_, score)| score).collect::<Vec<_>>();
        assert_eq!(scores(by(Matches::add_up_words, 10)), scores(all[..10].to_vec()));
        assert_eq!(scores(by(Matches::test_each_match, 10)), scores(all[..10].to_vec()));
    }
}
