//! What is free at this moment, with what this pass has already proposed taken off; and which units a job gets.

use domain::cluster::{Node, NodeUse};
use domain::fit::{Amounts, Demand, Placed, Placement};
use domain::job::{Allocation, ArrayPart, CpuSet, GresShare, Job, NodeShare};
use domain::ports::Start;
use domain::state::State;
use domain::{JobId, NodeIndex, TaskIndex, Text, TimeLimit, Uid};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// What is free now.
pub(super) struct Ground<'a> {
    state: &'a State,
    nodes: HashMap<NodeIndex, NodeUse>,
    licenses: BTreeMap<Text, u32>,
    tasks: HashMap<JobId, u32>,
    started: HashSet<JobId>,
}

impl<'a> Ground<'a> {
    /// Begins a pass: nothing proposed yet.
    pub(super) fn new(state: &'a State) -> Self {
        Ground {
            state,
            nodes: HashMap::new(),
            licenses: BTreeMap::new(),
            tasks: HashMap::new(),
            started: HashSet::new(),
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
        let all = self.state.cluster().node(index).map_or(0, |node| node.topology.cpus);
        self.in_use(index).map_or(0, |in_use| all.saturating_sub(in_use.cpus.len()))
    }

    /// Returns what is free on a node, whoever asks.
    pub(super) fn free(&self, index: NodeIndex) -> Option<Amounts> {
        let node = self.state.cluster().node(index).filter(|node| node.flags.takes_jobs())?;
        let in_use = self.in_use(index)?;
        let gres = node.gres.iter().zip(&in_use.gres);
        Some(Amounts {
            cpus: node.topology.cpus.saturating_sub(in_use.cpus.len()),
            memory: node.memory.saturating_sub(in_use.memory),
            gres: gres.map(|(gres, used)| gres.count.saturating_sub(used.len())).collect(),
        })
    }

    /// Returns what a job could have of a node; `None` if it may not go there.
    pub(super) fn free_for(&self, index: NodeIndex, demand: &Demand<'_>, user: Uid) -> Option<Amounts> {
        let in_use = self.in_use(index)?;
        let sharers = demand.cpu_sharers();
        if sharers == 1 && self.free_cpus(index) == 0 {
            // Most nodes of a busy cluster end here.
            return None;
        }
        let others = in_use.users.iter().any(|(other, _)| *other != user);
        if others && (demand.is_for_one_user() || in_use.same_user > 0) {
            return None;
        }
        let mut free = self.free(index)?;
        if sharers > 1 && !in_use.shared.is_empty() && !demand.whole {
            let open = in_use.shared.values().filter(|jobs| **jobs < sharers).count();
            free.cpus += u32::try_from(open).unwrap_or(0);
        }
        Some(free)
    }

    /// Returns how many of a licence are free.
    pub(super) fn free_licenses(&self, name: &Text) -> u32 {
        let all = self.state.cluster().licenses.get(name).copied().unwrap_or(0);
        let proposed = self.licenses.get(name).copied().unwrap_or(0);
        all.saturating_sub(self.state.licenses_used(name)).saturating_sub(proposed)
    }

    /// Tells whether the array has as many tasks running as it may.
    pub(super) fn is_throttled(&self, job: &Job) -> bool {
        match &job.array {
            Some(ArrayPart::Pool { throttle, .. } | ArrayPart::Task { throttle, .. }) if *throttle > 0 => {
                let array = job.array_id();
                let proposed = self.tasks.get(&array).copied().unwrap_or(0);
                self.state.running_tasks(array).saturating_add(proposed) >= *throttle
            }
            _ => false,
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

    /// Gives a job its place. `None` if the units cannot be found after all.
    pub(super) fn start(
        &mut self,
        job: &Job,
        demand: &Demand<'_>,
        placement: &Placement,
        limit: TimeLimit,
        backfilled: bool,
    ) -> Option<Start> {
        let shares = placement.nodes.iter().map(|placed| self.share(placed, demand.cpu_sharers()));
        let allocation = Allocation {
            partition: demand.partition.name.clone(),
            nodes: shares.collect::<Option<_>>()?,
            whole: demand.whole,
            licenses: demand.resources.licenses.clone(),
        };
        let task = self.next_task(job);
        self.take(job, &allocation);
        Some(Start { job: job.id, task, allocation: Arc::new(allocation), limit, backfilled })
    }

    fn take(&mut self, job: &Job, allocation: &Allocation) {
        for taken in self.state.cluster().taken(job, allocation) {
            let index = taken.share.node;
            let Some(in_use) = self.in_use(index).cloned() else { continue };
            self.nodes.entry(index).or_insert(in_use).hand_out(taken);
        }
        for (name, count) in &allocation.licenses {
            *self.licenses.entry(name.clone()).or_default() += count;
        }
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

    fn share(&self, placed: &Placed, sharers: u16) -> Option<NodeShare> {
        let node = self.state.cluster().node(placed.node)?;
        let in_use = self.in_use(placed.node)?;
        let mut gres = smallvec::SmallVec::new();
        for (at, count) in placed.takes.gres.iter().enumerate().filter(|(_, count)| **count > 0) {
            let all = node.gres.get(at)?.count;
            let used = in_use.gres.get(at)?;
            let units: CpuSet = (0..all).filter(|unit| !used.contains(*unit)).take(*count as usize).collect();
            if units.len() < *count {
                return None;
            }
            gres.push(GresShare { at, units });
        }
        Some(NodeShare {
            node: placed.node,
            cpus: pick_cpus(node, in_use, placed.takes.cpus, sharers)?,
            memory: placed.takes.memory,
            tasks: placed.tasks,
            gres,
        })
    }
}

/// Picks CPUs: whole cores nobody uses, in order, then those that the fewest share.
fn pick_cpus(node: &Node, in_use: &NodeUse, count: u32, sharers: u16) -> Option<CpuSet> {
    let (granule, all) = (node.topology.granule(), node.topology.cpus);
    let mut picked = CpuSet::default();
    let mut left = count;
    let mut first = 0;
    while left > 0 && first < all {
        let core = first..(first + granule).min(all);
        first += granule;
        if core.clone().any(|cpu| in_use.cpus.contains(cpu)) {
            continue;
        }
        for cpu in core.take(left as usize) {
            picked.insert(cpu);
            left -= 1;
        }
    }
    if left > 0 && sharers > 1 {
        let mut open: Vec<(u16, u32)> = in_use
            .shared
            .iter()
            .filter(|(_, jobs)| **jobs < sharers)
            .map(|(cpu, jobs)| (*jobs, *cpu))
            .collect();
        open.sort_unstable();
        for (_, cpu) in open.into_iter().take(left as usize) {
            picked.insert(cpu);
            left -= 1;
        }
    }
    (left == 0).then_some(picked)
}
