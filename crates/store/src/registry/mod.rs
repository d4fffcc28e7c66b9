//! Records of monitored jobs, their tags, and the users of monitoring: monitor.db.
//!
//! - `desk`: the thread that carries changes out, several in one connection, and the handle to it
//! - `body`: a record as bytes; `record`, `tags`, `nodes`, `viewers`: the tables
//! - `groups`: how many records there are of which user, project, cluster and state
//! - `living`: records that are not over, in memory
//! - `spans`: how many records started when; `total`: how many a list has
//! - `list`: which way through the tables is the short one

mod body;
mod desk;
mod groups;
mod list;
mod living;
mod nodes;
mod record;
mod spans;
mod tags;
mod total;
mod viewers;

pub use desk::Monitored;
