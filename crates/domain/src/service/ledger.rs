//! One batch in the making: changes to the state as they are decided on, with what must be recorded, what shall happen
//! afterwards, and how to take it all back if it cannot be recorded.

use super::chronicle::booking;
use super::feed::{StateChange, StateWord};
use super::receipts::{ClientKey, Counter, Receipts};
use super::submission::Submitted;
use crate::accounting::{Books, RecordKey};
use crate::cluster::{Cluster, NodeMark};
use crate::cron::Crontab;
use crate::error::Refused;
use crate::history::{Amounts, Booking, Deed, Occurrence};
use crate::job::{ArrayPart, Effect, EndedStep, Event, Job, Payload, Phase};
use crate::ports::{Batch, Calendar, Closed, ClosedStep};
use crate::reservation::Reservation;
use crate::state::{State, Statistics};
use crate::{ChangeId, Error, JobId, Text, Timestamp, Uid};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// One batch in the making.
pub(super) struct Ledger<'a> {
    /// The moment at which everything in this batch is decided.
    pub(super) now: Timestamp,
    state: &'a mut State,
    before: HashMap<JobId, Option<Arc<Job>>>,
    order: Vec<JobId>,
    payloads: Vec<(JobId, Arc<Payload>)>,
    closed: Vec<Closed>,
    steps: Vec<ClosedStep>,
    gone: Vec<JobId>,
    changes: Vec<StateChange>,
    next_change: ChangeId,
    first_id: JobId,
    effects: Vec<(JobId, u32, Effect)>,
    removed_members: Vec<Text>,
    /// Records of accounting that have changed.
    books: BTreeSet<RecordKey>,
    /// What somebody changed in them.
    deeds: Vec<Deed>,
    removed_nodes: Vec<Text>,
    nodes: Vec<NodeMark>,
    /// The cluster before nodes of it changed.
    cluster_before: Option<Arc<Cluster>>,
    crontabs_before: HashMap<Uid, Option<Arc<Crontab>>>,
    reservations_before: Option<Arc<Vec<Arc<Reservation>>>>,
    first_reservation: u32,
    reservations_touched: bool,
    calendar: &'a dyn Calendar,
    receipts: Counter,
    moved: Statistics,
    nodes_touched: bool,
    volatile: bool,
    /// A job has become eligible of which the last plan knows nothing.
    pub(super) is_behind: bool,
    /// Jobs to be looked at whether they wait in vain, while one of them is being ended.
    pub(super) hopeless: Hopeless,
}

/// A job before and after something has happened to it.
pub(super) struct Moved {
    pub(super) before: Arc<Job>,
    pub(super) after: Arc<Job>,
}

/// The ones that wait for each other in a long row are ended one after the other, not each inside the one before.
#[derive(Default)]
pub(super) struct Hopeless {
    pub(super) waiting: VecDeque<JobId>,
    pub(super) is_ending: bool,
}

/// A batch that is ready to be recorded.
pub(super) struct Finished {
    /// What to record.
    pub(super) batch: Batch,
    /// What to do afterwards: job, attempt, effect.
    pub(super) effects: Vec<(JobId, u32, Effect)>,
    /// How to take it back.
    pub(super) undo: Undo,
    /// What it adds to the statistics.
    pub(super) moved: Statistics,
    /// Resources were given out or back.
    pub(super) nodes_touched: bool,
    /// A reservation has changed, begun or ended.
    pub(super) reservations_touched: bool,
    /// Something that is not recorded has changed for readers.
    pub(super) volatile: bool,
}

/// How to take a batch back.
pub(super) struct Undo {
    before: HashMap<JobId, Option<Arc<Job>>>,
    cluster: Option<Arc<Cluster>>,
    crontabs_before: HashMap<Uid, Option<Arc<Crontab>>>,
    reservations: Option<Arc<Vec<Arc<Reservation>>>>,
    first_reservation: u32,
    first_id: JobId,
}

