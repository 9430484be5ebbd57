//! The rich text that Outlook packs its mails in: references back into the last four kilobytes, which begin with what most RTF begins with.

/// What the window holds before the first byte.
const BEGINNING: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
const WINDOW: usize = 4096;
const PACKED: &[u8] = b"LZFu";
const PLAIN: &[u8] = b"MELA";

/// The RTF; `None` for what is not packed in this way. No more than `most` bytes are unpacked.
pub(super) fn unpack(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let (header, content) = bytes.split_at_checked(16)?;
    let size = u32::from_le_bytes(*header[4..].first_chunk()?) as usize;
    match &header[8..12] {
        kind if kind == PLAIN => Some(content.get(..size.min(content.len()).min(most))?.to_vec()),
        kind if kind == PACKED => Some(unpacked(content, size.min(most))),
        _ => None,
    }
}

fn unpacked(content: &[u8], size: usize) -> Vec<u8> {
    let mut window = [b' '; WINDOW];
    window[..BEGINNING.len()].copy_from_slice(BEGINNING);
    let mut at = BEGINNING.len();
    let mut out = Vec::new();
    let mut rest = content.iter().copied();
    let mut put = |byte: u8, window: &mut [u8; WINDOW], out: &mut Vec<u8>| {
        window[at] = byte;
        at = (at + 1) % WINDOW;
        out.push(byte);
        at
    };
    let mut end = BEGINNING.len();
    while out.len() < size {
        let Some(control) = rest.next() else { break };
        for bit in 0..8 {
            if out.len() >= size {
                break;
            }
            if control >> bit & 1 == 0 {
                let Some(byte) = rest.next() else { return out };
                end = put(byte, &mut window, &mut out);
                continue;
            }
            let (Some(high), Some(low)) = (rest.next(), rest.next()) else { return out };
            let reference = usize::from(u16::from_be_bytes([high, low]));
            let (offset, length) = (reference >> 4, (reference & 0xf) + 2);
            // A reference to the place that is written next ends the text.
            if offset == end {
                return out;
            }
            for step in 0..length {
                let byte = window[(offset + step) % WINDOW];
                end = put(byte, &mut window, &mut out);
            }
        }
    }
    out.truncate(size);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the format's own description.
    const EXAMPLE: &[u8] = &[
        0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0, 0x0a, 0, 0x72, 0x63, 0x70, 0x67, 0x31, 0x32,
        0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09, 0, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f,
        0xa0,
    ];

    #[test]
    fn the_described_example_is_unpacked() {
        assert_eq!(unpack(EXAMPLE, 1000).unwrap(), b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
        assert_eq!(unpack(EXAMPLE, 5).unwrap(), b"{\\rtf");
    }

    #[test]
    fn what_is_cut_or_something_else_ends_without_harm() {
        for length in 0..EXAMPLE.len() {
            let _ = unpack(&EXAMPLE[..length], 1000);
        }
        assert_eq!(unpack(b"0123456789abcdefgh", 10), None);
    }
}
