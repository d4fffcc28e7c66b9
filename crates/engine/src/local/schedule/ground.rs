//! What is free at this moment, with what this pass has already proposed taken off; and which units a job gets.

use domain::accounting::{Line, Moment, Planned, Wanted, held, minutes};
use domain::cluster::{Cluster, Node, NodeUse, Partition, Taken};
use domain::fit::{Amounts, Demand, Placement, place};
use domain::job::{Allocation, ArrayPart, Job, NodeShare, Reason};
use domain::ports::Start;
use domain::reservation::{Closed, Fence, Reservation};
use domain::state::State;
use domain::{ByNumber, JobId, NodeIndex, Numbered, TaskIndex, Text, TimeLimit, Timestamp, Uid};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is free now.
#[derive(Clone)]
pub(super) struct Ground<'a> {
    state: &'a State,
    nodes: ByNumber<NodeIndex, NodeUse>,
    licenses: BTreeMap<Text, u32>,
    /// Licences of those who make way.
    returned: BTreeMap<Text, u32>,
    tasks: ByNumber<JobId, u32>,
    /// Jobs of arrays for which others make way, each with its array: one more task of it will run.
    owed: ByNumber<JobId, JobId>,
    started: Numbered<JobId>,
    /// What the starts of this pass count for accounting's limits.
    planned: Planned,
    /// The limit that the last job exceeded for which a place was found, if it did.
    excess: Option<(JobId, Reason)>,
    /// What reservations close to the job that is looked at; `None` without reservations.
    fence: Option<Fence<'a>>,
}

impl<'a> Ground<'a> {
    /// Begins a pass: nothing proposed yet.
    pub(super) fn new(state: &'a State) -> Self {
        Ground {
            state,
            nodes: ByNumber::default(),
            licenses: BTreeMap::new(),
            returned: BTreeMap::new(),
            tasks: ByNumber::default(),
            owed: ByNumber::default(),
            started: Numbered::default(),
            planned: Planned::default(),
            excess: None,
            fence: None,
        }
    }

    /// Goes on for a job to which this is closed.
    pub(super) fn fence_in(&mut self, fence: Option<Fence<'a>>) {
        self.fence = fence;
    }

    /// Does the same, and returns what was closed before.
    pub(super) fn replace_fence(&mut self, fence: Fence<'a>) -> Option<Fence<'a>> {
        self.fence.replace(fence)
    }

    /// Returns the reservation in which the job that is looked at would run.
    pub(super) fn own_reservation(&self) -> Option<&'a Arc<Reservation>> {
        self.fence.as_ref().and_then(Fence::own)
    }

    /// Tells whether a job that has no place would have one if there were no reservations.
    pub(super) fn would_fit_unfenced(
        &mut self,
        job: &Job,
        demand: &Demand<'_>,
        cluster: &Cluster,
        nodes: &[NodeIndex],
        is_closed: impl Fn(NodeIndex) -> bool,
    ) -> bool {
        let Some(fence) = self.fence.take_if(|fence| !fence.is_open()) else { return false };
        let user = job.spec.owner.uid;
        let free = |index| if is_closed(index) { None } else { self.free_for(index, demand, user) };
        let fits = place(demand, cluster, nodes, free).is_some();
        self.fence = Some(fence);
        fits
    }

