//! Encodings of before the web (DOS and the old Macintosh), which no detector for the web's knows. Bytes of them are good bytes of the web's
//! too, so that the text decides: what reads as words, with signs where signs stand, against letters and signs in the midst of words.

use encoding_rs::{Encoding, MACINTOSH, WINDOWS_1252};
use std::borrow::Cow;

/// The characters from 128 on.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐\
    └┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
const CP850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
    └┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// How much is looked at.
const SAMPLE_BYTES: usize = 64 * 1024;
/// How much better a reading in an old encoding has to be than the one that was guessed.
const MARGIN: i64 = 2;

/// A text that reads better in an old encoding, or in the one that most texts have, than in the one that was guessed, with that encoding's name.
pub(super) fn better_than(guessed: &'static Encoding, bytes: &[u8]) -> Option<(String, &'static str)> {
    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
    let as_guessed = plausibility(&guessed.decode_without_bom_handling(sample).0);
    let others = [
        // From a sign or two it is often taken for another of the web's.
        ("windows-1252", Characters::Web(WINDOWS_1252), 0),
        ("cp850", Characters::CP850, MARGIN),
        ("cp437", Characters::CP437, MARGIN),
        ("macintosh", Characters::Web(MACINTOSH), MARGIN),
    ];
    let mut best = (as_guessed, None);
    for (name, characters, margin) in others {
        let score = plausibility(&characters.decode(sample));
        // Of two that read alike the first is the likelier.
        if score > best.0.max(as_guessed + margin) {
            best = (score, Some((name, characters)));
        }
    }
    best.1.map(|(name, characters)| (characters.decode(bytes).into_owned(), name))
}

/// An encoding of the web's, or one by its characters from 128 on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Characters {
    Web(&'static Encoding),
    Dos(&'static str),
}

impl Characters {
    pub(super) const CP437: Self = Self::Dos(CP437);
    pub(super) const CP850: Self = Self::Dos(CP850);

    pub(super) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        let table = match self {
            Self::Web(encoding) => return encoding.decode_without_bom_handling(bytes).0,
            Self::Dos(table) => table,
        };
        let upper: Vec<char> = table.chars().collect();
        let character = |byte: u8| upper.get(usize::from(byte).wrapping_sub(128)).copied().unwrap_or(char::from(byte));
        Cow::Owned(bytes.iter().map(|byte| character(*byte)).collect())
    }
}

/// Points for characters beyond ASCII that stand where such characters stand, less those for others.
fn plausibility(text: &str) -> i64 {
    let mut before = ' ';
    let mut score = 0;
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        let after = characters.peek().copied().unwrap_or(' ');
        if !c.is_ascii() {
            score += points(before, c, after);
        }
        before = c;
    }
    score
}

