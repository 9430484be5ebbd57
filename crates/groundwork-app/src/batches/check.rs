//! Looks over the file of a batch before anything of it is run: it is run whole, or not at all.

use super::lines::{Line, Lines};
use super::{Asker, Batch};
use crate::App;
use crate::files::ContentError;
use crate::models;
use groundwork_wire::batches::{Endpoint, Fault, Task};
use groundwork_wire::object::Object;
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// A file that can be run.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) total: u64,
    pub(super) model: String,
    /// Some of what is asked or answered is to be remembered, which is done here and nowhere else.
    pub(super) remembers: bool,
}

/// Lines of one batch, as with Azure.
const MOST_TASKS: u64 = 100_000;
/// Faults that are told.
const MOST_FAULTS: usize = 100;
/// Bytes of a line: as many as a request of its own may have.
pub(super) const MOST_BYTES: usize = 16 << 20;

/// The faults when it cannot be run.
pub(super) async fn check(app: &App, batch: &Batch, endpoint: Endpoint) -> Result<Result<Checked, Vec<Fault>>, ContentError> {
    let refused = |message: String| Ok(Err(vec![Fault::of_file("input_no_permissions", &message)]));
    let caller = match Asker::now(app, batch) {
        Ok(caller) => caller,
        Err(error) => return refused(format!("The key that the batch was made with is no longer good: {error}")),
    };
    let content = match app.inner().files.read(batch.input_file.as_str()).await {
        Ok(content) => content,
        Err(ContentError::Missing(_)) => return refused("The input file cannot be read any more.".to_owned()),
        Err(error) => return Err(error),
    };
    let mut lines = Lines::new(content.stream, MOST_BYTES);
    let mut checking = Checking::new(endpoint);
    while let Some(line) = lines.next().await? {
        checking.line(line, |model| models::find(app, &caller, model).is_some());
        if checking.total > MOST_TASKS || checking.faults.len() >= MOST_FAULTS {
            break;
        }
    }
    Ok(checking.end())
}

/// Half a hash of an id: no two of a file have the same by chance.
pub(super) fn fingerprint(custom_id: &str) -> u128 {
    let hash: [u8; 32] = Sha256::digest(custom_id).into();
    hash.iter().take(16).fold(0, |number, byte| (number << 8) | u128::from(*byte))
}

struct Checking {
    endpoint: Endpoint,
    total: u64,
    model: Option<String>,
    remembers: bool,
    seen: HashSet<u128>,
    faults: Vec<Fault>,
}

impl Checking {
    fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, total: 0, model: None, remembers: false, seen: HashSet::new(), faults: Vec::new() }
    }

    fn line(&mut self, line: Line, known: impl Fn(&str) -> bool) {
        self.total += 1;
        let Line { number, text } = line;
        let too_long = || Fault::of("invalid_request", &format!("the line has more than {MOST_BYTES} bytes"), None, number);
        let task = text.ok_or_else(too_long).and_then(|text| Task::parse(text, self.endpoint, number));
        match task.and_then(|task| self.task(task, number, known)) {
            Ok(()) => {}
            Err(fault) => self.faults.push(fault),
        }
    }

    fn task(&mut self, task: Task, number: u32, known: impl Fn(&str) -> bool) -> Result<(), Fault> {
        let fault = |code, message: &str, param| Err(Fault::of(code, message, Some(param), number));
        let Task { custom_id, model, body } = task;
        if !self.seen.insert(fingerprint(&custom_id)) {
            return fault("duplicate_custom_id", &format!("the custom_id {custom_id:?} stands in another line too"), "custom_id");
        }
        for (key, param) in [("stream", "body.stream"), ("background", "body.background")] {
            if says(&body, key, true) {
                return fault("invalid_request", &format!("the lines of a batch are answered whole: leave '{key}' out"), param);
            }
        }
        self.remembers |= remembers(self.endpoint, &body);
        match &self.model {
            Some(first) if *first != model => {
                let message = format!("the line asks {model:?}, and the lines before it {first:?}: a batch has one model");
                fault("model_mismatch", &message, "body.model")
            }
            Some(_) => Ok(()),
            None => {
                self.model = Some(model.clone());
                if known(&model) {
                    return Ok(());
                }
                let message = format!("the model {model:?} does not exist, or you may not use it");
                fault("model_not_found", &message, "body.model")
            }
        }
    }

    fn end(self) -> Result<Checked, Vec<Fault>> {
        if self.total > MOST_TASKS {
            return Err(vec![Fault::of_file("too_many_tasks", &format!("The file has more than {MOST_TASKS} lines."))]);
        }
        match self.model {
            _ if !self.faults.is_empty() => Err(self.faults),
            Some(model) => Ok(Checked { total: self.total, model, remembers: self.remembers }),
            None => Err(vec![Fault::of_file("empty_file", "The file has no line with a request.")]),
        }
    }
}