impl<'a> Ledger<'a> {
    /// Opens a batch.
    pub(super) fn open(
        state: &'a mut State,
        calendar: &'a dyn Calendar,
        receipts: &Arc<Receipts>,
        now: Timestamp,
        last_change: ChangeId,
    ) -> Self {
        let (first_id, first_reservation) = (state.next_id(), state.next_reservation());
        state.set_time(now);
        Ledger {
            now,
            state,
            before: HashMap::new(),
            order: Vec::new(),
            payloads: Vec::new(),
            closed: Vec::new(),
            steps: Vec::new(),
            gone: Vec::new(),
            changes: Vec::new(),
            next_change: ChangeId(last_change.0 + 1),
            first_id,
            effects: Vec::new(),
            removed_members: Vec::new(),
            books: BTreeSet::new(),
            deeds: Vec::new(),
            removed_nodes: Vec::new(),
            nodes: Vec::new(),
            cluster_before: None,
            crontabs_before: HashMap::new(),
            reservations_before: None,
            first_reservation,
            reservations_touched: false,
            calendar,
            receipts: Counter::open(receipts, now),
            moved: Statistics::default(),
            nodes_touched: false,
            volatile: false,
            is_behind: false,
            hopeless: Hopeless::default(),
        }
    }

    /// Returns the state as this batch has left it so far.
    pub(super) fn state(&self) -> &State {
        self.state
    }

    /// Returns what is configured.
    pub(super) fn cluster(&self) -> &Arc<Cluster> {
        self.state.cluster()
    }

    /// Returns a job.
    pub(super) fn job(&self, id: JobId) -> Option<&Arc<Job>> {
        self.state.job(id)
    }

    /// Returns every record a job number stands for.
    pub(super) fn records(&self, id: JobId) -> Vec<Arc<Job>> {
        self.state.records(id)
    }

    /// Hands out a job number.
    pub(super) fn take_id(&mut self) -> JobId {
        self.state.take_id()
    }

    /// Hands out job numbers that follow one another, and returns the first; `None` if there are not so many.
    pub(super) fn take_ids(&mut self, count: u32) -> Option<JobId> {
        self.state.take_ids(count)
    }

    /// Gives back job numbers that were handed out after this one was the next.
    pub(super) fn count_from(&mut self, next: JobId) {
        self.state.count_from(next);
    }

    /// Takes in script and environment of a new job.
    pub(super) fn keep_payload(&mut self, id: JobId, payload: Arc<Payload>) {
        self.payloads.push((id, payload));
    }

    /// Answers a submission: as before if its client's key is known, else as `accept` has it.
    pub(super) fn answer_once(
        &mut self,
        key: Option<ClientKey>,
        accept: impl FnOnce(&mut Self) -> Result<Submitted, Error>,
    ) -> Result<Submitted, Error> {
        let Some(key) = key else { return accept(self) };
        if let Some(answer) = self.receipts.answer(&key) {
            return answer;
        }
        let submitted = accept(self)?;
        self.receipts.note(key, &submitted);
        Ok(submitted)
    }

    /// Notes the key of a submission whose outcome is not known yet, with the number under which it is remembered.
    pub(super) fn intend(&mut self, key: &ClientKey, place: JobId) {
        self.receipts.note(key.clone(), &Submitted { id: place, notes: Vec::new() });
    }

    /// Notes what a submission with a key is answered.
    pub(super) fn note_answer(&mut self, key: ClientKey, submitted: &Submitted) {
        self.receipts.note(key, submitted);
    }

    /// Forgets users of whom the books know now.
    pub(super) fn forget_members(&mut self, names: Vec<Text>) {
        self.removed_members.extend(names);
    }

    /// Goes on with other books, of which this has changed.
    pub(super) fn put_books(&mut self, books: Books, touched: BTreeSet<RecordKey>) {
        let before = Arc::clone(self.state.cluster());
        self.state.put_books(books);
        self.cluster_before.get_or_insert(before);
        self.note_books(touched);
    }

    /// Takes note of what has changed in the books.
    pub(super) fn note_books(&mut self, touched: BTreeSet<RecordKey>) {
        self.volatile |= !touched.is_empty();
        self.books.extend(touched);
    }

    /// Takes note of what somebody changed in them.
    pub(super) fn note_deeds(&mut self, deeds: Vec<Deed>) {
        self.deeds.extend(deeds);
    }

