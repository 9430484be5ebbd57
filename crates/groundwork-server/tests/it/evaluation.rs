//! `groundwork eval`, as someone runs it on a data set of their own.

use crate::world::{DOCUMENTS, World};
use serde_json::{Value, json};

fn lines(values: &[Value]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

/// The documents of a world as texts, and as files, with two questions that they answer and one that they do not.
fn with_data_set() -> World {
    let world = World::new();
    for (name, text) in DOCUMENTS {
        world.write(&format!("set/files/{name}"), text);
    }
    let texts = [
        json!({ "id": "1", "title": "Leave", "text": "Parents may take up to fourteen months of parental leave.", "metadata": {} }),
        json!({ "id": "2", "title": "", "text": "Meals on travel are paid up to forty euros a day." }),
        json!({ "id": "3", "title": "Canteen", "text": "The canteen opens at eleven." }),
    ];
    world.write("set/docs.jsonl", lines(&texts));
    let queries = [
        json!({ "id": "a", "text": "How many months of parental leave may parents take?", "answers": ["fourteen months"] }),
        json!({ "id": "b", "text": "When does the canteen open?", "answers": ["at eleven"], "metadata": { "citations": [{ "file": "canteen.html" }] } }),
        json!({ "id": "n", "text": "Who updated the sabbatical?", "metadata": { "answerable": false } }),
    ];
    world.write("set/queries.jsonl", lines(&queries));
    world.write("set/qrels.tsv", "query-id\tcorpus-id\tscore\na\t1\t1\nb\t3\t1\na\tleave.md\t1\nb\tcanteen.html\t1\n");
    world
}

#[test]
fn search_is_measured_on_texts_or_on_files_for_every_way_of_searching() {
    let world = with_data_set();
    for arguments in [&["eval", "retrieval", "--dataset", "set"][..], &["eval", "retrieval", "--dataset", "set", "--files"]] {
        let report = &world.json(arguments)[0];
        let rows = report["rows"].as_array().unwrap();
        assert_eq!(rows.iter().map(|row| row["mode"].as_str().unwrap()).collect::<Vec<_>>(), ["keyword", "vector", "hybrid"]);
        assert_eq!(report["questions"], 2, "a question without a judgement is not asked");
        for row in rows {
            // Each question has two judged units, one a text and one a file, of which one can be found.
            assert_eq!(
                (&row["recall@5"], &row["recall@10"], &row["recall@50"], &row["mrr"]),
                (&json!(0.5), &json!(0.5), &json!(0.5), &json!(1.0)),
                "{row}"
            );
            assert!(row["ndcg@10"].as_f64().unwrap() > 0.6 && row["p50_ms"].as_f64().unwrap() > 0.0, "{row}");
        }
    }
    assert_eq!(world.json(&["search", "leave"])[0]["outcome"], "nothing_stored", "what is measured is not kept among the user's documents");
}

#[test]
fn a_text_that_has_vanished_from_a_data_set_is_found_no_more() {
    let world = with_data_set();
    world.json(&["eval", "retrieval", "--dataset", "set"]);
    world.write("set/docs.jsonl", lines(&[json!({ "id": "2", "text": "Meals on travel are paid." })]));
    let rows = world.json(&["eval", "retrieval", "--dataset", "set"])[0]["rows"].clone();
    assert_eq!((&rows[1]["recall@50"], &rows[2]["recall@50"]), (&json!(0.0), &json!(0.0)));
}

#[test]
fn answers_are_measured_with_common_queries_and_judgements() {
    let world = with_data_set();
    world.write("set/qrels.tsv", "a\tleave.md\t1\n");
    let report = &world.json(&["eval", "answers", "--dataset", "set"])[0];
    let answerable = &report["answerable"];
    assert_eq!((&answerable["questions"], &report["unanswerable"]["questions"]), (&json!(2), &json!(1)), "{report}");
    assert_eq!(
        (&answerable["document_in_3"], &answerable["place_in_3"], &answerable["answer_contained"]),
        (&json!(1.0), &json!(1.0), &json!(1.0)),
        "{report}"
    );
    assert_eq!(report["failed"], json!([]));
}

#[test]
fn a_calibrated_floor_is_kept_with_its_data_set_and_assistants_go_by_it() {
    let world = with_data_set();
    world.run(&["ingest", "documents"]);
    let is_declined = |question: &str| {
        let answer = world.json(&["ask", question]).pop().unwrap();
        answer["answer"].as_str().unwrap().starts_with("I found no answer to this in the documents.")
    };
    assert!(!is_declined("Who updated the sabbatical?"), "nothing is known of this embedding model");
    let calibration = &world.json(&["eval", "calibrate", "--dataset", "set"])[0];
    assert_eq!((&calibration["answerable"], &calibration["unanswerable"]), (&json!(2), &json!(1)), "{calibration}");
    assert_eq!((&calibration["embedding_model"], &calibration["dataset"]), (&json!("made"), &json!("set")));
    assert_eq!((&calibration["declined_answerable"], &calibration["declined_unanswerable"]), (&json!(0.0), &json!(1.0)));
    let kept: Value = serde_json::from_slice(&std::fs::read(world.path("data/calibration.json")).unwrap()).unwrap();
    assert_eq!(&kept, calibration);
    assert!(is_declined("Who updated the sabbatical?") && !is_declined("When does the canteen open?"));
    assert_eq!(world.json(&["eval", "answers", "--dataset", "set"])[0]["unanswerable"]["declined"], 1.0);

    world.write(
        "set/queries.jsonl",
        lines(&[json!({ "id": "b", "text": "Canteen?", "metadata": { "citations": [{ "file": "canteen.html" }] } })]),
    );
    let ended = world.run(&["eval", "calibrate", "--dataset", "set"]);
    assert!(!ended.status.success() && ended.stderr.contains("questions of one kind only"), "{}", ended.stderr);
}

#[test]
fn the_check_of_citations_is_measured_sentence_by_sentence_and_mark_by_mark() {
    let world = World::new();
    let case = json!({
        "id": "c", "passages": [
            { "n": 1, "id": "p", "text": "Staff have 28 days of annual leave. The office is closed on 24 December." },
            { "n": 2, "id": "q", "text": "The canteen opens at eleven." },
        ],
        "answer": "Staff have 28 days of annual leave [1][2]. Staff have 30 days of annual leave [1]. The canteen opens at eleven [7]. Ask Ann.",
        "expected": [
            { "sentence": "Staff have 28 days of annual leave.", "cite": 1, "verdict": "supported", "kind": "verbatim" },
            { "sentence": "Staff have 28 days of annual leave.", "cite": 2, "verdict": "wrong-source", "kind": "second-source" },
            { "sentence": "Staff have 30 days of annual leave.", "cite": 1, "verdict": "unsupported", "kind": "altered-number" },
            { "sentence": "The canteen opens at eleven.", "cite": 7, "verdict": "invented-id", "kind": "invented-id" },
            { "sentence": "Ask Ann.", "cite": null, "verdict": "unsupported", "kind": "uncited" },
            { "sentence": "Ask Ann.", "cite": 1, "verdict": "supported", "kind": "wrong-label" },
        ],
    });
    world.write("cases.jsonl", lines(&[case]));
    let report = &world.json(&["eval", "citations", "--cases", "cases.jsonl"])[0];
    assert_eq!((&report["precision"], &report["recall"], &report["citations"]), (&json!(1.0), &json!(0.5), &json!(6)), "{report}");
    assert_eq!((&report["by_kind"]["altered-number"], &report["by_kind"]["wrong-label"]), (&json!(1.0), &json!(0.0)), "{report}");
    assert!((report["accuracy"].as_f64().unwrap() - 5.0 / 6.0).abs() < 1e-9, "{report}");
    let low = world.run(&["eval", "citations", "--cases", "cases.jsonl", "--fail-under", "0.9"]);
    assert_eq!(low.status.code(), Some(11), "{}", low.stderr);
    assert!(low.stderr.contains("accuracy is 0.8333, under 0.9"), "{}", low.stderr);
    assert!(world.run(&["eval", "citations", "--cases", "cases.jsonl", "--fail-under", "by_kind.altered-number=1"]).status.success());
}

#[test]
fn a_data_set_that_cannot_be_used_is_named_with_its_line() {
    let world = with_data_set();
    world.write("set/qrels.tsv", "a\t1\n");
    let ended = world.run(&["eval", "retrieval", "--dataset", "set"]);
    assert!(!ended.status.success() && ended.stderr.contains("qrels.tsv: line 1: it needs three columns"), "{}", ended.stderr);
    assert_eq!(world.run(&["eval", "retrieval", "--dataset", "nowhere"]).status.code(), Some(6));
}

#[test]
fn runs_are_kept_with_their_versions_and_two_of_them_compare() {
    let world = with_data_set();
    let measure = || world.json(&["eval", "retrieval", "--dataset", "set"]).remove(0);
    let (first, again) = (measure(), measure());
    let (first, again) = (first["run"].as_str().unwrap(), again["run"].as_str().unwrap());
    let kept: Value = serde_json::from_slice(&std::fs::read(world.path(&format!("data/evaluation/runs/{first}.json"))).unwrap()).unwrap();
    assert!(kept["versions"]["reader"].as_str().unwrap().contains("made"), "{kept}");
    assert_eq!((&kept["measured"], &kept["questions"]["hybrid.mrr"]), (&json!("retrieval"), &json!({ "a": 1.0, "b": 1.0 })));

    let same = &world.json(&["eval", "compare", first, again])[0];
    assert_eq!(same["same_dataset"], true);
    let differences = same["differences"].as_array().unwrap();
    assert!(differences.len() == 15 && differences.iter().all(|one| one["difference"] == 0.0 && one["sure"] == false), "{same}");

    world.write("set/docs.jsonl", lines(&[json!({ "id": "2", "text": "Meals on travel are paid." })]));
    let worse = measure();
    let worse = &world.json(&["eval", "compare", first, worse["run"].as_str().unwrap()])[0];
    let mrr = worse["differences"].as_array().unwrap().iter().find(|one| one["figure"] == "hybrid.mrr").unwrap();
    assert_eq!((&mrr["a"], &mrr["b"], &mrr["high"], &mrr["sure"]), (&json!(1.0), &json!(0.0), &json!(-1.0), &json!(true)));
    assert_eq!(worse["same_dataset"], false);

    let answers = world.json(&["eval", "answers", "--dataset", "set"])[0]["run"].as_str().unwrap().to_owned();
    assert_eq!(world.run(&["eval", "compare", first, &answers]).status.code(), Some(2));
    assert_eq!(world.run(&["eval", "compare", first, "run_nowhere"]).status.code(), Some(6));
}
