//! Evaluation on a labelled data set, through the same pipeline that users talk to.

mod answers;
mod dataset;
mod score;

pub use answers::{Answers, AnswersError, Miss, Report, Row, answers};
