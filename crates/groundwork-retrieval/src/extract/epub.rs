//! Books (EPUB) → blocks, chapter by chapter in reading order; the navigation page is left out.

use super::document::{Builder, Document, Format};
use super::package::{self, Package};
use super::xml::{self, Element};
use super::{Limits, ReadError, html};
use std::collections::{HashMap, HashSet};

/// Reads an EPUB file. A chapter counts as a page: it is the place that a book's text is found by.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    let mut package = Package::open(bytes, limits)?;
    if package.part("META-INF/rights.xml")?.is_some() {
        return Err(ReadError::Encrypted);
    }
    let container = parse(&mut package, "META-INF/container.xml", limits)?;
    let path = container
        .find("rootfile")
        .and_then(|root| root.attribute("full-path"))
        .ok_or_else(|| damaged("it names no package file"))?
        .to_owned();
    let book = parse(&mut package, &path, limits)?;
    let mut builder = Builder::new(Format::Epub);
    if let Some(metadata) = book.child("metadata") {
        xml::describe(metadata, &mut builder);
    }
    let mut chapter = 0;
    for name in chapters(&book, &path) {
        let Some(page) = package.part(&name)? else {
            builder.warn(format!("a chapter is missing: {name}"));
            continue;
        };
        chapter += 1;
        builder.at_pages(Some((chapter, chapter)));
        builder.leave_headings();
        html::walk_piece(&String::from_utf8_lossy(&page), limits, &mut builder);
    }
    if chapter == 0 {
        return Err(damaged("it has no chapters"));
    }
    builder.page_count(chapter);
    Ok(builder.finish())
}

fn parse(package: &mut Package<'_>, name: &str, limits: &Limits) -> Result<Element, ReadError> {
    let part = package.part(name)?.ok_or_else(|| damaged("a part that describes it is missing"))?;
    xml::parse(&String::from_utf8_lossy(&part), limits).map(|(root, _)| root)
}

/// The names of the chapters' parts, in reading order, without what the book calls its navigation.
fn chapters(book: &Element, path: &str) -> Vec<String> {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let items: HashMap<&str, &Element> = book
        .child("manifest")
        .into_iter()
        .flat_map(Element::elements)
        .filter_map(|item| item.attribute("id").map(|id| (id, item)))
        .collect();
    // What stands beside the order of reading, such as notes, comes after it.
    let (main, aside): (Vec<&Element>, Vec<&Element>) =
        book.child("spine").into_iter().flat_map(Element::elements).partition(|reference| reference.attribute("linear") != Some("no"));
    let spine = main.into_iter().chain(aside);
    let listed = spine.filter_map(|reference| items.get(reference.attribute("idref")?));
    let text = listed.filter(|item| item.attribute("media-type").is_none_or(|kind| kind.contains("html")));
    // A chapter stands in the order of reading once.
    let mut known = HashSet::new();
    let text = text.filter(|item| known.insert(item.attribute("href")));
    let no_navigation = text.filter(|item| !item.attribute("properties").unwrap_or("").split(' ').any(|property| property == "nav"));
    no_navigation.filter_map(|item| item.attribute("href")).map(|href| resolve(folder, href)).collect()
}

/// A reference within the package, from the folder of the part that makes it.
fn resolve(folder: &str, href: &str) -> String {
    package::resolve(folder, &percent_decoded(href.split('#').next().unwrap_or(href)))
}

fn percent_decoded(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code =
            after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code.filter(|_| *first == b'%') {
            Some(byte) => {
                out.push(byte);
                rest = &after[2..];
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn damaged(why: &str) -> ReadError {
    ReadError::Damaged(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::package::tests::zipped;

    #[test]
    fn chapters_come_in_the_order_of_the_spine_without_the_navigation() {
        let book = "<package><metadata><dc:title xmlns:dc='d'>Moss</dc:title></metadata><manifest>
            <item id='n' href='nav.xhtml' media-type='application/xhtml+xml' properties='nav'/><item id='b' href='text/b%20two.xhtml' media-type='application/xhtml+xml'/>
            <item id='a' href='text/a.xhtml' media-type='application/xhtml+xml'/></manifest><spine><itemref idref='n'/><itemref idref='a'/><itemref idref='b'/><itemref idref='a'/></spine></package>";
        let bytes = zipped(&[
            ("mimetype", "application/epub+zip"),
            ("META-INF/container.xml", "<container><rootfiles><rootfile full-path='OEBPS/book.opf'/></rootfiles></container>"),
            ("OEBPS/book.opf", book),
            ("OEBPS/nav.xhtml", "<html><body><ol><li>One</ol></body></html>"),
            ("OEBPS/text/a.xhtml", "<html><head><title>x</title></head><body><h1>One</h1><p>First.</p></body></html>"),
            ("OEBPS/text/b two.xhtml", "<html><body><p>Second.</p></body></html>"),
        ]);
        let document = read(&bytes, &Limits::default()).unwrap();
        assert_eq!(document.title.as_deref(), Some("Moss"));
        assert_eq!(document.text(), "One\n\nFirst.\n\nSecond.");
        assert_eq!(document.blocks[2].pages, Some((2, 2)));
        assert!(document.blocks[2].heading_path.is_empty());
    }
}
