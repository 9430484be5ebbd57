//! Pages of looks in a Word file of before 2007: which runs of characters are deleted or hidden, bold or a symbol. The library passes over
//! pages of 64 runs and more, of which a page may have 101, so that such pages are halved before it gets the file.

use crate::extract::little_endian::{u16_at, u32_at};
use crate::extract::{ReadError, compound};
use std::borrow::Cow;
use std::collections::HashSet;

const PAGE: usize = 512;
/// Runs of a page that the library reads, and that there may be.
const READ: usize = 63;
const MOST: usize = 101;

/// Where the file's own description says which table it uses and whether it is encrypted, and where the list of the pages stands there.
const FLAGS: usize = 0x0B;
const LIST: usize = 0xFA;
/// The version of Word 97, whose files are the first of this form.
const FIRST_VERSION: u16 = 0xC1;

const FURTHER: [&str; 3] = ["Data", "\u{5}SummaryInformation", "\u{5}DocumentSummaryInformation"];

/// The file with pages that the library reads; most files have no others and stay as they are.
pub(super) fn with_short_pages(bytes: &[u8]) -> Result<Cow<'_, [u8]>, ReadError> {
    let Some((_, mut text)) = compound::streams(bytes, &["WordDocument"]).pop() else { return Ok(Cow::Borrowed(bytes)) };
    let flags = text.get(FLAGS).copied().unwrap_or_default();
    if flags & 1 != 0 || u16_at(&text, 2).is_none_or(|version| version < FIRST_VERSION) {
        return Ok(Cow::Borrowed(bytes));
    }
    let table_name = if flags & 2 == 0 { "0Table" } else { "1Table" };
    let Some((_, mut table)) = compound::streams(bytes, &[table_name]).pop() else { return Ok(Cow::Borrowed(bytes)) };
    if halve_pages(&mut text, &mut table).is_none() {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut streams = compound::streams(bytes, &FURTHER);
    streams.extend([("WordDocument", text), (table_name, table)]);
    compound::write(&streams).map(Cow::Owned)
}

/// Puts halves of the pages that are too long, and a new list of all pages, behind the streams. `None` where nothing was to do.
fn halve_pages(text: &mut Vec<u8>, table: &mut Vec<u8>) -> Option<()> {
    let (begin, length) = (u32_at(text, LIST)? as usize, u32_at(text, LIST + 4)? as usize);
    let list = table.get(begin..begin.checked_add(length)?)?;
    let count = list.len().checked_sub(4)? / 8;
    let mut known = HashSet::new();
    let pages: Vec<(u32, u32)> = (0..count)
        .filter_map(|number| Some((u32_at(list, 4 * number)?, u32_at(list, 4 * (count + 1 + number))? & 0x003F_FFFF)))
        .filter(|(_, page)| known.insert(*page))
        .collect();
    let last = u32_at(list, 4 * count)?;

    let (mut begins, mut numbers) = (Vec::new(), Vec::new());
    for (first, number) in &pages {
        let at = *number as usize * PAGE;
        match text.get(at..at + PAGE).and_then(halves) {
            Some(halves) => {
                for (first, half) in halves {
                    text.resize(text.len().next_multiple_of(PAGE), 0);
                    begins.push(first);
                    numbers.push(u32::try_from(text.len() / PAGE).ok()?);
                    text.extend(half);
                }
            }
            None => {
                begins.push(*first);
                numbers.push(*number);
            }
        }
    }
    if numbers.len() == pages.len() {
        return None;
    }
    begins.push(last);
    let place = [u32::try_from(table.len()).ok()?, u32::try_from(4 * (begins.len() + numbers.len())).ok()?];
    table.extend(begins.into_iter().chain(numbers).flat_map(u32::to_le_bytes));
    text[LIST..LIST + 8].copy_from_slice(&place.map(u32::to_le_bytes).concat());
    Some(())
}

/// The two halves of a page that is too long, each with where its first run begins in the file. A page is: where its runs begin, where the
/// last one ends, a byte each for where in the page its look stands, the looks, and the number of runs.
fn halves(page: &[u8]) -> Option<[(u32, Vec<u8>); 2]> {
    let runs = usize::from(*page.last()?);
    if !(READ + 1..=MOST).contains(&runs) {
        return None;
    }
    let looks = 4 * (runs + 1);
    let half = |from: usize, to: usize| {
        let head = [page.get(4 * from..4 * (to + 1))?, page.get(looks + from..looks + to)?].concat();
        let mut half = page.to_vec();
        half[..head.len()].copy_from_slice(&head);
        half[PAGE - 1] = u8::try_from(to - from).ok()?;
        Some((u32_at(page, 4 * from)?, half))
    };
    Some([half(0, runs / 2)?, half(runs / 2, runs)?])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::Limits;
    use crate::extract::office::read_doc;

    const TEXT_AT: usize = 0x400;

    /// A file of one paragraph whose characters are runs of their own, every second of them hidden.
    fn doc(text: &str) -> Vec<u8> {
        let put = |stream: &mut Vec<u8>, at: usize, value: usize| {
            stream[at..at + 4].copy_from_slice(&u32::try_from(value).unwrap().to_le_bytes());
        };
        let runs = text.len();
        let mut stream = vec![0; TEXT_AT];
        stream[..4].copy_from_slice(&[0xEC, 0xA5, 0xC1, 0]);
        // How many numbers each part of the description has.
        (stream[32], stream[62], stream[152]) = (14, 22, 93);
        put(&mut stream, 0x4C, runs + 1);
        stream.extend(format!("{text}\r").bytes());
        stream.resize(TEXT_AT + PAGE, 0);

        let mut page: Vec<u8> = (0..=runs).flat_map(|run| u32::try_from(TEXT_AT + run).unwrap().to_le_bytes()).collect();
        page.extend((0..runs).map(|run| if run % 2 == 1 { 253 } else { 0 }));
        page.resize(506, 0);
        page.extend([3, 0x3C, 0x08, 1, 0, u8::try_from(runs).unwrap()]);
        let number = u32::try_from(stream.len() / PAGE).unwrap();
        stream.extend(page);

        let list = [u32::try_from(TEXT_AT).unwrap(), u32::try_from(TEXT_AT + runs).unwrap(), number];
        let mut table = list.map(u32::to_le_bytes).concat();
        let pieces = [0, u32::try_from(runs + 1).unwrap()].map(u32::to_le_bytes).concat();
        let piece = [vec![0, 0], (u32::try_from(TEXT_AT * 2).unwrap() | 0x4000_0000).to_le_bytes().to_vec(), vec![0, 0]].concat();
        let clx = [vec![2], 16_u32.to_le_bytes().to_vec(), pieces, piece].concat();
        // Nothing stands at the beginning: that would be no list.
        table.splice(0..0, [0; 4]);
        for (at, value) in [(LIST, 4), (LIST + 4, 12), (0x1A2, table.len()), (0x1A6, clx.len())] {
            put(&mut stream, at, value);
        }
        table.extend(clx);
        compound::write(&[("WordDocument", stream), ("0Table", table)]).unwrap()
    }

    #[test]
    fn hidden_text_is_left_out_however_many_runs_a_page_has() {
        for runs in [20_usize, 63, 64, 90] {
            let text: String = (0..runs).map(|run| if run % 2 == 0 { 'm' } else { 'x' }).collect();
            let document = read_doc(&doc(&text), &Limits::default()).unwrap();
            assert_eq!(document.text(), "m".repeat(runs.div_ceil(2)), "{runs} runs");
        }
    }
}
