//! Where dialects keep what only they know: things of their own APIs that are no jobs (tools, tokens, projects), and what
//! they need to remember beside jobs.

use super::StoreError;

/// Keeps small documents, each in a place of its own: the name of a shelf and a name on it. What is in them is the owner's
/// affair; a dialect's shelves begin with its name. May be asked from any thread; calls may block. What a call has answered
/// is safe and seen by everybody.
pub trait Shelf: Send + Sync {
    /// Puts a document in its place, instead of what was there.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn put(&self, shelf: &str, name: &str, document: &[u8]) -> Result<(), StoreError>;

    /// Puts a document in its place if that holds exactly `was` (`None`: nothing); says whether it did.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn put_if(
        &self,
        shelf: &str,
        name: &str,
        was: Option<&[u8]>,
        document: &[u8],
    ) -> Result<bool, StoreError>;

    /// Returns what is in a place.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn get(&self, shelf: &str, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Empties a place; says whether there was something.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn remove(&self, shelf: &str, name: &str) -> Result<bool, StoreError>;

    /// Lists the names, with their documents, that begin with `prefix` and come behind `after`, in the order of their bytes,
    /// at most `most`.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn list(
        &self,
        shelf: &str,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, Vec<u8>)>, StoreError>;
}
