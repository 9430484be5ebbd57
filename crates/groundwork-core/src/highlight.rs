//! Which words of a page a quote is made of. The words come as the page draws them, the quote as the document's text has it: parted words
//! joined, lines and cells put together. Only letters and digits are compared.

/// Indexes of the words that `quote` is made of, ascending. `before` is what stands before it on the page: of several places where the same
/// letters stand, it tells which one is meant.
pub fn locate(words: &[&str], quote: &str, before: &str) -> Vec<usize> {
    let page = Page::new(words);
    let earlier = letters(before);
    let whole = letters(quote);
    if whole.is_empty() {
        return Vec::new();
    }
    let skip = count(&earlier, &whole);
    if let Some(found) = page.find(&whole, skip) {
        return found;
    }
    // Its parts stand apart on the page, such as the cells of a row or the columns that a paragraph runs over.
    let parts = quote.split(['\n', '|']).flat_map(|line| line.split_inclusive(['.', '?', '!'])).map(letters);
    let mut found: Vec<usize> =
        parts.filter(|part| part.len() > 1).filter_map(|part| page.find(&part, count(&earlier, &part))).flatten().collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn letters(text: &str) -> Vec<char> {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// How often `part` stands in `whole`.
fn count(whole: &[char], part: &[char]) -> usize {
    if part.is_empty() { 0 } else { whole.windows(part.len()).filter(|window| *window == part).count() }
}

struct Page {
    letters: Vec<char>,
    /// The word of each letter.
    words: Vec<usize>,
}

impl Page {
    fn new(words: &[&str]) -> Self {
        let (mut all, mut of) = (Vec::new(), Vec::new());
        for (at, word) in words.iter().enumerate() {
            let letters = letters(word);
            of.extend(std::iter::repeat_n(at, letters.len()));
            all.extend(letters);
        }
        Self { letters: all, words: of }
    }

    /// The words of the place after `skip` others, or of the last one where there are fewer.
    fn find(&self, part: &[char], skip: usize) -> Option<Vec<usize>> {
        if part.is_empty() {
            return None;
        }
        let places = || self.letters.windows(part.len()).enumerate().filter(|(_, window)| *window == part).map(|(at, _)| at);
        let at = places().nth(skip).or_else(|| places().next_back())?;
        let mut words: Vec<usize> = self.words[at..at + part.len()].to_vec();
        words.dedup();
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: [&str; 12] = ["Staff", "have", "30", "infor-", "mation", "days.", "Staff", "have", "fun.", "bed", "2 m", "north"];

    #[test]
    fn a_quote_is_found_through_hyphens_and_punctuation() {
        assert_eq!(locate(&WORDS, "30 information days", ""), [2, 3, 4, 5]);
        assert_eq!(locate(&WORDS, "have fun", ""), [7, 8]);
        assert!(locate(&WORDS, "nothing of it", "").is_empty());
        assert!(locate(&WORDS, "…", "").is_empty());
    }

    #[test]
    fn of_two_places_the_one_after_what_stands_before_is_meant() {
        assert_eq!(locate(&WORDS, "Staff have", ""), [0, 1]);
        assert_eq!(locate(&WORDS, "Staff have", "Staff have 30 information days."), [6, 7]);
    }

    #[test]
    fn cells_that_stand_apart_are_found_one_by_one() {
        assert_eq!(locate(&WORDS, "north | 2 m", ""), [10, 11]);
    }
}
