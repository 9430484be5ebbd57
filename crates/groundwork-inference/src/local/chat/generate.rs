//! An answer, token by token, until the model ends its turn, a stop sequence comes up, or there are enough.

use super::decoder::{Decoder, READ_AT_ONCE};
use super::gguf::Unusable;
use super::sampler::{Sampler, Sampling};
use super::vocabulary::Tokens;
use serde::{Deserialize, Serialize};

/// What is asked.
pub(super) struct Asked {
    pub(super) prompt: Vec<u32>,
    pub(super) stops: Vec<String>,
    /// Tokens of the answer, at most.
    pub(super) most: usize,
    pub(super) sampling: Sampling,
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    /// The model ended its turn.
    Turn,
    Stop(String),
    Length,
    /// Nobody listens any more.
    Cancelled,
}

/// Tells the answer in pieces to `say`, which says whether to go on. Gives why it ended and how many tokens it has.
pub(super) fn generate(
    decoder: &Decoder,
    tokens: &Tokens,
    asked: &Asked,
    mut say: impl FnMut(Option<String>) -> bool,
) -> Result<(End, usize), Unusable> {
    let mut memory = decoder.memory();
    let mut scores = Vec::new();
    for piece in asked.prompt.chunks(READ_AT_ONCE) {
        if !say(None) {
            return Ok((End::Cancelled, 0));
        }
        scores = decoder.next(piece, &mut memory)?;
    }
    let mut sampler = Sampler::new(asked.sampling);
    let mut speaker = tokens.speaker();
    let mut gate = Gate { stops: &asked.stops, held: String::new() };
    for said in 0..asked.most {
        let token = sampler.choose(scores.get(..tokens.size()).unwrap_or(&scores));
        if tokens.ends(token) {
            say(gate.rest());
            return Ok((End::Turn, said + 1));
        }
        let (text, stop) = gate.pass(&speaker.say(token)?);
        let listened = say(text);
        if let Some(stop) = stop {
            return Ok((End::Stop(stop), said + 1));
        }
        if !listened {
            return Ok((End::Cancelled, said + 1));
        }
        if said + 1 < asked.most {
            scores = decoder.next(&[token], &mut memory)?;
        }
    }
    say(gate.rest());
    Ok((End::Length, asked.most))
}

/// Holds back what may be the beginning of a stop sequence.
struct Gate<'s> {
    stops: &'s [String],
    held: String,
}

impl Gate<'_> {
    /// What may be told, and the stop sequence that has come up.
    fn pass(&mut self, text: &str) -> (Option<String>, Option<String>) {
        self.held.push_str(text);
        let found = self.stops.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| Some((self.held.find(stop.as_str())?, stop)));
        if let Some((at, stop)) = found.min_by_key(|(at, _)| *at) {
            self.held.truncate(at);
            return (self.rest(), Some(stop.clone()));
        }
        let begins = |from: usize| self.stops.iter().any(|stop| stop.starts_with(&self.held[from..]));
        let keep = self.held.char_indices().map(|(at, _)| at).find(|at| begins(*at)).unwrap_or(self.held.len());
        let kept = self.held.split_off(keep);
        let told = std::mem::replace(&mut self.held, kept);
        ((!told.is_empty()).then_some(told), None)
    }

    fn rest(&mut self) -> Option<String> {
        let rest = std::mem::take(&mut self.held);
        (!rest.is_empty()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(stops: &[&str], pieces: &[&str]) -> (String, Option<String>) {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let mut gate = Gate { stops: &stops, held: String::new() };
        let mut all = String::new();
        for piece in pieces {
            let (text, stop) = gate.pass(piece);
            all.extend(text);
            if stop.is_some() {
                return (all, stop);
            }
        }
        all.extend(gate.rest());
        (all, None)
    }

    #[test]
    fn a_stop_sequence_is_found_across_pieces_and_never_told() {
        assert_eq!(told(&["END", "\n\n"], &["one E", "N", "D two"]), ("one ".to_owned(), Some("END".to_owned())));
        assert_eq!(told(&["END"], &["one E", "N", "T"]), ("one ENT".to_owned(), None));
        assert_eq!(told(&[""], &["one"]), ("one".to_owned(), None));
        assert_eq!(told(&["b", "ab"], &["xab"]), ("x".to_owned(), Some("ab".to_owned())));
    }

    proptest! {
        #[test]
        fn what_is_told_is_the_text_up_to_the_first_stop(pieces in prop::collection::vec("[ab\u{e9}]{0,3}", 0..8), stop in "[ab]{1,3}") {
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let whole = pieces.concat();
            let (text, stopped) = told(&[&stop], &pieces);
            match whole.find(&stop) {
                Some(at) => prop_assert_eq!((text.as_str(), stopped), (&whole[..at], Some(stop))),
                None => prop_assert_eq!((text, stopped), (whole, None)),
            }
        }
    }
}
