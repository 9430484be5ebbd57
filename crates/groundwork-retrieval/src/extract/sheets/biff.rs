//! What the library leaves out of old workbooks (XLS): which cells are shown as shares, and how large a sheet is before it is laid out.

use office_oxide::cfb::CfbReader;
use std::collections::HashMap;
use std::io::Cursor;

/// One sheet, in the order of the file.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The number formats of the cells that are shown as per cent.
    pub(super) shares: HashMap<(u32, u32), String>,
    /// Cells of the rectangle around all that hold something.
    pub(super) area: u64,
}

mod record {
    pub(super) const FORMULA: u16 = 0x0006;
    pub(super) const END: u16 = 0x000A;
    pub(super) const MANY_NUMBERS: u16 = 0x00BD;
    pub(super) const LOOK: u16 = 0x00E0;
    pub(super) const NUMBER: u16 = 0x0203;
    pub(super) const SHORT_NUMBER: u16 = 0x027E;
    pub(super) const FORMAT: u16 = 0x041E;
    pub(super) const BEGIN: u16 = 0x0809;
    /// Cells of other kinds: a row and a column first, too.
    pub(super) const OTHER_CELLS: [u16; 6] = [0x00BE, 0x00D6, 0x00FD, 0x0201, 0x0204, 0x0205];
}

/// The sheets of a workbook's stream; empty for what is not one.
pub(super) fn scan(bytes: &[u8]) -> Vec<Scan> {
    let Ok(mut file) = CfbReader::new(Cursor::new(bytes)) else { return Vec::new() };
    let stream = file.open_stream_by_path("Workbook").or_else(|_| file.open_stream_by_path("Book")).unwrap_or_default();
    let mut scanner = Scanner::default();
    let mut rest = stream.as_slice();
    while let [a, b, c, d, after @ ..] = rest {
        let (kind, length) = (u16::from_le_bytes([*a, *b]), usize::from(u16::from_le_bytes([*c, *d])));
        let Some((content, next)) = after.split_at_checked(length) else { break };
        scanner.take(kind, content);
        rest = next;
    }
    scanner.sheets
}

#[derive(Default)]
struct Scanner {
    /// Formats that end with a per cent sign, by number.
    formats: HashMap<u16, String>,
    /// The number format of each look of a cell.
    looks: Vec<u16>,
    /// Streams within streams (a chart in a sheet).
    depth: usize,
    /// The first stream is the workbook's own.
    begun: usize,
    sheets: Vec<Scan>,
    corner: Option<(u32, u32, u32, u32)>,
}

impl Scanner {
    fn take(&mut self, kind: u16, content: &[u8]) {
        let word = |at: usize| content.get(at..at + 2).map(|two| u16::from_le_bytes([two[0], two[1]]));
        match kind {
            record::BEGIN => {
                self.depth += 1;
                if self.depth == 1 {
                    self.begun += 1;
                    // 0x10 is a sheet of cells; others have none, but a name of their own.
                    if self.begun > 1 {
                        self.sheets.push(Scan::default());
                    }
                    self.corner = None;
                }
            }
            record::END => self.depth = self.depth.saturating_sub(1),
            record::FORMAT => {
                if let (Some(number), Some(code)) = (word(0), content.get(2..).and_then(text)) {
                    self.formats.insert(number, code);
                }
            }
            record::LOOK => self.looks.extend(word(2)),
            record::NUMBER | record::SHORT_NUMBER | record::FORMULA => {
                if let (Some(row), Some(column), Some(look)) = (word(0), word(2), word(4)) {
                    self.cell(row, column, Some(look));
                }
            }
            record::MANY_NUMBERS => {
                if let (Some(row), Some(first)) = (word(0), word(2)) {
                    for (column, look) in (first..).zip(content.get(4..).unwrap_or_default().chunks_exact(6)) {
                        self.cell(row, column, Some(u16::from_le_bytes([look[0], look[1]])));
                    }
                }
            }
            kind if record::OTHER_CELLS.contains(&kind) => {
                if let (Some(row), Some(column)) = (word(0), word(2)) {
                    self.cell(row, column, None);
                }
            }
            _ => {}
        }
    }

    fn cell(&mut self, row: u16, column: u16, look: Option<u16>) {
        let (row, column) = (u32::from(row), u32::from(column));
        let format = look.and_then(|look| self.looks.get(usize::from(look))).and_then(|number| self.share(*number));
        let Some(sheet) = self.sheets.last_mut().filter(|_| self.depth == 1) else { return };
        let (top, left, bottom, right) = self.corner.unwrap_or((row, column, row, column));
        let corner = (top.min(row), left.min(column), bottom.max(row), right.max(column));
        sheet.area = u64::from(corner.2 - corner.0 + 1) * u64::from(corner.3 - corner.1 + 1);
        self.corner = Some(corner);
        sheet.shares.extend(format.map(|format| ((row, column), format)));
    }

    fn share(&self, number: u16) -> Option<String> {
        match number {
            9 => Some("0%".to_owned()),
            10 => Some("0.00%".to_owned()),
            number => self.formats.get(&number).filter(|code| code.ends_with('%')).cloned(),
        }
    }
}

/// A string with its length and a flag for 16-bit characters before it.
fn text(bytes: &[u8]) -> Option<String> {
    let [a, b, flags, rest @ ..] = bytes else { return None };
    let length = usize::from(u16::from_le_bytes([*a, *b]));
    if flags & 1 == 0 {
        return Some(rest.get(..length)?.iter().map(|byte| char::from(*byte)).collect());
    }
    let units: Vec<u16> = rest.get(..length * 2)?.chunks_exact(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
    Some(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(scanner: &mut Scanner, kind: u16, words: &[u16]) {
        scanner.take(kind, &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>());
    }

    #[test]
    fn shares_are_told_by_their_formats_and_the_area_is_measured() {
        let mut scanner = Scanner::default();
        take(&mut scanner, record::BEGIN, &[]);
        scanner.take(record::FORMAT, b"\xA4\0\x04\0\x000.0%");
        for format in [0, 10, 0xA4] {
            take(&mut scanner, record::LOOK, &[0, format]);
        }
        take(&mut scanner, record::END, &[]);
        take(&mut scanner, record::BEGIN, &[]);
        take(&mut scanner, record::NUMBER, &[2, 1, 1, 0, 0, 0, 0]);
        take(&mut scanner, record::MANY_NUMBERS, &[3, 4, 2, 0, 0, 0, 0, 0, 5]);
        take(&mut scanner, record::OTHER_CELLS[0], &[9, 0, 0]);
        // A chart within the sheet has cells of its own.
        take(&mut scanner, record::BEGIN, &[]);
        take(&mut scanner, record::NUMBER, &[9999, 1, 1, 0, 0, 0, 0]);
        take(&mut scanner, record::END, &[]);
        let [sheet] = scanner.sheets.as_slice() else { panic!("{:?}", scanner.sheets) };
        assert_eq!(sheet.shares, HashMap::from([((2, 1), "0.00%".to_owned()), ((3, 4), "0.0%".to_owned())]));
        // Rows 2 to 9, columns 0 to 5.
        assert_eq!(sheet.area, 8 * 6);
    }
}
