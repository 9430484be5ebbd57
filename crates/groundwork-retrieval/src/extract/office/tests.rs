use super::*;
use crate::extract::package::tests::zipped;

const WORD: &str = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
const DRAWING: &str = "http://schemas.openxmlformats.org/drawingml/2006/main";
const SLIDES: &str = "http://schemas.openxmlformats.org/presentationml/2006/main";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";

fn content_types(overrides: &[(&str, &str)]) -> String {
    let overrides: String = overrides
        .iter()
        .map(|(part, kind)| {
            format!("<Override PartName=\"{part}\" ContentType=\"application/vnd.openxmlformats-officedocument.{kind}+xml\"/>")
        })
        .collect();
    let rels = "<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>";
    format!(
        "<Types xmlns=\"{PACKAGE}/content-types\">{rels}<Default Extension=\"xml\" ContentType=\"application/xml\"/>{overrides}</Types>"
    )
}

fn relations(list: &[(&str, &str, &str)]) -> String {
    let list: String =
        list.iter().map(|(id, kind, target)| format!("<Relationship Id=\"{id}\" Type=\"{OFFICE}/{kind}\" Target=\"{target}\"/>")).collect();
    format!("<Relationships xmlns=\"{PACKAGE}/relationships\">{list}</Relationships>")
}

fn docx(body: &str) -> Vec<u8> {
    let styles = format!(
        "<w:styles xmlns:w=\"{WORD}\"><w:style w:type=\"paragraph\" w:styleId=\"Title\"><w:name w:val=\"Title\"/></w:style>
         <w:style w:type=\"paragraph\" w:styleId=\"berschrift1\"><w:name w:val=\"heading 1\"/><w:pPr><w:outlineLvl w:val=\"0\"/></w:pPr></w:style></w:styles>"
    );
    zipped(&[
        (
            "[Content_Types].xml",
            &content_types(&[("/word/document.xml", "wordprocessingml.document.main"), ("/word/styles.xml", "wordprocessingml.styles")]),
        ),
        ("_rels/.rels", &relations(&[("r1", "officeDocument", "word/document.xml")])),
        ("word/_rels/document.xml.rels", &relations(&[("r1", "styles", "styles.xml")])),
        ("word/styles.xml", &styles),
        ("word/document.xml", &format!("<w:document xmlns:w=\"{WORD}\"><w:body>{body}</w:body></w:document>")),
    ])
}

