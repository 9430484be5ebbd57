//! Where an answer comes from, one source a line: `[1] handbook.pdf, page 12`.

use groundwork_core::place::named;
use groundwork_wire::chat::Annotation;
use std::collections::BTreeSet;

/// The places that an answer's quotes stand at, by the numbers of their sources, each once.
/// The number of a source, its pages, its name.
type Cited = (u32, Option<(u32, u32)>, String);

pub(super) fn lines(annotations: &[Annotation]) -> Vec<String> {
    let cited: BTreeSet<Cited> = annotations
        .iter()
        .filter_map(|annotation| annotation.citation.as_ref())
        .map(|citation| {
            let spot = named(&citation.unit, citation.pages, citation.sheet.as_deref());
            (citation.id, citation.pages, place(&citation.name, spot, &citation.section))
        })
        .collect();
    cited.into_iter().map(|(id, _, place)| format!("[{id}] {place}")).collect()
}

/// A place in a document: `spot`, its page, slide or sheet, or its section where the format has none of them.
pub(super) fn place(name: &str, spot: Option<String>, section: &[String]) -> String {
    match (spot, section.last()) {
        (Some(spot), _) => format!("{name}, {spot}"),
        (None, Some(section)) => format!("{name}, section {section}"),
        (None, None) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_page_a_slide_or_a_sheet_or_else_a_section() {
        let section = ["Leave".to_owned(), "Parental leave".to_owned()];
        assert_eq!(place("handbook.pdf", named("page", Some((12, 13)), None), &section), "handbook.pdf, pages 12-13");
        assert_eq!(place("tour.pptx", named("slide", Some((3, 3)), None), &section), "tour.pptx, slide 3");
        assert_eq!(place("prices.xlsx", named("sheet", None, Some("2026")), &section), "prices.xlsx, sheet 2026");
        assert_eq!(place("leave.md", None, &section), "leave.md, section Parental leave");
        assert_eq!(place("note.txt", None, &[]), "note.txt");
    }
}
