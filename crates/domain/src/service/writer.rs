//! The single writer: takes wishes and reports in groups, decides, records, and only then answers and acts.
//!
//! One turn is one batch and one commit, however many asked for something meanwhile. What cannot be recorded is taken
//! back, and everybody who asked is told.

use super::accounting::open_books;
use super::aftermath::{Aftermath, Seen};
use super::chronicle::Watch;
use super::command::{Answer, Command, serve};
use super::feed::Feed;
use super::ledger::{Finished, Ledger, Undo};
use super::pace::{Pacer, Pass, Ranker};
use super::prepare::Draft;
use super::receipts::{Receipt, Receipts};
use super::reconfigure::successor;
use crate::accounting::RecordKey;
use crate::cluster::Cluster;
use crate::history::{Between, Kind, Moments, Wanted};
use crate::job::{Effect, End, HetPart, Job, JobKind, Outcome, Payload, Phase, Usage};
use crate::ports::{
    Calendar, Clock, Enforced, Engine, Foreseen, Gauge, History, Order, Plan, Report, Saved, Store,
    StoreError, WallMinute,
};
use crate::priority::UsageReset;
use crate::state::{Planned, Snapshot, State, Statistics};
use crate::{ChangeId, Error, JobId, Text, Timestamp};
use arc_swap::ArcSwap;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How many commands one batch takes in. More would let the first of them wait too long.
const AT_ONCE: usize = 1024;

/// After how long without anything to do others may have fallen asleep.
const STILL: Duration = Duration::from_millis(5);

/// A day of the clock.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How long to wait before trying again what could not be recorded.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The single writer.
pub(super) struct Writer {
    state: State,
    store: Box<dyn Store>,
    engine: Box<dyn Engine>,
    clock: Arc<dyn Clock>,
    calendar: Arc<dyn Calendar>,
    inbox: Receiver<Command>,
    published: Arc<ArcSwap<Snapshot>>,
    feed: Arc<Feed>,
    receipts: Arc<Receipts>,
    /// Those that readers may not see before they are safe.
    fresh_receipts: Vec<Receipt>,
    last_change: ChangeId,
    statistics: Statistics,
    planned: Arc<Planned>,
    /// What was brought into the books and is not recorded yet, and users that were kept elsewhere before.
    imported: (BTreeSet<RecordKey>, Vec<Text>),
    /// Nodes that are out of service.
    watch: Watch,
    /// When partitions changed last.
    partitions_changed: Timestamp,
    boot: Text,
    plan_at: Option<Timestamp>,
    /// When statistics begin anew.
    midnight: Timestamp,
    pacer: Pacer,
    ranker: Ranker,
    unrecorded: Vec<Report>,
    retry_at: Option<Timestamp>,
    aftermath: Aftermath,
    /// Since when there was nothing to do.
    still_since: Timestamp,
    stopping: bool,
}

/// Returns when the next day begins; after a day of the clock, where the calendar does not know.
fn next_midnight(calendar: &dyn Calendar, now: Timestamp) -> Timestamp {
    let begin_of_day = |at| calendar.begin_of(WallMinute { hour: 0, minute: 0, ..calendar.shown(at) });
    let begun = begin_of_day(now);
    if begun > now {
        return now.after(DAY);
    }
    // A day has 25 hours at most, and the next one is longer than the rest.
    let next = begin_of_day(begun.after(DAY + Duration::from_secs(2 * 3600)));
    if next > now { next } else { now.after(DAY) }
}