fn paragraph(style: &str, text: &str) -> String {
    format!("<w:p><w:pPr><w:pStyle w:val=\"{style}\"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
}

fn plain(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

#[test]
fn titles_headings_and_tables_come_through_in_any_language_of_word() {
    let cell = |text: &str| format!("<w:tc>{}</w:tc>", plain(text));
    let row = |one: &str, two: &str| format!("<w:tr>{}{}</w:tr>", cell(one), cell(two));
    let body = [
        paragraph("Title", "Garden rules"),
        paragraph("berschrift1", "Beds"),
        plain("Two of them."),
        format!("<w:tbl>{}{}</w:tbl>", row("bed", "size"), row("north", "2 m")),
    ];
    let document = read_docx(&docx(&body.concat()), &Limits::default()).unwrap();
    assert_eq!(document.title.as_deref(), Some("Garden rules"));
    assert_eq!(document.blocks[2].heading_path, ["Beds"]);
    assert_eq!(document.text(), "Garden rules\n\nBeds\n\nTwo of them.\n\nbed | size\nnorth | 2 m");
    assert_eq!(document.pages, None);
}

#[test]
fn deleted_and_hidden_text_is_left_out() {
    let body = "<w:p><w:r><w:t xml:space=\"preserve\">It is </w:t></w:r><w:del><w:r><w:delText>not </w:delText></w:r></w:del><w:r><w:rPr><w:vanish/></w:rPr><w:t>never </w:t></w:r><w:r><w:t>so.</w:t></w:r></w:p>";
    assert_eq!(read_docx(&docx(body), &Limits::default()).unwrap().text(), "It is so.");
}

#[test]
fn a_file_that_is_no_document_is_damaged() {
    assert_eq!(read_docx(&zipped(&[("word/document.xml", "<w")]), &Limits::default()).unwrap_err().detail(), "damaged");
    assert_eq!(read_doc(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 cut", &Limits::default()).unwrap_err().detail(), "damaged");
}

#[test]
fn slides_keep_their_numbers_titles_and_own_headings() {
    let shape = |kind: &str, text: &str| {
        let properties = "<p:cNvPr id=\"2\" name=\"x\"/><p:cNvSpPr/>";
        let body = format!("<p:txBody><a:bodyPr/><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody>");
        format!("<p:sp><p:nvSpPr>{properties}<p:nvPr><p:ph type=\"{kind}\"/></p:nvPr></p:nvSpPr><p:spPr/>{body}</p:sp>")
    };
    let slide = |shapes: &[String]| {
        let tree =
            format!("<p:nvGrpSpPr><p:cNvPr id=\"1\" name=\"\"/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>{}", shapes.concat());
        format!(
            "<p:sld xmlns:p=\"{SLIDES}\" xmlns:a=\"{DRAWING}\" xmlns:r=\"{OFFICE}\"><p:cSld><p:spTree>{tree}</p:spTree></p:cSld></p:sld>"
        )
    };
    let list = "<p:sldIdLst><p:sldId id=\"256\" r:id=\"r1\"/><p:sldId id=\"257\" r:id=\"r2\"/></p:sldIdLst>";
    let bytes = zipped(&[
        (
            "[Content_Types].xml",
            &content_types(&[
                ("/ppt/presentation.xml", "presentationml.presentation.main"),
                ("/ppt/slides/slide1.xml", "presentationml.slide"),
                ("/ppt/slides/slide2.xml", "presentationml.slide"),
            ]),
        ),
        ("_rels/.rels", &relations(&[("r1", "officeDocument", "ppt/presentation.xml")])),
        ("ppt/_rels/presentation.xml.rels", &relations(&[("r1", "slide", "slides/slide1.xml"), ("r2", "slide", "slides/slide2.xml")])),
        ("ppt/presentation.xml", &format!("<p:presentation xmlns:p=\"{SLIDES}\" xmlns:r=\"{OFFICE}\">{list}</p:presentation>")),
        ("ppt/slides/slide1.xml", &slide(&[shape("title", "Moss"), shape("body", "Water it."), shape("sldNum", "1")])),
        ("ppt/slides/slide2.xml", &slide(&[shape("body", "Without a title.")])),
    ]);
    let document = read_pptx(&bytes, &Limits::default()).unwrap();
    assert_eq!(document.text(), "Moss\n\nWater it.\n\nWithout a title.");
    assert_eq!((document.pages, document.blocks[2].pages), (Some(2), Some((2, 2))));
    assert!(document.blocks[2].heading_path.is_empty());
    assert_eq!(document.format.unit().name(), "slide");
}

#[test]
fn words_are_read_and_the_pronunciation_over_them_is_not() {
    let ruby = "<w:p><w:r><w:t>A</w:t></w:r><w:r><w:rPr/><w:ruby><w:rubyPr/><w:rt><w:r><w:t>moosu</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>moss</w:t></w:r></w:rubyBase></w:ruby></w:r><w:r><w:t> bed</w:t></w:r></w:p>";
    assert_eq!(read_docx(&docx(ruby), &Limits::default()).unwrap().text(), "Amoss bed");
}

#[test]
fn items_are_numbered_by_the_pattern_and_the_way_of_counting_of_their_list() {
    let level = |at: u8, format: &str, pattern: &str| {
        format!("<w:lvl w:ilvl=\"{at}\"><w:start w:val=\"1\"/><w:numFmt w:val=\"{format}\"/><w:lvlText w:val=\"{pattern}\"/></w:lvl>")
    };
    let numbering = format!(
        "<w:numbering xmlns:w=\"{WORD}\"><w:abstractNum w:abstractNumId=\"0\">{}{}</w:abstractNum><w:num w:numId=\"1\"><w:abstractNumId w:val=\"0\"/></w:num></w:numbering>",
        level(0, "decimal", "%1."),
        level(1, "lowerLetter", "%1.%2)")
    );
    let item = |at: u8, text: &str| {
        format!("<w:p><w:pPr><w:numPr><w:ilvl w:val=\"{at}\"/><w:numId w:val=\"1\"/></w:numPr></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>")
    };
    let body = [item(0, "dig"), item(1, "deep"), item(1, "wide"), item(0, "sow")].concat();
    let bytes = zipped(&[
        (
            "[Content_Types].xml",
            &content_types(&[
                ("/word/document.xml", "wordprocessingml.document.main"),
                ("/word/numbering.xml", "wordprocessingml.numbering"),
            ]),
        ),
        ("_rels/.rels", &relations(&[("r1", "officeDocument", "word/document.xml")])),
        ("word/_rels/document.xml.rels", &relations(&[("r1", "numbering", "numbering.xml")])),
        ("word/numbering.xml", &numbering),
        ("word/document.xml", &format!("<w:document xmlns:w=\"{WORD}\"><w:body>{body}</w:body></w:document>")),
    ]);
    assert_eq!(read_docx(&bytes, &Limits::default()).unwrap().text(), "1. dig\n\n1.a) deep\n\n1.b) wide\n\n2. sow");
}
