//! Old workbooks (XLS) before the library gets them: what it leaves out (which cells are shown as shares, what lies over the cells), how large
//! the sheets are, and no claims. The library reserves what a sheet claims to span, though it needs to know nothing of it.

mod over;

use crate::extract::little_endian::{u16_at, u32_at};
use crate::extract::{ReadError, compound};
use over::Over;
use std::collections::HashMap;

/// A workbook that is safe to hand on.
#[derive(Debug)]
pub(super) struct OldBook {
    /// The sheets in the order in which the workbook lists them.
    pub(super) sheets: Vec<OldSheet>,
    /// A container with nothing but the workbook.
    pub(super) file: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct OldSheet {
    /// The number formats of the cells that are shown as per cent.
    pub(super) shares: HashMap<(u32, u32), String>,
    /// The texts over the cells.
    pub(super) texts: Vec<String>,
}

/// The library lays a sheet's values and its formulas out as rectangles, of which a cell costs 24 bytes, and copies one that is asked for.
const MOST_LAID_OUT: u64 = 6_000_000;

/// How often the sheets of a workbook may be as long as all of it: where one lacks its end, it goes on through the next.
const MOST_OVERLAPPING: usize = 8;

mod record {
    pub(super) const FORMULA: u16 = 0x0006;
    pub(super) const END: u16 = 0x000A;
    pub(super) const PASSWORD: u16 = 0x002F;
    pub(super) const SHEET: u16 = 0x0085;
    pub(super) const MANY_NUMBERS: u16 = 0x00BD;
    pub(super) const LOOK: u16 = 0x00E0;
    pub(super) const SPAN: u16 = 0x0200;
    pub(super) const NUMBER: u16 = 0x0203;
    pub(super) const STRING: u16 = 0x0207;
    pub(super) const SHORT_NUMBER: u16 = 0x027E;
    pub(super) const FORMAT: u16 = 0x041E;
    pub(super) const BEGIN: u16 = 0x0809;
    /// What no workbook has.
    pub(super) const NONE: u16 = 0xFFFF;
    /// Cells of other kinds: a row and a column first, too.
    pub(super) const OTHER_CELLS: [u16; 6] = [0x00BE, 0x00D6, 0x00FD, 0x0201, 0x0204, 0x0205];
}

/// Looks a workbook through as the library will: the list of its sheets, then each from where it is said to begin.
pub(super) fn look_through(bytes: &[u8]) -> Result<OldBook, ReadError> {
    let (_, mut stream) = compound::streams(bytes, &["Workbook", "Book"]).into_iter().next().ok_or_else(super::damaged)?;
    let mut scanner = Scanner::default();
    walk(&stream, 0, |_, kind, content| {
        scanner.of_book(kind, content);
        kind != record::END
    });
    if scanner.is_encrypted {
        return Err(ReadError::Encrypted);
    }
    let begins = std::mem::take(&mut scanner.begins);
    if begins.iter().any(|begin| *begin >= stream.len()) {
        return Err(super::damaged());
    }
    // Sheets do not overlap in a sound workbook; one in which thousands do would take for ever.
    let (mut claimed, mut walked) = (Vec::new(), 0);
    for begin in &begins {
        let end = walk_sheet(&stream, *begin, |depth, at, kind, _| claimed.extend(is_claim(depth, kind).then_some(at)));
        walked += end - begin;
        if walked > MOST_OVERLAPPING * stream.len() {
            return Err(super::damaged());
        }
    }
    for at in claimed {
        stream[at..at + 2].copy_from_slice(&record::NONE.to_le_bytes());
    }
    let (mut sheets, mut laid_out) = (Vec::new(), 0);
    for begin in begins {
        // Sheets that lie across one another read as another thing once one of them was changed.
        let sheet = scanner.sheet(&stream, begin);
        if sheet.claims {
            return Err(super::damaged());
        }
        laid_out += sheet.values.area() + sheet.formulas.area();
        if laid_out > MOST_LAID_OUT {
            return Err(ReadError::TooLarge(format!("its sheets span {laid_out} cells, {MOST_LAID_OUT} are read")));
        }
        sheets.push(OldSheet { shares: sheet.shares, texts: sheet.over.texts() });
    }
    Ok(OldBook { sheets, file: compound::write(&[("Workbook", stream)])? })
}

/// Whether a record says how much its sheet spans.
fn is_claim(depth: usize, kind: u16) -> bool {
    depth == 0 && kind == record::SPAN
}

/// Goes through the records from a place on, until one is not wanted any more. Returns where it ended.
fn walk<'a>(stream: &'a [u8], begin: usize, mut take: impl FnMut(usize, u16, &'a [u8]) -> bool) -> usize {
    let mut at = begin;
    while let Some([a, b, c, d]) = stream.get(at..).and_then(<[u8]>::first_chunk) {
        let (kind, length) = (u16::from_le_bytes([*a, *b]), usize::from(u16::from_le_bytes([*c, *d])));
        let Some(content) = stream.get(at + 4..at + 4 + length) else { break };
        if !take(at, kind, content) {
            break;
        }
        at += 4 + length;
    }
    at
}

/// The records of a sheet, with how deep they lie: a chart in it has a beginning, records and an end of its own.
fn walk_sheet<'a>(stream: &'a [u8], begin: usize, mut take: impl FnMut(usize, usize, u16, &'a [u8])) -> usize {
    let (mut begun, mut depth) = (false, 0_usize);
    walk(stream, begin, |at, kind, content| {
        match kind {
            record::BEGIN if begun => depth += 1,
            record::BEGIN => begun = true,
            record::END if depth == 0 => return false,
            record::END => depth -= 1,
            _ => take(depth, at, kind, content),
        }
        true
    })
}

#[derive(Default)]
struct Scanner {
    /// Formats that end with a per cent sign, by number.
    formats: HashMap<u16, String>,
    /// The number format of each look of a cell.
    looks: Vec<u16>,
    /// Where the sheets begin.
    begins: Vec<usize>,
    is_encrypted: bool,
}

/// What one sheet holds.
#[derive(Default)]
struct Found {
    shares: HashMap<(u32, u32), String>,
    over: Over,
    claims: bool,
    values: Corners,
    formulas: Corners,
}

/// The rectangle around cells.
#[derive(Default)]
struct Corners(Option<(u16, u16, u16, u16)>);

impl Corners {
    fn take_in(&mut self, row: u16, column: u16) {
        let (top, left, bottom, right) = self.0.unwrap_or((row, column, row, column));
        self.0 = Some((top.min(row), left.min(column), bottom.max(row), right.max(column)));
    }

