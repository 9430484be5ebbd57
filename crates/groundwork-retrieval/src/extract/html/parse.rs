//! Bytes or text → a tree, with a cap on the depth. The standard's algorithm looks through all open elements at many a tag, so that a file of
//! seventy thousand nested elements costs the square of that; deeper elements than the cap are left out and their text stays.

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use html5ever::tree_builder::{TreeBuilder, TreeBuilderOpts, TreeSink};
use scraper::{Html, HtmlTreeSink};
use std::cell::Cell;

/// The tree, and whether elements beyond the cap were left out of it.
///
/// `is_xml`: an element without content may be written as one tag, which the standard takes for its beginning.
pub(super) fn parse(text: &str, depth: usize, is_xml: bool) -> (Html, bool) {
    let options = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    let sink = Flattening {
        tree: TreeBuilder::new(HtmlTreeSink::new(Html::new_document()), options),
        cap: depth,
        open: Cell::new(0),
        left_out: Cell::new(0),
        flattened: Cell::new(false),
        is_xml,
    };
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(text));
    // A script's end stops the tokenizer; nobody runs it here.
    while !input.is_empty() {
        let _ = tokenizer.feed(&input);
    }
    tokenizer.end();
    let sink = tokenizer.sink;
    (sink.tree.sink.finish(), sink.flattened.get())
}

/// Hands tokens to the tree builder, but no start tag (and no end tag of one) beyond the cap.
struct Flattening<Builder> {
    tree: Builder,
    cap: usize,
    open: Cell<usize>,
    left_out: Cell<usize>,
    flattened: Cell<bool>,
    is_xml: bool,
}

impl<Builder> Flattening<Builder> {
    fn keeps(&self, tag: &Tag) -> bool {
        if !nests(tag) {
            return true;
        }
        match tag.kind {
            TagKind::StartTag if self.open.get() >= self.cap => {
                self.left_out.set(self.left_out.get() + 1);
                self.flattened.set(true);
                false
            }
            TagKind::StartTag => {
                self.open.set(self.open.get() + 1);
                true
            }
            TagKind::EndTag if self.left_out.get() > 0 => {
                self.left_out.set(self.left_out.get() - 1);
                false
            }
            TagKind::EndTag => {
                self.open.set(self.open.get().saturating_sub(1));
                true
            }
        }
    }
}

/// Elements that can lie inside their own kind: not those without content, those whose end tag may be left out, nor those of raw text.
fn nests(tag: &Tag) -> bool {
    const FLAT: &[&str] = &[
        "area",
        "base",
        "body",
        "br",
        "col",
        "colgroup",
        "dd",
        "dt",
        "embed",
        "head",
        "hr",
        "html",
        "img",
        "input",
        "li",
        "link",
        "meta",
        "noscript",
        "optgroup",
        "option",
        "p",
        "param",
        "plaintext",
        "rb",
        "rp",
        "rt",
        "rtc",
        "script",
        "source",
        "style",
        "tbody",
        "td",
        "textarea",
        "tfoot",
        "th",
        "thead",
        "title",
        "tr",
        "track",
        "wbr",
        "xmp",
    ];
    !tag.self_closing && FLAT.binary_search(&&*tag.name).is_err()
}

/// Elements of HTML that have an end; `<br/>` has none in either way of writing, and drawings and formulas follow the rules of XML anyway.
fn has_end(name: &str) -> bool {
    const ENDED: &[&str] = &[
        "a",
        "b",
        "blockquote",
        "caption",
        "code",
        "dd",
        "div",
        "dl",
        "dt",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "i",
        "iframe",
        "li",
        "noscript",
        "ol",
        "p",
        "pre",
        "script",
        "section",
        "small",
        "span",
        "strong",
        "style",
        "sub",
        "sup",
        "table",
        "tbody",
        "td",
        "textarea",
        "tfoot",
        "th",
        "thead",
        "title",
        "tr",
        "u",
        "ul",
        "xmp",
    ];
    ENDED.binary_search(&name).is_ok()
}

impl<Handle: Clone, Sink: TreeSink<Handle = Handle>> TokenSink for Flattening<TreeBuilder<Handle, Sink>> {
    type Handle = Handle;

    fn process_token(&self, token: Token, line_number: u64) -> TokenSinkResult<Handle> {
        match token {
            Token::TagToken(tag) if self.is_xml && tag.self_closing && tag.kind == TagKind::StartTag && has_end(&tag.name) => {
                let end = Tag { kind: TagKind::EndTag, self_closing: false, attrs: Vec::new(), ..tag.clone() };
                let begin = Tag { self_closing: false, ..tag };
                // What the standard reads after a tag like `<title>` as raw text is no part of it here.
                let _ = self.tree.process_token(Token::TagToken(begin), line_number);
                let _ = self.tree.process_token(Token::TagToken(end), line_number);
                TokenSinkResult::Continue
            }
            Token::TagToken(tag) if !self.keeps(&tag) => TokenSinkResult::Continue,
            token => self.tree.process_token(token, line_number),
        }
    }

    fn end(&self) {
        self.tree.end();
    }

    fn adjusted_current_node_present_but_not_in_html_namespace(&self) -> bool {
        self.tree.adjusted_current_node_present_but_not_in_html_namespace()
    }
}
