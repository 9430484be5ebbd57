//! What the terms of a question count in the chunks that may be found (BM25), and which of them are the best. The filter works inside, so
//! that `n` are found whenever `n` are there.
//!
//! The lists of a question's terms are gone through one after another, a block of 128 documents at a time, and added up in one array. For
//! questions of ordinary length that takes less time than any way of leaving out what is hopeless, and what every chunk counts is known
//! then: what the vector leg has found need not be looked up again.

use super::keyword::View;
use super::places::Places;
use super::question::{By, Part, parts};
use groundwork_scan::Bitmap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::BlockSegmentPostings;
use tantivy::query::Bm25Weight;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, Score, SegmentReader};

/// Looking one document up in a list takes as long as going through so many; having a place for two takes as long as going through one.
const LOOK_UP: u64 = 48;

/// Documents that are looked at together for one that counts enough.
const BLOCK: usize = 32;

/// What a question counts in the chunks of several knowledge bases.
pub(crate) struct Weighed<'a>(Vec<OfSegment<'a>>);

struct OfSegment<'a> {
    view: usize,
    rows: &'a Bitmap,
    places: &'a Places,
    scores: Scores,
}

enum Scores {
    /// Of all documents, by their number.
    All(Vec<Score>),
    /// Of those slots that may be found, ascending.
    Few(Vec<(u32, Score)>),
}

/// A term's list in one segment.
struct List<'a> {
    weight: &'a Bm25Weight,
    lengths: FieldNormReader,
    postings: BlockSegmentPostings,
}

/// Weighs what may be found by one common measure: `rows[i]` are the slots of `views[i]`.
pub(crate) fn weigh<'a>(views: &[&'a View], rows: &[&'a Bitmap], question: (&str, By)) -> tantivy::Result<Weighed<'a>> {
    let parts = parts(views, question)?;
    let mut weighed = Vec::new();
    for (at, (&view, &rows)) in views.iter().zip(rows).enumerate() {
        for (segment, places) in view.searcher.segment_readers().iter().zip(&view.places) {
            let lists = lists(&parts, weighed.len(), segment)?;
            let scores = Scores::of(lists, segment, places, rows);
            weighed.push(OfSegment { view: at, rows, places, scores });
        }
    }
    Ok(Weighed(weighed))
}

/// The lists of the segment that is number `at` of all, those of the rarest terms first.
fn lists<'a>(parts: &'a [Part], at: usize, segment: &SegmentReader) -> tantivy::Result<Vec<List<'a>>> {
    let mut lists = Vec::new();
    for Part { field, weight, lists: known } in parts {
        let Some(known) = known.get(at).and_then(Option::as_ref) else { continue };
        let postings = segment.inverted_index(*field)?.read_block_postings_from_terminfo(known, IndexRecordOption::WithFreqs)?;
        let lengths = segment.get_fieldnorms_reader(*field)?;
        lists.push(List { weight, lengths, postings });
    }
    Ok(lists)
}

impl Scores {
    fn of(lists: Vec<List<'_>>, segment: &SegmentReader, places: &Places, rows: &Bitmap) -> Self {
        if lists.is_empty() {
            return Self::Few(Vec::new());
        }
        let lengths = || lists.iter().map(|list| u64::from(list.postings.doc_freq()));
        let gone_through = lengths().sum::<u64>() + u64::from(segment.max_doc()) / 2;
        let looked_up = rows.count() as u64 * lengths().map(|length| length.min(LOOK_UP)).sum::<u64>();
        if looked_up < gone_through { Self::few(lists, places, rows) } else { Self::all(lists, segment) }
    }

    fn all(lists: Vec<List<'_>>, segment: &SegmentReader) -> Self {
        let mut scores = vec![0.0; segment.max_doc() as usize];
        lists.into_iter().for_each(|list| list.add_to(&mut scores));
        Self::All(scores)
    }

