//! What a job is, and what may be done with it. Knows nobody: no web, no SQL, no processes, no clock.
//!
//! - [`job`]: the job, its request, its states, and `apply`, the one function that changes them
//! - [`accounting`]: what is counted, and who may use how much of it
//! - [`cluster`]: nodes, partitions, and what is configured
//! - [`fit`]: whether and where a request fits
//! - [`history`]: which finished attempts are wanted, and what is noted about one afterwards
//! - [`monitoring`]: what is measured where, and jobs as monitoring sees them
//! - [`priority`]: how high a waiting job ranks
//! - [`reservation`]: what is kept for some users for some time
//! - [`state`]: all live jobs with the indexes the scheduler needs
//! - [`ports`]: what the domain asks of engine, store, clock and user directory
//! - [`service`]: the use cases, and the single writer that performs them

pub mod accounting;
mod by_number;
pub mod cluster;
pub mod cron;
pub mod error;
pub mod fit;
pub mod history;
mod ids;
pub mod job;
pub mod monitoring;
pub mod ports;
pub mod priority;
pub mod reservation;
pub mod service;
pub mod state;
mod time;
pub mod who;

pub use by_number::{ByNumber, NumberHasher, Numbered};
pub use error::{ClusterRefusal, Error, ParentAccount, Problem};
pub use ids::{ChangeId, Gid, JobId, NodeIndex, TaskIndex, Text, Uid};
pub use time::{TimeLimit, Timestamp};
