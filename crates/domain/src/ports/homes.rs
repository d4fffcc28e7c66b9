//! Where users keep what they work with: a folder each, out of which no path leads.

use crate::Text;
use crate::who::Person;

/// A file of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeFile {
    /// Where it is: absolute, without symbolic links below the user's folder.
    pub path: Text,
    /// What is in it.
    pub content: Vec<u8>,
}

/// Why a file cannot be had or made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoFile {
    /// There is none, or it is none of the user's folder.
    #[error("there is no such file in the user's folder")]
    Missing,
    /// It is larger than wanted.
    #[error("the file is too large")]
    TooLarge,
    /// The system says no.
    #[error("{0}")]
    Failed(String),
}

/// Reads and writes files of users with the rights of these users. May be asked from any thread; calls block.
pub trait Homes: Send + Sync {
    /// Returns the folder of a user; there may be none yet.
    fn folder(&self, user: &Person) -> Text;

    /// Returns a regular file of a user, by a path within the folder or an absolute one that leads into it.
    ///
    /// # Errors
    /// [`NoFile`], also for what lies outside, for directories and for what the user may not read.
    fn read(&self, user: &Person, path: &str, most: usize) -> Result<HomeFile, NoFile>;

    /// Makes a file of a user, or puts another content in its place; a path as in [`Homes::read`].
    ///
    /// # Errors
    /// [`NoFile`], also for what lies outside and for what the user may not write.
    fn write(&self, user: &Person, path: &str, content: &[u8]) -> Result<(), NoFile>;
}
