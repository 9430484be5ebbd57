//! Bytes of a text → characters, without counting from its start each time.

/// Characters before every [`STEP`]th byte of a text.
pub(super) struct Positions<'a> {
    text: &'a str,
    steps: Vec<usize>,
}

const STEP: usize = 1024;

impl<'a> Positions<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut steps = Vec::with_capacity(text.len() / STEP + 1);
        let mut chars = 0;
        for part in text.as_bytes().chunks(STEP) {
            steps.push(chars);
            chars += starts(part);
        }
        steps.push(chars);
        Self { text, steps }
    }

    /// Characters before byte `at`, which lies on a character boundary.
    pub(super) fn chars_before(&self, at: usize) -> usize {
        let step = at / STEP;
        self.steps[step] + starts(&self.text.as_bytes()[step * STEP..at])
    }
}

/// Bytes that begin a character.
fn starts(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0xc0) != 0x80).count()
}
