use super::value::show;
use super::*;
use crate::extract::document::Kind;
use crate::extract::package::tests::zipped;

/// A workbook of these sheets: name, hidden or not, and the rows' XML.
fn xlsx(sheets: &[(&str, bool, &str)]) -> Vec<u8> {
    let spreadsheet = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let mut list = String::new();
    let mut relations = String::new();
    let mut parts = Vec::new();
    for ((name, hidden, rows), id) in sheets.iter().zip(1..) {
        let state = if *hidden { " state='hidden'" } else { "" };
        list += &format!("<sheet name='{name}' sheetId='{id}'{state} r:id='r{id}'/>");
        relations += &format!("<Relationship Id='r{id}' Type='{office}/worksheet' Target='worksheets/sheet{id}.xml'/>");
        parts.push((
            format!("xl/worksheets/sheet{id}.xml"),
            format!("<worksheet xmlns='{spreadsheet}'><sheetData>{rows}</sheetData></worksheet>"),
        ));
    }
    parts
        .push(("xl/workbook.xml".into(), format!("<workbook xmlns='{spreadsheet}' xmlns:r='{office}'><sheets>{list}</sheets></workbook>")));
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    parts.push(("xl/_rels/workbook.xml.rels".into(), format!("<Relationships xmlns='{package}'>{relations}</Relationships>")));
    let root = format!(
        "<Relationships xmlns='{package}'><Relationship Id='r0' Type='{office}/officeDocument' Target='xl/workbook.xml'/></Relationships>"
    );
    parts.push(("_rels/.rels".into(), root));
    let parts: Vec<(&str, &str)> = parts.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect();
    zipped(&parts)
}

fn text(at: &str, text: &str) -> String {
    format!("<c r='{at}' t='inlineStr'><is><t>{text}</t></is></c>")
}

fn number(at: &str, value: &str) -> String {
    format!("<c r='{at}'><v>{value}</v></c>")
}

#[test]
fn sheets_are_told_apart_and_hidden_ones_marked() {
    let rows = format!(
        "<row r='1'>{}{}</row><row r='2'>{}{}</row>",
        text("A1", "bed"),
        text("B1", "size"),
        text("A2", "north"),
        number("B2", "0.30000000000000004")
    );
    let document = read_xlsx(&xlsx(&[("Beds", false, &rows), ("Old", true, "")]), &Limits::default()).unwrap();
    assert_eq!(document.text(), "Beds\n\nbed | size\nnorth | 0.3\n\nOld (hidden sheet)");
    assert_eq!(document.blocks[1].sheet.as_deref(), Some("Beds"));
    assert!(matches!(document.blocks[1].kind, Kind::Table { header_rows: 1, .. }));
    assert_eq!(document.blocks[2].sheet.as_deref(), Some("Old"));
}

#[test]
fn regions_are_parted_by_empty_rows_and_columns() {
    let rows = format!(
        "<row r='1'>{}</row><row r='2'>{}{}{}{}</row><row r='3'>{}{}{}{}</row><row r='9'>{}</row>",
        text("A1", "Tools"),
        text("A2", "what"),
        text("B2", "count"),
        text("E2", "who"),
        text("F2", "since"),
        text("A3", "spade"),
        number("B3", "2"),
        text("E3", "Ann"),
        number("F3", "2020"),
        text("C9", "End.")
    );
    let document = read_xlsx(&xlsx(&[("S", false, &rows)]), &Limits::default()).unwrap();
    let texts: Vec<&str> = document.blocks.iter().map(|block| block.text.as_str()).collect();
    assert_eq!(texts, ["S", "Tools", "what | count\nspade | 2", "who | since\nAnn | 2020", "End."]);
}

#[test]
fn a_cell_far_away_costs_no_more_than_one_nearby() {
    let rows = format!("<row r='1'>{}</row><row r='1048576'>{}</row>", text("A1", "here"), text("XFD1048576", "there"));
    let document = read_xlsx(&xlsx(&[("S", false, &rows)]), &Limits::default()).unwrap();
    assert_eq!(document.text(), "S\n\nhere\n\nthere");
}

#[test]
fn numbers_are_shown_as_a_reader_sees_them() {
    let shown = |value: f64, format: &str| show(&Data::Float(value), Some(format)).unwrap().text;
    assert_eq!(shown(0.025, "0.00%"), "2.50%");
    assert_eq!(shown(0.5, "0%"), "50%");
    assert_eq!(shown(1599.99, "#,##0.00"), "1599.99");
    assert_eq!(shown(13.0, "General"), "13");
    assert_eq!(show(&Data::String("  ".into()), None), None);
}

