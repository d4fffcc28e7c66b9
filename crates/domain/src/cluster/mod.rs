//! The machine, or the machines, as configured: nodes, partitions, licences, limits; and how nodes and
//! partitions stand now.

mod limits;
mod made;
mod names;
mod node;
mod partition;
mod preempt;
mod scheduling;
mod switches;
mod upkeep;

pub use limits::{ExitCodes, Limits};
pub use made::{MOST_NODES, Made, MadeKind};
pub use names::{fold, unfold};

pub use crate::accounting::{Qos, QosFlags};
pub use node::{Gres, Node, NodeFlags, NodeMark, NodeUse, SystemShare, Taken, Topology};
pub use partition::{GpuDefaults, Partition, PartitionSharing, PartitionState};
pub use preempt::{PreemptMode, PreemptRules, PreemptType};
pub use scheduling::{Backfill, SchedulerType, Scheduling};
pub use switches::{Switch, Switches};
pub use upkeep::{Upkeep, read_gres};

use crate::accounting::{Books, Configured, Enforcement};
use crate::job::{Allocation, Job, JobSpec, Sharing};
use crate::priority::Rules;
use crate::who::AdminLevel;
use crate::{NodeIndex, Text, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// What is configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Cluster {
    /// The cluster's name.
    pub name: Text,
    /// The host the service runs on.
    pub host: Text,
    /// Every node; a [`NodeIndex`] is a place in this list.
    pub nodes: Vec<Node>,
    /// Every partition, in the order configured.
    pub partitions: Vec<Partition>,
    /// Licences and how many there are.
    pub licenses: BTreeMap<Text, u32>,
    /// How nodes hang on switches.
    pub switches: Switches,
    /// Accounts, users, associations and qualities of service: what is configured of them, and what became of it.
    pub books: Books,
    /// What of accounting binds jobs.
    pub enforcement: Enforcement,
    /// Who may have to make way for whom, and how.
    pub preempt: PreemptRules,
    /// How far and how deep the scheduler looks.
    pub scheduling: Scheduling,
    /// How waiting jobs are ranked.
    pub priority: Rules,
    /// Limits and waits.
    pub limits: Limits,
    /// When the service started.
    pub started: Timestamp,
}

impl Default for Cluster {
    /// Nothing but the quality of service every job has that names none.
    fn default() -> Self {
        Cluster {
            name: Text::default(),
            host: Text::default(),
            nodes: Vec::new(),
            partitions: Vec::new(),
            licenses: BTreeMap::new(),
            switches: Switches::default(),
            books: Books::configured(&Text::default(), Configured::default()),
            enforcement: Enforcement::default(),
            preempt: PreemptRules::default(),
            scheduling: Scheduling::default(),
            priority: Rules::default(),
            limits: Limits::default(),
            started: Timestamp::EPOCH,
        }
    }
}

impl Cluster {
    /// Changes what is configured of accounting, before anything else is known of it.
    pub fn configure_books(&mut self, change: impl FnOnce(&mut Configured)) {
        let mut configured = Configured::clone(self.books.configuration());
        change(&mut configured);
        self.books = Books::configured(&self.name, configured);
    }

    /// Returns the quality of service of this name; case does not matter. A job may name one that is not known: as long
    /// as accounting is not enforced it has none then (facts 2.4).
    pub fn qos(&self, name: &str) -> Option<&Qos> {
        self.books.qos_named(name).map(|qos| &**qos)
    }

