//! Going on with another configuration: no job is lost, and what cannot change is refused.

use crate::accounting::RecordKey;
use crate::cluster::{Cluster, Limits, Node, NodeMark};
use crate::job::Job;
use crate::state::State;
use crate::{Problem, Text, Timestamp};
use std::collections::BTreeSet;

/// Returns the cluster to go on with: as it is configured now, with what was changed at run time; and what of accounting
/// the configuration has brought in.
///
/// # Errors
/// [`Problem::NeedsRestart`] says what would have to stay.
pub(super) fn successor(
    state: &State,
    next: Cluster,
    at: Timestamp,
) -> Result<(Cluster, BTreeSet<RecordKey>), Problem> {
    let now = state.cluster();
    let refuse = |what: String| Err(Problem::NeedsRestart(Text::from(what)));
    if (&next.name, &next.host) != (&now.name, &now.host) {
        return refuse("the name of the cluster".to_owned());
    }
    if next.limits.kept_changes != now.limits.kept_changes {
        return refuse("how many changes are kept".to_owned());
    }
    let receipts = |limits: &Limits| (limits.kept_receipts, limits.receipt_lifetime);
    if receipts(&next.limits) != receipts(&now.limits) {
        return refuse("how many answered submissions are remembered, and how long".to_owned());
    }
    let configured = || now.nodes.iter().filter(|node| !node.is_made());
    if next.nodes.len() != configured().count() {
        return refuse("the list of nodes".to_owned());
    }
    if let Some((node, _)) = configured().zip(&next.nodes).find(|(old, new)| !is_same_machine(old, new)) {
        return refuse(format!("what node {} is and has", node.name));
    }
    if let Some(gone) = state.jobs().iter().find_map(|job| missing_partition(job, &next)) {
        return refuse(format!("partition {gone}, which jobs are in,"));
    }
    let reserved = state.reservations().iter().map(|known| &known.partition).filter(|name| !name.is_empty());
    if let Some(gone) = reserved.into_iter().find(|name| next.partition(name).is_none()) {
        return refuse(format!("partition {gone}, which a reservation takes its nodes from,"));
    }
    let lacking = state
        .reservations()
        .iter()
        .flat_map(|known| &known.licenses)
        .find(|(name, count)| next.licenses.get(name).is_none_or(|all| all < count));
    if let Some((name, _)) = lacking {
        return refuse(format!("licence {name}, of which a reservation has more,"));
    }
    let marks: Vec<NodeMark> = now.nodes.iter().map(Node::mark).collect();
    let mut next = next.with_marks(&marks);
    next.started = now.started;
    let mut books = now.books.clone();
    let touched = books.reconfigure(next.books.configuration(), at);
    next.books = books;
    Ok((next, touched))
}

/// Jobs hold CPUs and devices by number: those must stay what they are.
fn is_same_machine(old: &Node, new: &Node) -> bool {
    let gres = |node: &Node| -> Vec<_> {
        let each = node.gres.iter();
        each.map(|gres| {
            (gres.name.clone(), gres.kind.clone(), gres.count + gres.taken_away, gres.files.clone())
        })
        .collect()
    };
    old.name == new.name
        && old.topology == new.topology
        && old.system == new.system
        && old.memory == new.memory
        && gres(old) == gres(new)
}

/// Returns a partition that a job needs and that is not there any more.
fn missing_partition(job: &Job, next: &Cluster) -> Option<Text> {
    let held = job.held_resources().map(|held| &held.partition);
    let wanted = job.spec.partitions.iter().filter(|_| !job.is_final());
    wanted.chain(held).find(|name| next.partition(name).is_none()).cloned()
}