impl Writer {
    /// Loads what was remembered and brings it together with what the engine knows.
    pub(super) fn open(
        cluster: Cluster,
        mut store: Box<dyn Store>,
        engine: impl FnOnce() -> Result<Box<dyn Engine>, Error>,
        (clock, calendar): (Arc<dyn Clock>, Arc<dyn Calendar>),
        history: &dyn History,
        inbox: Receiver<Command>,
    ) -> Result<Self, Error> {
        let mut saved = store.load().map_err(|error| Error::Unavailable(Text::from(chain(&error))))?;
        check_places(&cluster, &saved)?;
        let now = clock.now();
        let mut cluster = cluster;
        let (books_touched, old_members) = open_books(&mut cluster, &mut saved, now);
        let cluster = cluster.with_marks(&saved.nodes);
        let kept_changes = cluster.limits.kept_changes;
        let (most, lifetime) = (cluster.limits.kept_receipts, cluster.limits.receipt_lifetime);
        let receipts = Arc::new(Receipts::new(saved.receipts, most, lifetime));
        let pacer = Pacer::new(cluster.limits.batch_delay);
        let mut state = State::new(Arc::new(cluster));
        let ranker = Ranker::new(&state, now);
        let mut used = std::mem::take(&mut saved.usage);
        if state.ranking().rules().usage_reset == Some(UsageReset::Now) {
            used.clear();
        }
        state.remember_usage(used, saved.accounted);
        state.begin_ranking(now);
        for job in saved.jobs {
            let job = state.ranked(job);
            state.put(Arc::new(job));
        }
        recount(&mut state, history).map_err(|error| Error::Unavailable(Text::from(chain(&error))))?;
        for crontab in saved.crontabs {
            state.put_crontab(crontab.owner.uid, Some(Arc::new(crontab)));
        }
        state.count_reservations_from(saved.last_reservation);
        state.put_reservations(Arc::new(saved.reservations.into_iter().map(Arc::new).collect()));
        if let Some(next) = saved.next_id {
            state.count_from(next);
        }
        let last_change = saved.changes.last().map_or(ChangeId(0), |change| change.id);
        let feed = Arc::new(Feed::new(saved.changes, kept_changes));
        let engine = engine()?;
        let boot = engine.boot();
        let statistics = Statistics { since: now, ..Statistics::default() };
        let midnight = next_midnight(&*calendar, now);
        let published = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        let mut writer = Writer {
            state,
            store,
            engine,
            clock,
            calendar,
            inbox,
            published,
            feed,
            receipts,
            fresh_receipts: Vec::new(),
            last_change,
            statistics,
            planned: Arc::default(),
            imported: (books_touched, old_members),
            watch: Watch::default(),
            partitions_changed: now,
            boot,
            plan_at: None,
            midnight,
            pacer,
            ranker,
            unrecorded: Vec::new(),
            retry_at: None,
            aftermath: Aftermath::default(),
            still_since: now,
            stopping: false,
        };
        writer.publish(now, Seen { jobs: true, nodes: true, reservations: true });
        writer.recover()?;
        Ok(writer)
    }

    /// Returns where readers find the last snapshot.
    pub(super) fn published(&self) -> Arc<ArcSwap<Snapshot>> {
        Arc::clone(&self.published)
    }

    /// Returns where clients of steps find the launchers.
    pub(super) fn steps_folder(&self) -> Option<Text> {
        self.engine.steps_folder()
    }

    /// Returns what lets look at jobs from elsewhere.
    pub(super) fn gauge(&self) -> Option<Arc<dyn Gauge>> {
        self.engine.gauge()
    }

    /// Says how far jobs are held to what they were given.
    pub(super) fn enforcement(&self) -> Vec<Enforced> {
        self.engine.enforcement()
    }

    /// Returns the feed of changes.
    pub(super) fn feed(&self) -> Arc<Feed> {
        Arc::clone(&self.feed)
    }

    /// Returns what submissions with a key were answered.
    pub(super) fn receipts(&self) -> Arc<Receipts> {
        Arc::clone(&self.receipts)
    }

    /// Works until told to stop.
    pub(super) fn run(mut self) {
        while !self.stopping {
            let commands = self.wait();
            self.turn(commands);
        }
        self.make_safe_at_last();
        self.engine.stop();
    }

    fn wait(&mut self) -> Vec<Command> {
        if let Some(patience) = self.aftermath.patience(self.clock.now()) {
            match self.inbox.recv_timeout(patience) {
                Ok(first) => return self.gathered(first),
                Err(_) => self.make_safe_at_last(),
            }
        }
        let midnight = Some(self.midnight);
        let alarms = [self.state.next_alarm(), self.plan_at, self.ranker.due(), self.retry_at, midnight];
        let first = match alarms.into_iter().flatten().min() {
            None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(alarm) => {
                // While nothing can be recorded, alarms would only spin.
                let alarm = self.retry_at.map_or(alarm, |retry| retry.max(alarm));
                self.inbox.recv_timeout(alarm.since(self.clock.now()))
            }
        };
        match first {
            Ok(first) => self.gathered(first),
            Err(RecvTimeoutError::Timeout) => Vec::new(),
            Err(RecvTimeoutError::Disconnected) => {
                self.stopping = true;
                Vec::new()
            }
        }
    }