    /// Returns the partition of this name; case does not matter (facts 2.8).
    pub fn partition(&self, name: &str) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.name.eq_ignore_ascii_case(name))
    }

    /// Returns the switches of the quality of service of this name; none for one that is not known.
    pub fn qos_flags(&self, name: &str) -> QosFlags {
        self.books.qos_flags(name)
    }

    /// Tells whether a partition gives a job as much time as it asks for.
    pub fn gives_time(&self, partition: &Partition, spec: &JobSpec) -> bool {
        spec.time_limit <= partition.max_time || self.qos_flags(&spec.qos).partition_time_limit
    }

    /// Returns the partition that jobs get when they name none.
    pub fn default_partition(&self) -> Option<&Partition> {
        self.partitions.iter().find(|partition| partition.is_default)
    }

    /// Returns the place of the node of this name; case matters.
    pub fn node_index(&self, name: &str) -> Option<NodeIndex> {
        let at = self.nodes.iter().position(|node| node.name == name && !node.flags.gone)?;
        u32::try_from(at).ok().map(NodeIndex)
    }

    /// Returns the places of all nodes there are by their names: for whoever looks for many of them.
    pub fn node_places(&self) -> HashMap<&str, NodeIndex> {
        let mut places = HashMap::with_capacity(self.nodes.len());
        for (index, node) in (0..).map(NodeIndex).zip(&self.nodes).filter(|(_, node)| !node.flags.gone) {
            places.entry(node.name.as_str()).or_insert(index);
        }
        places
    }

    /// Returns a node. Indexes come from this cluster's own list, so there is one unless the
    /// configuration has lost it.
    pub fn node(&self, index: NodeIndex) -> Option<&Node> {
        self.nodes.get(index.0 as usize)
    }

    /// Returns the same with other administrative states of some nodes, and with those that were made at run time. Others
    /// that it does not have are left out.
    #[must_use]
    pub fn with_marks<'a>(&self, marks: impl IntoIterator<Item = &'a NodeMark>) -> Cluster {
        let mut cluster = self.clone();
        let mut places = HashMap::with_capacity(self.nodes.len());
        for (place, node) in self.nodes.iter().enumerate() {
            places.entry(node.name.clone()).or_insert(place);
        }
        for mark in marks {
            let known = places.get(&mark.node).and_then(|place| cluster.nodes.get_mut(*place));
            match (known, &mark.upkeep.made) {
                // A node of the configuration counts more than one of the same name that was made.
                (Some(node), Some(_)) if !node.is_made() => {}
                (_, Some(made)) => {
                    let (place, before) = cluster.put_made(mark, made);
                    if let Some(before) = before.filter(|before| places.get(before) == Some(&place)) {
                        places.remove(&before);
                    }
                    let known = places.entry(mark.node.clone()).or_insert(place);
                    *known = place.min(*known);
                }
                (Some(node), None) => node.take_mark(mark),
                (None, None) => {}
            }
        }
        cluster.spread_partitions();
        cluster
    }

    /// Returns the number of the association of an account and a user; zero for none, as Slurm shows it.
    pub fn association(&self, account: &Text, user: &Text) -> u32 {
        self.books.number_of(account, user)
    }

    /// Returns the names of an allocation's nodes, folded: `n[1-3]`.
    pub fn fold_nodes(&self, allocation: &crate::job::Allocation) -> Text {
        self.fold_shares(&allocation.nodes)
    }

    /// Returns the names of the nodes of some shares, folded.
    pub fn fold_shares(&self, shares: &[crate::job::NodeShare]) -> Text {
        match shares {
            [share] => self.node(share.node).map(|node| node.name.clone()).unwrap_or_default(),
            shares => {
                fold(shares.iter().filter_map(|share| self.node(share.node)).map(|node| node.name.as_str()))
            }
        }
    }

    /// Returns the shares of an allocation with how the job stands to others on its nodes.
    pub fn taken<'a>(
        &self,
        job: &'a Job,
        allocation: &'a Allocation,
    ) -> impl Iterator<Item = Taken<'a>> + use<'a> {
        let resources = &job.spec.resources;
        let partition = self.partition(&allocation.partition);
        let same_user = resources.sharing == Sharing::SameUser
            || partition.is_some_and(|partition| partition.sharing.one_user);
        let same_label = resources.sharing == Sharing::SameLabel;
        let label = &job.spec.uncommon().mcs_label;
        let is_capped = partition.is_some_and(Partition::limits_cpus);
        let capped_by = is_capped.then_some(&allocation.partition);
        let shares_cpus = self.cpu_sharers(job, allocation) > 1;
        let (user, whole, is_suspended) = (job.spec.owner.uid, allocation.whole, job.has_given_cpus_away());
        let is_completing = matches!(job.phase, crate::job::Phase::Completing(_));
        allocation.nodes.iter().map(move |share| Taken {
            share,
            user,
            whole,
            same_user,
            label,
            same_label,
            shares_cpus,
            capped_by,
            is_suspended,
            is_completing,
        })
    }

    /// Returns how many jobs may share each CPU that a job was given: 1 for none.
    pub fn cpu_sharers(&self, job: &Job, allocation: &Allocation) -> u16 {
        let partition = self.partition(&allocation.partition).filter(|_| !allocation.whole);
        partition.map_or(1, |partition| crate::fit::cpu_sharers(partition, &job.spec.resources))
    }

    /// Returns what a user may do beyond their own jobs. `root` and the service's own user may do everything.
    pub fn level_of(&self, name: &str) -> AdminLevel {
        if name == "root" || name == self.limits.service_user {
            return AdminLevel::Administrator;
        }
        self.books.level_of(name)
    }
}
