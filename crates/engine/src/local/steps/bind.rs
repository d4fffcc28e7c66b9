//! Binds tasks to CPUs, where CPUs are this machine's.

use domain::cluster::Topology;
use supervise::steps::BindRule;

/// The CPUs of a step on one node, and how they hang together.
pub(super) struct Seats<'a> {
    /// Numbers on the node, ascending.
    pub(super) cpus: &'a [u32],
    /// What each is called on the machine, by number on the node.
    pub(super) machine: &'a [u32],
    pub(super) topology: Topology,
    /// CPUs of each task.
    pub(super) each: u32,
    /// Tasks on the node.
    pub(super) tasks: u32,
}

impl Seats<'_> {
    /// Returns the CPUs of a task by its place on the node, as the machine calls them; `None` leaves it all.
    pub(super) fn of_task(&self, rule: &BindRule, local: u32) -> Option<Vec<u32>> {
        let bound = match rule {
            BindRule::None => return None,
            BindRule::Default if !self.is_exact() => return None,
            BindRule::MapCpu(list) => vec![*list.get(local as usize % list.len().max(1))?],
            BindRule::MaskCpu(masks) => bits(masks.get(local as usize % masks.len().max(1))?),
            BindRule::Default | BindRule::Threads | BindRule::Rank => self.named(&self.slice(local)),
            BindRule::Cores => self.named(&self.widened(&self.slice(local), self.topology.granule())),
            BindRule::Sockets => {
                let size = u32::from(self.topology.cores.max(1)).saturating_mul(self.topology.granule());
                self.named(&self.widened(&self.slice(local), size))
            }
        };
        let own = self.named(self.cpus);
        let bound: Vec<u32> = bound.into_iter().filter(|cpu| own.contains(cpu)).collect();
        // A list of CPUs that the step does not have binds nobody.
        (!bound.is_empty()).then_some(bound)
    }

    /// Whether there is a seat for each task and none is left over.
    fn is_exact(&self) -> bool {
        self.tasks.checked_mul(self.each).is_some_and(|seats| seats as usize == self.cpus.len())
    }

    /// The seats of a task, beginning anew when they run out.
    fn slice(&self, local: u32) -> Vec<u32> {
        let each = (self.each.max(1) as usize).min(self.cpus.len());
        let groups = (self.cpus.len() / each.max(1)).max(1);
        let first = (local as usize % groups) * each;
        self.cpus.get(first..first + each).unwrap_or_default().to_vec()
    }

    /// All of the step's CPUs that are in the same groups of this size.
    fn widened(&self, cpus: &[u32], size: u32) -> Vec<u32> {
        let size = size.max(1);
        let is_near = |cpu: &&u32| cpus.iter().any(|own| own / size == **cpu / size);
        self.cpus.iter().filter(is_near).copied().collect()
    }

    fn named(&self, cpus: &[u32]) -> Vec<u32> {
        cpus.iter().filter_map(|cpu| self.machine.get(*cpu as usize).copied()).collect()
    }
}

fn bits(words: &[u64]) -> Vec<u32> {
    let of_word = |(word, bits): (u32, &u64)| {
        let bits = *bits;
        (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| word * 64 + bit)
    };
    (0..).zip(words).flat_map(of_word).collect()
}
