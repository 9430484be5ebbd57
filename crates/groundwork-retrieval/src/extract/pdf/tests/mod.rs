//! Whole files through the front door; the files are written by the tests themselves.

mod edges;
mod tables;
mod writer;

use super::*;
use crate::extract::document::{Block, Kind};
use writer::{PageSource, file, file_with, stream, write};

fn read_ok(bytes: &[u8]) -> Document {
    read(bytes, &Limits::default()).expect("a readable file")
}

fn texts(document: &Document) -> Vec<&str> {
    document.blocks.iter().map(|block| block.text.as_str()).collect()
}

fn body(page: u8) -> PageSource {
    let lines: [String; 3] = std::array::from_fn(|line| format!("Text number {line} of sheet {page} speaks of something else entirely"));
    PageSource::new()
        .text(60.0, 770.0, 8.0, "Harbour Insurance - internal")
        .lines(60.0, 600.0, &lines.iter().map(String::as_str).collect::<Vec<_>>())
        .text(280.0, 30.0, 8.0, &format!("Page {page} of 4"))
}

const LEFT: [&str; 8] = [
    "The left column tells of the river and",
    "of the people who live beside it, who",
    "have fished in its waters since before",
    "anyone wrote their names down, and who",
    "still mend their nets by hand in the",
    "long evenings of the early summer, as",
    "their fathers did, on the same stone",
    "steps that lead down to the water.",
];

const RIGHT: [&str; 8] = [
    "On the right another story begins, one",
    "about the hills and the sheep that keep",
    "the grass there as short as a carpet in",
    "every season but the deepest of winter,",
    "when they come down to the barns and",
    "eat the hay that was cut in August, and",
    "wait with great patience for the first",
    "warm day of March to come round again.",
];

#[test]
fn two_columns_are_read_one_after_the_other_below_a_heading_over_both() {
    let page = PageSource::new()
        .bold(60.0, 740.0, 18.0, "A heading over the whole width of both columns")
        .lines(60.0, 700.0, &LEFT)
        .lines(320.0, 700.0, &RIGHT);
    let document = read_ok(&file(&[page]));
    let text = document.text();
    let places: Vec<usize> = ["A heading", "The left column", "down to the water.", "On the right", "round again."]
        .iter()
        .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} in {text}")))
        .collect();
    assert!(places.is_sorted(), "{text}");
    assert!(text.contains("names down, and who still mend their nets"), "{text}");
}

#[test]
fn columns_drawn_line_by_line_across_are_still_columns() {
    let page = LEFT.iter().zip(RIGHT).zip(0_u8..).fold(PageSource::new(), |page, ((left, right), row)| {
        let y = 700.0 - 12.0 * f32::from(row);
        page.text(60.0, y, 10.0, left).text(320.0, y, 10.0, right)
    });
    let text = read_ok(&file(&[page])).text();
    assert!(text.contains("who have fished in its waters"), "{text}");
    assert!(text.contains("one about the hills"), "{text}");
}

#[test]
fn a_word_parted_at_the_end_of_a_line_is_whole_again() {
    let page = PageSource::new().lines(
        60.0,
        700.0,
        &["Every employee receives the infor-", "mation that is needed, and a self-", "locking cabinet. It is self-locking."],
    );
    let text = read_ok(&file(&[page])).text();
    assert!(text.contains("the information that") && text.contains("a self-locking cabinet"), "{text}");
}

#[test]
fn a_rotated_page_reads_as_it_is_shown() {
    let lines = ["First line of the turned page", "second line of the turned page"];
    let turned = lines.iter().zip(0_u8..).fold(PageSource::new().with("/Rotate 90"), |page, (line, row)| {
        page.draw(&format!("BT /F1 10 Tf 0 1 -1 0 {} 100 Tm ({line}) Tj ET", 100 + 12 * row))
    });
    let (document, words) = read_with_words(&file(&[turned]), &Limits::default()).expect("readable");
    assert_eq!(texts(&document), ["First line of the turned page second line of the turned page"]);
    assert_eq!((words[0].width, words[0].height), (800.0, 600.0));
    let first = &words[0].words[0];
    assert!(first.x1 - first.x0 > first.y1 - first.y0, "{first:?}");
}

