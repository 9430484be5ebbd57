//! Both engines on tiny made models, against a forward pass in plain Rust.

pub(crate) mod made;
pub(crate) mod reference;

use super::*;
use crate::catalogue::{Engine, Pooling, Probe};
use crate::models::VerifyError;
use futures::future::join_all;
use futures::poll;
use made::{Made, Weights};
use std::task::Poll;

const TEXTS: [&str; 4] = ["red green", "Blue, the sky!", "a b c d e f", "unheard words of red"];

fn near(a: &[f32], b: &[f32], tolerance: f32) {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < tolerance), "{a:?} is not {b:?}");
}

async fn one(embedder: &Embedder, text: &str) -> Vec<f32> {
    embedder.embed(Purpose::Query, vec![text.to_owned()]).await.expect("a vector").remove(0)
}

#[tokio::test]
async fn the_encoder_agrees_with_a_forward_pass_in_plain_rust() {
    for pooling in [Pooling::Mean, Pooling::First] {
        let weights = Weights::bert();
        let made = Made::bert(&weights, pooling);
        let embedder = made.open();
        for text in TEXTS {
            let ids = made.ids(text);
            near(&one(&embedder, text).await, &reference::bert(&weights, &ids, pooling), 2e-5);
        }
    }
}

#[tokio::test]
async fn weights_in_half_precision_and_under_a_prefix_are_read_too() {
    let weights = Weights::bert();
    let half = Made::write(made::bert_entry(Pooling::Mean), &weights.half_precision());
    let prefixed = Made::write(made::bert_entry(Pooling::Mean), &weights.renamed(|name| format!("bert.{name}")).serialized());
    let ids = half.ids(TEXTS[0]);
    let expected = reference::bert(&weights, &ids, Pooling::Mean);
    near(&one(&half.open(), TEXTS[0]).await, &expected, 2e-2);
    near(&one(&prefixed.open(), TEXTS[0]).await, &expected, 2e-5);
}

#[tokio::test]
async fn the_table_averages_what_it_knows_and_leaves_out_what_it_does_not() {
    let weights = Weights::table();
    let made = Made::table(&weights);
    let embedder = made.open();
    near(&one(&embedder, "red sky").await, &reference::table(&weights, &["red", "sky"]), 1e-6);
    near(&one(&embedder, "red unheard sky").await, &reference::table(&weights, &["red", "sky"]), 1e-6);
    assert_eq!(one(&embedder, "").await, vec![0.0; made::HIDDEN]);
    assert_eq!(one(&embedder, "unheard").await, vec![0.0; made::HIDDEN]);

    let weighted = weights.with("weights", &[made::WORDS.len()], |at| 1.0 + at as f32);
    let made = Made::table(&weighted);
    near(&one(&made.open(), "red sky").await, &reference::table(&weighted, &["red", "sky"]), 1e-6);
}

#[tokio::test]
async fn vectors_come_in_the_order_of_the_texts_whatever_thread_made_them() {
    let weights = Weights::bert();
    let made = Made::bert(&weights, Pooling::Mean);
    let options = Options { passage_threads: NonZeroUsize::new(3).expect("three"), ..Options::default() };
    let embedder = Embedder::open(&made.entry, made.folder(), options).expect("it opens");
    let texts: Vec<String> = (0..50).map(|at| format!("{} {}", made::WORDS[5 + at % 11], made::WORDS[5 + at % 7])).collect();
    let vectors = embedder.embed(Purpose::Passage, texts.clone()).await.expect("vectors");
    for (text, vector) in texts.iter().zip(&vectors) {
        near(vector, &one(&embedder, text).await, 1e-6);
    }
    assert_eq!(embedder.queue_length(Purpose::Passage), 0);
}

#[tokio::test]
async fn a_text_beyond_the_window_is_refused_and_its_cut_beginning_fits() {
    let made = Made::bert(&Weights::bert(), Pooling::Mean);
    let embedder = made.open();
    let long = "red ".repeat(made::WINDOW);
    let error = embedder.embed(Purpose::Query, vec!["red".to_owned(), long.clone()]).await.expect_err("too long");
    assert!(matches!(error, EmbedError::TooLong { index: 1, window: made::WINDOW, .. }), "{error}");
    let (kept, cut) = embedder.cut(Purpose::Query, &long);
    assert!(cut);
    assert_eq!(embedder.tokenizer().count(kept) + embedder.added_tokens(Purpose::Query), made::WINDOW);
    one(&embedder, kept).await;
    assert_eq!(embedder.cut(Purpose::Query, "red "), ("red ", false));
}

#[tokio::test]
async fn questions_and_passages_get_what_the_model_wants_in_front_of_them() {
    let mut entry = made::bert_entry(Pooling::Mean);
    entry.query_prefix = "blue ".to_owned();
    let made = Made::write(entry, &Weights::bert().serialized());
    let embedder = made.open();
    let passages = embedder.embed(Purpose::Passage, vec!["blue sky".to_owned(), "sky".to_owned()]).await.expect("vectors");
    let question = one(&embedder, "sky").await;
    near(&question, &passages[0], 1e-6);
    assert_ne!(question, passages[1]);
    assert_eq!((embedder.added_tokens(Purpose::Query), embedder.added_tokens(Purpose::Passage)), (3, 2));
}

