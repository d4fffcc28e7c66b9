//! Works out priorities: what of the configuration every job's needs, counted once.

use super::{Asked, Factors, PriorityType, Rules, Tres};
use crate::cluster::{Cluster, Partition};
use crate::job::{Job, JobSpec};
use crate::{NodeIndex, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How an association stands, as accounting works it out; both zero while nobody does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// Its priority, relative to the largest unless the rules say otherwise.
    pub priority: f64,
    /// Its fair share, 0 to 1.
    pub fair_share: f64,
    /// Since when the job gains priority by waiting; `None` for as long as it could have run.
    pub since: Option<Timestamp>,
}

/// Works out priorities under one configuration.
#[derive(Clone, Debug)]
pub struct Ranking {
    cluster: Arc<Cluster>,
    cpus: f64,
    nodes: f64,
    largest_job_factor: f64,
    largest_qos: f64,
    /// How much there is of each thing that has a weight, for each partition in the order configured.
    totals: Vec<Vec<f64>>,
}

fn largest_qos(cluster: &Cluster) -> f64 {
    let living = cluster.books.all_qos().filter(|qos| !qos.life.deleted);
    f64::from(living.map(|qos| qos.priority).max().unwrap_or(0))
}

impl Ranking {
    /// Counts what there is.
    pub fn of(cluster: &Arc<Cluster>) -> Self {
        let cpus: u64 = cluster.present_nodes().map(|node| u64::from(node.topology.cpus)).sum();
        let factors = cluster.partitions.iter().map(|partition| partition.job_factor);
        let total = |partition: &Partition| {
            let weights = cluster.priority.tres.iter();
            weights.map(|weight| total(&weight.tres, cluster, &partition.nodes) as f64).collect()
        };
        Ranking {
            cpus: (cpus as f64).max(1.0),
            nodes: (cluster.present_nodes().count() as f64).max(1.0),
            largest_job_factor: f64::from(factors.max().unwrap_or(1)),
            largest_qos: largest_qos(cluster),
            totals: cluster.partitions.iter().map(total).collect(),
            cluster: Arc::clone(cluster),
        }
    }

    /// Tells whether priorities change by themselves.
    pub fn moves(&self) -> bool {
        self.rules().by == PriorityType::MultiFactor
    }

    /// Tells whether the other one gives every job the same place in each of its queues.
    pub(crate) fn ranks_like(&self, other: &Ranking) -> bool {
        let factors = |ranking: &Ranking| -> Vec<(crate::Text, u16)> {
            let partitions = ranking.cluster.partitions.iter();
            partitions.map(|partition| (partition.name.clone(), partition.job_factor)).collect()
        };
        self.rules() == other.rules() && self.totals == other.totals && factors(self) == factors(other)
    }

    /// Returns the number of the association a job is charged to; zero for none.
    pub(crate) fn association(&self, job: &Job) -> u32 {
        self.cluster.association(&job.spec.account, &job.spec.owner.name)
    }

    /// Returns the rules.
    pub fn rules(&self) -> &Rules {
        &self.cluster.priority
    }

    /// Returns the priority a job has at a time, in the partition it names first. One that an operator gave stays. Who
    /// holds a job has been looked at before.
    pub fn priority(&self, job: &Job, standing: Standing, at: Timestamp) -> u32 {
        let spec = &*job.spec;
        if let Some(priority) = spec.fixed_priority {
            return priority.max(1);
        }
        if self.rules().by == PriorityType::Basic {
            return self.basic(spec);
        }
        let worked_out = self.factors(job, spec.partition(), standing, at).priority();
        match self.rules().flags.increase_only {
            true => worked_out.max(job.priority),
            false => worked_out,
        }
    }

    /// Returns the parts of a job's priority in a partition at a time.
    pub fn factors(&self, job: &Job, partition: &str, standing: Standing, at: Timestamp) -> Factors {
        let (rules, spec) = (self.rules(), &*job.spec);
        let (partition, tres) = self.of_partition(spec, partition);
        Factors {
            age: f64::from(rules.age) * self.age(job, standing.since, at),
            association: f64::from(rules.association) * standing.priority,
            fair_share: f64::from(rules.fair_share) * standing.fair_share.clamp(0.0, 1.0),
            job_size: f64::from(rules.job_size) * self.size(spec),
            partition,
            qos: f64::from(rules.qos) * self.qos(spec),
            tres,
            site: spec.uncommon.as_deref().map_or(0.0, |uncommon| f64::from(uncommon.site_factor)),
            nice: f64::from(spec.nice),
        }
    }

