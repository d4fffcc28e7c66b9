//! The folders of dialects, below one folder of the service's own ([`Folders`]).

use crate::archive;
use crate::folder::{Folder, OpenChecked, explained};
use crate::path::{clean, folder_name};
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use domain::Text;
use domain::job::Owner;
use domain::ports::{Bounds, Entry, FileKind, FolderError, Folders, Place};
use std::fs::{DirBuilder, Permissions};
use std::io;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::OnceLock;

/// Everybody passes through to what is theirs, and nobody sees what else there is.
const PASSAGE: u32 = 0o711;
/// How deep folders are copied.
const DEEPEST: usize = 64;

/// Keeps folders.
#[derive(Debug)]
pub struct Keep {
    path: PathBuf,
    root: OnceLock<Dir>,
}

impl Keep {
    /// Makes one whose folders are in the one of this absolute path, which is made when it is needed.
    pub fn new(path: PathBuf) -> Self {
        Keep { path, root: OnceLock::new() }
    }

    /// Makes the folder they are in.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn prepare(&self) -> io::Result<()> {
        let path = &self.path;
        DirBuilder::new().recursive(true).mode(PASSAGE).create(path)?;
        // Whatever mask this process has.
        std::fs::set_permissions(path, Permissions::from_mode(PASSAGE))
    }

    /// Opens the folder they are in.
    fn root(&self) -> Result<&Dir, FolderError> {
        if let Some(root) = self.root.get() {
            return Ok(root);
        }
        let opened = Dir::open_ambient_dir(&self.path, ambient_authority());
        let opened = opened.map_err(explained(&self.path.to_string_lossy(), "open the folder of all"))?;
        Ok(self.root.get_or_init(|| opened))
    }

    /// Opens the folder above the one of this name, and tells its last part.
    fn above<'a>(&self, folder: &'a str, is_made: bool) -> Result<(Dir, &'a str), FolderError> {
        let mut here = self.root()?.try_clone().map_err(explained(folder, "open a folder"))?;
        let mut parts = folder_name(folder)?.split('/').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return Ok((here, part));
            }
            if is_made {
                match here.create_dir(part) {
                    Ok(()) => {
                        let permissions = cap_std::fs::Permissions::from_std(Permissions::from_mode(PASSAGE));
                        here.set_permissions(part, permissions)
                            .map_err(explained(folder, "make a folder"))?;
                    }
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                    Err(error) => return Err(explained(folder, "make a folder")(error)),
                }
            }
            here = here.open_dir_nofollow_checked(part)?;
        }
        Err(FolderError::BadPath(Text::from(folder)))
    }

    fn folder(&self, place: &Place<'_>) -> Result<Folder, FolderError> {
        let (above, name) = self.above(place.folder, false)?;
        Ok(Folder::of(above.open_dir_nofollow_checked(name)?, place.owner))
    }

    fn shown(&self, folder: &str) -> Text {
        Text::from(self.path.join(folder).to_string_lossy())
    }
}

impl Folders for Keep {
    fn make(&self, folder: &str, owner: &Owner) -> Result<Text, FolderError> {
        if self.root.get().is_none() {
            self.prepare().map_err(explained(folder, "make the folder of all"))?;
        }
        let (above, name) = self.above(folder, true)?;
        Folder::make_in(&above, name, owner)?;
        let handle = above.open(".").map_err(explained(folder, "make a folder"))?;
        handle.sync_all().map_err(explained(folder, "make a folder"))?;
        Ok(self.shown(folder))
    }

