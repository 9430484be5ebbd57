//! The questions of a data set: `questions.jsonl`, or `queries.jsonl` with `qrels.tsv`.

use super::{DatasetError, judgements, read_lines};
use serde::Deserialize;
use std::path::Path;

/// A question with its labels.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Question {
    pub(in super::super) id: String,
    pub(in super::super) text: String,
    /// Where the answer stands; any of them will do.
    pub(in super::super) places: Vec<Place>,
    /// Any of these texts is the answer.
    pub(in super::super) answers: Vec<String>,
    pub(in super::super) answerable: bool,
    pub(in super::super) kind: String,
}

/// A document, and where in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Place {
    /// The name of its file.
    pub(in super::super) document: String,
    /// From 1, where the format has pages.
    pub(in super::super) page: Option<u32>,
    /// Under which heading, where it has none.
    pub(in super::super) section: Option<String>,
}

impl Place {
    /// `FILE#page=N`, or the document alone.
    fn of_unit(unit: &str) -> Self {
        let paged = unit.rsplit_once("#page=").and_then(|(document, page)| Some((document, page.parse().ok()?)));
        let (document, page) = paged.map_or((unit, None), |(document, page)| (document, Some(page)));
        Self { document: document.to_owned(), page, section: None }
    }
}

/// The questions of `folder`, in the order of its file.
pub(in super::super) async fn questions(folder: &Path) -> Result<Vec<Question>, DatasetError> {
    let (own, common) = (folder.join("questions.jsonl"), folder.join("queries.jsonl"));
    if own.is_file() || !common.is_file() {
        return of_questions(&own).await;
    }
    of_queries(folder, &common).await
}

/// One line of `questions.jsonl`.
#[derive(Deserialize)]
struct Line {
    id: String,
    question: String,
    document: Option<String>,
    page: Option<u32>,
    section: Option<String>,
    #[serde(default)]
    answers: Vec<String>,
    #[serde(default = "yes")]
    answerable: bool,
    #[serde(default)]
    kind: String,
}

fn yes() -> bool {
    true
}

async fn of_questions(path: &Path) -> Result<Vec<Question>, DatasetError> {
    let mut questions = Vec::new();
    for (number, line) in read_lines::<Line>(path).await? {
        let Line { id, question, document, page, section, answers, answerable, kind } = line;
        if answerable && (document.is_none() || answers.is_empty()) {
            return Err(DatasetError::new(path, format!("line {number}: an answerable question needs `document` and `answers`")));
        }
        let places = document.map(|document| Place { document, page, section }).into_iter().collect();
        questions.push(Question { id, text: question, places, answers, answerable, kind });
    }
    Ok(questions)
}

/// One line of `queries.jsonl`.
#[derive(Deserialize)]
struct Query {
    id: String,
    text: String,
    #[serde(default)]
    answers: Vec<String>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    answerable: Option<bool>,
    #[serde(default)]
    citations: Vec<Cited>,
    #[serde(default)]
    kind: String,
}

#[derive(Deserialize)]
struct Cited {
    file: String,
    page: Option<u32>,
}

/// Where a query names no places, those that are judged to answer it are meant.
async fn of_queries(folder: &Path, path: &Path) -> Result<Vec<Question>, DatasetError> {
    let judged = if folder.join("qrels.tsv").is_file() { judgements(folder).await? } else { Default::default() };
    let mut questions = Vec::new();
    for (number, query) in read_lines::<Query>(path).await? {
        let Query { id, text, answers, metadata: Metadata { answerable, citations, kind } } = query;
        let cited = citations.into_iter().map(|Cited { file, page }| Place { document: file, page, section: None });
        let mut places: Vec<Place> = cited.collect();
        if places.is_empty() {
            let units = judged.get(&id).into_iter().flatten().filter(|(_, grade)| **grade > 0);
            places = units.map(|(unit, _)| Place::of_unit(unit)).collect();
        }
        let answerable = answerable.unwrap_or(!places.is_empty());
        if answerable && places.is_empty() {
            let problem = format!("line {number}: an answerable question needs `metadata.citations`, or a judgement in qrels.tsv");
            return Err(DatasetError::new(path, problem));
        }
        questions.push(Question { id, text, places, answers, answerable, kind });
    }
    Ok(questions)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_from(files: &[(&str, &str)]) -> Result<Vec<Question>, String> {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
        questions(folder.path()).await.map_err(|error| error.problem)
    }

    fn place(document: &str, page: Option<u32>) -> Place {
        Place { document: document.to_owned(), page, section: None }
    }

    #[tokio::test]
    async fn queries_take_their_places_from_citations_or_else_from_judgements() {
        let queries = r#"{"id": "a", "text": "A?", "answers": ["x"], "metadata": {"citations": [{"file": "f.pdf", "page": 7}, {"file": "g.md"}], "answerable": true}}
            {"id": "b", "text": "B?", "split": "dev"}
            {"id": "c", "text": "C?", "metadata": {"answerable": false}}"#;
        let judged = "b\tf.pdf#page=9\t1\nb\tplain\t2\nb\tno\t0";
        let read = read_from(&[("queries.jsonl", queries), ("qrels.tsv", judged)]).await.unwrap();
        let places: Vec<_> = read.iter().map(|question| question.places.clone()).collect();
        assert_eq!(
            places,
            [vec![place("f.pdf", Some(7)), place("g.md", None)], vec![place("f.pdf", Some(9)), place("plain", None)], vec![]]
        );
        assert_eq!(read.iter().map(|question| question.answerable).collect::<Vec<_>>(), [true, true, false]);
    }

    #[tokio::test]
    async fn a_line_that_cannot_be_used_is_named() {
        let query = r#"{"id": "b", "text": "B?", "metadata": {"answerable": true}}"#;
        assert!(read_from(&[("queries.jsonl", query)]).await.unwrap_err().starts_with("line 1: an answerable question needs"));
        let question = "\n{\"id\": \"q\", \"question\": \"?\"}";
        assert!(
            read_from(&[("questions.jsonl", question), ("queries.jsonl", query)]).await.unwrap_err().starts_with("line 2: an answerable")
        );
        assert_eq!(read_from(&[("questions.jsonl", "\n")]).await.unwrap_err(), "it is empty");
        assert!(read_from(&[]).await.unwrap_err().contains("No such file"));
    }
}
