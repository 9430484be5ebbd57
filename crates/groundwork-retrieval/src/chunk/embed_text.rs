//! What is embedded: title > heading path > body. The body is never cut; what goes before it is shortened until all fits.

use groundwork_core::tokens::Tokenizer;

/// The text of a chunk with its tokens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: usize,
}

/// Joins the context and the body to at most `most` tokens. A body that alone has more is returned as it is; chunks are cut so that none has.
pub(super) fn compose(title: Option<&str>, heading_path: &[String], body: Body<'_>, most: usize, tokenizer: &Tokenizer) -> String {
    let Body { text: body, tokens: body_tokens } = body;
    let path: Vec<&str> = heading_path.iter().map(String::as_str).filter(|heading| !begins_with_line(body, heading)).collect();
    let title = title.filter(|title| !path.contains(title) && !begins_with_line(body, title));
    for context in contexts(title, &path) {
        let context = context.join(" > ");
        let text = format!("{context}\n{body}");
        let tokens = if tokenizer.adds_up() { tokenizer.count(&context) + body_tokens } else { tokenizer.count(&text) };
        if tokens <= most {
            return text;
        }
    }
    body.to_owned()
}

/// From the whole context to its least part, best first.
fn contexts<'a>(title: Option<&'a str>, path: &[&'a str]) -> impl Iterator<Item = Vec<&'a str>> {
    let title: Vec<&str> = title.into_iter().collect();
    let last = path.len().saturating_sub(1);
    let candidates = [[&title, path].concat(), [&title[..], &path[last..]].concat(), path.to_vec(), path[last..].to_vec(), title];
    candidates.into_iter().filter(|context| !context.is_empty())
}

/// Whether one of the first lines of the body is this heading already.
fn begins_with_line(body: &str, heading: &str) -> bool {
    body.lines().take(8).any(|line| line.trim() == heading.trim())
}
