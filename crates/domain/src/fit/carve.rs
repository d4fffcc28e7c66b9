//! What a job takes of one node: whole cores, of which sockets, with how much memory and which generic resources near
//! them.

use super::Amounts;
use super::demand::{Demand, LeftOut, MemoryNeed};
use super::gres::{self, Pick};
use crate::cluster::Node;
use crate::job::{CpuSet, Per};
use smallvec::SmallVec;
use std::borrow::Cow;

/// CPUs by socket.
pub(super) type Sockets = SmallVec<[u32; 4]>;

/// What part of a job a node is to take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part<'a> {
    /// Tasks.
    pub(super) tasks: u32,
    /// Units of each generic resource that is counted by the job, in the order of the requests.
    pub(super) job_units: &'a [u32],
    /// CPUs it shall give at least.
    pub(super) least_cpus: u32,
}

/// What of a node a job could use.
pub(super) struct Reach {
    /// CPUs of whole cores, by socket.
    sockets: Sockets,
    /// CPUs in all; fewer than the sockets have where memory or the partition sets the limit.
    pub(super) cpus: u32,
    /// CPUs that are given out together: the threads of a core.
    granule: u32,
    /// How many of them the job uses.
    used: u32,
}

impl Reach {
    /// Returns the cores for so many CPUs that are used.
    fn cores_for(&self, cpus: u32) -> u32 {
        cpus.div_ceil(self.used)
    }

    /// Returns the CPUs of so many cores, though not more than there are if the last core is not whole.
    fn cpus_of(&self, cores: u32) -> u32 {
        let cpus = cores.saturating_mul(self.granule);
        if cpus > self.cpus && cpus - self.cpus < self.granule { self.cpus } else { cpus }
    }

    /// Returns the CPUs a job uses of so many given.
    fn used_of(&self, cpus: u32) -> u32 {
        if self.used == self.granule { cpus } else { cpus / self.granule * self.used }
    }

    fn uses_most(&self) -> u32 {
        self.used_of(self.cpus)
    }
}

