//! The state directory: where it is, what a first start makes in it.

use rand::TryRngCore;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file in the state directory that holds the key Slurm tokens are signed with.
pub(crate) const KEY_FILE: &str = "jwt_hs256.key";

/// The file in the state directory that holds the private key ClusterCockpit's tokens are signed with: the seed alone.
pub(crate) const COCKPIT_KEY_FILE: &str = "clustercockpit_ed25519.key";

/// The file in the state directory that holds the secret ET Engine's keys are sealed with.
pub(crate) const ET_KEY_FILE: &str = "et_engine_hmac.key";

/// The file in the state directory that holds the key under which jobs are named where they have no number.
pub(crate) const IDS_KEY_FILE: &str = "ids.key";

/// The file in the state directory that holds the key by which Waldur's tokens prove what they say.
pub(crate) const WALDUR_KEY_FILE: &str = "waldur_tokens.key";

/// The file in the state directory that holds the key from which Nifcloud's access keys are derived.
pub(crate) const NIFCLOUD_KEY_FILE: &str = "nifcloud.key";

/// Bytes of a key made here; as many as the signature has.
const KEY_BYTES: usize = 32;

/// Why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}", path.display())]
pub(crate) struct StateError {
    /// What was tried.
    action: &'static str,
    /// On what.
    path: PathBuf,
    /// Why it failed.
    source: io::Error,
}

/// A state directory that exists.
#[derive(Clone, Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    made: Vec<PathBuf>,
}

impl StateDir {
    /// Opens a state directory, making it (for its owner alone) if it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |action, source| StateError { action, path: path.to_owned(), source };
        let mut made = Vec::new();
        if !path.is_dir() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(path)
                .map_err(|error| failed("create directory", error))?;
            made.push(path.to_owned());
        }
        // Absolute, so that it means the same to the processes that are started from elsewhere.
        let path = path.canonicalize().map_err(|error| failed("open directory", error))?;
        Ok(StateDir { path, made })
    }

    /// Returns where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what has been made since it was opened.
    pub(crate) fn made(&self) -> &[PathBuf] {
        &self.made
    }

    /// Reads the key of Slurm's tokens, or makes one if there is none yet.
    pub(crate) fn key(&mut self) -> Result<Vec<u8>, StateError> {
        self.secret(KEY_FILE)
    }

    /// Reads the private key of ClusterCockpit's tokens, or makes one if there is none yet.
    pub(crate) fn cockpit_key(&mut self) -> Result<Vec<u8>, StateError> {
        self.secret(COCKPIT_KEY_FILE)
    }

    /// Reads the secret of ET Engine's keys, or makes one if there is none yet.
    pub(crate) fn et_key(&mut self) -> Result<Vec<u8>, StateError> {
        self.secret(ET_KEY_FILE)
    }

    /// Reads the key under which jobs are named where they have no number, or makes one if there is none yet.
    pub(crate) fn ids_key(&mut self) -> Result<[u8; 16], StateError> {
        let key = self.secret(IDS_KEY_FILE)?;
        let path = self.path.join(IDS_KEY_FILE);
        let too_short = || io::Error::new(io::ErrorKind::InvalidData, "it is shorter than 16 bytes");
        let first = key.first_chunk().copied();
        first.ok_or_else(|| StateError { action: "use key", path, source: too_short() })
    }

    /// Reads the key by which Waldur's tokens prove what they say, or makes one if there is none yet.
    pub(crate) fn waldur_key(&mut self) -> Result<Vec<u8>, StateError> {
        self.secret(WALDUR_KEY_FILE)
    }

    /// Reads the key from which Nifcloud's access keys are derived, or makes one if there is none yet.
    pub(crate) fn nifcloud_key(&mut self) -> Result<Vec<u8>, StateError> {
        self.secret(NIFCLOUD_KEY_FILE)
    }

    fn secret(&mut self, name: &str) -> Result<Vec<u8>, StateError> {
        let path = self.path.join(name);
        let failed = |action, source| StateError { action, path: path.clone(), source };
        // Made under another name and put in its place by a link: of two first starts one wins, and nobody ever sees
        // half a key.
        if !path.exists() {
            let mut key = [0; KEY_BYTES];
            rand::rngs::OsRng
                .try_fill_bytes(&mut key)
                .map_err(|error| failed("make", io::Error::other(error)))?;
            let draft = self.path.join(format!("{name}.{}", std::process::id()));
            write_private(&draft, &key).map_err(|error| failed("write", error))?;
            let linked = std::fs::hard_link(&draft, &path);
            std::fs::remove_file(&draft).map_err(|error| failed("write", error))?;
            match linked {
                Ok(()) => self.made.push(path.clone()),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed("write", error)),
            }
        }
        read_key(&path)
    }
}

/// Reads a key.
pub(crate) fn read_key(path: &Path) -> Result<Vec<u8>, StateError> {
    let failed = |source| StateError { action: "read key", path: path.to_owned(), source };
    let mut key = Vec::new();
    // A key is short; whatever is longer than this is another file.
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(65_536).read_to_end(&mut key).map_err(failed)?;
    Ok(key)
}

/// Writes a file that only its owner may read, durably.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Reads a text of the state directory; one that is not there is empty.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

/// Changes a text of the state directory, durably, one process at a time: `change` makes the new one of the old one, or
/// `None` where it shall stay as it is. Whoever reads meanwhile finds the old one or the new one.
pub(crate) fn rewrite<T>(path: &Path, change: impl FnOnce(&str) -> (Option<String>, T)) -> io::Result<T> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let beside = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let lock = File::options().create(true).truncate(false).write(true).open(beside(".lock"))?;
    lock.lock()?;
    let (text, done) = change(&read_text(path)?);
    let Some(text) = text else { return Ok(done) };
    let draft = beside(&format!(".{}", std::process::id()));
    write_private(&draft, text.as_bytes())?;
    if rustix::process::geteuid().is_root() {
        // The service may run as somebody else.
        let around = std::fs::metadata(folder)?;
        std::os::unix::fs::chown(&draft, Some(around.uid()), Some(around.gid()))?;
    }
    std::fs::rename(&draft, path)?;
    File::open(folder)?.sync_all()?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_first_start_makes_directory_and_key_for_the_owner_alone() {
        let around = tempfile::tempdir().unwrap();
        let path = around.path().join("a/b");
        let mut state = StateDir::open(&path).unwrap();
        let key = state.key().unwrap();
        assert_eq!(key.len(), 32);
        assert_eq!((mode(&path), mode(&path.join(KEY_FILE))), (0o700, 0o600));
        assert_eq!(state.made().len(), 2);
    }

    #[test]
    fn a_second_start_finds_the_same_key() {
        let around = tempfile::tempdir().unwrap();
        let first = StateDir::open(around.path()).unwrap().key().unwrap();
        let mut again = StateDir::open(around.path()).unwrap();
        assert_eq!(again.key().unwrap(), first);
        assert!(again.made().is_empty());
    }
}
