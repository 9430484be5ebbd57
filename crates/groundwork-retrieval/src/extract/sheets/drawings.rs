//! What lies over the cells of a workbook (XLSX): the text of boxes, shapes and diagrams, the titles of charts and their axes, and comments.

use crate::extract::package::{self, Package};
use crate::extract::xml::{self, Element};
use crate::extract::{Limits, ReadError};
use std::collections::{HashMap, HashSet};

/// The texts of each sheet that has any, in the order of the file. A drawing that cannot be read takes nothing from the cells.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<HashMap<String, Vec<String>>, ReadError> {
    let mut drawings = Drawings { package: Package::open(bytes, limits)?, limits };
    let mut found = HashMap::new();
    // A drawing is of one sheet; a file in which many share one is an attack.
    let mut known = HashSet::new();
    let book = "xl/workbook.xml";
    let Some(root) = drawings.part(book)? else { return Ok(found) };
    let parts = drawings.relations(book)?;
    for sheet in root.find("sheets").into_iter().flat_map(Element::elements) {
        let (Some(name), Some(id)) = (sheet.attribute("name"), sheet.attribute("id")) else { continue };
        let Some(part) = parts.iter().find(|part| part.id == id) else { continue };
        let mut texts = Vec::new();
        for part in drawings.relations(&part.target)? {
            if matches!(part.kind.as_str(), "drawing" | "comments") && known.insert(part.target.clone()) {
                match part.kind.as_str() {
                    "drawing" => drawings.texts(&part.target, &mut texts)?,
                    _ => drawings.comments(&part.target, &mut texts)?,
                }
            }
        }
        if !texts.is_empty() {
            found.insert(name.to_owned(), texts);
        }
    }
    Ok(found)
}

/// What one part of a package says about another.
struct Relation {
    id: String,
    /// The last word of its type, such as `drawing`.
    kind: String,
    /// The other part's name.
    target: String,
}

struct Drawings<'a> {
    package: Package<'a>,
    limits: &'a Limits,
}

impl Drawings<'_> {
    fn part(&mut self, name: &str) -> Result<Option<Element>, ReadError> {
        let part = self.package.part(name)?;
        Ok(part.and_then(|part| xml::parse(&String::from_utf8_lossy(&part), self.limits).ok()).map(|(root, _)| root))
    }

    fn relations(&mut self, of: &str) -> Result<Vec<Relation>, ReadError> {
        let (folder, name) = of.rsplit_once('/').unwrap_or(("", of));
        let Some(root) = self.part(&format!("{folder}/_rels/{name}.rels"))? else { return Ok(Vec::new()) };
        let relation = |element: &Element| {
            Some(Relation {
                id: element.attribute("Id")?.to_owned(),
                kind: element.attribute("Type")?.rsplit('/').next()?.to_owned(),
                target: package::resolve(folder, element.attribute("Target")?),
            })
        };
        Ok(root.elements().filter_map(relation).collect())
    }

    /// The texts of one drawing: its shapes', then its charts'.
    fn texts(&mut self, name: &str, texts: &mut Vec<String>) -> Result<(), ReadError> {
        let Some(drawing) = self.part(name)? else { return Ok(()) };
        collect(&drawing, "txBody", texts);
        for part in self.relations(name)? {
            let inside = match part.kind.as_str() {
                "chart" => "title",
                "diagramData" => "t",
                _ => continue,
            };
            if let Some(part) = self.part(&part.target)? {
                collect(&part, inside, texts);
            }
        }
        Ok(())
    }

    /// The comments on a sheet's cells. Those that answer one another are repeated here with a word on programs that cannot show them.
    fn comments(&mut self, name: &str, texts: &mut Vec<String>) -> Result<(), ReadError> {
        let Some(root) = self.part(name)? else { return Ok(()) };
        for comment in root.find("commentList").into_iter().flat_map(Element::elements) {
            let runs = comment.find("text").into_iter().flat_map(Element::elements).filter(|part| matches!(part.name.as_str(), "t" | "r"));
            let runs = runs.filter_map(|run| if run.name == "t" { Some(run) } else { run.child("t") });
            let text: String = runs.map(Element::text).collect();
            let text = match text.split_once("Comment:") {
                Some((word, said)) if word.starts_with("[Threaded comment]") => said,
                _ => &text,
            };
            if !text.trim().is_empty() {
                texts.push(format!("Comment on {}: {}", comment.attribute("ref").unwrap_or(""), text.trim()));
            }
        }
        Ok(())
    }
}

/// The text of each element of a name, one line a paragraph.
fn collect(element: &Element, name: &str, texts: &mut Vec<String>) {
    if element.name != name {
        return element.elements().for_each(|child| collect(child, name, texts));
    }
    let mut lines = Vec::new();
    paragraphs(element, &mut lines);
    let text = lines.join("\n");
    if !text.trim().is_empty() {
        texts.push(text);
    }
}

fn paragraphs(element: &Element, lines: &mut Vec<String>) {
    for child in element.elements() {
        if child.name == "p" {
            let runs = child.elements().filter(|run| matches!(run.name.as_str(), "r" | "fld"));
            lines.push(runs.filter_map(|run| run.child("t")).map(Element::text).collect());
        } else {
            paragraphs(child, lines);
        }
    }
}
