use super::*;

fn mail(text: &str) -> Parsed {
    read_eml(text.replace('\n', "\r\n").as_bytes(), &Limits::default()).unwrap()
}

#[test]
fn the_text_comes_once_and_the_headers_are_readable() {
    let parsed = mail(
        "From: =?UTF-8?Q?J=C3=BCrgen?= <j@example.org>\nTo: Ann <ann@example.org>\nSubject: =?utf-8?b?TW9vcyDimJg=?=\nDate: Mon, 2 Mar 2026 09:00:00 +0100\nMIME-Version: 1.0
Content-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\nWater the moss.\n--b\nContent-Type: text/html\n\n<p>Water the <b>moss</b>.</p>\n--b--\n",
    );
    let text = parsed.document.text();
    assert_eq!(parsed.document.title.as_deref(), Some("Moos ☘"));
    assert!(text.contains("From: Jürgen <j@example.org>\nTo: Ann <ann@example.org>\nDate: 2026-03-02T09:00:00+01:00"), "{text}");
    assert_eq!(text.matches("Water the moss.").count(), 1);
}

#[test]
fn headers_in_an_encoding_that_is_not_named_are_read() {
    let mail = b"From: a@example.org\r\nSubject: Gr\xfc\xdfe aus K\xf6ln\r\nContent-Type: text/plain; charset=windows-1252\r\n\r\n5 \x80 im Beet.\r\n";
    let text = read_eml(mail, &Limits::default()).unwrap().document.text();
    assert!(text.starts_with("Gr\u{fc}\u{df}e aus K\u{f6}ln") && text.ends_with("5 \u{20ac} im Beet."), "{text}");
}

#[test]
fn a_text_in_another_encoding_than_its_part_says_is_read() {
    let read = |head: &str, body: &[u8]| {
        let mail = [format!("From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n{head}\r\n\r\n").as_bytes(), body].concat();
        read_eml(&mail, &Limits::default()).unwrap().document.text()
    };
    let plain = read("Content-Type: text/plain", b"Die Gr\xf6\xdfe der Stra\xdfe k\xf6nnen wir sch\xe4tzen.\r\n");
    assert!(plain.ends_with("Die Größe der Straße können wir schätzen."), "{plain}");
    let ascii = read("Content-Type: text/plain; charset=us-ascii", "5 € für Moos\r\n".as_bytes());
    assert!(ascii.ends_with("5 € für Moos"), "{ascii}");
    let html = b"<meta charset=3D\"windows-1252\"><p>Caf=E9 =80 5</p>\r\n";
    let html = read("Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable", html);
    assert!(html.ends_with("Café € 5"), "{html}");
    let flowed = read("Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes", b"a wrap \r\nped word\r\n");
    assert!(flowed.ends_with("a wrapped word"), "{flowed}");
}

#[test]
fn a_mail_of_html_alone_is_read() {
    let text = mail("Subject: x\nContent-Type: text/html\n\n<table><tr><th>a<th>b</tr><tr><td>1<td>2</tr></table>").document.text();
    assert!(text.ends_with("a | b\n1 | 2"), "{text}");
}

#[test]
fn attachments_are_files_without_folders_in_their_names() {
    let parsed = mail(
        "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nSee below.\n--b
Content-Type: text/plain; name=n.txt\nContent-Disposition: attachment; filename=\"../../etc/n.txt\"\nContent-Transfer-Encoding: base64\n\nSGVsbG8=\n--b
Content-Type: message/rfc822\n\nSubject: inner\n\nInner text.\n--b--\n",
    );
    assert_eq!(parsed.files[0].name, "n.txt");
    assert_eq!(parsed.files[0].content.as_ref(), b"Hello");
    assert!(parsed.files[1].name.ends_with(".eml") && parsed.files[1].content.starts_with(b"Subject: inner"));
    assert!(!parsed.document.text().contains("Inner text"));
}

#[test]
fn parts_nested_without_end_are_refused() {
    let nested: String = (0..2000).map(|n| format!("Content-Type: multipart/mixed; boundary=\"b{n}\"\n\n--b{n}\n")).collect();
    assert_eq!(read_eml(format!("Subject: x\n{nested}").as_bytes(), &Limits::default()).unwrap_err().detail(), "too_complex");
}

#[test]
fn a_mail_that_is_put_together_reads_as_what_it_was() {
    let inner = Mail {
        format: Format::Msg,
        subject: "Größe der Beete".to_owned(),
        headers: vec![("From", "Ann <ann@example.org>".to_owned()), ("Cc", String::new()), ("Date", "2026-03-02T09:00:00Z".to_owned())],
        plain: "Zwei Beete.\r\nEin Weg.".to_owned(),
        html: String::new(),
        rich: None,
        attachments: vec![inner_file("Übersicht.txt".to_owned(), b"inner words")],
    };
    let parsed = read_eml(&compose(&inner), &Limits::default()).unwrap();
    let text = parsed.document.text();
    assert!(text.starts_with("Größe der Beete\n\nFrom: Ann <ann@example.org>") && text.contains("Zwei Beete."), "{text}");
    assert_eq!((parsed.files[0].name.as_str(), parsed.files[0].content.as_ref()), ("Übersicht.txt", &b"inner words"[..]));
}

#[test]
fn what_outlook_packs_in_one_file_is_read_as_text_and_files() {
    let packed = STANDARD.encode(tnef::tests::winmail());
    let parsed = mail(&format!(
        "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Disposition: attachment; filename=winmail.dat\nContent-Transfer-Encoding: base64\n\n{packed}\n--b--\n"
    ));
    let text = parsed.document.text();
    assert!(text.contains("Two beds.") && text.contains("Attachments: Plan für Beete.txt, Inner-mail.eml"), "{text}");
    assert_eq!(parsed.files[0].content.as_ref(), b"Water the moss.");
    let inner = read_eml(&parsed.files[1].content, &Limits::default()).unwrap().document.text();
    assert!(inner.starts_with("Inner/mail") && inner.ends_with("Rake the paths."), "{inner}");
}
