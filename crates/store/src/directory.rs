//! The directory a store lives in: private, and one server's alone.

use crate::failure::OpenError;
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const PRIVATE_DIRECTORY: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;

/// A directory nobody else can open as long as this lives; the operating system lets go of it when the process ends,
/// however it ends.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes the directory if there is none, and takes it. One that exists keeps its permissions: somebody chose them.
    pub(crate) fn take(path: &Path) -> Result<Self, OpenError> {
        DirBuilder::new()
            .recursive(true)
            .mode(PRIVATE_DIRECTORY)
            .create(path)
            .map_err(|source| OpenError::Directory { path: path.into(), source })?;
        let lock_path = path.join("lock");
        let in_file = |source| OpenError::File { path: lock_path.clone(), source };
        let mut lock = private_file(&lock_path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse { path: path.into(), owner: owner(&mut lock) });
            }
            Err(TryLockError::Error(source)) => return Err(in_file(source)),
        }
        // For people and for the message above; the lock itself does not depend on it.
        let written =
            lock.set_len(0).and_then(|()| lock.write_all(std::process::id().to_string().as_bytes()));
        written.map_err(in_file)?;
        Ok(Directory { path: path.into(), _lock: lock })
    }

    /// Makes sure that there is a private file of this name for a database, and returns its path.
    ///
    /// SQLite gives the files beside a database (log, index) the permissions of the database.
    pub(crate) fn database(&self, name: &str) -> Result<PathBuf, OpenError> {
        let path = self.path.join(name);
        private_file(&path)?;
        // A new file is safe only when its name is.
        let synced = File::open(&self.path).and_then(|directory| directory.sync_all());
        synced.map_err(|source| OpenError::File { path: path.clone(), source })?;
        Ok(path)
    }
}

fn private_file(path: &Path) -> Result<File, OpenError> {
    let in_file = |source| OpenError::File { path: path.into(), source };
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false).mode(PRIVATE_FILE);
    let file = options.open(path).map_err(in_file)?;
    if file.metadata().map_err(in_file)?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(PRIVATE_FILE)).map_err(in_file)?;
    }
    Ok(file)
}

fn owner(lock: &mut File) -> String {
    let mut process = String::new();
    let read = lock.rewind().and_then(|()| lock.take(20).read_to_string(&mut process));
    match read {
        Ok(_) if process.parse::<u32>().is_ok() => format!(" (process {process})"),
        _ => String::new(),
    }
}
