//! The check of a whole answer after its stream.

use super::verify::{Reading, Reason, Support, Verdict, judge, without_list_mark};
use super::{Claim, Located, claims};
use crate::words::words;
use serde::{Deserialize, Serialize};

/// A source as the answer could read it.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// `prompt::Source::id`.
    pub id: u32,
    /// As in the prompt.
    pub text: &'a str,
    /// What the prompt said above it: name, title, headings. A word of a claim may stand there too.
    pub context: &'a str,
}

/// All claims of an answer, each with one verdict a cited source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub claims: Vec<(Claim, Vec<Verdict>)>,
}

impl Report {
    /// Verdicts that are supported, those that are not, and sentences without a citation.
    pub fn counts(&self) -> (u32, u32, u32) {
        let verdicts = || self.claims.iter().flat_map(|(_, verdicts)| verdicts);
        let supported = verdicts().filter(|verdict| verdict.support == Support::Supported).count();
        let uncited = self.claims.iter().filter(|(claim, _)| claim.cites.is_empty()).count();
        (supported as u32, (verdicts().count() - supported) as u32, uncited as u32)
    }
}

/// Checks a cleaned answer. `similarity(claim, source id)` is the largest cosine of the claim and a sentence of the source, `None`
/// without an embedding model.
pub fn check(answer: &str, citations: &[Located], evidence: &[Evidence<'_>], similarity: &dyn Fn(&str, u32) -> Option<f32>) -> Report {
    let readings: Vec<(u32, Reading)> = evidence.iter().map(|one| (one.id, Reading::of(one))).collect();
    let verdict = |claim: &Claim, id: u32| match readings.iter().find(|(known, _)| *known == id) {
        Some((_, reading)) => judge(&words(without_list_mark(&claim.text)), reading, similarity(&claim.text, id)),
        None => Verdict { source: id, support: Support::Unsupported, reason: Reason::NoSuchSource, confidence: 1.0, quote: None },
    };
    let judged = |claim: Claim| {
        let verdicts = claim.cites.iter().map(|id| verdict(&claim, *id)).collect();
        (claim, verdicts)
    };
    Report { claims: claims(answer, citations).into_iter().map(judged).collect() }
}
