use super::check::{NotRead, check};
use super::expected::File;
use super::{Failure, FileReport};
use groundwork_retrieval::extract::document::{Builder, Format};
use groundwork_retrieval::extract::{Attachment, Extraction, ReadError};
use serde_json::{Value, json};

fn expected(value: Value) -> File {
    serde_json::from_value(value).unwrap()
}

fn pages(texts: &[&str]) -> Extraction {
    let mut builder = Builder::new(Format::Pdf);
    builder.page_count(texts.len() as u32);
    for (page, text) in (1..).zip(texts) {
        builder.at_pages(Some((page, page)));
        builder.paragraph(text);
    }
    Extraction { document: builder.finish(), words: Vec::new(), attachments: Vec::new() }
}

fn failures(expectation: Value, extraction: Extraction) -> Vec<String> {
    let report = check(&expected(expectation), &Ok(extraction), false);
    assert_eq!(report.failures.len(), report.failed);
    report.failures.into_iter().map(|Failure { rule, found, .. }| format!("{rule}: {found}")).collect()
}

#[test]
fn a_text_must_stand_at_its_place_whatever_its_white_space() {
    let read = || pages(&["The annual  re\u{ad}port\nof 2026", "Costs rose."]);
    let must = |text: &str, at: &str| json!({ "file": "a.pdf", "outcome": "ok", "must": [{ "text": text, "at": at }, "Costs"] });
    assert_eq!(failures(must("annual report of 2026", "page 1"), read()), [""; 0]);
    assert_eq!(failures(must("Costs rose.", "page 1"), read()), ["must: it is at page 2"]);
    assert_eq!(failures(must("costs rose.", "page 2"), read()), ["must: it is not there"]);
}

#[test]
fn cells_belong_together_only_within_one_row() {
    let mut builder = Builder::new(Format::Csv);
    builder.table(vec![vec!["bed".into(), "size".into()], vec!["north".into(), "12".into()]], 1);
    let read = Extraction { document: builder.finish(), words: Vec::new(), attachments: Vec::new() };
    let rows = |cells: &[&str]| failures(json!({ "file": "a.csv", "outcome": "ok", "rows": [cells] }), read.clone());
    assert_eq!(rows(&["north", "12"]), [""; 0]);
    for wrong in [&["12", "north"][..], &["size", "north"], &["north", "2"]] {
        assert_eq!(rows(wrong), ["rows: no row has these cells in this order"], "{wrong:?}");
    }
}

#[test]
fn what_must_not_be_there_is_looked_for_in_titles_warnings_and_attachments_too() {
    let mut read = pages(&["Plain."]);
    read.document.warnings.push("a secret".to_owned());
    read.attachments.push(Attachment { name: "n.txt".to_owned(), content: Default::default(), outcome: Ok(pages(&["inner words"])) });
    let must_not = json!({ "file": "a", "outcome": "ok", "must_not": ["secret", "inner", "absent"] });
    assert_eq!(failures(must_not, read.clone()), ["must_not: it is there", "must_not: it is there"]);
    let attached =
        json!({ "file": "a", "outcome": "ok", "attachments": [{ "name": "n.txt", "must": ["inner words"] }, { "name": "m.txt" }] });
    assert_eq!(failures(attached, read), ["attachments: it is not there, or was not read"]);
}

#[test]
fn order_count_and_choices_are_checked_and_wishes_only_told() {
    let expectation = json!({ "file": "a", "outcome": "ok", "count": { "unit": "page", "n": 3 }, "order": [["two", "one"], ["one", "two"]],
        "order_preferred": [["two", "one"]], "any_of": [["2.50%", "one"], ["2.50%"]], "exactly_once": ["one", "o"], "metadata": { "title": "T" } });
    let report = check(&expected(expectation), &Ok(pages(&["one", "two"])), false);
    let failed: Vec<&str> = report.failures.iter().map(|failure| failure.rule.as_str()).collect();
    assert_eq!(failed, ["count", "exactly_once", "order", "any_of", "metadata"]);
    assert_eq!((report.checked, report.wishes.len()), (9, 1));
}

#[test]
fn an_error_counts_as_its_rules_say() {
    let encrypted = || Err(NotRead::Parser(ReadError::Encrypted));
    let failed = |value: Value, outcome| {
        let FileReport { checked, failed, .. } = check(&expected(value), &outcome, false);
        (checked, failed)
    };
    assert_eq!(failed(json!({ "file": "a", "outcome": "error", "error_kind": "encrypted" }), encrypted()), (2, 0));
    assert_eq!(failed(json!({ "file": "a", "outcome": "error", "error_kind": "empty" }), encrypted()), (2, 1));
    assert_eq!(failed(json!({ "file": "a", "outcome": "ok", "must": ["x", "y"], "rows": [["z"]] }), encrypted()), (4, 4));
    let unread = || Err(NotRead::Parser(ReadError::Unsupported("old".to_owned())));
    assert_eq!(failed(json!({ "file": "a", "outcome": "ok", "legacy": true, "must": ["x"] }), unread()), (1, 0));
    assert_eq!(failed(json!({ "file": "a", "outcome": "error" }), Ok(pages(&["x"]))), (1, 1));
}

#[test]
fn text_in_pixels_may_be_missing_where_a_warning_says_so() {
    let scan = |warned: bool, recognizes: bool| {
        let mut read = pages(&[""]);
        read.document.warnings.extend(warned.then(|| "scanned".to_owned()));
        check(&expected(json!({ "file": "a", "outcome": "ok", "ocr": true, "must": ["x", "y"] })), &Ok(read), recognizes)
    };
    assert_eq!((scan(true, false).failed, scan(true, false).skipped), (0, 2));
    assert_eq!((scan(true, true).failed, scan(true, true).skipped), (2, 0));
    assert_eq!((scan(false, false).failed, scan(false, false).skipped), (2, 0));
}
