//! Does the source say what the sentence says? Quote, numbers, dates, names, negation and opposites first, then words and meaning.

use super::basis::{Basis, Reading};
use super::check::Evidence;
use crate::words::{Kind, Word, words};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Share of the claim's words that the source must have, when nothing is known of the meaning.
const COVERAGE: f32 = 0.55;
/// Share of the claim's words that one sentence of the source must have.
const FOOTHOLD: f32 = 0.34;
/// So many words in a row that the source does not have are a statement of their own.
const STRANGE_RUN: usize = 4;
/// The cosine that neither helps nor hurts, and how much of its distance counts as coverage.
const SIMILAR: f32 = 0.6;
const SIMILARITY_COUNTS: f32 = 0.5;
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
    /// A number of the sentence is not where the source speaks of it.
    Number,
    /// A date of the sentence is not where the source speaks of it.
    Date,
    /// A name of the sentence is not in the source.
    Name,
    /// One of the two says that it is so, the other that it is not.
    Negation,
    /// The source has the opposite: increased for decreased, before for after.
    Opposite,
    /// The source does not speak of it.
    NotFound,
    /// There is no source with this id.
    NoSuchSource,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Quoted => "quoted",
            Self::Restated => "restated",
            Self::Number => "number",
            Self::Date => "date",
            Self::Name => "name",
            Self::Negation => "negation",
            Self::Opposite => "opposite",
            Self::NotFound => "not_found",
            Self::NoSuchSource => "no_such_source",
        }
    }
}

/// What the checker says about one sentence and one source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub source: u32,
    pub support: Support,
    pub reason: Reason,
    /// 0 to 1: how sure the checker is of `support`.
    pub confidence: f32,
    /// Bytes of the source's text where the sentence, or what is nearest to it, stands.
    pub quote: Option<Range<usize>>,
}

/// Checks one sentence against one source. `similarity` is the largest cosine of the sentence and a sentence of the source; without an
/// embedding model `None`, then words alone decide.
pub fn verify(sentence: &str, evidence: &Evidence<'_>, similarity: Option<f32>) -> Verdict {
    judge(&words(without_list_mark(sentence)), &Reading::of(evidence), similarity)
}

pub(super) fn judge(claim: &[Word], source: &Reading, similarity: Option<f32>) -> Verdict {
    let verdict = |support, reason, confidence: f32, quote| Verdict {
        source: source.id,
        support,
        reason,
        confidence: confidence.clamp(0.0, 1.0),
        quote,
    };
    if let Some(at) = quoted(claim, source) {
        return verdict(Support::Supported, Reason::Quoted, 0.99, Some(at));
    }
    let Some(basis) = Basis::of(claim, source) else {
        return verdict(Support::Unsupported, Reason::NotFound, 0.9, None);
    };
    let at = Some(basis.at());
    if basis.foothold < FOOTHOLD {
        return verdict(Support::Unsupported, Reason::NotFound, 1.0 - basis.coverage / 2.0, at);
    }
    if let Some((reason, confidence)) = basis.contradiction(claim, source) {
        return verdict(Support::Unsupported, reason, confidence, at);
    }
    let lift = similarity.map_or(0.0, |similarity| (similarity - SIMILAR) * SIMILARITY_COUNTS);
    let score = basis.coverage + lift;
    if score >= COVERAGE && basis.strange_run < STRANGE_RUN {
        return verdict(Support::Supported, Reason::Restated, 0.5 + score / 2.0 * 0.9, at);
    }
    verdict(Support::Unsupported, Reason::NotFound, 1.0 - score / 2.0, at)
}

/// Where the claim stands word for word, in stems; not when a "no" before it turns it around.
fn quoted(claim: &[Word], source: &Reading) -> Option<Range<usize>> {
    if !claim.iter().any(Word::is_content) {
        return None;
    }
    let all: Vec<(usize, &Word)> =
        source.sentences.iter().enumerate().flat_map(|(at, sentence)| sentence.words.iter().map(move |word| (at, word))).collect();
    let start = (0..(all.len() + 1).saturating_sub(claim.len())).find(|start| {
        let here = &all[*start..start + claim.len()];
        let turned = *start > 0 && all[start - 1].0 == here[0].0 && all[start - 1].1.kind == Kind::Negation;
        !turned && claim.iter().zip(here).all(|(word, (_, other))| word.key == other.key)
    })?;
    let (first, last) = (all[start], all[start + claim.len() - 1]);
    let absolute = |(sentence, byte): (usize, usize)| source.sentences[sentence].at.start + byte;
    Some(absolute((first.0, first.1.at.start))..absolute((last.0, last.1.at.end)))
}

