//! The words of one page of a document's live version and where they stand, for highlighting.

use super::{FindError, PageError, find, page};
use crate::App;
use groundwork_core::access::Caller;
use groundwork_core::highlight::locate;
use groundwork_core::ids::{DocumentId, KnowledgeBaseId};
use groundwork_retrieval::extract::boxes::PageWords;
use serde::{Deserialize, Serialize};
use std::ops::Range;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Words {
    pub document: DocumentId,
    pub version: u32,
    pub page: u32,
    /// Of the page as it is shown, in points; pixels for a picture.
    pub width: f32,
    pub height: f32,
    pub words: Vec<WordBox>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WordBox {
    pub text: String,
    /// Left, top, right, bottom, from the top left corner of the page.
    #[serde(rename = "box")]
    pub edges: [f32; 4],
}

/// Which words are asked for.
pub struct Spot {
    /// From 1.
    pub page: u32,
    /// Characters of the document's text; all words of the page without them.
    pub span: Option<Range<usize>>,
}

/// All words of a page, or those that a span of the document's text is made of. A page without boxes, as of a format
/// without pages, has no words.
pub async fn words(
    app: &App,
    caller: &Caller,
    knowledge_base: &KnowledgeBaseId,
    document: &DocumentId,
    spot: Spot,
) -> Result<Words, PageError> {
    let Spot { page: number, span } = spot;
    let text = page(app, caller, knowledge_base, document, number).await?;
    let version = find(app, caller, knowledge_base, document).await?.version;
    let bytes = app.inner().db.page_words(document, version, number).await.map_err(FindError::Db)?;
    let boxes = bytes.and_then(|bytes| PageWords::from_bytes(&bytes));
    let boxes = boxes.unwrap_or(PageWords { page: number, width: 0.0, height: 0.0, words: Vec::new() });
    let words = match span {
        None => boxes.words,
        Some(span) => {
            let (before, quote) = cut(&text.text, text.start.unwrap_or(0), &span);
            let all: Vec<&str> = boxes.words.iter().map(|word| &*word.text).collect();
            locate(&all, quote, before).into_iter().map(|at| boxes.words[at].clone()).collect()
        }
    };
    let words = words.into_iter().map(|word| WordBox { text: word.text.into(), edges: [word.x0, word.y0, word.x1, word.y1] }).collect();
    Ok(Words { document: document.clone(), version, page: number, width: boxes.width, height: boxes.height, words })
}

/// What of a page's text lies in a span of the document's, and what stands before it on the page.
fn cut<'a>(text: &'a str, start: usize, span: &Range<usize>) -> (&'a str, &'a str) {
    let byte = |at: usize| text.char_indices().nth(at.saturating_sub(start)).map_or(text.len(), |(byte, _)| byte);
    let (from, to) = (byte(span.start), byte(span.end.max(span.start)));
    (&text[..from], &text[from..to.max(from)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_cut_to_the_page() {
        assert_eq!(cut("Größe zwei", 100, &(106..110)), ("Größe ", "zwei"));
        assert_eq!(cut("Größe zwei", 100, &(90..105)), ("", "Größe"));
        assert_eq!(cut("Größe zwei", 100, &(106..400)), ("Größe ", "zwei"));
        assert_eq!(cut("Größe zwei", 100, &(300..400)), ("Größe zwei", ""));
    }
}
