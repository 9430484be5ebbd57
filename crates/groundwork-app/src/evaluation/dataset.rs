//! The labelled questions of a folder.

use super::AnswersError;
use serde::Deserialize;
use std::path::Path;

/// One line of `questions.jsonl`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Question {
    pub(super) id: String,
    pub(super) question: String,
    /// The file that holds the answer.
    #[serde(default)]
    pub(super) document: Option<String>,
    /// Where in it, from 1, or under which heading where it has no pages.
    #[serde(default)]
    pub(super) page: Option<u32>,
    #[serde(default)]
    pub(super) section: Option<String>,
    /// Any of these texts is the answer.
    #[serde(default)]
    pub(super) answers: Vec<String>,
    #[serde(default = "yes")]
    pub(super) answerable: bool,
    #[serde(default)]
    pub(super) kind: String,
}

fn yes() -> bool {
    true
}

pub(super) async fn read(folder: &Path) -> Result<Vec<Question>, AnswersError> {
    let path = folder.join("questions.jsonl");
    let refuse = |problem: String| AnswersError::Dataset { path: path.display().to_string(), problem };
    let text = tokio::fs::read_to_string(&path).await.map_err(|error| refuse(error.to_string()))?;
    let mut questions = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let question: Question = serde_json::from_str(line).map_err(|error| refuse(format!("line {number}: {error}")))?;
        if question.answerable && (question.document.is_none() || question.answers.is_empty()) {
            return Err(refuse(format!("line {number}: an answerable question needs `document` and `answers`")));
        }
        questions.push(question);
    }
    if questions.is_empty() {
        return Err(refuse("it has no questions".to_owned()));
    }
    Ok(questions)
}
