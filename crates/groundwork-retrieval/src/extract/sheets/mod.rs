//! Workbooks (XLSX, XLSB, XLS, ODS) → one heading a sheet and a table a region. Only cells that hold something are ever kept: a sheet that
//! claims seventeen thousand million cells costs no more than the one it has.

mod biff;
mod drawings;
mod ods;
mod regions;
mod value;

pub(super) use ods::read as read_ods;

use super::document::{Builder, Document, Format};
use super::{Limits, ReadError, package};
use calamine::{Data, DataRef, Reader, Sheet, SheetType, SheetVisible, Xls, XlsError, Xlsb, XlsbError, Xlsx, XlsxError};
use regions::Grid;
use std::io::Cursor;
use value::{Shown, show};

/// Reads an XLSX file.
pub(super) fn read_xlsx(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    package::check_unpacked(bytes, limits)?;
    let mut workbook = Xlsx::new(Cursor::new(bytes)).map_err(|error| match error {
        XlsxError::Password => ReadError::Encrypted,
        _ => damaged(),
    })?;
    let mut book = Book::new(Format::Xlsx, limits);
    if let Ok(properties) = workbook.workbook_properties() {
        book.builder.title(properties.title.as_deref().unwrap_or(""));
        book.builder.author(properties.creator.as_deref().unwrap_or(""));
    }
    let mut drawn = drawings::read(bytes, limits)?;
    for sheet in workbook.sheets_metadata().to_vec() {
        let grid = match sheet.typ {
            SheetType::WorkSheet | SheetType::MacroSheet => xlsx_grid(&mut workbook, &sheet.name, &mut book)?,
            _ => Some(Grid::default()),
        };
        book.add(&sheet, grid);
        for text in drawn.remove(&sheet.name).unwrap_or_default() {
            book.builder.paragraph(&text);
        }
    }
    Ok(book.builder.finish())
}

/// The cells of a sheet one by one, as the file has them; `None` when the sheet cannot be read.
fn xlsx_grid(workbook: &mut Xlsx<Cursor<&[u8]>>, name: &str, book: &mut Book<'_>) -> Result<Option<Grid>, ReadError> {
    let mut grid = Grid::default();
    let Ok(mut cells) = workbook.worksheet_cells_reader(name) else { return Ok(None) };
    loop {
        match cells.next_cell_with_style_id() {
            Ok(Some((cell, style))) => {
                let format =
                    cells.styles().get(style).and_then(|style| style.number_format.as_ref()).map(|format| format.format_code.as_str());
                book.put(&mut grid, cell.get_position(), show(&owned(cell.get_value()), format))?;
            }
            Ok(None) => return Ok(Some(grid)),
            Err(_) if grid.is_empty() => return Ok(None),
            Err(_) => {
                book.builder.warn(format!("sheet {name} is damaged and was read in part"));
                return Ok(Some(grid));
            }
        }
    }
}

fn owned(value: &DataRef<'_>) -> Data {
    value.clone().into()
}

/// Reads an XLSB file.
pub(super) fn read_xlsb(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    package::check_unpacked(bytes, limits)?;
    let mut workbook = Xlsb::new(Cursor::new(bytes)).map_err(|error| match error {
        XlsbError::Password => ReadError::Encrypted,
        _ => damaged(),
    })?;
    let mut book = Book::new(Format::Xlsb, limits);
    for sheet in workbook.sheets_metadata().to_vec() {
        let mut grid = Grid::default();
        let mut sound = false;
        if let Ok(mut cells) = workbook.worksheet_cells_reader(&sheet.name) {
            sound = true;
            while let Some(cell) = cells.next_cell().unwrap_or_else(|_| {
                sound = false;
                None
            }) {
                book.put(&mut grid, cell.get_position(), show(&owned(cell.get_value()), None))?;
            }
        }
        book.add(&sheet, (sound || !grid.is_empty()).then_some(grid));
    }
    Ok(book.builder.finish())
}

/// Reads an XLS file, of Excel 5 to 2003.
pub(super) fn read_xls(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    let biff::OldBook { sheets, file } = biff::look_through(bytes)?;
    let mut workbook = Xls::new(Cursor::new(file)).map_err(|error| match error {
        XlsError::Password => ReadError::Encrypted,
        _ => damaged(),
    })?;
    let mut book = Book::new(Format::Xls, limits);
    for (number, sheet) in workbook.sheets_metadata().to_vec().iter().enumerate() {
        let old = sheets.get(number);
        let grid = match workbook.worksheet_range(&sheet.name) {
            Ok(range) => {
                let mut grid = Grid::default();
                let (top, left) = range.start().unwrap_or_default();
                for (row, column, value) in range.used_cells() {
                    let position = (top + u32::try_from(row).unwrap_or(u32::MAX), left + u32::try_from(column).unwrap_or(u32::MAX));
                    let format = old.and_then(|old| old.shares.get(&position)).map(String::as_str);
                    book.put(&mut grid, position, show(value, format))?;
                }
                Some(grid)
            }
            Err(_) => None,
        };
        book.add(sheet, grid);
        for text in old.into_iter().flat_map(|old| &old.texts) {
            book.builder.paragraph(text);
        }
    }
    Ok(book.builder.finish())
}

/// The document under way, and how much more of it there may be.
struct Book<'a> {
    builder: Builder,
    limits: &'a Limits,
    text_bytes: u64,
}

impl<'a> Book<'a> {
    fn new(format: Format, limits: &'a Limits) -> Self {
        let mut builder = Builder::new(format);
        builder.headings_are_names();
        Self { builder, limits, text_bytes: 0 }
    }

    fn put(&mut self, grid: &mut Grid, position: (u32, u32), value: Option<Shown>) -> Result<(), ReadError> {
        let Some(value) = value else { return Ok(()) };
        self.text_bytes += value.text.len() as u64 + 3;
        if self.text_bytes > self.limits.text_bytes {
            return Err(ReadError::TooLarge(format!("its cells hold more than {} bytes", self.limits.text_bytes)));
        }
        grid.put(position, value);
        Ok(())
    }

    /// Adds a sheet: its name as a heading, marked when it is hidden, then its regions.
    fn add(&mut self, sheet: &Sheet, grid: Option<Grid>) {
        if sheet.typ == SheetType::Vba {
            return;
        }
        self.builder.at_sheet(Some(sheet.name.clone()));
        let hidden = sheet.visible != SheetVisible::Visible;
        self.builder.heading(1, &if hidden { format!("{} (hidden sheet)", sheet.name) } else { sheet.name.clone() });
        match grid {
            Some(grid) => grid.regions(&mut self.builder),
            None => self.builder.warn(format!("sheet {} cannot be read", sheet.name)),
        }
    }
}

fn damaged() -> ReadError {
    ReadError::Damaged("it is not a sound workbook".to_owned())
}

#[cfg(test)]
mod tests;
