//! Streams → a compound file, the container of Office files of before 2007. What goes to a library that reads such files lies in a container
//! of ours where that library takes the word of the file's own, or where a stream had to be mended.

use super::ReadError;
use office_oxide::cfb::CfbReader;
use std::io::Cursor;

const SECTOR: usize = 4096;
/// Sectors that are described by one of the allocation table, and such sectors that the header has room for (446 MiB of streams).
const DESCRIBED: usize = SECTOR / 4;
const MOST_TABLES: usize = 109;

const MAGIC: u64 = 0xE11A_B1A1_E011_CFD0;
const TABLE: u32 = 0xFFFF_FFFD;
const END: u32 = 0xFFFF_FFFE;
const FREE: u32 = 0xFFFF_FFFF;

/// Those of the named streams of a compound file that stand at its root.
pub(super) fn streams(bytes: &[u8], names: &[&'static str]) -> Vec<(&'static str, Vec<u8>)> {
    let Ok(mut file) = CfbReader::new(Cursor::new(bytes)) else { return Vec::new() };
    names.iter().filter_map(|name| Some((*name, file.open_stream(name).ok()?))).collect()
}

/// A compound file of these streams, of which there may be thirty.
pub(super) fn write(streams: &[(&str, Vec<u8>)]) -> Result<Vec<u8>, ReadError> {
    // Shorter streams would lie in a stream for short ones; these formats do not mind zeros behind their end.
    let sectors: Vec<usize> = streams.iter().map(|(_, stream)| stream.len().div_ceil(SECTOR).max(1)).collect();
    let described: usize = 1 + sectors.iter().sum::<usize>();
    let tables = described.div_ceil(DESCRIBED - 1);
    if tables > MOST_TABLES {
        return Err(ReadError::TooLarge(format!("its streams have more than {} bytes", MOST_TABLES * DESCRIBED * SECTOR)));
    }

    let mut directory = Vec::new();
    // A root without a start is taken for that of an empty file.
    directory.extend(Entry { name: "Root Entry", kind: 5, beside: FREE, below: 1, start: 0, length: 0 }.bytes());
    let mut allocation = vec![END];
    let mut content = Vec::with_capacity((described + tables) * SECTOR);
    for (number, ((name, stream), sectors)) in streams.iter().zip(&sectors).enumerate() {
        let next = if number + 1 < streams.len() { word(number + 2) } else { FREE };
        let (start, length) = (word(allocation.len()), stream.len().max(SECTOR));
        directory.extend(Entry { name, kind: 2, beside: next, below: FREE, start, length }.bytes());
        chain(&mut allocation, *sectors);
        content.extend_from_slice(stream);
        content.resize((allocation.len() - 1) * SECTOR, 0);
    }
    directory.resize(SECTOR, 0);
    let first_table = allocation.len();
    allocation.resize(first_table + tables, TABLE);
    allocation.resize(tables * DESCRIBED, FREE);

    let mut out = header(first_table, tables);
    out.reserve(SECTOR + content.len() + tables * SECTOR);
    out.extend(directory);
    out.extend(content);
    out.extend(allocation.iter().flat_map(|next| next.to_le_bytes()));
    Ok(out)
}

/// One stream's sectors, each naming the next.
fn chain(allocation: &mut Vec<u32>, sectors: usize) {
    for _ in 1..sectors {
        allocation.push(word(allocation.len() + 1));
    }
    allocation.push(END);
}

fn header(first_table: usize, tables: usize) -> Vec<u8> {
    let mut out = MAGIC.to_le_bytes().to_vec();
    out.resize(24, 0);
    // Version 4, little-endian, sectors of 2^12 and small ones of 2^6 bytes.
    out.extend([0x3E_u16, 4, 0xFFFE, 12, 6].iter().flat_map(|word| word.to_le_bytes()));
    out.resize(40, 0);
    let told = [1, word(tables), 0, 0, 4096, END, 0, END, 0];
    let places = (first_table..first_table + tables).map(word).chain(std::iter::repeat(FREE)).take(MOST_TABLES);
    out.extend(told.into_iter().chain(places).flat_map(u32::to_le_bytes));
    out.resize(SECTOR, 0);
    out
}

/// An entry of the directory.
struct Entry<'a> {
    name: &'a str,
    /// 5 is the root, 2 a stream.
    kind: u8,
    /// The numbers of the next entry and of the first one below.
    beside: u32,
    below: u32,
    start: u32,
    length: usize,
}

impl Entry<'_> {
    fn bytes(&self) -> Vec<u8> {
        let mut out: Vec<u8> = self.name.encode_utf16().take(31).flat_map(u16::to_le_bytes).collect();
        let name_bytes = u8::try_from(out.len() + 2).unwrap_or(u8::MAX);
        out.resize(64, 0);
        out.extend([name_bytes, 0, self.kind, 1]);
        out.extend([FREE, self.beside, self.below].iter().flat_map(|word| word.to_le_bytes()));
        out.resize(116, 0);
        out.extend(self.start.to_le_bytes());
        out.extend((self.length as u64).to_le_bytes());
        out
    }
}

fn word(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(FREE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_come_out_as_they_went_in() {
        let long: Vec<u8> = (0..5_000_000_u32).map(|number| (number % 251) as u8).collect();
        let file = write(&[("Short", b"moss".to_vec()), ("Long", long.clone()), ("None", Vec::new())]).unwrap();
        let read = streams(&file, &["Long", "Short", "None", "Missing"]);
        let names: Vec<&str> = read.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["Long", "Short", "None"]);
        assert_eq!((read[0].1.len(), read[0].1 == long), (long.len(), true));
        assert_eq!((&read[1].1[..4], read[1].1[4..].iter().all(|byte| *byte == 0)), (b"moss".as_slice(), true));
    }
}
