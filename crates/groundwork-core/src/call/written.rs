//! A record as it stands in the log of money records: one line of JSON, which serde reads. It is written twice for every call, so
//! without detours.

use super::{Outcome, Record, TargetKind};
use crate::turn::Usage;
use groundwork_wire::members::Members;

impl Record {
    /// Adds the record to `out` as an object. What is not there is left out.
    pub fn write(&self, out: Vec<u8>) -> Vec<u8> {
        let Self {
            id,
            request_label,
            tenant,
            principal,
            operation,
            model,
            deployment,
            target,
            served_model,
            streamed,
            started,
            first_token,
            ended,
            outcome,
            usage,
            measure,
            attempts,
            cost,
            cached,
            retrieval,
            citations,
        } = self;
        let mut record = Members::new(out);
        let some =
            |record: &mut Members, name: &'static str, value: Option<&str>| value.into_iter().for_each(|value| record.text(name, value));
        record.text("id", id.as_str());
        some(&mut record, "request_label", request_label.as_deref());
        record.text("tenant", tenant.as_str());
        record.text("principal", principal);
        record.add("operation", operation);
        record.text("model", model.as_str());
        some(&mut record, "deployment", deployment.as_deref());
        some(&mut record, "target", target.map(TargetKind::as_str));
        some(&mut record, "served_model", served_model.as_deref());
        record.flag("streamed", *streamed);
        record.number("started", *started);
        first_token.iter().for_each(|first| record.number("first_token", *first));
        record.number("ended", *ended);
        record.object("outcome", |record| write_outcome(record, outcome));
        record.object("usage", |record| write_usage(record, usage));
        record.add("measure", measure);
        if !attempts.is_empty() {
            record.add("attempts", attempts);
        }
        cost.iter().for_each(|cost| record.add("cost", cost));
        record.text("cached", cached.as_str());
        retrieval.iter().for_each(|retrieval| record.add("retrieval", retrieval));
        citations.iter().for_each(|citations| record.add("citations", citations));
        record.close()
    }
}

fn write_outcome(record: &mut Members, outcome: &Outcome) {
    record.text("status", outcome.status());
    match outcome {
        Outcome::Completed { finish } => record.text("finish", finish),
        Outcome::Abandoned => {}
        Outcome::Failed { kind, http_status } => {
            record.text("kind", kind);
            record.number("http_status", u64::from(*http_status));
        }
    }
}

/// Most calls have no more than two of the counts.
fn write_usage(record: &mut Members, usage: &Usage) {
    let Usage {
        input_tokens,
        output_tokens,
        cached_tokens,
        cache_write_tokens,
        reasoning_tokens,
        input_audio_tokens,
        output_audio_tokens,
        accepted_prediction_tokens,
        rejected_prediction_tokens,
    } = *usage;
    let counts = [
        ("input_tokens", input_tokens),
        ("output_tokens", output_tokens),
        ("cached_tokens", cached_tokens),
        ("cache_write_tokens", cache_write_tokens),
        ("reasoning_tokens", reasoning_tokens),
        ("input_audio_tokens", input_audio_tokens),
        ("output_audio_tokens", output_audio_tokens),
        ("accepted_prediction_tokens", accepted_prediction_tokens),
        ("rejected_prediction_tokens", rejected_prediction_tokens),
    ];
    counts.into_iter().filter(|(_, count)| *count > 0).for_each(|(name, count)| record.number(name, count));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{Attempt, Cached, Citations, Cost, Measure, Operation, Retrieval};
    use crate::citation::Tally;
    use crate::money::NanoDollars;

    fn usage() -> Usage {
        Usage {
            input_tokens: 1,
            output_tokens: 2,
            cached_tokens: 3,
            cache_write_tokens: 4,
            reasoning_tokens: 5,
            input_audio_tokens: 6,
            output_audio_tokens: 7,
            accepted_prediction_tokens: 8,
            rejected_prediction_tokens: u64::MAX,
        }
    }

    /// With nothing that may be missing.
    fn bare() -> Record {
        Record {
            id: "call_1".parse().unwrap(),
            request_label: None,
            tenant: "default".parse().unwrap(),
            principal: "user:\"ann\"\n".to_owned(),
            operation: Operation::Rewrite,
            model: "handbook".parse().unwrap(),
            deployment: None,
            target: None,
            served_model: None,
            streamed: false,
            started: 1_000,
            first_token: None,
            ended: 3_500,
            outcome: Outcome::Abandoned,
            usage: Usage::default(),
            measure: Measure::Estimate,
            attempts: Vec::new(),
            cost: None,
            cached: Cached::Semantic,
            retrieval: None,
            citations: None,
        }
    }

    fn full() -> Record {
        let attempt = Attempt {
            deployment: "a/b".to_owned(),
            target: TargetKind::Fake,
            outcome: "given_up".into(),
            usage: usage(),
            measure: Measure::Estimate,
        };
        Record {
            request_label: Some("req \\ é".to_owned()),
            deployment: Some("azure/gpt".to_owned()),
            target: Some(TargetKind::AzureOpenai),
            served_model: Some("gpt-5".to_owned()),
            streamed: true,
            first_token: Some(1_250),
            outcome: Outcome::Failed { kind: "timeout".to_owned(), http_status: 504 },
            usage: usage(),
            measure: Measure::Exact,
            attempts: vec![attempt],
            cost: Some(Cost { amount: NanoDollars(1_500), price_version: "3".to_owned() }),
            cached: Cached::No,
            retrieval: Some(Retrieval { hits: 30, sources: 4, millis: 12, rerank_millis: Some(5) }),
            citations: Some(Citations { tally: Tally { valid: 2, invented: 1 }, supported: 2, unsupported: 0, uncited_sentences: 3 }),
            ..bare()
        }
    }

    #[test]
    fn what_is_written_reads_as_it_was() {
        let targets = [TargetKind::Openai, TargetKind::Anthropic, TargetKind::Local, TargetKind::Extractive, TargetKind::AzureOpenai];
        let operations = [Operation::Chat, Operation::Embeddings, Operation::Completions, Operation::Moderations, Operation::Images];
        let others = targets.into_iter().zip(operations).map(|(target, operation)| {
            let outcome = Outcome::Completed { finish: "stop".to_owned() };
            Record { target: Some(target), operation, outcome, cached: Cached::Exact, ..full() }
        });
        for record in [bare(), full()].into_iter().chain(others) {
            let line = record.write(b"S ".to_vec());
            let text = String::from_utf8(line).unwrap();
            let read: Record = serde_json::from_str(text.strip_prefix("S ").unwrap()).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(read, record);
        }
    }
}
