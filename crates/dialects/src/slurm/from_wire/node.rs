//! What shall become different about nodes → an update.

use domain::service::{NodeChoice, NodeUpdate, NodeWish};
use domain::{Problem, Text};
use slurm_wire::hostlist::{self, HostlistError};
use slurm_wire::list::HostlistString;
use slurm_wire::node::UpdateNodeMsg;
use slurm_wire::words::NodeState;
use slurm_wire::{Flags, NoVal};
use std::collections::HashSet;
use std::time::Duration;

/// The original's number for "no value"; it has this meaning in the place of any 32-bit number.
const NO_VALUE: u32 = u32::MAX - 1;

/// Reads which nodes are meant: names, expressions such as `n[1-3]`, or `ALL`. What cannot be read is nobody's name.
///
/// # Errors
/// There are more names than a list of hosts may have, or they stand for more.
pub(in crate::slurm) fn node_choice(names: &[Text]) -> Result<NodeChoice, Problem> {
    if let [all] = names
        && all.eq_ignore_ascii_case("ALL")
    {
        return Ok(NodeChoice::All);
    }
    // Among others it is the name of a node, as which nobody has it: nothing is done then.
    if let Some(all) = names.iter().find(|name| name.eq_ignore_ascii_case("ALL")) {
        return Err(Problem::UnknownNode(all.clone()));
    }
    let mut known = HashSet::new();
    let mut each = match hostlist::expand_all(names) {
        Ok(each) => each,
        Err((_, HostlistError::Malformed(_))) if names.len() <= hostlist::MOST_HOSTS => names.to_vec(),
        Err((list, _)) => return Err(Problem::UnknownNode(list.clone())),
    };
    each.retain(|name| known.insert(name.clone()));
    Ok(NodeChoice::Named(each))
}

/// Reads a change of nodes. A state nobody knows changes nothing, and is not the wish for none.
///
/// # Errors
/// Hosts or addresses are more than a list of hosts may have.
pub(in crate::slurm) fn node_update(
    wanted: UpdateNodeMsg,
    has_unknown_state: bool,
) -> Result<NodeUpdate, Problem> {
    let hosts = |list: Option<HostlistString>| {
        let list = list.as_ref().map(|list| hostlist::expand_all(list.as_slice()));
        list.transpose().map_err(|(list, _)| Problem::UnknownNode(list.clone()))
    };
    let state = wanted.state.unwrap_or_default();
    let features = |list: Option<Vec<Text>>| list.filter(|features| !features.is_empty());
    Ok(NodeUpdate {
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
        addresses: hosts(wanted.address)?,
        hosts: hosts(wanted.hostname)?,
        cpu_binding: wanted.cpu_bind.filter(|bind| !matches!(*bind, 0 | NO_VALUE)),
        topology: wanted.topology_str,
    })
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
    if *state == Flags::from([NodeState::Idle, NodeState::Drain]) {
        return Some(NodeWish::IdleAndDrained);
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
            ([NodeState::Idle, NodeState::Drain].into(), Some(NodeWish::IdleAndDrained)),
        ] {
            assert_eq!(wish(&state), wanted, "{state:?}");
        }
    }

    #[test]
    fn choices_expand() {
        let named =
            |names: &[&str]| Ok(NodeChoice::Named(names.iter().map(|name| Text::from(*name)).collect()));
        let text = |names: &[&str]| names.iter().map(|name| Text::from(*name)).collect::<Vec<_>>();
        assert_eq!(node_choice(&text(&["n[1-2]", "n2", "x"])), named(&["n1", "n2", "x"]));
        assert_eq!(node_choice(&text(&["all"])), Ok(NodeChoice::All));
        assert_eq!(node_choice(&text(&["n[1"])), named(&["n[1"]));
        assert_eq!(node_choice(&[]), named(&[]));
        assert_eq!(node_choice(&text(&["n1", "all"])), Err(Problem::UnknownNode("all".into())));
    }

    #[test]
    fn lists_stand_for_no_more_than_can_be_kept() {
        let list = Text::from("n[0-65535]");
        let Ok(NodeChoice::Named(all)) = node_choice(std::slice::from_ref(&list)) else { panic!("no names") };
        assert_eq!(all.len(), hostlist::MOST_HOSTS);
        let many = vec![list.clone(); 10_000];
        assert_eq!(node_choice(&many), Err(Problem::UnknownNode(list.clone())));
        let odd: Vec<Text> = (0..=hostlist::MOST_HOSTS).map(|_| Text::from("n[1")).collect();
        assert_eq!(node_choice(&odd), Err(Problem::UnknownNode("n[1".into())));
        for field in ["address", "hostname"] {
            let body = format!("{{\"{field}\":[{}]}}", vec!["\"n[0-65535]\""; 10_000].join(","));
            let body = slurm_wire::json::parse(&body).unwrap();
            let mut report = slurm_wire::Report::new(jiff::Zoned::default());
            let wanted: UpdateNodeMsg = slurm_wire::parse(&body, &mut report).unwrap();
            assert_eq!(node_update(wanted, false).err(), Some(Problem::UnknownNode(list.clone())), "{field}");
        }
    }
}
