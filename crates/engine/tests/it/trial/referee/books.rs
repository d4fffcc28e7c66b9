//! What of every node is given out, to whom, unit by unit.

use domain::cluster::Cluster;
use domain::job::{Allocation, ArrayPart, Job, Sharing};
use domain::state::Snapshot;
use domain::{JobId, NodeIndex, Text, Uid};
use std::collections::{BTreeMap, BTreeSet};

/// The books.
pub(super) struct Books {
    nodes: Vec<Page>,
    licenses: BTreeMap<Text, BTreeMap<JobId, u32>>,
    tasks: BTreeMap<JobId, BTreeSet<JobId>>,
}

/// A node's page.
struct Page {
    /// Who has each CPU.
    cpus: Vec<Vec<JobId>>,
    /// Who has each unit of each generic resource.
    units: Vec<Vec<Option<JobId>>>,
    /// Who is there.
    guests: BTreeMap<JobId, Guest>,
}

/// A job on a node.
struct Guest {
    memory: u64,
    user: Uid,
    whole: bool,
    same_user: bool,
    /// How many jobs it bears on each of its CPUs.
    sharers: u16,
    /// It has given its CPUs away for a while.
    halted: bool,
}

impl Books {
    /// Opens the books of an empty cluster.
    pub(super) fn new(cluster: &Cluster) -> Self {
        let page = |node: &domain::cluster::Node| Page {
            cpus: vec![Vec::new(); node.topology.cpus as usize],
            units: node.gres.iter().map(|gres| vec![None; gres.count as usize]).collect(),
            guests: BTreeMap::new(),
        };
        let nodes = cluster.nodes.iter().map(page).collect();
        Books { nodes, licenses: BTreeMap::new(), tasks: BTreeMap::new() }
    }

    /// Writes down what a job gets.
    pub(super) fn hand_out(
        &mut self,
        cluster: &Cluster,
        job: &Job,
        allocation: &Allocation,
    ) -> Result<(), String> {
        let partition =
            cluster.partition(&allocation.partition).ok_or("it starts in a partition that is not there")?;
        let shares = job.spec.resources.sharing == Sharing::Oversubscribe && !partition.exclusive;
        for share in &allocation.nodes {
            let node = cluster.node(share.node).ok_or("it starts on a node that is not there")?;
            let page = &mut self.nodes[share.node.0 as usize];
            let guest = Guest {
                memory: share.memory,
                user: job.spec.owner.uid,
                whole: allocation.whole,
                same_user: job.spec.resources.sharing == Sharing::SameUser,
                sharers: if shares { partition.oversubscribe.max(1) } else { 1 },
                halted: false,
            };
            if page.guests.contains_key(&job.id) {
                return Err(format!("it is on {} already", node.name));
            }
            page.take(job.id, guest, share.cpus.iter())?;
            for gres in &share.gres {
                let units = page.units.get_mut(gres.at).ok_or("a generic resource that is not there")?;
                for unit in gres.units.iter() {
                    let owner = units.get_mut(unit as usize).ok_or("a unit that is not there")?;
                    if let Some(other) = owner.replace(job.id) {
                        return Err(format!(
                            "unit {unit} of {} on {} belongs to job {other}",
                            node.gres[gres.at].name, node.name
                        ));
                    }
                }
            }
            page.check(&node.name, node.memory)?;
        }
        for (license, count) in &allocation.licenses {
            let taken = self.licenses.entry(license.clone()).or_default();
            taken.insert(job.id, *count);
            let (used, all) =
                (taken.values().sum::<u32>(), cluster.licenses.get(license).copied().unwrap_or(0));
            if used > all {
                return Err(format!("{used} of {all} {license} are in use"));
            }
        }
        if let Some(ArrayPart::Task { throttle, .. }) = &job.array {
            let running = self.tasks.entry(job.array_id()).or_default();
            running.insert(job.id);
            if *throttle > 0 && running.len() > *throttle as usize {
                return Err(format!("{} tasks of an array run, {throttle} may", running.len()));
            }
        }
        Ok(())
    }

    /// Writes down that a job gives its CPUs away for a while.
    pub(super) fn halt(&mut self, job: &Job, allocation: &Allocation) {
        for share in &allocation.nodes {
            let page = &mut self.nodes[share.node.0 as usize];
            page.leave_cpus(job.id);
            if let Some(guest) = page.guests.get_mut(&job.id) {
                guest.halted = true;
            }
        }
    }

    /// Writes down that a job has its CPUs again.
    pub(super) fn go_on(
        &mut self,
        cluster: &Cluster,
        job: &Job,
        allocation: &Allocation,
    ) -> Result<(), String> {
        for share in &allocation.nodes {
            let (page, node) =
                (&mut self.nodes[share.node.0 as usize], cluster.node(share.node).ok_or("no such node")?);
            let Some(guest) = page.guests.remove(&job.id) else { continue };
            page.take(job.id, Guest { halted: false, ..guest }, share.cpus.iter())?;
            page.check(&node.name, node.memory)?;
        }
        Ok(())
    }

