//! Whether an update may make a running job smaller, and what it keeps. Slurm lets one shrink to fewer nodes, the first
//! of those it has, or to the nodes that are named; it never grows. Asked of the original case by case.

use super::ledger::Ledger;
use super::update::Update;
use crate::job::{Allocation, Change, Event, Job, Running};
use crate::{Error, NodeIndex, Problem, Text};

/// What a job keeps.
pub(super) struct Rest {
    kept: Vec<NodeIndex>,
    /// The tasks on them, where the number of nodes was asked for; whoever names nodes leaves the request as it is.
    tasks: Option<u32>,
}

impl Rest {
    /// Returns what happens to the job.
    pub(super) fn event(self, at: crate::Timestamp) -> Event {
        Event::Shrunk { at, kept: self.kept, tasks: self.tasks }
    }
}

impl Ledger<'_> {
    /// Returns what an update leaves a running job; `None` if that is all it has. Nodes that are named count before their
    /// number, as in the original.
    ///
    /// # Errors
    /// [`Problem::UnknownNode`] for nodes it does not have, and without the one where its script runs;
    /// [`Problem::BadNodeCount`] for none at all; [`Problem::NotPending`] for a range, or a number together with tasks by
    /// node; [`Problem::Unsupported`] for more than it has.
    pub(super) fn rest_of(&self, job: &Job, run: &Running, update: &Update) -> Result<Option<Rest>, Error> {
        let mut kept: Vec<NodeIndex> = run.allocation.nodes.iter().map(|share| share.node).collect();
        let all = kept.len();
        let mut tasks = None;
        for change in &update.changes {
            if let Change::RequiredNodes(names) = change {
                kept = self.named(job, &run.allocation, names)?;
            }
        }
        for change in &update.changes {
            if let Change::Nodes { min, max, .. } = change
                && let Some(count) = counted(job, kept.len(), *min, *max)?
            {
                kept.truncate(count);
                tasks = Some(tasks_on(&run.allocation, &kept));
            }
        }
        Ok((kept.len() < all).then_some(Rest { kept, tasks }))
    }

    /// Returns the nodes that are named, in the order in which the job has them; all of them where none is.
    fn named(&self, job: &Job, allocation: &Allocation, names: &[Text]) -> Result<Vec<NodeIndex>, Problem> {
        let has = |node: &NodeIndex| allocation.nodes.iter().any(|share| share.node == *node);
        let mut named = Vec::with_capacity(names.len());
        for name in names {
            let node = self.cluster().node_index(name).filter(has);
            named.push(node.ok_or_else(|| Problem::UnknownNode(name.clone()))?);
        }
        let own = || allocation.nodes.iter().map(|share| share.node);
        if named.is_empty() {
            return Ok(own().collect());
        }
        let script = own().next().filter(|_| job.runs_script());
        if let Some(first) = script.filter(|first| !named.contains(first)) {
            let name = self.cluster().node(first).map(|node| node.name.clone()).unwrap_or_default();
            return Err(Problem::UnknownNode(name));
        }
        Ok(own().filter(|node| named.contains(node)).collect())
    }
}

/// Returns to how many nodes a job shrinks that `has` so many; `None` if these are they.
fn counted(job: &Job, has: usize, min: u32, max: u32) -> Result<Option<usize>, Problem> {
    let (least, most) = (min as usize, max as usize);
    let not_pending = || Problem::NotPending(Text::const_new("nodes"));
    match (least == has, most) {
        (true, 0) => return Ok(None),
        (true, most) if most == has => return Ok(None),
        (_, 0) => {}
        (_, most) if most != least || job.spec.resources.tasks_per_node > 0 => return Err(not_pending()),
        _ => {}
    }
    match least {
        0 => Err(Problem::BadNodeCount),
        least if least > has => Err(Problem::Unsupported(Text::const_new("more nodes for a job that runs"))),
        least => Ok(Some(least)),
    }
}

fn tasks_on(allocation: &Allocation, kept: &[NodeIndex]) -> u32 {
    let shares = allocation.nodes.iter().filter(|share| kept.contains(&share.node));
    shares.map(|share| share.tasks).fold(0, u32::saturating_add).max(1)
}
