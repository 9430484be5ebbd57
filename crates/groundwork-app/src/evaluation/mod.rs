//! Evaluation on a labelled data set, through the same pipeline that users talk to.

mod answers;

pub use answers::{Answers, AnswersError, Report, Row, answers};