impl Demand<'_> {
    /// Returns how many tasks a node can take with this much free; zero if it is of no use.
    pub fn most_tasks(&self, node: &Node, free: &Amounts) -> u32 {
        if self.is_too_little(free) {
            return 0;
        }
        let Some(reach) = self.reach(node, free) else { return 0 };
        let (resources, topology) = (self.resources, node.topology);
        let cpus = reach.uses_most();
        let mut most = match cpus / self.task_cpus.max(1) {
            1.. if self.tasks_share => u32::MAX,
            by_cpus => by_cpus,
        };
        let mut at_most = |limit: u16, times: u32| {
            if limit > 0 {
                most = most.min(u32::from(limit).saturating_mul(times));
            }
        };
        at_most(resources.tasks_per_node, 1);
        at_most(resources.tasks_per_core, (reach.cpus / reach.granule).max(1));
        at_most(resources.tasks_per_board, u32::from(topology.boards));
        if resources.tasks_per_socket > 0 {
            most = most.min(self.tasks_by_socket(&reach));
        }
        most = most.min(self.tasks_by_gres(node, free, cpus)).min(self.tasks.max(1));
        if most > 0 && self.is_particular(node) { self.most_carved(node, free, most) } else { most }
    }

    /// Tells at a glance that not one task fits; most of what is asked in a full cluster ends here.
    fn is_too_little(&self, free: &Amounts) -> bool {
        if self.left_out.is_some() {
            // It may have what the node keeps.
            return false;
        }
        let task_cpus = if self.resources.overcommit { 1 } else { self.task_cpus };
        let memory = match self.memory {
            MemoryNeed::Node(memory) => memory,
            MemoryNeed::Cpu(memory) if !self.whole => memory,
            _ => 0,
        };
        free.cpus < task_cpus.max(self.node_cpus).max(1) || free.memory < memory
    }

    /// Tells whether the sockets of this node matter, so that only a trial shows what fits.
    fn is_particular(&self, node: &Node) -> bool {
        let has_sockets = node.topology.socket_count() > 1;
        self.resources.gres.iter().any(|request| request.per == Per::Socket)
            || has_sockets && self.bound && !self.resources.gres.is_empty()
    }

    /// Finds by trial how many tasks fit, up to `most`.
    fn most_carved(&self, node: &Node, free: &Amounts, most: u32) -> u32 {
        let by_job = self.resources.gres.iter().filter(|request| request.per == Per::Job);
        let ones: SmallVec<[u32; 2]> = by_job.map(|request| u32::from(request.count > 0)).collect();
        let fits =
            |tasks: u32| self.carve(node, free, Part { tasks, job_units: &ones, least_cpus: 0 }).is_some();
        if fits(most) {
            return most;
        }
        let (mut low, mut high) = (0, most);
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if fits(middle) { low = middle } else { high = middle }
        }
        low
    }

    fn tasks_by_socket(&self, reach: &Reach) -> u32 {
        let on_socket = u32::from(self.resources.tasks_per_socket);
        let task_cpus = if self.resources.overcommit { 1 } else { self.task_cpus.max(1) };
        let each = reach.sockets.iter().map(|cpus| on_socket.min(reach.used_of(*cpus) / task_cpus));
        match each.sum() {
            // A task that no socket can hold is spread over several, as if they were one.
            0 => on_socket.min(reach.uses_most() / task_cpus),
            tasks => tasks,
        }
    }

    fn tasks_by_gres(&self, node: &Node, free: &Amounts, cpus: u32) -> u32 {
        let mut most = u32::MAX;
        for request in &self.resources.gres {
            let there = gres::matching_units(node, request, &free.gres);
            let count = super::demand::units(request.count);
            match request.per {
                Per::Task => most = most.min(there.checked_div(count).unwrap_or(u32::MAX)),
                _ if there < gres::fixed_units(self, request) => return 0,
                // One unit at least must come with its CPUs.
                Per::Job if count > 0 && self.cpus_of_unit(request) > cpus => return 0,
                _ => {}
            }
            if self.resources.tasks_per_gpu > 0
                && request.name == "gpu"
                && matches!(request.per, Per::Job | Per::Node)
            {
                let units = if request.per == Per::Node { there.min(count) } else { there };
                most = most.min(units.saturating_mul(self.resources.tasks_per_gpu.into()));
            }
        }
        most
    }

    /// Returns the CPUs of whole cores that the job may use of what is free on a node; `None` if they are too few for
    /// any part of it.
    pub(super) fn reach(&self, node: &Node, free: &Amounts) -> Option<Reach> {
        let topology = node.topology;
        let granule = topology.granule();
        let used = match self.resources.threads_per_core {
            0 => granule,
            threads => u32::from(threads).min(granule),
        };
        if self.whole && free.cpus < node.job_cpus() {
            return None;
        }
        let kept = self.left_out.is_some().then(|| self.kept_cpus(node));
        let free_cpus = kept.as_ref().map_or(free.cpus, |kept| topology.cpus.saturating_sub(kept.len()));
        let most_on_socket = self.partition.sharing.max_cpus_per_socket.unwrap_or(u32::MAX);
        let whole_cores = |cpus: u32, all: u32| if cpus == all { cpus } else { cpus - cpus % granule };
        let sockets: Sockets = if free.sockets.is_empty() {
            SmallVec::from_slice(&[whole_cores(free_cpus.min(most_on_socket), topology.cpus)])
        } else {
            let count = |(socket, free): (u32, &u32)| {
                let cpus = topology.socket_cpus(socket);
                let all = cpus.end - cpus.start;
                let free = match &kept {
                    Some(kept) => cpus.filter(|cpu| !kept.contains(*cpu)).count() as u32,
                    None => *free,
                };
                whole_cores(free.min(most_on_socket), all)
            };
            (0..).zip(&free.sockets).map(count).collect()
        };
        // With a limit for the whole node, fewer may be free than the sockets have.
        let most = whole_cores(free_cpus, topology.cpus);
        let mut reach = Reach { cpus: sockets.iter().sum::<u32>().min(most), sockets, granule, used };
        self.limit_by_memory(&mut reach, node, free)?;
        let most = self.partition.max_cpus_per_node.unwrap_or(u32::MAX);
        if reach.cpus > most {
            reach.cpus = most - most % granule;
        }
        let good_sockets = || {
            let least = u32::from(self.resources.cores_per_socket.max(1)) * granule;
            reach.sockets.iter().filter(|cpus| **cpus >= least).count()
        };
        let wants_sockets = self.resources.sockets_per_node > 1 || self.resources.cores_per_socket > 0;
        let is_enough = reach.cpus > 0
            && reach.uses_most() >= self.node_cpus
            && (!wants_sockets || good_sockets() >= usize::from(self.resources.sockets_per_node.max(1)));
        is_enough.then_some(reach)
    }

    fn limit_by_memory(&self, reach: &mut Reach, node: &Node, free: &Amounts) -> Option<()> {
        match &self.memory {
            MemoryNeed::Node(memory) => (free.memory >= *memory).then_some(()),
            MemoryNeed::Whole => (free.memory >= node.job_memory()).then_some(()),
            MemoryNeed::Cpu(memory) if !self.whole => {
                let covered = free.memory.checked_div(*memory).unwrap_or(u64::MAX);
                let covered = u32::try_from(covered).unwrap_or(u32::MAX);
                if covered < reach.uses_most() {
                    reach.cpus = (covered / reach.used).saturating_mul(reach.granule).min(reach.cpus);
                }
                Some(())
            }
            // On a node without running jobs suspended ones may have memory.
            MemoryNeed::Cpu(memory) => {
                let wanted = memory.saturating_mul(reach.cpus.into()).min(node.job_memory());
                (free.memory >= wanted).then_some(())
            }
            MemoryNeed::Gres(..) => Some(()),
        }
    }

    /// Returns the CPUs of a node that are no part of what the job gets: those kept for the system, or those that the
    /// job itself leaves out.
    pub(super) fn kept_cpus<'a>(&self, node: &'a Node) -> Cow<'a, CpuSet> {
        let granule = node.topology.granule();
        match self.left_out {
            None => Cow::Borrowed(&node.system.cpus),
            Some(LeftOut::Cores(cores)) => Cow::Owned(node.topology.last_cores(cores.into())),
            Some(LeftOut::Threads(threads)) => {
                Cow::Owned(node.topology.last_cores(u32::from(threads).div_ceil(granule)))
            }
        }
    }

    /// Works out what a part of the job takes of a node with this much free; `None` if it does not fit.
    pub(super) fn carve(&self, node: &Node, free: &Amounts, part: Part<'_>) -> Option<Amounts> {
        let reach = self.reach(node, free)?;
        let units = gres::wanted_units(self, part);
        let cpus = if self.whole {
            reach.cpus
        } else {
            let for_units = units.iter().fold(0u32, |cpus, (request, count)| {
                cpus.saturating_add(self.cpus_of_unit(request).saturating_mul(*count))
            });
            let cores = reach
                .cores_for(self.cpus_for_tasks(part.tasks).max(self.node_cpus).max(for_units))
                .max(self.cores_for_tasks(part.tasks))
                .max(self.cores_for_sockets(part.tasks))
                .max(part.least_cpus.div_ceil(reach.granule))
                .max(1);
            reach.cpus_of(cores)
        };
        let enough_for_tasks = reach.used_of(cpus) >= self.cpus_for_tasks(part.tasks).max(self.node_cpus);
        if cpus > reach.cpus || !enough_for_tasks {
            return None;
        }
        let wish = gres::Wish { node, free, sockets: &reach.sockets, cpus };
        let Pick { taken, near, allowed } = gres::pick(self, &wish, &units)?;
        let sockets = self.share_sockets(&reach, cpus, part.tasks, near, allowed)?;
        let memory = match &self.memory {
            MemoryNeed::Node(memory) => *memory,
            MemoryNeed::Whole => node.job_memory(),
            // Somebody who gets all CPUs without asking for them is not asked for their memory.
            MemoryNeed::Cpu(memory) if self.whole => {
                memory.saturating_mul(cpus.into()).min(node.job_memory())
            }
            MemoryNeed::Cpu(memory) => memory.saturating_mul(reach.used_of(cpus).into()),
            MemoryNeed::Gres(name, memory) => {
                let of_name = units.iter().filter(|(request, _)| request.name == *name);
                memory.saturating_mul(of_name.map(|(_, count)| u64::from(*count)).sum())
            }
        };
        let takes = Amounts {
            cpus,
            memory,
            // Whole nodes come with everything in them.
            gres: if self.whole { free.gres.clone() } else { taken },
            sockets: if free.sockets.is_empty() { SmallVec::new() } else { sockets.into_iter().collect() },
        };
        // What is left out of a whole node may be among what the node keeps anyhow.
        (self.whole && free.memory >= takes.memory || free.covers(&takes)).then_some(takes)
    }

    /// Returns the CPUs that so many tasks use: with `--overcommit` those of one.
    fn cpus_for_tasks(&self, tasks: u32) -> u32 {
        if self.resources.overcommit { self.task_cpus } else { tasks.saturating_mul(self.task_cpus) }
    }

    /// Returns the cores that so many tasks need for being few on each.
    fn cores_for_tasks(&self, tasks: u32) -> u32 {
        match self.resources.tasks_per_core {
            0 => 0,
            _ if self.resources.overcommit => 0,
            on_core => tasks.div_ceil(on_core.into()),
        }
    }

    /// Returns the cores that so many tasks need for being few on each socket: one at least on each that has some.
    fn cores_for_sockets(&self, tasks: u32) -> u32 {
        match self.resources.tasks_per_socket {
            0 => 0,
            _ if self.resources.overcommit => 0,
            on_socket => tasks.div_ceil(on_socket.into()),
        }
    }

    /// Divides CPUs over sockets: first those near the generic resources, then socket by socket or in turn.
    fn share_sockets(
        &self,
        reach: &Reach,
        cpus: u32,
        tasks: u32,
        mut near: Sockets,
        allowed: u64,
    ) -> Option<Sockets> {
        // More may be wanted near the units than will be taken; then each socket gives up its part.
        let mut beyond = near.iter().sum::<u32>().saturating_sub(cpus);
        while let Some(most) = near.iter_mut().max_by_key(|wish| **wish).filter(|_| beyond > 0) {
            *most -= 1;
            beyond -= 1;
        }
        if reach.sockets.len() == 1 {
            return Some(SmallVec::from_slice(&[cpus]));
        }
        let mut given: Sockets = reach.sockets.iter().map(|_| 0).collect();
        let mut left = cpus;
        let mut add = |socket: usize, wish: u32, left: &mut u32| {
            let more = wish.min(*left).min(reach.sockets[socket] - given[socket]);
            given[socket] += more;
            *left -= more;
            more
        };
        for (socket, wish) in near.iter().enumerate() {
            let whole_cores = wish.div_ceil(reach.granule).saturating_mul(reach.granule);
            add(socket, whole_cores, &mut left);
        }
        let open: SmallVec<[usize; 4]> =
            (0..reach.sockets.len()).filter(|socket| is_in(allowed, *socket)).collect();
        let step = self.socket_step(reach, tasks);
        while left > 0 {
            let added: u32 = open.iter().map(|socket| add(*socket, step, &mut left)).sum();
            if added == 0 {
                return None;
            }
        }
        Some(given)
    }

    /// Returns how many CPUs a socket gives before it is the turn of the next.
    fn socket_step(&self, reach: &Reach, tasks: u32) -> u32 {
        match u32::from(self.resources.tasks_per_socket) {
            on_socket @ 1.. => {
                let together = on_socket.min(tasks.max(1)).saturating_mul(self.task_cpus);
                reach.cpus_of(reach.cores_for(together)).max(reach.granule)
            }
            0 if self.socket_by_socket => u32::MAX,
            0 => reach.granule,
        }
    }
}

/// Tells whether a socket is in a set.
pub(super) fn is_in(sockets: u64, socket: usize) -> bool {
    // Sockets beyond the 64th are not told apart; no machine has so many.
    socket >= 64 || sockets & (1 << socket) != 0
}