    /// Tells whether a job has given its CPUs away.
    pub(super) fn is_halted(&self, job: &Job, allocation: &Allocation) -> bool {
        let guest = |node: usize| self.nodes[node].guests.get(&job.id);
        allocation.nodes.iter().any(|share| guest(share.node.0 as usize).is_some_and(|guest| guest.halted))
    }

    /// Tells whether the CPUs that a job has given away are nobody's.
    pub(super) fn are_free(&self, allocation: &Allocation) -> bool {
        let is_free = |node: usize, cpu: u32| self.nodes[node].cpus[cpu as usize].is_empty();
        allocation.nodes.iter().all(|share| share.cpus.iter().all(|cpu| is_free(share.node.0 as usize, cpu)))
    }

    /// Writes down that a job has fewer nodes than before.
    pub(super) fn leave_nodes(&mut self, job: &Job, before: &Allocation, now: &Allocation) {
        let is_kept = |node| now.nodes.iter().any(|share| share.node == node);
        let lost = before.nodes.iter().filter(|share| !is_kept(share.node));
        lost.for_each(|share| self.leave_node(job, share.node));
    }

    fn leave_node(&mut self, job: &Job, node: NodeIndex) {
        let page = &mut self.nodes[node.0 as usize];
        page.guests.remove(&job.id);
        page.leave_cpus(job.id);
        for unit in page.units.iter_mut().flatten() {
            *unit = unit.filter(|owner| *owner != job.id);
        }
    }

    /// Writes down that a job gives back what it had.
    pub(super) fn give_back(&mut self, job: &Job, allocation: &Allocation) {
        allocation.nodes.iter().for_each(|share| self.leave_node(job, share.node));
        for taken in self.licenses.values_mut() {
            taken.remove(&job.id);
        }
        if let Some(running) = self.tasks.get_mut(&job.array_id()) {
            running.remove(&job.id);
        }
    }

    /// Compares with what readers see.
    pub(super) fn compare(&self, snapshot: &Snapshot) -> Result<(), String> {
        for (page, (node, seen)) in
            self.nodes.iter().zip(snapshot.cluster.nodes.iter().zip(snapshot.nodes.iter()))
        {
            let cpus = page.cpus.iter().filter(|owners| !owners.is_empty()).count();
            let memory: u64 = page.guests.values().map(|guest| guest.memory).sum();
            let units: usize = page.units.iter().flatten().flatten().count();
            let seen_units: u32 = seen.gres.iter().map(|units| units.len()).sum();
            let mine = (cpus, memory, page.guests.len(), units);
            let theirs = (seen.cpus.len() as usize, seen.memory, seen.jobs as usize, seen_units as usize);
            if mine != theirs {
                return Err(format!(
                    "{}: readers see {theirs:?} (CPUs, memory, jobs, units) where {mine:?} are taken",
                    node.name
                ));
            }
        }
        for (license, taken) in &self.licenses {
            let (mine, theirs) =
                (taken.values().sum::<u32>(), snapshot.licenses.get(license).copied().unwrap_or(0));
            if mine != theirs {
                return Err(format!("readers see {theirs} {license} in use where {mine} are"));
            }
        }
        Ok(())
    }
}

impl Page {
    fn leave_cpus(&mut self, job: JobId) {
        self.cpus.iter_mut().for_each(|owners| owners.retain(|owner| *owner != job));
    }

    fn take(&mut self, job: JobId, guest: Guest, cpus: impl Iterator<Item = u32>) -> Result<(), String> {
        let most = usize::from(guest.sharers);
        self.guests.insert(job, guest);
        for cpu in cpus {
            let owners = self.cpus.get_mut(cpu as usize).ok_or("a CPU that is not there")?;
            owners.push(job);
            let bears = owners
                .iter()
                .filter_map(|owner| self.guests.get(owner))
                .map(|guest| usize::from(guest.sharers));
            if owners.len() > bears.min().unwrap_or(1).min(most) {
                return Err(format!("CPU {cpu} is given to jobs {owners:?}"));
            }
        }
        Ok(())
    }

    /// Checks what concerns the node as a whole.
    fn check(&self, name: &str, all: u64) -> Result<(), String> {
        let memory: u64 = self.guests.values().map(|guest| guest.memory).sum();
        if memory > all {
            return Err(format!("{memory} of {all} MB of {name} are given out"));
        }
        let mut awake = self.guests.values().filter(|guest| !guest.halted);
        if awake.clone().count() > 1 && awake.any(|guest| guest.whole) {
            return Err(format!(
                "{name} is shared with somebody who is alone there: {:?}",
                self.guests.keys()
            ));
        }
        let users: BTreeSet<Uid> = self.guests.values().map(|guest| guest.user).collect();
        if users.len() > 1 && self.guests.values().any(|guest| guest.same_user) {
            return Err(format!(
                "{name} has jobs of {} users, one of them wants none but their own",
                users.len()
            ));
        }
        Ok(())
    }
}
