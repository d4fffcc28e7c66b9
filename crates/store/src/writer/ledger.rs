//! What rows queue.db has and how often each is used, in memory, so that a commit need not ask. Decides which rows a
//! change needs; the SQL is in `commit`.

use super::undo::Undoable;
use domain::JobId;
use domain::job::JobSpec;
use std::collections::VecDeque;
use std::sync::Arc;

/// The request of a closed step, which needs none: no row has this number.
pub(crate) const NO_SPEC: i64 = 0;

/// Stands for no job at all: no job has this number.
pub(crate) const NO_JOB: JobId = JobId(0);

/// What rows there are. Follows the transaction: [`Ledger::keep`] after it, or [`Ledger::undo`].
///
/// Numbers of rows are never given twice, not even those of a transaction that failed.
pub(super) struct Ledger {
    jobs: Undoable<JobId, Known>,
    specs: Undoable<i64, Spec>,
    /// Requests by address. An address stays taken as long as the request is in `specs`.
    spec_ids: Undoable<usize, i64>,
    payloads: Undoable<JobId, Payload>,
    contents: Undoable<i64, u32>,
    closed: VecDeque<Closed>,
    added_closed: Vec<Closed>,
    removed_closed: usize,
    last_spec: i64,
    last_content: i64,
    last_closed: i64,
}

/// A row of the job table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Known {
    /// Its request.
    pub(super) spec: i64,
    /// Its number, or its array's.
    pub(super) array: JobId,
    /// It is a task that has left its array.
    pub(super) is_task: bool,
}

/// The rows of a payload; zero for an empty part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) script: i64,
    pub(crate) environment: i64,
    pub(crate) arguments: i64,
}

#[derive(Clone)]
struct Spec {
    spec: Arc<JobSpec>,
    uses: u32,
}

/// The payload of a job or array, used by each of its live jobs.
#[derive(Clone, Copy)]
struct Payload {
    parts: Option<Parts>,
    uses: u32,
}

/// A row of the table of closed attempts.
#[derive(Clone, Copy, Debug)]
struct Closed {
    id: i64,
    spec: i64,
    parts: Option<Parts>,
}

/// Where a request is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a row there is.
    There(i64),
    /// In a row that has to be made.
    New(i64),
}

impl Place {
    /// Returns the row's number.
    pub(super) fn id(self) -> i64 {
        match self {
            Place::There(id) | Place::New(id) => id,
        }
    }
}

impl Parts {
    /// Returns the rows of the parts that are not empty.
    pub(super) fn rows(self) -> impl Iterator<Item = i64> {
        [self.script, self.environment, self.arguments].into_iter().filter(|id| *id != 0)
    }
}

impl Ledger {
    /// Makes the ledger of an empty database.
    pub(super) fn new() -> Self {
        Ledger {
            jobs: Undoable::new(),
            specs: Undoable::new(),
            spec_ids: Undoable::new(),
            payloads: Undoable::new(),
            contents: Undoable::new(),
            closed: VecDeque::new(),
            added_closed: Vec::new(),
            removed_closed: 0,
            last_spec: 0,
            last_content: 0,
            last_closed: 0,
        }
    }

    /// Forgets every row, but not which numbers have been given.
    pub(super) fn clear(&mut self) {
        let Ledger { last_spec, last_content, last_closed, .. } = *self;
        *self = Ledger { last_spec, last_content, last_closed, ..Ledger::new() };
    }

    /// Makes room for what is about to be read.
    pub(super) fn expect(&mut self, specs: usize, jobs: usize) {
        self.specs.reserve(specs);
        self.spec_ids.reserve(specs);
        self.jobs.reserve(jobs);
        self.payloads.reserve(jobs);
    }

    /// Makes all changes since the last call final.
    pub(super) fn keep(&mut self) {
        self.jobs.keep();
        self.specs.keep();
        self.spec_ids.keep();
        self.payloads.keep();
        self.contents.keep();
        self.closed.drain(..self.removed_closed);
        self.closed.extend(self.added_closed.drain(..));
        self.removed_closed = 0;
    }

    /// Takes all changes since the last [`Ledger::keep`] back.
    pub(super) fn undo(&mut self) {
        self.jobs.undo();
        self.specs.undo();
        self.spec_ids.undo();
        self.payloads.undo();
        self.contents.undo();
        self.added_closed.clear();
        self.removed_closed = 0;
    }

    /// Returns what is known of a live job.
    pub(super) fn job(&self, id: JobId) -> Option<Known> {
        self.jobs.get(id).copied()
    }

    /// Takes in a live job as it is now.
    pub(super) fn put_job(&mut self, id: JobId, known: Known) {
        self.jobs.put(id, known);
    }

    /// Takes a live job out.
    pub(super) fn take_job(&mut self, id: JobId) -> Option<Known> {
        self.jobs.take(id)
    }

    /// Uses a request once more.
    pub(super) fn use_spec(&mut self, spec: &Arc<JobSpec>) -> Place {
        if let Some(id) = self.spec_id(spec) {
            self.use_spec_row(id);
            return Place::There(id);
        }
        self.last_spec += 1;
        self.put_spec(self.last_spec, Arc::clone(spec), 1);
        Place::New(self.last_spec)
    }

