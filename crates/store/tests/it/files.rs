//! The directory: private, one server's alone, and honest about damage.

use crate::samples::*;
use domain::ports::{Store, StoreError};
use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use store::{OpenError, Options};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Writes the error with all its sources, as a log shows it.
fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        words = format!("{words}: {cause}");
        source = cause.source();
    }
    words
}

#[test]
fn everything_is_private() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/state");
    let (mut writer, _) = open(&path);
    writer.commit(&batch_of([waiting(1)])).unwrap();
    assert_eq!(mode(&path), 0o700);
    let files: Vec<_> = fs::read_dir(&path).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.iter().any(|file| file.ends_with("queue.db-wal")), "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn files_that_others_could_read_are_made_private() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    writer.commit(&batch_of([waiting(1)])).unwrap();
    drop(writer);
    let file = directory.path().join("queue.db");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(saved(directory.path()).jobs.len(), 1);
    assert_eq!(mode(&file), 0o600);
}

#[test]
fn a_directory_has_one_server() {
    let directory = tempfile::tempdir().unwrap();
    let first = open(directory.path());
    let error = store::open(directory.path(), Options::default()).unwrap_err();
    let words = chain(&error);
    assert!(words.contains(&directory.path().display().to_string()), "{words}");
    assert!(words.contains(&format!("process {}", std::process::id())), "{words}");
    assert!(matches!(error.source().and_then(|source| source.downcast_ref()), Some(OpenError::InUse { .. })));
    drop(first);
    open(directory.path());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let error = store::open(&file.join("state"), Options::default()).unwrap_err();
    assert!(chain(&error).contains("file/state"), "{}", chain(&error));
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    for name in ["queue.db", "history.db"] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(name), "this is no database, but it is long enough".repeat(100))
            .unwrap();
        let error = store::open(directory.path(), Options::default()).unwrap_err();
        assert!(matches!(&error, StoreError::Unreadable { what, .. } if what.ends_with(name)), "{error:?}");
    }
}

#[test]
fn a_damaged_database_is_an_error_wherever_the_damage_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let (mut writer, _) = open(&path);
    writer.commit(&batch_of((1..500).map(waiting))).unwrap();
    drop(writer);
    let sound = fs::read(path.join("queue.db")).unwrap();
    for page in 0..sound.len() / 4096 {
        let mut damaged = sound.clone();
        for byte in &mut damaged[page * 4096 + 8..(page + 1) * 4096] {
            *byte = !*byte;
        }
        fs::write(path.join("queue.db"), damaged).unwrap();
        let outcome = store::open(&path, Options::default()).and_then(|(mut writer, _)| {
            let saved = writer.load()?;
            writer.commit(&batch_of([waiting(1)]))?;
            Ok(saved.jobs.len())
        });
        match outcome {
            Err(StoreError::Unreadable { .. } | StoreError::Failed { .. }) => {}
            // A page of an index, or one that is empty: nothing is lost with it.
            Ok(499) => {}
            other => panic!("page {page}: {other:?}"),
        }
        for beside in ["queue.db-wal", "queue.db-shm"] {
            let _ = fs::remove_file(path.join(beside));
        }
    }
}

#[test]
fn a_damaged_record_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = open(directory.path());
    writer.commit(&batch_of([waiting(17)])).unwrap();
    drop(writer);
    let connection = rusqlite::Connection::open(directory.path().join("queue.db")).unwrap();
    for damage in [&b"\x81\xa1p"[..], b"", b"\xc1", b"\x81\xa1f\x81\xa1e\x81\xa1o\x63"] {
        connection.execute("UPDATE job SET body = ?1", [damage]).unwrap();
        let error = store::open(directory.path(), Options::default()).unwrap_err();
        assert!(
            matches!(&error, StoreError::Unreadable { what, .. } if what.contains("job 17")),
            "{error:?}"
        );
    }
}
