//! Nodes: this machine, or virtual ones declared on it.

use super::upkeep::Upkeep;
use crate::job::{CpuSet, NodeShare};
use crate::{Text, Timestamp, Uid};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// A node as configured, and its administrative state.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Name.
    pub name: Text,
    /// Host name it runs on.
    pub host: Text,
    /// Address.
    pub address: Text,
    /// Port shown; zero where nothing listens.
    pub port: u16,
    /// CPUs and how they hang together.
    pub topology: Topology,
    /// Memory it has, megabytes.
    pub memory: u64,
    /// What of it is kept for the system.
    pub system: SystemShare,
    /// Temporary disk, megabytes.
    pub tmp_disk: u64,
    /// Lower ones are filled first.
    pub weight: u32,
    /// Features it has.
    pub features: Vec<Text>,
    /// Features active now.
    pub active_features: Vec<Text>,
    /// Generic resources.
    pub gres: Vec<Gres>,
    /// Administrative state.
    pub flags: NodeFlags,
    /// Why it is drained or down.
    pub reason: Text,
    /// When that was said.
    pub reason_at: Timestamp,
    /// Who said it.
    pub reason_by: Option<(Text, Uid)>,
    /// Remark.
    pub comment: Text,
    /// Whatever an operator keeps with it.
    pub extra: Text,
    /// Machine architecture.
    pub architecture: Text,
    /// Operating system.
    pub operating_system: Text,
    /// When the machine booted.
    pub booted: Timestamp,
    /// What an operator has changed about it since it was configured.
    pub upkeep: Upkeep,
}

impl Node {
    /// Returns its administrative state.
    pub fn mark(&self) -> NodeMark {
        NodeMark {
            node: self.name.clone(),
            flags: self.flags,
            reason: self.reason.clone(),
            at: self.reason_at,
            by: self.reason_by.clone(),
            upkeep: self.upkeep.clone(),
        }
    }

    /// Gives it another administrative state.
    pub fn take_mark(&mut self, mark: &NodeMark) {
        self.flags = mark.flags;
        self.reason = mark.reason.clone();
        self.reason_at = mark.at;
        self.reason_by = mark.by.clone();
        self.take_upkeep(&mark.upkeep);
    }
}

/// The administrative state of a node as it is remembered over restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeMark {
    /// The node's name.
    pub node: Text,
    /// The state.
    pub flags: NodeFlags,
    /// Why.
    pub reason: Text,
    /// When that was said.
    pub at: Timestamp,
    /// Who said it.
    pub by: Option<(Text, Uid)>,
    /// What else has been changed about it.
    pub upkeep: Upkeep,
}

/// CPUs of a node. CPU numbers run thread by thread within core, core by core within socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Boards.
    pub boards: u16,
    /// Sockets in all.
    pub sockets: u16,
    /// Cores of each socket.
    pub cores: u16,
    /// Threads of each core.
    pub threads: u16,
    /// CPUs to give out; may be fewer than the product of the others.
    pub cpus: u32,
}

impl Topology {
    /// Returns how many sockets there are, at least one.
    pub fn socket_count(self) -> u32 {
        u32::from(self.sockets.max(1))
    }

    /// Returns the CPUs of a full socket.
    fn on_socket(self) -> u32 {
        (u32::from(self.cores.max(1)) * u32::from(self.threads.max(1))).max(1)
    }

    /// Returns the place of the socket of a CPU.
    pub fn socket_of(self, cpu: u32) -> usize {
        (cpu / self.on_socket()) as usize
    }

