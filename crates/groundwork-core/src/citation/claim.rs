//! Claims: the sentences of an answer, each with the sources that it cites.

use super::Located;
use crate::sentence::sentences;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A part of a sentence with fewer words is no claim of its own.
const FEWEST_WORDS: usize = 4;

/// A sentence of an answer, or the part of one that has citations of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Without its marks.
    pub text: String,
    /// Characters of the cleaned text, marks included.
    pub at: Range<usize>,
    /// In the order in which they stand; empty for a sentence without a citation.
    pub cites: Vec<u32>,
}

/// The claims of a cleaned answer. Headings, code and lines without a word are none.
pub fn claims(answer: &str, citations: &[Located]) -> Vec<Claim> {
    let offsets = CharOffsets::of(answer);
    let marks: Vec<(Range<usize>, u32)> = citations.iter().map(|one| (offsets.bytes(&one.at), one.id)).collect();
    let mut claims = Vec::new();
    for sentence in sentences(answer) {
        if is_markup(&answer[sentence.clone()]) {
            continue;
        }
        let inside: Vec<_> = marks.iter().filter(|(at, _)| sentence.start <= at.start && at.end <= sentence.end).collect();
        for part in parts(answer, sentence, &inside) {
            let inside = inside.iter().filter(|(at, _)| part.start <= at.start && at.end <= part.end);
            let mut cites: Vec<u32> = Vec::new();
            let mut text = String::new();
            let mut from = part.start;
            for (at, id) in inside {
                text.push_str(answer[from..at.start].trim_end_matches(' '));
                from = at.end;
                if !cites.contains(id) {
                    cites.push(*id);
                }
            }
            text.push_str(&answer[from..part.end]);
            let text = text.trim().to_owned();
            if text.chars().any(char::is_alphanumeric) {
                claims.push(Claim { text, at: offsets.chars(&part), cites });
            }
        }
    }
    claims
}

/// Cuts a sentence after a mark that a new clause with marks of its own follows: "27 days [1], interns ten [2]."
fn parts(answer: &str, sentence: Range<usize>, marks: &[&(Range<usize>, u32)]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = sentence.start;
    for pair in marks.windows(2) {
        let (this, next) = (&pair[0].0, &pair[1].0);
        let rest = answer[this.end..next.start].trim_start();
        let joins = rest.starts_with([',', ';', ':', '—', '–'])
            || ["and ", "but ", "while ", "whereas ", "although ", "or ", "und ", "aber "].iter().any(|word| rest.starts_with(word));
        let words = |text: &str| text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).count();
        if joins && words(&answer[start..this.start]) >= FEWEST_WORDS && words(rest) >= FEWEST_WORDS {
            parts.push(start..this.end);
            start = this.end;
        }
    }
    parts.push(start..sentence.end);
    parts
}

fn is_markup(line: &str) -> bool {
    line.starts_with('#') || line.starts_with("```") || (line.starts_with("**") && line.ends_with("**") && !line.ends_with(".**"))
}

/// Byte and character positions of one text.
struct CharOffsets(Vec<usize>);

impl CharOffsets {
    fn of(text: &str) -> Self {
        Self(text.char_indices().map(|(at, _)| at).chain([text.len()]).collect())
    }

    fn bytes(&self, chars: &Range<usize>) -> Range<usize> {
        let last = self.0.len() - 1;
        self.0[chars.start.min(last)]..self.0[chars.end.min(last)]
    }

    fn chars(&self, bytes: &Range<usize>) -> Range<usize> {
        let at = |byte: usize| self.0.partition_point(|offset| *offset < byte);
        at(bytes.start)..at(bytes.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::citation::Marks;

    fn read(answer: &str) -> Vec<(String, Vec<u32>)> {
        let mut marks = Marks::new(9);
        let mut out = marks.push(answer);
        let (rest, _) = marks.finish();
        out.text.push_str(&rest.text);
        out.citations.extend(rest.citations);
        let all = claims(&out.text, &out.citations);
        for claim in &all {
            let there: String = out.text.chars().skip(claim.at.start).take(claim.at.len()).collect();
            assert_eq!(there.trim(), there.as_str().trim());
        }
        all.into_iter().map(|claim| (claim.text, claim.cites)).collect()
    }

    #[test]
    fn each_sentence_has_the_marks_that_stand_in_it_or_after_it() {
        let claim = |text: &str, cites: &[u32]| (text.to_owned(), cites.to_vec());
        assert_eq!(
            read("# Leave\nÄlle have 27 days. [1][2] Ask Ann.\n- Interns have ten [3, 1].\n---"),
            [claim("Älle have 27 days.", &[1, 2]), claim("Ask Ann.", &[]), claim("- Interns have ten.", &[3, 1])]
        );
    }

    #[test]
    fn a_clause_with_marks_of_its_own_is_a_claim_of_its_own() {
        let claim = |text: &str, cites: &[u32]| (text.to_owned(), cites.to_vec());
        assert_eq!(
            read("All staff have 27 days [1], and all interns have ten [2]."),
            [claim("All staff have 27 days", &[1]), claim(", and all interns have ten.", &[2])]
        );
        assert_eq!(read("According to [1], all staff have 27 days [2]."), [claim("According to, all staff have 27 days.", &[1, 2])]);
        assert_eq!(read("Berlin [1], Paris [2] and Rome [3]."), [claim("Berlin, Paris and Rome.", &[1, 2, 3])]);
    }
}
