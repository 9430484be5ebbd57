//! The check after the answer: each citation becomes an annotation that says where its source stands and whether it supports the sentence.

use super::call::embed;
use crate::App;
use groundwork_core::call::Citations;
use groundwork_core::citation::{self, Claim, Evidence, Located, Reason, Report, Support, Tally, Verdict};
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_core::prompt::Source;
use groundwork_core::sentence::sentences;
use groundwork_wire::chat::{Annotation, Citation, Context, ContextCitation, UrlCitation};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

/// What an answer must stand on.
#[derive(Clone)]
pub(super) struct Grounds {
    /// As it was searched for: with what it goes on from.
    pub(super) question: String,
    pub(super) sources: Arc<[Source]>,
    /// The chunks that the sources were joined from: they tell the section of a quote more closely.
    pub(super) pieces: Arc<[Piece]>,
}

/// Where a chunk stands.
pub(super) struct Piece {
    pub(super) knowledge_base: KnowledgeBaseId,
    pub(super) document: DocumentId,
    /// Characters of the document's text.
    pub(super) span: Range<usize>,
    pub(super) section: Vec<String>,
}

/// An answer's citations, checked.
pub(super) struct Annotated {
    pub(super) annotations: Vec<Annotation>,
    pub(super) context: Context,
    pub(super) counts: Citations,
}

/// Sentences that are embedded for one answer: a bound on the time that its last chunk waits.
const MAX_SENTENCES: usize = 48;

pub(super) async fn annotate(app: &App, grounds: &Grounds, text: &str, located: &[Located], tally: Tally) -> Annotated {
    let report = check(app, grounds, text, located).await;
    let counts = count(report.as_ref(), tally);
    let mut annotations = Vec::with_capacity(located.len());
    for citation in located {
        let Some(mut annotation) = annotation(grounds, report.as_ref(), citation) else { continue };
        narrow(app, grounds, &mut annotation).await;
        annotations.push(annotation);
    }
    let citations = grounds.sources.iter().map(|source| context(grounds, source)).collect();
    Annotated { annotations, context: Context { citations, intent: Some(grounds.question.clone()) }, counts }
}

/// Words decide first; what they leave open is decided by meaning. `None` when the check was cut short: citations are then unchecked.
async fn check(app: &App, grounds: &Grounds, text: &str, located: &[Located]) -> Option<Report> {
    let (sources, text, located) = (grounds.sources.clone(), text.to_owned(), located.to_vec());
    let by_words = {
        let (sources, text, located) = (sources.clone(), text.clone(), located.clone());
        app.compute(move || check_by(&sources, &text, &located, &|_sentence, _source| None)).await.ok()?
    };
    let open = open_pairs(&by_words);
    if open.is_empty() {
        return Some(by_words);
    }
    let Some(similarities) = similarities(app, &sources, open).await else { return Some(by_words) };
    let by_meaning = move || {
        let look_up = |sentence: &str, source: u32| similarities.get(&(sentence.to_owned(), source)).copied();
        check_by(&sources, &text, &located, &look_up)
    };
    Some(app.compute(by_meaning).await.unwrap_or(by_words))
}

fn check_by(sources: &[Source], text: &str, located: &[Located], similarity: &dyn Fn(&str, u32) -> Option<f32>) -> Report {
    let context = |source: &Source| {
        let passage = &source.passage;
        format!("{}\n{}\n{}", passage.name, passage.title.as_deref().unwrap_or_default(), passage.heading_path.join("\n"))
    };
    let contexts: Vec<String> = sources.iter().map(context).collect();
    let evidence: Vec<Evidence<'_>> =
        sources.iter().zip(&contexts).map(|(source, context)| Evidence { id: source.id, text: &source.passage.text, context }).collect();
    citation::check(text, located, &evidence, similarity)
}

/// Sentences and sources that the words alone do not tell.
fn open_pairs(report: &Report) -> BTreeSet<(String, u32)> {
    let verdicts = report.claims.iter().flat_map(|(claim, verdicts)| verdicts.iter().map(move |verdict| (claim, verdict)));
    verdicts
        .filter(|(_, verdict)| matches!(verdict.reason, Reason::Restated | Reason::NotFound))
        .map(|(claim, verdict)| (claim.text.clone(), verdict.source))
        .collect()
}

/// For each pair the largest cosine of the sentence and a sentence of the source.
async fn similarities(app: &App, sources: &[Source], pairs: BTreeSet<(String, u32)>) -> Option<BTreeMap<(String, u32), f32>> {
    let mut batch: Vec<String> = Vec::new();
    let mut planned = Vec::new();
    for (sentence, id) in pairs {
        let Some(source) = sources.iter().find(|source| source.id == id) else { continue };
        let parts: Vec<String> = sentences(&source.passage.text).into_iter().map(|at| source.passage.text[at].to_owned()).collect();
        if batch.len() + parts.len() + 1 > MAX_SENTENCES {
            continue;
        }
        let at = batch.len();
        batch.push(sentence.clone());
        batch.extend(parts);
        planned.push(((sentence, id), at..batch.len()));
    }
    if planned.is_empty() {
        return None;
    }
    let vectors =
        embed(app).await?(batch).await.inspect_err(|reason| tracing::warn!(reason, "citations are checked by words alone")).ok()?;
    let cosine = |a: &[f32], b: &[f32]| -> f32 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    let best = planned.into_iter().filter_map(|(pair, at)| {
        let (sentence, parts) = vectors.get(at)?.split_first()?;
        Some((pair, parts.iter().map(|part| cosine(sentence, part)).reduce(f32::max)?))
    });
    Some(best.collect())
}

