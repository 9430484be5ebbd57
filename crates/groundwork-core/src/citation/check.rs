//! The check of a whole answer after its stream.

use super::basis::Reading;
use super::verify::{Reason, Support, Verdict, judge, without_list_mark};
use super::{Claim, Located, claims};
use crate::words::{Word, words};
use serde::{Deserialize, Serialize};

/// Share of a claim's words that a source must have to count among those that say it together.
const PART: f32 = 0.25;

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
    let judged = |claim: Claim| {
        let words = words(without_list_mark(&claim.text));
        let verdict = |id: &u32| match readings.iter().find(|(known, _)| known == id) {
            Some((_, reading)) => judge(&words, reading, similarity(&claim.text, *id)),
            None => Verdict { source: *id, support: Support::Unsupported, reason: Reason::NoSuchSource, confidence: 1.0, quote: None },
        };
        let mut verdicts: Vec<Verdict> = claim.cites.iter().map(verdict).collect();
        if verdicts.len() > 1 && verdicts.iter().all(|verdict| verdict.support == Support::Unsupported) {
            let cited: Vec<&Reading> = readings.iter().filter(|(id, _)| claim.cites.contains(id)).map(|(_, reading)| reading).collect();
            credit_together(&words, &cited, &mut verdicts);
        }
        (claim, verdicts)
    };
    Report { claims: claims(answer, citations).into_iter().map(judged).collect() }
}

/// What no source says alone several may say together: then each that has a part in it supports it.
fn credit_together(claim: &[Word], cited: &[&Reading], verdicts: &mut [Verdict]) {
    let together = judge(claim, &Reading::joined(cited), None);
    if together.support == Support::Unsupported {
        return;
    }
    for verdict in verdicts {
        let share = cited.iter().find(|reading| reading.id == verdict.source).map_or(0.0, |reading| reading.share(claim));
        if share >= PART {
            (verdict.support, verdict.reason) = (Support::Supported, Reason::Restated);
            verdict.confidence = together.confidence * 0.9;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::citation::Marks;

    const EVIDENCE: [Evidence<'static>; 3] = [
        Evidence {
            id: 1,
            text: "Full-time employees have 28 days of annual leave. The office is closed on 24 December.",
            context: "Leave Policy 2026",
        },
        Evidence { id: 2, text: "Interns get ten days of leave for each half year. Trips are booked through Wayfare.", context: "Interns" },
        Evidence { id: 3, text: "The canteen serves two dishes a day, one of them without meat.", context: "Canteen" },
    ];

    fn report(answer: &str) -> Report {
        let mut marks = Marks::new(9);
        let mut out = marks.push(answer);
        let (rest, _) = marks.finish();
        out.text.push_str(&rest.text);
        out.citations.extend(rest.citations);
        check(&out.text, &out.citations, &EVIDENCE, &|_, _| None)
    }

    fn verdicts(answer: &str) -> Vec<Vec<(u32, bool)>> {
        let verdicts = |verdicts: Vec<Verdict>| verdicts.iter().map(|one| (one.source, one.support == Support::Supported)).collect();
        report(answer).claims.into_iter().map(|(_, all)| verdicts(all)).collect()
    }

    #[test]
    fn every_sentence_is_judged_against_each_of_its_sources() {
        let answer = "Full-time employees have 28 days of annual leave [1][3]. Interns get twelve days for each half year [2]. Ask Ann. Trips are free [7].";
        assert_eq!(verdicts(answer), [vec![(1, true), (3, false)], vec![(2, false)], vec![], vec![(7, false)]]);
        assert_eq!(report(answer).counts(), (1, 3, 1));
    }

    #[test]
    fn what_two_sources_say_together_is_supported_by_those_that_have_a_part_in_it() {
        let answer = "Full-time employees have 28 days of annual leave while interns get ten days of leave for each half year [1][2][3].";
        assert_eq!(verdicts(answer), [vec![(1, true), (2, true), (3, false)]]);
    }
}