#[test]
fn text_over_the_cells_stands_on_its_sheet() {
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let relations = |parts: &[(&str, &str)]| {
        let one = |(number, (kind, target)): (usize, &(&str, &str))| {
            format!("<Relationship Id='r{number}' Type='{office}/{kind}' Target='{target}'/>")
        };
        let all: String = (1..).zip(parts).map(one).collect();
        format!("<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>{all}</Relationships>")
    };
    let box_of = "<d:wsDr xmlns:d='d' xmlns:a='a'><d:sp><d:txBody><a:p><a:r><a:t>Mind the </a:t></a:r><a:r><a:t>moss</a:t></a:r></a:p><a:p><a:r><a:t>twice</a:t></a:r></a:p></d:txBody></d:sp></d:wsDr>";
    let chart = "<c:chartSpace xmlns:c='c' xmlns:a='a'><c:title><c:tx><c:rich><a:p><a:r><a:t>Yield</a:t></a:r></a:p></c:rich></c:tx></c:title></c:chartSpace>";
    let diagram = "<g:dataModel xmlns:g='g' xmlns:a='a'><g:ptLst><g:pt type='doc'><g:t><a:p/></g:t></g:pt><g:pt><g:t><a:p><a:r><a:t>Dig, then sow</a:t></a:r></a:p></g:t></g:pt></g:ptLst></g:dataModel>";
    let comments = "<comments><authors><author>Ann</author></authors><commentList><comment ref='A1' authorId='0'><text><r><t>Which </t></r><r><t>bed?</t></r></text></comment>
        <comment ref='B2' authorId='0'><text><t>[Threaded comment]\n\nYour version does not show it.\n\nComment:\n    The north one.</t></text></comment></commentList></comments>";
    let book = format!(
        "<workbook xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main' xmlns:r='{office}'><sheets><sheet name='Beds' sheetId='1' r:id='r1'/></sheets></workbook>"
    );
    let sheet = format!(
        "<worksheet xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'><sheetData><row r='1'>{}</row></sheetData></worksheet>",
        text("A1", "bed")
    );
    let bytes = zipped(&[
        ("_rels/.rels", &relations(&[("officeDocument", "xl/workbook.xml")])),
        ("xl/workbook.xml", &book),
        ("xl/_rels/workbook.xml.rels", &relations(&[("worksheet", "/xl/worksheets/sheet1.xml")])),
        ("xl/worksheets/sheet1.xml", &sheet),
        ("xl/worksheets/_rels/sheet1.xml.rels", &relations(&[("drawing", "../drawings/drawing1.xml"), ("comments", "../comments1.xml")])),
        ("xl/drawings/drawing1.xml", box_of),
        ("xl/drawings/_rels/drawing1.xml.rels", &relations(&[("chart", "../charts/chart1.xml"), ("diagramData", "../diagrams/data1.xml")])),
        ("xl/charts/chart1.xml", chart),
        ("xl/diagrams/data1.xml", diagram),
        ("xl/comments1.xml", comments),
    ]);
    let document = read_xlsx(&bytes, &Limits::default()).unwrap();
    assert_eq!(
        document.text(),
        "Beds\n\nbed\n\nMind the moss\ntwice\n\nYield\n\nDig, then sow\n\nComment on A1: Which bed?\n\nComment on B2: The north one."
    );
    assert!(document.blocks.iter().all(|block| block.sheet.as_deref() == Some("Beds")));
}

#[test]
fn whole_numbers_are_shown_as_shares_too() {
    assert_eq!(show(&Data::Int(1), Some("0.0%")).unwrap().text, "100.0%");
    assert_eq!(show(&Data::Int(7), None).unwrap().text, "7");
}

#[test]
fn what_an_old_sheet_claims_to_span_costs_nothing() {
    use super::biff::tests::{book, number, span};
    for (rows, columns) in [(2, 2), (0, 0), (65_536, 256), (u32::MAX, u16::MAX)] {
        let file = book(&[], &[span(rows, columns), number(0, 0, 0, 3.0), number(1, 1, 0, 4.0)]);
        let document = read_xls(&file, &Limits::default()).unwrap();
        assert_eq!(document.text(), "Beds\n\n3\n\n4", "{rows} rows, {columns} columns");
    }
}
