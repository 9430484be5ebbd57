//! When not to answer: below a floor, what was found does not fit the question well enough. The floor is fitted to questions of which it
//! is known whether the documents answer them.

use serde::{Deserialize, Serialize};

/// A question of a labelled set: how well what was found fits it, and whether the documents answer it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    pub fit: f64,
    pub answerable: bool,
}

/// A floor and how it does on the questions that it was fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// Who fits less declines.
    pub floor: f64,
    /// Shares of the questions of each kind that it declines.
    pub declined_answerable: f64,
    pub declined_unanswerable: f64,
}

/// The share of answerable questions that may be declined, unless someone says otherwise.
pub const MOST_DECLINED: f64 = 0.08;

/// The floor that best tells unanswerable questions from answerable ones, while it declines at most `most_declined` of the answerable.
/// `None` without questions of both kinds.
pub fn fit_floor(known: &[Known], most_declined: f64) -> Option<Fitted> {
    let of = |answerable: bool| known.iter().filter(move |one| one.answerable == answerable).map(|one| one.fit);
    let (answerable, unanswerable) = (of(true).count(), of(false).count());
    if answerable == 0 || unanswerable == 0 {
        return None;
    }
    let at = |floor: f64| {
        let share = |kind: bool, of_all: usize| of(kind).filter(|fit| *fit < floor).count() as f64 / of_all as f64;
        Fitted { floor, declined_answerable: share(true, answerable), declined_unanswerable: share(false, unanswerable) }
    };
    let allowed =
        floors(known).into_iter().map(|(floor, room)| (at(floor), room)).filter(|(fitted, _)| fitted.declined_answerable <= most_declined);
    // Of equally good floors the one that is farthest from any question that was seen.
    let worth = |(fitted, room): &(Fitted, f64)| (fitted.declined_unanswerable - fitted.declined_answerable, *room);
    let better = |a: &(Fitted, f64), b: &(Fitted, f64)| {
        let ((a, a_room), (b, b_room)) = (worth(a), worth(b));
        a.total_cmp(&b).then(a_room.total_cmp(&b_room))
    };
    allowed.max_by(better).map(|(fitted, _)| fitted)
}

/// Between every two neighboring fits the middle, with its distance to them; and one below all.
fn floors(known: &[Known]) -> Vec<(f64, f64)> {
    let mut fits: Vec<f64> = known.iter().map(|one| one.fit).collect();
    fits.sort_unstable_by(f64::total_cmp);
    fits.dedup();
    let below = fits.first().map(|lowest| (*lowest, 0.0));
    below.into_iter().chain(fits.windows(2).map(|pair| (f64::midpoint(pair[0], pair[1]), (pair[1] - pair[0]) / 2.0))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(answerable: &[f64], unanswerable: &[f64]) -> Vec<Known> {
        let of = |fits: &[f64], answerable| fits.iter().map(move |&fit| Known { fit, answerable }).collect::<Vec<_>>();
        [of(answerable, true), of(unanswerable, false)].concat()
    }

    #[test]
    fn the_floor_lies_in_the_widest_gap_between_the_two_kinds() {
        let fitted = fit_floor(&known(&[0.5, 0.9, 0.8], &[0.1, 0.3]), 0.1).unwrap();
        assert!((fitted.floor - 0.4).abs() < 1e-9);
        assert_eq!((fitted.declined_answerable, fitted.declined_unanswerable), (0.0, 1.0));
    }

    #[test]
    fn no_more_of_the_answerable_are_declined_than_is_allowed() {
        let set = known(&[0.2, 0.6, 0.7, 0.8], &[0.1, 0.3, 0.65]);
        let shares = |most| fit_floor(&set, most).map(|fitted| (fitted.declined_answerable, fitted.declined_unanswerable)).unwrap();
        assert_eq!(shares(0.0), (0.0, 1.0 / 3.0));
        assert_eq!(shares(0.25), (0.25, 2.0 / 3.0));
        // One kind alone tells nothing.
        assert_eq!(fit_floor(&known(&[0.2], &[]), 0.1), None);
        // Where the kinds cannot be told apart nothing is declined.
        assert_eq!(fit_floor(&known(&[0.4], &[0.4]), 0.0).unwrap().declined_unanswerable, 0.0);
    }

    proptest! {
        #[test]
        fn a_floor_keeps_its_promise(answerable in prop::collection::vec(0.0f64..1.0, 1..30), unanswerable in prop::collection::vec(0.0f64..1.0, 1..30), most in 0.0f64..0.5) {
            let fitted = fit_floor(&known(&answerable, &unanswerable), most).unwrap();
            let declined = answerable.iter().filter(|fit| **fit < fitted.floor).count() as f64 / answerable.len() as f64;
            prop_assert!(declined <= most);
            prop_assert_eq!(declined, fitted.declined_answerable);
        }
    }
}
