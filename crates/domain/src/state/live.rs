//! The live state with its indexes. Every change of a job goes through [`State::put`], which keeps the indexes true.

use super::alarms::Alarms;
use super::arrays::RunningTasks;
use super::queue::Queues;
use super::rank::Ranks;
use super::reserved::Reserved;
use super::snapshot::{Snapshot, records};
use super::table::JobTable;
use super::tallies::Tallies;
use crate::accounting::{Books, Past, Usage, UsedBy};
use crate::cluster::{Cluster, NodeUse};
use crate::cron::Crontab;
use crate::job::{Allocation, ArrayPart, Job, Pending, Phase, Reason, Relation};
use crate::priority::Ranking;
use crate::reservation::Reservation;
use crate::{ChangeId, JobId, Text, Timestamp, Uid};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// All that is live. One owner, the writer.
#[derive(Clone, Debug)]
pub struct State {
    cluster: Arc<Cluster>,
    jobs: JobTable,
    nodes: Arc<Vec<NodeUse>>,
    licenses: Arc<BTreeMap<Text, u32>>,
    queues: Queues,
    pub(super) ranks: Ranks,
    alarms: Alarms,
    leaving: Alarms,
    running_tasks: RunningTasks,
    tallies: Tallies,
    running: BTreeSet<JobId>,
    suspended: BTreeSet<JobId>,
    making_way: BTreeSet<JobId>,
    pending: u64,
    dependents: HashMap<JobId, BTreeSet<JobId>>,
    singletons: BTreeMap<(Uid, Text), BTreeSet<JobId>>,
    crontabs: Arc<BTreeMap<Uid, Arc<Crontab>>>,
    pub(super) reserved: Reserved,
    pub(super) usage: Usage,
    next_id: JobId,
    version: u64,
    /// When the next node goes back into service by itself.
    node_alarm: Option<Timestamp>,
}

fn unused(node: &crate::cluster::Node, since: Timestamp) -> NodeUse {
    let gres = node.gres.iter().map(|_| Default::default()).collect();
    NodeUse { gres, last_busy: since, ..NodeUse::default() }
}

fn next_resume(cluster: &Cluster) -> Option<Timestamp> {
    cluster.nodes.iter().flat_map(|node| [node.upkeep.resume_at, node.upkeep.back_at]).flatten().min()
}

impl State {
    /// Makes the state of a cluster without jobs.
    pub fn new(cluster: Arc<Cluster>) -> Self {
        let nodes = Arc::new(cluster.nodes.iter().map(|node| unused(node, cluster.started)).collect());
        let next_id = JobId(cluster.limits.first_job_id.max(1));
        State {
            node_alarm: next_resume(&cluster),
            ranks: Ranks::new(Arc::new(Ranking::of(&cluster)), cluster.started),
            usage: Usage::new(&cluster),
            cluster,
            jobs: JobTable::default(),
            nodes,
            licenses: Arc::default(),
            queues: Queues::default(),
            alarms: Alarms::default(),
            leaving: Alarms::default(),
            running_tasks: RunningTasks::default(),
            tallies: Tallies::default(),
            running: BTreeSet::new(),
            suspended: BTreeSet::new(),
            making_way: BTreeSet::new(),
            pending: 0,
            dependents: HashMap::new(),
            singletons: BTreeMap::new(),
            crontabs: Arc::default(),
            reserved: Reserved::default(),
            next_id,
            version: 0,
        }
    }

    /// Returns a number that grows with every change that can matter to who starts next: of a job, or of what is
    /// configured. What the scheduler itself thinks of a waiting job does not count.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns what is configured.
    pub fn cluster(&self) -> &Arc<Cluster> {
        &self.cluster
    }

    /// Returns all live jobs.
    pub fn jobs(&self) -> &JobTable {
        &self.jobs
    }

    /// Returns a job.
    pub fn job(&self, id: JobId) -> Option<&Arc<Job>> {
        self.jobs.job(id)
    }

    /// Returns what of each node is in use, in the order of the nodes.
    pub fn node_use(&self) -> &[NodeUse] {
        &self.nodes
    }

    /// Returns how many of a licence are in use.
    pub fn licenses_used(&self, name: &str) -> u32 {
        self.licenses.get(name).copied().unwrap_or(0)
    }

