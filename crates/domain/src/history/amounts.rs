//! How much of what is counted an attempt held. Nodes, CPUs and memory are read off its allocation at any time; the
//! names of generic resources only as long as the cluster is what it was, so those are written down at its end.

use crate::Text;
use crate::accounting::held;
use crate::accounting::tres::{self, Numbers};
use crate::cluster::Cluster;
use crate::job::{Allocation, Job};

/// How much of what is counted an attempt held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// CPUs.
    pub cpus: u64,
    /// Memory, megabytes.
    pub memory: u64,
    /// Nodes.
    pub nodes: u64,
    /// What it was charged for each second.
    pub billing: u64,
    /// The rest by name, `gres/gpu`, in the order of the names.
    pub others: Vec<(Text, u64)>,
}

/// The name under which what was charged is written down where it is not the CPUs.
const BILLING: &str = "billing";

impl Amounts {
    /// Counts an allocation; `also` is what [`Amounts::also`] told of it.
    pub fn of(allocation: &Allocation, also: &[(Text, u64)]) -> Self {
        let cpus = u64::from(allocation.cpus());
        let others = also.iter().filter(|(name, _)| name != BILLING).cloned().collect();
        let billing = also.iter().find(|(name, _)| name == BILLING).map_or(cpus, |(_, amount)| *amount);
        let memory = allocation.nodes.iter().fold(0_u64, |sum, share| sum.saturating_add(share.memory));
        Amounts { cpus, memory, nodes: allocation.nodes.len() as u64, billing, others }
    }

    /// Counts what a job holds or held.
    pub fn of_job(job: &Job, also: &[(Text, u64)]) -> Self {
        job.run().map(|run| Amounts::of(&run.allocation, also)).unwrap_or_default()
    }

    /// Puts what somebody has corrected in the place of what was counted: numbers of resources and amounts. Generic
    /// resources have no lasting numbers and stay as they were counted.
    #[must_use]
    pub fn corrected(mut self, amounts: &[(u32, u64)]) -> Self {
        for (id, amount) in amounts {
            match *id {
                tres::CPU => self.cpus = *amount,
                tres::MEMORY => self.memory = *amount,
                tres::NODE => self.nodes = *amount,
                tres::BILLING => self.billing = *amount,
                _ => {}
            }
        }
        self
    }

    /// Returns what has to be written down of an allocation, since it alone does not tell: generic resources by name,
    /// and what it is charged where that is not the CPUs.
    pub fn also(allocation: &Allocation, cluster: &Cluster) -> Vec<(Text, u64)> {
        let mut others: Vec<(Text, u64)> = Vec::new();
        for share in &allocation.nodes {
            let Some(node) = cluster.node(share.node) else { continue };
            for gres in &share.gres {
                let Some(kind) = node.gres.get(gres.at) else { continue };
                let (name, count) = (format!("gres/{}", kind.name), u64::from(gres.units.len()));
                match others.iter_mut().find(|(other, _)| *other == name) {
                    Some((_, sum)) => *sum += count,
                    None => others.push((Text::from(name), count)),
                }
            }
        }
        let weighs = cluster.partition(&allocation.partition).is_some_and(|one| !one.billing.is_empty());
        if weighs {
            let charged = held(allocation, cluster, &Numbers::of_cluster(cluster)).of(tres::BILLING);
            others.push((Text::const_new(BILLING), charged));
        }
        others.sort_unstable();
        others
    }
}
