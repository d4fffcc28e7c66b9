//! Accounting: what is counted, and who may use how much of it.

pub mod tres;

pub use tres::{Trackable, trackables};
