//! Which sentences of a source are worth comparing with a claim by meaning.

use crate::sentence::sentences;
use crate::words::{Word, words};
use std::collections::HashSet;
use std::ops::Range;

/// The sentences of `text`, as bytes, those first that share most words with `claim`; of equals the earlier.
pub fn nearest(claim: &str, text: &str) -> Vec<Range<usize>> {
    let keys = |text: &str| words(text).into_iter().filter(Word::is_content).map(|word| word.key).collect::<HashSet<_>>();
    let claim = keys(claim);
    let mut ranked: Vec<(usize, Range<usize>)> =
        sentences(text).into_iter().map(|at| (keys(&text[at.clone()]).intersection(&claim).count(), at)).collect();
    ranked.sort_by(|(a, _), (b, _)| b.cmp(a));
    ranked.into_iter().map(|(_, at)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shares_words_comes_first_and_equals_keep_their_order() {
        let text = "The sky is blue. Interns get ten days of leave. Leave is paid. It rains.";
        let found: Vec<&str> = nearest("Ten days of leave for every intern.", text).into_iter().map(|at| &text[at]).collect();
        assert_eq!(found, ["Interns get ten days of leave.", "Leave is paid.", "The sky is blue.", "It rains."]);
        assert_eq!(nearest("x", ""), []);
    }
}
