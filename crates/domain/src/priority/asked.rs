//! What a job asks for in numbers, before anybody knows which nodes it will get: the least that will do.

use super::Tres;
use crate::cluster::{Cluster, Partition};
use crate::job::{JobSpec, Memory, Per};

/// What a job asks for at least.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Asked<'a> {
    spec: &'a JobSpec,
    /// CPUs in all.
    pub cpus: u32,
    /// Nodes.
    pub nodes: u32,
}

impl<'a> Asked<'a> {
    /// Looks at a request.
    pub fn by(spec: &'a JobSpec) -> Self {
        let resources = &spec.resources;
        Asked { spec, cpus: resources.least_cpus(), nodes: resources.min_nodes.max(1) }
    }

    /// Returns how much of one thing it asks for in a partition; memory in megabytes.
    pub fn amount(&self, tres: &Tres, cluster: &Cluster, partition: &Partition) -> u64 {
        match tres {
            Tres::Cpu => self.cpus.into(),
            Tres::Node => self.nodes.into(),
            Tres::Memory => self.memory(cluster, partition),
            Tres::Gres { name, kind } => self.gres(name, kind),
            Tres::License(name) => {
                let wanted = self.spec.resources.licenses.iter().filter(|(license, _)| license == name);
                wanted.map(|(_, count)| u64::from(*count)).sum()
            }
        }
    }

    fn memory(&self, cluster: &Cluster, partition: &Partition) -> u64 {
        let (cpus, nodes) = (u64::from(self.cpus), u64::from(self.nodes));
        let largest = || {
            let nodes = partition.nodes.iter().filter_map(|index| cluster.node(*index));
            nodes.map(|node| node.memory).max().unwrap_or(0)
        };
        match self.spec.resources.memory {
            Memory::PerNode(0) => nodes.saturating_mul(largest()),
            Memory::PerNode(memory) => nodes.saturating_mul(memory),
            Memory::PerCpu(memory) => cpus.saturating_mul(memory),
            Memory::Default => match (partition.default_memory_per_cpu, partition.default_memory_per_node) {
                (Some(memory), _) => cpus.saturating_mul(memory),
                (None, Some(memory)) => nodes.saturating_mul(memory),
                (None, None) => nodes.saturating_mul(largest()),
            },
        }
    }

    fn gres(&self, name: &str, kind: &str) -> u64 {
        let resources = &self.spec.resources;
        let nodes = u64::from(self.nodes);
        let matching =
            resources.gres.iter().filter(|gres| gres.name == name && (kind.is_empty() || gres.kind == kind));
        let counts = matching.map(|gres| {
            let times = match gres.per {
                Per::Job => 1,
                Per::Node => nodes,
                Per::Socket => nodes.saturating_mul(u64::from(resources.sockets_per_node.max(1))),
                Per::Task => u64::from(resources.task_count()),
            };
            gres.count.saturating_mul(times)
        });
        counts.fold(0, u64::saturating_add)
    }
}
