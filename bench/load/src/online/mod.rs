//! An object store to copy to and from, and a plain client of it: what synchronization is compared with. The only part of
//! this program that has a runtime, since the libraries want one.

mod client;
mod store;

pub(crate) use client::Plain;
pub(crate) use store::{Store, serve};

/// The only bucket.
pub(crate) const BUCKET: &str = "bench";
/// Who may use it.
pub(crate) const ACCESS_KEY: &str = "bench";
/// The secret of that.
pub(crate) const SECRET_KEY: &str = "bench-secret";
/// The region for which requests are signed.
pub(crate) const REGION: &str = "us-east-1";