fn count(report: Option<&Report>, tally: Tally) -> Citations {
    let mut counts = Citations { tally, ..Citations::default() };
    for (claim, verdicts) in report.into_iter().flat_map(|report| &report.claims) {
        counts.uncited_sentences += u32::from(claim.cites.is_empty());
        for verdict in verdicts {
            match verdict.support {
                Support::Supported => counts.supported += 1,
                Support::Unsupported => counts.unsupported += 1,
            }
        }
    }
    counts
}

fn annotation(grounds: &Grounds, report: Option<&Report>, located: &Located) -> Option<Annotation> {
    let source = grounds.sources.iter().find(|source| source.id == located.id)?;
    let verdict = report.and_then(|report| verdict(report, located));
    let passage = &source.passage;
    // A table's header that stands before a later part of the table lies elsewhere in the document: a span is of the part's own words.
    let lead = passage.lead();
    let quote = verdict.and_then(|verdict| verdict.quote.clone()).map(|at| at.start.max(lead)..at.end).filter(|at| !at.is_empty());
    let quote = quote.and_then(|at| Some((at.start, passage.text.get(at)?)));
    let quoted = quote.is_some();
    // The quote's own characters where it was found, the whole passage where not.
    let (span, text) = match quote {
        Some((byte, quote)) => {
            let start = passage.span.start + passage.text[lead..byte].chars().count();
            (start..start + quote.chars().count(), quote)
        }
        None => (passage.span.clone(), passage.text.as_str()),
    };
    let piece = grounds.pieces.iter().find(|piece| quoted && piece.document == passage.document && piece.span.contains(&span.start));
    let (pages, section) = (source.pages_of(&span), piece.map_or(&passage.heading_path, |piece| &piece.section));
    Some(Annotation {
        kind: "url_citation".to_owned(),
        url_citation: Some(UrlCitation {
            start_index: u32::try_from(located.at.start).ok()?,
            end_index: u32::try_from(located.at.end).ok()?,
            title: passage.title.clone().unwrap_or_else(|| passage.name.clone()),
            url: url(grounds, source, pages),
        }),
        citation: Some(Citation {
            id: source.id,
            document: passage.document.to_string(),
            name: passage.name.clone(),
            version: passage.version,
            pages,
            section: section.clone(),
            span: (span.start as u64, span.end as u64),
            text: text.to_owned(),
            supported: verdict.map(|verdict| verdict.support == Support::Supported),
            reason: verdict.map(|verdict| verdict.reason.as_str().to_owned()),
            confidence: verdict.map(|verdict| verdict.confidence),
        }),
    })
}

/// Pages that are looked through for one quote.
const MAX_PAGES: u32 = 8;

/// A source may run over several pages; a quote stands on one of them.
async fn narrow(app: &App, grounds: &Grounds, annotation: &mut Annotation) {
    let Some(citation) = &mut annotation.citation else { return };
    let Some(source) = grounds.sources.iter().find(|source| source.id == citation.id) else { return };
    let Some((first, last)) = citation.pages.filter(|(first, last)| first < last && last - first < MAX_PAGES) else { return };
    if citation.text == source.passage.text {
        return;
    }
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    // A quote that runs over a page's end stands where it begins.
    let wanted = [squeeze(&citation.text), squeeze(citation.text.lines().next().unwrap_or_default())];
    let mut pages = Vec::new();
    for number in first..=last {
        let page = app.inner().db.page(&source.passage.document, source.passage.version, number).await;
        // Without the page's text the place is told as closely as it was.
        pages.extend(page.ok().flatten().map(|text| (number, squeeze(&text))));
    }
    let stands = wanted.iter().filter(|wanted| !wanted.is_empty());
    let page = stands.filter_map(|wanted| pages.iter().find(|(_, text)| text.contains(wanted))).map(|(number, _)| *number).next();
    if let Some(page) = page {
        citation.pages = Some((page, page));
        if let Some(link) = &mut annotation.url_citation {
            link.url = url(grounds, source, Some((page, page)));
        }
    }
}

fn verdict<'a>(report: &'a Report, located: &Located) -> Option<&'a Verdict> {
    let of_claim = |(claim, _): &&(Claim, Vec<Verdict>)| claim.at.start <= located.at.start && located.at.end <= claim.at.end;
    let (_, verdicts) = report.claims.iter().find(of_claim)?;
    verdicts.iter().find(|verdict| verdict.source == located.id)
}

fn context(grounds: &Grounds, source: &Source) -> ContextCitation {
    ContextCitation {
        content: source.passage.text.clone(),
        title: Some(source.passage.title.clone().unwrap_or_else(|| source.passage.name.clone())),
        url: Some(url(grounds, source, source.passage.pages)),
        filepath: Some(source.passage.name.clone()),
        chunk_id: Some(source.id.to_string()),
    }
}

/// The original on this server, opened at its page.
fn url(grounds: &Grounds, source: &Source, pages: Option<(u32, u32)>) -> String {
    let document = &source.passage.document;
    let base = grounds.pieces.iter().find(|piece| piece.document == *document).map_or("default", |piece| piece.knowledge_base.as_str());
    let page = pages.map(|(first, _)| format!("#page={first}")).unwrap_or_default();
    format!("/admin/v1/knowledge-bases/{base}/documents/{document}/original{page}")
}
