//! Markdown → blocks. HTML inside it goes through the HTML walker.

use super::document::{Builder, Document, Format, Kind};
use super::html;
use super::text::decode;
use super::{Limits, ReadError};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, MetadataBlockKind, Options, Parser, Tag, TagEnd};

/// Reads a Markdown file.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    let mut builder = Builder::new(Format::Markdown);
    let text = decode(bytes, None, &mut builder);
    walk(&text, limits, &mut builder);
    Ok(builder.finish())
}

/// Adds the blocks of a Markdown text (a file, or a cell of a notebook) to `builder`.
pub(super) fn walk(text: &str, limits: &Limits, builder: &mut Builder) {
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES
        | Options::ENABLE_GFM
        | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
        | Options::ENABLE_PLUSES_DELIMITED_METADATA_BLOCKS;
    let mut walker = Walker {
        builder,
        limits,
        inline: String::new(),
        kind: Kind::Paragraph,
        mark: String::new(),
        lists: Vec::new(),
        raw: None,
        table: None,
    };
    for event in Parser::new_ext(text, options) {
        walker.event(event);
    }
    walker.flush();
}

/// A text that is gathered whole before it is read.
enum Raw {
    Code { language: Option<String>, text: String },
    Html(String),
    Metadata(String),
}

struct Walker<'a> {
    builder: &'a mut Builder,
    limits: &'a Limits,
    inline: String,
    /// What `inline` becomes, and the number of a list item or note that goes before it.
    kind: Kind,
    mark: String,
    /// The open lists: the next number of an ordered one.
    lists: Vec<Option<u64>>,
    raw: Option<Raw>,
    table: Option<Vec<Vec<String>>>,
}

impl Walker<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) if self.raw.is_some() => self.raw_text(&text),
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => self.inline.push_str(&text),
            Event::InlineHtml(tag) | Event::Html(tag) => self.inline_html(&tag),
            Event::FootnoteReference(label) => self.inline.push_str(&format!("[{label}]")),
            Event::SoftBreak => self.inline.push(' '),
            Event::HardBreak => self.inline.push('\n'),
            Event::Rule => self.flush(),
            Event::TaskListMarker(done) => self.inline.push_str(if done { "[x] " } else { "[ ] " }),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.flush();
                self.kind = Kind::Heading { level: heading_level(level) };
            }
            Tag::CodeBlock(kind) => {
                self.flush();
                let language = match kind {
                    CodeBlockKind::Fenced(info) => info.split([' ', ',', '{']).next().filter(|word| !word.is_empty()).map(str::to_owned),
                    CodeBlockKind::Indented => None,
                };
                self.raw = Some(Raw::Code { language, text: String::new() });
            }
            Tag::HtmlBlock => {
                self.flush();
                self.raw = Some(Raw::Html(String::new()));
            }
            Tag::MetadataBlock(MetadataBlockKind::YamlStyle | MetadataBlockKind::PlusesStyle) => {
                self.raw = Some(Raw::Metadata(String::new()));
            }
            Tag::List(first) => {
                self.flush();
                self.lists.push(first);
            }
            Tag::Item => self.start_item(),
            Tag::FootnoteDefinition(label) => {
                self.flush();
                self.mark = format!("[{label}] ");
            }
            Tag::Table(_) => {
                self.flush();
                self.table = Some(Vec::new());
            }
            Tag::TableHead | Tag::TableRow => self.table.get_or_insert_default().push(Vec::new()),
            Tag::Paragraph | Tag::BlockQuote(_) => self.flush(),
            _ => {}
        }
    }

    fn start_item(&mut self) {
        self.flush();
        let depth = u8::try_from(self.lists.len().saturating_sub(1)).unwrap_or(u8::MAX);
        self.kind = Kind::ListItem { depth };
        if let Some(Some(next)) = self.lists.last_mut() {
            self.mark = format!("{next}. ");
            *next = next.saturating_add(1);
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.inline);
                if let Some(row) = self.table.as_mut().and_then(|rows| rows.last_mut()) {
                    row.push(cell);
                }
            }
            TagEnd::Table => {
                let rows = self.table.take().unwrap_or_default();
                self.builder.table(rows, 1);
            }
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
            }
            TagEnd::CodeBlock | TagEnd::HtmlBlock | TagEnd::MetadataBlock(_) => self.end_raw(),
            TagEnd::Item => {
                self.flush();
                self.kind = Kind::Paragraph;
                self.mark.clear();
            }
            TagEnd::Paragraph | TagEnd::Heading(_) | TagEnd::FootnoteDefinition | TagEnd::BlockQuote(_) => self.flush(),
            _ => {}
        }
    }

    fn raw_text(&mut self, more: &str) {
        if let Some(Raw::Code { text, .. } | Raw::Html(text) | Raw::Metadata(text)) = &mut self.raw {
            text.push_str(more);
        }
    }

    fn end_raw(&mut self) {
        match self.raw.take() {
            Some(Raw::Code { language, text }) => self.builder.push(Kind::Code { language }, &text),
            Some(Raw::Html(text)) => html::walk_piece(&text, self.limits, self.builder),
            Some(Raw::Metadata(text)) => {
                let title = text.lines().find_map(|line| line.strip_prefix("title:").or_else(|| line.strip_prefix("title =")));
                self.builder.title(title.unwrap_or("").trim().trim_matches(['"', '\'']));
            }
            None => {}
        }
    }

    /// A tag within a paragraph: only a line break and the text of a picture say something.
    fn inline_html(&mut self, tag: &str) {
        if tag.trim_start_matches('<').to_ascii_lowercase().starts_with("br") {
            self.inline.push('\n');
        } else if let Some((_, alt)) = tag.split_once("alt=\"") {
            self.inline.push_str(alt.split('"').next().unwrap_or(""));
        }
    }

    fn flush(&mut self) {
        let text = std::mem::take(&mut self.inline);
        if text.trim().is_empty() {
            return;
        }
        let kind = std::mem::replace(&mut self.kind, Kind::Paragraph);
        self.builder.push(kind, &(std::mem::take(&mut self.mark) + &text));
    }
}

