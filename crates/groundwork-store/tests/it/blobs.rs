//! Originals come back as they were put in, or not at all.

use bytes::Bytes;
use groundwork_store::blobs::{BlobError, Blobs, Sha256};
use std::path::PathBuf;

fn path(folder: &tempfile::TempDir, sha256: Sha256) -> PathBuf {
    let name = sha256.to_string();
    folder.path().join(&name[..2]).join(name)
}

#[tokio::test]
async fn an_original_comes_back_until_it_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(folder.path()).unwrap();
    let sha256 = blobs.put(Bytes::from_static(b"ten days")).await.unwrap();
    assert_eq!(sha256.to_string(), "015d8fb599e0c45c2fc45383f95c48a8da8b18ac3c84445afb6395503d01bb33");
    assert_eq!(Sha256::from_hex(&sha256.to_string()), Some(sha256));
    assert_eq!(blobs.get(sha256).await.unwrap(), "ten days");
    blobs.delete(sha256).await.unwrap();
    blobs.delete(sha256).await.unwrap();
    assert!(matches!(blobs.get(sha256).await, Err(BlobError::Missing(_))));
}

#[tokio::test]
async fn a_damaged_original_is_noticed_and_mended_by_putting_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(folder.path()).unwrap();
    let sha256 = blobs.put(Bytes::from_static(b"ten days")).await.unwrap();
    std::fs::write(path(&folder, sha256), "six days").unwrap();
    assert!(matches!(blobs.get(sha256).await, Err(BlobError::Damaged(_))));
    assert_eq!(blobs.put(Bytes::from_static(b"ten days")).await.unwrap(), sha256);
    assert_eq!(blobs.get(sha256).await.unwrap(), "ten days");
    assert_eq!(std::fs::read_dir(path(&folder, sha256).parent().unwrap()).unwrap().count(), 1);
}
