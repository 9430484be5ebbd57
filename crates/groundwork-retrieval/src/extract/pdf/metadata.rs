//! The document's own title, where it is one.

use hayro_interpret::hayro_syntax::Pdf;

/// The title of the metadata, unless a program put something else there.
pub(super) fn title(pdf: &Pdf) -> Option<String> {
    let title = decode(pdf.metadata().title.as_deref()?);
    let title: String =
        title.chars().filter(|char| !char.is_control()).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
    is_title(&title).then_some(title)
}

/// The author of the metadata.
pub(super) fn author(pdf: &Pdf) -> Option<String> {
    Some(decode(pdf.metadata().author.as_deref()?))
}

/// Decodes a text string: UTF-16 or UTF-8 with a byte order mark, else the PDF's own Latin set.
pub(super) fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xFE, 0xFF, rest @ ..] => encoding_rs::UTF_16BE.decode_without_bom_handling(rest).0.into_owned(),
        [0xFF, 0xFE, rest @ ..] => encoding_rs::UTF_16LE.decode_without_bom_handling(rest).0.into_owned(),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| latin(*byte)).collect(),
        },
    }
}

/// `PDFDocEncoding` where it differs from Latin-1.
fn latin(byte: u8) -> char {
    const FROM_80: [char; 31] = [
        '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚', '™', 'ﬁ', 'ﬂ', 'Ł', 'Œ', 'Š', 'Ÿ', 'Ž',
        'ı', 'ł', 'œ', 'š', 'ž',
    ];
    match byte {
        0x80..=0x9E => FROM_80.get(usize::from(byte - 0x80)).copied().unwrap_or(' '),
        0xA0 => '€',
        other => char::from(other),
    }
}

/// File names, default names of programs and single words of code are no titles.
fn is_title(title: &str) -> bool {
    let lower = title.to_lowercase();
    let letters = title.chars().filter(|char| char.is_alphabetic()).count();
    let is_file_name = lower.rsplit_once('.').is_some_and(|(_, ending)| {
        (2..=5).contains(&ending.len()) && ending.chars().all(char::is_alphanumeric) && !ending.chars().all(|c| c.is_ascii_digit())
    });
    let is_default = [
        "untitled",
        "microsoft word -",
        "microsoft powerpoint -",
        "document",
        "(anonymous)",
        "slide 1",
        "powerpoint presentation",
        "title",
        "print",
        "layout 1",
    ]
    .iter()
    .any(|name| lower == *name || (name.ends_with('-') && lower.starts_with(name)))
        || lower.starts_with("untitled")
        || lower.starts_with("document") && lower.trim_start_matches("document").trim().chars().all(|char| char.is_ascii_digit());
    let is_path = title.contains(['\\', '/']) && !title.contains(' ') || title.contains("://");
    let is_code = !title.contains(' ')
        && (title.contains(|char: char| char.is_ascii_digit() || char == '_')
            || title.contains('-') && title.chars().all(|char| char.is_lowercase() || char == '-'));
    letters >= 3 && title.chars().count() <= 300 && !(is_file_name || is_default || is_path || is_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_programs_give_are_no_titles() {
        for junk in [
            "Microsoft Word - Handbook_v3.docx",
            "untitled",
            "report.indd",
            "C:\\docs\\a",
            "Document1",
            "QX_2031",
            "leave-policy-final",
            "",
        ] {
            assert!(!is_title(junk), "{junk}");
        }
        for title in ["Employee Handbook", "Perks", "Leave policy 2.0", "Budget 2026"] {
            assert!(is_title(title), "{title}");
        }
    }

    #[test]
    fn text_strings_are_decoded_by_their_mark() {
        assert_eq!(decode(&[0xFE, 0xFF, 0x00, 0x41, 0x04, 0x16]), "AЖ");
        assert_eq!(decode(b"caf\xE9 \x84"), "café —");
    }
}