    /// Returns the jobs that could start, by partition.
    pub fn queues(&self) -> &Queues {
        &self.queues
    }

    /// Returns the jobs that hold resources, the oldest first.
    pub fn holding(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.running.iter().filter_map(|id| self.jobs.job(*id))
    }

    /// Returns the jobs that are suspended.
    pub fn suspended(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.suspended.iter().filter_map(|id| self.jobs.job(*id))
    }

    /// Returns the jobs that have been told to make way and still hold resources.
    pub fn making_way(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.making_way.iter().filter_map(|id| self.jobs.job(*id))
    }

    /// Tells whether the CPUs of a suspended job are free again, so that it can go on.
    pub fn has_room_to_resume(&self, job: &Job) -> bool {
        let Some(allocation) = job.held_resources() else { return false };
        let sharers = self.cluster.cpu_sharers(job, allocation);
        allocation.nodes.iter().all(|share| {
            self.nodes.get(share.node.0 as usize).is_some_and(|in_use| in_use.has_room_for(share, sharers))
        })
    }

    /// Returns what is used of accounting's limits.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Says what time it is, as far as use is counted.
    pub fn set_time(&mut self, now: Timestamp) {
        self.usage.set_time(now);
    }

    /// Returns what has been used since this was asked last, to be stored.
    pub(crate) fn take_used(&mut self) -> Vec<(UsedBy, Past)> {
        self.usage.take_touched()
    }

    /// Returns until when the use of live jobs has been taken in, if that has not been told before.
    pub(crate) fn take_accounted(&mut self) -> Option<Timestamp> {
        self.usage.take_accounted()
    }

    /// Takes in what was used, as it was stored; live jobs are put in their places afterwards.
    pub(crate) fn remember_usage(&mut self, usage: Vec<(UsedBy, Past)>, accounted: Timestamp) {
        usage.into_iter().for_each(|(by, past)| self.usage.remember(by, past));
        self.account(accounted, None);
    }

    /// Takes in that what was told to be stored could not be.
    pub(crate) fn store_again(&mut self, usage: &[(UsedBy, Past)]) {
        usage.iter().for_each(|(by, _)| self.usage.touch(*by));
    }

    /// Returns every record that a job number stands for: see [`Snapshot::records`].
    pub fn records(&self, id: JobId) -> Vec<Arc<Job>> {
        records(&self.jobs, &self.tallies, id)
    }

    /// Returns how many tasks of an array hold resources.
    pub fn running_tasks(&self, array: JobId) -> u32 {
        self.running_tasks.of(array)
    }

    /// Forgets how arrays stood of which nothing lives, now that it is recorded that they have left.
    pub(crate) fn settle_tallies(&mut self) {
        self.tallies.settle();
    }

    /// Returns the arrays of which tasks have left, with the numbers of the tasks that live.
    pub(crate) fn arrays_in_part(&self) -> Vec<(JobId, Timestamp, BTreeSet<JobId>)> {
        let mut arrays: BTreeMap<JobId, (Timestamp, u32, BTreeSet<JobId>)> = BTreeMap::new();
        for job in self.jobs.iter() {
            let Some(part) = &job.array else { continue };
            let (size, tasks) = match part {
                ArrayPart::Pool { waiting, size, .. } => (*size, waiting.len()),
                ArrayPart::Task { size, .. } => (*size, 1),
            };
            let (submitted, missing, living) =
                arrays.entry(job.array_id()).or_insert_with(|| (job.submitted, size, BTreeSet::new()));
            // One that was put back after its end counts as submitted then.
            *submitted = job.submitted.min(*submitted);
            *missing = missing.saturating_sub(tasks);
            living.insert(job.id);
        }
        let in_part = arrays.into_iter().filter(|(_, (_, missing, _))| *missing > 0);
        in_part.map(|(array, (submitted, _, living))| (array, submitted, living)).collect()
    }

    /// Takes in how many tasks of an array had ended well and left before the service was started.
    pub(crate) fn remember_tasks(&mut self, array: JobId, completed: u32) {
        self.tallies.remember(array, completed);
    }

    /// Returns the jobs that wait for this one.
    pub fn dependents(&self, job: JobId) -> Vec<JobId> {
        self.dependents.get(&job).into_iter().flatten().copied().collect()
    }