fn points(before: char, c: char, after: char) -> i64 {
    let in_word = before.is_alphabetic() && after.is_alphabetic();
    match c {
        // An apostrophe, a space that holds words together, and a place where a word may break.
        '’' | '\u{a0}' | '\u{ad}' => 2,
        '“' | '„' | '‚' | '‘' | '«' | '¿' | '¡' => {
            if before.is_alphanumeric() {
                -2
            } else {
                2
            }
        }
        '”' | '»' | '…' | '™' | '®' | '°' | 'ª' | 'º' => {
            if before.is_whitespace() || in_word {
                -1
            } else {
                2
            }
        }
        '–' | '—' | '•' | '€' | '£' | '§' | '©' | '·' | '±' | '×' | '½' | '¼' | '¾' | '²' | '³' | 'µ' if !in_word => 2,
        c if c.is_control() || c == char::REPLACEMENT_CHARACTER => -4,
        // Letters by name that no word is written with.
        'ƒ' | 'ﬁ' | 'ﬂ' => -3,
        c if !c.is_alphabetic() => {
            if in_word {
                -3
            } else {
                0
            }
        }
        c if c.is_lowercase() => match (before.is_alphabetic(), after.is_alphabetic()) {
            (false, false) => 0,
            // Rare in every language that has them.
            _ if "ûÿðþı".contains(c) => 1,
            _ if before.is_lowercase() || after.is_lowercase() => 2,
            _ => -1,
        },
        // A capital begins a word or stands among others.
        c if c.is_uppercase() && (before.is_lowercase() || before.is_uppercase() && after.is_lowercase()) => -3,
        c if c.is_uppercase() => i64::from(after.is_alphabetic()) * 2,
        // Letters of scripts without capitals have no Latin ones beside them. They are of two bytes, as a rule.
        _ => match (before.is_ascii_alphabetic(), after.is_ascii_alphabetic()) {
            (true, true) => -3,
            (false, false) => 4,
            _ => 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::document::{Builder, Format};
    use crate::extract::text;

    fn encoded(table: &str, text: &str) -> Vec<u8> {
        let byte = |c: char| match table.chars().position(|known| known == c) {
            Some(at) => u8::try_from(at + 128).unwrap(),
            None => u8::try_from(c).unwrap(),
        };
        text.chars().map(byte).collect()
    }

    fn read(bytes: &[u8]) -> String {
        text::decode(bytes, None, &mut Builder::new(Format::Text))
    }

    const TEXTS: [&str; 6] = [
        "name;ort;größe\nMüller;Köln;3\nSchäfer;Düsseldorf;4\n",
        "Le café est fermé à Noël, le garçon rentre à l'école.",
        "Müller",
        "Straße 5 in München, Überlingen",
        "El niño comió piñas en España mañana",
        "ÜBUNGEN FÜR ALLE: Ärger, Öl",
    ];

    #[test]
    fn texts_of_dos_and_the_old_macintosh_are_read() {
        for text in TEXTS {
            assert_eq!(read(&encoded(CP850, text)), text);
            assert_eq!(read(&encoded(CP437, text)), text);
            assert_eq!(read(&mac(text)), text);
        }
    }

    fn mac(text: &str) -> Vec<u8> {
        let all = Characters::Web(MACINTOSH).decode(&(128..=255).collect::<Vec<u8>>()).into_owned();
        encoded(&all, text)
    }

    #[test]
    fn texts_in_the_encodings_of_the_web_are_read() {
        let texts = [
            ("windows-1252", "Größe – Müller, Köln: 25 °C, 5 € und „Straße“"),
            ("windows-1252", "It’s “fine” – he said… 5 £ • item ™ here™ and don’t ask"),
            ("windows-1252", "Il va à Paris, à l’école, à Noël; c’est là où naît l’été."),
            ("windows-1252", "Resumé"),
            ("windows-1252", "The price is £20 per unit. Temperature 25°C ± 2. Section §4 © 2020 Acme®."),
            ("windows-1250", "Příliš žluťoučký kůň úpěl ďábelské ódy"),
            ("windows-1250", "Zażółć gęślą jaźń, proszę, źródło wiedzy"),
            ("windows-1251", "Привет, как дела? Москва – столица России"),
            ("windows-1253", "Καλημέρα κόσμε, τι κάνεις σήμερα"),
            ("Shift_JIS", "氏名,年齢\n佐藤,30\n東京都"),
            ("GBK", "姓名,年龄\n张三,30\n北京市"),
            ("EUC-KR", "이름,나이\n김철수,30\n서울"),
            ("Big5", "姓名,年齡\n張三,30\n臺北市"),
            ("KOI8-R", "Привет, как дела? Москва - столица России"),
            ("windows-1255", "שלום עולם, מה שלומך היום"),
            ("windows-1256", "مرحبا بالعالم كيف حالك اليوم"),
            ("windows-1254", "İstanbul'da güneşli bir gün, çok güzel şehir"),
            ("windows-874", "สวัสดีชาวโลก วันนี้เป็นวันดี"),
        ];
        for (encoding, text) in texts {
            let bytes = Encoding::for_label(encoding.as_bytes()).unwrap().encode(text).0;
            assert_eq!(read(&bytes), text, "{encoding}, taken for {}", guess(&bytes).name());
        }
    }

    fn guess(bytes: &[u8]) -> &'static Encoding {
        let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
        detector.feed(bytes, true);
        detector.guess(None, chardetng::Utf8Detection::Deny)
    }
}
