//! Takes note of what happens beside jobs: which nodes are out of service, what the cluster has, what becomes of
//! reservations, and who changes what in the books.

use crate::accounting::{Books, Record, RecordKey, trackables};
use crate::cluster::{Cluster, Node};
use crate::history::{Booking, Deed, Episode, Occurrence};
use crate::reservation::{Names, Reservation};
use crate::state::State;
use crate::who::Principal;
use crate::{NodeIndex, Text, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The longest list of names of a deed, bytes.
const MOST_NAMES: usize = 4 << 10;

/// Which nodes are known to be out of service, and what the cluster is known to have.
#[derive(Default)]
pub(super) struct Watch {
    /// The cluster looked at last.
    looked_at: Option<(Arc<Cluster>, Suspects)>,
    known: Known,
    /// What will be known once it is recorded.
    next: Option<Known>,
}

/// Nodes that may be out of service, and whether they were.
type Suspects = Vec<(NodeIndex, bool)>;

#[derive(Clone, Default)]
struct Known {
    cluster: Option<Episode>,
    out: BTreeMap<Text, Episode>,
}

impl Watch {
    /// Notes what is different since it was looked at last.
    pub(super) fn look(&mut self, state: &State, now: Timestamp, noted: &mut Occurrence) {
        let cluster = state.cluster();
        let is_other = match &self.looked_at {
            Some((before, _)) => !Arc::ptr_eq(before, cluster),
            None => true,
        };
        if is_other {
            let may_be_out = |node: &Node| node.flags.wants_reason() && is_counted(node);
            let nodes = cluster.nodes.iter().enumerate().filter(|(_, node)| may_be_out(node));
            let suspect = |at: usize| (NodeIndex(u32::try_from(at).unwrap_or(u32::MAX)), false);
            let suspects = nodes.map(|(at, _)| suspect(at)).collect();
            self.looked_at = Some((Arc::clone(cluster), suspects));
        }
        let Some((_, suspects)) = &mut self.looked_at else { return };
        // Of the same cluster only jobs can have changed: this is asked at every turn.
        if !is_other && suspects.iter().all(|(index, was_out)| is_out(state, *index) == *was_out) {
            return;
        }
        let mut next = Known { cluster: self.known.cluster.clone(), out: BTreeMap::new() };
        for (index, was_out) in suspects {
            *was_out = is_out(state, *index);
            if let Some(node) = cluster.node(*index).filter(|_| *was_out) {
                let episode = of_node(node, now);
                let before = self.known.out.get(&node.name).filter(|before| before.is_same(&episode));
                next.out.insert(node.name.clone(), before.cloned().unwrap_or(episode));
            }
        }
        if is_other {
            let episode = of_cluster(cluster, now);
            if self.known.cluster.as_ref().is_none_or(|before| !before.is_same(&episode)) {
                noted.cluster = Some(episode.clone());
                next.cluster = Some(episode);
            }
        }
        // With the cluster all are told: whoever reads it may know of others.
        let is_told = |one: &&Episode| noted.cluster.is_some() || self.known.out.get(&one.node) != Some(*one);
        noted.out = next.out.values().filter(is_told).cloned().collect();
        let is_back = |name: &&Text| !next.out.contains_key(*name);
        noted.back = self.known.out.keys().filter(is_back).cloned().collect();
        self.next = Some(next);
    }

    /// What was noted is recorded.
    pub(super) fn keep(&mut self) {
        if let Some(next) = self.next.take() {
            self.known = next;
        }
    }

    /// What was noted is not recorded.
    pub(super) fn forget(&mut self) {
        (self.next, self.looked_at) = (None, None);
    }
}

/// Tells whether a node that takes no jobs is out of service: one that is drained is when its last job has left it.
fn is_out(state: &State, index: NodeIndex) -> bool {
    let jobs = || state.node_use().get(index.0 as usize).map_or(0, |in_use| in_use.jobs);
    state.cluster().node(index).is_some_and(|node| node.flags.down) || jobs() == 0
}

/// Tells whether a node is one of those whose resources are counted.
fn is_counted(node: &Node) -> bool {
    !(node.flags.gone || node.flags.future || node.flags.external)
}

fn of_node(node: &Node, now: Timestamp) -> Episode {
    let mut amounts = vec![
        (Text::const_new("cpu"), u64::from(node.topology.cpus)),
        (Text::const_new("mem"), node.memory),
        (Text::const_new("node"), 1),
        (Text::const_new("billing"), u64::from(node.topology.cpus)),
    ];
    for gres in &node.gres {
        add(&mut amounts, Text::from(format!("gres/{}", gres.name)), gres.count.into());
    }
    Episode {
        node: node.name.clone(),
        start: now,
        flags: node.flags,
        reason: node.reason.clone(),
        by: node.reason_by.clone(),
        amounts,
        ..Episode::default()
    }
}

fn of_cluster(cluster: &Cluster, now: Timestamp) -> Episode {
    let nodes = cluster.nodes.iter().filter(|node| is_counted(node));
    let named = |kind: &Text, name: &Text| match name.is_empty() {
        true => kind.clone(),
        false => Text::from(format!("{kind}/{name}")),
    };
    let counted = trackables(cluster).into_iter().filter(|one| one.count > 0);
    Episode {
        nodes: crate::cluster::fold(nodes.map(|node| node.name.as_str())),
        start: now,
        reason: Text::const_new("Cluster Registered TRES"),
        amounts: counted.map(|one| (named(&one.kind, &one.name), one.count)).collect(),
        ..Episode::default()
    }
}

fn add(amounts: &mut Vec<(Text, u64)>, name: Text, amount: u64) {
    match amounts.iter_mut().find(|(known, _)| *known == name) {
        Some((_, sum)) => *sum = sum.saturating_add(amount),
        None => amounts.push((name, amount)),
    }
}

/// Describes a reservation; `None` of one that never begins.
pub(super) fn booking(reservation: &Reservation, cluster: &Cluster) -> Option<Booking> {
    if reservation.float.is_some() {
        return None;
    }
    let whole = || reservation.nodes.iter().filter(|reserved| reserved.cpus.is_none());
    let nodes = || whole().filter_map(|reserved| cluster.node(reserved.node));
    let mut amounts = vec![(Text::const_new("cpu"), u64::from(reservation.cpus(cluster)))];
    let memory = nodes().fold(0_u64, |sum, node| sum.saturating_add(node.memory));
    let amount = |name: &'static str, amount: u64| (amount > 0).then_some((Text::const_new(name), amount));
    amounts.extend(amount("mem", memory));
    amounts.extend(amount("node", whole().count() as u64));
    for (name, count) in &reservation.licenses {
        add(&mut amounts, Text::from(format!("license/{name}")), (*count).into());
    }
    for gres in nodes().flat_map(|node| &node.gres) {
        add(&mut amounts, Text::from(format!("gres/{}", gres.name)), gres.count.into());
    }
    Some(Booking {
        number: reservation.number,
        name: reservation.name.clone(),
        start: reservation.start,
        end: reservation.end,
        flags: reservation.flags,
        nodes: reservation.fold_nodes(cluster),
        users: listed(&reservation.access.users),
        accounts: listed(&reservation.access.accounts),
        amounts,
    })
}

fn listed(names: &Names) -> Text {
    let sign = if names.excluded { "-" } else { "" };
    let each: Vec<String> = names.names.iter().map(|name| format!("{sign}{name}")).collect();
    Text::from(each.join(","))
}

/// Says what somebody has changed in the books: a deed for each kind of thing and of change.
pub(super) fn deeds(
    (before, after): (&Books, &Books),
    touched: &BTreeSet<RecordKey>,
    by: &Principal,
    now: Timestamp,
) -> Vec<Deed> {
    let mut lists: BTreeMap<(&str, &str), (String, usize)> = BTreeMap::new();
    for key in touched {
        let (old, new) = (before.record(key), after.record(key));
        let verb = match (old.as_ref().filter(|one| is_there(one)), new.as_ref().filter(|one| is_there(one)))
        {
            (None, Some(_)) => "Add",
            (Some(_), None) => "Remove",
            _ => "Modify",
        };
        let Some((kind, name)) = new.or(old).and_then(|record| named(&record)) else { continue };
        let (list, more) = lists.entry((verb, kind)).or_default();
        if list.len().saturating_add(name.len()) > MOST_NAMES {
            *more += 1;
            continue;
        }
        if !list.is_empty() {
            list.push(',');
        }
        list.push_str(&name);
    }
    let deed = |((verb, kind), (mut list, more)): ((&str, &str), (String, usize))| {
        if more > 0 {
            list.push_str(&format!(" and {more} more"));
        }
        Deed {
            at: now,
            actor: by.name.clone(),
            action: Text::from(format!("{verb} {kind}")),
            place: Text::from(list),
        }
    };
    lists.into_iter().map(deed).collect()
}

fn is_there(record: &Record) -> bool {
    match record {
        Record::Account(one) => !one.life.deleted,
        Record::User(one) => !one.life.deleted,
        Record::Association(one) => !one.life.deleted,
        Record::Qos(one) => !one.life.deleted,
        Record::Wckey(one) => !one.life.deleted,
        Record::Cluster(one) => !one.life.deleted,
        Record::Imported(_) => true,
    }
}

/// Returns sacctmgr's word for a kind of thing, and what names one.
fn named(record: &Record) -> Option<(&'static str, String)> {
    Some(match record {
        Record::Account(one) => ("Accounts", one.name.to_string()),
        Record::User(one) => ("Users", one.name.to_string()),
        Record::Association(one) => {
            let place = &one.place;
            let parts = [&place.cluster, &place.account, &place.user, &place.partition];
            let parts: Vec<&str> =
                parts.into_iter().map(Text::as_str).filter(|part| !part.is_empty()).collect();
            ("Associations", parts.join("/"))
        }
        Record::Qos(one) => ("QOS", one.name.to_string()),
        Record::Wckey(one) => ("WCKeys", format!("{}/{}", one.user, one.name)),
        Record::Cluster(one) => ("Clusters", one.name.to_string()),
        Record::Imported(_) => return None,
    })
}