    fn area(&self) -> u64 {
        self.0.map_or(0, |(top, left, bottom, right)| (u64::from(bottom - top) + 1) * (u64::from(right - left) + 1))
    }
}

impl Scanner {
    /// A record of the workbook's own.
    fn of_book(&mut self, kind: u16, content: &[u8]) {
        match kind {
            record::FORMAT => {
                if let (Some(number), Some(code)) = (u16_at(content, 0), content.get(2..).and_then(text)) {
                    self.formats.insert(number, code);
                }
            }
            record::PASSWORD => self.is_encrypted |= u16_at(content, 0).is_some_and(|way| way != 0),
            record::LOOK => self.looks.extend(u16_at(content, 2)),
            record::SHEET => self.begins.extend(u32_at(content, 0).map(|begin| begin as usize)),
            _ => {}
        }
    }

    fn sheet(&self, stream: &[u8], begin: usize) -> Found {
        let mut found = Found::default();
        let mut last_formula = (0, 0);
        walk_sheet(stream, begin, |depth, _, kind, content| {
            found.over.take(kind, content);
            found.claims |= is_claim(depth, kind);
            if depth > 0 {
                return;
            }
            let (Some(row), Some(column)) = (u16_at(content, 0), u16_at(content, 2)) else { return };
            let look = |found: &mut Found, column: u16, look: Option<u16>| {
                found.values.take_in(row, column);
                let format = look.and_then(|look| self.looks.get(usize::from(look))).and_then(|number| self.share(*number));
                found.shares.extend(format.map(|format| ((u32::from(row), u32::from(column)), format)));
            };
            match kind {
                record::NUMBER | record::SHORT_NUMBER => look(&mut found, column, u16_at(content, 4)),
                record::FORMULA => {
                    look(&mut found, column, u16_at(content, 4));
                    found.formulas.take_in(row, column);
                    last_formula = (row, column);
                }
                // What the last formula gave.
                record::STRING => found.values.take_in(last_formula.0, last_formula.1),
                record::MANY_NUMBERS => {
                    for (column, number) in (column..).zip(content.get(4..).unwrap_or_default().chunks_exact(6)) {
                        look(&mut found, column, u16_at(number, 0));
                    }
                }
                kind if record::OTHER_CELLS.contains(&kind) => look(&mut found, column, None),
                _ => {}
            }
        });
        found
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
    let length = usize::from(u16_at(bytes, 0)?);
    characters(bytes.get(2..)?, length).filter(|text| text.encode_utf16().count() == length)
}

/// As many characters as there are, behind a flag for 16-bit ones.
fn characters(bytes: &[u8], most: usize) -> Option<String> {
    let (flags, rest) = bytes.split_first()?;
    if flags & 1 == 0 {
        return Some(rest.iter().take(most).map(|byte| char::from(*byte)).collect());
    }
    let units: Vec<u16> = rest.as_chunks::<2>().0.iter().take(most).map(|two| u16::from_le_bytes(*two)).collect();
    Some(String::from_utf16_lossy(&units))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A record of these words.
    fn words(kind: u16, words: &[u16]) -> Vec<u8> {
        bytes(kind, &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>())
    }

    pub(in crate::extract::sheets) fn bytes(kind: u16, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap();
        [&kind.to_le_bytes(), &length.to_le_bytes(), content].concat()
    }

    /// A workbook with the records of its own and of one sheet, named `Beds`.
    pub(in crate::extract::sheets) fn book(own: &[Vec<u8>], sheet: &[Vec<u8>]) -> Vec<u8> {
        let begin = words(record::BEGIN, &[0x0600, 5, 0, 0]);
        let end = words(record::END, &[]);
        let own = own.concat();
        // The list of sheets is a record of 16 bytes.
        let at = u32::try_from(begin.len() + own.len() + 16 + end.len()).unwrap();
        let listed = bytes(record::SHEET, &[&at.to_le_bytes()[..], &[0, 0, 4, 0], b"Beds"].concat());
        let stream = [begin.clone(), own, listed, end.clone(), begin, sheet.concat(), end].concat();
        compound::write(&[("Workbook", stream)]).unwrap()
    }

    pub(in crate::extract::sheets) fn number(row: u16, column: u16, look: u16, value: f64) -> Vec<u8> {
        let place = [row, column, look].map(u16::to_le_bytes).concat();
        bytes(record::NUMBER, &[place, value.to_le_bytes().to_vec()].concat())
    }

    /// A sheet's claim to span rows and columns.
    pub(in crate::extract::sheets) fn span(rows: u32, columns: u16) -> Vec<u8> {
        let [columns, none] = [columns, 0].map(u16::to_le_bytes);
        bytes(record::SPAN, &[&[0; 4][..], &rows.to_le_bytes(), &none, &columns, &none].concat())
    }

    #[test]
    fn shares_are_told_by_their_formats_but_not_by_those_in_a_chart() {
        let mut own = vec![bytes(record::FORMAT, b"\xA4\0\x04\0\x000.0%")];
        own.extend([0, 10, 0xA4].map(|format| words(record::LOOK, &[0, format])));
        let sheet = [
            number(2, 1, 1, 0.5),
            words(record::MANY_NUMBERS, &[3, 4, 2, 0, 0, 0, 0, 0, 5]),
            words(record::BEGIN, &[0x0600, 0x20]),
            number(9999, 1, 1, 0.5),
            words(record::END, &[]),
            words(record::OTHER_CELLS[3], &[9, 0, 0]),
        ];
        let looked = look_through(&book(&own, &sheet)).unwrap();
        assert_eq!(looked.sheets[0].shares, HashMap::from([((2, 1), "0.00%".to_owned()), ((3, 4), "0.0%".to_owned())]));
    }

    #[test]
    fn sheets_that_span_too_many_cells_are_refused() {
        let far = [number(0, 0, 0, 1.0), number(u16::MAX, 255, 0, 1.0)];
        assert_eq!(look_through(&book(&[], &far)).unwrap_err().detail(), "too_large");
    }

    #[test]
    fn encrypted_workbooks_are_told_before_their_cells_are_looked_at() {
        let far = [number(0, 0, 0, 1.0), number(u16::MAX, 255, 0, 1.0)];
        assert_eq!(look_through(&book(&[words(record::PASSWORD, &[1, 1])], &far)).unwrap_err(), ReadError::Encrypted);
    }

    #[test]
    fn sheets_that_lie_in_one_another_by_the_thousand_are_refused() {
        let listed = bytes(record::SHEET, &[&[0; 4][..], &[0, 0, 1, 0], b"A"].concat());
        assert_eq!(look_through(&book(&vec![listed; 5000], &[])).unwrap_err().detail(), "damaged");
    }

    #[test]
    fn a_claim_that_is_seen_from_the_beginning_of_one_sheet_only_is_taken_away_too() {
        let mut own = bytes(record::SHEET, &[&[0; 4][..], &[0, 0, 1, 0], b"A"].concat());
        let claim = span(70_000, 300);
        let within = 12 + own.len() + 16 + 4 + 12 + 4;
        own[4..8].copy_from_slice(&u32::try_from(within).unwrap().to_le_bytes());
        let looked = look_through(&book(&[own], &[bytes(0x00EB, &claim), number(0, 0, 0, 1.0)])).unwrap();
        assert_eq!(looked.sheets.len(), 2);
        assert!(!looked.file.windows(claim.len()).any(|part| part == claim));
    }
}
