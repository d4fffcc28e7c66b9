//! Who may log in, where a dialect lets people do so.

use super::StoreError;
use crate::Text;

/// Knows the passwords that administrators have set, as hashes, and numbers for names of users: for tokens that have no room
/// for a name. May be asked from any thread; calls may block.
pub trait Logins: Send + Sync {
    /// Returns the hash of a user's password, in the PHC format; `None` for a user without one.
    fn hash_of(&self, user: &str) -> Option<Text>;

    /// Returns the number that stands for a user's name, now and for ever; gives one if there is none yet.
    ///
    /// # Errors
    /// If it cannot be written down.
    fn number_of(&self, user: &str) -> Result<u32, StoreError>;

    /// Returns whose number this is; answers from memory most of the time.
    fn user_of(&self, number: u32) -> Option<Text>;
}
