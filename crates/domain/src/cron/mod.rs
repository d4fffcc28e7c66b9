//! Jobs that recur: the grammar of a user's crontab, as `scrontab` has it, and when an entry is due next.

mod crontab;
mod schedule;
mod text;

pub use crontab::{Crontab, Installed};
pub use schedule::{BadSchedule, Schedule};
pub use text::{BadEntry, BadLine, Entry, disabled, entries};
