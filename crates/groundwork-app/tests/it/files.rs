//! Files, uploads and stored completions under a clock that the tests turn.

use crate::fixture::{House, Plan, body, fake, house, user};
use bytes::Bytes;
use futures::StreamExt;
use groundwork_app::files::{self, About, File, FileError};
use groundwork_app::owned::{Order, Page};
use groundwork_app::uploads::{self, Announcement, Completion, UploadError};
use groundwork_app::{Caller, completions};
use groundwork_inference::fake::{self, Fault, Script};
use std::sync::atomic::Ordering;
use std::time::Duration;

const HOUR: u64 = 3600;

async fn keep(house: &House, caller: &Caller, content: &str, expires_after: Option<u64>) -> Result<File, FileError> {
    let mut arriving = files::begin(&house.app, caller).await?;
    for piece in content.as_bytes().chunks(3) {
        arriving.write(Bytes::copy_from_slice(piece)).await?;
    }
    let about = About { purpose: "user_data".to_owned(), name: "a.txt".to_owned(), media_type: "text/plain".to_owned(), expires_after };
    files::keep(&house.app, caller, arriving, about).await
}

async fn content(house: &House, caller: &Caller, id: &str) -> Result<String, FileError> {
    let (_, mut content) = files::content(&house.app, caller, id).await?;
    let mut text = String::new();
    while let Some(piece) = content.stream.next().await {
        text.push_str(std::str::from_utf8(&piece?).unwrap());
    }
    Ok(text)
}

/// The contents on the disk.
fn on_disk(house: &House) -> usize {
    let folder = house.folder.path().join("data/files");
    let shelves = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    shelves.map(|shelf| std::fs::read_dir(shelf.path()).unwrap().count()).sum()
}

/// Lets the jobs have their time.
async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