    /// Returns the CPUs of so many cores at the end: the last core of the last socket, then the last core of the socket
    /// before it, and so on in turn, as Slurm chooses the cores it keeps for the system.
    pub fn last_cores(self, count: u32) -> CpuSet {
        let granule = self.granule();
        let mut left: Vec<_> = (0..self.socket_count()).map(|socket| self.socket_cpus(socket)).collect();
        let mut cpus = CpuSet::default();
        let mut wanted = count.min(self.cpus.div_ceil(granule));
        while wanted > 0 && left.iter().any(|socket| socket.start < socket.end) {
            for socket in left.iter_mut().rev() {
                if socket.start >= socket.end {
                    continue;
                }
                if wanted == 0 {
                    break;
                }
                let first = socket.end.saturating_sub(granule).max(socket.start);
                (first..socket.end).for_each(|cpu| cpus.insert(cpu));
                socket.end = first;
                wanted -= 1;
            }
        }
        cpus
    }

    /// Returns the CPUs of a socket; the last ones may have fewer.
    pub fn socket_cpus(self, socket: u32) -> std::ops::Range<u32> {
        let first = socket.saturating_mul(self.on_socket()).min(self.cpus);
        // What lies beyond the last socket belongs to it.
        let last = if socket + 1 >= self.socket_count() { self.cpus } else { first + self.on_socket() };
        first..last.min(self.cpus)
    }

    /// Returns the CPUs that must be given out together: the threads of a core.
    pub fn granule(self) -> u32 {
        u32::from(self.threads.max(1)).min(self.cpus.max(1))
    }
}

impl Node {
    /// Returns the memory that jobs may use, megabytes.
    pub fn job_memory(&self) -> u64 {
        self.memory.saturating_sub(self.system.memory)
    }

    /// Returns the CPUs that jobs may use.
    pub fn job_cpus(&self) -> u32 {
        self.topology.cpus.saturating_sub(self.system.cpus.len())
    }
}

/// What of a node is kept for the system and never given to jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SystemShare {
    /// CPUs, whole cores (`CoreSpecCount`, `CpuSpecList`).
    pub cpus: CpuSet,
    /// Memory, megabytes (`MemSpecLimit`).
    pub memory: u64,
}

/// A generic resource of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gres {
    /// Name, such as `gpu`.
    pub name: Text,
    /// Type; empty for none.
    pub kind: Text,
    /// How many.
    pub count: u32,
    /// Device files, one for each unit, or none.
    pub files: Vec<Text>,
    /// CPUs it is near to; empty for all.
    pub near: CpuSet,
    /// How many an operator has taken away; they are not in `count`.
    pub taken_away: u32,
}

/// Administrative state of a node; allocation is not part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NodeFlags {
    /// Not usable; its jobs are lost.
    pub down: bool,
    /// Takes no new jobs.
    pub drain: bool,
    /// Is about to fail, and takes no new jobs.
    pub fail: bool,
    /// Is not there yet: takes no jobs, and is not shown.
    pub future: bool,
    /// Is managed by somebody else: no job ever runs there.
    pub external: bool,
    /// Was made at run time and is not there any more.
    pub gone: bool,
}

impl NodeFlags {
    /// Returns those of a healthy node: what it is stays, how it is does not.
    #[must_use]
    pub fn in_service(self) -> Self {
        NodeFlags { external: self.external, gone: self.gone, ..NodeFlags::default() }
    }

    /// Tells whether new jobs may start.
    pub fn takes_jobs(self) -> bool {
        !(self.down || self.drain || self.fail || self.future || self.external || self.gone)
    }

    /// Tells whether there is something to give a reason for.
    pub fn wants_reason(self) -> bool {
        self.down || self.drain || self.fail
    }
}

/// What of a node is in use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeUse {
    /// CPUs given out.
    pub cpus: CpuSet,
    /// Memory given out, megabytes.
    pub memory: u64,
    /// Units of each generic resource given out, in the order of [`Node::gres`].
    pub gres: SmallVec<[CpuSet; 1]>,
    /// Jobs on it.
    pub jobs: u32,
    /// Of these, jobs that are ending.
    pub completing: u32,
    /// Jobs on it that want it for themselves.
    pub exclusive: u32,
    /// How many jobs each user has on it.
    pub users: SmallVec<[(Uid, u32); 1]>,
    /// Jobs on it that want no other user's jobs beside them.
    pub same_user: u32,
    /// How many jobs of each security label are on it.
    pub labels: SmallVec<[(Text, u32); 0]>,
    /// Jobs on it that want no other label's jobs beside them.
    pub same_label: u32,
    /// CPUs given to jobs that share them, and how many do.
    pub shared: BTreeMap<u32, u16>,
    /// CPUs given to jobs of partitions that limit them on a node or socket: how many jobs of the partition each has.
    pub capped: SmallVec<[(Text, BTreeMap<u32, u16>); 0]>,
    /// When its last job left.
    pub last_busy: Timestamp,
}

