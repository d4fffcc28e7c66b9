//! Folders that dialects keep for users: what users send and jobs find. Where they are on disk, and how nothing in them
//! leads out of them, is the affair of whoever keeps them.

use crate::Text;
use crate::job::Owner;

/// Keeps folders, each under a name of one or more parts between slashes that the dialect gives; a part is made of letters,
/// digits, `-` and `_`. Everything in a folder belongs to a user, who may change it at any time, as the user's jobs may.
///
/// Paths are within the folder. Nothing is ever reached that lies outside, or that is no file and no folder, or, where
/// the service may read what the user may not, that belongs to somebody else. May be asked from any thread; calls block.
pub trait Folders: Send + Sync {
    /// Makes a folder that belongs to a user, or finds it; returns where it is, as jobs find it.
    ///
    /// # Errors
    /// [`FolderError`].
    fn make(&self, folder: &str, owner: &Owner) -> Result<Text, FolderError>;

    /// Removes a folder with all that is in it; says whether there was one.
    ///
    /// # Errors
    /// [`FolderError`].
    fn remove(&self, folder: &str) -> Result<bool, FolderError>;

    /// Lists the last parts of the names of the folders whose names begin with these parts.
    ///
    /// # Errors
    /// [`FolderError`].
    fn names(&self, below: &str) -> Result<Vec<Text>, FolderError>;

    /// Lists what is in a folder, or in one within it, by name; at most `most`.
    ///
    /// # Errors
    /// [`FolderError`].
    fn list(&self, place: Place<'_>, most: usize) -> Result<Vec<Entry>, FolderError>;

    /// Makes a folder within a folder. The one it is in must be there.
    ///
    /// # Errors
    /// [`FolderError::Exists`].
    fn make_within(&self, place: Place<'_>) -> Result<(), FolderError>;

    /// Removes a file, or a folder within a folder with all that is in it.
    ///
    /// # Errors
    /// [`FolderError::Missing`].
    fn remove_within(&self, place: Place<'_>) -> Result<(), FolderError>;

    /// Returns how many bytes a file has.
    ///
    /// # Errors
    /// [`FolderError::Missing`], [`FolderError::NoFile`].
    fn size(&self, place: Place<'_>) -> Result<u64, FolderError>;

    /// Reads from a file, at most `most` bytes from `at` on; nothing behind its end.
    ///
    /// # Errors
    /// [`FolderError::Missing`], [`FolderError::NoFile`].
    fn read(&self, place: Place<'_>, at: u64, most: usize) -> Result<Vec<u8>, FolderError>;

    /// Writes a file as a whole, instead of what was there; safe when it returns.
    ///
    /// # Errors
    /// [`FolderError::Full`], [`FolderError::NoFile`] if there is a folder.
    fn write(&self, place: Place<'_>, content: &[u8], kind: FileKind) -> Result<(), FolderError>;

    /// Writes a piece of a file at its place and makes the file where there is none; safe when it returns.
    ///
    /// # Errors
    /// [`FolderError::Full`], [`FolderError::NoFile`].
    fn write_at(&self, place: Place<'_>, at: u64, piece: &[u8]) -> Result<(), FolderError>;

    /// Moves a file of a user's folder to a place in another one, instead of the file that is there; the folders on the
    /// way are made. It is cut or filled up with zeros to `size`. Safe when it returns.
    ///
    /// # Errors
    /// [`FolderError::Missing`], [`FolderError::NoFile`] if there is a folder.
    fn move_file(&self, from: Place<'_>, to: Place<'_>, size: u64) -> Result<(), FolderError>;

    /// Puts a link to another folder into a folder.
    ///
    /// # Errors
    /// [`FolderError::Exists`].
    fn link(&self, place: Place<'_>, to: &str) -> Result<(), FolderError>;

    /// Unpacks an archive (tar, also with gzip, or zip) into a folder that is made for it. Nothing of it is kept unless all
    /// is well.
    ///
    /// # Errors
    /// [`FolderError::BadArchive`] if it cannot be read, is larger than the bounds, or holds anything but files and folders
    /// with names that stay inside.
    fn unpack(&self, place: Place<'_>, archive: &[u8], bounds: Bounds) -> Result<(), FolderError>;

    /// Copies a folder within a folder, with all files and folders in it, to another place that is made for it; safe when
    /// it returns.
    ///
    /// # Errors
    /// [`FolderError::Missing`].
    fn copy(&self, from: Place<'_>, to: Place<'_>, bounds: Bounds) -> Result<(), FolderError>;
}

/// A place in a folder.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Name of the folder.
    pub folder: &'a str,
    /// Path within it; empty for the folder itself.
    pub path: &'a str,
    /// Whose it is, and to whom belongs what is made.
    pub owner: &'a Owner,
}

/// What kind of file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// To be read.
    Plain,
    /// To be executed as well.
    Program,
}

/// How much an archive or a folder may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of all files.
    pub bytes: u64,
    /// Files and folders.
    pub entries: usize,
}

/// What is in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: Text,
    /// It is a folder, not a file.
    pub is_folder: bool,
}

/// What can go wrong with folders.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// There is no such file or folder.
    #[error("there is no {0}")]
    Missing(Text),
    /// It is there already.
    #[error("{0} is there already")]
    Exists(Text),
    /// A file is wanted, and it is something else.
    #[error("{0} is not a file")]
    NoFile(Text),
    /// A folder is wanted, and it is something else.
    #[error("{0} is not a folder")]
    NoFolder(Text),
    /// It is nothing that could be a path in a folder, or it leads out.
    #[error("{0} is not a path in this folder")]
    BadPath(Text),
    /// It must not be shown or changed.
    #[error("{0} is not to be had")]
    Refused(Text),
    /// The archive cannot be taken; why.
    #[error("the archive cannot be unpacked: {0}")]
    BadArchive(Text),
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// The system says no.
    #[error("cannot {what}")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
