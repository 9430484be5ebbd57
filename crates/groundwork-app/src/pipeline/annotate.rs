//! The check after the answer: each citation becomes an annotation that says where its source stands and whether it supports the sentence.

use super::check::{Stated, check};
use super::seek::How;
use crate::App;
use crate::search::Rerank;
use groundwork_core::call::Citations;
use groundwork_core::citation::{Claim, Located, Report, Support, Tally, Verdict};
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_core::prompt::Source;
use groundwork_inference::target::{FIT_HEADER, RERANK_HEADER, SEARCH_HEADER};
use groundwork_wire::chat::{Annotation, Citation, Context, ContextCitation, UrlCitation};
use http::{HeaderMap, HeaderValue};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// What an answer must stand on.
#[derive(Clone)]
pub(super) struct Grounds {
    /// As it was searched for: with what it goes on from.
    pub(super) question: String,
    pub(super) sources: Arc<[Source]>,
    /// The chunks that the sources were joined from: they tell the section of a quote more closely.
    pub(super) pieces: Arc<[Piece]>,
    /// How well what was found fits the question.
    pub(super) fit: f64,
    pub(super) rerank: Option<Rerank>,
    /// How `question` came about.
    pub(super) how: How,
}

impl Grounds {
    /// Headers of the answer that tell how its sources were found.
    pub(super) fn told(&self) -> HeaderMap {
        let fit = HeaderValue::try_from(format!("{:.4}", self.fit)).ok().map(|fit| (FIT_HEADER, fit));
        let rerank = self.rerank.map(|rerank| (RERANK_HEADER, HeaderValue::from_static(rerank.as_str())));
        let search = (SEARCH_HEADER, HeaderValue::from_static(self.how.as_str()));
        fit.into_iter().chain(rerank).chain([search]).collect()
    }
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

/// Says of a whole answer's citations what they stand on. The check ends with the time of the call: what is left is then unchecked.
pub(super) async fn annotate(
    app: &App,
    grounds: &Grounds,
    (text, located, tally): (&str, &[Located], Tally),
    deadline: Instant,
) -> Annotated {
    let report = tokio::select! {
        report = check(app, grounds.sources.iter().map(stated).collect(), text, located) => report,
        () = tokio::time::sleep_until(deadline.into()) => None,
        () = app.inner().cut.cancelled() => None,
    };
    let counts = count(report.as_ref(), tally);
    let annotations = located.iter().filter_map(|citation| annotation(grounds, report.as_ref(), citation)).collect();
    let citations = grounds.sources.iter().map(|source| context(grounds, source)).collect();
    Annotated { annotations, context: Context { citations, intent: Some(grounds.question.clone()) }, counts }
}

/// A source as the answer could read it.
fn stated(source: &Source) -> Stated {
    let passage = &source.passage;
    let context = format!("{}\n{}\n{}", passage.name, passage.title.as_deref().unwrap_or_default(), passage.heading_path.join("\n"));
    Stated { id: source.id, text: passage.text.clone(), context }
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
            unit: passage.place.unit.name().to_owned(),
            sheet: passage.place.sheet.clone(),
            section: section.clone(),
            span: (span.start as u64, span.end as u64),
            text: text.to_owned(),
            supported: verdict.map(|verdict| verdict.support == Support::Supported),
            reason: verdict.map(|verdict| verdict.reason.as_str().to_owned()),
            confidence: verdict.map(|verdict| verdict.confidence),
        }),
    })
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
