//! OpenDocument sheets (ODS), cell by cell: a cell tells what it is and what it shows, and how often it is repeated.

use super::value::{Shown, plain};
use super::{Book, Grid, damaged};
use crate::extract::document::{Document, Format};
use crate::extract::odt::chart;
use crate::extract::package::Package;
use crate::extract::xml::{self, Element, Token};
use crate::extract::{Limits, ReadError};
use calamine::{Sheet, SheetType, SheetVisible};
use std::collections::HashSet;

/// A cell that holds something is repeated so often at most; programs repeat empty ones to the end of the sheet.
const MOST_REPEATED: u32 = 256;

/// Reads an ODS file.
pub(in crate::extract) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    let mut package = Package::open(bytes, limits)?;
    let manifest = package.part("META-INF/manifest.xml")?.unwrap_or_default();
    if manifest.windows(15).any(|window| window == b"encryption-data") {
        return Err(ReadError::Encrypted);
    }
    let content = package.part("content.xml")?.ok_or_else(damaged)?;
    let mut book = Book::new(Format::Ods, limits);
    if let Some(meta) = package.part("meta.xml")?
        && let Ok((meta, _)) = xml::parse(&String::from_utf8_lossy(&meta), limits)
    {
        xml::describe(&meta, &mut book.builder);
    }
    let mut walker = Walker::new(book, package);
    xml::walk(&String::from_utf8_lossy(&content), limits, |token| walker.take(token))?;
    if !walker.has_sheets {
        return Err(damaged());
    }
    Ok(walker.book.builder.finish())
}

struct Walker<'a> {
    book: Book<'a>,
    package: Package<'a>,
    /// Comments and titles of charts over the sheet, and which charts were read.
    over: Vec<String>,
    charts: HashSet<String>,
    /// The names of the elements around.
    path: Vec<String>,
    /// The style under definition, and those whose tables are not shown.
    style: String,
    hidden: HashSet<String>,
    has_sheets: bool,
    sheet: Option<(Sheet, Grid)>,
    row: u32,
    column: u32,
    /// The row under way, and how often it is there.
    cells: Vec<(u32, Shown)>,
    row_repeated: u32,
    cell: Option<(Element, String)>,
    /// How many comments and other elements around say nothing of the cell's value.
    beside: usize,
    /// The comment under way.
    comment: Option<String>,
}

impl<'a> Walker<'a> {
    fn new(book: Book<'a>, package: Package<'a>) -> Self {
        Self {
            book,
            package,
            over: Vec::new(),
            charts: HashSet::new(),
            path: Vec::new(),
            style: String::new(),
            hidden: HashSet::new(),
            has_sheets: false,
            sheet: None,
            row: 0,
            column: 0,
            cells: Vec::new(),
            row_repeated: 1,
            cell: None,
            beside: 0,
            comment: None,
        }
    }

    fn take(&mut self, token: Token<'_>) -> Result<(), ReadError> {
        match token {
            Token::Open(element) => {
                self.path.push(element.name.clone());
                self.open(element)
            }
            Token::Text(text) => {
                if let Some(comment) = self.comment.as_mut().filter(|_| self.path.iter().rev().any(|name| name == "p")) {
                    comment.push_str(&text);
                }
                let in_paragraph = self.beside == 0 && self.path.iter().any(|name| name == "p");
                if let (true, Some((_, shown))) = (in_paragraph, &mut self.cell) {
                    shown.push_str(&text);
                }
                Ok(())
            }
            Token::Close => match self.path.pop() {
                Some(name) => self.close(&name),
                None => Ok(()),
            },
        }
    }