    fn remove(&self, folder: &str) -> Result<bool, FolderError> {
        let (above, name) = match self.above(folder, false) {
            Err(FolderError::Missing(_)) => return Ok(false),
            above => above?,
        };
        match above.remove_dir_all(name) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(explained(folder, "remove a folder")(error)),
        }
    }

    fn names(&self, below: &str) -> Result<Vec<Text>, FolderError> {
        let failed = |error| explained(below, "list a folder")(error);
        let below = folder_name(below)?;
        let root = match self.root() {
            Err(FolderError::Missing(_)) => return Ok(Vec::new()),
            root => root?,
        };
        let entries = match root.read_dir(below) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry.map_err(failed)?.file_name().to_str().map(Text::from));
        }
        Ok(names)
    }

    fn list(&self, place: Place<'_>, most: usize) -> Result<Vec<Entry>, FolderError> {
        self.folder(&place)?.list(place.path, most)
    }

    fn make_within(&self, place: Place<'_>) -> Result<(), FolderError> {
        self.folder(&place)?.make(place.path)
    }

    fn remove_within(&self, place: Place<'_>) -> Result<(), FolderError> {
        self.folder(&place)?.remove(place.path)
    }

    fn size(&self, place: Place<'_>) -> Result<u64, FolderError> {
        let file = self.folder(&place)?.reading(place.path)?;
        Ok(file.metadata().map_err(explained(place.path, "look at a file"))?.len())
    }

    fn read(&self, place: Place<'_>, at: u64, most: usize) -> Result<Vec<u8>, FolderError> {
        let file = self.folder(&place)?.reading(place.path)?;
        let failed = |error| explained(place.path, "read a file")(error);
        let length = file.metadata().map_err(failed)?.len();
        let wanted = usize::try_from(length.saturating_sub(at)).unwrap_or(usize::MAX).min(most);
        let mut bytes = vec![0; wanted];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, at.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    fn write(&self, place: Place<'_>, content: &[u8], kind: FileKind) -> Result<(), FolderError> {
        self.folder(&place)?.write(place.path, content, kind)
    }

    fn write_at(&self, place: Place<'_>, at: u64, piece: &[u8]) -> Result<(), FolderError> {
        self.folder(&place)?.write_at(place.path, at, piece)
    }

    fn move_file(&self, from: Place<'_>, to: Place<'_>, size: u64) -> Result<(), FolderError> {
        let (source, target) = (self.folder(&from)?, self.folder(&to)?);
        source.move_file(from.path, &target, to.path, size)
    }

    fn link(&self, place: Place<'_>, to: &str) -> Result<(), FolderError> {
        let target = self.shown(folder_name(to)?);
        self.folder(&place)?.link(place.path, &target)
    }

    fn unpack(&self, place: Place<'_>, archive: &[u8], bounds: Bounds) -> Result<(), FolderError> {
        let folder = self.folder(&place)?;
        let path = clean(place.path)?;
        folder.make(&path)?;
        let unpacked = archive::unpack(&folder, &path, archive, bounds);
        if unpacked.is_err() {
            // What is left behind is no more than a folder nobody knows.
            let _ = folder.remove(&path);
        }
        unpacked
    }

    fn copy(&self, from: Place<'_>, to: Place<'_>, bounds: Bounds) -> Result<(), FolderError> {
        let (source, target) = (self.folder(&from)?, self.folder(&to)?);
        let (path, other) = (clean(from.path)?, clean(to.path)?);
        let mut left = bounds;
        copy(&source, &path, &target, &other, &mut left, DEEPEST)
    }
}

/// Copies a folder to a place where nothing is.
fn copy(
    source: &Folder,
    path: &str,
    target: &Folder,
    other: &str,
    left: &mut Bounds,
    depth: usize,
) -> Result<(), FolderError> {
    let too_large = |path: &str| FolderError::Refused(Text::from(path));
    if depth == 0 {
        return Err(too_large(path));
    }
    target.make(other)?;
    for entry in source.list(path, left.entries)? {
        left.entries = left.entries.checked_sub(1).ok_or_else(|| too_large(path))?;
        let (from, to) = (format!("{path}/{}", entry.name), format!("{other}/{}", entry.name));
        if entry.is_folder {
            copy(source, &from, target, &to, left, depth - 1)?;
            continue;
        }
        let file = source.reading(&from)?;
        let mode = file.metadata().map_err(explained(&from, "read a file"))?.permissions().mode();
        let kind = if mode & 0o111 != 0 { FileKind::Program } else { FileKind::Plain };
        let mut written = target.fresh(&to, kind)?;
        let most = left.bytes;
        let copied = io::copy(&mut file.take(most.saturating_add(1)), &mut written);
        let copied = copied.map_err(explained(&to, "write a file"))?;
        left.bytes = most.checked_sub(copied).ok_or_else(|| too_large(path))?;
        written.sync_all().map_err(explained(&to, "write a file"))?;
    }
    target.sync(other)
}