fn remembers(endpoint: Endpoint, body: &Object) -> bool {
    match endpoint {
        Endpoint::ChatCompletions => says(body, "store", true),
        Endpoint::Responses => {
            let earlier = ["previous_response_id", "conversation"].iter().any(|key| body.has(key));
            let named = body.raw("input").is_some_and(|input| memchr::memmem::find(input, b"item_reference").is_some());
            !says(body, "store", false) || earlier || named
        }
        Endpoint::Embeddings | Endpoint::Completions | Endpoint::Moderations => false,
    }
}

fn says(body: &Object, key: &str, value: bool) -> bool {
    body.get::<bool>(key, "a boolean").is_ok_and(|said| said == Some(value))
}

/// The task of a line that was looked over.
pub(super) fn task(line: Line, endpoint: Endpoint) -> Option<(u32, Task)> {
    let number = line.number;
    Some((number, Task::parse(line.text?, endpoint, number).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn checked(lines: &[String]) -> Result<Checked, Vec<(String, Option<u32>)>> {
        let mut checking = Checking::new(Endpoint::ChatCompletions);
        for (number, line) in (1..).zip(lines) {
            checking.line(Line { number, text: Some(Bytes::from(line.clone())) }, |model| model == "known");
        }
        checking.end().map_err(|faults| faults.into_iter().map(|fault| (fault.code, fault.line)).collect())
    }

    fn line(id: &str, model: &str, more: &str) -> String {
        format!(r#"{{"custom_id":"{id}","method":"POST","url":"/v1/chat/completions","body":{{"model":"{model}"{more}}}}}"#)
    }

    #[test]
    fn a_file_is_run_whole_or_not_at_all() {
        let good = || line("a", "known", "");
        assert_eq!(checked(&[good(), line("b", "known", "")]), Ok(Checked { total: 2, model: "known".to_owned(), remembers: false }));
        for (lines, faults) in [
            (vec![], vec![("empty_file", None)]),
            (vec![good(), good()], vec![("duplicate_custom_id", Some(2))]),
            (vec![good(), "{".to_owned(), line("c", "other", "")], vec![("invalid_json_line", Some(2)), ("model_mismatch", Some(3))]),
            (vec![line("a", "nobody", ""), line("b", "nobody", "")], vec![("model_not_found", Some(1))]),
            (vec![line("a", "known", r#","stream":true"#)], vec![("invalid_request", Some(1))]),
            (vec![line("a", "known", r#","background":true"#)], vec![("invalid_request", Some(1))]),
        ] {
            let faults: Vec<_> = faults.into_iter().map(|(code, line)| (code.to_owned(), line)).collect();
            assert_eq!(checked(&lines), Err(faults), "{lines:?}");
        }
        let many: Vec<String> = (0..=MOST_TASKS).map(|number| line(&number.to_string(), "known", "")).collect();
        assert_eq!(checked(&many), Err(vec![("too_many_tasks".to_owned(), None)]));
    }

    #[test]
    fn what_is_to_be_remembered_is_known_from_the_lines() {
        for (endpoint, body, remembered) in [
            (Endpoint::ChatCompletions, "{}", false),
            (Endpoint::ChatCompletions, r#"{"store":true}"#, true),
            (Endpoint::Responses, "{}", true),
            (Endpoint::Responses, r#"{"store":false,"input":"hi"}"#, false),
            (Endpoint::Responses, r#"{"store":false,"previous_response_id":"resp_1"}"#, true),
            (Endpoint::Responses, r#"{"store":false,"conversation":{"id":"conv_1"}}"#, true),
            (Endpoint::Responses, r#"{"store":false,"input":[{"type":"item_reference","id":"msg_1"}]}"#, true),
            (Endpoint::Embeddings, r#"{"store":true}"#, false),
        ] {
            assert_eq!(remembers(endpoint, &Object::parse(body).unwrap()), remembered, "{body}");
        }
    }
}
