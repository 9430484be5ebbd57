//! Tables, ruled and by alignment, and forms.

use super::*;

fn table(document: &Document) -> (&Vec<Vec<String>>, usize) {
    document
        .blocks
        .iter()
        .find_map(|block| match &block.kind {
            Kind::Table { rows, header_rows } => Some((rows, *header_rows)),
            _ => None,
        })
        .expect("a table")
}

#[test]
fn lines_that_cross_make_a_table_whose_cells_may_have_several_lines() {
    let mut page = PageSource::new();
    for x in [60, 200, 340, 480] {
        page = page.draw(&format!("{x} 600 m {x} 700 l S"));
    }
    for y in [600, 640, 670, 700] {
        page = page.draw(&format!("60 {y} m 480 {y} l S"));
    }
    let page = page
        .text(65.0, 680.0, 10.0, "Plan")
        .text(205.0, 680.0, 10.0, "Covered")
        .text(345.0, 680.0, 10.0, "Copay")
        .text(65.0, 650.0, 10.0, "Standard")
        .text(205.0, 650.0, 10.0, "Yes")
        .text(345.0, 650.0, 10.0, "$20")
        .text(65.0, 625.0, 10.0, "Plus")
        .text(205.0, 628.0, 10.0, "Yes, also")
        .text(205.0, 612.0, 10.0, "abroad")
        .text(345.0, 625.0, 10.0, "$10");
    let document = read_ok(&file(&[page]));
    let (rows, header_rows) = table(&document);
    assert_eq!(rows, &[["Plan", "Covered", "Copay"], ["Standard", "Yes", "$20"], ["Plus", "Yes, also abroad", "$10"]]);
    assert_eq!(header_rows, 1);
    assert!(document.text().contains("Standard | Yes | $20"));
}

#[test]
fn aligned_rows_without_lines_make_a_table() {
    let rows = [
        ("Item", "Category", "Price", "Total"),
        ("SK-1", "Garden tools", "12.50", "125.00"),
        ("SK-2", "Paint", "8.00", "16.00"),
        ("SK-3", "Timber", "31.90", "638.00"),
    ];
    let page = rows.iter().zip(0_u8..).fold(
        PageSource::new().text(60.0, 740.0, 10.0, "Below is the stock as counted in the last week of the year by two people."),
        |page, (row, at)| {
            let y = 700.0 - 16.0 * f32::from(at);
            page.text(60.0, y, 10.0, row.0).text(150.0, y, 10.0, row.1).text(300.0, y, 10.0, row.2).text(400.0, y, 10.0, row.3)
        },
    );
    let document = read_ok(&file(&[page]));
    let (found, header_rows) = table(&document);
    assert_eq!(found[1], ["SK-1", "Garden tools", "12.50", "125.00"]);
    assert_eq!((found.len(), header_rows), (4, 1));
}

#[test]
fn cells_with_several_lines_stay_in_their_row_without_lines_too() {
    let row = |page: PageSource, y: f32, cells: [&[&str]; 3]| {
        cells.iter().zip([60.0, 200.0, 380.0]).fold(page, |page, (lines, x)| page.lines(x, y, lines))
    };
    let mut page = PageSource::new();
    page = row(page, 700.0, [&["Service"], &["In network"], &["Limits"]]);
    page = row(
        page,
        682.0,
        [&["Specialist visit"], &["$40 a visit, when the", "deductible is met"], &["Referral is needed", "for some of them"]],
    );
    page = row(page, 652.0, [&["Imaging"], &["$150 a test"], &["Ask before the", "test is made"]]);
    page = row(page, 622.0, [&["Laboratory"], &["no charge"], &["None"]]);
    let document = read_ok(&file(&[page]));
    let (rows, _) = table(&document);
    assert_eq!(rows[1], ["Specialist visit", "$40 a visit, when the deductible is met", "Referral is needed for some of them"]);
    assert_eq!(rows.len(), 4);
}

#[test]
fn a_frame_around_a_form_does_not_hide_its_rows() {
    let mut page = PageSource::new();
    for (from, to) in [("60 500 m", "60 720 l"), ("300 500 m", "300 720 l"), ("540 500 m", "540 720 l")] {
        page = page.draw(&format!("{from} {to} S"));
    }
    for y in [500, 520, 720] {
        page = page.draw(&format!("60 {y} m 540 {y} l S"));
    }
    for (at, (name, value, other)) in
        [("Name", "Anna Berg", "Year"), ("Policy", "P-1187", "Make"), ("Phone", "555-0100", "Model"), ("City", "Port Ellery", "Color")]
            .iter()
            .enumerate()
    {
        let y = 690.0 - 20.0 * at as f32;
        page = page.text(70.0, y, 10.0, name).text(150.0, y, 10.0, value).text(310.0, y, 10.0, other).text(400.0, y, 10.0, "set");
    }
    page = page.text(70.0, 506.0, 10.0, "Total").text(310.0, 506.0, 10.0, "1,200");
    let text = read_ok(&file(&[page])).text();
    assert!(text.contains("Policy | P-1187") || text.contains("Policy P-1187"), "{text}");
}

#[test]
fn labels_stay_with_their_values() {
    let pairs =
        [("Name:", "Anna Berg", "Year:", "2025"), ("Policy:", "P-1187", "Plan:", "Plus"), ("City:", "Port Ellery", "Room:", "B 12")];
    let page = pairs.iter().zip(0_u8..).fold(PageSource::new(), |page, (row, at)| {
        let y = 700.0 - 16.0 * f32::from(at);
        page.text(60.0, y, 10.0, row.0).text(150.0, y, 10.0, row.1).text(300.0, y, 10.0, row.2).text(400.0, y, 10.0, row.3)
    });
    let document = read_ok(&file(&[page]));
    assert_eq!(table(&document).0[1], ["Policy: P-1187", "Plan: Plus"]);
    let page = pairs.iter().zip(0_u8..).fold(PageSource::new(), |page, (row, at)| {
        let y = 700.0 - 16.0 * f32::from(at);
        page.text(60.0, y, 10.0, row.0).text(150.0, y, 10.0, row.1)
    });
    assert_eq!(texts(&read_ok(&file(&[page]))), ["Name: Anna Berg", "Policy: P-1187", "City: Port Ellery"]);
}
