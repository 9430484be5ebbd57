//! Files inside a mail are documents of their own that come, change and go with it, for the same readers.

use crate::ground::{Ground, embedder, kb, upload};
use bytes::Bytes;
use groundwork_core::access::{Caller, Permissions, Scope};
use groundwork_core::ids::DocumentId;
use groundwork_retrieval::ingest::{Change, Upload};
use groundwork_retrieval::search::{Mode, Query, search};
use groundwork_store::db::documents::Document;

/// A mail with these files attached, the last of which cannot be read.
fn mail(body: &str, files: &[(&str, &str)]) -> Upload {
    let attached: String = files
        .iter()
        .map(|(name, text)| {
            format!("--b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename={name}\r\n\r\n{text}\r\n")
        })
        .collect();
    let broken = "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=broken.pdf\r\n\r\n%PDF-1.7 broken\r\n";
    let bytes = format!(
        "From: a@example.org\r\nSubject: Offer\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{body}\r\n{attached}{broken}--b--\r\n"
    );
    Upload { source: "offer.eml".into(), name: "mails/offer.eml".into(), bytes: Bytes::from(bytes), ..upload(0, String::new()) }
}

fn restricted(principal: &str) -> Permissions {
    Permissions { scope: Scope::Restricted, allow: [principal.to_owned()].into(), ..Permissions::default() }
}

fn of(name: &str) -> Caller {
    Caller { principals: [name.to_owned()].into(), ..Caller::local() }
}

async fn documents(ground: &Ground) -> Vec<Document> {
    ground.db.documents(&kb(), None, 100).await.unwrap()
}

/// The names of the documents that `caller` finds by a word that all have.
async fn seen(ground: &Ground, caller: &Caller) -> Vec<String> {
    let bases = [kb()];
    let query = Query { k: 100, mode: Mode::Keyword, ..Query::new(&bases, "common", caller) };
    let found = search(&ground.index, &ground.db, &embedder(), query).await.unwrap();
    let mut names: Vec<String> = found.hits.into_iter().map(|hit| hit.name).collect();
    names.sort();
    names.dedup();
    names
}

#[tokio::test]
async fn attachments_appear_change_and_go_with_their_mail() {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::open(folder.path(), env!("CARGO_BIN_EXE_extract-child").into()).await.unwrap();
    let ingester = ground.ingester(embedder());
    let first = ingester.file(mail("A common body.", &[("a.txt", "A common a."), ("b.txt", "A common b.")])).await.unwrap();
    assert_eq!(seen(&ground, &Caller::local()).await, ["mails/offer.eml", "mails/offer.eml/a.txt", "mails/offer.eml/b.txt"]);
    let inner: Vec<(String, Option<DocumentId>)> = documents(&ground).await.into_iter().map(|known| (known.source, known.parent)).collect();
    assert!(inner.contains(&("offer.eml#attachment/2/b.txt".to_owned(), Some(first.document.clone()))), "{inner:?}");
    assert!(first.warnings.iter().any(|warning| warning.contains("broken.pdf")), "{:?}", first.warnings);

    // The same once more changes nothing; a mail without one of its files takes it along, and leaves the other as it is.
    let same = ingester.file(mail("A common body.", &[("a.txt", "A common a."), ("b.txt", "A common b.")])).await.unwrap();
    assert_eq!(same.change, Change::Unchanged);
    let before = ground.db.document_by_source(&kb(), "offer.eml#attachment/1/a.txt").await.unwrap().unwrap();
    ingester.file(mail("Another common body.", &[("a.txt", "A common a.")])).await.unwrap();
    assert_eq!(seen(&ground, &Caller::local()).await, ["mails/offer.eml", "mails/offer.eml/a.txt"]);
    let after = ground.db.document_by_source(&kb(), "offer.eml#attachment/1/a.txt").await.unwrap().unwrap();
    assert_eq!((after.id, after.version.generation), (before.id, before.version.generation));

    assert!(ingester.delete(&kb(), &first.document).await.unwrap());
    assert_eq!(seen(&ground, &Caller::local()).await, [""; 0]);
    assert!(documents(&ground).await.is_empty());
    ground.close().await;
}

#[tokio::test]
async fn attachments_are_for_the_readers_of_their_mail_whoever_they_are_now() {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::open(folder.path(), env!("CARGO_BIN_EXE_extract-child").into()).await.unwrap();
    let ingester = ground.ingester(embedder());
    let (ann, bob) = (of("user:ann"), of("user:bob"));
    let whole = ["mails/offer.eml", "mails/offer.eml/a.txt"];
    let upload = Upload { permissions: Some(restricted("user:ann")), ..mail("A common body.", &[("a.txt", "A common a.")]) };
    let mail = ingester.file(upload).await.unwrap().document;
    assert_eq!((seen(&ground, &ann).await, seen(&ground, &bob).await), (whole.map(str::to_owned).to_vec(), vec![]));

    ground.db.set_permissions(&kb(), &mail, restricted("user:bob")).await.unwrap();
    assert_eq!((seen(&ground, &ann).await, seen(&ground, &bob).await), (vec![], whole.map(str::to_owned).to_vec()));

    // What is inside has no permissions of its own to set.
    let inner = ground.db.document_by_source(&kb(), "offer.eml#attachment/1/a.txt").await.unwrap().unwrap();
    assert!(ground.db.set_permissions(&kb(), &inner.id, Permissions::default()).await.is_err());
    assert_eq!(ground.db.document_permissions(&kb(), &inner.id).await.unwrap(), Some(restricted("user:bob")));
    ground.close().await;
}

#[tokio::test]
async fn a_file_of_its_own_never_takes_the_place_of_an_attachment() {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::open(folder.path(), env!("CARGO_BIN_EXE_extract-child").into()).await.unwrap();
    let ingester = ground.ingester(embedder());
    ingester.file(mail("A common body.", &[("a.txt", "A common a.")])).await.unwrap();
    let intruder = Upload { source: "offer.eml#attachment/1/a.txt".into(), bytes: "A common lie.".into(), ..upload(0, String::new()) };
    let refused = ingester.file(intruder).await.unwrap_err();
    assert!(refused.to_string().contains("inside another file"), "{refused}");
    assert_eq!(seen(&ground, &Caller::local()).await, ["mails/offer.eml", "mails/offer.eml/a.txt"]);
    ground.close().await;
}
