//! Finished attempts: written by [`Recorder`] on its own thread, read by [`Reader`] on any.

mod amend;
mod attempt;
mod chronicle;
mod known;
mod query;
mod reader;
mod record;
mod recorder;
mod recount;
mod retention;
mod shared;
mod step;
mod tally;
mod transfer;
mod usage;
mod walk;

pub use reader::Reader;
pub(crate) use recorder::Recorder;
pub use retention::{Keep, Listed, LoadError, Loaded, Retention, dump_archive, list_archive, load_archive};