    fn open(&mut self, element: Element) -> Result<(), ReadError> {
        match element.name.as_str() {
            "style" => self.style = element.attribute("name").unwrap_or("").to_owned(),
            "table-properties" if element.attribute("display") == Some("false") => {
                self.hidden.insert(self.style.clone());
            }
            "table" if self.sheet.is_none() => {
                let visible = element.attribute("style-name").is_none_or(|style| !self.hidden.contains(style));
                let sheet = Sheet {
                    name: element.attribute("name").unwrap_or("").to_owned(),
                    typ: SheetType::WorkSheet,
                    visible: if visible { SheetVisible::Visible } else { SheetVisible::Hidden },
                };
                (self.has_sheets, self.row) = (true, 0);
                self.sheet = Some((sheet, Grid::default()));
            }
            "table-row" => {
                self.row_repeated = repeated(&element, "number-rows-repeated");
                self.column = 0;
            }
            "table-cell" | "covered-table-cell" if self.cell.is_none() => self.cell = Some((element, String::new())),
            "annotation" | "shapes" | "detective" => {
                self.beside += 1;
                if element.name == "annotation" {
                    self.comment = Some(String::new());
                }
            }
            "p" | "line-break" => {
                if let Some(comment) = self.comment.as_mut().filter(|comment| !comment.is_empty()) {
                    comment.push('\n');
                }
                if let (0, Some((_, shown))) = (self.beside, &mut self.cell)
                    && !shown.is_empty()
                {
                    shown.push('\n');
                }
            }
            "s" | "tab" => {
                if let Some((_, shown)) = self.cell.as_mut().filter(|_| self.beside == 0) {
                    shown.push(' ');
                }
            }
            // A chart is of one sheet; a file in which many share one is an attack.
            "object" => {
                if let Some(place) = chart::place(&element).filter(|place| self.charts.insert(place.clone())) {
                    let chart = chart::read(&mut self.package, &place, self.book.limits)?;
                    self.over.extend(chart.iter().flat_map(chart::titles));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, name: &str) -> Result<(), ReadError> {
        match name {
            "annotation" | "shapes" | "detective" => {
                self.beside = self.beside.saturating_sub(1);
                if let Some(comment) = self.comment.take().filter(|comment| !comment.trim().is_empty()) {
                    self.over.push(format!("Comment on {}: {comment}", cell_name(self.row, self.column)));
                }
            }
            "table-cell" | "covered-table-cell" if self.beside == 0 => {
                if let Some((cell, shown)) = self.cell.take() {
                    let times = repeated(&cell, "number-columns-repeated");
                    if let Some(shown) = show(&cell, shown) {
                        let columns = self.column..self.column.saturating_add(times.min(MOST_REPEATED));
                        self.cells.extend(columns.map(|column| (column, shown.clone())));
                    }
                    self.column = self.column.saturating_add(times);
                }
            }
            "table-row" if self.beside == 0 => {
                let cells = std::mem::take(&mut self.cells);
                if let Some((_, grid)) = self.sheet.as_mut().filter(|_| !cells.is_empty()) {
                    for row in self.row..self.row.saturating_add(self.row_repeated.min(MOST_REPEATED)) {
                        for (column, shown) in &cells {
                            self.book.put(grid, (row, *column), Some(shown.clone()))?;
                        }
                    }
                }
                self.row = self.row.saturating_add(self.row_repeated);
            }
            "table" if !self.path.iter().any(|name| name == "table") => {
                if let Some((sheet, grid)) = self.sheet.take() {
                    self.book.add(&sheet, Some(grid));
                    for text in std::mem::take(&mut self.over) {
                        self.book.builder.paragraph(&text);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn repeated(element: &Element, attribute: &str) -> u32 {
    element.attribute(attribute).and_then(|count| count.parse().ok()).unwrap_or(1)
}

/// `B3`, the name of a cell.
fn cell_name(row: u32, column: u32) -> String {
    let mut letters = Vec::new();
    let mut rest = u64::from(column) + 1;
    while rest > 0 {
        letters.push(char::from(b'A' + u8::try_from((rest - 1) % 26).unwrap_or_default()));
        rest = (rest - 1) / 26;
    }
    format!("{}{}", letters.iter().rev().collect::<String>(), u64::from(row) + 1)
}

/// Numbers and dates by their value, shares and money as the cell shows them.
fn show(cell: &Element, shown: String) -> Option<Shown> {
    let (text, is_number) = match cell.attribute("value-type") {
        // A number shown as a word: TRUE.
        Some("float") if !shown.trim().is_empty() && shown.chars().all(|c| c.is_alphabetic() || c.is_whitespace()) => (shown, true),
        Some("float") => (cell.attribute("value").and_then(|value| value.parse().ok()).map_or(shown, plain), true),
        Some("date") => (cell.attribute("date-value").map_or(shown, |date| date.replacen('T', " ", 1)), true),
        Some("boolean") => (cell.attribute("boolean-value").map_or(shown, str::to_uppercase), true),
        Some("percentage") if shown.trim().is_empty() => {
            let share = cell.attribute("value").and_then(|value| value.parse::<f64>().ok());
            (share.map_or(String::new(), |share| format!("{}%", plain(share * 100.0))), true)
        }
        Some("percentage" | "currency" | "time") => (shown, true),
        _ => (shown, false),
    };
    (!text.trim().is_empty()).then_some(Shown { text, is_number })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::package::tests::zipped;

    fn ods(sheets: &str) -> Document {
        let content = format!(
            "<o:document-content xmlns:o='o' xmlns:t='t' xmlns:x='x' xmlns:s='s'><o:automatic-styles><s:style s:name='h'><s:table-properties t:display='false'/></s:style></o:automatic-styles><o:body><o:spreadsheet>{sheets}</o:spreadsheet></o:body></o:document-content>"
        );
        read(&zipped(&[("content.xml", &content)]), &Limits::default()).unwrap()
    }

    fn cell(kind: &str, text: &str) -> String {
        format!("<t:table-cell {kind}><x:p>{text}</x:p></t:table-cell>")
    }

    #[test]
    fn cells_show_what_their_reader_sees() {
        let header: String = ["share", "price", "day", "number"].map(|name| cell("o:value-type='string'", name)).concat();
        let values = [
            cell("o:value-type='percentage' o:value='0.125'", "12.5%"),
            cell("o:value-type='currency' o:value='1599.99'", "1.599,99 €"),
            cell("o:value-type='date' o:date-value='2026-03-02'", "02.03.26"),
            cell("o:value-type='float' o:value='1234.5'", "1.234,50"),
        ];
        let document = ods(&format!(
            "<t:table t:name='A'><t:table-row>{header}</t:table-row><t:table-row>{}</t:table-row></t:table><t:table t:name='B' t:style-name='h'/>",
            values.concat()
        ));
        assert_eq!(document.text(), "A\n\nshare | price | day | number\n12.5% | 1.599,99 € | 2026-03-02 | 1234.5\n\nB (hidden sheet)");
    }

    #[test]
    fn a_sheet_of_repeated_empty_cells_costs_nothing() {
        let row = |cells: &str, times: u32| format!("<t:table-row t:number-rows-repeated='{times}'>{cells}</t:table-row>");
        let empty = "<t:table-cell t:number-columns-repeated='16384'/>";
        let far = format!("<t:table-cell t:number-columns-repeated='16000'/>{}", cell("", "far"));
        let document = ods(&format!("<t:table t:name='A'>{}{}{}</t:table>", row(empty, 1_000_000), row(&far, 1), row(empty, 40_000)));
        assert_eq!(document.text(), "A\n\nfar");
    }

    #[test]
    fn a_comment_is_not_the_cells_value() {
        let commented = "<t:table-cell><o:annotation><x:p>why?</x:p></o:annotation><x:p>north</x:p></t:table-cell>";
        let sheet = |row: &str| format!("<t:table t:name='A'><t:table-row>{row}</t:table-row></t:table>");
        assert_eq!(ods(&sheet(commented)).text(), "A\n\nnorth\n\nComment on A1: why?");
        let far = format!("<t:table-cell t:number-columns-repeated='27'/>{commented}");
        assert_eq!(ods(&sheet(&far)).text(), "A\n\nnorth\n\nComment on AB1: why?");
    }

    #[test]
    fn titles_of_charts_stand_on_their_sheet() {
        let object = "<t:shapes><d:frame><d:object l:href='./Object 1'/></d:frame></t:shapes>";
        let sheet = format!("<t:table t:name='A'>{object}<t:table-row>{}</t:table-row></t:table>", cell("", "north"));
        let content = format!("<o:document-content><o:body><o:spreadsheet>{sheet}</o:spreadsheet></o:body></o:document-content>");
        let chart = "<o:document-content><o:body><o:chart><c:chart><c:title><x:p>Harvest</x:p></c:title></c:chart></o:chart></o:body></o:document-content>";
        let file = zipped(&[("content.xml", &content), ("Object 1/content.xml", chart)]);
        assert_eq!(read(&file, &Limits::default()).unwrap().text(), "A\n\nnorth\n\nHarvest");
    }

    #[test]
    fn a_number_shown_as_a_word_is_that_word() {
        let truth = "<x:table-cell o:value-type='float' o:value='1'><t:p>TRUE</t:p></x:table-cell>";
        let document = ods(&format!("<x:table x:name='Beds'><x:table-row>{truth}</x:table-row></x:table>"));
        assert_eq!(document.text(), "Beds\n\nTRUE");
    }
}
