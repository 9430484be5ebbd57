//! One server a folder.

use groundwork_store::lock::{FolderLock, LockError};

#[test]
fn a_second_server_is_told_who_holds_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let held = FolderLock::exclusive(folder.path()).unwrap();
    for refused in [FolderLock::exclusive(folder.path()), FolderLock::shared(folder.path())] {
        let error = refused.unwrap_err();
        assert!(matches!(&error, LockError::Held { pid, .. } if *pid == std::process::id().to_string()), "{error}");
        assert!(error.to_string().contains(folder.path().to_str().unwrap()));
    }
    drop(held);
    FolderLock::exclusive(folder.path()).unwrap();
}

#[test]
fn commands_that_only_read_share_the_folder_and_keep_a_server_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("folder");
    let _one = FolderLock::shared(&path).unwrap();
    let _other = FolderLock::shared(&path).unwrap();
    assert!(matches!(FolderLock::exclusive(&path), Err(LockError::Held { .. })));
}

#[test]
fn a_folder_that_cannot_be_made_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    assert!(matches!(FolderLock::exclusive(&file), Err(LockError::Io { .. })));
}
