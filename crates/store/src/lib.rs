//! Where jobs are remembered: an embedded database in the state directory. Knows no dialect and no engine.
//!
//! - queue.db holds the live jobs; [`Writer`] commits to it, and what it has acknowledged survives a power cut.
//! - history.db holds finished attempts for years; a thread takes them over from queue.db, [`Reader`] reads them.
//! - metrics.db holds measured values, [`Measured`] takes them in and reads them; monitor.db holds monitored jobs, by
//!   [`Monitored`].
//! - shelf.db holds what dialects keep for themselves, by [`Papers`].
//!
//! All SQL is here: `schema/` has the tables, every statement stands next to the function that runs it.

mod checkpoint;
mod content;
mod database;
mod directory;
mod failure;
mod history;
mod progress;
mod registry;
mod row;
mod series;
mod shelf;
mod writer;

pub use failure::OpenError;
pub use history::{
    Keep, Listed, LoadError, Loaded, Reader, Retention, dump_archive, list_archive, load_archive,
};
pub use registry::Monitored;
pub use series::{Measured, MeasuredOptions, Step, Thinning};
pub use shelf::Papers;
pub use writer::Writer;

use database::Database;
use directory::Directory;
use domain::ports::{Calendar, Greenwich, StoreError};
use progress::Progress;
use std::path::Path;
use std::sync::Arc;

/// How a store is kept.
#[derive(Clone)]
pub struct Options {
    /// When days and months begin, over which usage is summed.
    pub calendar: Arc<dyn Calendar>,
    /// Memory for scripts and environments used lately, bytes.
    pub recent_bytes: usize,
    /// Most pages of 4096 bytes that queue.db may have; `None` for what the disk has.
    pub most_queue_pages: Option<u32>,
    /// How long history is kept; `None` for ever.
    pub retention: Option<Retention>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            calendar: Arc::new(Greenwich),
            recent_bytes: 16 << 20,
            most_queue_pages: None,
            retention: None,
        }
    }
}

/// Opens the store in a directory, making what is missing, and takes the directory for this process alone.
///
/// The directory is made private if it has to be made; the files in it always are.
///
/// # Errors
/// If another process has it, if it was written by a later version, if it cannot be read or written. The source
/// is an [`OpenError`] where no database is at fault.
pub fn open(directory: &Path, options: Options) -> Result<(Writer, Reader), StoreError> {
    if let Some(retention) = &options.retention {
        retention.probe()?;
    }
    let directory = Directory::take(directory)?;
    let queue = directory.database(Database::Queue.file())?;
    let history = directory.database(Database::History.file())?;
    let progress = Arc::new(Progress::default());
    let calendar = Arc::clone(&options.calendar);
    let reader = Reader::of(queue.clone(), history.clone(), Arc::clone(&progress), calendar);
    let writer = Writer::open(directory, queue, history, progress, &options)?;
    Ok((writer, reader))
}
