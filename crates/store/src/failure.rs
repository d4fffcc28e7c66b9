//! What went wrong, from SQLite's words into the port's, and the reasons a store cannot be opened.

use crate::row::BadRow;
use domain::ports::StoreError;
use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
use std::io;
use std::path::{Path, PathBuf};

/// Why a store cannot be opened; the source of a [`StoreError`].
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be made.
    #[error("create directory {path}", path = path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file cannot be made or made private.
    #[error("create {path}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Nothing can be written into the archive.
    #[error("write into the archive {path}", path = path.display())]
    Archive {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Another server has this directory.
    #[error("{path} is in use by another server{owner}", path = path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// ` (process 17)` where that is known, or nothing.
        owner: String,
    },
    /// A database was written by a later version of this program.
    #[error(
        "{path} has schema version {found}, and this program knows versions up to {known}: start the version that wrote it",
        path = path.display()
    )]
    Later {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The latest version known.
        known: i64,
    },
    /// A database cannot be brought up to date.
    #[error("bring {path} up to date", path = path.display())]
    Migration {
        /// The database.
        path: PathBuf,
        /// Why not.
        source: Box<rusqlite_migration::Error>,
    },
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Directory { ref source, .. } | OpenError::File { ref source, .. }
                if source.kind() == io::ErrorKind::StorageFull =>
            {
                StoreError::Full
            }
            error => StoreError::Failed { what: "open", source: Box::new(error) },
        }
    }
}

/// Returns the error for a failure of SQLite at `what`, in the database at `path`.
pub(crate) fn failed(what: &'static str, path: &Path, error: rusqlite::Error) -> StoreError {
    match &error {
        rusqlite::Error::SqliteFailure(cause, _) => match cause.code {
            ErrorCode::DiskFull => StoreError::Full,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
                StoreError::Unreadable { what: path.display().to_string(), source: Box::new(error) }
            }
            // The index of the write-ahead log could not grow: what SQLite says of a full disk there.
            _ if cause.extended_code == SQLITE_IOERR_SHMSIZE => StoreError::Full,
            _ => StoreError::Failed { what, source: Box::new(error) },
        },
        _ => StoreError::Failed { what, source: Box::new(error) },
    }
}

/// Returns the error for a record that cannot be understood.
pub(crate) fn unreadable(what: impl Into<String>, error: BadRow) -> StoreError {
    StoreError::Unreadable { what: what.into(), source: Box::new(error) }
}
