//! Copying between users' folders and an object store elsewhere.

use super::StoreError;
use crate::Text;

/// What shall be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Whose folder it is.
    pub user: Text,
    /// A directory within it.
    pub path: Text,
    /// Where from, where to.
    pub direction: Direction,
    /// Whether files are deleted that are at the destination and not at the source.
    pub delete: bool,
}

/// Where from, where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the folder to the object store.
    ToOnline,
    /// From the object store to the folder.
    FromOnline,
}

/// How far a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not done yet.
    Waiting,
    /// Done, apart from so many things that could not be.
    Complete {
        /// How many.
        failures: u64,
    },
    /// What was asked for cannot be: there is no such directory, or it is none of the user's folder.
    Unfit,
}

/// Why a transfer is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NoTransfer {
    /// There is no object store.
    #[error("no object store is configured")]
    Nowhere,
    /// Too many wait already.
    #[error("too many transfers wait")]
    TooMany,
    /// It cannot be remembered.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Copies between users' folders and an object store, one transfer after the other where they touch the same files. May be
/// asked from any thread; calls may block.
pub trait Transfers: Send + Sync {
    /// Takes a transfer in and returns its number. From then on it is remembered, and done even if the service ends
    /// meanwhile.
    ///
    /// # Errors
    /// If it is not taken.
    fn request(&self, transfer: &Transfer) -> Result<u64, NoTransfer>;

    /// Says how far a user's transfer is; `None` where it is nobody's, or somebody else's.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn progress(&self, user: &str, number: u64) -> Result<Option<Progress>, StoreError>;
}