impl NodeUse {
    /// Returns the user whose jobs alone the node takes, since one of them wants no other user's beside it.
    pub fn owner(&self) -> Option<Uid> {
        self.users.first().filter(|_| self.same_user > 0).map(|(user, _)| *user)
    }

    /// Returns the security label whose jobs alone the node takes, since one of them wants no other's beside it.
    pub fn label(&self) -> Option<&Text> {
        self.labels.first().filter(|_| self.same_label > 0).map(|(label, _)| label)
    }

    /// Returns what is in use if this is and the other is as well: before and after somebody takes another's place.
    #[must_use]
    pub fn or(&self, other: &NodeUse) -> NodeUse {
        let mut both = self.clone();
        both.cpus.add(&other.cpus);
        both.memory = self.memory.max(other.memory);
        for (used, more) in both.gres.iter_mut().zip(&other.gres) {
            used.add(more);
        }
        // A CPU that somebody has alone before or after is shared by nobody.
        let has_alone = |of: &NodeUse, cpu: u32| of.cpus.contains(cpu) && !of.shared.contains_key(&cpu);
        both.shared.retain(|cpu, _| !has_alone(other, *cpu));
        for (cpu, jobs) in other.shared.iter().filter(|(cpu, _)| !has_alone(self, **cpu)) {
            let most = both.shared.entry(*cpu).or_default();
            *most = (*most).max(*jobs);
        }
        both.jobs = self.jobs.max(other.jobs);
        both.exclusive = self.exclusive.max(other.exclusive);
        both.same_user = self.same_user.max(other.same_user);
        both.same_label = self.same_label.max(other.same_label);
        raise(&mut both.users, &other.users);
        raise(&mut both.labels, &other.labels);
        for (partition, cpus) in &other.capped {
            let at = both.capped.iter().position(|(name, _)| name == partition).unwrap_or_else(|| {
                both.capped.push((partition.clone(), BTreeMap::new()));
                both.capped.len() - 1
            });
            for (cpu, jobs) in cpus {
                let most = both.capped[at].1.entry(*cpu).or_default();
                *most = (*most).max(*jobs);
            }
        }
        both
    }

    /// Tells whether a suspended job could go on in its share of the node, where a CPU may have so many jobs.
    pub fn has_room_for(&self, share: &NodeShare, sharers: u16) -> bool {
        let is_open = |cpu: u32| match self.shared.get(&cpu) {
            Some(jobs) => *jobs < sharers,
            None => !self.cpus.contains(cpu),
        };
        share.cpus.iter().all(is_open)
    }

    /// Tells whether the jobs on it and a new one stand each other, as far as users and labels go.
    pub fn admits(&self, user: Uid, same_user: bool, label: &Text, same_label: bool) -> bool {
        let other_users = || self.users.iter().any(|(other, _)| *other != user);
        let other_labels = || self.labels.iter().any(|(other, _)| other != label);
        !((same_user || self.same_user > 0) && other_users()
            || (same_label || self.same_label > 0) && other_labels())
    }

