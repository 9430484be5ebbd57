//! HTML → blocks. What a reader of the page would not take for its text is left out: scripts, styles, navigation, forms, hidden parts.

mod hidden;
mod parse;
mod table;

use super::document::{Builder, Document, Format, Kind};
use super::numeral::Numeral;
use super::text::decode;
use super::{Limits, ReadError};
use scraper::node::Element;
use scraper::{ElementRef, Node};

type NodeRef<'a> = ego_tree::NodeRef<'a, Node>;

/// Reads an HTML file.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    let mut builder = Builder::new(Format::Html);
    let text = decode(bytes, declared_encoding(bytes).as_deref(), &mut builder);
    walk(&text, limits, &mut builder);
    Ok(builder.finish())
}

/// Whether a page is XML, in which any element may end where it begins: `<title/>`.
fn is_xml(text: &str) -> bool {
    let head = text.trim_start_matches('\u{feff}').trim_start();
    head.starts_with("<?xml") || head[..head.floor_char_boundary(1024)].contains("http://www.w3.org/1999/xhtml")
}

/// Adds the blocks of a piece of HTML inside another format: its title is not the file's.
pub(super) fn walk_piece(text: &str, limits: &Limits, builder: &mut Builder) {
    let title = builder.take_title();
    walk(text, limits, builder);
    builder.take_title();
    builder.title(title.as_deref().unwrap_or(""));
}

/// Adds the blocks of a page to `builder`.
fn walk(text: &str, limits: &Limits, builder: &mut Builder) {
    let (mut html, flattened) = parse::parse(text, limits.depth, is_xml(text));
    hidden::take_out(&mut html);
    if flattened {
        builder.warn(format!("elements nested deeper than {} were flattened", limits.depth));
    }
    let has_main =
        html.tree.nodes().any(|node| node.value().as_element().is_some_and(|element| matches!(element.name(), "main" | "article")));
    let mut walker = Walker { builder, inline: String::new(), kind: Kind::Paragraph, mark: String::new(), lists: Vec::new(), has_main };
    walker.children(html.tree.root());
    walker.flush();
}

/// The label of `<meta charset=…>`, `<meta … content="…; charset=…">` or `<?xml … encoding=…?>`, from the first two kilobytes, as the standard has it.
pub(super) fn declared_encoding(bytes: &[u8]) -> Option<Vec<u8>> {
    let head = bytes[..bytes.len().min(2048)].to_ascii_lowercase();
    let after =
        |from: usize, what: &[u8]| head[from..].windows(what.len()).position(|window| window == what).map(|at| from + at + what.len());
    let in_meta = after(0, b"<meta").and_then(|meta| after(meta, b"charset="));
    // A page that is XML says it on its first line.
    let at = in_meta.or_else(|| after(0, b"encoding=").filter(|_| head.starts_with(b"<?xml")))?;
    let label: Vec<u8> = head[at..]
        .iter()
        .copied()
        .skip_while(|b| matches!(b, b'"' | b'\'' | b' '))
        .take_while(|b| b.is_ascii_alphanumeric() || b"-_:.".contains(b))
        .collect();
    (!label.is_empty()).then_some(label)
}

struct Walker<'a> {
    builder: &'a mut Builder,
    /// Text since the last block began, whitespace already collapsed; `\n` is a forced line break.
    inline: String,
    /// What `inline` becomes, and the number of a list item that goes before it.
    kind: Kind,
    mark: String,
    /// The open lists: the next number of an ordered one.
    lists: Vec<Option<(u64, Numeral)>>,
    has_main: bool,
}