    /// Returns the singletons of this name and user that have not started, the oldest first.
    pub fn singletons(&self, owner: Uid, name: &Text) -> impl Iterator<Item = JobId> {
        self.singletons.get(&(owner, name.clone())).into_iter().flatten().copied()
    }

    /// Returns a user's crontab.
    pub fn crontab(&self, owner: Uid) -> Option<&Arc<Crontab>> {
        self.crontabs.get(&owner)
    }

    /// Puts a user's crontab in the place of the one before, or takes it away; returns the one before.
    pub fn put_crontab(&mut self, owner: Uid, crontab: Option<Arc<Crontab>>) -> Option<Arc<Crontab>> {
        let crontabs = Arc::make_mut(&mut self.crontabs);
        match crontab {
            Some(crontab) => crontabs.insert(owner, crontab),
            None => crontabs.remove(&owner),
        }
    }

    /// Returns the reservations, in the order in which they were made.
    pub fn reservations(&self) -> &Arc<Vec<Arc<Reservation>>> {
        self.reserved.all()
    }

    /// Returns the reservation of this name; case matters.
    pub fn reservation(&self, name: &str) -> Option<&Arc<Reservation>> {
        self.reserved.all().iter().find(|reservation| reservation.name == name)
    }

    /// Returns the live jobs that name a reservation or run in one, by number.
    pub fn reserved_jobs(&self) -> impl Iterator<Item = &Arc<Job>> {
        self.reserved.jobs().filter_map(|id| self.jobs.job(id))
    }

    /// Puts other reservations in the place of those there were; returns those.
    pub fn put_reservations(&mut self, all: Arc<Vec<Arc<Reservation>>>) -> Arc<Vec<Arc<Reservation>>> {
        self.version += 1;
        self.reserved.put(all)
    }

    /// Tells whether a reservation has begun or ended, or something else of one is due, since this was asked last.
    pub fn reservations_turn(&mut self, now: Timestamp) -> bool {
        let has_turned = self.reserved.turn(now);
        self.version += u64::from(has_turned);
        has_turned
    }

    /// Returns the number the next reservation will get.
    pub(crate) fn next_reservation(&self) -> u32 {
        self.reserved.last_number.saturating_add(1)
    }

    /// Goes on counting reservations from the one that had this number.
    pub(crate) fn count_reservations_from(&mut self, last: u32) {
        self.reserved.last_number = last;
    }

    /// Returns the number the next job will get.
    pub fn next_id(&self) -> JobId {
        self.next_id
    }

    /// Hands out the next free job number.
    pub fn take_id(&mut self) -> JobId {
        let mut id = self.next_id;
        while self.jobs.job(id).is_some() {
            id = following(id, self.cluster.limits.first_job_id);
        }
        self.next_id = following(id, self.cluster.limits.first_job_id);
        id
    }

    /// Hands out free job numbers that follow one another, and returns the first; `None` if there are not so many.
    pub fn take_ids(&mut self, count: u32) -> Option<JobId> {
        let start = JobId(self.cluster.limits.first_job_id.max(1));
        let (mut first, mut found, mut has_wrapped) = (self.next_id, 0, false);
        while found < count {
            let id = JobId(first.0.saturating_add(found));
            if id > JobId::MAX {
                if has_wrapped {
                    return None;
                }
                (first, found, has_wrapped) = (start, 0, true);
            } else if self.jobs.job(id).is_some() {
                (first, found) = (JobId(id.0 + 1), 0);
            } else {
                found += 1;
            }
        }
        let last = JobId(first.0.saturating_add(count.saturating_sub(1)));
        self.next_id = following(last, start.0);
        Some(first)
    }

    /// Goes on counting jobs from here: after a load, or to take back numbers of a batch that failed.
    pub fn count_from(&mut self, next: JobId) {
        self.next_id = next;
    }

    /// Returns the time of the earliest alarm.
    pub fn next_alarm(&self) -> Option<Timestamp> {
        [self.alarms.next(), self.leaving.next(), self.reserved.next_turn(), self.node_alarm]
            .into_iter()
            .flatten()
            .min()
    }

