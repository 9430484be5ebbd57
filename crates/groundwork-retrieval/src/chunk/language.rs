//! Which language a text is written in, where it can be told.

/// Characters of a document that are looked at: the languages of its parts are told by the parts.
const SAMPLE: usize = 20_000;

/// The ISO 639-3 code of a text's language; `None` for a text that is too short, or too little of one, to tell.
pub(crate) fn of(text: &str) -> Option<&'static str> {
    let sample = text.char_indices().nth(SAMPLE).map_or(text, |(end, _)| &text[..end]);
    whatlang::detect(sample).filter(whatlang::Info::is_reliable).map(|info| info.lang().code())
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_sentence_tells_its_language_and_a_row_of_numbers_does_not() {
        assert_eq!(of("Every employee has thirty days of annual leave, which must be taken by the end of March."), Some("eng"));
        assert_eq!(of("Jede Mitarbeiterin hat dreißig Tage Urlaub im Jahr, die bis Ende März zu nehmen sind."), Some("deu"));
        assert_eq!(of("社員には年間三十日の有給休暇があり、三月末までに取得しなければならない。"), Some("jpn"));
        assert_eq!(of("17 | 4 | 12.5%"), None);
    }
}
