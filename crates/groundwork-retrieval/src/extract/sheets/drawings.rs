//! What lies over the cells of a workbook (XLSX): the text of boxes and shapes, and the titles of charts and their axes.

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
        for drawing in drawings.relations(&part.target)?.into_iter().filter(|part| part.kind == "drawing") {
            if !known.contains(&drawing.target) {
                drawings.texts(&drawing.target, &mut texts)?;
                known.insert(drawing.target);
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
        for chart in self.relations(name)?.iter().filter(|part| part.kind == "chart") {
            if let Some(chart) = self.part(&chart.target)? {
                collect(&chart, "title", texts);
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