    /// Returns when the next node goes back into service by itself.
    pub fn next_node_alarm(&self) -> Option<Timestamp> {
        self.node_alarm
    }

    /// Returns jobs for which something is due, at most `most`.
    pub fn due(&self, now: Timestamp, most: usize) -> Vec<JobId> {
        self.alarms.due(now, most)
    }

    /// Returns finished jobs that have been among the live ones for long enough, at most `most`.
    pub fn leaving(&self, now: Timestamp, most: usize) -> Vec<JobId> {
        self.leaving.due(now, most)
    }

    /// Goes on with another configuration of the same nodes, but for those that are made at run time.
    pub fn reconfigure(&mut self, cluster: Arc<Cluster>) {
        let before = std::mem::replace(&mut self.ranks.ranking, Arc::new(Ranking::of(&cluster)));
        self.node_alarm = next_resume(&cluster);
        self.fit_node_use(&cluster);
        let waits = |cluster: &Cluster| (cluster.limits.kill_wait, cluster.limits.min_job_age);
        let are_waits_new = waits(&self.cluster) != waits(&cluster);
        self.cluster = cluster;
        self.usage.reconfigure(&self.cluster, self.jobs.iter());
        self.version += 1;
        if are_waits_new {
            let (kill_wait, age) = waits(&self.cluster);
            for job in self.jobs.iter() {
                self.alarms.set(job.id, job.next_alarm(kill_wait));
                self.leaving.set(job.id, leaving_time(job, age));
            }
        }
        if !before.ranks_like(&self.ranks.ranking) {
            self.queues = Queues::default();
            for job in self.jobs.iter() {
                self.queues.moved(&self.ranks.ranking, None, Some(job));
            }
        }
    }

    /// Goes on with other books. Jobs are ranked anew only where their qualities of service count otherwise.
    pub fn put_books(&mut self, books: Books) {
        let ranks = |books: &Books| -> Vec<(Text, u32, bool)> {
            books.all_qos().map(|qos| (qos.name.clone(), qos.priority, qos.life.deleted)).collect()
        };
        let ranks_alike = ranks(&books) == ranks(&self.cluster.books);
        let next = Arc::new(Cluster { books, ..Cluster::clone(&self.cluster) });
        if ranks_alike {
            self.cluster = next;
            self.usage.reconfigure(&self.cluster, self.jobs.iter());
            self.version += 1;
        } else {
            self.reconfigure(next);
        }
    }

    /// Brings the list of what of nodes is in use in line with the nodes there are. Those that are made or taken away are
    /// used by nobody.
    fn fit_node_use(&mut self, cluster: &Cluster) {
        let fits = |(node, used): (&crate::cluster::Node, &NodeUse)| used.gres.len() == node.gres.len();
        if self.nodes.len() == cluster.nodes.len() && cluster.nodes.iter().zip(self.nodes.iter()).all(fits) {
            return;
        }
        let uses = Arc::make_mut(&mut self.nodes);
        uses.truncate(cluster.nodes.len());
        for (node, used) in cluster.nodes.iter().zip(uses.iter_mut()) {
            if used.jobs == 0 && used.gres.len() != node.gres.len() {
                *used = unused(node, used.last_busy);
            }
        }
        let more = cluster.nodes.iter().skip(uses.len()).map(|node| unused(node, cluster.started));
        uses.extend(more.collect::<Vec<_>>());
    }

    /// Puts a job in its place that differs in nothing but its priority.
    pub(super) fn reorder(&mut self, job: Arc<Job>) {
        let before = self.jobs.put(Arc::clone(&job));
        self.version += 1;
        self.queues.moved(&self.ranks.ranking, before.as_deref(), Some(&job));
    }

    /// Returns how many jobs wait and how many run; tasks of arrays count one by one.
    pub fn counts(&self) -> (u64, u64) {
        (self.pending, self.running.len() as u64)
    }

    /// Puts a job in its place and brings every index up to date; returns the one that was there.
    pub fn put(&mut self, job: Arc<Job>) -> Option<Arc<Job>> {
        let before = self.jobs.put(Arc::clone(&job));
        self.moved(job.id, before.as_deref(), Some(&job));
        before
    }

    /// Takes a job out.
    pub fn take(&mut self, id: JobId) -> Option<Arc<Job>> {
        let before = self.jobs.take(id)?;
        self.moved(id, Some(&before), None);
        Some(before)
    }