    /// Takes in that a share of the node has been given out.
    pub fn hand_out(&mut self, taken: Taken<'_>) {
        let share = taken.share;
        if !taken.is_suspended {
            self.cpus.add(&share.cpus);
            self.exclusive += u32::from(taken.whole);
        }
        if taken.shares_cpus && !taken.is_suspended {
            for cpu in share.cpus.iter() {
                *self.shared.entry(cpu).or_default() += 1;
            }
        }
        if let Some(partition) = taken.capped_by.filter(|_| !taken.is_suspended) {
            let at = self.capped.iter().position(|(name, _)| name == partition).unwrap_or_else(|| {
                self.capped.push((partition.clone(), BTreeMap::new()));
                self.capped.len() - 1
            });
            for cpu in share.cpus.iter() {
                *self.capped[at].1.entry(cpu).or_default() += 1;
            }
        }
        self.memory += share.memory;
        self.jobs += 1;
        self.completing += u32::from(taken.is_completing);
        self.same_user += u32::from(taken.same_user);
        self.same_label += u32::from(taken.same_label);
        match self.users.iter_mut().find(|(user, _)| *user == taken.user) {
            Some((_, jobs)) => *jobs += 1,
            None => self.users.push((taken.user, 1)),
        }
        match self.labels.iter_mut().find(|(label, _)| label == taken.label) {
            Some((_, jobs)) => *jobs += 1,
            None => self.labels.push((taken.label.clone(), 1)),
        }
        for gres in &share.gres {
            if let Some(used) = self.gres.get_mut(gres.at) {
                used.add(&gres.units);
            }
        }
    }

    /// Takes in that a share of the node has been given back.
    pub fn give_back(&mut self, taken: Taken<'_>) {
        let share = taken.share;
        if taken.is_suspended {
            // It has given them back already.
        } else if taken.shares_cpus {
            for cpu in share.cpus.iter() {
                self.give_back_shared(cpu);
            }
        } else {
            self.cpus.remove(&share.cpus);
        }
        if let Some(partition) = taken.capped_by.filter(|_| !taken.is_suspended)
            && let Some((_, cpus)) = self.capped.iter_mut().find(|(name, _)| name == partition)
        {
            for cpu in share.cpus.iter() {
                if let Some(jobs) = cpus.get_mut(&cpu) {
                    *jobs -= 1;
                }
            }
            cpus.retain(|_, jobs| *jobs > 0);
            self.capped.retain(|(_, cpus)| !cpus.is_empty());
        }
        self.memory = self.memory.saturating_sub(share.memory);
        self.jobs = self.jobs.saturating_sub(1);
        self.completing = self.completing.saturating_sub(u32::from(taken.is_completing));
        let whole = taken.whole && !taken.is_suspended;
        self.exclusive = self.exclusive.saturating_sub(u32::from(whole));
        self.same_user = self.same_user.saturating_sub(u32::from(taken.same_user));
        self.same_label = self.same_label.saturating_sub(u32::from(taken.same_label));
        if let Some((_, jobs)) = self.users.iter_mut().find(|(user, _)| *user == taken.user) {
            *jobs = jobs.saturating_sub(1);
        }
        self.users.retain(|(_, jobs)| *jobs > 0);
        if let Some((_, jobs)) = self.labels.iter_mut().find(|(label, _)| label == taken.label) {
            *jobs = jobs.saturating_sub(1);
        }
        self.labels.retain(|(_, jobs)| *jobs > 0);
        for gres in &share.gres {
            if let Some(used) = self.gres.get_mut(gres.at) {
                used.remove(&gres.units);
            }
        }
    }

    fn give_back_shared(&mut self, cpu: u32) {
        match self.shared.get_mut(&cpu) {
            Some(jobs) if *jobs > 1 => *jobs -= 1,
            _ => {
                self.shared.remove(&cpu);
                self.cpus.remove(&CpuSet::from_iter([cpu]));
            }
        }
    }
}

/// Raises each count to the other one of the same name.
fn raise<Name: Clone + PartialEq>(
    counts: &mut SmallVec<impl smallvec::Array<Item = (Name, u32)>>,
    others: &[(Name, u32)],
) {
    for (name, more) in others {
        match counts.iter_mut().find(|(own, _)| own == name) {
            Some((_, jobs)) => *jobs = (*jobs).max(*more),
            None => counts.push((name.clone(), *more)),
        }
    }
}

