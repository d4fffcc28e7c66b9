//! Finished attempts: written by [`Recorder`] on its own thread, read by [`Reader`] on any.

mod amend;
mod attempt;
mod query;
mod reader;
mod record;
mod recorder;
mod shared;
mod step;
mod transfer;
mod walk;

pub use reader::Reader;
pub(crate) use recorder::Recorder;