    /// Returns a picture for readers. What the state does not know is as in one that is empty.
    pub fn snapshot(&self, at: Timestamp) -> Snapshot {
        // No `..Snapshot::default()`: that one has a cluster of its own, which takes longer to make than all the rest.
        Snapshot {
            at,
            cluster: Arc::clone(&self.cluster),
            jobs: self.jobs.clone(),
            tallies: self.tallies.clone(),
            nodes: Arc::clone(&self.nodes),
            licenses: Arc::clone(&self.licenses),
            ranking: Arc::clone(&self.ranks.ranking),
            shares: Arc::clone(self.shares()),
            crontabs: Arc::clone(&self.crontabs),
            reservations: Arc::clone(self.reserved.all()),
            planned: Arc::default(),
            reservations_changed: Timestamp::EPOCH,
            jobs_changed: Timestamp::EPOCH,
            nodes_changed: Timestamp::EPOCH,
            partitions_changed: Timestamp::EPOCH,
            change: ChangeId(0),
            statistics: Arc::default(),
        }
    }

    fn moved(&mut self, id: JobId, before: Option<&Job>, after: Option<&Job>) {
        let is_thought = before.zip(after).is_some_and(|(before, after)| differ_in_thought(before, after));
        self.version += u64::from(!is_thought);
        self.queues.moved(&self.ranks.ranking, before, after);
        self.running_tasks.moved(before, after);
        self.tallies.moved(before, after);
        self.pending = self.pending + waiting(after) - waiting(before);
        let limits = &self.cluster.limits;
        self.alarms.set(id, after.and_then(|job| job.next_alarm(limits.kill_wait)));
        self.leaving.set(id, after.and_then(|job| leaving_time(job, limits.min_job_age)));
        note(&mut self.suspended, id, after.is_some_and(Job::is_suspended));
        note(&mut self.making_way, id, after.is_some_and(makes_way));
        self.reserved.moved(id, after);
        self.depend(id, before, after);
        self.hold_resources(id, before, after);
        self.usage.moved(&self.cluster, id, before, after);
    }

    fn depend(&mut self, id: JobId, before: Option<&Job>, after: Option<&Job>) {
        let targets = |job: Option<&Job>| -> Vec<(Option<JobId>, (Uid, Text))> {
            let Some(job) = job.filter(|job| job.is_pending()) else { return Vec::new() };
            let terms = job.dependency.iter().flat_map(|dependency| &dependency.terms);
            let singleton = terms.clone().any(|term| term.relation == Relation::Singleton).then_some(None);
            let jobs = terms.filter_map(|term| term.job).map(Some);
            let owner = || (job.spec.owner.uid, job.spec.name.clone());
            jobs.chain(singleton).map(|target| (target, owner())).collect()
        };
        let (old, new) = (targets(before), targets(after));
        if old == new {
            return;
        }
        for (target, owner) in old {
            match target {
                Some(target) => forget(&mut self.dependents, &target, id),
                None => {
                    if let Some(waiting) = self.singletons.get_mut(&owner) {
                        waiting.remove(&id);
                        if waiting.is_empty() {
                            self.singletons.remove(&owner);
                        }
                    }
                }
            }
        }
        for (target, owner) in new {
            match target {
                Some(target) => self.dependents.entry(target).or_default().insert(id),
                None => self.singletons.entry(owner).or_default().insert(id),
            };
        }
    }

    fn hold_resources(&mut self, id: JobId, before: Option<&Job>, after: Option<&Job>) {
        let (old, new) = (before.and_then(Job::held_resources), after.and_then(Job::held_resources));
        let suspended = |job: Option<&Job>| job.is_some_and(Job::has_given_cpus_away);
        match (old, new) {
            (Some(old), Some(new)) if Arc::ptr_eq(old, new) && suspended(before) == suspended(after) => {
                return self.count_completing(new, before, after);
            }
            (None, None) => return,
            _ => {}
        }
        if let Some((job, allocation)) = before.zip(old) {
            let left = after.and_then(|job| match &job.phase {
                Phase::Ended(ended) => Some(ended.ended),
                // Nodes it has lost are free since then.
                _ => job.run()?.resizes.last().map(|resize| resize.at),
            });
            self.give_back(job, allocation, left);
            self.running.remove(&id);
        }
        if let Some((job, allocation)) = after.zip(new) {
            self.hand_out(job, allocation);
            self.running.insert(id);
        }
    }

