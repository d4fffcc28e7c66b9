//! The directory that is kept the same: what is in it, and how files in it are read, made and removed. Everything here
//! blocks, and runs on a thread with the user's rights.

use crate::online::is_clean;
use crate::places::{open_regular, plain};
use bytes::Bytes;
use cap_std::fs::{Dir, File, FileExt, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use md5::{Digest, Md5};
use rustix::fs::{Timespec, Timestamps};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::path::Path;

/// What files under way are called: nobody else's are.
const DRAFT: &str = ".quintet-sync-";
/// Directories within one another, at most.
const DEEPEST: usize = 200;

/// The directory.
#[derive(Debug)]
pub(super) struct Tree {
    dir: Dir,
}

/// A file in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Local {
    pub(super) size: u64,
    /// When it was changed last, seconds since 1970.
    pub(super) modified: i64,
}

/// What is in the directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Regular files, and links to such within the directory.
    pub(super) files: BTreeMap<String, Local>,
    pub(super) directories: BTreeSet<String>,
    /// Links that lead elsewhere, pipes and the like: never copied.
    pub(super) others: BTreeSet<String>,
    /// Names that cannot be keys, and directories that cannot be read.
    pub(super) failures: u64,
}

impl Tree {
    /// Opens a directory of a user's folder; makes it if that is wanted.
    pub(super) fn open(root: &Path, path: &str, makes: bool) -> io::Result<Self> {
        let root = Dir::open_ambient_dir(root, cap_std::ambient_authority())?;
        if makes {
            root.create_dir_all(path)?;
        }
        Ok(Tree { dir: root.open_dir(path)? })
    }

    /// Looks at everything in it. Links are not followed out of it, and into directories not at all.
    pub(super) fn look(&self) -> io::Result<Found> {
        let mut found = Found::default();
        let mut open: Vec<String> = vec![String::new()];
        while let Some(above) = open.pop() {
            let entries = match above.as_str() {
                "" => self.dir.entries()?,
                path => match self.dir.read_dir(path) {
                    Ok(entries) => entries,
                    Err(error) => {
                        tracing::debug!(path, %error, "a directory cannot be read");
                        found.failures += 1;
                        continue;
                    }
                },
            };
            for entry in entries {
                let name = entry?.file_name();
                let Some(name) = name.to_str() else {
                    found.failures += 1;
                    continue;
                };
                if name.starts_with(DRAFT) {
                    continue;
                }
                let path = if above.is_empty() { name.to_owned() } else { format!("{above}/{name}") };
                self.sort_in(&mut found, &mut open, path);
            }
        }
        Ok(found)
    }

    fn sort_in(&self, found: &mut Found, open: &mut Vec<String>, path: String) {
        let Ok(meta) = self.dir.symlink_metadata(&path) else {
            // Gone meanwhile.
            return;
        };
        if meta.is_dir() {
            if path.split('/').count() >= DEEPEST {
                found.failures += 1;
            } else {
                open.push(path.clone());
                found.directories.insert(path);
            }
            return;
        }
        let meta = if meta.is_symlink() { self.dir.metadata(&path).ok() } else { Some(meta) };
        match meta.filter(Metadata::is_file) {
            Some(meta) if is_clean(&path) => {
                found.files.insert(path, Local { size: meta.len(), modified: meta.mtime() });
            }
            Some(_) => found.failures += 1,
            None => drop(found.others.insert(path)),
        }
    }

    /// Opens a file to be read.
    pub(super) fn read(&self, path: &str) -> io::Result<File> {
        open_regular(&self.dir, Path::new(path))
    }

