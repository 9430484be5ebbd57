//! What a page's own style sheets hide: rules for elements by tag, class or id that say `display: none` or `visibility: hidden`. What another
//! rule can bring to sight, as that of an opened chapter does, is there for the reader of the page and stays.

use ego_tree::NodeId;
use scraper::Html;
use scraper::node::Element;
use std::collections::{HashMap, HashSet};

/// More rules that hide are for no page written by hand; the rest are passed over.
const MOST_RULES: usize = 500;

/// Takes the hidden elements out of the tree.
pub(super) fn take_out(html: &mut Html) {
    let mut rules = Rules::default();
    for node in html.tree.nodes().filter(|node| node.value().as_element().is_some_and(is_style_sheet)) {
        let sheet: String = node.children().filter_map(|child| child.value().as_text()).map(|text| &**text).collect();
        rules.read(&sheet);
    }
    if rules.hiding.is_empty() {
        return;
    }
    let hidden: Vec<NodeId> = html
        .tree
        .nodes()
        .filter(|node| node.value().as_element().is_some_and(|element| rules.hide(element)))
        .map(|node| node.id())
        .collect();
    for id in hidden {
        if let Some(mut node) = html.tree.get_mut(id) {
            node.detach();
        }
    }
}

/// Whether it is a style sheet for screens.
fn is_style_sheet(element: &Element) -> bool {
    let medium = element.attr("media").unwrap_or("").trim().to_ascii_lowercase();
    element.name() == "style" && matches!(medium.as_str(), "" | "all" | "screen")
}

#[derive(Default)]
struct Rules {
    /// Those that hide, by a name that they are for or, where they have none, by their tag.
    hiding: HashMap<String, Vec<Compound>>,
    count: usize,
    /// Names, with their dot or number sign, of which a rule shows something.
    shown: HashSet<String>,
}

/// A selector without relation to other elements: `p.note#first` in its parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Compound {
    tag: String,
    /// Classes and ids, with their dot or number sign.
    names: Vec<String>,
}

impl Rules {
    fn read(&mut self, sheet: &str) {
        let sheet = without_comments(sheet);
        let mut rest = sheet.as_str();
        while let Some((selectors, after)) = rest.split_once('{') {
            // What stands before a block of another medium or condition is not for every reader.
            if selectors.trim_start().starts_with('@') {
                rest = after_block(after);
                continue;
            }
            let (declarations, next) = after.split_once('}').unwrap_or((after, ""));
            self.rule(selectors, declarations);
            rest = next;
        }
    }

    fn rule(&mut self, selectors: &str, declarations: &str) {
        let value = |wanted: &str| {
            let of = |declaration: &str| {
                let (name, value) = declaration.split_once(':')?;
                let value = value.split('!').next().unwrap_or(value).trim().to_ascii_lowercase();
                name.trim().eq_ignore_ascii_case(wanted).then_some(value)
            };
            declarations.rsplit(';').find_map(of)
        };
        let (display, visibility) = (value("display"), value("visibility"));
        let hides = display.as_deref() == Some("none") || matches!(visibility.as_deref(), Some("hidden" | "collapse"));
        for selector in selectors.split(',').map(str::trim) {
            match compound(selector) {
                Some(compound) if hides => self.add(compound),
                None if hides => {}
                _ if display.is_some() || visibility.is_some() => self.shown.extend(names_of(selector)),
                _ => {}
            }
        }
    }

    fn add(&mut self, compound: Compound) {
        if self.count < MOST_RULES {
            self.count += 1;
            let key = compound.names.last().unwrap_or(&compound.tag).clone();
            self.hiding.entry(key).or_default().push(compound);
        }
    }

    fn hide(&self, element: &Element) -> bool {
        let has = |name: &String| match name.strip_prefix('.') {
            Some(class) => element.classes().any(|own| own == class),
            None => element.id().is_some_and(|id| name[1..] == *id),
        };
        let hides = |rule: &Compound| {
            (rule.tag.is_empty() || rule.tag == element.name())
                && rule.names.iter().all(has)
                && !rule.names.iter().any(|name| self.shown.contains(name))
        };
        let names = element.classes().map(|class| format!(".{class}")).chain(element.id().map(|id| format!("#{id}")));
        let mut rules = names.chain([element.name().to_owned()]).filter_map(|key| self.hiding.get(&key)).flatten();
        rules.any(hides) && !element.attr("style").unwrap_or("").to_ascii_lowercase().contains("display")
    }
}

fn without_comments(sheet: &str) -> String {
    let mut out = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    out + rest
}

/// What follows the block that has just begun, with the blocks in it.
fn after_block(text: &str) -> &str {
    let mut depth = 1_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[at + 1..];
        }
    }
    ""
}

/// A selector of nothing but a tag, classes and ids; `None` for any other, and for the page as a whole.
fn compound(selector: &str) -> Option<Compound> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '#');
    if selector.is_empty() || !selector.chars().all(is_plain) {
        return None;
    }
    let first = selector.find(['.', '#']).unwrap_or(selector.len());
    let compound = Compound { tag: selector[..first].to_ascii_lowercase(), names: names_of(&selector[first..]) };
    (compound.names.iter().all(|name| name.len() > 1) && !matches!(compound.tag.as_str(), "html" | "body")).then_some(compound)
}

/// The classes and ids of a selector of any kind.
fn names_of(selector: &str) -> Vec<String> {
    let begins: Vec<usize> = selector.match_indices(['.', '#']).map(|(at, _)| at).collect();
    let name = |begin: usize| {
        let rest = &selector[begin + 1..];
        let end = rest.find(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '_')).unwrap_or(rest.len());
        selector[begin..begin + 1 + end].to_owned()
    };
    begins.into_iter().map(name).collect()
}