    /// Takes in that a job that keeps what it holds has begun to end.
    fn count_completing(&mut self, held: &Allocation, before: Option<&Job>, after: Option<&Job>) {
        let is_completing =
            |job: Option<&Job>| job.is_some_and(|job| matches!(job.phase, Phase::Completing(_)));
        if is_completing(before) == is_completing(after) {
            return;
        }
        let nodes = Arc::make_mut(&mut self.nodes);
        for share in &held.nodes {
            if let Some(node) = nodes.get_mut(share.node.0 as usize) {
                node.completing = match is_completing(after) {
                    true => node.completing.saturating_add(1),
                    false => node.completing.saturating_sub(1),
                };
            }
        }
    }

    fn hand_out(&mut self, job: &Job, allocation: &Allocation) {
        let nodes = Arc::make_mut(&mut self.nodes);
        for taken in self.cluster.taken(job, allocation) {
            if let Some(node) = nodes.get_mut(taken.share.node.0 as usize) {
                node.hand_out(taken);
            }
        }
        if !allocation.licenses.is_empty() {
            let licenses = Arc::make_mut(&mut self.licenses);
            for (name, count) in &allocation.licenses {
                *licenses.entry(name.clone()).or_default() += count;
            }
        }
    }

    fn give_back(&mut self, job: &Job, allocation: &Allocation, left: Option<Timestamp>) {
        let nodes = Arc::make_mut(&mut self.nodes);
        for taken in self.cluster.taken(job, allocation) {
            if let Some(node) = nodes.get_mut(taken.share.node.0 as usize) {
                node.give_back(taken);
                node.last_busy = left.unwrap_or(node.last_busy).max(node.last_busy);
            }
        }
        if !allocation.licenses.is_empty() {
            let licenses = Arc::make_mut(&mut self.licenses);
            for (name, count) in &allocation.licenses {
                if let Some(used) = licenses.get_mut(name) {
                    *used = used.saturating_sub(*count);
                }
            }
        }
    }
}

fn makes_way(job: &Job) -> bool {
    job.held_resources().is_some() && job.run().is_some_and(|run| run.preemption.is_some())
}

fn note(set: &mut BTreeSet<JobId>, id: JobId, is_in: bool) {
    if is_in {
        set.insert(id);
    } else if !set.is_empty() {
        set.remove(&id);
    }
}

/// Tells whether two waiting jobs are the same but for why they wait and when they should start.
fn differ_in_thought(one: &Job, other: &Job) -> bool {
    let (Phase::Pending(first), Phase::Pending(second)) = (&one.phase, &other.phase) else { return false };
    let thoughtless =
        |pending: &Pending| Pending { reason: Reason::None, expected_start: None, ..pending.clone() };
    Arc::ptr_eq(&one.spec, &other.spec)
        && one.priority == other.priority
        && one.eligible == other.eligible
        && one.array == other.array
        && one.dependency == other.dependency
        && thoughtless(first) == thoughtless(second)
}

fn waiting(job: Option<&Job>) -> u64 {
    match job.filter(|job| job.is_pending()).map(|job| &job.array) {
        None => 0,
        Some(Some(ArrayPart::Pool { waiting, .. })) => u64::from(waiting.len()),
        Some(_) => 1,
    }
}

fn following(id: JobId, first: u32) -> JobId {
    if id >= JobId::MAX { JobId(first.max(1)) } else { JobId(id.0 + 1) }
}

fn leaving_time(job: &Job, min_job_age: std::time::Duration) -> Option<Timestamp> {
    match &job.phase {
        Phase::Ended(ended) => Some(ended.ended.after(min_job_age)),
        _ => None,
    }
}

fn forget(dependents: &mut HashMap<JobId, BTreeSet<JobId>>, target: &JobId, id: JobId) {
    if let Some(waiting) = dependents.get_mut(target) {
        waiting.remove(&id);
        if waiting.is_empty() {
            dependents.remove(target);
        }
    }
}
