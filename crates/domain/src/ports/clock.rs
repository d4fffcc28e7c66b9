//! Where time comes from.

use crate::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Returns the present moment; never earlier than what it returned before.
    fn now(&self) -> Timestamp;
}