    /// Returns the row of a request, if it has one.
    pub(super) fn spec_id(&self, spec: &Arc<JobSpec>) -> Option<i64> {
        self.spec_ids.get(Arc::as_ptr(spec).addr()).copied()
    }

    /// Takes in a request that is in the database.
    pub(super) fn put_spec(&mut self, id: i64, spec: Arc<JobSpec>, uses: u32) {
        self.spec_ids.put(Arc::as_ptr(&spec).addr(), id);
        self.specs.put(id, Spec { spec, uses });
        self.last_spec = self.last_spec.max(id);
    }

    /// Uses a request, by its row, once more.
    pub(super) fn use_spec_row(&mut self, id: i64) {
        if let Some(spec) = self.specs.get(id).cloned() {
            self.specs.put(id, Spec { uses: spec.uses + 1, ..spec });
        }
    }

    /// Uses a request once less; tells whether its row is not needed any more.
    pub(super) fn leave_spec(&mut self, id: i64) -> bool {
        match self.specs.get(id).cloned() {
            Some(Spec { spec, uses }) if uses > 1 => {
                self.specs.put(id, Spec { spec, uses: uses - 1 });
                false
            }
            Some(Spec { spec, .. }) => {
                self.spec_ids.take(Arc::as_ptr(&spec).addr());
                self.specs.take(id);
                true
            }
            None => false,
        }
    }

    /// Returns a number for a new content, used once.
    pub(super) fn new_content(&mut self) -> i64 {
        self.last_content += 1;
        self.contents.put(self.last_content, 1);
        self.last_content
    }

    /// Tells whether a content has a row.
    pub(super) fn has_content(&self, id: i64) -> bool {
        self.contents.get(id).is_some()
    }

    /// Takes in that a content is in the database; its uses are counted apart.
    pub(super) fn saw_content(&mut self, id: i64) {
        self.last_content = self.last_content.max(id);
    }

    /// Uses a content once more.
    pub(super) fn use_content(&mut self, id: i64) {
        let uses = self.contents.get(id).copied().unwrap_or(0);
        self.contents.put(id, uses + 1);
    }

    /// Uses a content once less; tells whether its row is not needed any more.
    pub(super) fn leave_content(&mut self, id: i64) -> bool {
        match self.contents.get(id).copied() {
            Some(uses) if uses > 1 => {
                self.contents.put(id, uses - 1);
                false
            }
            Some(_) => {
                self.contents.take(id);
                true
            }
            None => false,
        }
    }

    /// Returns the rows of the payload of a job, or of an array by its number.
    pub(super) fn parts(&self, array: JobId) -> Option<Parts> {
        self.payloads.get(array)?.parts
    }

    /// Gives a payload to a job or array; returns the rows it had before.
    pub(super) fn put_parts(&mut self, array: JobId, parts: Parts) -> Option<Parts> {
        let before = self.payloads.get(array).copied();
        self.payloads
            .put(array, Payload { parts: Some(parts), uses: before.map_or(0, |before| before.uses) });
        before.and_then(|before| before.parts)
    }

    /// Uses a payload once more.
    pub(super) fn use_payload(&mut self, array: JobId) {
        let payload = self.payloads.get(array).copied().unwrap_or(Payload { parts: None, uses: 0 });
        self.payloads.put(array, Payload { uses: payload.uses + 1, ..payload });
    }

    /// Uses a payload once less; returns the rows that are not needed for it any more.
    pub(super) fn leave_payload(&mut self, array: JobId) -> Option<Parts> {
        match self.payloads.get(array).copied() {
            Some(payload) if payload.uses > 1 => {
                self.payloads.put(array, Payload { uses: payload.uses - 1, ..payload });
                None
            }
            Some(payload) => {
                self.payloads.take(array);
                payload.parts
            }
            None => None,
        }
    }

    /// Tells whether no live job uses this payload.
    pub(super) fn is_orphan(&self, array: JobId) -> bool {
        self.payloads.get(array).is_some_and(|payload| payload.uses == 0)
    }

    /// Returns a number for the row of a closed attempt.
    pub(super) fn add_closed(&mut self, spec: i64, parts: Option<Parts>) -> i64 {
        self.last_closed += 1;
        self.added_closed.push(Closed { id: self.last_closed, spec, parts });
        self.last_closed
    }

    /// Takes in a closed attempt that is in the database.
    pub(super) fn saw_closed(&mut self, id: i64, spec: i64, parts: Option<Parts>) {
        self.last_closed = self.last_closed.max(id);
        self.closed.push_back(Closed { id, spec, parts });
    }

    /// Takes out the oldest closed attempt if its number is not beyond `last`; returns its request and contents.
    pub(super) fn take_closed(&mut self, last: i64) -> Option<(i64, Option<Parts>)> {
        let closed = *self.closed.get(self.removed_closed)?;
        if closed.id > last {
            return None;
        }
        self.removed_closed += 1;
        Some((closed.spec, closed.parts))
    }

    /// Returns the number of the last closed attempt.
    pub(super) fn last_closed(&self) -> i64 {
        self.last_closed
    }
}