    /// Returns what of a node is in use, or closed to the job that is looked at; `None` if all of it is.
    fn seen(&self, index: NodeIndex) -> Option<Cow<'_, NodeUse>> {
        let in_use = self.in_use(index)?;
        let Some(fence) = &self.fence else { return Some(Cow::Borrowed(in_use)) };
        match fence.closed(index, self.state.cluster().node(index)?) {
            Closed::Nothing => Some(Cow::Borrowed(in_use)),
            Closed::Node => None,
            Closed::Part(closed) => Some(Cow::Owned(in_use.or(&closed))),
        }
    }

    /// Tells whether this pass starts the job, or the last task of the array.
    pub(super) fn has_started(&self, job: JobId) -> bool {
        self.started.contains(&job)
    }

    /// Returns what of a node is in use.
    pub(super) fn in_use(&self, index: NodeIndex) -> Option<&NodeUse> {
        if !self.nodes.is_empty()
            && let Some(changed) = self.nodes.get(&index)
        {
            return Some(changed);
        }
        self.state.node_use().get(index.0 as usize)
    }

    /// Returns how many CPUs of a node are free.
    pub(super) fn free_cpus(&self, index: NodeIndex) -> u32 {
        let all = self.state.cluster().node(index).map_or(0, Node::job_cpus);
        self.in_use(index).map_or(0, |in_use| all.saturating_sub(in_use.cpus.len()))
    }

    /// Returns what is free on a node, whoever asks.
    pub(super) fn free(&self, index: NodeIndex) -> Option<Amounts> {
        let node = self.state.cluster().node(index).filter(|node| node.flags.takes_jobs())?;
        Some(Amounts::free_of(node, self.in_use(index)?))
    }

    /// Returns what is free on a node behind the fence that stands now.
    pub(super) fn free_behind_fence(&self, index: NodeIndex) -> Option<Amounts> {
        let node = self.state.cluster().node(index).filter(|node| node.flags.takes_jobs())?;
        Some(Amounts::free_of(node, &*self.seen(index)?))
    }

    /// Returns what a job could have of a node; `None` if it may not go there.
    pub(super) fn free_for(&self, index: NodeIndex, demand: &Demand<'_>, user: Uid) -> Option<Amounts> {
        let sharers = demand.cpu_sharers();
        if sharers == 1 && self.free_cpus(index) == 0 {
            // Most nodes of a busy cluster end here.
            return None;
        }
        let in_use = &*self.seen(index)?;
        if !in_use.admits(user, demand.is_for_one_user(), demand.label, demand.is_for_one_label()) {
            return None;
        }
        let node = self.state.cluster().node(index).filter(|node| node.flags.takes_jobs())?;
        let mut free = Amounts::free_of(node, in_use);
        demand.lower_to_caps(node, in_use, &mut free);
        if sharers > 1 && !in_use.shared.is_empty() {
            let open = in_use.shared.iter().filter(|(_, jobs)| **jobs < sharers);
            free.add_cpus(node, open.map(|(cpu, _)| *cpu));
        }
        Some(free)
    }

    /// Tells whether a job could have just this place.
    pub(super) fn has_room_at(&self, placement: &Placement, demand: &Demand<'_>, job: &Job) -> bool {
        let free = |index: NodeIndex| self.free_for(index, demand, job.spec.owner.uid);
        placement.nodes.iter().all(|placed| free(placed.node).is_some_and(|free| free.covers(&placed.takes)))
    }

    /// Returns how many of a licence are free.
    pub(super) fn free_licenses(&self, name: &Text) -> u32 {
        let all = self.state.cluster().licenses.get(name).copied().unwrap_or(0);
        let proposed = self.licenses.get(name).copied().unwrap_or(0);
        let returned = self.returned.get(name).copied().unwrap_or(0);
        let used = self.state.licenses_used(name).saturating_sub(returned);
        let kept = self.fence.as_ref().map_or(0, |fence| fence.kept_licenses(name, self.state));
        all.saturating_sub(used).saturating_sub(proposed).saturating_sub(kept)
    }

    /// Tells whether the array has as many tasks running as it may.
    pub(super) fn is_throttled(&self, job: &Job) -> bool {
        match &job.array {
            Some(ArrayPart::Pool { throttle, .. } | ArrayPart::Task { throttle, .. }) if *throttle > 0 => {
                let array = job.array_id();
                let proposed = self.tasks.get(&array).copied().unwrap_or(0);
                let owed = self.owed.iter().filter(|(other, of)| **other != job.id && **of == array).count();
                let owed = u32::try_from(owed).unwrap_or(u32::MAX);
                let running = self.state.running_tasks(array);
                running.saturating_add(proposed).saturating_add(owed) >= *throttle
            }
            _ => false,
        }
    }

    /// Tells whether accounting lets a job start in a partition, besides what this pass starts and `booked` for later.
    ///
    /// # Errors
    /// The limit that keeps it waiting.
    pub(super) fn within_limits(
        &self,
        job: &Job,
        partition: &Partition,
        now: Timestamp,
        booked: &Planned,
    ) -> Result<(), Reason> {
        let cluster = self.state.cluster();
        if !cluster.enforcement.associations {
            return Ok(());
        }
        let usage = self.state.usage();
        let Some(line) = usage.line_of(cluster, job, partition).filter(|line| !line.is_open()) else {
            return Ok(());
        };
        if let Some(reason) = line.barred() {
            return Err(reason);
        }
        if self.state.is_over_share(&line) {
            return Err(Reason::QosUsageThreshold);
        }
        let wanted = Wanted::at_least(&job.spec, cluster, partition, (usage.numbers(), &line));
        let planned = [&self.planned, booked];
        usage.may_start(&line, &wanted, Moment { now, safe: cluster.enforcement.safe, planned: &planned })
    }

    /// Returns what a start counts for accounting's limits; `None` where nothing limits it.
    fn charge(
        &self,
        job: &Job,
        partition: &Partition,
        (allocation, limit): (&Allocation, TimeLimit),
    ) -> Option<(Arc<Line>, Wanted)> {
        let cluster = self.state.cluster();
        if !cluster.enforcement.limits {
            return None;
        }
        let usage = self.state.usage();
        let line = usage.line_of(cluster, job, partition).filter(|line| !line.is_open())?;
        let wanted = Wanted {
            quantities: held(allocation, cluster, usage.numbers()),
            nodes: u32::try_from(allocation.nodes.len()).unwrap_or(u32::MAX),
            minutes: minutes(limit),
        };
        Some((line, wanted))
    }

    /// Tells whether a start keeps within the limits with what it really gets: whole cores may be more than was asked for.
    fn keeps_within(&self, (line, wanted): &(Arc<Line>, Wanted)) -> Result<(), Reason> {
        let (usage, safe) = (self.state.usage(), self.state.cluster().enforcement.safe);
        usage.may_start(line, wanted, Moment { now: usage.now(), safe, planned: &[&self.planned] })
    }

    /// Returns, once, the limit that a job would exceed with the place that was found for it last.
    pub(super) fn take_excess(&mut self, job: JobId) -> Option<Reason> {
        self.excess.take_if(|(found_for, _)| *found_for == job).map(|(_, reason)| reason)
    }

    /// Takes into `booked` that a job will start at a time.
    pub(super) fn book_use(&self, job: &Job, partition: &Partition, at: Timestamp, booked: &mut Planned) {
        if let Some((line, wanted)) = self.use_of(job, partition) {
            booked.add(&line, &wanted, at);
        }
    }

    /// Takes that back, for a job that starts elsewhere.
    pub(super) fn unbook_use(&self, job: &Job, partition: &Partition, booked: &mut Planned) {
        if let Some((line, wanted)) = self.use_of(job, partition) {
            booked.take_off(&line, &wanted);
        }
    }

    /// Returns what a job will count for accounting's limits; `None` where nothing limits it.
    fn use_of(&self, job: &Job, partition: &Partition) -> Option<(Arc<Line>, Wanted)> {
        let cluster = self.state.cluster();
        if !cluster.enforcement.limits {
            return None;
        }
        let usage = self.state.usage();
        let line = usage.line_of(cluster, job, partition).filter(|line| !line.is_open())?;
        let wanted = Wanted::at_least(&job.spec, cluster, partition, (usage.numbers(), &line));
        Some((line, wanted))
    }

    /// Returns the priority below which accounting has nothing kept free for a job.
    pub(super) fn least_priority(&self, job: &Job, partition: &Partition) -> u64 {
        let cluster = self.state.cluster();
        let line = self.state.usage().line_of(cluster, job, partition).filter(|_| cluster.enforcement.limits);
        line.map_or(0, |line| line.least_priority())
    }

    /// Takes in that others make way for a job: its place among the running tasks of its array is nobody else's.
    pub(super) fn owe(&mut self, job: &Job) {
        if job.array.is_some() {
            self.owed.insert(job.id, job.array_id());
        }
    }

    /// Returns how many tasks of an array this pass has not started; of another job none or one.
    pub(super) fn tasks_left(&self, job: &Job) -> u32 {
        match &job.array {
            Some(ArrayPart::Pool { waiting, .. }) => {
                waiting.len().saturating_sub(self.tasks.get(&job.id).copied().unwrap_or(0))
            }
            Some(ArrayPart::Task { .. }) | None => u32::from(!self.has_started(job.id)),
        }
    }

    /// Returns the task of an array that is next; `None` for a job that is no array.
    fn next_task(&self, job: &Job) -> Option<TaskIndex> {
        let Some(ArrayPart::Pool { waiting, .. }) = &job.array else { return None };
        let proposed = self.tasks.get(&job.id).copied().unwrap_or(0);
        let mut skip = proposed;
        for run in waiting.progressions() {
            let len = (run.last - run.first) / run.step + 1;
            if skip < len {
                return Some(TaskIndex(run.first + skip * run.step));
            }
            skip -= len;
        }
        None
    }

    /// Gives a job its place and these licences. `None` if the units cannot be found after all, or it would have more
    /// than a limit gives (see [`Ground::take_excess`]).
    pub(super) fn start(
        &mut self,
        job: &Job,
        demand: &Demand<'_>,
        placement: &Placement,
        licenses: &[(Text, u32)],
        limit: TimeLimit,
        backfilled: bool,
    ) -> Option<Start> {
        let shares = placement.nodes.iter().map(|placed| {
            let node = self.state.cluster().node(placed.node)?;
            demand.share(node, &*self.seen(placed.node)?, placed)
        });
        let own = self.own_reservation();
        let allocation = Allocation {
            partition: demand.partition.name.clone(),
            nodes: shares.collect::<Option<_>>()?,
            whole: demand.is_alone(),
            licenses: licenses.iter().cloned().collect(),
            reservation: own.map(|own| own.name.clone()).unwrap_or_default(),
        };
        let charge = self.charge(job, demand.partition, (&allocation, limit));
        let kept_within = charge.as_ref().map_or(Ok(()), |charge| self.keeps_within(charge));
        self.excess = kept_within.err().map(|reason| (job.id, reason));
        if self.excess.is_some() {
            return None;
        }
        let task = self.next_task(job);
        self.take(job, &allocation);
        if let Some((line, wanted)) = charge {
            self.planned.add(&line, &wanted, Timestamp::EPOCH);
        }
        Some(Start { job: job.id, task, allocation: Arc::new(allocation), limit, backfilled })
    }

    /// Takes off what a job holds, as if it were gone. Its licences stay taken unless jobs make way for those, too.
    pub(super) fn give_back(&mut self, job: &Job, allocation: &Allocation) {
        self.change(job, allocation, NodeUse::give_back);
        if self.state.cluster().preempt.for_licenses {
            for (name, count) in &allocation.licenses {
                *self.returned.entry(name.clone()).or_default() += count;
            }
        }
    }

    /// Takes off the CPUs a job holds, as if it were suspended.
    pub(super) fn suspend(&mut self, job: &Job, allocation: &Allocation) {
        self.change(job, allocation, |in_use, taken| {
            in_use.give_back(taken);
            in_use.hand_out(Taken { is_suspended: true, ..taken });
        });
    }

    /// Gives a suspended job its CPUs again.
    pub(super) fn resume(&mut self, job: &Job, allocation: &Allocation) {
        self.change(job, allocation, |in_use, taken| {
            in_use.give_back(taken);
            in_use.hand_out(Taken { is_suspended: false, ..taken });
        });
    }

    /// Keeps room and licences for a job that starts in a placement as soon as others have left it; it has them in `left`,
    /// the ground without those, afterwards. `None` if the units cannot be found after all.
    pub(super) fn keep(
        &mut self,
        job: &Job,
        demand: &Demand<'_>,
        (placement, licenses): (&Placement, &[(Text, u32)]),
        left: &mut Ground<'a>,
    ) -> Option<()> {
        let shares = placement.nodes.iter().map(|placed| {
            let node = self.state.cluster().node(placed.node)?;
            demand.share(node, &*left.seen(placed.node)?, placed)
        });
        let allocation = Allocation {
            partition: demand.partition.name.clone(),
            nodes: shares.collect::<Option<_>>()?,
            whole: demand.whole,
            licenses: Default::default(),
            reservation: Default::default(),
        };
        left.change(job, &allocation, NodeUse::hand_out);
        for share in &allocation.nodes {
            if let (Some(before), Some(then)) = (self.in_use(share.node), left.in_use(share.node)) {
                let mut both = before.or(then);
                if wants_sockets(demand) {
                    let all = self.state.cluster().node(share.node).map_or(0, |node| node.topology.cpus);
                    (0..all).for_each(|cpu| both.cpus.insert(cpu));
                    both.shared.clear();
                }
                self.nodes.insert(share.node, both);
            }
        }
        self.keep_licenses(licenses);
        Some(())
    }

    /// Keeps licences from everybody who is looked at from now on.
    pub(super) fn keep_licenses(&mut self, licenses: &[(Text, u32)]) {
        for (name, count) in licenses {
            *self.licenses.entry(name.clone()).or_default() += count;
        }
    }

    /// Tells whether the CPUs of a suspended job are free.
    pub(super) fn has_room_for(&self, job: &Job, allocation: &Allocation) -> bool {
        let sharers = self.state.cluster().cpu_sharers(job, allocation);
        let is_open = |share: &NodeShare| {
            self.in_use(share.node).is_some_and(|in_use| in_use.has_room_for(share, sharers))
        };
        allocation.nodes.iter().all(is_open)
    }

    fn change(
        &mut self,
        job: &Job,
        allocation: &Allocation,
        mut change: impl FnMut(&mut NodeUse, Taken<'_>),
    ) {
        for taken in self.state.cluster().taken(job, allocation) {
            let index = taken.share.node;
            if !self.nodes.contains_key(&index) {
                let Some(in_use) = self.in_use(index).cloned() else { continue };
                self.nodes.insert(index, in_use);
            }
            if let Some(in_use) = self.nodes.get_mut(&index) {
                change(in_use, taken);
            }
        }
    }

    fn take(&mut self, job: &Job, allocation: &Allocation) {
        self.change(job, allocation, NodeUse::hand_out);
        for (name, count) in &allocation.licenses {
            *self.licenses.entry(name.clone()).or_default() += count;
        }
        self.owed.remove(&job.id);
        match &job.array {
            Some(part) => {
                *self.tasks.entry(job.array_id()).or_default() += 1;
                if matches!(part, ArrayPart::Task { .. }) || self.next_task(job).is_none() {
                    self.started.insert(job.id);
                }
            }
            None => {
                self.started.insert(job.id);
            }
        }
    }
}

/// Tells whether a job needs something free on sockets of which it takes nothing.
pub(super) fn wants_sockets(demand: &Demand<'_>) -> bool {
    demand.resources.sockets_per_node > 1 || demand.resources.cores_per_socket > 0
}
