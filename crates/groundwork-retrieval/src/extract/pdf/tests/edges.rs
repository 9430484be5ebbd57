//! Headings, and what stands at the edges of pages.

use super::*;

#[test]
fn running_headers_footers_and_page_numbers_are_left_out() {
    let document = read_ok(&file(&[body(1), body(2), body(3), body(4)]));
    let text = document.text();
    assert!(!text.contains("internal") && !text.contains("Page "), "{text}");
    assert!(text.contains("of sheet 3 speaks"));
    let pages: Vec<_> = document.blocks.iter().map(|block| block.pages).collect();
    assert_eq!(pages, [1, 2, 3, 4].map(|page| Some((page, page))));
}

#[test]
fn the_edges_of_a_single_page_are_kept() {
    let text = read_ok(&file(&[body(1)])).text();
    assert!(text.contains("internal") && text.contains("Page 1 of 4"), "{text}");
}

#[test]
fn larger_and_bolder_lines_are_headings_above_what_follows() {
    let page = PageSource::new()
        .bold(60.0, 760.0, 20.0, "Handbook")
        .bold(60.0, 720.0, 14.0, "Leave")
        .lines(60.0, 700.0, &["Leave is granted after the first three months of", "employment, in days and not in hours."])
        .bold(60.0, 650.0, 14.0, "Travel")
        .lines(60.0, 630.0, &["Travel is booked by the office, and paid by it when", "the trip has been approved before."]);
    let document = read_ok(&file(&[page]));
    assert_eq!(document.title.as_deref(), Some("Handbook"));
    let last: &Block = document.blocks.last().expect("blocks");
    assert_eq!(last.heading_path, ["Handbook", "Travel"]);
    assert_eq!(last.text, "Travel is booked by the office, and paid by it when the trip has been approved before.");
}

#[test]
fn a_section_number_far_from_its_text_is_on_its_line() {
    let page = PageSource::new()
        .text(60.0, 700.0, 10.0, "1.1")
        .text(95.0, 700.0, 10.0, "The contract begins on the first day of the month.")
        .text(60.0, 680.0, 10.0, "1.2")
        .text(95.0, 680.0, 10.0, "It ends when both parties have said so in writing.");
    assert_eq!(
        texts(&read_ok(&file(&[page]))),
        ["1.1 The contract begins on the first day of the month.", "1.2 It ends when both parties have said so in writing.",]
    );
}

#[test]
fn a_watermark_is_left_out_and_never_a_heading() {
    let mark = "q BT /F2 60 Tf 0.707 0.707 -0.707 0.707 200 300 Tm (DRAFT) Tj ET Q";
    let pages = [body(1).draw(mark), body(2).draw(mark)];
    let document = read_ok(&file(&pages));
    assert!(!document.text().contains("DRAFT"), "{}", document.text());
    let single = read_ok(&file(&[body(1).draw(mark)]));
    assert!(single.text().contains("DRAFT"));
    assert!(single.blocks.iter().all(|block| !matches!(block.kind, Kind::Heading { .. })));
}

#[test]
fn a_heading_that_comes_back_on_the_next_page_is_no_running_header() {
    let page = |text: &str| PageSource::new().bold(60.0, 700.0, 14.0, "Questions").lines(60.0, 680.0, &[text, "and what follows from it"]);
    let text = read_ok(&file(&[page("What is asked first"), page("What is asked later")])).text();
    assert_eq!(text.matches("Questions").count(), 2, "{text}");
}

#[test]
fn the_name_of_a_short_chapter_at_the_edge_is_left_out_with_the_others() {
    let pages: Vec<PageSource> = ["Rivers", "Rivers", "Hills", "Harbors"]
        .iter()
        .zip(1_u8..)
        .map(|(chapter, number)| {
            let first = format!("Sheet {number} tells of many things");
            PageSource::new().text(60.0, 770.0, 8.0, chapter).text(520.0, 770.0, 8.0, &number.to_string()).lines(
                60.0,
                600.0,
                &[&first, "and then of others"],
            )
        })
        .collect();
    let text = read_ok(&file(&pages)).text();
    assert!(!text.contains("Hills") && text.contains("Sheet 3 tells"), "{text}");
}
