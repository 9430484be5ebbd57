//! One file's expectations against what came out of it.

use super::expected::{File, Must, Outcome};
use super::text::{Texts, in_order, squeezed};
use super::{Failure, FileReport};
use groundwork_retrieval::extract::{Extraction, ReadError};
use std::fmt::Display;

/// Why there is nothing to check.
pub(super) enum NotRead {
    Parser(ReadError),
    Disk(String),
}

/// `recognizes`: text in pixels is read here, so that it may not be missing.
pub(super) fn check(expected: &File, outcome: &Result<Extraction, NotRead>, recognizes: bool) -> FileReport {
    let mut checks = Checks { recognizes, report: FileReport { file: expected.file.clone(), ..FileReport::default() } };
    match (outcome, expected.outcome) {
        (Ok(extraction), Outcome::Ok) => checks.read(expected, extraction),
        (Ok(_), Outcome::Error) => checks.add("outcome", &"error", false, || "it was read".to_owned()),
        (Err(NotRead::Disk(problem)), _) => checks.add("outcome", &"a file", false, || problem.clone()),
        (Err(NotRead::Parser(error)), Outcome::Ok) => {
            let refused = expected.legacy && error.kind() == "unsupported";
            checks.add("outcome", &"ok", refused, || error.to_string());
            if !refused {
                checks.all_lost(expected);
            }
        }
        (Err(NotRead::Parser(error)), Outcome::Error) => {
            checks.add("outcome", &"error", true, String::new);
            if let Some(kind) = &expected.error_kind {
                checks.add("error_kind", kind, [error.kind(), error.detail()].contains(&kind.as_str()), || error.detail().to_owned());
            }
        }
    }
    checks.report.outcome = if outcome.is_ok() { "ok" } else { "error" }.to_owned();
    checks.report
}

struct Checks {
    recognizes: bool,
    report: FileReport,
}

impl Checks {
    fn add(&mut self, rule: &'static str, expected: &(impl Display + ?Sized), holds: bool, found: impl FnOnce() -> String) {
        self.report.checked += 1;
        if !holds {
            self.report.failed += 1;
            self.report.failures.push(Failure { rule: rule.to_owned(), expected: expected.to_string(), found: found() });
        }
    }

    fn read(&mut self, expected: &File, extraction: &Extraction) {
        let texts = Texts::of(extraction);
        self.add("outcome", "ok", true, String::new);
        // Text in pixels: without a program that recognizes it, none and a warning is what the rules allow.
        let unrecognized = expected.ocr && !self.recognizes && texts.whole.is_empty() && !extraction.document.warnings.is_empty();
        if let Some(count) = &expected.count {
            let found = texts.count;
            self.add("count", &format!("{} {}s", count.n, count.unit), found == count.n, || found.to_string());
        }
        if unrecognized {
            self.report.skipped = expected.must.len();
        } else {
            self.texts(expected, &texts);
        }
        for text in &expected.must_not {
            let text = squeezed(text);
            self.add("must_not", &text, !texts.whole.contains(&text) && !texts.beside.contains(&text), || "it is there".to_owned());
        }
        for attachment in &expected.attachments {
            let inner = extraction.attachments.iter().find(|inner| inner.name == attachment.name);
            let text = inner.and_then(|inner| inner.outcome.as_ref().ok()).map(|inner| squeezed(&inner.document.text()));
            self.add("attachments", &attachment.name, text.is_some(), || "it is not there, or was not read".to_owned());
            for must in &attachment.must {
                let holds = text.as_ref().is_some_and(|text| text.contains(&squeezed(must)));
                self.add("attachments", must, holds, || format!("not in {}", attachment.name));
            }
        }
        for (name, value) in &expected.metadata {
            let document = &extraction.document;
            let found = match name.as_str() {
                "title" => document.title.as_deref(),
                "author" => document.author.as_deref(),
                _ => None,
            };
            self.add("metadata", &format!("{name}: {value}"), found == Some(value), || found.unwrap_or("nothing").to_owned());
        }
    }

    fn texts(&mut self, expected: &File, texts: &Texts) {
        for must in &expected.must {
            match must {
                Must::Anywhere(text) | Must::There { text, at: None } => {
                    let text = squeezed(text);
                    self.add("must", &text, texts.whole.contains(&text), || "it is not there".to_owned());
                }
                Must::There { text, at: Some(at) } => {
                    let text = squeezed(text);
                    let holds = texts.at(at).contains(&text);
                    self.add("must", &format!("{text} (at {at})"), holds, || match texts.places_of(&text).join(", ") {
                        places if places.is_empty() => "it is not there".to_owned(),
                        places => format!("it is at {places}"),
                    });
                }
            }
        }
        for text in &expected.exactly_once {
            let text = squeezed(text);
            let count = texts.whole.matches(&text).count();
            self.add("exactly_once", &text, count == 1, || format!("it is there {count} times"));
        }
        for parts in expected.order.iter().map(|parts| all_squeezed(parts)) {
            let holds = in_order(&texts.whole, &parts, false);
            self.add("order", &parts.join(" … "), holds, || "they do not stand in this order".to_owned());
        }
        for parts in expected.order_preferred.iter().map(|parts| all_squeezed(parts)) {
            if !in_order(&texts.whole, &parts, false) {
                self.report.wishes.push(parts.join(" … "));
            }
        }
        for cells in expected.rows.iter().map(|cells| all_squeezed(cells)) {
            self.add("rows", &cells.join(" | "), texts.has_row(&cells), || "no row has these cells in this order".to_owned());
        }
        for choice in expected.any_of.iter().map(|choice| all_squeezed(choice)) {
            let holds = choice.iter().any(|text| texts.whole.contains(text));
            self.add("any_of", &choice.join(" or "), holds, || "none of them is there".to_owned());
        }
    }

    /// What a file that was not read owes.
    fn all_lost(&mut self, expected: &File) {
        let File { count, must, exactly_once, order, rows, any_of, attachments, metadata, .. } = expected;
        let attached: usize = attachments.iter().map(|attachment| 1 + attachment.must.len()).sum();
        let lost = usize::from(count.is_some())
            + must.len()
            + exactly_once.len()
            + order.len()
            + rows.len()
            + any_of.len()
            + attached
            + metadata.len();
        self.report.checked += lost;
        self.report.failed += lost;
    }
}

fn all_squeezed(texts: &[String]) -> Vec<String> {
    texts.iter().map(|text| squeezed(text)).collect()
}
