//! `--fail-under`: a command that fails when quality does.

use super::super::output;
use crate::exit::{Exit, Failure};
use groundwork_app::evaluation::Figures;
use std::str::FromStr;

/// The least that a figure may be: `0.8` of the report's main one, or of any by name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Floor {
    figure: Option<String>,
    least: f64,
}

impl FromStr for Floor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (figure, least) = match text.rsplit_once('=') {
            Some((figure, least)) => (Some(figure.to_owned()), least),
            None => (None, text),
        };
        match least.parse() {
            Ok(least) if f64::is_finite(least) => Ok(Self { figure, least }),
            _ => Err("write it as 0.8, or as FIGURE=0.8".to_owned()),
        }
    }
}

/// How the command ends: every figure that is lower than its floor is told. `main` is what a bare number is for.
pub(super) fn judge(floors: &[Floor], main: &str, figures: &Figures) -> Result<Exit, Failure> {
    let mut exit = Exit::Done;
    for floor in floors {
        let name = floor.figure.as_deref().unwrap_or(main);
        let Some(value) = figures.get(name) else {
            let known = figures.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(Failure::new(Exit::Usage, format!("there is no figure {name:?} here; there are {known}")));
        };
        if *value < floor.least {
            output::note(&format!("groundwork: {name} is {value:.4}, under {}", floor.least));
            exit = Exit::BelowFloor;
        }
    }
    Ok(exit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_is_for_the_main_figure_or_for_one_by_name() {
        let figures = Figures::from([("hybrid.ndcg@10".to_owned(), 0.7), ("keyword.ndcg@10".to_owned(), 0.6)]);
        let judged = |text: &str| judge(&[text.parse().unwrap()], "hybrid.ndcg@10", &figures).map_err(|failure| failure.exit);
        for (text, expected) in [
            ("0.7", Ok(Exit::Done)),
            ("0.71", Ok(Exit::BelowFloor)),
            ("keyword.ndcg@10=0.61", Ok(Exit::BelowFloor)),
            ("keyword.ndcg@10=0.6", Ok(Exit::Done)),
            ("vector=0.1", Err(Exit::Usage)),
        ] {
            assert_eq!(judged(text), expected, "{text}");
        }
        assert!("a=b".parse::<Floor>().is_err() && "NaN".parse::<Floor>().is_err());
    }
}