impl Walker<'_> {
    fn children(&mut self, node: NodeRef<'_>) {
        for child in node.children() {
            self.node(child);
        }
    }

    fn node(&mut self, node: NodeRef<'_>) {
        match node.value() {
            Node::Text(text) => push_collapsed(text, &mut self.inline),
            Node::Element(element) if !is_left_out(element) => self.element(node, element),
            _ => {}
        }
    }

    fn element(&mut self, node: NodeRef<'_>, element: &Element) {
        match element.name() {
            "head" => {
                let title = node.children().find(|child| child.value().as_element().is_some_and(|element| element.name() == "title"));
                if let Some(title) = title {
                    self.builder.title(&raw_text(title));
                }
            }
            "footer" if self.has_main && !inside_main(node) => {}
            "br" => self.inline.push('\n'),
            "img" | "area" => {
                if let Some(alt) = element.attr("alt").filter(|alt| !alt.trim().is_empty()) {
                    push_collapsed(&format!(" {alt} "), &mut self.inline);
                }
            }
            "pre" | "listing" | "xmp" => {
                self.flush();
                self.builder.push(Kind::Code { language: code_language(node) }, &raw_text(node));
            }
            name @ ("h1" | "h2" | "h3" | "h4" | "h5" | "h6") => {
                self.flush();
                self.kind = Kind::Heading { level: name.as_bytes()[1] - b'0' };
                self.children(node);
                self.flush();
            }
            "ul" | "ol" | "menu" | "dir" => self.list(node, element),
            "li" => self.list_item(node, element),
            "table" => {
                self.flush();
                match table::read(node) {
                    Some(table) => {
                        self.builder.paragraph(&table.caption);
                        self.builder.table(table.rows, table.header_rows);
                    }
                    None => self.block(node),
                }
            }
            name if is_inline(name) && !is_cell(element) => self.children(node),
            _ => self.block(node),
        }
    }

    fn block(&mut self, node: NodeRef<'_>) {
        self.flush();
        self.children(node);
        self.flush();
    }

    fn list(&mut self, node: NodeRef<'_>, element: &Element) {
        self.flush();
        let start = element.attr("start").and_then(|start| start.trim().parse().ok()).unwrap_or(1);
        let numeral = Numeral::of_sample(element.attr("type").unwrap_or("1"));
        self.lists.push((element.name() == "ol").then_some((start, numeral)));
        self.children(node);
        self.flush();
        self.lists.pop();
    }

    fn list_item(&mut self, node: NodeRef<'_>, element: &Element) {
        self.flush();
        let depth = u8::try_from(self.lists.len().saturating_sub(1)).unwrap_or(u8::MAX);
        self.kind = Kind::ListItem { depth };
        if let Some(Some((next, numeral))) = self.lists.last_mut() {
            let number: u64 = element.attr("value").and_then(|value| value.trim().parse().ok()).unwrap_or(*next);
            *next = number.saturating_add(1);
            self.mark = format!("{}. ", numeral.show(number));
        }
        self.children(node);
        self.flush();
        self.kind = Kind::Paragraph;
        self.mark.clear();
    }

    /// Ends the block that `inline` belongs to.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.inline);
        if text.trim().is_empty() {
            // `<li><p>…` opens two blocks before its text comes.
            if !matches!(self.kind, Kind::ListItem { .. }) {
                self.kind = Kind::Paragraph;
            }
            return;
        }
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        let text = std::mem::take(&mut self.mark) + &lines.join("\n");
        self.builder.push(std::mem::replace(&mut self.kind, Kind::Paragraph), &text);
    }
}

/// Appends text with every run of whitespace as one space.
fn push_collapsed(text: &str, out: &mut String) {
    for c in text.chars() {
        // A no-break space is text: it stands for itself.
        if matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}') {
            if !out.is_empty() && !out.ends_with([' ', '\n']) {
                out.push(' ');
            }
        } else {
            out.push(c);
        }
    }
}

/// All text below a node as it stands.
fn raw_text(node: NodeRef<'_>) -> String {
    let mut out = String::new();
    for node in node.descendants() {
        match node.value() {
            Node::Text(text) => out.push_str(text),
            Node::Element(element) if element.name() == "br" => out.push('\n'),
            _ => {}
        }
    }
    out
}

/// `class="language-rust"` on a `pre` or the `code` in it.
fn code_language(node: NodeRef<'_>) -> Option<String> {
    node.descendants().filter_map(|node| node.value().as_element()).find_map(|element| {
        element.classes().find_map(|class| class.strip_prefix("language-").or_else(|| class.strip_prefix("lang-"))).map(str::to_owned)
    })
}

/// Elements that carry no text of the page, and elements that are not shown.
fn is_left_out(element: &Element) -> bool {
    const LEFT_OUT: &[&str] = &[
        "annotation",
        "annotation-xml",
        "applet",
        "audio",
        "button",
        "canvas",
        "datalist",
        "dialog",
        "embed",
        "iframe",
        "input",
        "link",
        "meta",
        "nav",
        "noembed",
        "noframes",
        "noscript",
        "object",
        "option",
        "rp",
        "rt",
        "script",
        "select",
        "style",
        "svg",
        "template",
        "textarea",
        "video",
    ];
    let hidden = || {
        let style = element.attr("style").unwrap_or("").to_ascii_lowercase().replace(char::is_whitespace, "");
        element.attr("hidden").is_some()
            || element.attr("aria-hidden").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || matches!(element.attr("role"), Some("navigation" | "search" | "menu" | "menubar"))
            || style.contains("display:none")
            || style.contains("visibility:hidden")
    };
    LEFT_OUT.binary_search(&element.name()).is_ok() || hidden()
}

/// Elements that are laid out as cells of a table, whatever their name.
fn is_cell(element: &Element) -> bool {
    matches!(element.attr("role"), Some("cell" | "columnheader" | "gridcell" | "rowheader"))
}

/// Elements that do not begin a line of their own. What is not known is taken for a block: words never run together.
fn is_inline(name: &str) -> bool {
    const INLINE: &[&str] = &[
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "ins",
        "kbd",
        "label",
        "mark",
        "math",
        "meter",
        "mfrac",
        "mi",
        "mn",
        "mo",
        "mrow",
        "msqrt",
        "msub",
        "msup",
        "mtext",
        "nobr",
        "output",
        "progress",
        "q",
        "ruby",
        "s",
        "samp",
        "semantics",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
    ];
    INLINE.binary_search(&name).is_ok()
}

fn inside_main(node: NodeRef<'_>) -> bool {
    node.ancestors().filter_map(ElementRef::wrap).any(|element| matches!(element.value().name(), "main" | "article"))
}

#[cfg(test)]
mod tests;