    fn few(lists: Vec<List<'_>>, places: &Places, rows: &Bitmap) -> Self {
        let docs = places.find(&rows.iter().collect::<Vec<_>>());
        let mut scores = vec![0.0; docs.len()];
        for mut list in lists {
            for (&(doc, _), score) in docs.iter().zip(&mut scores) {
                *score += list.look_up(doc);
            }
        }
        let mut scores: Vec<_> = docs.into_iter().map(|(_, slot)| slot).zip(scores).collect();
        scores.sort_unstable_by_key(|(slot, _)| *slot);
        Self::Few(scores)
    }
}

impl List<'_> {
    /// Adds what each document counts to its place in `scores`.
    fn add_to(mut self, scores: &mut [Score]) {
        while !self.postings.docs().is_empty() {
            for (&doc, &count) in self.postings.docs().iter().zip(self.postings.freqs()) {
                if let Some(score) = scores.get_mut(doc as usize) {
                    *score += self.weight.score(self.lengths.fieldnorm_id(doc), count);
                }
            }
            self.postings.advance();
        }
    }

    /// What `doc` counts, behind which nothing may have been looked up yet.
    fn look_up(&mut self, doc: DocId) -> Score {
        let at = self.postings.seek(doc);
        let is_there = self.postings.doc(at) == doc;
        if is_there { self.weight.score(self.lengths.fieldnorm_id(doc), self.postings.freq(at)) } else { 0.0 }
    }
}

impl Weighed<'_> {
    /// The `n` that count most: (which view, slot, score), best first.
    pub(crate) fn best(&self, n: usize) -> Vec<(usize, u32, Score)> {
        let mut best = Best::new(n);
        for OfSegment { view, rows, places, scores } in &self.0 {
            match scores {
                Scores::Few(scores) => scores.iter().for_each(|&(slot, score)| best.take(Match { score, view: *view, slot })),
                Scores::All(scores) => {
                    for (block, scores) in (0..).step_by(BLOCK).zip(scores.chunks(BLOCK)) {
                        // Most blocks have nothing, which is found out without a branch for each.
                        if scores.iter().filter(|score| **score >= best.least).count() == 0 {
                            continue;
                        }
                        for (doc, &score) in (block..).zip(scores) {
                            if score >= best.least && rows.contains(places.slot(doc)) {
                                best.take(Match { score, view: *view, slot: places.slot(doc) });
                            }
                        }
                    }
                }
            }
        }
        best.into_sorted()
    }

    /// What the question counts in one chunk that may be found; nothing where none of its terms stands.
    pub(crate) fn of(&self, view: usize, slot: u32) -> Option<Score> {
        let of_segment = |of: &OfSegment<'_>| match &of.scores {
            Scores::All(scores) => scores.get(of.places.doc(slot)? as usize).copied(),
            Scores::Few(scores) => scores.binary_search_by_key(&slot, |(slot, _)| *slot).ok().map(|at| scores[at].1),
        };
        self.0.iter().filter(|of| of.view == view).find_map(of_segment).filter(|score| *score > 0.0)
    }
}

/// The `n` best so far.
struct Best {
    n: usize,
    best: BinaryHeap<Reverse<Match>>,
    /// What is less than this is not among them.
    least: Score,
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

impl Best {
    fn new(n: usize) -> Self {
        // What counts nothing does not match.
        Self { n, best: BinaryHeap::new(), least: Score::MIN_POSITIVE }
    }

    fn take(&mut self, found: Match) {
        if found.score < self.least {
            return;
        }
        if self.best.len() == self.n {
            // Many may count the same, and come later.
            if self.best.peek().is_none_or(|Reverse(worst)| found < *worst) {
                return;
            }
            self.best.pop();
        }
        self.best.push(Reverse(found));
        if self.best.len() == self.n {
            self.least = self.best.peek().map_or(self.least, |Reverse(worst)| worst.score);
        }
    }

