//! Credentials that were taken back one by one: a file in the state directory with a line `API NAME END USER` for each, the
//! end in seconds since 1970, after which it is good for nothing anyway and its line goes. Whoever may write there is an
//! administrator; the service looks at every request whether the file has changed, so that a change counts at once.

use crate::state_dir::{StateDir, read_text, rewrite};
use dialects::Revocable;
use domain::Timestamp;
use domain::ports::{Revocations, StoreError};
use std::collections::HashSet;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

/// The file in the state directory.
const FILE: &str = "revoked";

/// What was taken back, as the file of a state directory says.
pub(crate) struct RevokedFile {
    path: PathBuf,
    read: RwLock<Option<Read>>,
}

/// What was read, and of which file.
struct Read {
    stamp: [i64; 5],
    /// `API NAME` of each.
    revoked: HashSet<String>,
}

impl RevokedFile {
    /// Names the file of a state directory; it need not be there.
    pub(crate) fn of(state: &StateDir) -> Self {
        RevokedFile { path: state.path().join(FILE), read: RwLock::default() }
    }

    /// Takes a credential back. One that was taken back already stays so.
    pub(crate) fn add(&self, credential: &Revocable, now: Timestamp) -> io::Result<()> {
        rewrite(&self.path, |before| {
            let Revocable { api, name, user, until } = credential;
            let start = format!("{api} {name} ");
            let holds = |line: &&str| end(line) > now.seconds() && !line.starts_with(&start);
            let mut text: String = before.lines().filter(holds).flat_map(|line| [line, "\n"]).collect();
            text.push_str(&format!("{start}{} {user}\n", until.seconds()));
            (Some(text), ())
        })
    }

    fn look(&self, entry: &str) -> io::Result<bool> {
        let stamp = match std::fs::metadata(&self.path) {
            Ok(metadata) => stamp(&metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let known = self.read.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(read) = known.as_ref().filter(|read| read.stamp == stamp) {
            return Ok(read.revoked.contains(entry));
        }
        drop(known);
        // Changed between the look and the reading, it is read again at the next look.
        let text = read_text(&self.path)?;
        let revoked: HashSet<String> = text.lines().filter_map(entry_of).collect();
        let is_revoked = revoked.contains(entry);
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = Some(Read { stamp, revoked });
        Ok(is_revoked)
    }
}

/// What is another one where a file is.
fn stamp(file: &Metadata) -> [i64; 5] {
    [file.ino().cast_signed(), file.size().cast_signed(), file.mtime(), file.mtime_nsec(), file.ctime_nsec()]
}

fn entry_of(line: &str) -> Option<String> {
    let mut words = line.split(' ');
    Some(format!("{} {}", words.next()?, words.next()?))
}

/// When a line need not be kept any longer; one that cannot be read stays.
fn end(line: &str) -> i64 {
    line.split(' ').nth(2).and_then(|end| end.parse().ok()).unwrap_or(i64::MAX)
}

impl Revocations for RevokedFile {
    fn is_revoked(&self, api: &str, name: &str) -> Result<bool, StoreError> {
        let failed = |error: io::Error| StoreError::Failed {
            what: "read which keys are revoked",
            source: error.into(),
        };
        self.look(&format!("{api} {name}")).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn key(api: &'static str, name: &str, seconds: i64) -> Revocable {
        let until = Timestamp::from_seconds(NOW.seconds() + seconds);
        Revocable { api, name: name.to_owned(), user: "alice".to_owned(), until }
    }

    #[test]
    fn what_is_taken_back_counts_at_once_and_for_good() {
        let around = tempfile::tempdir().unwrap();
        let state = StateDir::open(around.path()).unwrap();
        let file = RevokedFile::of(&state);
        let is = |api: &str, name: &str| file.is_revoked(api, name).unwrap();
        assert!(!is("nifcloud", "A"));
        // Another process takes them back.
        let other = RevokedFile::of(&state);
        for (name, seconds) in [("A", 10), ("B", 1000), ("B", 1000)] {
            other.add(&key("nifcloud", name, seconds), NOW).unwrap();
            assert!(is("nifcloud", name));
        }
        assert!(is("nifcloud", "A") && !is("et-engine", "A") && !is("nifcloud", "C") && !is("nifcloud", ""));
        // What is over is forgotten.
        let later = Timestamp::from_seconds(NOW.seconds() + 20);
        other.add(&key("et-engine", "C", 500), later).unwrap();
        assert_eq!(
            std::fs::read_to_string(&file.path).unwrap(),
            "nifcloud B 1800001000 alice\net-engine C 1800000500 alice\n"
        );
        assert!(!is("nifcloud", "A") && is("nifcloud", "B") && is("et-engine", "C"));
        assert_eq!(std::fs::metadata(&file.path).unwrap().mode() & 0o777, 0o600);
        // Nobody is let in where it cannot be read.
        std::fs::remove_file(&file.path).unwrap();
        std::fs::create_dir(&file.path).unwrap();
        assert!(file.is_revoked("nifcloud", "C").is_err());
    }
}