fn all() -> Page {
    Page { after: None, limit: 100, order: Order::NewestFirst }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_its_owners_until_it_expires_and_then_its_content_goes_too() {
    let house = house(Script::default()).await;
    let (ann, bob) = (user("ann"), user("bob"));
    let file = keep(&house, &ann, "hello", Some(HOUR)).await.unwrap();
    let lasting = keep(&house, &ann, "lasting", None).await.unwrap();
    assert_eq!(content(&house, &ann, file.id.as_str()).await.unwrap(), "hello");
    assert!(matches!(content(&house, &bob, file.id.as_str()).await, Err(FileError::NotFound(_))));
    assert_eq!(files::list(&house.app, &bob, None, &all()).await.unwrap().data, []);
    house.hand.fetch_add(HOUR * 1000 - 1, Ordering::SeqCst);
    assert!(files::find(&house.app, &ann, file.id.as_str()).await.is_ok());
    house.hand.fetch_add(1, Ordering::SeqCst);
    assert!(matches!(files::find(&house.app, &ann, file.id.as_str()).await, Err(FileError::NotFound(_))));
    assert_eq!(files::list(&house.app, &ann, None, &all()).await.unwrap().data, [lasting]);
    until(|| on_disk(&house) == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_or_empty_or_given_up_leaves_nothing() {
    let mut plan = Plan::new(vec![fake("fake", Script::default())]);
    plan.limits.file_bytes = 4;
    let house = plan.build().await.unwrap();
    let ann = user("ann");
    assert!(matches!(keep(&house, &ann, "hello", None).await, Err(FileError::TooLarge { limit: 4 })));
    assert!(matches!(keep(&house, &ann, "", None).await, Err(FileError::Empty)));
    let mut arriving = files::begin(&house.app, &ann).await.unwrap();
    arriving.write(Bytes::from_static(b"abc")).await.unwrap();
    drop(arriving);
    until(|| on_disk(&house) == 0).await;
    assert_eq!(content(&house, &ann, keep(&house, &ann, "fits", None).await.unwrap().id.as_str()).await.unwrap(), "fits");
    let stranger = Caller::new(None, ["user:nobody".to_owned()].into());
    assert!(matches!(keep(&house, &stranger, "abc", None).await, Err(FileError::Stranger(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_left_without_a_row_is_gone_after_the_next_start() {
    let house = house(Script::default()).await;
    let ann = user("ann");
    let file = keep(&house, &ann, "kept", None).await.unwrap();
    let shelf = house.folder.path().join("data/files/zz");
    std::fs::create_dir_all(&shelf).unwrap();
    std::fs::write(shelf.join("file-00000000000000000000000zz"), "nobody knows of it").unwrap();
    std::fs::write(shelf.join("file-11111111111111111111111zz#1"), "begun").unwrap();
    house.app.shutdown(Duration::from_secs(20)).await;
    let House { app, folder, .. } = house;
    drop(app);
    let again = Plan { folder, ..Plan::new(vec![fake("fake", Script::default())]) }.build_again().await;
    until(|| on_disk(&again) == 1).await;
    assert_eq!(content(&again, &ann, file.id.as_str()).await.unwrap(), "kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_has_an_hour_and_then_its_parts_go() {
    let house = house(Script::default()).await;
    let ann = user("ann");
    let announced = Announcement {
        purpose: "user_data".to_owned(),
        name: "a".to_owned(),
        media_type: "text/plain".to_owned(),
        bytes: 6,
        expires_after: Some(HOUR),
    };
    let upload = uploads::create(&house.app, &ann, announced.clone()).await.unwrap();
    let part = async |upload: &str, text: &'static str| {
        let mut arriving = uploads::begin_part(&house.app, &ann, upload).await?;
        arriving.write(Bytes::from_static(text.as_bytes())).await.unwrap();
        uploads::add_part(&house.app, &ann, upload, arriving).await
    };
    let (b, a) = (part(upload.id.as_str(), "def").await.unwrap(), part(upload.id.as_str(), "abc").await.unwrap());
    let completion = Completion { part_ids: vec![a.id.to_string(), b.id.to_string()], md5: None };
    let (_, file) = uploads::complete(&house.app, &ann, upload.id.as_str(), completion.clone()).await.unwrap();
    assert_eq!(content(&house, &ann, file.id.as_str()).await.unwrap(), "abcdef");
    assert_eq!(file.expires_at, Some(file.created_at + HOUR * 1000));
    // The parts of the one that is complete go at once, those of the other when its time is over.
    until(|| on_disk(&house) == 1).await;
    let late = uploads::create(&house.app, &ann, announced).await.unwrap();
    part(late.id.as_str(), "abc").await.unwrap();
    assert_eq!(on_disk(&house), 2);
    house.hand.fetch_add(HOUR * 1000, Ordering::SeqCst);
    for error in [
        part(late.id.as_str(), "def").await.unwrap_err(),
        uploads::complete(&house.app, &ann, late.id.as_str(), completion).await.unwrap_err(),
        uploads::cancel(&house.app, &ann, late.id.as_str()).await.unwrap_err(),
    ] {
        assert!(matches!(error, UploadError::NotPending { state: "expired", .. }), "{error}");
    }
    until(|| on_disk(&house) == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assistants_answer_is_stored_with_its_sources_and_one_that_breaks_off_is_not() {
    let mark = Script::new([
        fake::Answer { pieces: Some(vec!["Thirty days ".into(), "[1].".into()]), ..fake::Answer::default() },
        fake::Answer { pieces: Some(vec!["One ".into(), "two".into()]), fault: Some(Fault::Break { after: 1 }), ..fake::Answer::default() },
    ]);
    let house = house(mark).await;
    house.upload("leave.md", "# Leave\n\nEverybody has thirty days of leave.\n").await;
    let mut asked = body("groundwork", "How many days of leave does everybody have?");
    asked["store"] = true.into();
    asked["metadata"] = serde_json::json!({ "team": "a" });
    let streamed = house.stream(asked.clone()).await.unwrap();
    let id = streamed.chunks[0]["id"].as_str().unwrap().to_owned();
    assert!(streamed.chunks.iter().all(|chunk| chunk["id"] == id.as_str()));
    let stored = completions::find(&house.app, &Caller::local(), &id).await.unwrap();
    let answer: serde_json::Value = serde_json::from_str(&stored.answer).unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], streamed.text.as_str());
    assert_eq!(answer["choices"][0]["message"]["annotations"].as_array().unwrap(), &streamed.annotations);
    assert!(!streamed.annotations.is_empty() && stored.metadata["team"] == "a" && stored.model == "groundwork");
    assert!(house.stream(asked).await.unwrap().error.is_some());
    let listed = completions::list(&house.app, &Caller::local(), &completions::Filter::default(), &all()).await.unwrap();
    assert_eq!(listed.data, [stored]);
}
