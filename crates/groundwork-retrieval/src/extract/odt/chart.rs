//! Charts of OpenDocument files: files within the file, with titles and, where they stand on no sheet, a table of what they show.

use crate::extract::package::{Package, resolve};
use crate::extract::xml::{self, Element};
use crate::extract::{Limits, ReadError};

/// The part of the file that an object refers to.
pub(in crate::extract) fn place(object: &Element) -> Option<String> {
    Some(resolve("", &format!("{}/content.xml", object.attribute("href")?)))
}

/// The chart of a part; `None` for objects of other kinds, and for what cannot be read.
pub(in crate::extract) fn read(package: &mut Package<'_>, place: &str, limits: &Limits) -> Result<Option<Element>, ReadError> {
    let Some(content) = package.part(place)? else { return Ok(None) };
    let Ok((root, _)) = xml::parse(&String::from_utf8_lossy(&content), limits) else { return Ok(None) };
    Ok(root.child("body").and_then(|body| body.child("chart")).and_then(|body| body.child("chart")).cloned())
}

/// The titles of a chart and of its axes.
pub(in crate::extract) fn titles(chart: &Element) -> Vec<String> {
    let mut titles = Vec::new();
    collect(chart, &mut titles);
    titles
}

fn collect(element: &Element, titles: &mut Vec<String>) {
    for child in element.elements() {
        match child.name.as_str() {
            "title" | "subtitle" => titles.push(child.elements().map(Element::text).collect::<Vec<_>>().join("\n")),
            "table" => {}
            _ => collect(child, titles),
        }
    }
}
