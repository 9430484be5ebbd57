//! An HTML table → rows of cells, each on its column. A table that only lays out a page is not one.

use super::{NodeRef, is_inline, is_left_out, push_collapsed};
use crate::extract::document::has_likely_header;
use scraper::Node;
use scraper::node::Element;

pub(super) struct Table {
    pub(super) caption: String,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) header_rows: usize,
}

/// Columns and rows that one cell may span; a wider claim is a mistake or an attack.
const MOST_SPANNED: usize = 1000;

/// Beyond so many columns spans are no longer followed.
const MOST_COLUMNS: usize = 1000;

/// `None` for a table that lays out a page: its cells hold headings or further tables, or it says so.
pub(super) fn read(table: NodeRef<'_>) -> Option<Table> {
    let mut rows = Vec::new();
    let mut caption = String::new();
    collect(table, false, &mut rows, &mut caption);
    let labelled = !caption.trim().is_empty() || rows.iter().flat_map(|row| &row.cells).any(|(_, element)| element.name() == "th");
    let role = table.value().as_element().and_then(|element| element.attr("role"));
    if matches!(role, Some("presentation" | "none")) || (!labelled && holds_page_parts(table)) {
        return None;
    }
    let header_rows = rows.iter().take_while(|row| row.is_header).count().min(rows.len().saturating_sub(1));
    let rows = place(&rows);
    let header_rows = if header_rows == 0 { usize::from(has_likely_header(&rows)) } else { header_rows };
    Some(Table { caption, rows, header_rows })
}

fn holds_page_parts(table: NodeRef<'_>) -> bool {
    const PARTS: &[&str] = &["table", "h1", "h2", "h3", "h4", "h5", "h6", "main", "article"];
    table.descendants().skip(1).filter_map(|node| node.value().as_element()).any(|element| PARTS.contains(&element.name()))
}

struct Row<'a> {
    cells: Vec<(NodeRef<'a>, &'a Element)>,
    is_header: bool,
}

/// The rows of this table, not of tables inside its cells.
fn collect<'a>(node: NodeRef<'a>, in_head: bool, rows: &mut Vec<Row<'a>>, caption: &mut String) {
    for child in node.children() {
        let Some(element) = child.value().as_element().filter(|element| !is_left_out(element)) else { continue };
        match element.name() {
            "caption" => flat_text(child, caption),
            "thead" => collect(child, true, rows, caption),
            "tbody" | "tfoot" => collect(child, false, rows, caption),
            "tr" => {
                let cells: Vec<_> = child
                    .children()
                    .filter_map(|cell| cell.value().as_element().map(|element| (cell, element)))
                    .filter(|(_, element)| matches!(element.name(), "td" | "th") && !is_left_out(element))
                    .collect();
                let all_headers = !cells.is_empty() && cells.iter().all(|(_, element)| element.name() == "th");
                rows.push(Row { cells, is_header: in_head || all_headers });
            }
            _ => {}
        }
    }
}

/// Puts every cell on its column; the further columns and rows that a cell spans stay empty.
fn place(rows: &[Row<'_>]) -> Vec<Vec<String>> {
    // How many more rows each column is taken by a cell from above.
    let mut taken: Vec<usize> = Vec::new();
    let mut out = Vec::with_capacity(rows.len());
    for row in rows {
        let mut placed: Vec<String> = Vec::new();
        for (cell, element) in &row.cells {
            while taken.get(placed.len()).is_some_and(|rows| *rows > 0) {
                placed.push(String::new());
            }
            let span = |name| element.attr(name).and_then(|span| span.trim().parse::<usize>().ok()).unwrap_or(1).clamp(1, MOST_SPANNED);
            let (columns, below) = (span("colspan"), span("rowspan"));
            let start = placed.len();
            let mut text = String::new();
            flat_text(*cell, &mut text);
            placed.push(text);
            let end = (start + columns).min(MOST_COLUMNS.max(start + 1));
            placed.resize(end, String::new());
            if below > 1 && end <= MOST_COLUMNS {
                taken.resize(taken.len().max(end), 0);
                // This row counts too, and is taken off below.
                taken[start..end].fill(below);
            }
        }
        taken.iter_mut().for_each(|rows| *rows = rows.saturating_sub(1));
        out.push(placed);
    }
    out
}

/// The text below a node on one line, with a space wherever a block begins or ends.
fn flat_text(node: NodeRef<'_>, out: &mut String) {
    for child in node.children() {
        match child.value() {
            Node::Text(text) => push_collapsed(text, out),
            Node::Element(element) if is_left_out(element) => {}
            Node::Element(element) => {
                if element.name() == "img" {
                    push_collapsed(&format!(" {} ", element.attr("alt").unwrap_or("")), out);
                }
                let inline = is_inline(element.name());
                if !inline {
                    push_collapsed(" ", out);
                }
                flat_text(child, out);
                if !inline {
                    push_collapsed(" ", out);
                }
            }
            _ => {}
        }
    }
}
