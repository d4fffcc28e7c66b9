//! Finished attempts: written by [`Recorder`] on its own thread, read by [`Reader`] on any.

mod attempt;
mod query;
mod reader;
mod record;
mod recorder;
mod step;
mod transfer;

pub use reader::Reader;
pub(crate) use recorder::Recorder;
