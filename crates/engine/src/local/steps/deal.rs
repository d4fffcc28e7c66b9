//! Deals tasks out to nodes: how many each gets, and which.

use supervise::steps::Distribution;

/// Returns how many of `tasks` each node gets; `room` says how many it can take. Each node gets one at least, where
/// there are enough. More than there is room for are dealt out evenly if that is fine.
pub(super) fn deal(tasks: u32, room: &[u32], distribution: Distribution, overcommit: bool) -> Vec<u32> {
    let nodes = u32::try_from(room.len()).unwrap_or(u32::MAX).max(1);
    if overcommit {
        // Without a limit there is nothing to fill; the first ones get what is left over.
        let (each, more) = (tasks / nodes, tasks % nodes);
        return (0..nodes).map(|place| each + u32::from(place < more)).collect();
    }
    let mut counts = vec![0; room.len()];
    let mut left = tasks;
    // One for each, then the rest.
    for (count, room) in counts.iter_mut().zip(room).filter(|(_, room)| **room > 0) {
        if left > 0 {
            *count = 1.min(*room);
            left -= 1;
        }
    }
    let turn = match resolved(distribution, tasks, nodes) {
        Distribution::Cyclic => 1,
        Distribution::Plane(size) => size.max(1),
        Distribution::Block | Distribution::Default => u32::MAX,
    };
    while left > 0 {
        let before = left;
        for (count, room) in counts.iter_mut().zip(room) {
            let more = left.min(room.saturating_sub(*count)).min(turn);
            *count += more;
            left -= more;
        }
        if left == before {
            break;
        }
    }
    counts
}

/// Returns the node of each task in order, given how many each node has.
pub(super) fn ranks(counts: &[u32], distribution: Distribution) -> Vec<u32> {
    let tasks: u32 = counts.iter().sum();
    let turn = match resolved(distribution, tasks, u32::try_from(counts.len()).unwrap_or(1)) {
        Distribution::Cyclic => 1,
        Distribution::Plane(size) => size.max(1),
        Distribution::Block | Distribution::Default => u32::MAX,
    };
    let mut left = counts.to_vec();
    let mut nodes = Vec::with_capacity(tasks as usize);
    while nodes.len() < tasks as usize {
        for (place, left) in (0..).zip(&mut left) {
            let here = (*left).min(turn);
            nodes.extend(std::iter::repeat_n(place, here as usize));
            *left -= here;
        }
    }
    nodes
}

/// What is done where nothing was said: a task for each node goes round, more fill node after node.
pub(super) fn resolved(distribution: Distribution, tasks: u32, nodes: u32) -> Distribution {
    match distribution {
        Distribution::Default if tasks <= nodes => Distribution::Cyclic,
        Distribution::Default => Distribution::Block,
        distribution => distribution,
    }
}
