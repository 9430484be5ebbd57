//! CSV and its kin → one table. Encoding and delimiter are found; no row is dropped for having more or fewer cells than others.

use super::document::{Builder, Document, Format};
use super::text::decode;
use super::{Limits, ReadError};

/// More columns than any program writes on purpose; Excel ends at this number.
const MOST_COLUMNS: usize = 16_384;

/// Reads a CSV file.
pub(super) fn read(bytes: &[u8], limits: &Limits) -> Result<Document, ReadError> {
    let mut builder = Builder::new(Format::Csv);
    let text = decode(bytes, None, &mut builder);
    // Excel's own hint, `sep=;` on the first line.
    let (hint, text) = match text.split_once('\n') {
        Some((first, rest)) if first.trim_end().len() == 5 && first.starts_with("sep=") => (first.as_bytes().get(4).copied(), rest),
        _ => (None, text.as_str()),
    };
    let delimiter = hint.unwrap_or_else(|| delimiter(text));
    let mut rows = Vec::new();
    let mut size = 0_u64;
    let reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(text.as_bytes());
    for record in reader.into_records() {
        let record = record.map_err(|_| ReadError::Damaged("a row of the table cannot be read".to_owned()))?;
        size += record.as_slice().len() as u64 + 3 * record.len() as u64;
        if record.len() > MOST_COLUMNS || size > limits.text_bytes {
            return Err(ReadError::TooLarge(format!("more than {MOST_COLUMNS} columns, or {} bytes", limits.text_bytes)));
        }
        rows.push(record.iter().map(str::to_owned).collect::<Vec<String>>());
    }
    let header = rows.len() > 1 && names_columns(&rows[0]);
    builder.table(rows, usize::from(header));
    Ok(builder.finish())
}

/// The first row names the columns when it has no empty cell and no number.
fn names_columns(row: &[String]) -> bool {
    row.iter().all(|cell| !cell.trim().is_empty() && cell.trim().replace(',', ".").parse::<f64>().is_err())
}

/// The delimiter under which the first rows are the widest and the most alike.
fn delimiter(text: &str) -> u8 {
    let sample = &text[..text.floor_char_boundary(64 * 1024)];
    let score = |delimiter: u8| -> usize {
        let reader = csv::ReaderBuilder::new().delimiter(delimiter).has_headers(false).flexible(true).from_reader(sample.as_bytes());
        let widths: Vec<usize> = reader.into_records().take(50).filter_map(Result::ok).map(|record| record.len()).collect();
        let usual = widths.iter().copied().max_by_key(|width| widths.iter().filter(|other| *other == width).count()).unwrap_or(0);
        if usual < 2 { 0 } else { widths.iter().filter(|width| **width == usual).count() * 1000 / widths.len().max(1) + usual.min(100) }
    };
    // A later one wins only if it is better: commas are what the name says.
    let mut best = (b',', score(b','));
    for candidate in [b';', b'\t', b'|'] {
        let candidate = (candidate, score(candidate));
        if candidate.1 > best.1 {
            best = candidate;
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::document::Kind;

    fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
        match read(bytes, &Limits::default()).unwrap().blocks.remove(0).kind {
            Kind::Table { rows, .. } => rows,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_delimiter_is_found() {
        for text in ["a;b;c\n1,5;2;3\n", "a\tb\tc\n1,5\t2\t3\n", "a|b|c\n1,5|2|3\n", "sep=;\na;b;c\n1,5;2;3\n"] {
            assert_eq!(rows(text.as_bytes()), [["a", "b", "c"], ["1,5", "2", "3"]], "{text}");
        }
    }

    #[test]
    fn quotes_may_hold_delimiters_and_lines_and_rows_may_differ_in_width() {
        assert_eq!(
            rows(b"name,note\n\"Moss, green\",\"two\nlines\"\nfern\nivy,x,y\n"),
            [vec!["name", "note"], vec!["Moss, green", "two lines"], vec!["fern"], vec!["ivy", "x", "y"]]
        );
    }

    #[test]
    fn encodings_are_found() {
        let utf_16: Vec<u8> = "\u{feff}größe,zahl\nklein,1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(rows(&utf_16)[0], ["größe", "zahl"]);
        assert_eq!(rows(b"\x8e\x81\x96\xbc,\x94N\x97\xee\n\x8d\xb2\x93\xa1,30\n"), [["氏名", "年齢"], ["佐藤", "30"]]);
    }

    #[test]
    fn a_million_columns_are_refused() {
        assert_eq!(read("1,".repeat(1_000_000).as_bytes(), &Limits::default()).unwrap_err().detail(), "too_large");
    }
}
