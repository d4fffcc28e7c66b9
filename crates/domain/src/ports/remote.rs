//! A cluster that decides for itself: it gives numbers, orders, places and starts its jobs, and is asked and told.
//!
//! Nothing of it may be taken for known but what it has told, and that only for the moment at which it was true. Whoever
//! asks it must expect that an answer is lost on its way: see [`RemoteError::Unknown`].

use crate::accounting::Configured;
use crate::cluster::{Cluster, Node, Partition};
use crate::job::{Job, Payload, TaskSet, WarningScope};
use crate::service::{Submission, Update};
use crate::{Error, JobId, Problem, Text, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// A cluster elsewhere. May be asked from several threads at once; calls may block as long as the cluster takes, but never
/// for ever.
///
/// Jobs that it tells are whole: each is put in the place of what was known of its number. Allocations name nodes by their
/// places in the `cluster` that is passed; a node that this does not have is left out. All times are the cluster's own, in
/// whole seconds.
pub trait Remote: Send + Sync {
    /// Returns what there is beside jobs; `None` if it is as it was told last.
    ///
    /// # Errors
    /// [`RemoteError::Unreachable`].
    fn ground(&self) -> Result<Option<Ground>, RemoteError>;

    /// Returns the jobs that the cluster has in memory; they may be as old as those that others are told.
    ///
    /// # Errors
    /// [`RemoteError::Unreachable`].
    fn jobs(&self, since: Option<Look>, cluster: &Cluster) -> Result<Sighting, RemoteError>;

    /// The same, asked for after this call.
    ///
    /// # Errors
    /// [`RemoteError::Unreachable`].
    fn jobs_now(&self, since: Option<Look>, cluster: &Cluster) -> Result<Sighting, RemoteError>;

    /// Returns every record that a job number stands for, as it is now; none if the cluster has no such job in memory.
    ///
    /// # Errors
    /// [`RemoteError::Unreachable`].
    fn job(&self, id: JobId, cluster: &Cluster) -> Result<Vec<Told>, RemoteError>;

    /// Submits a job for its owner, and returns its number. What the submission leaves open is the cluster's to fill in.
    /// The mark goes with the job, and is told with it from then on ([`Told::mark`]).
    ///
    /// # Errors
    /// [`RemoteError`]; after [`RemoteError::Unknown`] there may be such a job or not, and for so long as
    /// [`Remote::settles`] says there may come to be one.
    fn submit(&self, submission: &Submission, mark: &str) -> Result<JobId, RemoteError>;

    /// Does something with a job or a whole array, or with some tasks of one, on behalf of a user. To do it twice is the
    /// same as to do it once.
    ///
    /// # Errors
    /// [`RemoteError`]; [`Problem::Unsupported`] for what the cluster's interface cannot do.
    fn act(&self, user: &str, deed: Deed, job: JobId, tasks: Option<&TaskSet>) -> Result<(), RemoteError>;

    /// Changes a job on behalf of a user.
    ///
    /// # Errors
    /// [`RemoteError`]; [`Problem::Unsupported`] for fields that the cluster's interface cannot change.
    fn update(&self, user: &str, job: JobId, update: &Update) -> Result<(), RemoteError>;

    /// Returns what accounting knows of attempts that are over, those of other jobs and those that are not left out.
    ///
    /// # Errors
    /// [`RemoteError::Unreachable`]: then it is unknown whether accounting knows them.
    fn ended(&self, jobs: &[JobId], cluster: &Cluster) -> Result<Vec<Told>, RemoteError>;

    /// Returns the job that was submitted with a mark, as accounting knows it: for submissions that were sent so long ago that
    /// the cluster may have forgotten what became of them. `None` where accounting has no such job, or there is none.
    ///
    /// # Errors
    /// [`RemoteError::Unreachable`].
    fn recall(
        &self,
        mark: &str,
        owner: &str,
        since: Timestamp,
        cluster: &Cluster,
    ) -> Result<Option<Told>, RemoteError>;

    /// Returns script and environment of a job as far as accounting keeps them.
    ///
    /// # Errors
    /// [`RemoteError::Unreachable`].
    fn payload(&self, job: JobId) -> Result<Option<Payload>, RemoteError>;

    /// Returns how long after a lost answer the request may still take effect.
    fn settles(&self) -> Duration;
}

/// What there is of a cluster beside jobs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ground {
    /// The cluster's name.
    pub name: Text,
    /// Nodes, in the cluster's order.
    pub nodes: Vec<Node>,
    /// Partitions with the names of their nodes; their own lists of places are filled in by whoever is told.
    pub partitions: Vec<(Partition, Vec<Text>)>,
    /// Licences and how many there are.
    pub licenses: BTreeMap<Text, u32>,
    /// Accounts, users and qualities of service; `None` where accounting did not tell.
    pub accounting: Option<Configured>,
}

/// A moment, as whoever asks the cluster counts them: their order is all that they say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

/// Names what a look at all jobs has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look(pub u64);

/// What a look at all jobs has shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    /// For the next look.
    pub look: Look,
    /// From which moment it is.
    pub as_of: Moment,
    /// Jobs that may be other than the look before has shown; all of them, where that is not remembered.
    pub jobs: Vec<Told>,
    /// The numbers of all jobs that the cluster has in memory.
    pub there: Arc<BTreeSet<JobId>>,
}

/// A job as the cluster tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The job. What the cluster does not tell is as if it had not been given.
    pub job: Job,
    /// The mark it was submitted with; empty for none.
    pub mark: Text,
    /// What it used is known, if it is over.
    pub accounted: bool,
    /// From which moment this is.
    pub as_of: Moment,
}

/// What can be done with a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// End it.
    Cancel {
        /// SIGKILL without SIGTERM before.
        kill: bool,
    },
    /// Send it a signal.
    Signal {
        /// Its number.
        signal: i32,
        /// Who gets it.
        scope: WarningScope,
    },
    /// Put it back into the queue.
    Requeue {
        /// And hold it.
        hold: bool,
    },
    /// Halt it.
    Suspend,
    /// Let it go on.
    Resume,
}

/// Why a cluster did not do as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// It refuses; nothing has happened.
    #[error("{0}")]
    Refused(Problem),
    /// It could not be asked; nothing has happened.
    #[error("the cluster cannot be reached: {0}")]
    Unreachable(Text),
    /// It was asked, and the answer was lost.
    #[error("it is not known whether the cluster has done it: {0}")]
    Unknown(Text),
}

impl From<RemoteError> for Error {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Refused(problem) => problem.into(),
            error => Error::Unavailable(Text::from(error.to_string())),
        }
    }
}
