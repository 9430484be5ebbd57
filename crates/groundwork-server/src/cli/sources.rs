//! Where an answer comes from, one source a line: `[1] handbook.pdf, page 12`.

use groundwork_wire::chat::Annotation;
use std::collections::BTreeSet;

/// The places that an answer's quotes stand at, by the numbers of their sources, each once.
/// The number of a source, its pages, its name.
type Cited = (u32, Option<(u32, u32)>, String);

pub(super) fn lines(annotations: &[Annotation]) -> Vec<String> {
    let cited: BTreeSet<Cited> = annotations
        .iter()
        .filter_map(|annotation| annotation.citation.as_ref())
        .map(|citation| (citation.id, citation.pages, place(&citation.name, citation.pages, &citation.section)))
        .collect();
    cited.into_iter().map(|(id, _, place)| format!("[{id}] {place}")).collect()
}

/// A place in a document: its page, or its section where the format has no pages.
pub(super) fn place(name: &str, pages: Option<(u32, u32)>, section: &[String]) -> String {
    match (pages, section.last()) {
        (Some((first, last)), _) if first != last => format!("{name}, pages {first}-{last}"),
        (Some((page, _)), _) => format!("{name}, page {page}"),
        (None, Some(section)) => format!("{name}, section {section}"),
        (None, None) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_page_or_else_a_section() {
        let section = ["Leave".to_owned(), "Parental leave".to_owned()];
        assert_eq!(place("handbook.pdf", Some((12, 12)), &section), "handbook.pdf, page 12");
        assert_eq!(place("handbook.pdf", Some((12, 13)), &[]), "handbook.pdf, pages 12-13");
        assert_eq!(place("leave.md", None, &section), "leave.md, section Parental leave");
        assert_eq!(place("note.txt", None, &[]), "note.txt");
    }
}
