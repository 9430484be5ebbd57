//! When not to answer: below a floor, what was found does not fit the question well enough. The floor is fitted to questions of which it
//! is known whether the documents answer them.

mod fit;

pub use fit::{Evidence, fit};

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

/// The highest floor that declines at most `most_declined` of the answerable questions: which questions without an answer will be asked
/// nobody knows, how many answers may be lost can be said. No higher than it takes to decline all unanswerable ones. `None` without
/// questions of both kinds.
pub fn fit_floor(known: &[Known], most_declined: f64) -> Option<Fitted> {
    let (answerable, unanswerable) = (fits_of(known, true), fits_of(known, false));
    let (highest, last) = (*unanswerable.last()?, answerable.len().checked_sub(1)?);
    let spared = ((answerable.len() as f64 * most_declined.clamp(0.0, 1.0)) as usize).min(last);
    let allowed = match spared.checked_sub(1) {
        Some(below) => f64::midpoint(answerable[below], answerable[spared]),
        None => answerable[0],
    };
    let next = answerable.iter().find(|fit| **fit > highest);
    let enough = next.map(|next| f64::midpoint(highest, *next));
    let floor = enough.map_or(allowed, |enough| enough.min(allowed));
    let share = |fits: &[f64]| fits.iter().filter(|fit| **fit < floor).count() as f64 / fits.len() as f64;
    Some(Fitted { floor, declined_answerable: share(&answerable), declined_unanswerable: share(&unanswerable) })
}

/// In rising order.
fn fits_of(known: &[Known], answerable: bool) -> Vec<f64> {
    let mut fits: Vec<f64> = known.iter().filter(|one| one.answerable == answerable).map(|one| one.fit).collect();
    fits.sort_unstable_by(f64::total_cmp);
    fits
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
    fn the_floor_lies_between_the_two_kinds_where_they_can_be_told_apart() {
        let fitted = fit_floor(&known(&[0.5, 0.9, 0.8], &[0.1, 0.3]), 0.5).unwrap();
        assert!((fitted.floor - 0.4).abs() < 1e-9);
        assert_eq!((fitted.declined_answerable, fitted.declined_unanswerable), (0.0, 1.0));
    }

    #[test]
    fn no_more_of_the_answerable_are_declined_than_is_allowed() {
        let set = known(&[0.2, 0.6, 0.7, 0.8], &[0.1, 0.3, 0.65]);
        let shares = |most| fit_floor(&set, most).map(|fitted| (fitted.declined_answerable, fitted.declined_unanswerable)).unwrap();
        assert_eq!(shares(0.0), (0.0, 1.0 / 3.0));
        assert_eq!(shares(0.25), (0.25, 2.0 / 3.0));
        // No more than it takes.
        assert_eq!(shares(0.75), (0.5, 1.0));
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
