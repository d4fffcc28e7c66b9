//! A user's crontab as it is kept: the text, and which job stands for which entry.

use crate::job::Owner;
use crate::{JobId, Text};

/// A user's crontab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crontab {
    /// Whose it is.
    pub owner: Owner,
    /// As written, with entries that were switched off since.
    pub text: Text,
    /// The entries that recur.
    pub installed: Vec<Installed>,
}

/// An entry that recurs, and its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Installed {
    /// First line of the entry, counted from one.
    pub first_line: u32,
    /// Its last line.
    pub last_line: u32,
    /// The job that stands for it.
    pub job: JobId,
}
