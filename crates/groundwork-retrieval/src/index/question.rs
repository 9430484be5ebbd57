//! What is looked for in the keyword leg to answer a question, and what each of it counts.

use super::keyword::{Fields, View};
use super::language::Language;
use super::words::{Of, pairs, telling, words};
use std::collections::HashSet;
use tantivy::postings::TermInfo;
use tantivy::query::Bm25Weight;
use tantivy::schema::Field;
use tantivy::{SegmentReader, Term};

/// What a word in a title or heading counts, against 1 in the text.
const HEADING_BOOST: f32 = 0.5;
/// What two words of the question side by side count.
const PAIR_BOOST: f32 = 0.4;
/// A question's rarest words decide; more of them cost time and change nothing.
const MOST_TERMS: usize = 64;
/// Beyond this a question is a document; its first words decide.
const MOST_QUESTION_BYTES: usize = 32 * 1024;

/// What of a question is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum By {
    /// Each word by itself, wherever it stands.
    Words,
    /// Each two words side by side.
    Pairs,
}

/// A term of a question that is somewhere.
pub(super) struct Part {
    pub(super) field: Field,
    /// By the statistics of all knowledge bases together, so that their scores compare.
    pub(super) weight: Bm25Weight,
    /// Where its list is in each segment of all the views, in their order.
    pub(super) lists: Vec<Option<TermInfo>>,
}

/// The segments of all the views, one after another.
fn segments<'a>(views: &'a [&View]) -> impl Iterator<Item = &'a SegmentReader> {
    views.iter().flat_map(|view| view.searcher.segment_readers())
}

/// The terms of a question that are somewhere, the rarest first.
pub(super) fn parts(views: &[&View], (question, by): (&str, By)) -> tantivy::Result<Vec<Part>> {
    let mut known = Vec::new();
    for (term, boost) in terms(views, question, by) {
        let find = |segment: &SegmentReader| Ok(segment.inverted_index(term.field())?.get_term_info(&term)?);
        let lists = segments(views).map(find).collect::<tantivy::Result<Vec<_>>>()?;
        let frequency: u64 = lists.iter().flatten().map(|list| u64::from(list.doc_freq)).sum();
        if frequency > 0 {
            known.push((frequency, term.field(), boost, lists));
        }
    }
    known.sort_by_key(|(frequency, ..)| *frequency);
    known.truncate(MOST_TERMS);
    let documents: u64 = segments(views).map(|segment| u64::from(segment.max_doc())).sum();
    let part = |(frequency, field, boost, lists)| {
        let tokens = segments(views).map(|segment| Ok(segment.inverted_index(field)?.total_num_tokens())).sum::<tantivy::Result<u64>>()?;
        let weight = Bm25Weight::for_one_term_without_explain(frequency, documents, tokens as f32 / documents as f32);
        Ok(Part { field, weight: weight.boost_by(boost), lists })
    };
    known.into_iter().map(part).collect()
}

/// What is looked for to answer a question, each once, with what it counts: its words as every language has them that is in any of the
/// views.
pub(super) fn terms(views: &[&View], question: &str, by: By) -> Vec<(Term, f32)> {
    let Some(first) = views.first() else { return Vec::new() };
    let question = &question[..question.floor_char_boundary(MOST_QUESTION_BYTES)];
    let Fields { heading, text, pairs: paired, .. } = first.fields;
    let mut languages: Vec<Language> = Vec::new();
    for language in views.iter().flat_map(|view| &view.languages) {
        if !languages.contains(language) {
            languages.push(*language);
        }
    }
    let mut terms: Vec<(Term, f32)> = Vec::new();
    for language in languages {
        let words = words(language, question, Of::Question);
        let of_word = |word: &str| [(Term::from_field_text(text, word), 1.0), (Term::from_field_text(heading, word), HEADING_BOOST)];
        match by {
            By::Words => terms.extend(telling(&words).into_iter().flat_map(of_word)),
            By::Pairs => terms.extend(pairs(&words).iter().map(|pair| (Term::from_field_text(paired, pair), PAIR_BOOST))),
        }
    }
    let mut seen = HashSet::new();
    terms.retain(|(term, _)| seen.insert(term.clone()));
    terms
}
