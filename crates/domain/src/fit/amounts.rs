//! How much of a node is free or taken, as numbers; which units they are is decided when a job starts.

use crate::cluster::{Node, NodeUse};
use crate::job::NodeShare;
use smallvec::SmallVec;

/// CPUs, memory and generic resources of one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// CPUs.
    pub cpus: u32,
    /// Memory, megabytes.
    pub memory: u64,
    /// Units of each generic resource, in the order of [`Node::gres`].
    pub gres: SmallVec<[u32; 2]>,
    /// The CPUs by socket; empty where a node has one socket only.
    pub sockets: SmallVec<[u32; 2]>,
}

impl Amounts {
    /// Returns all that a node has for jobs.
    pub fn all_of(node: &Node) -> Self {
        let sockets = node.topology.socket_count();
        let mut all = Amounts {
            cpus: node.topology.cpus.saturating_sub(node.system.cpus.len()),
            memory: node.job_memory(),
            gres: node.gres.iter().map(|gres| gres.count).collect(),
            sockets: SmallVec::new(),
        };
        if sockets > 1 {
            all.sockets = (0..sockets)
                .map(|socket| {
                    let cpus = node.topology.socket_cpus(socket);
                    cpus.filter(|cpu| !node.system.cpus.contains(*cpu)).count() as u32
                })
                .collect();
        }
        all
    }

    /// Returns what is free on a node of which this is in use.
    pub fn free_of(node: &Node, in_use: &NodeUse) -> Self {
        let mut free = Amounts::all_of(node);
        if in_use.jobs == 0 {
            return free;
        }
        if in_use.exclusive > 0 {
            // Somebody has the node alone, though perhaps not all of its CPUs: cores may be left to the system.
            free.cpus = 0;
            free.sockets.iter_mut().for_each(|cpus| *cpus = 0);
        }
        free.cpus = free.cpus.saturating_sub(in_use.cpus.len());
        free.memory = free.memory.saturating_sub(in_use.memory);
        for (free, used) in free.gres.iter_mut().zip(&in_use.gres) {
            *free = free.saturating_sub(used.len());
        }
        if !free.sockets.is_empty() {
            for cpu in in_use.cpus.iter() {
                if let Some(free) = free.sockets.get_mut(node.topology.socket_of(cpu)) {
                    *free = free.saturating_sub(1);
                }
            }
        }
        free
    }

    /// Returns what a job's share of a node comes to.
    pub fn of_share(node: &Node, share: &NodeShare) -> Self {
        let mut amounts = Amounts {
            cpus: share.cpus.len(),
            memory: share.memory,
            gres: node.gres.iter().map(|_| 0).collect(),
            sockets: SmallVec::new(),
        };
        for given in &share.gres {
            if let Some(count) = amounts.gres.get_mut(given.at) {
                *count = given.units.len();
            }
        }
        let sockets = node.topology.socket_count();
        if sockets > 1 {
            amounts.sockets = (0..sockets).map(|_| 0).collect();
            for cpu in share.cpus.iter() {
                if let Some(count) = amounts.sockets.get_mut(node.topology.socket_of(cpu)) {
                    *count += 1;
                }
            }
        }
        amounts
    }

    /// Returns what these CPUs of a node come to.
    pub fn of_cpus(node: &Node, cpus: impl IntoIterator<Item = u32>) -> Self {
        let sockets = node.topology.socket_count();
        let mut amounts = Amounts::default();
        if sockets > 1 {
            amounts.sockets = (0..sockets).map(|_| 0).collect();
        }
        amounts.add_cpus(node, cpus.into_iter());
        amounts
    }

    /// Adds CPUs of a node that can be had besides those that are free.
    pub fn add_cpus(&mut self, node: &Node, cpus: impl Iterator<Item = u32>) {
        for cpu in cpus {
            self.cpus += 1;
            if let Some(count) = self.sockets.get_mut(node.topology.socket_of(cpu)) {
                *count += 1;
            }
        }
    }

    /// Takes away what is there; never below zero.
    pub fn take(&mut self, other: &Amounts) {
        self.cpus = self.cpus.saturating_sub(other.cpus);
        self.memory = self.memory.saturating_sub(other.memory);
        each(&mut self.gres, &other.gres, u32::saturating_sub);
        each(&mut self.sockets, &other.sockets, u32::saturating_sub);
    }

    /// Puts back what was taken.
    pub fn give(&mut self, other: &Amounts) {
        self.cpus = self.cpus.saturating_add(other.cpus);
        self.memory = self.memory.saturating_add(other.memory);
        each(&mut self.gres, &other.gres, u32::saturating_add);
        each(&mut self.sockets, &other.sockets, u32::saturating_add);
    }

    /// Lowers each amount to the other's.
    pub fn lower_to(&mut self, other: &Amounts) {
        self.cpus = self.cpus.min(other.cpus);
        self.memory = self.memory.min(other.memory);
        each(&mut self.gres, &other.gres, u32::min);
        each(&mut self.sockets, &other.sockets, u32::min);
    }

    /// Tells whether each amount is at least the other's.
    pub fn covers(&self, other: &Amounts) -> bool {
        let has = |mine: &[u32], theirs: &[u32]| {
            let mut wanted = theirs.iter().enumerate();
            wanted.all(|(at, wanted)| *wanted == 0 || mine.get(at).is_some_and(|free| free >= wanted))
        };
        self.cpus >= other.cpus
            && self.memory >= other.memory
            && has(&self.gres, &other.gres)
            && has(&self.sockets, &other.sockets)
    }
}

fn each(mine: &mut [u32], theirs: &[u32], combine: fn(u32, u32) -> u32) {
    for (mine, theirs) in mine.iter_mut().zip(theirs) {
        *mine = combine(*mine, *theirs);
    }
}
