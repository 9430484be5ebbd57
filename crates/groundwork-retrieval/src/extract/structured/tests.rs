use super::*;
use crate::extract::Limits;

fn json(text: &str) -> String {
    read_json(text.as_bytes(), &Limits::default()).unwrap().text()
}

fn xml(text: &str) -> String {
    read_xml(text.as_bytes(), &Limits::default()).unwrap().text()
}

#[test]
fn records_become_a_table_and_fields_become_lines() {
    let text =
        json(r#"{"name": "Shed", "tools": [{"what": "spade", "count": 2}, {"what": "rake", "count": 1, "note": "bent"}], "open": true}"#);
    assert_eq!(text, "name: Shed\n\ntools\n\nwhat | count | note\nspade | 2\nrake | 1 | bent\n\nopen: true");
}

#[test]
fn json_lines_are_records() {
    assert_eq!(json("{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"y\"}\n"), "a | b\n1 | x\n2 | y");
}

#[test]
fn json_that_is_deep_or_wrong_is_refused() {
    let kind = |text: &str| read_json(text.as_bytes(), &Limits::default()).unwrap_err().detail();
    assert_eq!(kind(&("[".repeat(100_000) + &"]".repeat(100_000))), "too_complex");
    assert_eq!(kind("{\"a\": 1"), "damaged");
}

#[test]
fn json_with_liberties_keeps_its_text_and_lines_that_are_damaged_leave_the_others() {
    let document = read_json(b"{\"moss\": NaN, // not weighed\n\"beds\": 2}", &Limits::default()).unwrap();
    assert!(document.text().contains("not weighed") && document.warnings[0].ends_with("read as text"), "{document:?}");
    let document = read_json(b"{\"a\":1}\n{\"a\": moss\n{\"a\":3}\n", &Limits::default()).unwrap();
    assert_eq!((document.text().as_str(), document.warnings.len()), ("a\n1\n3", 1));
}

#[test]
fn deep_fields_are_flattened_into_paths() {
    let text = json(r#"{"a": {"b": {"c": {"d": {"e": [1, 2]}}}}}"#);
    assert_eq!(text, "a\n\nb\n\nc\n\nd.e: 1, 2");
}

#[test]
fn xml_records_and_mixed_text_come_through() {
    let text = xml(
        "<shed><note>Keep <b>dry</b> &amp; tidy</note><tool id='1'><what>spade</what></tool><tool id='2'><what>rake</what></tool></shed>",
    );
    assert_eq!(text, "note: Keep dry & tidy\n\ntool\n\nid | what\n1 | spade\n2 | rake");
}

#[test]
fn names_of_vocabularies_are_no_content() {
    assert_eq!(xml("<r:shed xmlns:r='urn:beds' xmlns='urn:moss'><r:tool r:id='1'>spade</r:tool></r:shed>"), "tool\n\nid: 1\nspade");
}

#[test]
fn notebooks_keep_text_code_and_output() {
    let text = r##"{"cells": [{"cell_type": "markdown", "source": ["# Sums\n", "Add."]}, {"cell_type": "code", "source": "1 + 1",
        "outputs": [{"output_type": "execute_result", "data": {"text/plain": ["2"], "text/html": "<b>2</b>"}}]}], "metadata": {}, "nbformat": 4}"##;
    let document = read_notebook(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(document.text(), "Sums\n\nAdd.\n\n1 + 1\n\n2");
    assert_eq!(document.title.as_deref(), Some("Sums"));
}

#[test]
fn notebooks_show_what_failed_and_what_they_draw_as_html_and_old_ones_are_read() {
    let text = r##"{"nbformat": 4, "cells": [{"cell_type": "code", "source": "f()", "outputs": [
        {"output_type": "error", "ename": "ValueError", "evalue": "no moss", "traceback": ["\u001b[0;31mValueError\u001b[0m"]},
        {"output_type": "display_data", "data": {"text/html": "<b>42</b> beds", "application/json": {"a": 1}}},
        {"output_type": "stream", "text": "\u001b[1;32mgreen\u001b[0m moss"}]}]}"##;
    let document = read_notebook(text.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(document.text(), "f()\n\nValueError: no moss\n\n42 beds\n\ngreen moss");
    let old = r##"{"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "heading", "level": 2, "source": ["Beds"]},
        {"cell_type": "code", "input": "1 + 1", "outputs": [{"output_type": "pyout", "text": ["2"], "html": ["<b>2</b>"]}]}]}]}"##;
    let document = read_notebook(old.as_bytes(), &Limits::default()).unwrap();
    assert_eq!(document.text(), "Beds\n\n1 + 1\n\n2");
    assert_eq!(document.blocks[1].heading_path, ["Beds"]);
}
