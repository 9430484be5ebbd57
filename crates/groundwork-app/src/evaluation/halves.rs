//! What a calibrated floor is worth on questions that it was not fitted to: each half of a data set is judged with the floor of the other.

use super::answers::{Graded, Row, row_with};
use groundwork_core::abstention::{Known, MOST_DECLINED, fit_floor};
use serde::{Deserialize, Serialize};

/// All questions, each with the floor that was fitted to the half that it is not in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Halves {
    pub answerable: Row,
    pub unanswerable: Row,
    /// For the first half and for the second.
    pub floors: [f64; 2],
}

/// `None` where a floor changes more than whether an answer declines, as it does with a chat model, or where one half has questions of
/// one kind only.
pub(super) fn halves(graded: &[Graded<'_>]) -> Option<Halves> {
    if !graded.iter().all(|graded| graded.quotes) {
        return None;
    }
    let half_of = half_by_turns(graded);
    let floor_of = |half: usize| {
        let other = graded.iter().zip(&half_of).filter(|(_, of)| **of != half).map(|(graded, _)| graded);
        let known = other.map(|graded| Known { fit: graded.fit.unwrap_or_default(), answerable: graded.question.answerable });
        fit_floor(&known.collect::<Vec<_>>(), MOST_DECLINED).map(|fitted| fitted.floor)
    };
    let floors = [floor_of(0)?, floor_of(1)?];
    let judged = || graded.iter().zip(&half_of).map(|(graded, half)| (graded, graded.fit.unwrap_or_default() < floors[*half]));
    let rows = |answerable: bool, kind: &str| row_with(kind, judged().filter(|(graded, _)| graded.question.answerable == answerable));
    Some(Halves { answerable: rows(true, "answerable"), unanswerable: rows(false, "unanswerable"), floors })
}

/// Questions of each kind go to the halves by turns, so that both have as many of it.
fn half_by_turns(graded: &[Graded<'_>]) -> Vec<usize> {
    let mut seen = [0, 0];
    let mut turn = |graded: &Graded<'_>| {
        let count = &mut seen[usize::from(graded.question.answerable)];
        *count += 1;
        (*count - 1) % 2
    };
    graded.iter().map(&mut turn).collect()
}