    fn gathered(&self, first: Command) -> Vec<Command> {
        std::iter::once(first).chain(self.inbox.try_iter().take(AT_ONCE - 1)).collect()
    }

    fn turn(&mut self, commands: Vec<Command>) {
        let now = self.clock.now();
        let is_alone = matches!(commands.as_slice(), [Command::Submit(..)]);
        if is_alone && now.since(self.still_since) >= STILL && self.state.queues().is_empty() {
            self.engine.expect_launch();
        }
        let (wishes, commands): (Vec<_>, Vec<_>) = commands.into_iter().partition(Command::leaves_no_record);
        for wish in wishes {
            // A caller who has gone away does not mind.
            match wish {
                Command::Reconfigure(cluster, reply) => drop(reply.send(self.reconfigure(*cluster, now))),
                Command::Foresee(drafts, reply) => drop(reply.send(self.foresee(drafts, now))),
                _ => {}
            }
        }
        let has_accounted = self.ranker.begins(now);
        let has_ranked = self.ranker.turn(&mut self.state, &*self.calendar, now);
        let is_new_day = now >= self.midnight;
        if is_new_day {
            self.statistics.begin_anew(now);
            self.midnight = next_midnight(&*self.calendar, now);
        }
        let mut ledger =
            Ledger::open(&mut self.state, &*self.calendar, &self.receipts, now, self.last_change);
        let (books, members) = std::mem::take(&mut self.imported);
        ledger.note_books(books.clone());
        ledger.forget_members(members.clone());
        let mut answers: Vec<Answer> = Vec::with_capacity(commands.len());
        let mut reports = std::mem::take(&mut self.unrecorded);
        let mut stops = Vec::new();
        for command in commands {
            match command {
                Command::Reports(more) => reports.extend(more),
                Command::Stop(reply) => stops.push(reply),
                command => answers.extend(serve(&mut ledger, &mut *self.engine, &self.boot, command)),
            }
        }
        for report in self.engine.step_ends(ledger.state()) {
            ledger.take_step_end(report);
        }
        for report in &reports {
            ledger.take_report(report.clone());
        }
        ledger.turn_reservations();
        ledger.ring_alarms();
        if has_accounted {
            ledger.end_overdrawn();
        }
        ledger.see_off();
        for start in self.engine.plan_steps(ledger.state(), now) {
            ledger.take_step_start(start);
        }
        let pass = self.pacer.pass(ledger.state(), now);
        let began = self.clock.now();
        let mut plan = match pass {
            Pass::None => Plan::default(),
            Pass::All | Pass::AllocationsOnly => self.engine.plan(ledger.state(), now),
        };
        let micros = u64::try_from(self.clock.now().since(began).as_micros()).unwrap_or(u64::MAX);
        if pass == Pass::AllocationsOnly {
            keep_allocations(&mut plan, ledger.state());
        }
        ledger.take_plan(&plan, &self.boot);
        if ledger.is_behind {
            // Whoever has waited for a start need not wait for whatever happens next.
            plan.again = Some(now);
        }
        let mut finished = ledger.finish();
        finished.volatile |= has_ranked || is_new_day;
        if let Some(planned) = plan.planned.take().filter(|planned| *planned != *self.planned) {
            self.planned = Arc::new(planned);
            (finished.volatile, finished.nodes_touched) = (true, true);
        }
        self.plan_at = self.pacer.next(&plan);
        self.count_pass(now, micros, &plan);
        let is_awaited = !answers.is_empty() || !stops.is_empty();
        let outcome = self.record(now, finished).and_then(|()| {
            if !is_awaited && self.store.syncs_slowly() && self.aftermath.may_wait(now) {
                return Ok(());
            }
            self.make_safe(now)
        });
        self.retry_at = None;
        if let Err(error) = &outcome {
            tracing::error!(%error, "a batch could not be recorded");
            self.unrecorded = reports;
            self.imported = (books, members);
            self.retry_at = Some(now.after(RETRY_AFTER));
        }
        for answer in answers {
            answer(outcome.clone());
        }
        for stop in stops {
            self.stopping = true;
            let _ = stop.send(());
        }
        self.still_since = self.clock.now();
    }

