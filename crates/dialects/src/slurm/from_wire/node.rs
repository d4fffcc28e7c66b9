//! What shall become different about nodes → an update.

use domain::Text;
use domain::service::{NodeChoice, NodeUpdate, NodeWish};
use slurm_wire::node::UpdateNodeMsg;
use slurm_wire::words::NodeState;
use slurm_wire::{Flags, NoVal, hostlist};
use std::time::Duration;

/// The original's number for "no value"; it has this meaning in the place of any 32-bit number.
const NO_VALUE: u32 = u32::MAX - 1;

/// Reads which nodes are meant: names, expressions such as `n[1-3]`, or `ALL`. What cannot be read is nobody's name.
pub(in crate::slurm) fn node_choice(names: &[Text]) -> NodeChoice {
    if let [all] = names
        && all.eq_ignore_ascii_case("ALL")
    {
        return NodeChoice::All;
    }
    let mut each: Vec<Text> = Vec::new();
    for name in names {
        let expanded = hostlist::expand(name).unwrap_or_else(|_| vec![name.clone()]);
        for name in expanded {
            // Once is enough; and no more are looked at than there can be.
            if each.len() < hostlist::MOST_HOSTS && !each.contains(&name) {
                each.push(name);
            }
        }
    }
    NodeChoice::Named(each)
}

/// Reads a change of nodes. A state nobody knows changes nothing, and is not the wish for none.
pub(in crate::slurm) fn node_update(wanted: UpdateNodeMsg, has_unknown_state: bool) -> NodeUpdate {
    let state = wanted.state.unwrap_or_default();
    let features = |list: Option<Vec<Text>>| list.filter(|features| !features.is_empty());
    NodeUpdate {
        state: if has_unknown_state && state.is_empty() { Some(NodeWish::Unreachable) } else { wish(&state) },
        reason: wanted.reason,
        resume_after: match wanted.resume_after.unwrap_or_default() {
            NoVal::Set(seconds) => Some(Duration::from_secs(seconds.into())),
            NoVal::Infinite => Some(Duration::MAX),
            NoVal::Unset => None,
        },
        comment: wanted.comment,
        extra: wanted.extra,
        weight: match wanted.weight.unwrap_or_default() {
            NoVal::Set(weight) => Some(weight),
            NoVal::Infinite => Some(u32::MAX),
            NoVal::Unset => None,
        },
        features: features(wanted.features.map(|list| list.as_slice().to_vec())),
        active_features: features(wanted.features_act.map(|list| list.as_slice().to_vec())),
        gres: wanted.gres,
        addresses: wanted.address.map(|list| expanded(list.as_slice())),
        hosts: wanted.hostname.map(|list| expanded(list.as_slice())),
        cpu_binding: wanted.cpu_bind.filter(|bind| !matches!(*bind, 0 | NO_VALUE)),
        topology: wanted.topology_str,
    }
}

fn expanded(names: &[Text]) -> Vec<Text> {
    names.iter().flat_map(|name| hostlist::expand(name).unwrap_or_else(|_| vec![name.clone()])).collect()
}

/// Of several states only those of power go together with others; `INVALID` is the original's word for none.
fn wish(state: &Flags<NodeState>) -> Option<NodeWish> {
    let has = |wanted: NodeState| state.contains(wanted);
    if state.is_empty() || has(NodeState::Invalid) {
        return None;
    }
    if has(NodeState::PowerDown) || has(NodeState::PowerUp) {
        return Some(NodeWish::Power);
    }
    let known = [
        (NodeState::Down, NodeWish::Down),
        (NodeState::Idle, NodeWish::Idle),
        (NodeState::Drain, NodeWish::Drain),
        (NodeState::Undrain, NodeWish::Undrain),
        (NodeState::Resume, NodeWish::Resume),
        (NodeState::Fail, NodeWish::Fail),
        (NodeState::Future, NodeWish::Future),
        (NodeState::NotResponding, NodeWish::NotResponding),
    ];
    let one = known.into_iter().find(|(word, _)| *state == Flags::from(*word));
    Some(one.map_or(NodeWish::Unreachable, |(_, wish)| wish))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_wishes() {
        for (state, wanted) in [
            (Flags::NONE, None),
            (NodeState::Drain.into(), Some(NodeWish::Drain)),
            ([NodeState::Drain, NodeState::Down].into(), Some(NodeWish::Unreachable)),
            ([NodeState::Invalid, NodeState::Drain].into(), None),
            ([NodeState::Down, NodeState::PowerDown].into(), Some(NodeWish::Power)),
            (NodeState::Mixed.into(), Some(NodeWish::Unreachable)),
        ] {
            assert_eq!(wish(&state), wanted, "{state:?}");
        }
    }

    #[test]
    fn choices_expand() {
        let named = |names: &[&str]| NodeChoice::Named(names.iter().map(|name| Text::from(*name)).collect());
        let text = |names: &[&str]| names.iter().map(|name| Text::from(*name)).collect::<Vec<_>>();
        assert_eq!(node_choice(&text(&["n[1-2]", "n2", "x"])), named(&["n1", "n2", "x"]));
        assert_eq!(node_choice(&text(&["all"])), NodeChoice::All);
        assert_eq!(node_choice(&text(&["n[1"])), named(&["n[1"]));
        assert_eq!(node_choice(&[]), named(&[]));
    }
}
