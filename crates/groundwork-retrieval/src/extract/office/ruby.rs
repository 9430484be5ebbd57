//! Words of Word files with their pronunciation over them (ruby): the library loses the words, so that they are put in the place of both.

use crate::extract::package::Package;
use crate::extract::{Limits, ReadError};
use std::borrow::Cow;

const PART: &str = "word/document.xml";
const BEGIN: &str = "<w:ruby>";
const END: &str = "</w:ruby>";

/// The file with its words alone; most files have none and stay as they are.
pub(super) fn without_pronunciation<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Cow<'a, [u8]>, ReadError> {
    let mut package = Package::open(bytes, limits)?;
    let text = package.part(PART)?.and_then(|part| String::from_utf8(part).ok());
    match text.filter(|text| text.contains(BEGIN)) {
        Some(text) => package.with_part(PART, bases_only(&text).as_bytes()).map(Cow::Owned),
        None => Ok(Cow::Borrowed(bytes)),
    }
}

/// A base is a run within a run, which ends before it and begins anew behind it.
fn bases_only(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let Some((ruby, behind)) = after.split_once(END) else { break };
        let base = ruby.split_once("<w:rubyBase>").and_then(|(_, base)| base.split_once("</w:rubyBase>")).map_or("", |(base, _)| base);
        out.push_str(before);
        out.push_str("</w:r>");
        out.push_str(base);
        out.push_str("<w:r>");
        rest = behind;
    }
    out.push_str(rest);
    out
}