    fn count_pass(&mut self, now: Timestamp, micros: u64, plan: &Plan) {
        let (depth, queue) = (plan.depth as u64, plan.queue as u64);
        if depth > 0 {
            self.statistics.main.add(now, micros, depth, queue);
            self.statistics.main.add_end(plan.exit, 0);
        }
        if plan.backfill_depth > 0 {
            self.statistics.backfill.add(now, micros, plan.backfill_depth as u64, queue);
            self.statistics.backfill.add_end(plan.backfill_exit, plan.table as u64);
            let backfilled = || plan.starts.iter().filter(|start| start.backfilled);
            let is_component = |id| self.state.job(id).is_some_and(|job| job.het.is_some());
            self.statistics.backfilled += backfilled().count() as u64;
            self.statistics.ever_backfilled += backfilled().count() as u64;
            let components = backfilled().filter(|start| is_component(start.job)).count();
            self.statistics.backfilled_components += components as u64;
        }
    }

    /// Says when jobs would start, and forgets them.
    fn foresee(&mut self, drafts: Vec<Draft>, now: Timestamp) -> Result<Vec<Foreseen>, Error> {
        let mut ledger =
            Ledger::open(&mut self.state, &*self.calendar, &self.receipts, now, self.last_change);
        let foreseen = ledger.foresee(drafts, &mut *self.engine);
        ledger.finish().undo.take_back(&mut self.state);
        foreseen
    }

    /// Goes on with another configuration.
    fn reconfigure(&mut self, next: Cluster, now: Timestamp) -> Result<(), Error> {
        let (next, touched) = successor(&self.state, next, now)?;
        self.imported.0.extend(touched);
        self.pacer = Pacer::new(next.limits.batch_delay);
        self.state.reconfigure(Arc::new(next));
        self.ranker = Ranker::new(&self.state, now);
        self.partitions_changed = now;
        self.plan_at = Some(now);
        // Readers see all there is, and shall see nothing that is not safe.
        self.make_safe_at_last();
        self.publish(now, Seen { jobs: false, nodes: true, reservations: true });
        tracing::info!("the configuration was read anew");
        Ok(())
    }

    /// Writes a batch down and launches what it starts, or takes it back. The rest of its effects follow when it is safe.
    fn record(&mut self, now: Timestamp, finished: Finished) -> Result<(), Error> {
        let Finished { mut batch, effects, undo, moved, nodes_touched, reservations_touched, volatile } =
            finished;
        batch.occurrence.at = now;
        self.watch.look(&self.state, now, &mut batch.occurrence);
        let recorded = !batch.is_empty();
        if recorded {
            batch.forget_changes = self.feed.surplus(self.aftermath.changes.len() + batch.changes.len());
            if let Err(error) = self.store.commit(&batch) {
                self.state.store_again(&batch.usage);
                self.watch.forget();
                return Err(self.take_back(undo, &error));
            }
            self.watch.keep();
            self.state.settle_tallies();
            self.statistics.commits += 1;
            self.statistics.records += batch.jobs.len() as u64;
        }
        // Before the disk has it all: if this process ends now, both the record and the program are there, and if the
        // power is cut, neither is.
        let (launches, effects): (Vec<_>, Vec<_>) =
            effects.into_iter().partition(|(.., effect)| matches!(effect, Effect::Launch));
        for (id, attempt, effect) in launches {
            self.perform(id, attempt, effect, &batch.payloads);
        }
        if let Some(last) = batch.changes.last() {
            self.last_change = last.id;
        }
        self.statistics.add(&moved);
        if recorded || volatile || reservations_touched || !effects.is_empty() {
            let seen = Seen { jobs: recorded, nodes: nodes_touched, reservations: reservations_touched };
            self.aftermath.take_in(now, batch.changes, effects, seen);
        }
        if let Some(last) = batch.forget_receipts {
            self.receipts.forget(last);
        }
        // Somebody waits for each of them, so that they are made safe in this very turn.
        self.fresh_receipts.append(&mut batch.receipts);
        Ok(())
    }

