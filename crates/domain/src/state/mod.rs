//! All that is live, in memory: the jobs, what of the nodes is in use, and the indexes that let the scheduler and
//! the timers look only at what they must. Changed by the single writer alone; readers get a [`Snapshot`].

mod alarms;
mod arrays;
mod live;
mod planned;
mod queue;
mod rank;
mod reserved;
mod seen;
mod snapshot;
mod table;
mod tallies;

pub use live::State;
pub use planned::Planned;
pub use queue::{QueueKey, Queues};
pub use seen::Seen;
pub use snapshot::{PassStatistics, Snapshot, Statistics};
pub use table::{JobTable, Page, PageMark};
pub use tallies::{Standing, Tallies, Tally};
