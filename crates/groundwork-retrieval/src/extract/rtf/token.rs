//! RTF → tokens.

/// A piece of an RTF file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    /// `\name` with its number.
    Word(&'a str, Option<i32>),
    /// `\*`: the group may be skipped by those who do not know it.
    Ignorable,
    /// A byte of text in the current code page.
    Byte(u8),
}

/// The tokens of a file. Nothing is an error: what makes no sense is passed over.
pub(super) struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Passes over the bytes that follow `\bin`.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.bytes.len());
    }

    /// What follows a backslash.
    fn control(&mut self) -> Option<Token<'a>> {
        let first = *self.bytes.get(self.at)?;
        if first.is_ascii_alphabetic() {
            return Some(self.word());
        }
        self.at += 1;
        Some(match first {
            b'\'' => {
                let digits = self.bytes.get(self.at..self.at + 2)?;
                let code = std::str::from_utf8(digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
                self.at += 2;
                Token::Byte(code.unwrap_or(b'?'))
            }
            b'*' => Token::Ignorable,
            b'~' => Token::Word("nbsp", None),
            b'_' => Token::Byte(b'-'),
            b'-' => Token::Word("softhyphen", None),
            b'\r' | b'\n' => Token::Word("par", None),
            b'\t' => Token::Word("tab", None),
            other => Token::Byte(other),
        })
    }

    fn word(&mut self) -> Token<'a> {
        let run = |from: usize, keep: fn(&u8) -> bool| from + self.bytes[from..].iter().take_while(|byte| keep(byte)).count();
        let name_end = run(self.at, u8::is_ascii_alphabetic);
        let sign = usize::from(self.bytes.get(name_end) == Some(&b'-'));
        let number_end = run(name_end + sign, u8::is_ascii_digit);
        let name = std::str::from_utf8(&self.bytes[self.at..name_end]).unwrap_or("");
        let has_number = number_end > name_end + sign;
        let number = has_number.then(|| std::str::from_utf8(&self.bytes[name_end..number_end]).ok()?.parse().ok()).flatten();
        self.at = if has_number { number_end } else { name_end };
        // One space ends the word and is part of it.
        if self.bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        Token::Word(name, number)
    }

    /// The next token; `None` at the end of the file.
    pub(super) fn following(&mut self) -> Option<Token<'a>> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            return Some(match byte {
                b'{' => Token::Open,
                b'}' => Token::Close,
                b'\\' => self.control()?,
                b'\r' | b'\n' | 0 => continue,
                byte => Token::Byte(byte),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Token::*;
    use super::*;

    #[test]
    fn words_bytes_and_groups_are_told_apart() {
        let mut tokens = Tokens::new(b"{\\rtf1\\u-10 ?a\\'e9\\*\\par\n}");
        let tokens: Vec<Token<'_>> = std::iter::from_fn(|| tokens.following()).collect();
        assert_eq!(
            tokens,
            [Open, Word("rtf", Some(1)), Word("u", Some(-10)), Byte(b'?'), Byte(b'a'), Byte(0xe9), Ignorable, Word("par", None), Close]
        );
    }
}
