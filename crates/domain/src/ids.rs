//! Identifiers as types of their own, so that one cannot be passed for another.

use std::fmt;

/// A short string; up to 24 bytes cost no allocation.
pub type Text = compact_str::CompactString;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A job's number. An array, while its tasks wait together, has one; each task that
    /// leaves the array gets its own. Never zero, at most [`JobId::MAX`].
    JobId(u32)
}
number! {
    /// The index of a task within its array (`SLURM_ARRAY_TASK_ID`).
    TaskIndex(u32)
}
number! {
    /// The place of a node in [`crate::cluster::Cluster::nodes`].
    NodeIndex(u32)
}
number! {
    /// A user's number in the operating system.
    Uid(u32)
}
number! {
    /// A group's number in the operating system.
    Gid(u32)
}
number! {
    /// The place of a change in the feed of changes; grows by one with each.
    ChangeId(u64)
}

impl JobId {
    /// The largest number Slurm gives (facts: ids above are rejected by the controller).
    pub const MAX: JobId = JobId(67_108_863);
}
