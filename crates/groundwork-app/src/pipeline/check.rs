//! Whether sources say what an answer has them say: words decide first, and what they leave open is decided by meaning.

use super::call::embed;
use crate::App;
use groundwork_core::citation::{self, Evidence, Located, Reason, Report, nearest};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A source as an answer could read it.
#[derive(Debug, Clone)]
pub(crate) struct Stated {
    /// The number that the answer cites.
    pub(crate) id: u32,
    pub(crate) text: String,
    /// What stood above it: name, title, headings.
    pub(crate) context: String,
}

/// Texts that are embedded for one answer: a bound on the time that its last chunk waits.
const MOST_TEXTS: usize = 64;
/// Sentences of one source that a claim is compared with.
const NEAREST: usize = 8;

/// A claim and the source that it cites.
type Pair = (String, u32);

/// Checks a cleaned answer. `None` when the check was cut short: citations are then unchecked.
pub(crate) async fn check(app: &App, stated: Arc<[Stated]>, text: &str, located: &[Located]) -> Option<Report> {
    let (text, located) = (text.to_owned(), located.to_vec());
    let by_words = {
        let (stated, text, located) = (stated.clone(), text.clone(), located.clone());
        app.compute(move || check_by(&stated, &text, &located, &BTreeMap::new())).await.ok()?
    };
    let open = open_pairs(&by_words);
    if open.is_empty() {
        return Some(by_words);
    }
    let Some(similarities) = similarities(app, &stated, open).await else { return Some(by_words) };
    Some(app.compute(move || check_by(&stated, &text, &located, &similarities)).await.unwrap_or(by_words))
}

fn check_by(stated: &[Stated], text: &str, located: &[Located], similarities: &BTreeMap<Pair, f32>) -> Report {
    let evidence: Vec<Evidence<'_>> = stated.iter().map(|one| Evidence { id: one.id, text: &one.text, context: &one.context }).collect();
    citation::check(text, located, &evidence, &|claim, source| similarities.get(&(claim.to_owned(), source)).copied())
}

/// Claims and sources that the words alone do not tell.
fn open_pairs(report: &Report) -> BTreeSet<Pair> {
    let verdicts = report.claims.iter().flat_map(|(claim, verdicts)| verdicts.iter().map(move |verdict| (claim, verdict)));
    verdicts
        .filter(|(_, verdict)| matches!(verdict.reason, Reason::Restated | Reason::NotFound))
        .map(|(claim, verdict)| (claim.text.clone(), verdict.source))
        .collect()
}

/// For each pair the largest cosine of the claim and a sentence of the source.
async fn similarities(app: &App, stated: &Arc<[Stated]>, pairs: BTreeSet<Pair>) -> Option<BTreeMap<Pair, f32>> {
    let sources = stated.clone();
    let (texts, planned) = app.compute(move || plan(&sources, &pairs)).await.ok()?;
    if planned.is_empty() {
        return None;
    }
    let vectors =
        embed(app).await?(texts).await.inspect_err(|reason| tracing::warn!(reason, "citations are checked by words alone")).ok()?;
    let cosine = |a: usize, b: usize| -> Option<f32> { Some(vectors.get(a)?.iter().zip(vectors.get(b)?).map(|(a, b)| a * b).sum()) };
    let best = planned.into_iter().filter_map(|(pair, claim, sentences)| {
        Some((pair, sentences.into_iter().filter_map(|sentence| cosine(claim, sentence)).reduce(f32::max)?))
    });
    Some(best.collect())
}

/// A pair, where its claim stands among the texts, and where the sentences do that it is compared with.
type Planned = (Pair, usize, Vec<usize>);

/// The texts to embed, each once, and which are compared. Every pair gets its nearest sentence before any gets its second.
fn plan(stated: &[Stated], pairs: &BTreeSet<Pair>) -> (Vec<String>, Vec<Planned>) {
    let mut texts: Vec<String> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut place = |text: &str| -> Option<usize> {
        if let Some(at) = known.get(text) {
            return Some(*at);
        }
        let room = texts.len() < MOST_TEXTS;
        room.then(|| {
            texts.push(text.to_owned());
            known.insert(text.to_owned(), texts.len() - 1);
            texts.len() - 1
        })
    };
    let of_source = |id: u32| stated.iter().find(|one| one.id == id).map(|one| one.text.as_str());
    let ranked: Vec<(&Pair, Vec<&str>)> = pairs
        .iter()
        .filter_map(|pair| {
            let text = of_source(pair.1)?;
            Some((pair, nearest(&pair.0, text).into_iter().take(NEAREST).map(|at| &text[at]).collect()))
        })
        .collect();
    let mut planned: BTreeMap<&Pair, (usize, Vec<usize>)> = BTreeMap::new();
    for round in 0..NEAREST {
        for (pair, sentences) in &ranked {
            let Some(sentence) = sentences.get(round) else { continue };
            let Some((claim, sentence)) = place(&pair.0).zip(place(sentence)) else { continue };
            planned.entry(pair).or_insert((claim, Vec::new())).1.push(sentence);
        }
    }
    let planned = planned.into_iter().map(|(pair, (claim, sentences))| (pair.clone(), claim, sentences)).collect();
    (texts, planned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_claim_of_a_long_answer_is_compared_with_something() {
        let text = |of: &str| (0..30).map(|at| format!("The {of} paper speaks of matter {at}.")).collect::<Vec<_>>().join(" ");
        let sources = [(1, "first"), (2, "second"), (3, "third")];
        let stated: Vec<Stated> = sources.map(|(id, of)| Stated { id, text: text(of), context: String::new() }).to_vec();
        let pairs: BTreeSet<Pair> = (0..30).map(|at| (format!("Claim of matter {at}."), at % 3 + 1)).collect();
        let (texts, planned) = plan(&stated, &pairs);
        assert_eq!((planned.len(), texts.len()), (30, MOST_TEXTS));
        for ((claim, _), at, sentences) in planned {
            assert_eq!(texts[at], claim);
            let matter = claim.strip_prefix("Claim of ").unwrap();
            assert!(texts[sentences[0]].ends_with(matter), "{claim} {}", texts[sentences[0]]);
        }
        // A source that is not there is compared with nothing.
        assert_eq!(plan(&stated, &BTreeSet::from([("x".to_owned(), 9)])).1, []);
    }
}
