//! Which CPUs and which units of generic resources a job gets of a node: always the same ones in the same situation.

use super::{Demand, Placed};
use crate::cluster::{Node, NodeUse};
use crate::job::{CpuSet, GresShare, NodeShare};
use smallvec::SmallVec;

impl Demand<'_> {
    /// Gives a job its units of a node. `None` if they cannot be found after all.
    pub fn share(&self, node: &Node, in_use: &NodeUse, placed: &Placed) -> Option<NodeShare> {
        let mut gres = SmallVec::new();
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
            cpus: self.pick_cpus(node, in_use, placed)?,
            memory: placed.takes.memory,
            tasks: placed.tasks,
            gres,
        })
    }

    fn pick_cpus(&self, node: &Node, in_use: &NodeUse, placed: &Placed) -> Option<CpuSet> {
        let kept = self.kept_cpus(node);
        let mut picked = CpuSet::default();
        if placed.takes.sockets.is_empty() {
            self.pick_among(node, in_use, &kept, 0..node.topology.cpus, placed.takes.cpus, &mut picked)?;
        }
        for (socket, count) in (0..).zip(&placed.takes.sockets) {
            self.pick_among(node, in_use, &kept, node.topology.socket_cpus(socket), *count, &mut picked)?;
        }
        Some(picked)
    }

    /// Picks CPUs: whole cores nobody uses, in order, then those that the fewest share.
    fn pick_among(
        &self,
        node: &Node,
        in_use: &NodeUse,
        kept: &CpuSet,
        among: std::ops::Range<u32>,
        count: u32,
        picked: &mut CpuSet,
    ) -> Option<()> {
        let granule = node.topology.granule();
        let mut left = count;
        let mut first = among.start;
        while left > 0 && first < among.end {
            let core = first..(first + granule).min(among.end);
            first += granule;
            if core.clone().any(|cpu| in_use.cpus.contains(cpu) || kept.contains(cpu)) {
                continue;
            }
            for cpu in core.take(left as usize) {
                picked.insert(cpu);
                left -= 1;
            }
        }
        let sharers = self.cpu_sharers();
        if left > 0 && sharers > 1 {
            let open = in_use.shared.iter().filter(|(cpu, jobs)| **jobs < sharers && among.contains(cpu));
            let mut open: Vec<(u16, u32)> = open.map(|(cpu, jobs)| (*jobs, *cpu)).collect();
            open.sort_unstable();
            for (_, cpu) in open.into_iter().take(left as usize) {
                picked.insert(cpu);
                left -= 1;
            }
        }
        (left == 0).then_some(())
    }
}
