//! One folder from which nothing leads out: every path is walked beneath it, links that leave it lead nowhere, and only
//! files and folders are opened.

use crate::path::{clean, divided};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, Metadata, MetadataExt, OpenOptions, OpenOptionsExt};
use domain::job::Owner;
use domain::ports::{Entry, FileKind, FolderError};
use domain::{Text, Uid};
use rustix::fs::OFlags;
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Permissions of folders.
const FOLDER_MODE: u32 = 0o700;

/// A folder that belongs to a user.
#[derive(Debug)]
pub struct Folder {
    dir: Dir,
    owner: Option<(rustix::fs::Uid, rustix::fs::Gid)>,
}

/// Turns what the system says about a path into what we say about it.
pub(crate) fn explained(path: &str, what: &'static str) -> impl FnOnce(io::Error) -> FolderError {
    let path = Text::from(path);
    move |error| match error.kind() {
        ErrorKind::NotFound => FolderError::Missing(path),
        ErrorKind::AlreadyExists => FolderError::Exists(path),
        ErrorKind::NotADirectory => FolderError::NoFolder(path),
        ErrorKind::IsADirectory => FolderError::NoFile(path),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => FolderError::Full,
        // What leads out, and what goes in circles.
        ErrorKind::PermissionDenied => FolderError::Refused(path),
        _ if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => FolderError::Refused(path),
        ErrorKind::InvalidFilename | ErrorKind::InvalidInput => FolderError::BadPath(path),
        _ => FolderError::Failed { what, source: error.into() },
    }
}

impl Folder {
    /// Opens a folder. A service that runs as root gives what it makes there to `owner`, and touches no file of others; any
    /// other is held by the kernel to what its own user may do.
    ///
    /// # Errors
    /// [`FolderError::Missing`], [`FolderError::NoFolder`].
    pub fn open(path: &Path, owner: &Owner) -> Result<Self, FolderError> {
        let name = path.to_string_lossy();
        let dir =
            Dir::open_ambient_dir(path, ambient_authority()).map_err(explained(&name, "open a folder"))?;
        Ok(Folder::of(dir, owner))
    }

    /// Makes one of a folder that is open.
    pub(crate) fn of(dir: Dir, owner: &Owner) -> Self {
        let is_root = rustix::process::geteuid().is_root();
        let ids = || (rustix::fs::Uid::from_raw(owner.uid.0), rustix::fs::Gid::from_raw(owner.gid.0));
        Folder { dir, owner: is_root.then(ids) }
    }

    /// Makes a folder below one of the service's own, or opens it.
    pub(crate) fn make_in(parent: &Dir, name: &str, owner: &Owner) -> Result<Self, FolderError> {
        let mut builder = DirBuilder::new();
        builder.mode(FOLDER_MODE);
        let is_new = match parent.create_dir_with(name, &builder) {
            Ok(()) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => return Err(explained(name, "make a folder")(error)),
        };
        let dir = parent.open_dir_nofollow_checked(name)?;
        let folder = Folder::of(dir, owner);
        if is_new {
            folder.give(&folder.handle(".")?, name)?;
        }
        Ok(folder)
    }

    /// Lists what is in a folder, by name; at most `most`. Links are shown as what they lead to, and nothing else is shown.
    ///
    /// # Errors
    /// [`FolderError::Missing`], [`FolderError::NoFolder`].
    pub fn list(&self, path: &str, most: usize) -> Result<Vec<Entry>, FolderError> {
        let path = clean(path)?;
        let failed = |error| explained(&path, "list a folder")(error);
        let mut found = Vec::new();
        for entry in self.dir.read_dir(&path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Some(name) = entry.file_name().to_str().map(Text::from) else { continue };
            let kind = entry.file_type().map_err(failed)?;
            let kind = match kind.is_symlink() {
                true => match self.dir.metadata(Path::new(&path).join(name.as_str())) {
                    Ok(metadata) => metadata.file_type(),
                    Err(_) => continue,
                },
                false => kind,
            };
            if kind.is_dir() || kind.is_file() {
                found.push(Entry { name, is_folder: kind.is_dir() });
            }
            if found.len() >= most {
                break;
            }
        }
        found.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(found)
    }

