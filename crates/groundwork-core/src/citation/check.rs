//! Does the source say what the sentence says? Quote, numbers, dates, names and negation first, then words and meaning.

use super::Located;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A sentence of an answer and the sources that it cites.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The sentence without its marks.
    pub text: String,
    /// Characters of the cleaned text, marks included.
    pub at: Range<usize>,
    /// In the order in which they stand; empty for a sentence without a citation.
    pub cites: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    Supported,
    Unsupported,
}

/// Why a sentence is or is not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The source has the sentence word for word.
    Quoted,
    /// The source says it in other words.
    Restated,
    /// A number of the sentence is not in the source.
    Number,
    /// A date of the sentence is not in the source.
    Date,
    /// A name of the sentence is not in the source.
    Name,
    /// One of the two says that it is so, the other that it is not.
    Negation,
    /// The source has the opposite: increased for decreased, before for after.
    Relation,
    /// The source does not speak of it.
    NotFound,
    /// There is no source with this id.
    NoSuchSource,
}

/// What the checker says about one sentence and one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub source: u32,
    pub support: Support,
    pub reason: Reason,
    /// 0 to 1: how sure the checker is of `support`.
    pub confidence: f32,
    /// Bytes of the source's text where the sentence, or the part nearest to it, stands.
    pub quote: Option<Range<usize>>,
}

/// All sentences of an answer, each with one verdict a cited source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub claims: Vec<(Claim, Vec<Verdict>)>,
}

/// The sentences of a cleaned answer, each with the sources it cites.
pub fn claims(answer: &str, citations: &[Located]) -> Vec<Claim> {
    unimplemented!("{answer} {}", citations.len())
}

/// Checks one sentence against one source's text. `similarity` is the largest cosine of the sentence and a sentence of the source;
/// without an embedding model `None`, then words alone decide.
pub fn verify(sentence: &str, source: u32, source_text: &str, similarity: Option<f32>) -> Verdict {
    unimplemented!("{sentence} {source} {source_text} {similarity:?}")
}

/// Checks an answer. `sources` are (id, text as in the prompt); `similarity(sentence, source id)` as for `verify`.
pub fn check(answer: &str, citations: &[Located], sources: &[(u32, &str)], similarity: &dyn Fn(&str, u32) -> Option<f32>) -> Report {
    unimplemented!("{answer} {} {} {:?}", citations.len(), sources.len(), similarity("", 0))
}