#[tokio::test]
async fn a_damaged_file_is_named_with_what_mends_it_and_works_once_it_is_mended() {
    let made = Made::bert(&Weights::bert(), Pooling::Mean);
    let embedder = made.open();
    let path = made.folder().join("model.safetensors");
    let good = std::fs::read(&path).expect("the file");
    let mut bad = good.clone();
    *bad.last_mut().expect("a byte") ^= 1;
    std::fs::write(&path, &bad).expect("written");
    let error = embedder.embed(Purpose::Query, vec!["red".to_owned()]).await.expect_err("damaged");
    let text = error.to_string();
    assert!(text.contains("model.safetensors is damaged") && text.contains("groundwork models pull made"), "{text}");
    std::fs::write(&path, good).expect("written");
    one(&embedder, "red").await;
}

#[test]
fn a_model_that_is_not_there_or_has_a_damaged_tokenizer_does_not_open() {
    let made = Made::bert(&Weights::bert(), Pooling::Mean);
    let path = made.folder().join("tokenizer.json");
    std::fs::write(&path, "{}").expect("written");
    let error = Embedder::open(&made.entry, made.folder(), Options::default()).expect_err("damaged");
    assert!(matches!(error, LoadError::Files(VerifyError::WrongLength { .. })), "{error}");
    std::fs::remove_file(&path).expect("removed");
    let error = Embedder::open(&made.entry, made.folder(), Options::default()).expect_err("missing");
    assert!(matches!(error, LoadError::Files(VerifyError::Missing { .. })), "{error}");
}

#[tokio::test]
async fn weights_that_do_not_fit_their_description_are_refused_with_the_reason() {
    let weights = Weights::bert();
    let table = Weights::table();
    let bert = || made::bert_entry(Pooling::Mean);
    let cases: [(&str, Made); 6] = [
        (
            "attention.self.key.bias is missing",
            Made::write(bert(), &weights.without("encoder.layer.1.attention.self.key.bias").serialized()),
        ),
        ("has the shape", Made::write(bert(), &weights.with("embeddings.LayerNorm.weight", &[3], |_| 1.0).serialized())),
        ("positions", Made::write(Entry { window: 99, ..bert() }, &weights.serialized())),
        ("not a safetensors file", Made::write(bert(), b"no tensors at all")),
        ("embeddings is missing", Made::write(made::table_entry(), &weights.serialized())),
        ("it holds 4 tokens", Made::write(made::table_entry(), &table.with("embeddings", &[4, made::HIDDEN], |_| 1.0).serialized())),
    ];
    for (reason, made) in cases {
        let error = made.open().warm().await.expect_err(reason);
        assert!(error.to_string().contains(reason), "{reason}: {error}");
    }
}

#[tokio::test]
async fn a_model_that_computes_something_else_than_it_should_is_not_used() {
    let weights = Weights::table();
    let right = reference::table(&weights, &["red", "sky"]);
    let probed = |head: Vec<f32>| {
        let probe = Some(Probe { text: "red sky".to_owned(), head });
        Made::write(Entry { probe, ..made::table_entry() }, &weights.serialized())
    };
    one(&probed(right[..4].to_vec()).open(), "red").await;
    let error = probed(vec![right[0], right[1] + 0.01]).open().warm().await.expect_err("another vector");
    assert!(error.to_string().contains("computes something else"), "{error}");
}

#[tokio::test]
async fn a_full_queue_refuses_questions_lets_all_else_wait_and_forgets_what_nobody_awaits() {
    let made = Made::table(&Weights::table());
    let one_place = Options { passage_threads: NonZeroUsize::MIN, queue: NonZeroUsize::MIN, ..Options::default() };
    let embedder = Embedder::open(&made.entry, made.folder(), one_place).expect("it opens");
    let held = embedder.inner.loader.hold();
    let mut questions: Vec<_> = (0..3).map(|_| Box::pin(embedder.embed(Purpose::Query, vec!["red".to_owned()]))).collect();
    let mut passages: Vec<_> = (0..3).map(|_| Box::pin(embedder.embed(Purpose::Passage, vec!["sky".to_owned()]))).collect();
    let mut refused = 0;
    let mut waiting = Vec::new();
    for mut question in questions.drain(..) {
        match poll!(&mut question) {
            Poll::Ready(Err(EmbedError::Busy { .. })) => refused += 1,
            Poll::Ready(other) => panic!("nothing can be done yet: {other:?}"),
            Poll::Pending => waiting.push(question),
        }
    }
    let sentences = (0..9).map(|_| embedder.embed(Purpose::Sentence, vec!["blue".to_owned()]));
    let mut sentences: Vec<_> = sentences.map(Box::pin).collect();
    for waits in passages.iter_mut().chain(&mut sentences) {
        assert!(poll!(waits).is_pending());
    }
    assert!((1..=2).contains(&refused), "one runs, one has a place: {refused} refused");
    assert_eq!(embedder.queue_length(Purpose::Query), waiting.len());
    passages.pop();
    drop(held);
    for vectors in join_all(waiting).await.into_iter().chain(join_all(passages).await).chain(join_all(sentences).await) {
        assert_eq!(vectors.expect("vectors").len(), 1);
    }
    assert_eq!((embedder.queue_length(Purpose::Query), embedder.queue_length(Purpose::Passage)), (0, 0));
}

#[test]
fn the_name_of_a_model_changes_with_its_weights() {
    let one = Made::table(&Weights::table()).open();
    let other = Made::table(&Weights::table().with("embeddings", &[made::WORDS.len(), made::HIDDEN], |at| at as f32)).open();
    assert!(one.model().starts_with("made@"));
    assert_ne!(one.model(), other.model());
    assert_eq!((one.dimensions(), one.window(), one.chunk()), (made::HIDDEN, made::WINDOW, (8, 2)));
    assert!(matches!(made::table_entry().engine, Engine::Static));
}