    /// Makes a folder; the one it is in must be there.
    ///
    /// # Errors
    /// [`FolderError::Exists`], [`FolderError::Missing`].
    pub fn make(&self, path: &str) -> Result<(), FolderError> {
        let path = clean(path)?;
        if path == "." {
            return Err(FolderError::Exists(Text::from(path)));
        }
        let mut builder = DirBuilder::new();
        builder.mode(FOLDER_MODE);
        let made = self.dir.create_dir_with(&path, &builder);
        made.map_err(explained(&path, "make a folder"))?;
        self.give(&self.handle(&path)?, &path)?;
        self.sync(divided(&path).0)
    }

    /// Makes all folders on the way to a path that are not there.
    fn make_way(&self, path: &str) -> Result<(), FolderError> {
        let ends = path.match_indices('/').map(|(at, _)| at);
        for end in ends {
            match self.make(path.get(..end).unwrap_or_default()) {
                Ok(()) | Err(FolderError::Exists(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes a file, a link, or a folder with all that is in it.
    ///
    /// # Errors
    /// [`FolderError::Missing`].
    pub fn remove(&self, path: &str) -> Result<(), FolderError> {
        let path = clean(path)?;
        if path == "." {
            return Err(FolderError::BadPath(Text::from(path)));
        }
        let failed = |error| explained(&path, "remove a file")(error);
        match self.dir.symlink_metadata(&path).map_err(failed)?.is_dir() {
            true => self.dir.remove_dir_all(&path).map_err(failed)?,
            false => self.dir.remove_file(&path).map_err(failed)?,
        }
        self.sync(divided(&path).0)
    }

    /// Opens a regular file to be read.
    ///
    /// # Errors
    /// [`FolderError::Missing`], [`FolderError::NoFile`], [`FolderError::Refused`] if it is not the user's.
    pub fn reading(&self, path: &str) -> Result<File, FolderError> {
        let path = clean(path)?;
        let mut options = OpenOptions::new();
        options.read(true);
        let file = self.regular(&path, &mut options)?;
        Ok(file)
    }

    /// Writes a file as a whole, instead of what was there; safe when it returns.
    ///
    /// # Errors
    /// [`FolderError::NoFile`] if there is a folder; [`FolderError::Missing`] if the folder it is in is not there.
    pub fn write(&self, path: &str, content: &[u8], kind: FileKind) -> Result<(), FolderError> {
        let path = clean(path)?;
        self.forget_file(&path)?;
        let mut file = self.fresh(&path, kind)?;
        let failed = |error| explained(&path, "write a file")(error);
        file.write_all(content).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        self.sync(divided(&path).0)
    }

    /// Writes a piece at its place and makes the file where there is none; safe when it returns.
    ///
    /// # Errors
    /// As [`Folder::write`].
    pub fn write_at(&self, path: &str, at: u64, piece: &[u8]) -> Result<(), FolderError> {
        let path = clean(path)?;
        let mut options = OpenOptions::new();
        options.write(true);
        let file = match self.regular(&path, &mut options) {
            Err(FolderError::Missing(_)) => match self.fresh(&path, FileKind::Plain) {
                // Another piece has been quicker.
                Err(FolderError::Exists(_)) => self.regular(&path, &mut options)?,
                file => file?,
            },
            file => file?,
        };
        let failed = |error| explained(&path, "write a file")(error);
        file.write_all_at(piece, at).map_err(failed)?;
        file.sync_data().map_err(failed)
    }

    /// Moves a file into another folder, instead of the file that is there; the folders on the way are made, and the file is
    /// given this length. Safe when it returns.
    ///
    /// # Errors
    /// [`FolderError::Missing`], [`FolderError::NoFile`] if there is a folder.
    pub fn move_file(&self, path: &str, to: &Folder, other: &str, size: u64) -> Result<(), FolderError> {
        let (path, other) = (clean(path)?, clean(other)?);
        let mut options = OpenOptions::new();
        options.write(true);
        let file = match self.regular(&path, &mut options) {
            Err(FolderError::Missing(_)) if size == 0 => self.fresh(&path, FileKind::Plain)?,
            file => file?,
        };
        let failed = |error| explained(&other, "move a file")(error);
        file.set_len(size).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        to.make_way(&other)?;
        if to.dir.symlink_metadata(&other).is_ok_and(|found| found.is_dir()) || other == "." {
            return Err(FolderError::NoFile(Text::from(other)));
        }
        self.dir.rename(&path, &to.dir, &other).map_err(failed)?;
        to.sync(divided(&other).0)
    }

    /// Puts a link to some place on this machine into the folder; it can be followed by jobs, and never by us.
    ///
    /// # Errors
    /// [`FolderError::Exists`].
    pub fn link(&self, path: &str, target: &str) -> Result<(), FolderError> {
        let path = clean(path)?;
        let (parent, name) = divided(&path);
        let handle = self.handle(parent)?;
        let failed = |error: rustix::io::Errno| explained(&path, "make a link")(error.into());
        rustix::fs::symlinkat(target, &handle, name).map_err(failed)?;
        if let Some((uid, gid)) = self.owner {
            let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::chownat(&handle, name, Some(uid), Some(gid), flags).map_err(failed)?;
        }
        self.sync(parent)
    }

    /// Makes a file that is not there, and opens it to be written.
    pub(crate) fn fresh(&self, path: &str, kind: FileKind) -> Result<File, FolderError> {
        let mode = match kind {
            FileKind::Plain => 0o600,
            FileKind::Program => 0o700,
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode);
        let file = self.dir.open_with(path, &options).map_err(explained(path, "make a file"))?.into_std();
        self.give(&file, path)?;
        Ok(file)
    }

    /// Makes what was changed in a folder safe.
    pub(crate) fn sync(&self, path: &str) -> Result<(), FolderError> {
        self.handle(path)?.sync_all().map_err(explained(path, "write a folder"))
    }

    /// Takes a file out of the way.
    fn forget_file(&self, path: &str) -> Result<(), FolderError> {
        match self.dir.symlink_metadata(path) {
            Ok(found) if found.is_dir() => Err(FolderError::NoFile(Text::from(path))),
            Ok(_) => self.dir.remove_file(path).map_err(explained(path, "write a file")),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(explained(path, "write a file")(error)),
        }
    }

    fn regular(&self, path: &str, options: &mut OpenOptions) -> Result<File, FolderError> {
        // A pipe would keep us waiting, and a terminal become ours.
        options.custom_flags((OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed());
        let file = self.dir.open_with(path, options).map_err(explained(path, "open a file"))?;
        let found = file.metadata().map_err(explained(path, "open a file"))?;
        if !found.is_file() {
            return Err(FolderError::NoFile(Text::from(path)));
        }
        if !self.is_theirs(&found) {
            return Err(FolderError::Refused(Text::from(path)));
        }
        Ok(file.into_std())
    }

    /// Tells whether a file may be touched: the kernel asks no questions of root, and a user can have another name for
    /// somebody else's file.
    fn is_theirs(&self, found: &Metadata) -> bool {
        self.owner.is_none_or(|(uid, _)| uid.is_root() || Uid(found.uid()) == Uid(uid.as_raw()))
    }

    /// Opens a folder as a file, to be synced or given away.
    fn handle(&self, path: &str) -> Result<File, FolderError> {
        let mut options = OpenOptions::new();
        let flags = OFlags::DIRECTORY | OFlags::NONBLOCK;
        options.read(true).custom_flags(flags.bits().cast_signed());
        let path = if path.is_empty() { "." } else { path };
        Ok(self.dir.open_with(path, &options).map_err(explained(path, "open a folder"))?.into_std())
    }

    fn give(&self, file: &File, path: &str) -> Result<(), FolderError> {
        let Some((uid, gid)) = self.owner else { return Ok(()) };
        let given = rustix::fs::fchown(file, Some(uid), Some(gid));
        given.map_err(|error| explained(path, "give a file to its user")(error.into()))
    }
}

/// Opens a folder of the service's own by its plain name.
pub(crate) trait OpenChecked {
    /// Opens a folder that is no link.
    fn open_dir_nofollow_checked(&self, name: &str) -> Result<Dir, FolderError>;
}

impl OpenChecked for Dir {
    fn open_dir_nofollow_checked(&self, name: &str) -> Result<Dir, FolderError> {
        let failed = |error| explained(name, "open a folder")(error);
        if self.symlink_metadata(name).map_err(failed)?.is_symlink() {
            return Err(FolderError::NoFolder(Text::from(name)));
        }
        self.open_dir(name).map_err(failed)
    }
}