    fn into_sorted(self) -> Vec<(usize, u32, Score)> {
        self.best.into_sorted_vec().into_iter().map(|Reverse(found)| (found.view, found.slot, found.score)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::keyword::{Entry, Keyword};
    use crate::index::question::terms;
    use tantivy::collector::TopDocs;
    use tantivy::query::{BooleanQuery, BoostQuery, Occur, Query, TermQuery};

    const QUESTIONS: [&str; 3] = ["the crane and the anchor", "rope", "harbor harbor tide crane rope anchor nothing"];

    fn text(slot: usize) -> String {
        let words = ["harbor", "crane", "tide", "rope", "anchor", "sail", "deck"];
        (0..slot % 7 + 2).map(|at| words[(slot * 3 + at * at) % words.len()]).collect::<Vec<_>>().join(" ")
    }

    fn rounded(found: Vec<(usize, u32, Score)>) -> Vec<(u32, Score)> {
        found.into_iter().map(|(_, slot, score)| (slot, (score * 1e4).round())).collect()
    }

    /// What the engine itself finds, in the order of ours.
    fn by_the_engine(view: &View, question: &str, rows: &Bitmap) -> Vec<(u32, Score)> {
        let scored = |(term, boost)| -> (Occur, Box<dyn Query>) {
            let query = TermQuery::new(term, IndexRecordOption::WithFreqs);
            (Occur::Should, Box::new(BoostQuery::new(Box::new(query), boost)))
        };
        let query = BooleanQuery::new(terms(&[view], question, By::Words).into_iter().map(scored).collect());
        let found = view.searcher.search(&query, &TopDocs::with_limit(10_000).order_by_score()).unwrap();
        let found = found.into_iter().map(|(score, at)| (0, view.places[at.segment_ord as usize].slot(at.doc_id), score));
        let mut found = rounded(found.filter(|(_, slot, _)| rows.contains(*slot)).collect());
        found.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.cmp(b)));
        found
    }

    #[test]
    fn all_ways_find_what_the_engine_itself_finds() {
        let folder = tempfile::tempdir().unwrap();
        let mut keyword = Keyword::open(folder.path()).unwrap();
        let entry = |slot: usize| Entry { slot: slot as u32, stamp: 0, heading: text(slot / 5), text: text(slot), language: None };
        for some in (0..1000).collect::<Vec<_>>().chunks(400) {
            keyword.commit(&[], some.iter().map(|slot| entry(*slot)).collect()).unwrap();
        }
        keyword.commit(&[9, 12, 150, 999], Vec::new()).unwrap();
        let view = keyword.view().unwrap();
        assert!(view.places.len() > 1, "lists of several segments");
        for every in [1, 3, 50] {
            let mut rows = Bitmap::empty(1000);
            (0..1000).step_by(every).for_each(|slot| rows.insert(slot));
            for question in QUESTIONS {
                let expected = by_the_engine(&view, question, &rows);
                assert!(expected.len() >= 10 && expected.iter().all(|(slot, _)| ![9, 12, 150, 999].contains(slot)));
                let parts = parts(&[&view], (question, By::Words)).unwrap();
                let by = |all: bool| {
                    let mut weighed = Weighed(Vec::new());
                    for (at, (segment, places)) in view.searcher.segment_readers().iter().zip(&view.places).enumerate() {
                        let lists = lists(&parts, at, segment).unwrap();
                        let scores = if all { Scores::all(lists, segment) } else { Scores::few(lists, places, &rows) };
                        weighed.0.push(OfSegment { view: 0, rows: &rows, places, scores });
                    }
                    weighed
                };
                for weighed in [by(true), by(false), weigh(&[&view], &[&rows], (question, By::Words)).unwrap()] {
                    let best = weighed.best(10_000);
                    for (_, slot, score) in &best {
                        assert_eq!(weighed.of(0, *slot), Some(*score));
                    }
                    assert_eq!(rounded(best), expected, "one in {every}: {question}");
                    assert_eq!(
                        rounded(weighed.best(10)).iter().map(|(_, score)| *score).collect::<Vec<_>>(),
                        expected[..10].iter().map(|(_, score)| *score).collect::<Vec<_>>()
                    );
                    assert_eq!((weighed.of(0, 9), weighed.of(1, 3), weighed.best(0).len()), (None, None, 0));
                }
            }
        }
    }
}
