//! Which attempts are wanted. Lists that are empty, and limits that are `None`, do not matter. Accounts, partitions,
//! qualities of service, workload keys, reservations and constraints are found in small letters and capitals.

use crate::job::{Exit, Outcome, WayIn};
use crate::{Gid, JobId, TaskIndex, Text, Timestamp, Uid};

/// Which attempts are wanted, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// These jobs, all tasks of these arrays, or single tasks of them.
    pub jobs: Vec<(JobId, Option<TaskIndex>)>,
    /// Of one of these users.
    pub users: Vec<Uid>,
    /// Of one of these groups.
    pub groups: Vec<Gid>,
    /// Charged to one of these accounts.
    pub accounts: Vec<Text>,
    /// Charged to one of these associations: account, user, and the partition unless it is empty.
    pub associations: Vec<(Text, Text, Text)>,
    /// Of one of these names.
    pub names: Vec<Text>,
    /// Run in one of these partitions, or waiting for it.
    pub partitions: Vec<Text>,
    /// Of one of these qualities of service.
    pub qos: Vec<Text>,
    /// Under one of these workload keys.
    pub wckeys: Vec<Text>,
    /// In one of these reservations.
    pub reservations: Vec<Text>,
    /// With all of these in its constraints, as they are written.
    pub constraints: Vec<Text>,
    /// That had one of these nodes.
    pub nodes: Vec<Text>,
    /// For one of these reasons, by their names.
    pub reasons: Vec<Text>,
    /// That left this.
    pub exit: Option<Exit>,
    /// Whose turn to start came in one of these ways. Leaves out those that never started.
    pub ways_in: Vec<WayIn>,
    /// About which something was noted afterwards.
    pub altered: bool,
    /// Of an array only what has the array's own number: the tasks that waited together, or the last one that left them.
    pub whole: bool,
    /// At one of these times; nothing says at any.
    pub moments: Vec<Moments>,
    /// In which order.
    pub order: Order,
    /// Go on behind the attempt of this row.
    pub after: Option<u64>,
    /// At most so many.
    pub limit: usize,
}

/// The order of what is found: that in which the attempts were recorded, which is that in which they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The last one recorded first.
    #[default]
    LatestFirst,
    /// The first one recorded first.
    OldestFirst,
}

/// What must hold of an attempt at the same time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    /// How it stands.
    pub kind: Kind,
    /// When it was submitted.
    pub submitted: Between,
    /// Since when it could run. A limit leaves out those that never could.
    pub eligible: Between,
    /// When it started. A limit leaves out those that never did, unless `or_never_started`.
    pub started: Between,
    /// It need not have started.
    pub or_never_started: bool,
    /// When it ended. What lives ends after any time.
    pub ended: Between,
}

/// How an attempt stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Anyhow.
    #[default]
    Any,
    /// It has ended in one of these ways.
    Ended(Vec<Outcome>),
    /// It waits.
    Pending,
    /// It runs, or is being ended.
    Running,
    /// It is suspended.
    Suspended,
}

/// A span of time, both ends included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Between {
    /// Not before.
    pub from: Option<Timestamp>,
    /// Not after.
    pub to: Option<Timestamp>,
}

impl Between {
    /// Any time from this one on.
    pub fn from(from: Timestamp) -> Self {
        Between { from: Some(from), to: None }
    }

    /// Any time until this one.
    pub fn to(to: Timestamp) -> Self {
        Between { from: None, to: Some(to) }
    }

    /// Tells whether it leaves nothing out.
    pub fn is_all(self) -> bool {
        self == Between::default()
    }

    /// Tells whether a time lies in it; one that is not known does only if nothing is left out.
    pub fn has(self, at: Option<Timestamp>) -> bool {
        match at {
            Some(at) => self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at <= to),
            None => self.is_all(),
        }
    }
}
