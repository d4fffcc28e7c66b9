//! Where the records of monitored jobs are kept, with their tags and with the users of monitoring.

use super::StoreError;
use crate::Text;
use crate::monitoring::{NodeReport, NodeSeen, Record, RecordId, RecordsWanted, Tag, TagId};
use std::ops::ControlFlow;

/// Keeps records. What a call has answered is safe and seen by everybody. May be asked from any thread; calls may block.
pub trait Registry: Send + Sync {
    /// Adds a record with its tags (their numbers do not matter), unless there is one of the same job and cluster that
    /// `is_duplicate` finds to be the same; nobody else adds one meanwhile.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn begin(
        &self,
        record: Record,
        is_duplicate: fn(old: &Record, new: &Record) -> bool,
    ) -> Result<Begun, StoreError>;

    /// Takes in attempts that our engine runs or ran, all at once: one that is known (the same cluster, number, attempt and
    /// submission) is brought up to date unless it is over; its tags and what else was noted about it stay.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn absorb(&self, records: Vec<Record>) -> Result<(), StoreError>;

    /// Returns a record with everything about it.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn record(&self, id: RecordId) -> Result<Option<Kept>, StoreError>;

    /// Puts a record in the place of one of the same number, if neither that nor its tags have changed since. The tags
    /// stay as they are.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn replace(&self, kept: &Kept) -> Result<Replaced, StoreError>;

    /// Returns the numbers of records that shall be written to the archive: they are over and not in it, or their tags have
    /// changed since. At most `most`, the oldest first. A record that is put in its own place is no longer among them if
    /// its monitoring status says so.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn due(&self, most: usize) -> Result<Vec<RecordId>, StoreError>;

    /// Lists records, those that started last first; of those that started together, the later ones first.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn list(&self, wanted: &RecordsWanted) -> Result<Vec<Record>, StoreError>;

    /// Shows records one by one, in the order of [`Registry::list`] and without their tags, until `look` has seen enough:
    /// however many there are, not all are held at once.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn each(
        &self,
        wanted: &RecordsWanted,
        look: &mut dyn FnMut(Record) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Returns how many records there are, were they all asked for.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn count(&self, wanted: &RecordsWanted) -> Result<u64, StoreError>;

    /// Takes a record away. Tells whether there was one.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn remove(&self, id: RecordId) -> Result<bool, StoreError>;

    /// Takes records away that started before a second and are over or not, as they are wanted with `omit_tagged`: then
    /// those with a tag stay. Tells how many went.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn remove_before(&self, start: i64, omit_tagged: bool) -> Result<u64, StoreError>;

    /// Gives a record tags, making those that are not there; it may have some of them. Returns all it has, or `None`
    /// without a record.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn tag(&self, id: RecordId, tags: &[Tag]) -> Result<Option<Vec<(TagId, Tag)>>, StoreError>;

    /// Takes tags from a record. Returns those it still has, or `None` without a record.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn untag(&self, id: RecordId, tags: &[Tag]) -> Result<Option<Vec<(TagId, Tag)>>, StoreError>;

    /// Takes tags away from everywhere. Tells how many there were.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn forget_tags(&self, tags: &[Tag]) -> Result<u64, StoreError>;

    /// Notes that what the archive says of a record is old, if it is over.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn touch(&self, id: RecordId) -> Result<(), StoreError>;

    /// Keeps what is told of nodes of a cluster at a second, in the place of what was told before, for at most `most`
    /// nodes of it. Tells whether all of them have room.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn note_nodes(
        &self,
        cluster: &str,
        at: i64,
        nodes: Vec<NodeReport>,
        most: u64,
    ) -> Result<bool, StoreError>;

    /// Lists nodes that were told of, by cluster and name; of one cluster if that is wanted.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn nodes(&self, cluster: Option<&str>) -> Result<Vec<NodeSeen>, StoreError>;

    /// Lists users in the order of their names.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn users(&self) -> Result<Vec<Viewer>, StoreError>;

    /// Adds a user, unless there is one of this name. Tells whether there was none.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn add_user(&self, user: &Viewer) -> Result<bool, StoreError>;

    /// Puts a user in the place of the one of this name, if that is still as it was. Tells whether it was.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn replace_user(&self, was: &Viewer, becomes: &Viewer) -> Result<bool, StoreError>;

    /// Takes a user away. Tells whether there was one.
    ///
    /// # Errors
    /// If the disk is full or broken.
    fn remove_user(&self, name: &str) -> Result<bool, StoreError>;
}

/// What became of a record that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is there, under this number.
    New(RecordId),
    /// This one is the same job.
    Duplicate(RecordId),
}

/// A record as it was at some time.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    /// The record.
    pub record: Record,
    /// Counts its changes.
    pub version: u64,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It is made.
    Done,
    /// Somebody else was faster.
    Changed,
    /// There is no such record any more.
    Gone,
}

/// A user of monitoring.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Viewer {
    /// Its name.
    pub name: Text,
    /// What the user is called.
    pub full_name: Text,
    /// Where mail reaches it.
    pub email: Text,
    /// Its roles by their words.
    pub roles: Vec<Text>,
    /// The projects it manages.
    pub projects: Vec<Text>,
    /// The hash of its password in the PHC format; empty without one.
    pub password: Text,
}
