//! What is remembered. Writing is for the single writer; reading history is for everybody.

use crate::accounting::{LastNumbers, Past, Record, RecordKey, UsedBy};
use crate::cluster::NodeMark;
use crate::cron::Crontab;
use crate::history::{
    Amendment, Booking, Deed, During, Episode, Gathered, Occurrence, Purged, UsageWanted, Wanted,
};
use crate::job::{EndedStep, Job, Payload};
use crate::reservation::Reservation;
use crate::service::{Receipt, StateChange};
use crate::who::Membership;
use crate::{ChangeId, JobId, Text, Timestamp, Uid};
use std::ops::ControlFlow;
use std::sync::Arc;

/// Remembers the live jobs. Owned by the writer's thread; calls may block.
pub trait Store: Send {
    /// Returns everything that was live when the last batch was committed.
    ///
    /// # Errors
    /// If the store cannot be read, or is of a later version.
    fn load(&mut self) -> Result<Saved, StoreError>;

    /// Writes a batch down: when it returns `Ok`, the end of this process loses nothing of it, and after
    /// [`Store::sync`] neither does a power cut; when it returns an error, nothing of it has been kept.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn commit(&mut self, batch: &Batch) -> Result<(), StoreError>;

    /// Makes everything that was committed safe from power cuts. A store in memory has nothing to do.
    ///
    /// # Errors
    /// If the disk is broken. What was committed is kept all the same.
    fn sync(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Whether syncing takes so long that several commits for which nobody waits should share one.
    fn syncs_slowly(&self) -> bool {
        false
    }

    /// Returns script and environment of a job, or of the array whose task it is (by the array's number).
    ///
    /// # Errors
    /// If it cannot be read or was never there.
    fn payload(&mut self, id: JobId) -> Result<Arc<Payload>, StoreError>;
}

/// Everything that was live.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// Live jobs in ascending order; tasks of an array share their request.
    pub jobs: Vec<Job>,
    /// The number the next job gets; `None` in a fresh store.
    pub next_id: Option<JobId>,
    /// The last changes, oldest first.
    pub changes: Vec<StateChange>,
    /// Users added at run time before there were books; they are brought into those once.
    pub members: Vec<Membership>,
    /// What was used, in no order.
    pub usage: Vec<(UsedBy, Past)>,
    /// Until when the use of live jobs is in it.
    pub accounted: Timestamp,
    /// The records of accounting, in no order.
    pub books: Vec<Record>,
    /// The numbers they were given last.
    pub last_numbers: LastNumbers,
    /// Administrative states of nodes that differ from the configuration.
    pub nodes: Vec<NodeMark>,
    /// Crontabs.
    pub crontabs: Vec<Crontab>,
    /// Reservations in the order of their numbers.
    pub reservations: Vec<Reservation>,
    /// The highest number that a reservation ever had.
    pub last_reservation: u32,
    /// What submissions with a client's key were answered, in the order of their numbers.
    pub receipts: Vec<Receipt>,
}

/// What changes together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Jobs that are new or have changed, each once.
    pub jobs: Vec<Arc<Job>>,
    /// Script and environment of new jobs.
    pub payloads: Vec<(JobId, Arc<Payload>)>,
    /// Attempts that have ended: history keeps them.
    pub closed: Vec<Closed>,
    /// Steps that have ended: history keeps them.
    pub steps: Vec<ClosedStep>,
    /// Jobs that leave the live ones; history has them already.
    pub gone: Vec<JobId>,
    /// What happened, in order.
    pub changes: Vec<StateChange>,
    /// Changes up to this one need not be kept any more.
    pub forget_changes: Option<ChangeId>,
    /// The number the next job gets.
    pub next_id: Option<JobId>,
    /// Users that were added before there were books, and are in these now.
    pub removed_members: Vec<Text>,
    /// What was used by those that have used more.
    pub usage: Vec<(UsedBy, Past)>,
    /// Until when the use of live jobs is taken in, where that has changed.
    pub accounted: Option<Timestamp>,
    /// Records of accounting that are new or have changed.
    pub books: Vec<Record>,
    /// Records of accounting that are gone.
    pub removed_books: Vec<RecordKey>,
    /// The numbers that were given last in accounting, where that has changed.
    pub last_numbers: Option<LastNumbers>,
    /// Nodes whose administrative state has changed.
    pub nodes: Vec<NodeMark>,
    /// Names of nodes of which nothing need be remembered any more.
    pub removed_nodes: Vec<Text>,
    /// Crontabs that are new or have changed.
    pub crontabs: Vec<Arc<Crontab>>,
    /// Users whose crontabs are gone.
    pub removed_crontabs: Vec<Uid>,
    /// Reservations that are new or have changed.
    pub reservations: Vec<Arc<Reservation>>,
    /// Numbers of reservations that are gone.
    pub removed_reservations: Vec<u32>,
    /// The highest number that a reservation ever had, where that has changed.
    pub last_reservation: Option<u32>,
    /// What new submissions with a client's key are answered.
    pub receipts: Vec<Receipt>,
    /// Receipts up to this number need not be kept any more.
    pub forget_receipts: Option<u64>,
    /// What happened beside jobs: history keeps it.
    pub occurrence: Occurrence,
}

impl Batch {
    /// Tells whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
            && self.payloads.is_empty()
            && self.closed.is_empty()
            && self.steps.is_empty()
            && self.gone.is_empty()
            && self.changes.is_empty()
            && self.usage.is_empty()
            && self.accounted.is_none()
            && self.books.is_empty()
            && self.removed_books.is_empty()
            && self.removed_members.is_empty()
            && self.removed_nodes.is_empty()
            && self.nodes.is_empty()
            && self.crontabs.is_empty()
            && self.removed_crontabs.is_empty()
            && self.reservations.is_empty()
            && self.removed_reservations.is_empty()
            && self.receipts.is_empty()
            && self.occurrence.is_nothing()
    }
}