    /// Waits for the disk, and then lets readers see and the engine hear what was recorded.
    fn make_safe(&mut self, now: Timestamp) -> Result<(), Error> {
        let Aftermath { changes, effects, seen, .. } = std::mem::take(&mut self.aftermath);
        let Some(seen) = seen else { return Ok(()) };
        let synced = if seen.jobs { self.store.sync() } else { Ok(()) };
        self.receipts.add(std::mem::take(&mut self.fresh_receipts));
        self.publish(now, seen);
        self.feed.add(&changes);
        for (id, attempt, effect) in effects {
            self.perform(id, attempt, effect, &[]);
        }
        // It took place, but whoever asked must not take it for safe.
        synced.map_err(|error| Error::Unavailable(Text::from(chain(&error))))
    }

    /// Makes safe what nobody waits for.
    fn make_safe_at_last(&mut self) {
        if let Err(error) = self.make_safe(self.clock.now()) {
            tracing::error!(%error, "what was recorded may not survive a power cut");
        }
    }

    fn take_back(&mut self, undo: Undo, error: &StoreError) -> Error {
        undo.take_back(&mut self.state);
        Error::Unavailable(Text::from(chain(error)))
    }

    /// Makes a new snapshot.
    fn publish(&mut self, now: Timestamp, seen: Seen) {
        let last = self.published.load();
        let mut snapshot = self.state.snapshot(now);
        snapshot.jobs_changed = if seen.jobs { now } else { last.jobs_changed };
        snapshot.reservations_changed = if seen.reservations { now } else { last.reservations_changed };
        snapshot.nodes_changed = if seen.nodes { now } else { last.nodes_changed };
        snapshot.partitions_changed = self.partitions_changed.max(snapshot.cluster.started);
        snapshot.change = self.last_change;
        snapshot.planned = Arc::clone(&self.planned);
        let (pending, running) = self.state.counts();
        snapshot.statistics =
            Arc::new(Statistics { pending, running, counted_at: now, ..self.statistics.clone() });
        drop(last);
        self.published.store(Arc::new(snapshot));
    }

    fn perform(&mut self, id: JobId, attempt: u32, effect: Effect, fresh: &[(JobId, Arc<Payload>)]) {
        let order = match effect {
            Effect::Signal { signal, scope } => Order::Signal { job: id, attempt, signal, scope },
            Effect::SignalStep { number, signal } => Order::SignalStep { job: id, attempt, number, signal },
            Effect::ForgetStep { number } => Order::ForgetStep { job: id, attempt, number },
            Effect::StartStep { number } => {
                let has_step = |job: &&Arc<Job>| {
                    job.restarts == attempt && job.run().is_some_and(|run| run.steps.step(number).is_some())
                };
                let Some(job) = self.state.job(id).filter(has_step).cloned() else { return };
                let components = self.components_of(&job);
                Order::StartStep { job, number, components }
            }
            Effect::Kill => Order::Kill { job: id, attempt },
            Effect::Shrink => {
                // All components run where the leader does.
                let of = |job: &Arc<Job>| job.het.map_or(job.id, |part| part.leader);
                let is_now = |job: &&Arc<Job>| job.restarts == attempt && job.held_resources().is_some();
                let leader = self.state.job(id).filter(is_now).map(of);
                let leader =
                    leader.and_then(|id| self.state.job(id)).filter(|job| job.held_resources().is_some());
                let Some(job) = leader.cloned() else { return };
                let components = self.components_of(&job);
                Order::Shrink { job, components }
            }
            Effect::Suspend => Order::Suspend { job: id, attempt },
            Effect::Resume => Order::Resume { job: id, attempt },
            Effect::Forget { attempt } => Order::Forget { job: id, attempt },
            Effect::Launch => {
                let runs =
                    |job: &&Arc<Job>| !matches!(job.phase, Phase::Pending(_)) && job.restarts == attempt;
                let Some(job) = self.state.job(id).filter(runs).cloned() else { return };
                let components = self.components_of(&job);
                match self.payload_of(&job, fresh) {
                    Ok(payload) => Order::Launch { job, payload, components },
                    Err(error) => return self.report_unstartable(id, attempt, &error),
                }
            }
        };
        self.engine.perform(order);
    }