/// "2. Interns have ten days" counts its line, not the days.
pub(super) fn without_list_mark(sentence: &str) -> &str {
    let digits = sentence.trim_start_matches(|c: char| c.is_ascii_digit());
    let marked = sentence.len() - digits.len();
    match digits.strip_prefix([')', '.']) {
        Some(rest) if (1..=3).contains(&marked) && rest.starts_with(' ') => rest,
        _ => sentence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HANDBOOK: &str = "The Atlas probe was launched on 3 March 2021 by Ann Lee in Port Ellery. It weighs 2.9 kg and has not been \
        repaired since. Sales rose by twelve percent in the northern region before the merger. Secret files may never be sent by e-mail. \
        The team did not find a leak in the hull. After five years employees get one more day of leave, but interns do not.\n\n\
        Length of service | Notice\nup to 2 years | 4 weeks\n5 to 10 years | 12 weeks";

    fn verdict(claim: &str) -> Verdict {
        verify(claim, &Evidence { id: 7, text: HANDBOOK, context: "Tidewell Handbook, Field Work" }, None)
    }

    #[test]
    fn what_the_source_says_is_supported() {
        for (claim, reason) in [
            ("The Atlas probe was launched on 3 March 2021 by Ann Lee in Port Ellery.", Reason::Quoted),
            ("It weighs 2.9 kg", Reason::Quoted),
            ("On 2021-03-03 Ann Lee launched the Atlas probe in Port Ellery.", Reason::Restated),
            ("Before the merger, sales in the northern region rose 12 %.", Reason::Restated),
            ("It has not been fixed since and it weighs 2.90 kg.", Reason::Restated),
            ("Never may secret files be sent by e-mail.", Reason::Restated),
            ("No leak was found in the hull.", Reason::Restated),
            ("With 5 to 10 years of service the notice is 12 weeks.", Reason::Restated),
            ("At Tidewell, employees get one more day of leave after five years.", Reason::Restated),
        ] {
            let verdict = verdict(claim);
            assert_eq!((verdict.support, verdict.reason), (Support::Supported, reason), "{claim} {verdict:?}");
        }
    }

    #[test]
    fn what_the_source_says_otherwise_is_not() {
        for (claim, reason) in [
            ("The Atlas probe was launched on 3 March 2022 by Ann Lee in Port Ellery.", Reason::Date),
            ("The Atlas probe was launched on 3 May 2021 by Ann Lee in Port Ellery.", Reason::Date),
            ("It weighs 3.9 kg and has not been repaired since.", Reason::Number),
            ("Sales rose by fifteen percent in the northern region before the merger.", Reason::Number),
            ("With 5 to 10 years of service the notice is 4 months.", Reason::Number),
            ("The Atlas probe was launched on 3 March 2021 by Marta Oye in Port Ellery.", Reason::Name),
            ("The TW-200 probe was launched on 3 March 2021 by Ann Lee.", Reason::Name),
            ("The Atlas probe was not launched on 3 March 2021 by Ann Lee.", Reason::Negation),
            ("It weighs 2.9 kg and has been repaired since.", Reason::Negation),
            ("The team did find a leak in the hull.", Reason::Negation),
            ("Secret files may be sent by e-mail.", Reason::Negation),
            ("Sales fell by twelve percent in the northern region before the merger.", Reason::Opposite),
            ("Sales rose by twelve percent in the southern region before the merger.", Reason::Opposite),
            ("Sales rose by twelve percent in the northern region after the merger.", Reason::Opposite),
            ("Bicycles are leased through the company.", Reason::NotFound),
            ("The Atlas probe was launched by Ann Lee, and canteen meals cost little for every guest.", Reason::NotFound),
            ("", Reason::NotFound),
        ] {
            let verdict = verdict(claim);
            assert_eq!((verdict.support, verdict.reason), (Support::Unsupported, reason), "{claim} {verdict:?}");
        }
    }

    #[test]
    fn the_place_of_a_quote_is_told() {
        let at = verdict("Secret files may never be sent").quote.unwrap();
        assert_eq!(&HANDBOOK[at], "Secret files may never be sent");
    }

    #[test]
    fn meaning_helps_where_words_differ_and_never_against_a_number() {
        let evidence = Evidence { id: 1, text: "Staff members receive 28 days of paid vacation annually.", context: "" };
        let claim = "Employees have 28 days of annual holiday.";
        assert_eq!(verify(claim, &evidence, Some(0.4)).support, Support::Unsupported);
        assert_eq!(verify(claim, &evidence, Some(0.9)).support, Support::Supported);
        assert_eq!(verify("Staff members receive 30 days of paid vacation annually.", &evidence, Some(0.99)).reason, Reason::Number);
    }

    proptest! {
        #[test]
        fn any_text_is_judged_without_a_panic(claim in "\\PC{0,60}", text in "\\PC{0,120}", similarity in prop::option::of(-1.0f32..1.0)) {
            let verdict = verify(&claim, &Evidence { id: 1, text: &text, context: &claim }, similarity);
            prop_assert!((0.0..=1.0).contains(&verdict.confidence));
            if let Some(at) = verdict.quote {
                prop_assert!(text.get(at).is_some());
            }
        }

        #[test]
        fn a_sentence_supports_itself(text in "[A-Z][a-z]{2,8}( [a-zA-Z0-9]{1,9}){2,9}\\.") {
            let evidence = Evidence { id: 1, text: &text, context: "" };
            let verdict = verify(&text, &evidence, None);
            let says_something = words(&text).iter().any(Word::is_content);
            prop_assert_eq!(verdict.support == Support::Supported, says_something);
        }
    }
}