/// An attempt that has ended, for history. A job that was put back has several.
#[derive(Clone, Debug)]
pub struct Closed {
    /// The job as it ended.
    pub job: Arc<Job>,
    /// Names of its nodes, folded.
    pub nodes: Text,
    /// What it held that its own record does not name: see [`crate::history::Amounts::also`].
    pub also: Vec<(Text, u64)>,
}

/// A step that has ended, for history.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedStep {
    /// Its job.
    pub job: JobId,
    /// When that was submitted: with the number it names the job for ever.
    pub submitted: Timestamp,
    /// Which attempt.
    pub attempt: u32,
    /// Names of its nodes, folded.
    pub nodes: Text,
    /// The step and its end.
    pub step: EndedStep,
}

/// Answers questions about finished jobs. May be asked from any thread; calls may block.
pub trait History: Send + Sync {
    /// Returns the attempts of a job, or of all tasks of an array, oldest first.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn attempts(&self, id: JobId) -> Result<Vec<Closed>, StoreError>;

    /// Returns finished attempts, in the order and as many as wanted.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn search(&self, wanted: &Wanted) -> Result<Vec<Recorded>, StoreError>;

    /// Hands the same attempts over, some at a time, while it looks for more, until whoever takes them has enough.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn each(
        &self,
        wanted: &Wanted,
        take: &mut dyn FnMut(Vec<Recorded>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        // Nothing is left that could be stopped.
        let _ = take(self.search(wanted)?);
        Ok(())
    }

    /// Returns the rows of finished attempts, in the order and as many as wanted: a list is made of them piece by piece.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn keys(&self, wanted: &Wanted) -> Result<Vec<Key>, StoreError> {
        let found = self.search(wanted)?;
        Ok(found.iter().map(|found| Key { job: found.closed.job.id, row: found.row }).collect())
    }

    /// Returns the attempts of rows, in the order of `rows`; those that are not there any more are left out.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn rows(&self, rows: &[u64]) -> Result<Vec<Recorded>, StoreError> {
        let all = self.search(&Wanted { limit: usize::MAX, ..Wanted::default() })?;
        Ok(rows.iter().filter_map(|row| all.iter().find(|found| found.row == *row).cloned()).collect())
    }

    /// Writes down what is to stand in the place of something that was recorded, beside what was written down before;
    /// safe from power cuts when it returns. What is said of a row that is not there is forgotten.
    ///
    /// # Errors
    /// If the store cannot be written, or takes no notes.
    fn amend(&self, _amendments: &[(u64, Amendment)]) -> Result<(), StoreError> {
        Err(StoreError::Failed { what: "amend history", source: "it takes no notes".into() })
    }

    /// Returns the ended steps of all attempts of a job, by attempt and number.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn steps(&self, _id: JobId) -> Result<Vec<ClosedStep>, StoreError> {
        Ok(Vec::new())
    }

    /// Returns the ended steps of several jobs: those of one follow each other.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn steps_of(&self, jobs: &[JobId]) -> Result<Vec<ClosedStep>, StoreError> {
        let mut all = Vec::new();
        for id in jobs {
            all.extend(self.steps(*id)?);
        }
        Ok(all)
    }

    /// Returns sums of what attempts have used that have ended.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn usage(&self, _wanted: &UsageWanted) -> Result<Gathered, StoreError> {
        Ok(Gathered::default())
    }

    /// Returns what the cluster had and which nodes were out of service within a time, by their beginning. A moment's
    /// end or beginning that touches the time is none of it.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn episodes(&self, _during: &During) -> Result<Vec<Episode>, StoreError> {
        Ok(Vec::new())
    }

    /// Returns reservations of which something lies within a time, by their beginning.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn bookings(&self, _during: &During) -> Result<Vec<Booking>, StoreError> {
        Ok(Vec::new())
    }

    /// Returns what was changed in the books within a time, in order.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn deeds(&self, _during: &During) -> Result<Vec<Deed>, StoreError> {
        Ok(Vec::new())
    }

    /// Returns for how many CPU seconds ended attempts could have run and waited, by the seconds since 1970 at which the
    /// hours began.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn waited(&self, _during: &During) -> Result<Vec<(i64, i64)>, StoreError> {
        Ok(Vec::new())
    }

    /// Returns what has left history because of its age since the service was started.
    fn purged(&self) -> Purged {
        Purged::default()
    }

    /// Returns script and environment of a job that lives or is history.
    ///
    /// # Errors
    /// If it cannot be read or was never there.
    fn payload(&self, id: JobId) -> Result<Arc<Payload>, StoreError>;
}

/// An attempt as history has it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its row: later ones are higher. Never zero.
    pub row: u64,
    /// The attempt, with what was amended written into it.
    pub closed: Closed,
    /// What was noted about it afterwards.
    pub amendment: Option<Box<Amendment>>,
}

/// Where an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Its job.
    pub job: JobId,
    /// Its row.
    pub row: u64,
}

/// What can go wrong with a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no room left.
    #[error("the disk is full")]
    Full,
    /// The thing asked for is not there.
    #[error("nothing stored for job {0}")]
    Missing(JobId),
    /// What is stored cannot be understood.
    #[error("{what} cannot be read")]
    Unreadable {
        /// What.
        what: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store does not work.
    #[error("the store failed to {what}")]
    Failed {
        /// At what.
        what: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
