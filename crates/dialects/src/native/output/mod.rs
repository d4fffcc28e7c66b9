//! A job's output: which file it is, whether it may be shown, and reading it while it grows.

mod find;
mod follow;
mod read;

pub(super) use find::{Stream, attempts};
pub(super) use follow::show;