    /// Returns the priority a job has in one of its partitions, given the one it has in the first; exact to one,
    /// since that one is a whole number.
    pub fn in_partition(&self, job: &Job, partition: &str) -> u32 {
        let spec = &*job.spec;
        if spec.partitions.len() < 2 || job.priority == 0 || spec.fixed_priority.is_some() || !self.moves() {
            return job.priority;
        }
        let part = |name: &str| {
            let (partition, tres) = self.of_partition(spec, name);
            partition + tres
        };
        let moved = f64::from(job.priority) + part(partition) - part(spec.partition());
        (moved as u32).max(1)
    }

    fn basic(&self, spec: &JobSpec) -> u32 {
        let base = i64::from(self.cluster.limits.base_priority) - i64::from(spec.nice);
        u32::try_from(base.max(1)).unwrap_or(u32::MAX)
    }

    fn age(&self, job: &Job, since: Option<Timestamp>, at: Timestamp) -> f64 {
        let always = self.rules().flags.accrue_always;
        let since = since.unwrap_or(if always { job.submitted } else { job.eligible });
        let waited = at.since(since).as_secs() as f64;
        let most = self.rules().max_age.as_secs().max(1) as f64;
        (waited / most).min(1.0)
    }

    /// Returns a job's part of the cluster: the mean of its parts of CPUs and nodes; relative to its time limit the
    /// greater of the two (seen on a Slurm; its manual speaks of CPUs alone).
    fn size(&self, spec: &JobSpec) -> f64 {
        let asked = Asked::by(spec);
        let cpus = (f64::from(asked.cpus) / self.cpus).min(1.0);
        let nodes = (f64::from(asked.nodes) / self.nodes).min(1.0);
        let part = match self.rules().flags.small_relative_to_time {
            true => cpus.max(nodes) / self.minutes(spec),
            false => f64::midpoint(cpus, nodes),
        };
        if self.rules().favor_small { 1.0 - part } else { part }
    }

    fn minutes(&self, spec: &JobSpec) -> f64 {
        const YEAR: u32 = 365 * 24 * 60;
        let limit = spec.time_limit.minutes().or_else(|| {
            let partition = self.cluster.partition(spec.partition())?;
            partition.max_time.minutes()
        });
        f64::from(limit.unwrap_or(YEAR).max(1))
    }

    fn qos(&self, spec: &JobSpec) -> f64 {
        let priority = self.cluster.qos(&spec.qos).map_or(0.0, |qos| f64::from(qos.priority));
        match self.rules().flags.plain_qos {
            true => priority,
            false if self.largest_qos > 0.0 => priority / self.largest_qos,
            false => 0.0,
        }
    }

    /// Returns what a partition adds to a job's priority: by its job factor, and for what the job asks for of what it
    /// has.
    fn of_partition(&self, spec: &JobSpec, name: &str) -> (f64, f64) {
        let mut named = self.cluster.partitions.iter().zip(&self.totals);
        let Some((partition, totals)) = named.find(|(partition, _)| partition.name == name) else {
            return (0.0, 0.0);
        };
        let factor = f64::from(partition.job_factor);
        let factor = match self.rules().flags.plain_partition {
            true => factor,
            false if self.largest_job_factor > 0.0 => factor / self.largest_job_factor,
            false => 0.0,
        };
        (f64::from(self.rules().partition) * factor, self.tres(spec, partition, totals))
    }

    fn tres(&self, spec: &JobSpec, partition: &Partition, totals: &[f64]) -> f64 {
        let asked = Asked::by(spec);
        let parts = self.rules().tres.iter().zip(totals).map(|(weight, total)| {
            let amount = asked.amount(&weight.tres, &self.cluster, partition) as f64;
            match self.rules().flags.plain_tres {
                true => weight.weight * amount,
                false if *total > 0.0 => weight.weight * (amount / total).min(1.0),
                false => 0.0,
            }
        });
        parts.sum()
    }
}

/// Returns how much of one thing some nodes have; of licences, how many there are.
fn total(tres: &Tres, cluster: &Cluster, nodes: &[NodeIndex]) -> u64 {
    let distinct: BTreeSet<&NodeIndex> = nodes.iter().collect();
    let nodes = || distinct.iter().filter_map(|index| cluster.node(**index));
    match tres {
        Tres::Cpu => nodes().map(|node| u64::from(node.topology.cpus)).sum(),
        Tres::Memory => nodes().map(|node| node.memory).fold(0, u64::saturating_add),
        Tres::Node => nodes().count() as u64,
        Tres::Gres { name, kind } => nodes()
            .flat_map(|node| &node.gres)
            .filter(|gres| gres.name == *name && (kind.is_empty() || gres.kind == *kind))
            .map(|gres| u64::from(gres.count))
            .sum(),
        Tres::License(name) => cluster.licenses.get(name).copied().unwrap_or(0).into(),
    }
}