fn heading_level(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &str) -> Vec<(Kind, String)> {
        let document = read(text.as_bytes(), &Limits::default()).unwrap();
        document.blocks.into_iter().map(|block| (block.kind, block.text)).collect()
    }

    #[test]
    fn structure_comes_through() {
        let read = blocks(
            "---\ntitle: \"Garden\"\n---\n# Beds\nWater *well*,\nnot much.\n\n3. dig\n   - deep\n4. plant\n\n| bed | size |\n|---|---|\n| north | 2 m |\n\n```sh\nls\n```\n",
        );
        assert_eq!(read[0], (Kind::Heading { level: 1 }, "Beds".into()));
        assert_eq!(read[1], (Kind::Paragraph, "Water well, not much.".into()));
        assert_eq!(read[2], (Kind::ListItem { depth: 0 }, "3. dig".into()));
        assert_eq!(read[3], (Kind::ListItem { depth: 1 }, "deep".into()));
        assert_eq!(read[4], (Kind::ListItem { depth: 0 }, "4. plant".into()));
        assert_eq!(read[5].1, "bed | size\nnorth | 2 m");
        assert_eq!(read[6], (Kind::Code { language: Some("sh".into()) }, "ls".into()));
    }

    #[test]
    fn metadata_gives_the_title_and_is_not_text() {
        let document = read(b"---\ntitle: Garden rules\nowner: x\n---\nText.\n", &Limits::default()).unwrap();
        assert_eq!(document.title.as_deref(), Some("Garden rules"));
        assert_eq!(document.text(), "Text.");
    }

    #[test]
    fn html_inside_is_walked_and_comments_are_left_out() {
        let read = blocks(
            "One<br>two <b>three</b>.\n\n<!-- not yet -->\n\n<table><tr><th>a<th>b</tr><tr><td>1<td>2</tr></table>\n\nEnd.[^1]\n\n[^1]: A note.\n",
        );
        assert_eq!(read[0].1, "One\ntwo three.");
        assert_eq!(read[1].1, "a | b\n1 | 2");
        assert_eq!(read[2].1, "End.[1]");
        assert_eq!(read[3].1, "[1] A note.");
    }

    #[test]
    fn loose_list_items_are_one_item_and_its_paragraphs() {
        let read = blocks("- one\n\n  more\n- two\n");
        assert_eq!(read[0], (Kind::ListItem { depth: 0 }, "one".into()));
        assert_eq!(read[1], (Kind::Paragraph, "more".into()));
        assert_eq!(read[2], (Kind::ListItem { depth: 0 }, "two".into()));
    }
}