    /// Returns a whole file that must have this size.
    pub(super) fn content(&self, path: &str, size: u64) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.read(path)?.take(size.saturating_add(1)).read_to_end(&mut content)?;
        match content.len() as u64 == size {
            true => Ok(content),
            false => Err(io::Error::other("the file changes while it is read")),
        }
    }

    /// Returns the MD5 of a file's content.
    pub(super) fn md5(&self, path: &str) -> io::Result<String> {
        let (mut file, mut hash, mut buffer) = (self.read(path)?, Md5::new(), vec![0; 256 << 10]);
        loop {
            let length = file.read(&mut buffer)?;
            match buffer.get(..length) {
                Some([]) | None => break,
                Some(piece) => hash.update(piece),
            }
        }
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Makes a directory and those above it.
    pub(super) fn make_directory(&self, path: &str) -> io::Result<()> {
        self.dir.create_dir_all(path)
    }

    /// Begins a file beside the one whose place it is to take.
    pub(super) fn draft(&self, path: &str, number: u64) -> io::Result<Draft> {
        let folder = path.rsplit_once('/').map(|(folder, _)| folder);
        if let Some(folder) = folder {
            self.dir.create_dir_all(folder)?;
        }
        let folder = folder.map(|folder| format!("{folder}/")).unwrap_or_default();
        let name = format!("{folder}{DRAFT}{number}");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o644);
        let file = self.dir.open_with(&name, &options)?;
        Ok(Draft { file, name, path: path.to_owned() })
    }

    /// Makes a file of this content and time, by way of a draft.
    pub(super) fn put(&self, path: &str, number: u64, content: &[Bytes], modified: i64) -> io::Result<()> {
        let draft = self.draft(path, number)?;
        match draft.write_all(content, 0) {
            Ok(()) => self.finish(&draft, modified),
            Err(error) => {
                self.give_up(&draft);
                Err(error)
            }
        }
    }

    /// Gives a draft its time and its place.
    pub(super) fn finish(&self, draft: &Draft, modified: i64) -> io::Result<()> {
        let time = Timespec { tv_sec: modified, tv_nsec: 0 };
        rustix::fs::futimens(&draft.file, &Timestamps { last_access: time, last_modification: time })?;
        let done = self.dir.rename(&draft.name, &self.dir, &draft.path);
        if done.is_err() {
            self.give_up(draft);
        }
        done
    }

    /// Removes a draft.
    pub(super) fn give_up(&self, draft: &Draft) {
        // The next one of this number takes its place.
        let _ = self.dir.remove_file(&draft.name);
    }

    /// Removes a file or a link, and directories that have become empty with it.
    pub(super) fn remove(&self, path: &str) -> io::Result<()> {
        self.dir.remove_file(path)?;
        let mut folder = path;
        while let Some((above, _)) = folder.rsplit_once('/') {
            if self.dir.remove_dir(above).is_err() {
                break;
            }
            folder = above;
        }
        Ok(())
    }
}

/// A file under way.
#[derive(Debug)]
pub(super) struct Draft {
    file: File,
    name: String,
    path: String,
}

impl Draft {
    /// Writes pieces one behind the other, from a place on.
    pub(super) fn write_all(&self, pieces: &[Bytes], mut at: u64) -> io::Result<()> {
        for piece in pieces {
            self.file.write_all_at(piece, at)?;
            at += piece.len() as u64;
        }
        Ok(())
    }
}

/// Reads a piece of a file, all of it.
pub(super) fn piece(file: &File, at: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut piece = vec![0; length];
    file.read_exact_at(&mut piece, at)?;
    Ok(piece)
}

/// Returns the path of a directory in a user's folder; `None` where it is none.
pub(super) fn directory(root: &Path, path: &str) -> Option<String> {
    plain(&crate::places::within(root, path)?).filter(|path| is_clean(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn nothing_outside_is_seen_or_touched() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        std::fs::create_dir_all(at("home/d/sub")).unwrap();
        for (name, content) in
            [("secret", "s"), ("home/beside", "b"), ("home/d/sub/file", "abc"), ("home/d/e", "")]
        {
            std::fs::write(at(name), content).unwrap();
        }
        symlink(at("secret"), at("home/d/out")).unwrap();
        symlink("../beside", at("home/d/up")).unwrap();
        symlink("sub/file", at("home/d/near")).unwrap();
        symlink("sub", at("home/d/folder")).unwrap();
        symlink("..", at("home/d/ring")).unwrap();
        std::fs::write(at("home/d/.quintet-sync-3"), "draft").unwrap();
        let tree = Tree::open(&at("home"), "d", false).unwrap();
        let found = tree.look().unwrap();
        assert_eq!(found.files.keys().collect::<Vec<_>>(), ["e", "near", "sub/file"]);
        assert_eq!(found.files["near"].size, 3);
        assert_eq!(found.others.iter().collect::<Vec<_>>(), ["folder", "out", "ring", "up"]);
        assert_eq!(tree.md5("sub/file").unwrap(), "900150983cd24fb0d6963f7d28e17f72");
        for path in ["out", "up", "../beside", "/etc/passwd"] {
            assert!(tree.read(path).is_err() && tree.draft(&format!("{path}/x"), 1).is_err(), "{path}");
        }
        // A file takes the place of a link, and not of what the link leads to.
        tree.put("up", 7, &["n".into(), "ew".into()], 1_000).unwrap();
        assert_eq!(std::fs::read(at("home/beside")).unwrap(), b"b");
        assert_eq!(tree.look().unwrap().files["up"], Local { size: 3, modified: 1_000 });
        tree.remove("sub/file").unwrap();
        assert!(!at("home/d/sub").exists() && at("home/d/e").exists());
        assert!(Tree::open(&at("home"), "../home", false).is_err());
    }

    #[test]
    fn only_directories_within_are_named() {
        let root = Path::new("/home/u");
        for (path, named) in [
            ("a/./b/", Some("a/b")),
            ("/home/u/a", Some("a")),
            ("", None),
            (".", None),
            ("/home/u", None),
            ("/home/u/", None),
            ("a/../..", None),
            ("a/../b", None),
            ("/home/v/a", None),
            ("a\0", None),
        ] {
            assert_eq!(directory(root, path).as_deref(), named, "{path}");
        }
    }
}
