//! Tiny made cross-encoders: one of BERT's shape against a forward pass in plain Rust, one as an ONNX file that counts words.

use super::*;
use crate::catalogue::Engine;
use crate::local::tests::made::{self, Made, WORDS, Weights as MadeWeights};
use crate::local::tests::reference;
use std::num::NonZeroUsize;

#[path = "../../../tests/made/overlap.rs"]
mod overlap;

const SPECIAL: usize = 5;

fn entry() -> Entry {
    Entry { engine: Engine::CrossEncoder { heads: made::HEADS, layer_norm_epsilon: made::EPSILON }, ..made::table_entry() }
}

fn bert(weights: &MadeWeights) -> Made {
    Made::write(entry(), &weights.serialized())
}

fn onnx(file: &[u8]) -> Made {
    Made::write_as(entry(), "model.onnx", file)
}

fn open(made: &Made) -> Reranker {
    Reranker::open(&made.entry, made.folder(), Options::default()).expect("it opens")
}

async fn judge(made: &Made, question: &str, passages: &[&str]) -> Result<Vec<f32>, EmbedError> {
    open(made).judge(question, passages.iter().map(|text| (*text).to_owned()).collect()).await
}

#[tokio::test]
async fn a_cross_encoder_agrees_with_a_forward_pass_in_plain_rust() {
    let weights = MadeWeights::cross_encoder();
    for made in
        [bert(&weights), bert(&weights.renamed(|name| if name.starts_with("classifier") { name.into() } else { format!("bert.{name}") }))]
    {
        let passages = ["the sky", "green words of a b c", "", "unheard of!"];
        let scores = judge(&made, "red sky", &passages).await.expect("scores");
        for (passage, score) in passages.iter().zip(scores) {
            let (question, passage) = (made.ids("red sky"), made.ids(passage));
            let types = [vec![0; question.len()], vec![1; passage.len() - 1]].concat();
            let ids = [question, passage[1..].to_vec()].concat();
            let expected = probability(reference::logit(&weights, &ids, &types));
            assert!((score - expected).abs() < 1e-5, "{score} is not {expected}");
        }
    }
}

#[tokio::test]
async fn an_onnx_file_of_ones_own_is_read_and_passages_come_in_their_order() {
    let made = onnx(&overlap::overlap(WORDS.len(), SPECIAL));
    let passages: Vec<String> = (0..50).map(|at| WORDS[5..5 + at % 4].join(" ")).collect();
    let scores = open(&made).judge("red green blue", passages).await.expect("scores");
    for (at, score) in scores.into_iter().enumerate() {
        let expected = probability((at % 4) as f32 - 2.0);
        assert!((score - expected).abs() < 1e-6, "{at}: {score} is not {expected}");
    }
}

#[tokio::test]
async fn what_does_not_fit_the_window_is_cut_the_passage_first() {
    let made = onnx(&overlap::overlap(WORDS.len(), SPECIAL));
    let common = |score: f32| ((score / (1.0 - score)).ln() + 2.0).round();
    // 16 tokens less three special ones leave 13; the question keeps its three and the passage ten.
    let far = format!("{}red green blue", "a ".repeat(10));
    let near = format!("{}red green blue", "a ".repeat(8));
    let scores = judge(&made, "red green blue", &[&far, &near]).await.expect("scores");
    assert_eq!(scores.into_iter().map(common).collect::<Vec<_>>(), [0.0, 2.0]);
    // A quarter of it is the passage's, however long the question.
    let question = format!("red {}green", "a ".repeat(40));
    let scores = judge(&made, &question, &["red green", "sky sky red", "sky sky sky red"]).await.expect("scores");
    assert_eq!(scores.into_iter().map(common).collect::<Vec<_>>(), [1.0, 1.0, 0.0]);
}

#[tokio::test]
async fn a_broken_model_is_refused_with_the_reason_and_works_once_it_is_mended() {
    let weights = MadeWeights::cross_encoder();
    let large = Entry { window: 40, ..entry() };
    let good = overlap::overlap(WORDS.len(), SPECIAL);
    let text = String::from_utf8_lossy(&good).into_owned();
    assert!(text.contains("attention_mask"));
    let renamed: Vec<u8> = {
        let (from, to) = (b"attention_mask", b"attention_mesh");
        let mut file = good.clone();
        while let Some(at) = file.windows(from.len()).position(|part| part == from) {
            file[at..at + to.len()].copy_from_slice(to);
        }
        file
    };
    let cases: [(&str, Made); 6] = [
        ("classifier.weight is missing", bert(&weights.without("classifier.weight"))),
        ("the shape [2, 8]", bert(&weights.with("classifier.weight", &[2, made::HIDDEN], |_| 1.0))),
        ("18 positions", Made::write(large.clone(), &weights.serialized())),
        ("the runtime refused the graph", onnx(b"no such thing")),
        ("attention_mesh", onnx(&renamed)),
        ("model.onnx cannot be used", onnx(&overlap::overlap(2, 0))),
    ];
    for (reason, made) in cases {
        let error = judge(&made, "red", &["sky"]).await.expect_err(reason).to_string();
        assert!(error.contains(reason) && error.contains("groundwork models pull made"), "{reason}: {error}");
    }

    let made = onnx(&good);
    let reranker = open(&made);
    std::fs::write(made.folder().join("model.onnx"), &renamed).expect("written");
    let error = reranker.judge("red", vec!["red".to_owned()]).await.expect_err("damaged");
    assert!(error.to_string().contains("damaged"), "{error}");
    std::fs::write(made.folder().join("model.onnx"), &good).expect("written");
    assert_eq!(reranker.judge("red", vec!["red".to_owned()]).await.expect("scores").len(), 1);
    assert!(Reranker::open(&made::table_entry(), made.folder(), Options::default()).is_err(), "an embedding model reranks nothing");
}

#[tokio::test]
async fn a_full_queue_refuses_and_work_that_nobody_awaits_is_left_out() {
    let made = onnx(&overlap::overlap(WORDS.len(), SPECIAL));
    let one = NonZeroUsize::MIN;
    let reranker =
        Reranker::open(&made.entry, made.folder(), Options { rerank_threads: one, queue: one, ..Options::default() }).expect("it opens");
    let error = reranker.judge("red", vec!["sky".to_owned(); 4_000]).await.expect_err("too much");
    assert!(matches!(error, EmbedError::Busy { .. }), "{error}");
    while reranker.queue_length() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(reranker.judge("red", vec!["red".to_owned()]).await.expect("scores").len(), 1);
}