    /// Returns all components of a heterogeneous job, the leader first; of another nothing.
    fn components_of(&self, job: &Job) -> Vec<Arc<Job>> {
        let members = job.het.into_iter().flat_map(HetPart::members);
        members.filter_map(|id| self.state.job(id)).cloned().collect()
    }

    fn payload_of(&mut self, job: &Job, fresh: &[(JobId, Arc<Payload>)]) -> Result<Arc<Payload>, StoreError> {
        let id = job.array_id();
        match fresh.binary_search_by_key(&id, |(id, _)| *id) {
            Ok(at) => Ok(Arc::clone(&fresh[at].1)),
            Err(_) => self.store.payload(id),
        }
    }

    fn report_unstartable(&mut self, job: JobId, attempt: u32, error: &StoreError) {
        let end = End::NotStarted(Text::from(chain(error)));
        tracing::error!(job.id = job.0, %error, "script and environment are lost");
        self.unrecorded.push(Report {
            job,
            attempt,
            at: self.clock.now(),
            end,
            usage: Usage::default(),
            fault: None,
        });
        self.plan_at = Some(self.clock.now());
    }

    fn recover(&mut self) -> Result<(), Error> {
        let now = self.clock.now();
        self.engine.know(self.state.cluster());
        let mut ledger =
            Ledger::open(&mut self.state, &*self.calendar, &self.receipts, now, self.last_change);
        let (books, members) = std::mem::take(&mut self.imported);
        ledger.note_books(books);
        ledger.forget_members(members);
        ledger.recover(&mut *self.engine);
        ledger.call_attendants();
        let finished = ledger.finish();
        self.record(now, finished)?;
        self.make_safe(now)?;
        self.plan_at = Some(now);
        Ok(())
    }
}

/// Checks that no job is on a node made at run time whose place the configuration has taken meanwhile.
fn check_places(cluster: &Cluster, saved: &Saved) -> Result<(), Error> {
    let places = saved.nodes.iter().filter_map(|mark| mark.upkeep.made.as_ref()).map(|made| made.place);
    let Some(first) = places.min().filter(|first| (first.0 as usize) < cluster.nodes.len()) else {
        return Ok(());
    };
    let on_it = |job: &&crate::job::Job| {
        job.held_resources().is_some_and(|held| held.nodes.iter().any(|share| share.node >= first))
    };
    let jobs = saved.jobs.iter().find(on_it).map(|job| job.id);
    let is_reserved =
        saved.reservations.iter().any(|known| known.nodes.iter().any(|node| node.node >= first));
    match jobs {
        Some(id) => Err(Error::Unavailable(Text::from(format!(
            "job {id} is on a node made at run time, in whose place the configuration has more nodes now"
        )))),
        None if is_reserved => Err(Error::Unavailable(Text::const_new(
            "a reservation has a node made at run time, in whose place the configuration has more nodes now",
        ))),
        None => Ok(()),
    }
}

/// Counts the tasks that have ended well and left, of arrays of which others live.
pub(super) fn recount(state: &mut State, history: &dyn History) -> Result<(), StoreError> {
    for (array, submitted, living) in state.arrays_in_part() {
        let moments = Moments {
            kind: Kind::Ended(vec![Outcome::Completed]),
            submitted: Between::from(submitted),
            ..Moments::default()
        };
        let wanted = Wanted {
            jobs: vec![(array, None)],
            moments: vec![moments],
            limit: usize::MAX,
            ..Wanted::default()
        };
        let keys = history.keys(&wanted)?;
        let gone: BTreeSet<JobId> =
            keys.iter().map(|key| key.job).filter(|id| !living.contains(id)).collect();
        state.remember_tasks(array, u32::try_from(gone.len()).unwrap_or(u32::MAX));
    }
    Ok(())
}

/// Leaves of a plan what starts allocations.
fn keep_allocations(plan: &mut Plan, state: &State) {
    let is_allocation = |id| state.job(id).is_some_and(|job| job.spec.kind == JobKind::Allocation);
    plan.preempts.retain(|preempt| is_allocation(preempt.by));
    plan.starts.retain(|start| is_allocation(start.job));
    plan.waits.retain(|(job, ..)| is_allocation(*job));
}

/// Writes an error with its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
