//! Which credentials no longer hold, of those that prove themselves and are kept nowhere.

use super::StoreError;

/// Knows the credentials that an administrator has taken back, one by one, each under the name that its dialect gives it. May
/// be asked from any thread; calls may block. What is taken back holds for no request that begins afterwards.
pub trait Revocations: Send + Sync {
    /// Tells whether the credential of this name was taken back; `api` is its dialect's name.
    ///
    /// # Errors
    /// If that cannot be found out: then nobody must be let in.
    fn is_revoked(&self, api: &str, name: &str) -> Result<bool, StoreError>;
}