#[test]
fn text_turned_on_an_upright_page_is_read_along_its_own_lines() {
    let page = ["Side text runs upwards here", "and has a second line too"]
        .iter()
        .zip(0_u8..)
        .fold(PageSource::new(), |page, (line, row)| page.draw(&format!("BT /F1 10 Tf 0 1 -1 0 {} 100 Tm ({line}) Tj ET", 100 + 12 * row)));
    assert_eq!(texts(&read_ok(&file(&[page]))), ["Side text runs upwards here and has a second line too"]);
}

#[test]
fn right_to_left_text_is_in_the_order_in_which_it_is_read() {
    // Drawn from left to right on the page, as most programs do: gimel, bet, alef is the word alef-bet-gimel.
    let page = PageSource::new().styled("F4", (300.0, 700.0), 10.0, "ed cba");
    assert_eq!(texts(&read_ok(&file(&[page]))), ["אבג דה"]);
}

#[test]
fn a_ligature_is_its_letters() {
    let page = PageSource::new().draw("BT /F1 10 Tf 60 700 Td (of) Tj /F4 10 Tf (f) Tj /F1 10 Tf (ce) Tj ET");
    assert_eq!(texts(&read_ok(&file(&[page]))), ["office"]);
}

#[test]
fn list_items_are_apart_and_nested_by_their_indent() {
    let page = PageSource::new()
        .text(60.0, 700.0, 10.0, "\u{2022}")
        .text(75.0, 700.0, 10.0, "Bring the badge")
        .text(60.0, 688.0, 10.0, "- ")
        .text(75.0, 688.0, 10.0, "Lock the door when you leave in the evening, and")
        .text(75.0, 676.0, 10.0, "check the windows as well")
        .text(80.0, 664.0, 10.0, "1. Front door");
    let page = PageSource::new().draw(&page.into_content().replace('\u{2022}', "\\225"));
    let document = read_ok(&file(&[page]));
    let items: Vec<(u8, &str)> = document
        .blocks
        .iter()
        .filter_map(|block| match block.kind {
            Kind::ListItem { depth } => Some((depth, block.text.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(
        items,
        [(0, "Bring the badge"), (0, "Lock the door when you leave in the evening, and check the windows as well"), (1, "1. Front door"),]
    );
}

#[test]
fn a_paragraph_that_goes_on_over_the_page_is_one_block_of_both_pages() {
    let first = PageSource::new().lines(
        60.0,
        100.0,
        &[
            "The agreement ends when one of the parties has told the other in writing that it",
            "wishes to end it, and when the period that was agreed for this has passed, which is",
        ],
    );
    let second = PageSource::new().lines(60.0, 700.0, &["three months for both parties.", "", "Then the keys are returned."]);
    let document = read_ok(&file(&[first, second]));
    assert_eq!(document.blocks[0].pages, Some((1, 2)));
    assert!(document.blocks[0].text.ends_with("which is three months for both parties."));
    assert_eq!(document.blocks[1].pages, Some((2, 2)));
}

#[test]
fn letters_drawn_twice_for_weight_are_read_once() {
    let page = PageSource::new().text(60.0, 700.0, 12.0, "BOLD TEXT").text(60.3, 700.0, 12.0, "BOLD TEXT");
    assert_eq!(texts(&read_ok(&file(&[page]))), ["BOLD TEXT"]);
}

#[test]
fn invisible_text_counts_over_a_scan_and_nowhere_else() {
    let layer = "BT 3 Tr /F1 12 Tf 60 700 Td (Read from the scan) Tj ET";
    let scan = PageSource::new().draw("q 600 0 0 800 0 0 cm /Im Do Q").draw(layer);
    assert_eq!(texts(&read_ok(&file(&[scan]))), ["Read from the scan"]);

    let hidden = PageSource::new().text(60.0, 600.0, 12.0, "Seen by all").draw(layer);
    let document = read_ok(&file(&[hidden]));
    assert_eq!(texts(&document), ["Seen by all"]);
    assert!(document.warnings[0].contains("invisible"), "{:?}", document.warnings);

    let twice = PageSource::new().text(60.0, 700.0, 12.0, "Read from the scan").draw(layer);
    assert_eq!(texts(&read_ok(&file(&[twice]))), ["Read from the scan"]);
}

#[test]
fn scanned_pages_are_told_to_who_can_recognize_text() {
    let scan = PageSource::new().draw("q 600 0 0 800 0 0 cm /Im Do Q");
    let parsed = read_all(&file(&[scan.clone(), body(2), scan]), &Limits::default()).expect("a readable file");
    assert_eq!((parsed.scanned, parsed.document.warnings.len()), (vec![1, 3], 0));
}

#[test]
fn characters_without_a_meaning_are_counted() {
    let page = PageSource::new().text(60.0, 700.0, 12.0, "Known").styled("F5", (60.0, 600.0), 12.0, "ABC");
    let document = read_ok(&file(&[page]));
    assert_eq!(texts(&document), ["Known"]);
    assert!(document.warnings[0].starts_with("3 characters"), "{:?}", document.warnings);
}

#[test]
fn the_value_of_a_field_is_text_whether_drawn_or_not() {
    let drawn = stream("/Type /XObject /Subtype /Form /BBox [0 0 100 20] /Resources 3 0 R", "BT /F1 10 Tf 2 5 Td (Drawn value) Tj ET");
    let page = PageSource::new().text(60.0, 700.0, 10.0, "Name:").with(
        "/Annots [<< /Subtype /Widget /FT /Tx /V (ignored) /Rect [100 695 200 715] /AP << /N 22 0 R >> >> << /Subtype /Widget /FT /Tx /V (Stored value) /Rect [100 600 300 615] >>]",
    );
    let text = read_ok(&file_with(&[page], "", &[drawn])).text();
    assert!(text.contains("Drawn value") && text.contains("Stored value") && !text.contains("ignored"), "{text}");
}

#[test]
fn words_have_boxes_from_the_top_left() {
    let page = PageSource::new().text(60.0, 700.0, 10.0, "Two words");
    let (_, pages) = read_with_words(&file(&[page]), &Limits::default()).expect("readable");
    let word = &pages[0].words[0];
    assert_eq!(&*word.text, "Two");
    assert!((word.x0 - 60.0).abs() < 0.5 && word.y0 > 90.0 && word.y1 < 103.0 && word.x1 < 80.0, "{word:?}");
}

#[test]
fn the_title_of_the_metadata_counts_unless_a_program_made_it_up() {
    let page = PageSource::new().bold(60.0, 700.0, 20.0, "Leave policy").lines(60.0, 600.0, &LEFT);
    let title = |info: &str| read_ok(&file_with(std::slice::from_ref(&page), "/Info 22 0 R", &[format!("<< /Title ({info}) >>")])).title;
    assert_eq!(title("Rules for leave").as_deref(), Some("Rules for leave"));
    assert_eq!(title("Microsoft Word - leave_v7.doc").as_deref(), Some("Leave policy"));
}

#[test]
fn a_file_with_a_password_is_encrypted() {
    let secret = "<< /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <6162636465666768696a6b6c6d6e6f707172737475767778797a30313233343536> /U <6162636465666768696a6b6c6d6e6f707172737475767778797a30313233343536> >>";
    let bytes = file_with(
        &[PageSource::new().text(60.0, 700.0, 10.0, "Secret")],
        "/Encrypt 22 0 R /ID [<0123456789abcdef0123456789abcdef> <0123456789abcdef0123456789abcdef>]",
        &[secret.to_owned()],
    );
    assert_eq!(read(&bytes, &Limits::default()), Err(ReadError::Encrypted));
}

#[test]
fn what_is_left_of_a_truncated_file_is_read_or_the_file_is_damaged() {
    let whole = file(&[body(1), body(2)]);
    let cut = &whole[..whole.len() - 200];
    let document = read_ok(cut);
    assert!(document.text().contains("of sheet 1 speaks"));
    assert!(document.warnings[0].contains("end of the file is missing"), "{:?}", document.warnings);
    for length in (0..whole.len()).step_by(97) {
        match read(&whole[..length], &Limits::default()) {
            Ok(_) => {}
            Err(error) => assert!(matches!(error.detail(), "damaged" | "empty"), "{error}"),
        }
    }
    assert_eq!(read(b"", &Limits::default()), Err(ReadError::Empty));
    assert_eq!(read(b"no PDF at all", &Limits::default()).map_err(|error| error.detail()), Err("damaged"));
}

#[test]
fn loops_in_the_page_tree_and_in_forms_end() {
    let looped = write(
        &[
            (1, "<< /Type /Catalog /Pages 2 0 R >>".to_owned()),
            (2, "<< /Type /Pages /Kids [3 0 R 2 0 R] /Count 2 >>".to_owned()),
            (3, "<< /Type /Pages /Kids [2 0 R 4 0 R] /Parent 2 0 R /Count 1 >>".to_owned()),
            (4, "<< /Type /Page /Parent 3 0 R /MediaBox [0 0 600 800] /Contents 5 0 R /Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> /XObject << /X 6 0 R >> >> >>".to_owned()),
            (5, stream("", "BT /F1 12 Tf 60 700 Td (Found) Tj ET /X Do")),
            (6, stream("/Type /XObject /Subtype /Form /BBox [0 0 600 800] /Resources << /XObject << /X 6 0 R >> >>", "/X Do /X Do")),
        ],
        "",
    );
    // A form that draws itself twice would be drawn 2^50 times; drawing it once is enough.
    let once = String::from_utf8(looped).expect("ASCII").replace("/X Do /X Do", "/X Do      ").into_bytes();
    assert_eq!(texts(&read_ok(&once)), ["Found"]);
}

#[test]
fn limits_are_kept() {
    let bytes = file(&[body(1), body(2)]);
    let limits = Limits { pages: 1, ..Limits::default() };
    assert_eq!(read(&bytes, &limits).map_err(|error| error.detail()), Err("too_large"));
    let limits = Limits { text_bytes: 100, ..Limits::default() };
    assert_eq!(read(&bytes, &limits).map_err(|error| error.detail()), Err("too_large"));
}

#[test]
fn columns_may_start_and_stand_at_different_heights() {
    let page = PageSource::new()
        .bold(60.0, 760.0, 18.0, "A heading over the whole width of both columns")
        .lines(320.0, 717.0, &RIGHT)
        .lines(60.0, 700.0, &LEFT);
    let text = read_ok(&file(&[page])).text();
    assert!(text.contains("who have fished in its waters") && text.contains("one about the hills"), "{text}");
    assert!(text.find("The left column") < text.find("On the right"), "{text}");
}

#[test]
fn code_keeps_its_lines_and_indents() {
    let page = PageSource::new()
        .lines(60.0, 740.0, &LEFT)
        .styled("F3", (60.0, 600.0), 10.0, "fn main() {")
        .styled("F3", (84.0, 588.0), 10.0, "run(1);")
        .styled("F3", (60.0, 576.0), 10.0, "}");
    let document = read_ok(&file(&[page]));
    let code = document.blocks.last().expect("blocks");
    assert_eq!(code.kind, Kind::Code { language: None });
    assert_eq!(code.text, "fn main() {\n    run(1);\n}");
}

#[test]
fn a_glyph_without_meaning_before_a_line_is_a_bullet() {
    let page = PageSource::new().styled("F5", (60.0, 700.0), 10.0, "A").text(80.0, 700.0, 10.0, "First point");
    let document = read_ok(&file(&[page]));
    assert_eq!(document.blocks[0].kind, Kind::ListItem { depth: 0 });
    assert_eq!(texts(&document), ["First point"]);
    assert!(document.warnings.is_empty(), "{:?}", document.warnings);
}

#[test]
fn vertical_columns_are_read_from_right_to_left() {
    let page =
        PageSource::new().draw("BT /F6 12 Tf 500 700 Td <6771 4EAC 90FD> Tj ET").draw("BT /F6 12 Tf 480 700 Td <5927 962A 5E9C> Tj ET");
    assert_eq!(texts(&read_ok(&file(&[page]))), ["東京都大阪府"]);
}

#[test]
fn unbalanced_states_and_impossible_sizes_do_no_harm() {
    let page = PageSource::new()
        .text(60.0, 700.0, 10.0, "Still read")
        .draw("q q q Q Q Q Q Q Q")
        .draw("99999999999999999999 0 0 99999999999999999999 0 0 cm BT /F1 99999999 Tf 60 700 Td (huge) Tj ET")
        .draw("BT /F1 0 Tf 60 700 Td (nothing) Tj ET 0 0 0 0 0 0 cm BT /F1 12 Tf (flat) Tj ET");
    assert_eq!(texts(&read_ok(&file(&[page]))), ["Still read"]);
}
