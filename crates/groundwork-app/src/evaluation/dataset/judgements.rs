//! `qrels.tsv`: which units answer which question, as BEIR's data sets have it.

use super::{DatasetError, read};
use groundwork_core::measure::Judged;
use std::collections::BTreeMap;
use std::path::Path;

/// By question. Each line has a question's id, a unit's id and a grade, with tabs between; the first line may name the columns.
pub(in super::super) async fn judgements(folder: &Path) -> Result<BTreeMap<String, Judged>, DatasetError> {
    let path = folder.join("qrels.tsv");
    let text = read(&path).await?;
    let mut judgements: BTreeMap<String, Judged> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split('\t').map(str::trim).collect();
        let [question, unit, grade] = cells[..] else {
            return Err(DatasetError::new(&path, format!("line {number}: it needs three columns with tabs between")));
        };
        match grade.parse::<i64>() {
            Ok(grade) => {
                let grade = u32::try_from(grade.max(0)).unwrap_or(u32::MAX);
                judgements.entry(question.to_owned()).or_default().insert(unit.to_owned(), grade);
            }
            Err(_) if number == 1 => {}
            Err(_) => return Err(DatasetError::new(&path, format!("line {number}: {grade:?} is no grade"))),
        }
    }
    if judgements.is_empty() { Err(DatasetError::new(&path, "it has no judgement")) } else { Ok(judgements) }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_from(text: &str) -> Result<BTreeMap<String, Judged>, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("qrels.tsv"), text).unwrap();
        judgements(folder.path()).await.map_err(|error| error.problem)
    }

    #[tokio::test]
    async fn judgements_are_read_with_and_without_a_header_and_a_bad_line_is_named() {
        let expected = BTreeMap::from([("q1".to_owned(), Judged::from([("a.pdf#page=2".to_owned(), 1), ("b".to_owned(), 0)]))]);
        for text in ["query-id\tcorpus-id\tscore\nq1\ta.pdf#page=2\t1\nq1\tb\t-1\n", "q1\ta.pdf#page=2\t1\r\n\r\nq1\tb\t0"] {
            assert_eq!(read_from(text).await.unwrap(), expected);
        }
        assert_eq!(read_from("q1\ta\t1\nq1\tb").await.unwrap_err(), "line 2: it needs three columns with tabs between");
        assert_eq!(read_from("q\ta\tscore\nq1\tb\tx").await.unwrap_err(), "line 2: \"x\" is no grade");
        assert_eq!(read_from("q\ta\tscore\n").await.unwrap_err(), "it has no judgement");
    }
}