    /// Returns what the walls of the place show.
    pub(super) fn calendar(&self) -> &'a dyn Calendar {
        self.calendar
    }

    /// Puts a user's crontab in the place of the one before, or takes it away.
    pub(super) fn keep_crontab(&mut self, owner: Uid, crontab: Option<Crontab>) {
        let before = self.state.put_crontab(owner, crontab.map(Arc::new));
        self.crontabs_before.entry(owner).or_insert(before);
    }

    /// Hands out the number of a reservation.
    pub(super) fn take_reservation_number(&mut self) -> u32 {
        let number = self.state.next_reservation();
        self.state.count_reservations_from(number);
        number
    }

    /// Puts a reservation in the place of the one of its number, or after the others.
    pub(super) fn keep_reservation(&mut self, reservation: Reservation) {
        let mut all = (**self.state.reservations()).clone();
        let reservation = Arc::new(reservation);
        match all.iter_mut().find(|other| other.number == reservation.number) {
            Some(place) => *place = reservation,
            None => all.push(reservation),
        }
        self.put_reservations(all);
    }

    /// Takes a reservation away.
    pub(super) fn remove_reservation(&mut self, number: u32) {
        let mut all = (**self.state.reservations()).clone();
        all.retain(|other| other.number != number);
        self.put_reservations(all);
    }

    fn put_reservations(&mut self, all: Vec<Arc<Reservation>>) {
        let before = self.state.put_reservations(Arc::new(all));
        self.reservations_before.get_or_insert(before);
        self.reservations_touched = true;
    }

    /// Tells whether something of a reservation is due, and takes note of it.
    pub(super) fn reservations_turn(&mut self) -> bool {
        let has_turned = self.state.reservations_turn(self.now);
        self.reservations_touched |= has_turned;
        has_turned
    }

    /// Puts a job in its place: a new one, or one that a rule of arrays has made.
    pub(super) fn put(&mut self, job: Job) {
        let job = Arc::new(job);
        let before = self.state.put(Arc::clone(&job));
        self.note(job.id, before.as_ref(), &job);
        self.follow(before.as_deref(), &job);
    }

    /// Puts a job in its place of which somebody else has decided how it stands: nothing follows from it here.
    pub(super) fn take_in(&mut self, job: Job) -> Arc<Job> {
        let job = Arc::new(job);
        let before = self.state.put(Arc::clone(&job));
        self.gone.retain(|gone| *gone != job.id);
        self.note(job.id, before.as_ref(), &job);
        job
    }

    /// Lets something happen to a job and takes in what follows from it, for other components of it as well.
    pub(super) fn happen(&mut self, id: JobId, event: Event) -> Result<(), Refused> {
        let is_component = self.job(id).is_some_and(|job| job.het.is_some());
        let for_components = is_component.then(|| event.clone());
        let moved = self.happen_alone(id, event)?;
        if let (Some(event), Some(Moved { before, after })) = (for_components, moved) {
            self.components_follow(&before, &event, &after);
        }
        Ok(())
    }

    /// Lets something happen to a job whose other components are seen to elsewhere. Returns the job before and after, if
    /// there is anything to record.
    pub(super) fn happen_alone(&mut self, id: JobId, event: Event) -> Result<Option<Moved>, Refused> {
        let Some(job) = self.state.job(id).cloned() else {
            return Err(Refused { event: event.name(), state: "gone" });
        };
        let volatile = matches!(event, Event::Considered { .. });
        let attempt = job.restarts;
        let step = job.apply(event)?;
        let after = Arc::new(if volatile { step.job } else { self.state.ranked(step.job) });
        self.state.put(Arc::clone(&after));
        if volatile {
            self.volatile = true;
            // What the scheduler thinks of a waiting job is not recorded.
            return Ok(None);
        }
        self.effects.extend(step.effects.into_iter().map(|effect| (id, attempt, effect)));
        self.close_steps(&job, step.steps);
        if let Some(closed) = step.closed {
            self.close(Arc::new(*closed));
        }
        self.note(id, Some(&job), &after);
        if let Phase::Ended(_) = after.phase {
            self.close(Arc::clone(&after));
        }
        self.follow(Some(&job), &after);
        if matches!(after.phase, Phase::Ended(_)) {
            self.recurs(&after);
        }
        Ok(Some(Moved { before: job, after }))
    }

    /// Gives nodes other administrative states.
    pub(super) fn put_marks(&mut self, marks: Vec<NodeMark>) {
        if marks.is_empty() {
            return;
        }
        let cluster = Arc::clone(self.state.cluster());
        self.state.reconfigure(Arc::new(cluster.with_marks(&marks)));
        self.cluster_before.get_or_insert(cluster);
        let named: HashSet<&Text> = marks.iter().map(|mark| &mark.node).collect();
        self.nodes.retain(|other| !named.contains(&other.node));
        self.removed_nodes.retain(|name| !named.contains(name));
        self.nodes.extend(marks);
        self.nodes_touched = true;
    }

    /// Forgets what is remembered of nodes that are not there any more.
    pub(super) fn forget_marks(&mut self, nodes: Vec<Text>) {
        let named: HashSet<&Text> = nodes.iter().collect();
        self.nodes.retain(|mark| !named.contains(&mark.node));
        self.removed_nodes.extend(nodes);
    }

    /// Lets an effect happen once more.
    pub(super) fn repeat(&mut self, id: JobId, attempt: u32, effect: Effect) {
        self.effects.push((id, attempt, effect));
    }

    /// Takes a finished job from among the live ones; returns its record.
    pub(super) fn leave(&mut self, id: JobId) -> Option<Arc<Job>> {
        let before = self.state.take(id)?;
        self.before.entry(id).or_insert(Some(Arc::clone(&before)));
        self.gone.push(id);
        Some(before)
    }

    /// Takes a job of this very batch back, as if it had never been submitted.
    pub(super) fn retract(&mut self, id: JobId) {
        self.state.take(id);
        self.before.remove(&id);
        self.order.retain(|other| *other != id);
        self.payloads.retain(|(other, _)| *other != id);
        self.changes.retain(|change| change.job != id);
        self.effects.retain(|(other, ..)| *other != id);
        self.moved.submitted = self.moved.submitted.saturating_sub(1);
    }

    /// Closes the batch.
    pub(super) fn finish(self) -> Finished {
        let jobs = self.order.iter().filter_map(|id| self.state.job(*id)).cloned().collect();
        let owners = || self.crontabs_before.keys();
        let crontabs = owners().filter_map(|owner| self.state.crontab(*owner)).cloned().collect();
        let removed_crontabs =
            owners().filter(|owner| self.state.crontab(**owner).is_none()).copied().collect();
        let (reservations, removed_reservations) = self.changed_reservations();
        let last = self.state.next_reservation();
        let last_reservation = (last != self.first_reservation).then(|| last - 1);
        let next_id = (self.state.next_id() != self.first_id).then(|| self.state.next_id());
        let bookings = self.changed_bookings(&reservations);
        let (receipts, forget_receipts) = self.receipts.close();
        let known = &self.state.cluster().books;
        let (found, gone): (Vec<_>, Vec<_>) =
            self.books.iter().map(|key| (key, known.record(key))).partition(|(_, record)| record.is_some());
        let last_numbers = (!self.books.is_empty()).then(|| known.last_numbers());
        let books = found.into_iter().filter_map(|(_, record)| record).collect();
        let removed_books = gone.into_iter().map(|(key, _)| key.clone()).collect();
        let deeds = self.deeds;
        let occurrence = Occurrence {
            at: self.now,
            bookings,
            gone: removed_reservations.clone(),
            deeds,
            ..Occurrence::default()
        };
        let (usage, accounted) = (self.state.take_used(), self.state.take_accounted());
        let batch = Batch {
            jobs,
            usage,
            accounted,
            payloads: self.payloads,
            closed: self.closed,
            steps: self.steps,
            gone: self.gone,
            changes: self.changes,
            forget_changes: None,
            next_id,
            removed_members: self.removed_members,
            books,
            removed_books,
            last_numbers,
            removed_nodes: self.removed_nodes,
            nodes: self.nodes,
            crontabs,
            removed_crontabs,
            reservations,
            removed_reservations,
            last_reservation,
            receipts,
            forget_receipts,
            occurrence,
        };
        Finished {
            batch,
            effects: self.effects,
            undo: Undo {
                before: self.before,
                cluster: self.cluster_before,
                crontabs_before: self.crontabs_before,
                reservations: self.reservations_before,
                first_reservation: self.first_reservation,
                first_id: self.first_id,
            },
            moved: self.moved,
            nodes_touched: self.nodes_touched || self.reservations_touched,
            reservations_touched: self.reservations_touched,
            volatile: self.volatile,
        }
    }

    /// Returns the reservations that are new or have changed, and the numbers of those that are gone.
    fn changed_reservations(&self) -> (Vec<Arc<Reservation>>, Vec<u32>) {
        let Some(before) = &self.reservations_before else { return (Vec::new(), Vec::new()) };
        let now = self.state.reservations();
        let is_as_before = |one: &&Arc<Reservation>| before.iter().any(|other| Arc::ptr_eq(one, other));
        let changed = now.iter().filter(|one| !is_as_before(one)).cloned().collect();
        let is_gone = |one: &&Arc<Reservation>| now.iter().all(|other| other.number != one.number);
        (changed, before.iter().filter(is_gone).map(|gone| gone.number).collect())
    }

    /// Describes those of the reservations that are different in something that is remembered of them.
    fn changed_bookings(&self, changed: &[Arc<Reservation>]) -> Vec<Booking> {
        let cluster = self.cluster();
        let before = |number: u32| {
            let mut before = self.reservations_before.iter().flat_map(|all| all.iter());
            before.find(|other| other.number == number).and_then(|other| booking(other, cluster))
        };
        let described = changed.iter().filter_map(|one| booking(one, cluster));
        described.filter(|now| before(now.number).as_ref() != Some(now)).collect()
    }

    fn note(&mut self, id: JobId, before: Option<&Arc<Job>>, after: &Arc<Job>) {
        if let std::collections::hash_map::Entry::Vacant(entry) = self.before.entry(id) {
            entry.insert(before.cloned());
            self.order.push(id);
        }
        let held = |job: &Arc<Job>| job.held_resources().map(Arc::as_ptr);
        self.nodes_touched |= before.and_then(held) != held(after);
        self.moved.moved(before.map(|job| &**job), after);
        // A task that leaves its array has been waiting all the time, under the array's number.
        let is_split =
            matches!((&after.array, &after.phase), (Some(ArrayPart::Task { .. }), Phase::Pending(_)));
        let change = StateChange::between(self.next_change, self.now, before.map(|job| &**job), after);
        if let Some(change) = change.filter(|change| change.from.is_some() || !is_split) {
            self.next_change = ChangeId(self.next_change.0 + 1);
            self.changes.push(change);
        }
    }

    fn close_steps(&mut self, job: &Job, steps: Vec<EndedStep>) {
        if self.cluster().enforcement.no_steps {
            return;
        }
        for step in steps {
            let nodes = self.state.cluster().fold_shares(&step.step.shares);
            let (submitted, attempt) = (job.recorded_submission(step.step.started), job.restarts);
            self.steps.push(ClosedStep { job: job.id, submitted, attempt, nodes, step });
        }
    }

    /// Takes an attempt that has ended into history.
    pub(super) fn close(&mut self, job: Arc<Job>) {
        if self.cluster().enforcement.no_jobs {
            return;
        }
        let cluster = self.state.cluster();
        let job = job.recorded();
        let (nodes, also) = match job.run() {
            Some(run) => (cluster.fold_nodes(&run.allocation), Amounts::also(&run.allocation, cluster)),
            None => Default::default(),
        };
        self.closed.push(Closed { job, nodes, also });
    }

    /// Looks at the jobs that wait for one that has moved on.
    fn follow(&mut self, before: Option<&Job>, after: &Job) {
        let word = |job: &Job| StateWord::of(job);
        if before.map(word) != Some(word(after)) && !matches!(after.phase, Phase::Pending(_)) {
            self.dependents_follow(after);
        }
        let Some(before) = before else { return };
        let holds = |job: &Job| job.held_resources().is_some();
        let is_renamed = before.spec.name != after.spec.name;
        let has_ended = after.is_final() && !before.is_final();
        if has_ended || is_renamed || holds(before) && !holds(after) {
            self.singletons_follow(before);
        }
        if is_renamed {
            self.dependency_follows(after.id);
        }
    }
}

impl Undo {
    /// Puts every job of the batch back where it was.
    pub(super) fn take_back(self, state: &mut State) {
        if let Some(cluster) = self.cluster {
            state.reconfigure(cluster);
        }
        for (id, before) in self.before {
            match before {
                Some(job) => {
                    state.put(job);
                }
                None => {
                    state.take(id);
                }
            }
        }
        for (owner, before) in self.crontabs_before {
            state.put_crontab(owner, before);
        }
        if let Some(reservations) = self.reservations {
            state.put_reservations(reservations);
        }
        state.count_reservations_from(self.first_reservation.saturating_sub(1));
        state.count_from(self.first_id);
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Error::Bug(Text::from(refused.to_string()))
    }
}
