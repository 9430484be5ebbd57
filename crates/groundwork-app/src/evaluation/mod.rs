//! Evaluation on labelled data sets, through the same search, check and pipeline that users talk to.

mod answers;
mod calibrate;
mod citations;
mod dataset;
mod extraction;
mod halves;
mod retrieval;
mod runs;
mod score;

pub use answers::{Answers, AnswersError, AnswersReport, Failed, Miss, Row, answers, knowledge_base_of};
pub use calibrate::{Calibrate, CalibrateError, calibrate};
pub use citations::{CitationsError, CitationsReport, citations};
pub use dataset::{DatasetError, Text, texts};
pub use extraction::{ExtractionError, ExtractionReport, Failure, FileReport, Tally, extraction};
pub use halves::Halves;
pub use retrieval::{ModeRow, Retrieval, RetrievalError, RetrievalReport, Unit, retrieval};
pub use runs::{AssistantVersion, ByQuestion, Difference, Measured, Report, Run, RunError, Versions, compare, record};

use std::collections::BTreeMap;

/// The numbers of a report by name, like `hybrid.ndcg@10`: what a floor may be set for.
pub type Figures = BTreeMap<String, f64>;

/// Called after each question with how many are done, of how many.
pub type Progress<'a> = dyn Fn(usize, usize) + Send + Sync + 'a;