/// A job's share of a node, and how it stands to other jobs there.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// The share.
    pub share: &'a NodeShare,
    /// Whose job it is.
    pub user: Uid,
    /// The job has the node for itself.
    pub whole: bool,
    /// The job wants no other user's jobs beside it.
    pub same_user: bool,
    /// The security label of the job; empty for none.
    pub label: &'a Text,
    /// The job wants no job of another label beside it.
    pub same_label: bool,
    /// The job shares its CPUs with others that do.
    pub shares_cpus: bool,
    /// The partition, if it limits the CPUs its jobs may have on a node or socket.
    pub capped_by: Option<&'a Text>,
    /// The job is suspended: it keeps all but its CPUs, and does not keep others away.
    pub is_suspended: bool,
    /// The job is ending.
    pub is_completing: bool,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::NodeIndex;

    /// A node of eight CPUs that nobody has said anything about.
    pub(in crate::cluster) fn node(name: &'static str) -> Node {
        let none = Text::default;
        Node {
            name: Text::const_new(name),
            host: none(),
            address: none(),
            port: 0,
            topology: Topology { boards: 1, sockets: 1, cores: 8, threads: 1, cpus: 8 },
            memory: 1000,
            system: SystemShare::default(),
            tmp_disk: 0,
            weight: 1,
            features: Vec::new(),
            active_features: Vec::new(),
            gres: Vec::new(),
            flags: NodeFlags::default(),
            reason: none(),
            reason_at: Timestamp::EPOCH,
            reason_by: None,
            comment: none(),
            extra: none(),
            architecture: none(),
            operating_system: none(),
            booted: Timestamp::EPOCH,
            upkeep: Upkeep::default(),
        }
    }

    fn share(cpus: [u32; 2]) -> NodeShare {
        let cpus = CpuSet::from_iter(cpus);
        NodeShare { node: NodeIndex(0), cpus, memory: 0, tasks: 1, gres: SmallVec::new() }
    }

    fn taken<'a>(share: &'a NodeShare, user: u32, label: &'a Text, is_alone: bool) -> Taken<'a> {
        Taken {
            share,
            user: Uid(user),
            whole: false,
            same_user: is_alone,
            label,
            same_label: is_alone,
            shares_cpus: false,
            capped_by: None,
            is_suspended: false,
            is_completing: false,
        }
    }

    #[test]
    fn whoever_comes_later_keeps_others_away_when_a_job_of_the_same_user_goes() {
        let shares = [share([0, 1]), share([2, 3]), share([2, 3])];
        let labels = [Text::const_new("red"), Text::const_new("blue")];
        let leaves_later = taken(&shares[0], 1, &labels[0], false);
        let leaves_first = taken(&shares[1], 2, &labels[1], false);
        let comes = taken(&shares[2], 1, &labels[0], true);
        let (mut now, mut then) = (NodeUse::default(), NodeUse::default());
        [leaves_later, leaves_first].into_iter().for_each(|taken| now.hand_out(taken));
        [leaves_later, comes].into_iter().for_each(|taken| then.hand_out(taken));
        let mut both = now.or(&then);
        both.give_back(leaves_later);
        assert_eq!(both.users.iter().find(|(user, _)| *user == Uid(1)), Some(&(Uid(1), 1)));
        assert!(!both.admits(Uid(2), false, &labels[0], false), "another user");
        both.users.clear();
        assert!(!both.admits(Uid(2), false, &labels[1], false), "another label");
    }

    #[test]
    fn whoever_comes_later_counts_towards_the_cap_of_its_partition() {
        let (share, none, partition) = (share([0, 1]), Text::default(), Text::const_new("capped"));
        let mut then = NodeUse::default();
        then.hand_out(Taken { capped_by: Some(&partition), ..taken(&share, 1, &none, false) });
        assert_eq!(NodeUse::default().or(&then).capped, then.capped);
    }
}
