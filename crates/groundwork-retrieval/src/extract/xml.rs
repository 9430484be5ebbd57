//! XML → a small tree, for every format that is made of it. Nothing outside the file is ever fetched, no declared entity is expanded, and
//! depth and size are capped while it is read.

use super::document::Builder;
use super::{Limits, ReadError};
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use std::borrow::Cow;

/// An element. Names are without their prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) children: Vec<Node>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    Element(Element),
    Text(String),
}

const MOST_ELEMENTS: usize = 2_000_000;

impl Element {
    /// An attribute by its name without prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|child| match child {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.elements().find(|element| element.name == name)
    }

    /// The first element of this name, here or below.
    pub(super) fn find(&self, name: &str) -> Option<&Element> {
        if self.name == name { Some(self) } else { self.elements().find_map(|child| child.find(name)) }
    }

    /// All text below.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.collect_text(&mut out);
        out
    }

    fn collect_text(&self, out: &mut String) {
        for child in &self.children {
            match child {
                Node::Text(text) => out.push_str(text),
                Node::Element(element) => element.collect_text(out),
            }
        }
    }
}

/// What comes along while an XML file is walked. Names are without their prefix.
pub(super) enum Token<'a> {
    /// An element begins: its name and attributes, no children.
    Open(Element),
    Close,
    Text(Cow<'a, str>),
}

/// Walks a file without keeping it. Returns whether it used entities of its own making, which are left out.
pub(super) fn walk(text: &str, limits: &Limits, mut sink: impl FnMut(Token<'_>) -> Result<(), ReadError>) -> Result<bool, ReadError> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = false;
    let (mut depth, mut count) = (0_usize, 0_usize);
    let mut left_out = false;
    loop {
        let event = reader.read_event().map_err(|_| ReadError::Damaged("its XML is not well-formed".to_owned()))?;
        count += usize::from(matches!(event, Event::Start(_) | Event::Empty(_)));
        if depth >= limits.depth && matches!(event, Event::Start(_)) || count > MOST_ELEMENTS {
            return Err(ReadError::TooComplex(format!("elements deeper than {} or more than {MOST_ELEMENTS}", limits.depth)));
        }
        match event {
            Event::Start(tag) => {
                depth += 1;
                sink(Token::Open(element(&tag)))?;
            }
            Event::Empty(tag) => {
                sink(Token::Open(element(&tag)))?;
                sink(Token::Close)?;
            }
            Event::End(_) if depth > 0 => {
                depth -= 1;
                sink(Token::Close)?;
            }
            Event::Text(text) => sink(Token::Text(text.xml10_content()))?,
            Event::CData(text) => sink(Token::Text(text.xml10_content()))?,
            Event::GeneralRef(reference) => match resolve(&reference) {
                Some(text) => sink(Token::Text(text.into()))?,
                None => left_out = true,
            },
            Event::Eof => break,
            _ => {}
        }
    }
    for _ in 0..depth {
        sink(Token::Close)?;
    }
    Ok(left_out)
}

/// The root element, and whether the file used entities of its own making, which are left out.
pub(super) fn parse(text: &str, limits: &Limits) -> Result<(Element, bool), ReadError> {
    // The document itself is the element without a name.
    let mut open = vec![Element::default()];
    let left_out = walk(text, limits, |token| {
        match token {
            Token::Open(element) => open.push(element),
            Token::Close => {
                if let Some(closed) = open.pop() {
                    add(&mut open, Node::Element(closed));
                }
            }
            Token::Text(text) => add_text(&mut open, &text),
        }
        Ok(())
    })?;
    let root = open.pop().and_then(|document| {
        document.children.into_iter().find_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    });
    root.map(|root| (root, left_out)).ok_or_else(|| ReadError::Damaged("its XML has no element".to_owned()))
}

fn element(tag: &BytesStart<'_>) -> Element {
    // What names the vocabularies is no content.
    let names_vocabulary = |key: &str| key == "xmlns" || key.starts_with("xmlns:");
    let told = tag.attributes().filter_map(Result::ok).filter(|attribute| !names_vocabulary(attribute.key.as_ref()));
    let attributes = told.map(|attribute| {
        let value = attribute.normalized_value(XmlVersion::Implicit1_0).map(Cow::into_owned).unwrap_or_default();
        (attribute.key.local_name().as_ref().to_owned(), value)
    });
    Element { name: tag.local_name().as_ref().to_owned(), attributes: attributes.collect(), children: Vec::new() }
}

fn add(open: &mut [Element], node: Node) {
    if let Some(parent) = open.last_mut() {
        parent.children.push(node);
    }
}

fn add_text(open: &mut [Element], more: &str) {
    let Some(parent) = open.last_mut() else { return };
    match parent.children.last_mut() {
        Some(Node::Text(text)) => text.push_str(more),
        _ => parent.children.push(Node::Text(more.to_owned())),
    }
}

/// The five entities that every XML knows, and characters by number.
fn resolve(reference: &quick_xml::events::BytesRef<'_>) -> Option<String> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Some(character.to_string());
    }
    let text = match reference.xml10_content().as_ref() {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        "nbsp" => "\u{a0}",
        _ => return None,
    };
    Some(text.to_owned())
}

/// Title and author as OpenDocument files and books describe themselves.
pub(super) fn describe(metadata: &Element, builder: &mut Builder) {
    let text = |name: &str| metadata.find(name).map(Element::text).unwrap_or_default();
    builder.title(&text("title"));
    // Who wrote last, unless it is known who wrote first.
    builder.author(&text("creator"));
    builder.author(&text("initial-creator"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_of_the_files_own_making_are_left_out() {
        let text =
            "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'><!ENTITY y 'lol'>]><a>1 &lt; 2 &#233; &x;&y;</a>";
        let (root, left_out) = parse(text, &Limits::default()).unwrap();
        assert_eq!(root.text(), "1 < 2 é ");
        assert!(left_out);
    }

    #[test]
    fn depth_is_capped() {
        let text = "<a>".repeat(100_000);
        assert_eq!(parse(&text, &Limits::default()).unwrap_err().detail(), "too_complex");
    }
}
