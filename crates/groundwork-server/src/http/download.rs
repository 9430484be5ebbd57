//! Bytes of somebody else: always a download, never shown in a browser's page.

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue};

/// The headers of an answer that is the file `name`.
pub(super) fn headers(media_type: &str, name: &str) -> [(HeaderName, HeaderValue); 3] {
    [
        (CONTENT_TYPE, HeaderValue::try_from(media_type).unwrap_or(HeaderValue::from_static("application/octet-stream"))),
        (CONTENT_DISPOSITION, attachment(name)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]
}

/// The name is given in plain letters for old clients and in full by RFC 8187.
fn attachment(name: &str) -> HeaderValue {
    let file = name.rsplit('/').next().unwrap_or(name);
    let plain: String = file.chars().map(|c| if c.is_ascii_graphic() && c != '"' && c != '\\' || c == ' ' { c } else { '_' }).collect();
    let full: String =
        file.bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
            })
            .collect();
    HeaderValue::try_from(format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{full}"))
        .unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_cannot_break_out_of_its_header() {
        for (name, header) in [
            ("hr/leave.md", r#"attachment; filename="leave.md"; filename*=UTF-8''leave.md"#),
            ("a\"b\r\nc.pdf", r#"attachment; filename="a_b__c.pdf"; filename*=UTF-8''a%22b%0D%0Ac.pdf"#),
            ("Größe 1.txt", r#"attachment; filename="Gr__e 1.txt"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%201.txt"#),
        ] {
            assert_eq!(attachment(name), header);
        }
    }
}
