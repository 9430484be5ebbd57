//! Writes the small PDF files that the tests read.

/// One page to be: its content stream and what its dictionary says beyond the usual.
#[derive(Default, Clone)]
pub(super) struct PageSource {
    content: String,
    extra: String,
}

impl PageSource {
    pub(super) fn into_content(self) -> String {
        self.content
    }

    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds to the page's dictionary, for example `/Rotate 90`.
    pub(super) fn with(mut self, extra: &str) -> Self {
        self.extra.push_str(extra);
        self
    }

    /// Adds operators to the content stream.
    pub(super) fn draw(mut self, operators: &str) -> Self {
        self.content.push_str(operators);
        self.content.push('\n');
        self
    }

    /// Text at a place from the bottom left, in Helvetica.
    pub(super) fn text(self, x: f32, y: f32, size: f32, text: &str) -> Self {
        self.styled("F1", (x, y), size, text)
    }

    pub(super) fn bold(self, x: f32, y: f32, size: f32, text: &str) -> Self {
        self.styled("F2", (x, y), size, text)
    }

    pub(super) fn styled(self, font: &str, (x, y): (f32, f32), size: f32, text: &str) -> Self {
        let text = text.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
        self.draw(&format!("BT /{font} {size} Tf {x} {y} Td ({text}) Tj ET"))
    }

    /// Lines of running text, 12 points apart.
    pub(super) fn lines(self, x: f32, y: f32, lines: &[&str]) -> Self {
        lines.iter().zip(0_u8..).fold(self, |page, (line, row)| page.text(x, y - 12.0 * f32::from(row), 10.0, line))
    }
}

/// A file of these pages. Fonts: `F1` Helvetica, `F2` Helvetica-Bold, `F3` Courier, `F4` one with a Unicode map of Hebrew letters and a ligature,
/// `F5` one without any map, `F6` one
/// that is written from top to bottom. `Im` is a small image.
pub(super) fn file(pages: &[PageSource]) -> Vec<u8> {
    file_with(pages, "", &[])
}

/// A file with more in its trailer and with more objects, numbered from 20 + 2 x pages.
pub(super) fn file_with(pages: &[PageSource], trailer: &str, more: &[String]) -> Vec<u8> {
    const FIRST_PAGE: usize = 20;
    let kids: Vec<String> = (0..pages.len()).map(|at| format!("{} 0 R", FIRST_PAGE + 2 * at)).collect();
    let mut objects: Vec<(usize, String)> = vec![
        (1, "<< /Type /Catalog /Pages 2 0 R >>".to_owned()),
        (2, format!("<< /Type /Pages /Kids [{}] /Count {} /MediaBox [0 0 600 800] >>", kids.join(" "), pages.len())),
        (3, "<< /Font << /F1 4 0 R /F2 5 0 R /F3 6 0 R /F4 7 0 R /F5 9 0 R /F6 13 0 R >> /XObject << /Im 12 0 R >> >>".to_owned()),
        (4, font("Helvetica")),
        (5, font("Helvetica-Bold")),
        (6, font("Courier")),
        (7, "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding /ToUnicode 8 0 R >>".to_owned()),
        (8, stream("", UNICODE_MAP)),
        (9, "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 700 700] /FontMatrix [0.001 0 0 0.001 0 0] /CharProcs << /g1 10 0 R >> /Encoding << /Type /Encoding /Differences [65 /g1 /g1 /g1] >> /FirstChar 65 /LastChar 67 /Widths [700 700 700] /Resources << >> >>".to_owned()),
        (10, stream("", "700 0 0 0 700 700 d1 0 0 600 600 re f")),
        (12, stream("/Type /XObject /Subtype /Image /Width 2 /Height 2 /ColorSpace /DeviceGray /BitsPerComponent 8", "abcd")),
        (13, "<< /Type /Font /Subtype /Type0 /BaseFont /HeiseiMin-W3 /Encoding /UniJIS-UTF16-V /DescendantFonts [14 0 R] >>".to_owned()),
        (14, "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /HeiseiMin-W3 /CIDSystemInfo << /Registry (Adobe) /Ordering (Japan1) /Supplement 2 >> /DW 1000 >>".to_owned()),
    ];
    for (at, page) in pages.iter().enumerate() {
        let number = FIRST_PAGE + 2 * at;
        objects.push((number, format!("<< /Type /Page /Parent 2 0 R /Resources 3 0 R /Contents {} 0 R {} >>", number + 1, page.extra)));
        objects.push((number + 1, stream("", &page.content)));
    }
    for (object, number) in more.iter().zip(FIRST_PAGE + 2 * pages.len()..) {
        objects.push((number, object.clone()));
    }
    write(&objects, trailer)
}

pub(super) fn stream(entries: &str, data: &str) -> String {
    format!("<< {entries} /Length {} >>\nstream\n{data}\nendstream", data.len())
}

fn font(name: &str) -> String {
    format!("<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>")
}

/// `a` to `e` are Hebrew alef to he, `f` is the ligature of f and i.
const UNICODE_MAP: &str = "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /T def
1 begincodespacerange <00> <FF> endcodespacerange
7 beginbfchar <61> <05D0> <62> <05D1> <63> <05D2> <64> <05D3> <65> <05D4> <66> <FB01> <20> <0020> endbfchar
endcmap CMapName currentdict /CMap defineresource pop end end";

pub(super) fn write(objects: &[(usize, String)], trailer: &str) -> Vec<u8> {
    let mut file = String::from("%PDF-1.7\n");
    let mut offsets = std::collections::BTreeMap::new();
    for (number, object) in objects {
        offsets.insert(*number, file.len());
        file.push_str(&format!("{number} 0 obj\n{object}\nendobj\n"));
    }
    let start = file.len();
    let size = offsets.keys().max().map_or(1, |last| last + 1);
    file.push_str(&format!("xref\n0 {size}\n"));
    for number in 0..size {
        match offsets.get(&number) {
            Some(offset) => file.push_str(&format!("{offset:010} 00000 n \n")),
            None => file.push_str("0000000000 65535 f \n"),
        }
    }
    file.push_str(&format!("trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n"));
    file.into_bytes()
}
