//! What the styles of an OpenDocument file say about its text: which runs are hidden, and how lists and headings are numbered.

use crate::extract::numeral::Numeral;
use crate::extract::xml::Element;
use std::collections::{HashMap, HashSet};

/// Levels of a list or an outline.
const LEVELS: usize = 10;

/// How one level of a list is numbered; nothing for bullets.
#[derive(Debug, Clone)]
struct Level {
    numeral: Numeral,
    prefix: String,
    suffix: String,
    /// How many levels the number shows, such as 2 for `1.2`.
    shown: usize,
    start: u64,
}

type Levels = [Option<Level>; LEVELS];

#[derive(Debug, Default)]
pub(super) struct Styles {
    lists: HashMap<String, Levels>,
    outline: Levels,
    hidden: HashSet<String>,
    /// Styles that are the style "Title" with a change.
    titles: HashSet<String>,
}

impl Styles {
    /// Adds what one part of the file says; the content's own styles come last.
    pub(super) fn add(&mut self, element: &Element) {
        for style in element.elements() {
            let name = style.attribute("name").unwrap_or("");
            match style.name.as_str() {
                "list-style" => drop(self.lists.insert(name.to_owned(), levels(style))),
                "outline-style" => self.outline = levels(style),
                "style" => {
                    let properties = style.child("text-properties");
                    if properties.and_then(|properties| properties.attribute("display")) == Some("none") {
                        self.hidden.insert(name.to_owned());
                    }
                    if style.attribute("parent-style-name") == Some("Title") {
                        self.titles.insert(name.to_owned());
                    }
                }
                "styles" | "automatic-styles" => self.add(style),
                _ => {}
            }
        }
    }

    pub(super) fn is_hidden(&self, element: &Element) -> bool {
        element.attribute("style-name").is_some_and(|name| self.hidden.contains(name))
    }

    pub(super) fn is_title(&self, element: &Element) -> bool {
        element.attribute("style-name").is_some_and(|name| name == "Title" || self.titles.contains(name))
    }
}

fn levels(style: &Element) -> Levels {
    let mut levels = Levels::default();
    for level in style.elements() {
        let number = |name: &str| level.attribute(name).and_then(|value| value.parse::<usize>().ok());
        let format = level.attribute("num-format").unwrap_or("");
        let at = number("level").unwrap_or(1).wrapping_sub(1);
        if let Some(place) = levels.get_mut(at)
            && !format.is_empty()
        {
            let text = |name: &str| level.attribute(name).unwrap_or("").to_owned();
            *place = Some(Level {
                numeral: Numeral::of_sample(format),
                prefix: text("num-prefix"),
                suffix: text("num-suffix"),
                shown: number("display-levels").unwrap_or(1),
                start: number("start-value").unwrap_or(1) as u64,
            });
        }
    }
    levels
}

/// How far each list, and the outline of the headings, has counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    lists: HashMap<String, Vec<u64>>,
    outline: Vec<u64>,
}

impl Counters {
    /// A list begins anew.
    pub(super) fn restart(&mut self, list: &str) {
        self.lists.remove(list);
    }

    /// The number of the next item of a list on a level, with a space behind it; empty where there is none. `given` is what the item says itself.
    pub(super) fn item(&mut self, styles: &Styles, list: &str, level: u8, given: Option<u64>) -> String {
        let Some(levels) = styles.lists.get(list) else { return String::new() };
        next(self.lists.entry(list.to_owned()).or_default(), levels, usize::from(level), given)
    }

    /// The number of the next heading of a level, counted from 0.
    pub(super) fn heading(&mut self, styles: &Styles, level: u8) -> String {
        next(&mut self.outline, &styles.outline, usize::from(level), None)
    }
}

fn next(counts: &mut Vec<u64>, levels: &Levels, level: usize, given: Option<u64>) -> String {
    if level >= LEVELS {
        return String::new();
    }
    let start = |level: usize| levels[level].as_ref().map_or(1, |level| level.start);
    counts.truncate(level + 1);
    // Levels that were passed over count as begun.
    while counts.len() < level {
        counts.push(start(counts.len()));
    }
    match counts.get_mut(level) {
        Some(count) => *count = given.unwrap_or(count.saturating_add(1)),
        None => counts.push(given.unwrap_or(start(level))),
    }
    let Some(own) = &levels[level] else { return String::new() };
    let first = (level + 1).saturating_sub(own.shown);
    let shown = counts.iter().zip(levels).skip(first);
    let numbers: Vec<String> = shown.filter_map(|(count, level)| Some(level.as_ref()?.numeral.show(*count))).collect();
    format!("{}{}{} ", own.prefix, numbers.join("."), own.suffix.trim_end())
}
