//! What a submission says, before it is checked, and what its author is told.

use super::receipts::ClientKey;
use crate::JobId;
use crate::Text;
use crate::TimeLimit;
use crate::job::{JobSpec, Payload};

/// A submission as a dialect has read it. In `spec`, an empty account, partition list, quality of service or workload
/// key means "not given" and is filled in; all names of partitions are as written.
#[derive(Clone, Debug, PartialEq)]
pub struct Submission {
    /// What is asked for.
    pub spec: JobSpec,
    /// Time limit; `None` for the partition's default. Wins over the one in `spec`.
    pub time_limit: Option<TimeLimit>,
    /// Array expression, empty for none: `0-9`, `0-6:2`, `1,3,5%2`.
    pub array: Text,
    /// Dependency, empty for none.
    pub dependency: Text,
    /// Held from the start.
    pub hold: bool,
    /// Refused if it cannot start at once.
    pub immediate: bool,
    /// Put back when a node fails; `None` for the configured default. Wins over the one in `spec`.
    pub requeue: Option<bool>,
    /// Script and environment.
    pub payload: Payload,
    /// By what its client knows it again, if it shall be answered only once.
    pub client_key: Option<ClientKey>,
}

/// A submission was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The job's number.
    pub id: JobId,
    /// What its author should know.
    pub notes: Vec<Note>,
}

/// What the author of an accepted submission should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The job is held.
    Held,
    /// It asks for more than the partition can give as configured, and waits for that to change.
    PartitionConfiguration,
    /// Nodes it needs are down, drained or reserved.
    NodesUnavailable,
    /// No reservation it names is open yet.
    ReservationNotOpen,
}
